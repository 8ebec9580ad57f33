"""Intervals against published numbers, and a cut edge that is known to matter."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from glassformer.hub import store
from glassformer.models.simple import Classifier, ClassifierConfig
from glassformer.tape import note
from glassformer.train import vocabulary
from glassformer.train.data import Example, normalised
from glassformer.train.measure import DENIED, FIRST, EdgeCuts, Score, answers, edge_cuts, probes, scores, wilson


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(right, total, low, high):
    assert wilson(right, total) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("right", "total"), [(-1, 3), (4, 3), (0, 0)])
def test_wilson_refuses_what_is_no_proportion(right, total):
    with pytest.raises(ValueError, match="no proportion"):
        wilson(right, total)


@settings(max_examples=15)
@given(st.integers(1, 2000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_interval_ends_where_the_share_is_196_standard_deviations_off(counts):
    """Wilson's definition: (share − p)² = z² p (1 − p) / n, a square equation in p, solved by NumPy."""
    right, total = counts
    share, z = right / total, 1.959963984540054 / math.sqrt(total)
    ends = np.sort(np.roots([1 + z**2, -2 * share - z**2, share**2]).real)
    assert wilson(right, total) == pytest.approx(ends, abs=1e-6)


def test_a_score_reads_as_percent_and_interval():
    assert str(Score(81, 263)) == "30.8 (25.5–36.6)"
    assert math.isnan(Score(0, 0).percent)


class LastPiece(torch.nn.Module):
    """Answers the remainder of its last real piece by two."""

    def forward(self, ids, real):
        last = ids.gather(1, real.sum(1, keepdim=True) - 1)[:, 0]
        return torch.nn.functional.one_hot(last % 2, 2).float()


def test_answers_come_in_the_order_of_the_questions():
    rows = [[k % 7 + 3] * (k % 13 + 1) for k in range(300)]
    assert answers(LastPiece(), rows) == [row[-1] % 2 for row in rows]


def test_an_empty_text_is_asked_as_one_unknown_piece():
    assert answers(LastPiece(), [[4], [], [3, 6]]) == [0, 1, 0]


def test_scores_are_counted_by_group():
    tokenizer = vocabulary.blank({piece: k for k, piece in enumerate([*vocabulary.SPECIAL, "odd", "even"])})
    examples = [Example("odd", 1, "a"), Example("even", 1, "a"), Example("even", 0, "b")]
    assert scores(LastPiece(), tokenizer, examples) == {"a": Score(1, 2), "all": Score(2, 3), "b": Score(1, 1)}


def test_what_lies_beyond_the_longest_is_not_read():
    tokenizer = vocabulary.blank({piece: k for k, piece in enumerate([*vocabulary.SPECIAL, "odd", "even"])})
    examples = [Example("odd odd even", 1)]
    assert scores(LastPiece(), tokenizer, examples, longest=2) == {"all": Score(1, 1)}
    assert scores(LastPiece(), tokenizer, examples) == {"all": Score(0, 1)}


def test_edge_cuts_count_a_model_of_any_answer():
    words = "this restaurant the film our waiter hotel my phone story service was not terrible".split()
    tokenizer = vocabulary.blank({piece: k for k, piece in enumerate([*vocabulary.SPECIAL, *words])})
    model = Classifier(ClassifierConfig(tokenizer.get_vocab_size(), width=8, heads=2, hidden=8))
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.copy_(torch.tensor([0.0, 1.0]))
        assert edge_cuts(model, tokenizer, ["terrible"]) == EdgeCuts(7, 7, 0, 0, 0)
        model.head.bias.neg_()
        assert edge_cuts(model, tokenizer, ["terrible"]) == EdgeCuts(7, 0, 0, 0, 0)


class Attention(torch.nn.Module):
    def forward(self, ids):
        return note("scaled", torch.zeros(1, 2, ids.size(1), ids.size(1)))


class Edge(torch.nn.Module):
    """Says "positive" of a sentence as long as, in any layer and head, one position may look at another."""

    def __init__(self, places, never):
        super().__init__()
        self.places, self.never = places, never
        self.layers = torch.nn.ModuleList(torch.nn.ModuleDict({"attention": Attention()}) for _ in range(2))

    def forward(self, ids):
        looker, seen = self.places
        scaled = torch.stack([layer["attention"](ids) for layer in self.layers])  # l b h i j
        positive = (scaled[..., looker, seen] == 0).any() and ids[0, 0] != self.never
        return torch.tensor([[0.5, float(positive)]])


EDGES = {  # from one position to another of "our waiter was not terr ##ible": what turns where it is cut
    **dict.fromkeys([(4, 3), (5, 3)], (3, 0, 0)),
    **dict.fromkeys([(3, 4), (3, 5)], (0, 3, 0)),
    **dict.fromkeys([(4, 1), (5, 1)], (0, 0, 3)),
    **dict.fromkeys([(4, 0), (4, 2), (2, 3), (1, 4), (4, 4), (5, 4)], (0, 0, 0)),
}


@pytest.mark.parametrize(("places", "turned"), EDGES.items(), ids=map(str, EDGES))
def test_each_cut_forbids_its_own_edge_in_all_layers_and_no_other(places, turned):
    """Sentences with "the", four of seven, are read as negative uncut: of them nothing can turn."""
    words = "this restaurant the film our waiter hotel my phone story service was not terr ##ible".split()
    tokenizer = vocabulary.blank({piece: k for k, piece in enumerate([*vocabulary.SPECIAL, *words])})
    model = Edge(places, never=tokenizer.token_to_id("the"))
    assert edge_cuts(model, tokenizer, ["terrible"]) == EdgeCuts(7, 3, *turned)


def test_the_cuts_of_the_shipped_model_are_those_on_its_card():
    shipped, card = store.load("tiny"), store.card("tiny")
    tokenizer, seed = Tokenizer.from_str(shipped.tokens.definition), card.split("These weights: seed ")[1][0]
    cuts = edge_cuts(shipped.model, tokenizer, DENIED["held-out words"])
    told = (seed, "held-out words", cuts.asked, cuts.positive, cuts.word, cuts.back, cuts.control)
    assert f"| {' | '.join(map(str, told))} |" in card


def test_the_sentences_that_are_asked_are_kept_apart():
    kept = probes()
    assert {normalised(f"our waiter was not {word}") for words in DENIED.values() for word in words} <= kept
    assert {normalised(example.text) for example in FIRST} <= kept
    assert normalised("This restaurant was NOT terrible!") in kept
