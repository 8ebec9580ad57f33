"""The words of the negation grammar: subjects, polar words, and neutral things that may be denied.

All written for this project.  A polar list is a pair (good, bad).  Every fifth word of each list is held out: no
generated sentence that holds a negator holds one of them, so that what the model learns of `not` can be tested
on words that it never saw denied.
"""

from dataclasses import dataclass


def _words(text: str) -> tuple[str, ...]:
    """Entries stand between blanks; a + stands for a blank within one."""
    return tuple(word.replace("+", " ") for word in text.split())


@dataclass(frozen=True)
class Polar:
    """Words of one kind, good and bad."""

    good: tuple[str, ...]
    bad: tuple[str, ...]

    def side(self, label: int) -> tuple[str, ...]:
        """The good words for label 1, the bad ones for 0."""
        return self.good if label else self.bad


@dataclass(frozen=True)
class Domain:
    """What sentences are about.  one, many: nouns; adjectives: those that fit these nouns alone."""

    one: tuple[str, ...]
    many: tuple[str, ...]
    adjectives: Polar


def polar(good: str, bad: str) -> Polar:
    """Two lists of blank-separated words."""
    return Polar(_words(good), _words(bad))


ADJECTIVES = polar(
    """good great nice excellent wonderful amazing fantastic superb lovely brilliant terrific outstanding decent perfect
    marvelous fine impressive remarkable enjoyable delightful pleasant exceptional awesome fabulous magnificent splendid
    satisfying charming memorable special top-notch first-rate flawless stunning solid admirable rewarding sensational
    beautiful incredible refreshing worthwhile extraordinary phenomenal glorious stellar""",
    """bad terrible awful poor horrible disappointing mediocre dreadful unpleasant lousy miserable annoying atrocious
    pathetic disgusting worthless useless appalling abysmal inferior frustrating unacceptable ridiculous shoddy lame
    horrendous weak ugly hopeless dismal nasty irritating forgettable embarrassing depressing pointless laughable
    disastrous unbearable tedious unimpressive painful wretched dire shameful tiresome""",
)
DOMAINS = {
    "restaurant": Domain(
        _words(
            """restaurant food meal dinner lunch breakfast soup pizza steak burger salad dessert cake coffee wine menu
            bread chicken fish sauce curry place+on+the+corner cafe bakery bar bistro diner buffet kitchen pasta brunch
            seafood tea beer"""
        ),
        _words("fries dishes drinks starters portions noodles tacos desserts vegetables pancakes cocktails sandwiches"),
        polar(
            "delicious tasty fresh flavorful yummy mouthwatering appetizing tender juicy savory",
            "bland stale greasy soggy overcooked tasteless inedible rancid burnt flavorless",
        ),
    ),
    "film": Domain(
        _words(
            """film movie story plot script acting ending dialogue comedy drama thriller documentary sequel soundtrack
            cast performance first+half book novel series show play episode album song concert musical opening+scene
            remake direction cinematography adaptation"""
        ),
        _words("characters scenes jokes performances songs stunts chapters actors episodes lyrics costumes"),
        polar(
            """funny touching gripping clever moving witty entertaining original compelling hilarious engaging thrilling
            inspired poignant fascinating absorbing heartwarming exciting riveting captivating""",
            """boring dull predictable silly stupid shallow pretentious contrived lifeless cliched incoherent flat slow
            unfunny tired sloppy clumsy overlong amateurish dreary""",
        ),
    ),
    "product": Domain(
        _words(
            """phone camera laptop battery screen printer app software tablet keyboard speaker vacuum player router
            headset watch design packaging charger picture+quality sound+quality microwave jacket mattress bike toaster
            backpack monitor game update website"""
        ),
        _words("headphones shoes controls buttons instructions photos menus speakers batteries features gloves"),
        polar(
            "reliable sturdy useful durable handy intuitive comfortable efficient well-made affordable",
            "defective flimsy unreliable faulty cheaply+made cumbersome uncomfortable buggy overpriced unusable",
        ),
    ),
    "person": Domain(
        _words(
            """waiter waitress chef manager staff owner receptionist driver doctor teacher nurse service bartender guide
            director host salesman mechanic crew team lawyer dentist barber hostess lecturer plumber landlord cashier"""
        ),
        _words(
            "waiters servers teachers people+at+the+desk guides nurses managers players neighbors technicians hosts"
        ),
        polar(
            "friendly helpful polite attentive kind courteous competent professional generous welcoming gracious",
            "rude unfriendly arrogant careless incompetent unhelpful lazy impolite dishonest hostile obnoxious",
        ),
    ),
    "place": Domain(
        _words(
            """hotel room beach museum city neighborhood park flight airline train tour trip holiday view garden lobby
            pool gym apartment office class course lesson weather bathroom campsite festival castle shop market party
            ferry evening atmosphere location"""
        ),
        _words("rooms beds gardens streets views seats shops classes trains beaches excursions lectures"),
        polar(
            "cozy peaceful spotless relaxing clean spacious inviting safe elegant picturesque",
            "dirty noisy filthy cramped smelly shabby chaotic gloomy run-down dangerous",
        ),
    ),
}
FEELINGS = polar(
    "happy pleased satisfied impressed delighted thrilled amused content excited charmed",
    "unhappy disappointed annoyed bored upset angry dissatisfied frustrated disgusted irritated",
)
NOUNS = polar(  # things there may be much of, or none of
    """charm flavor humor warmth style talent quality substance wit energy imagination suspense elegance originality
    heart depth merit""",
    """flaws problems mistakes faults complaints delays defects errors weaknesses issues regrets rudeness boredom
    clumsiness sloppiness nonsense drawbacks""",
)
VERDICTS = polar(  # what a thing may turn out to be
    "masterpiece gem delight triumph treat success pleasure joy bargain winner hit highlight",
    "disaster mess failure disappointment bore nightmare rip-off letdown flop waste+of+time joke ripoff",
)
FOND = polar(  # what people may do about a thing
    "like love enjoy recommend admire trust appreciate adore praise respect",
    "hate dislike regret detest despise resent loathe criticize mistrust deplore",
)
EFFECTS = polar(  # what a thing may do
    "impress please amuse satisfy enchant captivate shine entertain succeed inspire convince excel",
    "disappoint annoy bore fail irritate disgust frustrate suffer offend depress upset struggle",
)
COMPARED = polar(
    "better finer nicer lovelier funnier kinder tastier friendlier sweeter cleverer",
    "worse uglier slower duller ruder sillier dirtier nastier crueler poorer",
)
OPINIONS = polar("a+fan impressed sold convinced in+love", "let+down put+off turned+off bothered disturbed")

