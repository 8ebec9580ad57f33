"""Who may look at whom: written out, combined, and a softmax that survives a row that may look at nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.parts.attention import attend
from glassformer.parts.mask import Runs, boolean, causal, padding, pairs, places, softmax

REAL = torch.tensor([[True, True, True], [True, False, False]])


def test_padding_is_one_row_for_every_head_and_query():
    assert padding(REAL).shape == (2, 1, 1, 3)
    assert torch.equal(padding(REAL).expand(2, 4, 5, 3), REAL[:, None, None].expand(2, 4, 5, 3))


@given(st.integers(1, 6), st.integers(0, 6))
@settings(deadline=None, derandomize=True)
def test_causal_lets_the_last_queries_see_themselves_and_what_came_before(queries, earlier):
    keys = queries + earlier
    by_hand = [[j <= i + earlier for j in range(keys)] for i in range(queries)]
    assert causal(queries, keys).tolist() == by_hand


def test_causal_with_as_many_queries_as_keys_is_the_lower_triangle():
    assert causal(3).tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert torch.equal(causal(3), causal(3, 3))


def test_one_query_after_many_keys_sees_them_all():
    """`is_causal=True` of the fused kernel would align the other way and show it the first key only."""
    assert causal(1, 4).all()


def test_masks_combine_with_and():
    both = causal(3) & padding(REAL)
    assert both.shape == (2, 1, 3, 3)
    assert both[1, 0].tolist() == [[True, False, False]] * 3


def test_causal_is_made_on_the_device_asked_for():
    assert causal(2, device=torch.device("meta")).device.type == "meta"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_softmax_of_what_may_be_looked_at_is_softmax_of_that_alone(dtype):
    scores, mask = torch.randn(2, 4, 5).to(dtype), torch.rand(2, 4, 5) < 0.7
    mask[0, 1] = False
    weights = softmax(scores, mask)
    assert weights.dtype == dtype
    for row, scored, seen in zip(weights.view(-1, 5), scores.view(-1, 5), mask.view(-1, 5), strict=True):
        assert not row[~seen].any()
        torch.testing.assert_close(row[seen], scored[seen].softmax(-1))
    assert not weights[0, 1].any()


def test_without_a_mask_softmax_is_softmax():
    scores = torch.randn(3, 4) * 100
    assert torch.equal(softmax(scores), scores.softmax(-1))
    assert torch.equal(softmax(scores), softmax(scores, torch.ones(3, 4, dtype=torch.bool)))


def test_the_numbers_of_the_illustrated_transformer():
    """Scores 112 and 96 of heads of width 64: divided by 8, and of the one value 0.88, of the other 0.12."""
    weights = softmax(torch.tensor([112.0, 96.0]) / 64**0.5)
    assert weights.tolist() == pytest.approx([0.88, 0.12], abs=0.005)


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
def test_a_row_that_sees_nothing_is_no_anomaly_on_the_way_back_either():
    scores = torch.full((2, 3), -torch.inf, requires_grad=True)
    with torch.autograd.detect_anomaly():
        softmax(scores).sum().backward()
    assert not scores.grad.any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.uint8])
@pytest.mark.parametrize(
    "use",
    [padding, lambda real: softmax(torch.randn(2, 3), real), lambda real: attend(*torch.randn(3, 2, 3, 3), real)],
    ids=["padding", "softmax", "kernel"],
)
def test_a_mask_of_numbers_is_refused_with_the_repair(use, dtype):
    """The kernel would add it to the scores: padding would be looked at, and nobody told."""
    with pytest.raises(TypeError, match=f"this one holds {dtype}; try `mask != 0` if it holds ones and zeros"):
        use(REAL.to(dtype))


def test_gradients_are_the_finite_differences_and_zero_for_a_row_that_sees_nothing():
    mask = torch.tensor([[True, False, True], [False, False, False]])
    scores = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda scores: softmax(scores, mask), (scores,))
    softmax(scores, mask).square().sum().backward()
    assert not scores.grad[1].any() and not scores.grad[0, 1] and scores.grad[0, 0]


# sentence by sentence


def test_pairs_are_the_same_for_every_head():
    may_look = torch.rand(2, 3, 4) < 0.5
    assert pairs(may_look).shape == (2, 1, 3, 4)
    assert torch.equal(pairs(may_look).expand(2, 5, 3, 4), torch.stack([may_look] * 5, dim=1))
    with pytest.raises(TypeError, match=r"this one holds torch\.float32"):
        pairs(may_look.float())


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ("1111", [0, 1, 2, 3]),
        ("1100", [0, 1, 1, 1]),
        ("0011", [0, 0, 0, 1]),
        ("0101", [0, 0, 0, 1]),
        ("1010", [0, 0, 1, 1]),
        ("0000", [0, 0, 0, 0]),
    ],
)
def test_places_count_the_real_pieces_wherever_the_padding_is(marks, expected):
    """What stands on padding is nobody's, but a row of a table of positions all the same."""
    assert places(torch.tensor([[mark == "1" for mark in marks]])).tolist() == [expected]


