"""What fills the slots of a pattern: words that agree with one another, of one domain and one polarity."""

import random
from collections.abc import Callable

from glassformer.train import lexicon as words
from glassformer.train import neutral

IRREGULAR = {"upset": "upset", "shine": "shone", "excel": "excelled", "regret": "regretted"}
NEGATIONS = {
    "is": "isn't",
    "was": "wasn't",
    "are": "aren't",
    "were": "weren't",
    "does": "doesn't",
    "do": "don't",
    "did": "didn't",
    "has": "hasn't",
    "had": "hadn't",
    "have": "haven't",
    "would": "wouldn't",
}
MANY_PEOPLE = {
    "we",
    "you",
    "they",
    "our friends",
    "my kids",
    "people",
    "most visitors",
    "the guests",
    "my parents",
    "the critics",
    "the children",
    "the customers",
}
PRONOUNS = ("it", "it", "it", "this", "that", "everything")


class Clause(dict):
    """The slots of one pattern, filled as they are asked for; a slot asked for twice is the same both times."""

    def __init__(self, rng: random.Random, polarity: int, pool: frozenset[str] | None):
        """polarity: 1 good, 0 bad; pool: the polar words allowed, all of them when None."""
        super().__init__()
        self.rng, self.polarity, self.pool = rng, polarity, pool
        self.domain = rng.choice(list(words.DOMAINS.values()))
        self.past = rng.random() < 0.6
        self.many = rng.random() < 0.25

    def __missing__(self, slot: str) -> str:
        self[slot] = SLOTS[slot](self)
        return self[slot]

    def polar(self, table: words.Polar, opposite: bool = False) -> str:
        """A word of the clause's polarity, or of the opposite one."""
        side = self.polarity != opposite
        return self.rng.choice([word for word in table.side(side) if self.pool is None or word in self.pool])

    def adjective(self, opposite: bool = False) -> str:
        """An adjective that fits what the clause is about."""
        special = self.domain.adjectives.side(self.polarity != opposite)
        suits = any(self.pool is None or word in self.pool for word in special)
        return self.polar(self.domain.adjectives if suits and self.rng.random() < 0.35 else words.ADJECTIVES, opposite)

    def subject(self, plain: bool = False) -> str:
        """Somebody's something; now and then a mere pronoun."""
        if not self.many and not plain and self.rng.random() < 0.15:
            return self.rng.choice(PRONOUNS)
        if self.many:
            return f"{self.rng.choice(words.DETERMINERS_MANY)} {self.rng.choice(self.domain.many)}"
        return f"{self.rng.choice(words.DETERMINERS_ONE)} {self.rng.choice(self.domain.one)}"

    def verb(self, present_one: str, present_many: str, past: str) -> str:
        """The form that agrees with the subject."""
        return past if self.past else present_many if self.many else present_one

    def act(self) -> tuple[str, str]:
        """Something people do that judges nothing, as it is and as it was."""
        return self.rng.choice(words.NEUTRAL_ACTS) if self.rng.random() < 0.2 else neutral.act(self.rng)

    def one(self, choices: str) -> str:
        """One of several, which stand between bars."""
        return self.rng.choice(choices.split("|"))


def denied(rng: random.Random, auxiliary: str) -> str:
    """`was` → `was not`, `wasn't`, `was n't` or `wasnt`."""
    short = NEGATIONS[auxiliary]
    long = f"{auxiliary} not"
    return rng.choice((long, long, long, long, short, short, short, f"{auxiliary} n't", short.replace("'", "")))


def past(verb: str) -> str:
    """`impress` → `impressed`."""
    return IRREGULAR.get(verb) or (
        verb + "d" if verb.endswith("e") else verb[:-1] + "ied" if verb[-2:] == "fy" else verb + "ed"
    )


def gerund(phrase: str) -> str:
    """`take the bus` → `taking the bus`."""
    verb, _, rest = phrase.partition(" ")
    stem = verb[:-1] if verb[-1] == "e" and verb[-2] != "e" else verb + verb[-1] if verb in ("sit", "plan") else verb
    return f"{stem}ing {rest}".strip()