POLAR = (ADJECTIVES, FEELINGS, NOUNS, VERDICTS, FOND, EFFECTS, COMPARED, *(d.adjectives for d in DOMAINS.values()))
HELD_OUT = frozenset(word for table in POLAR for side in (table.good, table.bad) for word in side[4::5])


def taught() -> frozenset[str]:
    """The polar words that training may deny."""
    return frozenset(word for table in POLAR for side in (table.good, table.bad) for word in side) - HELD_OUT


DETERMINERS_ONE = _words("the the the this this that our my their your")
DETERMINERS_MANY = _words("the the the these those our my their your")
PEOPLE = _words(
    """i we you they my+wife my+husband our+friends my+kids the+guests my+sister everyone+at+our+table my+brother
    people most+visitors my+parents the+critics the+children our+group a+colleague the+customers"""
)
FAMILY = _words("my+wife my+husband my+sister my+brother a+colleague a+friend+of+mine my+mother the+neighbor")
DEGREES = _words("very really so particularly especially that all+that exactly remotely quite")
STRONGER = _words("very really so quite pretty truly extremely absolutely rather incredibly remarkably simply totally")
OPENERS = _words(
    """honestly overall frankly personally in+my+opinion to+be+fair i+must+say in+the+end all+in+all as+always for+me
    this+time for+once to+be+honest in+short then+again on+the+whole well yes of+course like+last+year look and so"""
)
CLOSERS = _words(
    """today last+night if+you+ask+me this+time for+us yesterday in+my+opinion again last+week i+think to+be+honest
    for+me on+sunday as+far+as+i+can+tell in+the+end when+we+were+there from+start+to+finish that+evening"""
)
ASIDES = _words(
    """in+my+opinion despite+what+people+told+us for+most+of+the+evening as+far+as+i+know to+my+mind after+all
    contrary+to+what+i+had+read even+on+a+second+visit as+my+sister+said by+any+standard when+all+is+said+and+done"""
)

# Neutral, whether said or denied: verb phrases (base, past), and things that may be there or not.
NEUTRAL_ACTS = tuple(
    (pair.split("|")[0], pair.split("|")[1])
    for pair in _words(
        """book+a+table|booked+a+table live+nearby|lived+nearby order+dessert|ordered+dessert pay+by+card|paid+by+card
        take+the+bus|took+the+bus read+the+manual|read+the+manual bring+the+kids|brought+the+kids
        know+the+author|knew+the+author sit+outside|sat+outside visit+on+a+monday|visited+on+a+monday
        speak+french|spoke+french own+a+car|owned+a+car stay+for+the+credits|stayed+for+the+credits
        drink+wine|drank+wine eat+meat|ate+meat watch+the+trailer|watched+the+trailer see+the+owner|saw+the+owner
        use+the+pool|used+the+pool call+ahead|called+ahead travel+alone|traveled+alone take+pictures|took+pictures
        open+the+second+box|opened+the+second+box try+the+fish|tried+the+fish arrive+early|arrived+early
        stay+overnight|stayed+overnight meet+the+director|met+the+director need+a+map|needed+a+map
        buy+tickets+online|bought+tickets+online wear+a+tie|wore+a+tie go+upstairs|went+upstairs
        ask+for+the+menu|asked+for+the+menu plan+the+trip+ourselves|planned+the+trip+ourselves
        see+the+first+part|saw+the+first+part rent+a+car|rented+a+car work+there|worked+there
        leave+before+ten|left+before+ten change+the+settings|changed+the+settings finish+the+book|finished+the+book"""
    )
)
NEUTRAL_THINGS = _words(
    """music+in+the+lobby parking+lot television printed+menu live+band second+floor elevator terrace ticket+office
    other+guests+that+night sign+outside children's+menu bus+after+midnight entrance+fee waiting+list subtitles manual
    reservation dress+code pool+table window+seat gift+shop trailer intermission color+version bar+downstairs rain"""
)
CHOSEN = _words(  # what people may do about a thing without judging it
    "order pick choose see+in+the+brochure find+on+the+map ask+for pay+for+ourselves read+about plan+for visit+in+may"
)
LEADS = tuple(  # denied and affirmed twins that say nothing about what follows
    tuple(pair.split("|"))
    for pair in _words(
        """not+far+from+the+station|close+to+the+station not+long+ago|a+while+ago not+being+from+here|being+from+here
        no+matter+when+you+go|whenever+you+go whether+or+not+it+rains|when+it+rains
        for+no+particular+reason|for+some+reason not+for+the+first+time|for+the+first+time
        no+later+than+noon|by+noon without+a+reservation|with+a+reservation without+a+car|with+a+car
        without+reading+the+manual|after+reading+the+manual no+more+than+an+hour+away|about+an+hour+away
        not+knowing+the+area|knowing+the+area with+no+plan+at+all|with+a+plan"""
    )
)
