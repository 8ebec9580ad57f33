"""Sentences that teach what a negation does, made from a grammar.

A sentence is a clause with a polarity, perhaps beside another clause of the same label, or beside one that judges
nothing, denied or not.  Its label follows from how it was made: the polarity, turned round where the pattern turns it.
Nothing here was taken from the suites that measure negation.
"""

import random
from collections.abc import Iterator

from glassformer.train import constructions as tables
from glassformer.train import lexicon as words
from glassformer.train.data import Example, normalised
from glassformer.train.lexicon import taught
from glassformer.train.slots import Clause

Patterns = dict[str, tuple[str, ...]]
NEUTRAL_DENIED = (
    "{we} {didnt} {act}",
    "{we} {didnt} {act}",
    "{we} {dont} {act}",
    "i have not {acted}",
    "there was no {thing}",
    "{we} never {acted}",
    "nobody {acted}",
    "not everyone {acted}",
    "{we} saw no {thing}",
    "{we} could not {act}",
    "you do not have to {act}",
    "there {isnt1} any {thing}",
    "{we} {werent} {state}",
    "{x} {isnt} {trait}",
    "it is not {trait}",
)
NEUTRAL_SAID = (
    "{we} {acted}",
    "{we} {acted}",
    "there was the {thing}",
    "{we} saw the {thing}",
    "everybody {acted}",
    "{we} {were} {state}",
    "{x} {is} {trait}",
    "it is {trait}",
)


AFFIRMED = 0.42  # the share of sentences without a negator in the main clause
FLIPPED = 0.62  # of the others, the share that a negator turns round
OFTEN = {"copula": 3, "not a": 2, "but": 3, "double": 4, "other scope": 2, "is": 2}  # times as often as the others
DENIED_BESIDE = (0.45, 0.22)  # the share beside a denied neutral clause: of affirmed main clauses, of negated ones


class Grammar:
    """Sentences of one part: "train", "words" (held-out words denied) or "constructions" (held-back patterns)."""

    def __init__(self, rng: random.Random, part: str = "train"):
        self.rng, self.part = rng, part
        self.denied_pool = words.HELD_OUT if part == "words" else taught()
        held = part == "constructions"
        self.flipped = tables.HELD_FLIPPED if held else tables.FLIPPED
        self.kept = tables.HELD_KEPT if held else tables.KEPT

    def sentence(self) -> Example:
        """One sentence, its label and the family of its construction."""
        affirmed = AFFIRMED if self.part == "train" else 0.0
        draw = self.rng.random()
        if draw < affirmed:
            example = self._joined(tables.AFFIRMED, False)
        else:
            example = self._joined(self.flipped if draw < affirmed + (1 - affirmed) * FLIPPED else self.kept, True)
        return Example(self._dressed(example.text), example.label, example.group)

    def _joined(self, patterns: Patterns, negated: bool) -> Example:
        """A clause by itself, beside a neutral one, or beside another of the same label."""
        draw, denied_too = self.rng.random(), DENIED_BESIDE[negated]
        pool = self.denied_pool if negated or draw < denied_too else None
        clause = self.clause(patterns, pool)
        if self.part == "constructions" or draw >= denied_too + 0.20:
            return clause
        if draw < denied_too:
            return self._beside_neutral(clause, NEUTRAL_DENIED, 0, clause.group if negated else "out of scope")
        if draw < denied_too + 0.08:
            return self._beside_neutral(clause, NEUTRAL_SAID, 1, clause.group)
        others = self.rng.choice((self.flipped, tables.AFFIRMED)) if negated else tables.AFFIRMED
        return self._beside_same(clause, others, pool)

    def clause(self, patterns: Patterns, pool: frozenset[str] | None) -> Example:
        """One clause of a pattern drawn from `patterns`, some families more often than others."""
        families = [name for name in patterns for _ in range(OFTEN.get(name, 1))]
        family = self.rng.choice(families)
        slots = Clause(self.rng, self.rng.randrange(2), pool)
        text = self.rng.choice(patterns[family]).format_map(slots)
        turned = patterns in (tables.FLIPPED, tables.HELD_FLIPPED)
        return Example(text, slots.polarity ^ turned, family)

    def _beside_neutral(self, clause: Example, neutral: tuple[str, ...], twin: int, group: str) -> Example:
        slots = Clause(self.rng, 1, None)
        if self.rng.random() < 0.25:
            return Example(f"{self.rng.choice(words.LEADS)[twin]} , {clause.text}", clause.label, group)
        said = self.rng.choice(neutral).format_map(slots)
        join = self.rng.choice(tables.JOINS_AFTER if self.rng.random() < 0.6 else tables.JOINS_BEFORE)
        return Example(join.format(denied=said, clause=clause.text), clause.label, group)

    def _beside_same(self, clause: Example, patterns: Patterns, pool: frozenset[str] | None) -> Example:
        other = next(e for e in iter(lambda: self.clause(patterns, pool), None) if e.label == clause.label)
        pair = [clause.text, other.text]
        self.rng.shuffle(pair)
        text = self.rng.choice(tables.JOINS_SAME).format(clause=pair[0], other=pair[1])
        return Example(text, clause.label, clause.group)

    def _dressed(self, text: str) -> str:
        """With an opener, a closer and a full stop, each now and then."""
        rng = self.rng
        text = f"{rng.choice(words.OPENERS)} , {text}" if rng.random() < 0.12 else text
        text = f"{text} {rng.choice(words.CLOSERS)}" if rng.random() < 0.12 else text
        return text + rng.choice(("", "", " .", ".", "!", " ."))


def sentences(seed: int, size: int, part: str = "train") -> Iterator[Example]:
    """`size` different sentences, the same for the same seed."""
    grammar = Grammar(random.Random(f"{part} {seed}"), part)
    seen: set[str] = set()
    while len(seen) < size:
        example = grammar.sentence()
        key = normalised(example.text)
        if key not in seen:
            seen.add(key)
            yield example
