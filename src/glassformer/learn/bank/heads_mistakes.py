"""The mistakes of multi-head attention that one head cannot make: split and merge here, projections beside it."""

from collections.abc import Callable
from dataclasses import replace

from glassformer.learn.bank.heads_projected import PROJECTIONS, mistake
from glassformer.learn.bank.words import number
from glassformer.learn.exercise import Evidence, Mistake


def _shape(what: str, repair: str) -> Callable[[Evidence], str]:
    def says(e: Evidence) -> str:
        theirs, right = tuple(e.theirs.shape), tuple(e.right.answer.shape)
        return f"{what}: your answer has the shape {theirs}, it should be {right}; {repair}."

    return says


def _sum(e: Evidence) -> str:
    total = e.wrong["weights"].sum(1).flatten()[0]
    sums = f"for one query and key the weights of all heads sum to {number(total)}"
    return f"your softmax runs over the heads ({sums}); it should run over the keys, dim −1."


WAY = "view as (b, n, heads, d), then transpose(1, 2)"
BACK = "transpose(1, 2) back to (b, n, heads, d), then flatten the last two"

RARE = {
    "attention runs over the heads",
    "the slices of the heads overlap",
    "q, k and v are cut out of the wrong layout",
    "all heads use the keys of the first",
    "all heads use the values of the first",
    "the mask is put on the first head only",
    "heads and sentences are unfolded in the wrong order",
    "the heads of the values are interleaved",
    "only the last head is used",
    "heads in reverse",
    "merged with the wrong axes",
    "q and k are not projected",
    "k and v are not projected",
    "one projection for all",
    "q uses the projection of v",
    "k uses the projection of v",
    "v uses the projection of the output",
    "v and output are exchanged",
    "k is made of q",
    "v is made of k",
    "the values are projected twice",
    "a non-linearity after the projections",
    "the output uses the projection of q",
    "the output uses the projection of v",
    "the output is projected twice",
    "a non-linearity after the output",
    "x is added, and all is normalised",
    "the output is normalised",
    "softmax of the output",
    "divided by the root of the number of heads",
    "divided by the number of heads",
    "divided by the whole width",
    "the weights are given back",
    "the heads are not merged",
    "heads are cut out of x, not of the projections",
}

_ALL = (
    mistake(
        "split by a view without transposing", "q", "the split into heads mixes words and features", WAY, split="viewed"
    ),
    mistake(
        "heads interleaved",
        "q",
        "a head takes every heads-th feature instead of a block of neighbours",
        "view as (b, n, heads, d), heads before d",
        split="interleaved",
    ),
    mistake(
        "the slices of the heads overlap",
        "q",
        "each head begins one feature after the one before it",
        "head h takes the features h · d … (h + 1) · d",
        split="overlapping",
    ),
    mistake("one head only", "q", "the width is not split: there is one head", WAY, split="one head"),
    mistake(
        "attention runs over the heads",
        "scores",
        "the heads stand where the words should",
        WAY,
        split="not transposed",
        merge="not transposed",
    ),
    mistake(
        "attention runs over the heads",
        "scores",
        "the heads stand where the words should, and no mask fits",
        WAY,
        split="not transposed",
        merge="not transposed",
        fill="ignored",
    ),
    mistake(
        "q, k and v are cut out of the wrong layout",
        "q",
        "a fused projection is cut head by head into q, k and v",
        "it holds all of q, then all of k, then all of v: chunk(3, −1) first, then split the heads",
        split="head by head",
    ),
    mistake(
        "all heads use the keys of the first",
        "k",
        "every head matches with the first head's keys",
        "head h takes its own features, h · d … (h + 1) · d",
        split_k="first of all",
    ),
    mistake(
        "all heads use the values of the first",
        "v",
        "every head mixes the first head's values",
        "head h takes its own features, h · d … (h + 1) · d",
        split_v="first of all",
    ),
    mistake(
        "heads are cut out of x, not of the projections",
        "q",
        "each head reads only its own slice of x",
        "every head reads the whole x: project first, then split",
        split="sliced before",
    ),
    mistake(
        "the values are split by a view without transposing",
        "v",
        "the split of v mixes words and features",
        WAY,
        split_v="viewed",
    ),
    mistake(
        "the heads of the values are interleaved",
        "v",
        "a head of v takes every heads-th feature",
        WAY,
        split_v="interleaved",
    ),
    mistake("merged without transposing", "merged", "the merge mixes words and heads", BACK, merge="viewed"),
    mistake(
        "heads merged interleaved",
        "merged",
        "the features of the heads alternate",
        "the features of a head stay neighbours: (b, n, heads, d) flattened",
        merge="interleaved",
    ),
    mistake(
        "heads and sentences are unfolded in the wrong order",
        "merged",
        "b · h rows are taken for h rows of b",
        "the way they were folded: .view(b, heads, n, d)",
        merge="unfolded",
    ),
    mistake("heads averaged", "merged", "the heads are averaged instead of set side by side", BACK, merge="mean"),
    mistake(
        "heads averaged", "merged", "the heads are averaged instead of set side by side", BACK, merge="repeated mean"
    ),
    mistake("heads summed", "merged", "the heads are summed instead of set side by side", BACK, merge="sum"),
    mistake("heads summed", "merged", "the heads are summed instead of set side by side", BACK, merge="repeated sum"),
    mistake("only the first head is used", "merged", "only the first head's answer is left", BACK, merge="first"),
    mistake("only the last head is used", "merged", "only the last head's answer is left", BACK, merge="last"),
    mistake("only the first head is used", "merged", "only the first head's answer is left", BACK, merge="only first"),
    mistake("only the last head is used", "merged", "only the last head's answer is left", BACK, merge="only last"),
    mistake("heads in reverse", "merged", "the heads stand in reverse", BACK, merge="reversed"),
    mistake(
        "merged with the wrong axes", "merged", "the merge transposes words and features", BACK, merge="features first"
    ),
    mistake(
        "merged with the wrong axes", "merged", "the merge transposes heads and features", BACK, merge="words last"
    ),
    Mistake(
        "the heads are not merged",
        "merged",
        _shape("the heads are not merged", BACK),
        {"merge": "not merged", "out": "missing"},
    ),
    *PROJECTIONS,
    Mistake(
        "the mask is put on the first head only",
        "weights",
        "only the first head's scores are masked, the other heads look everywhere; (n, n) fits all heads at once, and "
        "(b, n, n) wants an axis for them: mask[:, None].",
        {"fill": "first head"},
    ),
    Mistake("softmax over the heads", "weights", _sum, {"normalise": "heads"}),
    mistake(
        "divided by the root of the whole width",
        "scaled",
        "the scores are divided by √width",
        "divide by √d, the width of one head",
        scale="√width",
    ),
    mistake(
        "divided by the whole width",
        "scaled",
        "the scores are divided by the width",
        "divide by √d, d the width of one head",
        scale="width",
    ),
    mistake(
        "divided by the root of the number of heads",
        "scaled",
        "the scores are divided by √heads",
        "divide by √d, the width of one head",
        scale="√heads",
    ),
    mistake(
        "divided by the number of heads",
        "scaled",
        "the scores are divided by how many heads there are",
        "divide by √d, the width of one head",
        scale="heads",
    ),
    Mistake(
        "the weights are given back",
        "output",
        _shape("you give back the weights", "mix the values with them, merge, and project"),
        {"gives": "weights"},
    ),
)

HEADS = tuple(replace(each, rare=each.name in RARE) for each in _ALL)
