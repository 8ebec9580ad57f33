"""The mistakes of multi-head attention in its four projections."""

from glassformer.learn.bank import attending_words as say
from glassformer.learn.exercise import Mistake


def mistake(name: str, stage: str, what: str, repair: str, **switches: str) -> Mistake:
    return Mistake(name, stage, say.at(stage, what, repair), switches)


LINEAR = "a projection is x @ w.T, as nn.Linear does it"
OWN = "each of q, k and v has its own matrix"
APPLY = "the last step is merged @ wo.T"

PROJECTIONS = (
    mistake("q is not projected", "q", "the queries are x itself", "project it: x @ wq.T", q="missing"),
    mistake("k is not projected", "k", "the keys are x itself", "project it: x @ wk.T", k="missing"),
    mistake("v is not projected", "v", "the values are x itself", "project it: x @ wv.T", v="missing"),
    mistake("nothing is projected", "q", "q, k and v are x itself", OWN, q="missing", k="missing", v="missing"),
    mistake("q and k are not projected", "q", "queries and keys are x itself", OWN, q="missing", k="missing"),
    mistake("k and v are not projected", "k", "keys and values are x itself", OWN, k="missing", v="missing"),
    mistake("the weights of q are transposed", "q", "q is x @ wq", LINEAR, q="turned"),
    mistake("the weights of k are transposed", "k", "k is x @ wk", LINEAR, k="turned"),
    mistake("the weights of v are transposed", "v", "v is x @ wv", LINEAR, v="turned"),
    mistake(
        "the weights of q, k and v are transposed",
        "q",
        "q, k and v are x @ w",
        LINEAR,
        q="turned",
        k="turned",
        v="turned",
    ),
    mistake(
        "all weights are transposed",
        "q",
        "every projection is x @ w",
        LINEAR,
        q="turned",
        k="turned",
        v="turned",
        out="turned",
    ),
    mistake("the weights of the output are transposed", "output", "the output is merged @ wo", LINEAR, out="turned"),
    mistake("one projection for all", "k", "q, k and v all use wq", OWN, k="q's", v="q's"),
    mistake("one projection for all", "q", "q, k and v all use wk", OWN, q="k's", v="k's"),
    mistake("one projection for all", "q", "q, k and v all use wv", OWN, q="v's", k="v's"),
    mistake("k uses the projection of q", "k", "k uses wq", OWN, k="q's"),
    mistake("q uses the projection of k", "q", "q uses wk", OWN, q="k's"),
    mistake("v uses the projection of k", "v", "v uses wk", OWN, v="k's"),
    mistake("v uses the projection of q", "v", "v uses wq", OWN, v="q's"),
    mistake("k uses the projection of v", "k", "k uses wv", OWN, k="v's"),
    mistake("q uses the projection of v", "q", "q uses wv", OWN, q="v's"),
    mistake("v uses the projection of the output", "v", "v uses wo", OWN, v="out's"),
    mistake("v and output are exchanged", "v", "v uses wo, and the output wv", OWN, v="out's", out="v's"),
    mistake("k is made of q", "k", "k is a projection of q, not of x", OWN, k="of q"),
    mistake("v is made of k", "v", "v is a projection of k, not of x", OWN, v="of k"),
    mistake("the values are projected twice", "v", "v goes through its matrix twice", OWN, v="twice"),
    mistake(
        "a non-linearity after the projections",
        "q",
        "q, k and v go through a relu",
        "projections are linear",
        q="relu",
        k="relu",
        v="relu",
    ),
    mistake("the output projection is missing", "output", "the merged heads are not projected", APPLY, out="missing"),
    mistake("the output uses the projection of q", "output", "the output uses wq", APPLY, out="q's"),
    mistake("the output uses the projection of v", "output", "the output uses wv", APPLY, out="v's"),
    mistake("the output is projected twice", "output", "wo is applied twice", APPLY, out="twice"),
    mistake("a non-linearity after the output", "output", "the output goes through a relu", APPLY, out="relu"),
    mistake(
        "x is added",
        "output",
        "x is added to the output",
        "the residual belongs to the block, not to attention",
        add="x",
    ),
    mistake(
        "x is added, and all is normalised",
        "output",
        "x is added, and a LayerNorm follows",
        "residual and norm belong to the block",
        add="x, normalised",
    ),
    mistake(
        "the output is normalised", "output", "a LayerNorm follows", "the norm belongs to the block", add="normalised"
    ),
    mistake(
        "softmax of the output",
        "output",
        "a softmax runs over the output",
        "the softmax belongs to the scores alone",
        add="softmax",
    ),
)
