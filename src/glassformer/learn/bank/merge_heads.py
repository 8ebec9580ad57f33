"""(b, h, n, d) → (b, n, w): what splitting did, backwards."""

import torch
from torch import Tensor
from torch.func import functional_call

from glassformer.learn.bank.split_heads import counted
from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.bank.words import drawing, drawn
from glassformer.learn.exercise import Case, Exercise, Property, Stages
from glassformer.parts.attention import Attention
from glassformer.tape import listen


def key(z: Tensor) -> Stages:
    """What attention does with z, put in the place of its own, where its last projection changes nothing."""
    width = z.size(1) * z.size(3)
    attention = Attention(width, z.size(1))
    same = {"out.weight": torch.eye(width), "out.bias": torch.zeros(width)}
    with listen(attention, edit={"z": lambda _: z}):
        return Stages(answer=functional_call(attention, same, (torch.zeros(z.size(0), z.size(2), width),)))


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)
    return [
        Case((counted(1, 2, 3, 2),), "2 heads, 3 words, 2 features: the numbers are 1, 2, 3 …"),
        Case((counted(2, 3, 4, 2),), "2 sentences, 3 heads, 4 words, 2 features"),
        Case((drawn(draw, 2, 3, 5, 4),), "2 sentences, 3 heads, 5 words, 4 features"),
        Case((drawn(draw, 3, 2, 4, 5),), "3 sentences, 2 heads, 4 words, 5 features"),
        Case((drawn(draw, 4, 4, 4, 4),), "4 of everything"),
        Case((drawn(draw, 2, 1, 3, 5),), "one head"),
        Case((drawn(draw, 3, 5, 4, 2),), "3 sentences, 5 heads, 4 words, 2 features"),
    ]


BACK = "first z.transpose(1, 2), so that the heads of a word are neighbours; then .flatten(-2)"
SIDE = "the heads stand side by side: nothing is added up"


def _size(s):
    return s.z.size(0), s.z.size(2), -1


BOARD = Board(
    "z",
    Step(
        "answer",
        lambda s: s.z.transpose(1, 2).flatten(-2),
        Wrong(
            "merged without transposing",
            lambda s: s.z.reshape(_size(s)),
            BACK,
            "the shape is right, but a word got the features of other words instead of those of the other heads",
        ),
        Wrong("the features of the heads alternate", lambda s: s.z.permute(0, 2, 3, 1).flatten(-2), BACK),
        Wrong("words and features are exchanged", lambda s: s.z.transpose(2, 3).reshape(_size(s)), BACK),
        Wrong("heads and features are exchanged", lambda s: s.z.transpose(1, 3).reshape(_size(s)), BACK),
        Wrong("d stands before the words", lambda s: s.z.permute(0, 3, 1, 2).reshape(_size(s)), BACK),
        Wrong("sentences and heads are exchanged", lambda s: s.z.transpose(0, 1).reshape(_size(s)), BACK),
        Wrong("sentences and words are exchanged", lambda s: s.z.permute(2, 0, 1, 3).flatten(-2), BACK),
        Wrong("the features stand where the words should", lambda s: s.z.transpose(1, 2).flatten(-2).mT, BACK),
        Wrong("transposed, not flattened", lambda s: s.z.transpose(1, 2), f"two axes become one: {BACK}"),
        Wrong("the heads stand one under the other", lambda s: s.z.flatten(1, 2), BACK),
        Wrong("flattened over words and features", lambda s: s.z.flatten(2), BACK),
        Wrong("everything of a sentence in one row", lambda s: s.z.transpose(1, 2).flatten(1), BACK),
        Wrong("the heads are averaged", lambda s: s.z.mean(1), SIDE),
        Wrong("the heads are summed", lambda s: s.z.sum(1), SIDE),
        Wrong("the largest of the heads", lambda s: s.z.amax(1), SIDE),
        Wrong("only the first head", lambda s: s.z[:, 0], "all heads belong to the answer, side by side"),
        Wrong("only the last head", lambda s: s.z[:, -1], "all heads belong to the answer, side by side"),
        Wrong("the first head everywhere", lambda s: s.z[:, 0].repeat(1, 1, s.z.size(1)), "each head has its place"),
        Wrong(
            "the heads are in reverse", lambda s: s.z.flip(1).transpose(1, 2).flatten(-2), "the first head comes first"
        ),
        Wrong("the sentences one under the other", lambda s: s.z.transpose(1, 2).flatten(-2).flatten(0, 1), BACK),
    ),
)


# right, each in another way


def by_view(z):
    b, h, n, d = z.shape
    return z.transpose(1, 2).contiguous().view(b, n, h * d)


def by_permuting(z):
    return z.permute(0, 2, 1, 3).reshape(z.size(0), z.size(2), -1)


def by_cat(z):
    return torch.cat(z.unbind(1), dim=-1)


def by_index(z):
    return torch.cat([z[:, h] for h in range(z.size(1))], 2)


def by_filling(z):
    b, h, n, d = z.shape
    out = torch.zeros(b, n, h * d)
    for k in range(h):
        out[:, :, k * d : k * d + d] = z[:, k]
    return out


def by_words(z):
    return torch.stack([z[:, :, n].flatten(1) for n in range(z.size(2))], dim=1)


def by_numbers(z):
    b, h, n, _ = z.shape
    lists = z.tolist()
    return torch.tensor([[[f for k in range(h) for f in lists[s][k][i]] for i in range(n)] for s in range(b)])


def by_turning(z):
    return z.mT.flatten(1, 2).mT


def _word(function, case: Case) -> str:
    (z,) = case.arguments
    pair = function(z[:, :, :1]), function(z)[:, :1]
    same = pair[0].shape == pair[1].shape and torch.equal(*pair)
    return "" if same else "Word 0 must be made of what the heads say of word 0 alone; yours is not."


EXERCISE = Exercise(
    name="merge-heads",
    cases=cases,
    key=key,
    switchboard=BOARD,
    mistakes=BOARD.mistakes,
    right=(by_view, by_permuting, by_cat, by_index, by_filling, by_words, by_numbers, by_turning),
    properties=(Property("words stay apart", _word),),
    learned=(0,),
    together=False,
    axes={"answer": "word feature"},
    hints=(
        "The way back from splitting: first the heads behind the words, then two axes become one.",
        "z.transpose(1, 2) is (b, n, heads, d); now the heads of one word are neighbours.",
        "z.transpose(1, 2).flatten(-2), or .reshape(b, n, heads * d)",
    ),
    explanation="Side by side the heads know nothing of each other; in multi-head attention a last matrix mixes them.",
)
