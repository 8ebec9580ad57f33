"""(b, n, w) → (b, h, n, d): nothing is computed, everything is in its place or is not."""

import torch
from torch import Tensor
from torch.func import functional_call

from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.bank.words import drawing, drawn
from glassformer.learn.exercise import Case, Exercise, Property, Stages
from glassformer.parts.attention import Attention


class _Keys(torch.nn.Module):
    """What attention splits, where its projection changes nothing."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attention = Attention(width, heads)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention.read(x)[0]


def key(x: Tensor, heads: int) -> Stages:
    keys = _Keys(x.size(-1), heads)
    same = {"attention.k.weight": torch.eye(x.size(-1)), "attention.k.bias": torch.zeros(x.size(-1))}
    return Stages(answer=functional_call(keys, same, (x,)))


def counted(*shape: int) -> Tensor:
    """1, 2, 3 …: where each number came from can be seen."""
    return torch.arange(1.0, 1 + torch.Size(shape).numel()).view(shape)


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)
    return [
        Case((counted(1, 3, 4), 2), "3 words, width 4, 2 heads: the numbers are 1, 2, 3 …"),
        Case((counted(2, 3, 6), 2), "2 sentences, 3 words, width 6, 2 heads"),
        Case((drawn(draw, 2, 5, 6), 3), "2 sentences, 5 words, width 6, 3 heads"),
        Case((drawn(draw, 3, 4, 10), 5), "3 sentences, 4 words, width 10, 5 heads"),
        Case((drawn(draw, 2, 3, 8), 1), "one head"),
        Case((drawn(draw, 3, 4, 8), 4), "3 sentences, 4 words, width 8, 4 heads"),
    ]


WAY = "cut the width first, then exchange two axes: x.view(b, n, heads, d).transpose(1, 2)"
NEXT = "a head takes neighbouring features: (b, n, heads, d), heads before d"

BOARD = Board(
    "x heads",
    Step(
        "answer",
        lambda s: s.x.unflatten(-1, (s.heads, -1)).transpose(1, 2),
        Wrong(
            "a view straight to (b, heads, n, d)",
            lambda s: s.x.reshape(len(s.x), s.heads, s.x.size(1), -1),
            WAY,
            "the shape is right, but a head got whole words instead of a part of each word",
        ),
        Wrong("not transposed", lambda s: s.x.unflatten(-1, (s.heads, -1)), WAY, "heads stand behind the words"),
        Wrong(
            "the features are dealt out in turn",
            lambda s: s.x.unflatten(-1, (-1, s.heads)).permute(0, 3, 1, 2),
            NEXT,
            "a head takes every heads-th feature",
        ),
        Wrong("the features are dealt out in turn", lambda s: s.x.unflatten(-1, (-1, s.heads)), NEXT),
        Wrong("d stands before the words", lambda s: s.x.unflatten(-1, (s.heads, -1)).permute(0, 2, 3, 1), WAY),
        Wrong(
            "the wrong two axes are exchanged",
            lambda s: s.x.unflatten(-1, (s.heads, -1)).transpose(2, 3),
            WAY,
        ),
        Wrong("sentences and words are exchanged", lambda s: s.x.unflatten(-1, (s.heads, -1)).transpose(0, 1), WAY),
        Wrong(
            "the heads stand before the sentences", lambda s: s.x.unflatten(-1, (s.heads, -1)).permute(2, 0, 1, 3), WAY
        ),
        Wrong(
            "transposed before it is cut",
            lambda s: s.x.mT.reshape(len(s.x), s.heads, s.x.size(1), -1),
            WAY,
            "words and features are exchanged first",
        ),
        Wrong(
            "turned and viewed",
            lambda s: s.x.transpose(0, 1).reshape(len(s.x), s.heads, s.x.size(1), -1),
            WAY,
            "sentences and words are exchanged first",
        ),
        Wrong("the heads are in reverse", lambda s: s.x.unflatten(-1, (s.heads, -1)).transpose(1, 2).flip(1), NEXT),
        Wrong("the words are cut instead of the width", lambda s: s.x.unflatten(1, (s.heads, -1)), WAY),
        Wrong(
            "the heads are folded into the sentences",
            lambda s: s.x.unflatten(-1, (s.heads, -1)).transpose(1, 2).flatten(0, 1),
            "keep them apart: (b, heads, n, d)",
        ),
        Wrong("only the first head", lambda s: s.x.chunk(s.heads, -1)[0][:, None], "all heads: torch.stack, or a view"),
        Wrong("the heads are not stacked", lambda s: torch.cat(s.x.chunk(s.heads, -1), 1), WAY),
        Wrong("every head gets the whole width", lambda s: s.x[:, None].expand(-1, s.heads, -1, -1), NEXT),
        Wrong("an axis too many", lambda s: s.x[:, None], "cut the width: (b, heads, n, d)"),
    ),
)


# right, each in another way


def by_view(x, heads):
    b, n, w = x.shape
    return x.view(b, n, heads, w // heads).transpose(1, 2)


def by_permuting(x, heads):
    return x.reshape(*x.shape[:2], heads, -1).permute(0, 2, 1, 3)


def by_stacking(x, heads):
    return torch.stack(x.chunk(heads, dim=-1), dim=1)


def by_slices(x, heads):
    d = x.size(-1) // heads
    return torch.stack([x[:, :, h * d : (h + 1) * d] for h in range(heads)], dim=1)


def by_filling(x, heads):
    b, n, w = x.shape
    out = torch.empty(b, heads, n, w // heads)
    for h in range(heads):
        out[:, h] = x[..., h * (w // heads) : (h + 1) * (w // heads)]
    return out


def by_turning(x, heads):
    """Words last, so that a view cuts the features right."""
    return x.mT.reshape(x.size(0), heads, -1, x.size(1)).mT


def by_numbers(x, heads):
    d = x.size(-1) // heads
    rows = [[[word[h * d : h * d + d] for word in sentence] for h in range(heads)] for sentence in x.tolist()]
    return torch.tensor(rows)


def by_einsum(x, heads):
    return torch.einsum("bnhd->bhnd", x.unflatten(2, (heads, x.size(2) // heads))).contiguous()


def _word(function, case: Case) -> str:
    """What a head knows of a word is of this word."""
    x, heads = case.arguments
    away = function(x[:, :1], heads), function(x, heads)[:, :, :1]
    same = away[0].shape == away[1].shape and torch.equal(*away)
    return "" if same else "Word 0 of every head must be made of word 0 alone; yours is not."


EXERCISE = Exercise(
    name="split-heads",
    cases=cases,
    key=key,
    switchboard=BOARD,
    mistakes=BOARD.mistakes,
    right=(by_view, by_permuting, by_stacking, by_slices, by_filling, by_turning, by_numbers, by_einsum),
    properties=(Property("words stay apart", _word),),
    learned=(0,),
    together=False,
    axes={"answer": "word feature"},
    hints=(
        "Two steps: cut the last axis in two, then bring the heads in front of the words.",
        "x.view(b, n, heads, d) cuts every word into its heads; a view cannot exchange axes, it only cuts and glues.",
        "x.view(b, n, heads, w // heads).transpose(1, 2)",
    ),
    explanation="Nothing is computed: a view cuts, a transpose exchanges. What all heads found is merged the way back.",
)