@given(st.lists(st.booleans(), min_size=1, max_size=8))
@settings(deadline=None, derandomize=True)
def test_the_first_real_piece_stands_at_zero_and_each_next_one_a_place_further(marks):
    counted = places(torch.tensor([marks]))[0]
    assert counted[torch.tensor(marks)].tolist() == list(range(sum(marks)))
    assert (counted >= 0).all()


def test_real_is_what_anybody_may_look_at():
    may_look = torch.zeros(1, 3, 4, dtype=torch.bool)
    may_look[0, 0, 1] = may_look[0, 2, 1] = may_look[0, 1, 3] = True
    assert torch.equal(places(may_look), places(torch.tensor([[False, True, False, True]])))


# texts in one row


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6).map(tuple))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_runs_say_of_each_position_whose_it_is_and_where_it_stands(lengths):
    runs, by_hand = Runs(lengths), [(text, at) for text, length in enumerate(lengths) for at in range(length)]
    assert runs.owner.tolist() == [text for text, _ in by_hand]
    assert runs.places.tolist() == [at for _, at in by_hand]
    assert runs.mask.tolist() == [[mine == other for other, _ in by_hand] for mine, _ in by_hand]
    assert [length for count, length in runs.groups for _ in range(count)] == list(lengths)
    assert all(one[1] != other[1] for one, other in zip(runs.groups, runs.groups[1:], strict=False))


def test_runs_are_told_apart_by_their_lengths_alone():
    assert Runs((2, 3)) == Runs((2, 3)) != Runs((3, 2))
    assert len({Runs((2, 3)), Runs((2, 3)), Runs((5,))}) == 2


@pytest.mark.parametrize("lengths", [(), (0,), (2, 0, 3), (2, -1)], ids=str)
def test_a_text_of_nothing_cannot_be_packed_nor_no_text_at_all(lengths):
    with pytest.raises(ValueError, match="cannot be packed; each needs one piece or more") as error:
        Runs(lengths)
    assert f"texts of {lengths} pieces" in str(error.value)


def test_runs_are_a_mask_like_any_other():
    runs, scores = Runs((2, 1, 3)), torch.randn(4, 6, 6)
    block = torch.block_diag(torch.ones(2, 2), torch.ones(1, 1), torch.ones(3, 3)) == 1
    assert torch.equal(boolean(runs), block)
    assert torch.equal(softmax(scores, runs), softmax(scores, block))


def test_the_mask_of_runs_goes_where_the_scores_are():
    runs, meta = Runs((2, 3)), torch.device("meta")
    assert boolean(runs, meta).device == meta and boolean(runs).device.type == "cpu"
    assert softmax(torch.randn(2, 5, 5, device=meta), runs).device == meta
    assert boolean(REAL, meta) is REAL  # a mask that was given stays where it is
