"""What people do, are and own that says nothing about what they think: the more of it, the less a model can learn it
by heart, and the sooner it learns that a denial belongs to its own clause.
"""

import random


def _pairs(text: str) -> list[tuple[str, str]]:
    """`take/took` … → (take, took); one form for both where there is no stroke; `+` is a space."""
    words = (word.replace("+", " ").partition("/") for word in text.split())
    return [(base, past or base) for base, _, past in words]


VERBS = _pairs(
    """see/saw visit/visited read buy/bought bring/brought order/ordered watch/watched use/used check/checked
    open/opened
    close/closed carry/carried move/moved count/counted send/sent share/shared rent/rented borrow/borrowed pack/packed
    print/printed wash/washed park/parked photograph/photographed touch/touched notice/noticed mention/mentioned
    remember/remembered study/studied follow/followed hold/held choose/chose keep/kept wear/wore sign/signed
    translate/translated measure/measured paint/painted build/built cross/crossed pass/passed change/changed find/found
    book/booked take/took need/needed know/knew own/owned meet/met call/called draw/drew lift/lifted record/recorded"""
)
OBJECTS = [
    phrase.replace("+", " ")
    for phrase in """the+map the+lake a+room the+second+room a+ticket the+newspaper the+box the+door the+window
    the+stairs
    two+bags the+address the+number the+bill the+menu a+letter the+bridge the+museum the+garden the+station an+umbrella
    the+car a+bicycle the+camera a+towel the+keys the+poster the+calendar the+first+chapter the+sequel
    the+original+version
    the+neighbors my+cousin the+manager the+driver the+other+version the+left+side a+sandwich the+salad the+red+wine
    the+cable the+charger the+receipt my+coat the+author the+book the+plan the+list a+taxi a+table the+elevator the+pool
    any+photos any+tickets anything anyone any+coffee any+bread the+name+of+the+street the+cook's+name
    the+trailer""".split()
]
ALONE = _pairs(
    """live+nearby/lived+nearby live+in+the+city/lived+in+the+city drive+there/drove+there walk+home/walked+home
    stand+in+line/stood+in+line stay+long/stayed+long come+alone/came+alone come+with+friends/came+with+friends
    travel+much/traveled+much eat+meat/ate+meat drink+coffee/drank+coffee drink+alcohol/drank+alcohol
    speak+italian/spoke+italian smoke/smoked dance/danced swim/swam wait+outside/waited+outside pay+in+cash/paid+in+cash
    sleep+late/slept+late work+on+sundays/worked+on+sundays have+a+car/had+a+car have+children/had+children
    go+by+train/went+by+train go+out/went+out sit+outside/sat+outside look+at+the+clock/looked+at+the+clock
    talk+to+anyone/talked+to+everyone ask+about+it/asked+about+it think+about+the+date/thought+about+the+date
    grow+up+here/grew+up+here arrive+early/arrived+early leave+before+ten/left+before+ten cook+at+home/cooked+at+home
    call+ahead/called+ahead play+chess/played+chess study+music/studied+music own+a+television/owned+a+television
    take+notes/took+notes plan+to+stop+there/planned+to+stop+there get+the+first+joke/got+the+first+joke"""
)
WHEN = [
    "",
    "",
    "",
    "",
    "on monday",
    "last week",
    "this time",
    "that day",
    "in the morning",
    "before lunch",
    "by ourselves",
]
STATES = [
    phrase.replace("+", " ")
    for phrase in """from+here from+around+here alone in+a+hurry in+town there+on+monday at+home on+holiday
    a+regular students
    with+the+children hungry+at+the+time the+first+in+line on+the+list part+of+a+group on+business
    far+from+home""".split()
]
TRAITS = [
    phrase.replace("+", " ")
    for phrase in """far near new old local open+on+sundays open+late big small round red french italian mine ours
    the+first
    the+last from+this+year in+the+center on+the+corner for+children made+of+wood part+of+a+chain in+english on+the+list
    what+we+ordered the+one+in+the+picture the+original from+the+book next+to+the+station on+television long
    short""".split()
]


def act(rng: random.Random) -> tuple[str, str]:
    """Something people do: `book a table on monday`, `booked a table on monday`."""
    when = rng.choice(WHEN)
    if rng.random() < 0.35:
        base, past = rng.choice(ALONE)
    else:
        verb, thing = rng.choice(VERBS), rng.choice(OBJECTS)
        base, past = f"{verb[0]} {thing}", f"{verb[1]} {thing}"
    return f"{base} {when}".rstrip(), f"{past} {when}".rstrip()