def _article(phrase: str) -> str:
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def _was(clause: Clause) -> str:
    return "were" if clause["we"] in MANY_PEOPLE else "was"


def _seems(clause: Clause) -> str:
    return clause.rng.choice([clause.verb(f"{verb}s", verb, past) for verb, past in SEEMING])


SEEMING = (("seem", "seemed"), ("look", "looked"), ("feel", "felt"), ("sound", "sounded"))
Slot = Callable[[Clause], str]
SLOTS: dict[str, Slot] = {
    "X": lambda c: c.subject(),
    "x": lambda c: c.subject(plain=True),
    "noun": lambda c: c.rng.choice(c.domain.one),
    "nouns": lambda c: c.rng.choice(c.domain.many),
    "this": lambda c: c.one("this|it|that|ours|theirs"),
    "many": lambda c: c.one("many|a lot of|dozens of|some"),
    "good": lambda c: c.adjective(),
    "good2": lambda c: c.adjective(),
    "bad": lambda c: c.adjective(opposite=True),
    "bad2": lambda c: c.adjective(opposite=True),
    "a_good": lambda c: _article(c.adjective()),
    "charm": lambda c: c.polar(words.NOUNS),
    "charm2": lambda c: c.polar(words.NOUNS),
    "gem": lambda c: _article(c.polar(words.VERDICTS)),
    "mess": lambda c: _article(c.polar(words.VERDICTS, opposite=True)),
    "like": lambda c: c.polar(words.FOND),
    "liked": lambda c: past(c.polar(words.FOND)),
    "hated": lambda c: past(c.polar(words.FOND, opposite=True)),
    "impress": lambda c: c.polar(words.EFFECTS),
    "impressed": lambda c: past(c.polar(words.EFFECTS)),
    "impressed2": lambda c: past(c.polar(words.EFFECTS)),
    "happy": lambda c: c.polar(words.FEELINGS),
    "better": lambda c: c.polar(words.COMPARED),
    "is": lambda c: c.verb("is", "are", "were" if c.many else "was"),
    "is1": lambda c: "was" if c.past else "is",
    "isnt": lambda c: denied(c.rng, c["is"]),
    "isnt1": lambda c: denied(c.rng, c["is1"]),
    "doesnt": lambda c: denied(c.rng, c.verb("does", "do", "did")),
    "didnt": lambda c: denied(c.rng, "did"),
    "didnt1": lambda c: "did not",
    "dont": lambda c: denied(c.rng, "do"),
    "wouldnt": lambda c: denied(c.rng, "would"),
    "werent": lambda c: denied(c.rng, _was(c)),
    "were": _was,
    "have": lambda c: "have" if c["we"] in MANY_PEOPLE | {"i"} else "has",
    "has": lambda c: c.verb("has", "have", "had"),
    "hasnt": lambda c: (
        denied(c.rng, "did") + " have" if c.past else denied(c.rng, "do" if c.many else "does") + " have"
    ),
    "seems": _seems,
    "hardly": lambda c: c.one("hardly|hardly|barely|scarcely|rarely|seldom"),
    "nobody": lambda c: c.one("nobody|no one|none of us|no guest|not one person|not a soul|no friend of mine"),
    "we": lambda c: c.rng.choice(words.PEOPLE),
    "family": lambda c: c.rng.choice(words.FAMILY),
    "people": lambda c: c.one("people|guests|visitors|those|travelers|friends of ours"),
    "degree": lambda c: c.rng.choice(words.DEGREES),
    "strong": lambda c: c.rng.choice(words.STRONGER),
    "aside": lambda c: c.rng.choice(words.ASIDES),
    "choose": lambda c: c.rng.choice(words.CHOSEN),
    "act": lambda c: c.act()[0],
    "acted": lambda c: c.act()[1],
    "acting": lambda c: gerund(c.rng.choice(words.NEUTRAL_ACTS)[0]),
    "state": lambda c: c.rng.choice(neutral.STATES),
    "trait": lambda c: c.rng.choice(neutral.TRAITS),
    "thing": lambda c: c.rng.choice(words.NEUTRAL_THINGS),
}
