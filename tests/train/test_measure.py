"""Intervals against published numbers, and a cut edge that is known to matter."""

import pytest
import torch

from glassformer.models.simple import Classifier, ClassifierConfig
from glassformer.train import vocabulary
from glassformer.train.data import Example, normalised
from glassformer.train.measure import FIRST, EdgeCuts, Score, answers, edge_cuts, probes, scores, wilson


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


def test_a_score_reads_as_percent_and_interval():
    assert str(Score(81, 263)) == "30.8 (25.5–36.6)"


class LastPiece(torch.nn.Module):
    """Answers the remainder of its last real piece by two."""

    def forward(self, ids, real):
        last = ids.gather(1, real.sum(1, keepdim=True) - 1)[:, 0]
        return torch.nn.functional.one_hot(last % 2, 2).float()


def test_answers_come_in_the_order_of_the_questions():
    rows = [[k % 7 + 3] * (k % 13 + 1) for k in range(300)]
    assert answers(LastPiece(), rows) == [row[-1] % 2 for row in rows]


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


def test_the_sentences_that_are_asked_are_kept_apart():
    kept = probes()
    assert {normalised(example.text) for example in FIRST} <= kept
    assert normalised("This restaurant was NOT terrible!") in kept
