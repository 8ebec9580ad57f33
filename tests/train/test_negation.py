"""The grammar's labels are right by construction, and what is held out is held out."""

import random
import re
from collections import Counter

import pytest

from glassformer.train import constructions, lexicon, negation, slots

NEGATOR = re.compile(
    r"\b(not|no|never|nobody|none|nothing|neither|nor|hardly|barely|scarcely|rarely|seldom|without|cannot|zero|"
    r"lacks?|lacked|lacking|devoid|free of|fail(s|ed) to|refused to|unable to|doubt|far from|nowhere near|"
    r"anything but|little|wrong|"
    r"(is|was|are|were|do|does|did|has|had|have|would|could|can)n'?t|n't)\b|n't"
)
HELD = re.compile(r"(?<![\w-])(" + "|".join(map(re.escape, sorted(lexicon.HELD_OUT))) + r")(?![\w-])")
SIZE = 8000


@pytest.fixture(scope="module")
def train():
    return list(negation.sentences(0, SIZE))


def fixed(polarity, seed=0):
    return slots.Clause(random.Random(seed), polarity, None)


def test_the_same_seed_gives_the_same_sentences(train):
    again = negation.sentences(0, 200)
    assert list(again) == train[:200]
    assert list(negation.sentences(1, 200)) != train[:200]


def test_no_sentence_comes_twice(train):
    assert len({example.text for example in train}) == SIZE


def test_a_negator_says_nothing_about_the_label(train):
    counts = Counter((bool(NEGATOR.search(example.text)), example.label) for example in train)
    for negated in (False, True):
        share = counts[negated, 1] / (counts[negated, 0] + counts[negated, 1])
        assert 0.46 < share < 0.54
    assert 0.5 < (counts[True, 0] + counts[True, 1]) / SIZE < 0.8


def test_no_sentence_with_a_negator_holds_a_held_out_word(train):
    assert not [e.text for e in train if NEGATOR.search(e.text) and HELD.search(e.text)]


def test_every_held_out_word_is_taught_affirmed(train):
    seen = {found for example in train for found in HELD.findall(example.text)}
    assert len(seen) > 0.6 * len(lexicon.HELD_OUT)


def test_held_out_words_are_denied_when_asked_for():
    for example in negation.sentences(0, 300, "words"):
        assert NEGATOR.search(example.text), example.text


def test_held_back_patterns_never_occur_in_training():
    held = {p for table in (constructions.HELD_FLIPPED, constructions.HELD_KEPT) for ps in table.values() for p in ps}
    taught = {
        p for t in (constructions.AFFIRMED, constructions.FLIPPED, constructions.KEPT) for ps in t.values() for p in ps
    }
    assert not held & taught
    assert len(held) == 17


@pytest.mark.parametrize("table", [constructions.AFFIRMED, constructions.FLIPPED, constructions.KEPT])
def test_every_pattern_speaks_of_the_polarity_alone_or_beside_its_opposite(table):
    """Each holds a polar slot, and one whose pair is missing would have no label."""
    polar = {
        "good",
        "good2",
        "a_good",
        "charm",
        "charm2",
        "gem",
        "like",
        "liked",
        "impress",
        "impressed",
        "happy",
        "better",
    }
    for patterns in table.values():
        for pattern in patterns:
            assert polar & set(re.findall(r"\{(\w+)\}", pattern)), pattern


@pytest.mark.parametrize(
    ("table", "turned"), [(constructions.AFFIRMED, 0), (constructions.FLIPPED, 1), (constructions.KEPT, 0)]
)
def test_a_flipped_pattern_turns_its_polarity_and_the_others_keep_it(table, turned):
    grammar, good = negation.Grammar(random.Random(0)), set(lexicon.ADJECTIVES.good)
    bad, checked = set(lexicon.ADJECTIVES.bad), 0
    for _ in range(900):
        clause = grammar.clause(table, None)
        words = set(clause.text.split())
        if bool(words & good) != bool(words & bad) and clause.group not in ("contrast", "but"):
            assert clause.label == bool(words & good) ^ turned, clause.text
            checked += 1
    assert checked > 200


def test_there_are_many_words_of_either_side():
    words = {word for table in lexicon.POLAR for side in (table.good, table.bad) for word in side}
    assert len(words) > 300
    assert not {w for t in lexicon.POLAR for w in t.good} & {w for t in lexicon.POLAR for w in t.bad}


def test_a_slot_asked_for_twice_is_the_same():
    clause = fixed(1)
    assert clause["X"] == clause["X"]
    assert "{good}".format_map(clause) == clause["good"]


@pytest.mark.parametrize(
    ("verb", "form"), [("impress", "impressed"), ("like", "liked"), ("satisfy", "satisfied"), ("enjoy", "enjoyed")]
)
def test_past(verb, form):
    assert slots.past(verb) == form


@pytest.mark.parametrize(
    ("phrase", "form"), [("take the bus", "taking the bus"), ("see it", "seeing it"), ("sit", "sitting")]
)
def test_gerund(phrase, form):
    assert slots.gerund(phrase) == form


def test_a_denied_auxiliary_has_four_forms():
    rng = random.Random(0)
    assert {slots.denied(rng, "was") for _ in range(99)} == {"was not", "wasn't", "was n't", "wasnt"}
