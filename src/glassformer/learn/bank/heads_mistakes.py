"""The mistakes of multi-head attention that one head cannot make: projections, split, merge."""

from collections.abc import Callable
from dataclasses import replace

from glassformer.learn.bank.words import number, numbers, rows_apart
from glassformer.learn.exercise import Evidence, Mistake


def _at(stage: str, what: str, repair: str) -> Callable[[Evidence], str]:
    def says(e: Evidence) -> str:
        theirs, right = rows_apart(e.wrong[stage], e.right[stage])
        return f"{what}: a row of your {stage} is {numbers(theirs)}, it should be {numbers(right)}; {repair}."

    return says


def _mistake(name: str, stage: str, what: str, repair: str, **switches: str) -> Mistake:
    return Mistake(name, stage, _at(stage, what, repair), switches)


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
LINEAR = "a projection is x @ w.T, as nn.Linear does it"
OWN = "each of q, k and v has its own matrix"
APPLY = "the last step is merged @ wo.T"

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
    _mistake(
        "split by a view without transposing", "q", "the split into heads mixes words and features", WAY, split="viewed"
    ),
    _mistake(
        "heads interleaved",
        "q",
        "a head takes every heads-th feature instead of a block of neighbours",
        "view as (b, n, heads, d), heads before d",
        split="interleaved",
    ),
    _mistake(
        "the slices of the heads overlap",
        "q",
        "each head begins one feature after the one before it",
        "head h takes the features h · d … (h + 1) · d",
        split="overlapping",
    ),
    _mistake("one head only", "q", "the width is not split: there is one head", WAY, split="one head"),
    _mistake(
        "attention runs over the heads",
        "scores",
        "the heads stand where the words should",
        WAY,
        split="not transposed",
        merge="not transposed",
    ),
    _mistake(
        "attention runs over the heads",
        "scores",
        "the heads stand where the words should, and no mask fits",
        WAY,
        split="not transposed",
        merge="not transposed",
        fill="ignored",
    ),
    _mistake(
        "q, k and v are cut out of the wrong layout",
        "q",
        "a fused projection is cut head by head into q, k and v",
        "it holds all of q, then all of k, then all of v: chunk(3, −1) first, then split the heads",
        split="head by head",
    ),
    _mistake(
        "all heads use the keys of the first",
        "k",
        "every head matches with the first head's keys",
        "head h takes its own features, h · d … (h + 1) · d",
        split_k="first of all",
    ),
    _mistake(
        "all heads use the values of the first",
        "v",
        "every head mixes the first head's values",
        "head h takes its own features, h · d … (h + 1) · d",
        split_v="first of all",
    ),
    _mistake(
        "heads are cut out of x, not of the projections",
        "q",
        "each head reads only its own slice of x",
        "every head reads the whole x: project first, then split",
        split="sliced before",
    ),
    _mistake(
        "the values are split by a view without transposing",
        "v",
        "the split of v mixes words and features",
        WAY,
        split_v="viewed",
    ),
    _mistake(
        "the heads of the values are interleaved",
        "v",
        "a head of v takes every heads-th feature",
        WAY,
        split_v="interleaved",
    ),
    _mistake("merged without transposing", "merged", "the merge mixes words and heads", BACK, merge="viewed"),
    _mistake(
        "heads merged interleaved",
        "merged",
        "the features of the heads alternate",
        "the features of a head stay neighbours: (b, n, heads, d) flattened",
        merge="interleaved",
    ),
    _mistake(
        "heads and sentences are unfolded in the wrong order",
        "merged",
        "b · h rows are taken for h rows of b",
        "the way they were folded: .view(b, heads, n, d)",
        merge="unfolded",
    ),
    _mistake("heads averaged", "merged", "the heads are averaged instead of set side by side", BACK, merge="mean"),
    _mistake(
        "heads averaged", "merged", "the heads are averaged instead of set side by side", BACK, merge="repeated mean"
    ),
    _mistake("heads summed", "merged", "the heads are summed instead of set side by side", BACK, merge="sum"),
    _mistake("heads summed", "merged", "the heads are summed instead of set side by side", BACK, merge="repeated sum"),
    _mistake("only the first head is used", "merged", "only the first head's answer is left", BACK, merge="first"),
    _mistake("only the last head is used", "merged", "only the last head's answer is left", BACK, merge="last"),
    _mistake("only the first head is used", "merged", "only the first head's answer is left", BACK, merge="only first"),
    _mistake("only the last head is used", "merged", "only the last head's answer is left", BACK, merge="only last"),
    _mistake("heads in reverse", "merged", "the heads stand in reverse", BACK, merge="reversed"),
    _mistake(
        "merged with the wrong axes", "merged", "the merge transposes words and features", BACK, merge="features first"
    ),
    _mistake(
        "merged with the wrong axes", "merged", "the merge transposes heads and features", BACK, merge="words last"
    ),
    Mistake(
        "the heads are not merged",
        "merged",
        _shape("the heads are not merged", BACK),
        {"merge": "not merged", "out": "missing"},
    ),
    _mistake("q is not projected", "q", "the queries are x itself", "project it: x @ wq.T", q="missing"),
    _mistake("k is not projected", "k", "the keys are x itself", "project it: x @ wk.T", k="missing"),
    _mistake("v is not projected", "v", "the values are x itself", "project it: x @ wv.T", v="missing"),
    _mistake("nothing is projected", "q", "q, k and v are x itself", OWN, q="missing", k="missing", v="missing"),
    _mistake("q and k are not projected", "q", "queries and keys are x itself", OWN, q="missing", k="missing"),
    _mistake("k and v are not projected", "k", "keys and values are x itself", OWN, k="missing", v="missing"),
    _mistake("the weights of q are transposed", "q", "q is x @ wq", LINEAR, q="turned"),
    _mistake("the weights of k are transposed", "k", "k is x @ wk", LINEAR, k="turned"),
    _mistake("the weights of v are transposed", "v", "v is x @ wv", LINEAR, v="turned"),
    _mistake(
        "the weights of q, k and v are transposed",
        "q",
        "q, k and v are x @ w",
        LINEAR,
        q="turned",
        k="turned",
        v="turned",
    ),
    _mistake(
        "all weights are transposed",
        "q",
        "every projection is x @ w",
        LINEAR,
        q="turned",
        k="turned",
        v="turned",
        out="turned",
    ),
    _mistake("the weights of the output are transposed", "output", "the output is merged @ wo", LINEAR, out="turned"),
    _mistake("one projection for all", "k", "q, k and v all use wq", OWN, k="q's", v="q's"),
    _mistake("one projection for all", "q", "q, k and v all use wk", OWN, q="k's", v="k's"),
    _mistake("one projection for all", "q", "q, k and v all use wv", OWN, q="v's", k="v's"),
    _mistake("k uses the projection of q", "k", "k uses wq", OWN, k="q's"),
    _mistake("q uses the projection of k", "q", "q uses wk", OWN, q="k's"),
    _mistake("v uses the projection of k", "v", "v uses wk", OWN, v="k's"),
    _mistake("v uses the projection of q", "v", "v uses wq", OWN, v="q's"),
    _mistake("k uses the projection of v", "k", "k uses wv", OWN, k="v's"),
    _mistake("q uses the projection of v", "q", "q uses wv", OWN, q="v's"),
    _mistake("v uses the projection of the output", "v", "v uses wo", OWN, v="out's"),
    _mistake("v and output are exchanged", "v", "v uses wo, and the output wv", OWN, v="out's", out="v's"),
    _mistake("k is made of q", "k", "k is a projection of q, not of x", OWN, k="of q"),
    _mistake("v is made of k", "v", "v is a projection of k, not of x", OWN, v="of k"),
    _mistake("the values are projected twice", "v", "v goes through its matrix twice", OWN, v="twice"),
    _mistake(
        "a non-linearity after the projections",
        "q",
        "q, k and v go through a relu",
        "projections are linear",
        q="relu",
        k="relu",
        v="relu",
    ),
    _mistake("the output projection is missing", "output", "the merged heads are not projected", APPLY, out="missing"),
    _mistake("the output uses the projection of q", "output", "the output uses wq", APPLY, out="q's"),
    _mistake("the output uses the projection of v", "output", "the output uses wv", APPLY, out="v's"),
    _mistake("the output is projected twice", "output", "wo is applied twice", APPLY, out="twice"),
    _mistake("a non-linearity after the output", "output", "the output goes through a relu", APPLY, out="relu"),
    _mistake(
        "x is added",
        "output",
        "x is added to the output",
        "the residual belongs to the block, not to attention",
        add="x",
    ),
    _mistake(
        "x is added, and all is normalised",
        "output",
        "x is added, and a LayerNorm follows",
        "residual and norm belong to the block",
        add="x, normalised",
    ),
    _mistake(
        "the output is normalised", "output", "a LayerNorm follows", "the norm belongs to the block", add="normalised"
    ),
    _mistake(
        "softmax of the output",
        "output",
        "a softmax runs over the output",
        "the softmax belongs to the scores alone",
        add="softmax",
    ),
    Mistake(
        "the mask is put on the first head only",
        "weights",
        "only the first head's scores are masked, the other heads look everywhere; (n, n) fits all heads at once, and "
        "(b, n, n) wants an axis for them: mask[:, None].",
        {"fill": "first head"},
    ),
    Mistake("softmax over the heads", "weights", _sum, {"normalise": "heads"}),
    _mistake(
        "divided by the root of the whole width",
        "scaled",
        "the scores are divided by √width",
        "divide by √d, the width of one head",
        scale="√width",
    ),
    _mistake(
        "divided by the whole width",
        "scaled",
        "the scores are divided by the width",
        "divide by √d, d the width of one head",
        scale="width",
    ),
    _mistake(
        "divided by the root of the number of heads",
        "scaled",
        "the scores are divided by √heads",
        "divide by √d, the width of one head",
        scale="√heads",
    ),
    _mistake(
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
