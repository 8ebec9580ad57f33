"""One sentence, run again: batches, words and pieces, and models without attention."""

import pytest
import torch

from glassformer.errors import UsageError
from glassformer.explain.switches import cut
from tests import made


def test_words_look_at_words_as_their_pieces_do(trial):
    """Summed over the pieces looked at, averaged over those that look."""
    weights = torch.stack([trial.tape[f"layers.{k}.attention.weights"][0] for k in range(2)])
    pieces = [word.pieces for word in trial.words]
    for i, rows in enumerate(pieces):
        for j, columns in enumerate(pieces):
            mean = torch.stack([sum(weights[:, :, row, column] for column in columns) for row in rows]).mean(0)
            torch.testing.assert_close(torch.stack(trial.attention())[:, :, i, j], mean)
    torch.testing.assert_close(torch.stack(trial.attention()).sum(-1), torch.ones(2, 3, 5))


def test_an_edge_between_words_is_every_edge_between_their_pieces(trial):
    (edges,) = trial.edges([(1, 2)])
    assert [(i, j) for i, j in edges.nonzero().tolist()] == [
        (i, j) for i in trial.words[1].pieces for j in trial.words[2].pieces
    ]
    assert len(trial.words[1].pieces) == 2


def test_many_at_once_are_as_one_by_one(trial, monkeypatch):
    """However many fit in a batch."""
    cuts = trial.edges([(i, j) for i in range(5) for j in range(5) if i != j])
    alone = torch.cat([trial.after_cuts(cut[None]) for cut in cuts])
    for at_once in (1, 7, 4096):
        monkeypatch.setattr("glassformer.explain.trial.AT_ONCE", at_once)
        torch.testing.assert_close(trial.after_cuts(cuts), alone, rtol=0, atol=2e-6)


def test_sizes_are_read_off_the_tape(trial):
    assert (trial.layers, trial.head_width) == (2, 4)
    assert trial.heads == [(layer, head) for layer in range(2) for head in range(3)]


def test_a_bag_of_words_has_no_attention_and_says_so():
    trial = made.trial(model=made.bag())
    assert (trial.layers, trial.heads) == (0, [])
    with pytest.raises(UsageError, match=r"made has no attention.*--model sentiment"):
        trial.need_attention()


def test_what_is_asked_is_that_of_the_unchanged_run_whatever_runs_first():
    for make in (made.trial, made.bert_trial):
        first, then = make("the filming was not terrible"), make("the filming was not terrible")
        edges = first.edges([(4, 3), (4, 2)]).any(dim=0, keepdim=True)
        after = first.after(cut(edges)).item()  # before anything else was asked
        assert first.before == then.before and after == pytest.approx(then.after(cut(edges)).item(), abs=1e-6)
        assert torch.equal(first.tape["final"], then.tape["final"])


@pytest.mark.parametrize(
    ("weights", "positions"), [(1, 20_000), (5_000_000, 20_000), (2 * 10**7, 5_000), (10**9, 3_000)]
)
def test_the_larger_a_model_the_fewer_positions_are_computed_between_two_bounds(weights, positions):
    """2 · 10¹¹ multiplications and additions, two a weight."""
    trial = made.trial()
    trial._weights = weights
    assert trial.exact == positions
