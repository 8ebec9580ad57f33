"""Where the ids are not the padding piece, for every head and every query."""

from typing import Any

import torch
from torch import Tensor

from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.bank.words import drawing
from glassformer.learn.exercise import Case, Exercise, Property, Stages, equal
from glassformer.parts import mask


def key(ids: Tensor, padding: int) -> Stages:
    return Stages(answer=mask.padding(ids != padding))


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)

    def batch(lengths: tuple[int, ...], padding: int, left: bool = False) -> Tensor:
        """Pieces above and below `padding`, filled up to one length and one more."""
        rows = torch.randint(1, 5, (len(lengths), max(lengths) + 1), generator=draw)
        ids = padding + rows * (2 * torch.randint(0, 2, rows.shape, generator=draw) - 1)
        for row, length in zip(ids, lengths, strict=True):
            row[: len(row) - length if left else 0] = padding
            row[len(row) if left else length :] = padding
        return ids

    return [
        Case((torch.tensor([[5, 8, 3, 0], [7, 2, 0, 0]]), 0), "2 sentences of 3 and 2 pieces, padding is 0"),
        Case((batch((2, 4, 3), 6), 6), "3 sentences, padding is 6"),
        Case((batch((5, 1), 9, left=True), 9), "padding on the left"),
        Case((batch((3, 3), 7), 7), "2 sentences, filled up by one piece"),
        Case((torch.tensor([[4, 0, 9, 1, 3], [2, 8, 1, 1, 1], [6, 5, 1, 1, 1]]), 1), "padding is 1"),
    ]


def fits(theirs: Any, right: Any) -> bool:
    """One row for all queries may be written out for each of them: (b, 1, n, n) says the same."""
    masks = all(isinstance(each, Tensor) and each.dtype == torch.bool for each in (theirs, right))
    if masks and right.dim() == 4 and tuple(right.shape[1:3]) == (1, 1):
        written = right.expand(-1, 1, right.size(-1), -1)
        return equal(theirs, right) or equal(theirs, written)
    return equal(theirs, right)


SAME = "True where ids != padding"
SHAPE = "real[:, None, None, :] has a row for each sentence, for every head and every i"
KEYS = f"the last axis says at whom is looked: {SHAPE}"
BOOL = "True where j may be looked at: give back the comparison itself"

