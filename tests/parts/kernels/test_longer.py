"""A tensor that grows in place is the tensor that was put together, for everybody who holds a part of it."""

import copy
import io
import threading

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.parts.kernels.longer import ROOM, chosen, longer

AXES = [-2, 2, 1, 3]


def grown(parts, axis=-2):
    with torch.no_grad():
        known = None
        for part in parts:
            known = longer(known, part, axis)
    return known


def room(x):
    return x.__dict__.get("room")


@pytest.mark.parametrize("axis", AXES)
def test_piece_by_piece_is_all_at_once_and_hardly_anything_is_moved(axis):
    parts = [torch.randn(2, 3, 4, 5).narrow(axis, 0, 1) for _ in range(400)]
    known, places = None, []
    with torch.no_grad():
        for at, part in enumerate(parts, 1):
            known = longer(known, part, axis)
            places.append(known.untyped_storage().data_ptr())
            assert known.size(axis) == at
    assert torch.equal(known, torch.cat(parts, axis))
    assert len(set(places)) <= 8


def test_what_was_handed_out_before_never_changes():
    parts, seen = [torch.randn(2, 3, 1, 4) for _ in range(10)], []
    with torch.no_grad():
        known = None
        for part in parts:
            known = longer(known, part, -2)
            seen.append((known, known.clone()))
    assert all(torch.equal(mine, then) for mine, then in seen)


def test_two_that_grow_from_one_beginning_each_have_their_own():
    start, one, other = grown([torch.randn(1, 2, 3, 4)] * 2), torch.ones(1, 2, 1, 4), torch.zeros(1, 2, 1, 4)
    with torch.no_grad():
        mine, yours = longer(start, one, -2), longer(start, other, -2)
        mine, yours = longer(mine, one, -2), longer(yours, other, -2)
    assert torch.equal(mine, torch.cat([start, one, one], -2)) and torch.equal(
        yours, torch.cat([start, other, other], -2)
    )
    assert room(mine) is room(start) and room(yours) is not room(start)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 40)), max_size=12), st.integers(0, 10**6))
def test_any_number_of_them_that_branch_and_grow_in_any_order_are_what_they_would_be(moves, seed):
    """Each move: one of the tensors there are grows, and the one it was stays."""
    draw = torch.Generator().manual_seed(seed)
    fast = [torch.randn(2, 1, 2, 3, generator=draw)]
    slow = list(fast)
    with torch.no_grad():
        for which, more in moves:
            part, which = torch.randn(2, 1, more, 3, generator=draw), which % len(fast)
            fast.append(longer(fast[which], part, -2))
            slow.append(torch.cat([slow[which], part], -2))
    assert all(torch.equal(mine, plain) for mine, plain in zip(fast, slow, strict=True))


def test_threads_that_grow_the_same_beginning_do_not_write_over_one_another():
    start, answers = grown([torch.zeros(1, 1, 2, 8)] * 2), {}

    def grow(number):
        known = start
        with torch.no_grad():
            for _ in range(200):
                known = longer(known, torch.full((1, 1, 1, 8), float(number)), -2)
        answers[number] = known

    threads = [threading.Thread(target=grow, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    for number, known in answers.items():
        assert known.shape == (1, 1, 204, 8) and (known[:, :, 4:] == number).all() and not known[:, :, :4].any()


def test_with_gradients_it_is_put_together_and_they_flow():
    start, part = grown([torch.randn(1, 1, 2, 3)] * 2), torch.randn(1, 1, 1, 3, requires_grad=True)
    answer = longer(start, part, -2)
    answer.square().sum().backward()
    assert room(answer) is None
    torch.testing.assert_close(part.grad, 2 * part.detach())


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_what_was_made_in_inference_mode_goes_on_outside_of_it(mode):
    with torch.inference_mode():
        start = longer(longer(None, torch.ones(1, 1, 2, 3), -2), torch.ones(1, 1, 1, 3), -2)
    with mode():
        answer = longer(start, torch.zeros(1, 1, 1, 3), -2)
        assert (room(answer) is room(start)) is (mode is torch.inference_mode)
        answer = chosen(answer, torch.tensor([0, 0]))
    assert answer.shape == (2, 1, 4, 3) and answer[:, :, :3].all() and not answer[:, :, 3:].any()


def test_another_dtype_or_another_batch_is_what_torch_says_of_it():
    start = grown([torch.ones(2, 1, 1, 3)] * 2)
    with torch.no_grad():
        assert longer(start, torch.ones(2, 1, 1, 3).bfloat16(), -2).dtype == torch.float32
        assert longer(start, torch.ones(2, 1, 1, 3).double(), -2).dtype == torch.float64
        with pytest.raises(RuntimeError, match="Sizes of tensors must match"):
            longer(start, torch.ones(1, 1, 1, 3), -2)


ROWS = [torch.tensor(which) for which in ([1, 0, 2], [2, 2], [0], [-1, 0], [True, False, True], [[0], [1]])]


@pytest.mark.parametrize("rows", ROWS, ids=str)
def test_rows_that_are_chosen_have_room_of_their_own(rows):
    start = grown([torch.randn(3, 2, 2, 4) for _ in range(3)])
    part = torch.randn(*start[rows].shape[:-2], 1, 4)
    with torch.no_grad():
        answer = chosen(start, rows)
        after = longer(answer, part, -2)
    assert torch.equal(answer, start[rows]) and torch.equal(after, torch.cat([start[rows], part], -2))
    if rows.dim() == 1 and rows.dtype == torch.long:
        assert room(after) is room(answer) is not room(start)


def test_a_row_that_is_not_there_is_an_error():
    with torch.no_grad(), pytest.raises(IndexError):
        chosen(grown([torch.randn(3, 2, 2, 4)] * 2), torch.tensor([3]))


def saved(x):
    file = io.BytesIO()
    torch.save(x, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, saved])
def test_a_copy_of_it_grows_apart(copied):
    start = grown([torch.randn(1, 1, 1, 3)] * 3)
    other, part = copied(start), torch.ones(1, 1, 1, 3)
    with torch.no_grad():
        mine, yours = longer(start, part, -2), longer(other, part * 2, -2)
    assert torch.equal(mine, torch.cat([start, part], -2)) and torch.equal(yours, torch.cat([start, part * 2], -2))


def test_compiled_it_is_put_together():
    start, part = torch.randn(1, 1, 2, 3), torch.randn(1, 1, 1, 3)
    compiled = torch.compile(lambda known, new: longer(known, new, -2), backend="eager", fullgraph=True)
    with torch.no_grad():
        assert torch.equal(compiled(start, part), torch.cat([start, part], -2))


def test_there_is_room_for_some_more():
    assert room(grown([torch.zeros(1, 1, 1, 2)] * 2)).whole.size(2) == 1 + 1 + ROOM