BOARD = Board(
    "ids padding",
    Step(
        "real",
        lambda s: s.ids != s.padding,
        Wrong("True and False are exchanged", lambda s: s.ids == s.padding, SAME, "padding is True, pieces are False"),
        Wrong("padding is always taken for 0", lambda s: s.ids != 0, f"{SAME}; the number comes as an argument"),
        Wrong("larger numbers only", lambda s: s.ids > s.padding, f"{SAME}: a piece may have a smaller number too"),
        Wrong("smaller numbers only", lambda s: s.ids < s.padding, f"{SAME}: a piece may have a larger number too"),
        Wrong("the padding itself counts", lambda s: s.ids >= s.padding, SAME, "padding and larger numbers are True"),
        Wrong("every id but 0 and padding", lambda s: (s.ids != 0) & (s.ids != s.padding), SAME, rare=True),
        Wrong("nothing is padding", lambda s: torch.ones_like(s.ids).bool(), SAME, "everything may be looked at"),
        Wrong("padding is nowhere distinguished from pieces", lambda s: torch.zeros_like(s.ids).bool(), SAME),
        Wrong(
            "the last piece is hidden too",
            lambda s: (s.ids != s.padding) & (s.ids.roll(-1, 1) != s.padding),
            f"{SAME}, and nothing more",
        ),
        Wrong("the first piece is hidden", lambda s: (s.ids != s.padding) & (_places(s) > 0), f"{SAME}, no more"),
        Wrong(
            "one padding may be looked at",
            lambda s: (s.ids != s.padding) | (s.ids.roll(1, 1) != s.padding) & (_places(s) > 0),
            SAME,
        ),
        Wrong(
            "only what stands before the first padding",
            lambda s: (s.ids != s.padding).int().cumprod(-1).bool(),
            f"{SAME}, wherever the padding stands: it may be on the left",
        ),
        Wrong(
            "pieces are counted, and taken from the left",
            lambda s: _places(s) < (s.ids != s.padding).sum(-1, keepdim=True),
            f"{SAME}, wherever the padding stands: it may be on the left",
        ),
        Wrong(
            "hidden where any sentence has padding",
            lambda s: (s.ids != s.padding).all(0, keepdim=True).expand_as(s.ids),
            "each sentence has its own padding: keep the axis of sentences",
        ),
        Wrong(
            "hidden only where all sentences have padding",
            lambda s: (s.ids != s.padding).any(0, keepdim=True).expand_as(s.ids),
            "each sentence has its own padding: keep the axis of sentences",
        ),
        Wrong(
            "the first sentence's mask for all",
            lambda s: (s.ids != s.padding)[:1].expand_as(s.ids),
            "each sentence has its own padding: keep the axis of sentences",
        ),
        hidden=True,
    ),
    Step(
        "answer",
        lambda s: s.real[:, None, None, :],
        Wrong("the axes for heads and i are missing", lambda s: s.real, SHAPE),
        Wrong("the axis for heads is missing", lambda s: s.real[:, None, :], SHAPE),
        Wrong("an axis too many", lambda s: s.real[:, None, None, None, :], SHAPE),
        Wrong("padding may not look, instead of not be looked at", lambda s: s.real[:, None, :, None], KEYS),
        Wrong("the new axes come last", lambda s: s.real[:, :, None, None], SHAPE),
        Wrong("the sentences stand where the words i should", lambda s: s.real[None, None], SHAPE),
        Wrong("the sentences stand where the heads should", lambda s: s.real[None, :, None], SHAPE),
        Wrong(
            "padding may look at nothing",
            lambda s: s.real[:, None, :, None] & s.real[:, None, None, :],
            f"a row of False has no shares to give; hide the padding, let it look: {SHAPE}",
            "where i is padding your whole row is False",
        ),
        Wrong(
            "either of the two is enough",
            lambda s: s.real[:, None, :, None] | s.real[:, None, None, :],
            f"only j has to be a piece: {SHAPE}",
        ),
        Wrong(
            "nobody looks ahead either",
            lambda s: s.real[:, None, None, :] & torch.ones(s.ids.size(1), s.ids.size(1)).tril().bool(),
            f"that is the next exercise; here every word looks at all pieces: {SHAPE}",
        ),
        Wrong("ones and zeros", lambda s: s.real[:, None, None, :].float(), BOOL),
        Wrong("ones and zeros", lambda s: s.real[:, None, None, :].long(), BOOL),
        Wrong("zeros and −∞", lambda s: torch.zeros(s.ids.shape).masked_fill(~s.real, -torch.inf)[:, None, None], BOOL),
        Wrong("zeros and a very negative number", lambda s: (1.0 - s.real.float())[:, None, None] * -1e9, BOOL),
        Wrong("zeros and a very negative number", lambda s: (1.0 - s.real.float())[:, None, None] * -10000.0, BOOL),
        Wrong("the ids with zeros", lambda s: (s.ids * s.real)[:, None, None], BOOL),
        Wrong("how many pieces there are", lambda s: s.real.sum(-1), BOOL),
        Wrong("which pieces are real, as positions", lambda s: s.real.nonzero(), BOOL),
    ),
)


def _places(s: Any) -> Tensor:
    return torch.arange(s.ids.size(1)).expand_as(s.ids)


# right, each in another way


def by_unsqueezing(ids, padding):
    return ids.ne(padding).unsqueeze(1).unsqueeze(2)


def by_view(ids, padding):
    b, n = ids.shape
    return (ids != padding).view(b, 1, 1, n)


def by_not(ids, padding):
    return ~(ids == padding)[:, None, None]


def by_expanding(ids, padding):
    """Written out for every i."""
    return (ids != padding)[:, None, None, :].expand(-1, 1, ids.size(1), -1)


def by_loops(ids, padding):
    mask = torch.ones(len(ids), 1, 1, ids.size(1), dtype=torch.bool)
    for b in range(len(ids)):
        for j in range(ids.size(1)):
            if ids[b, j] == padding:
                mask[b, 0, 0, j] = False
    return mask


def by_lists(ids, padding):
    return torch.tensor([[[[each != padding for each in row]]] for row in ids.tolist()])


def by_numbers(ids, padding):
    return (ids - padding).abs().clamp(max=1).bool().reshape(ids.size(0), 1, 1, ids.size(1))


def _alone(function, case: Case) -> str:
    ids, padding = case.arguments
    same = torch.equal(function(ids[1:], padding), function(ids, padding)[1:])
    return "" if same else "A sentence's mask must not depend on the others in the batch; yours does."


EXERCISE = Exercise(
    name="padding",
    cases=cases,
    key=key,
    switchboard=BOARD,
    mistakes=BOARD.mistakes,
    right=(by_unsqueezing, by_view, by_not, by_expanding, by_loops, by_lists, by_numbers),
    properties=(Property("sentences do not meet", _alone),),
    compare=fits,
    together=False,
    axes={"answer": "i j"},
    hints=(
        "Compare every id with the padding piece; then give the result the two axes that are missing.",
        "ids != padding is (b, n): True where a piece stands.",
        "Indexing with None makes an axis of size 1: real[:, None, None, :] is (b, 1, 1, n).",
    ),
    explanation="Axes of size 1 stretch: one row a sentence hides its padding from every word in every head.",
)
