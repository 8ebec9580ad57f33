"""Mistakes that attention, causal attention and multi-head attention share: scaling, softmax, mask."""

from glassformer.learn.bank import attending_words as say
from glassformer.learn.exercise import Mistake

BY_ROOT = "divide by √d, the root of the width of one query"
BEFORE = "fill them with −∞ (or a very negative number) before the softmax"


def _scale(name: str, setting: str, how: str) -> Mistake:
    return Mistake(name, "scaled", say.scaled(how, BY_ROOT), {"scale": setting})


SCALING = (
    _scale("no scaling", "none", "the scores are not scaled"),
    _scale("divided by d", "d", "the scores are divided by d, not by its root"),
    _scale("divided by d²", "d²", "the scores are divided by d²"),
    _scale("divided by half of d", "d/2", "the scores are divided by d / 2 (d ** 1 / 2 is that: the power goes first)"),
    _scale("divided by the fourth root of d", "∜d", "the root is taken twice"),
    _scale("the whole root is rounded down", "⌊√d⌋", "the root is rounded down to a whole number"),
    _scale("divided by half of √d", "half √d", "the scores are divided by half of √d"),
    _scale("multiplied by √d", "×√d", "the scores are multiplied by √d instead of divided"),
    _scale("multiplied by d", "×d", "the scores are multiplied by d"),
    _scale(
        "divided by the root of the number of keys",
        "√keys",
        "the scores are divided by the root of how many keys there are",
    ),
    _scale("divided by the number of keys", "keys", "the scores are divided by how many keys there are"),
    _scale(
        "divided by the root of the number of queries",
        "√queries",
        "the scores are divided by the root of how many queries there are",
    ),
    _scale(
        "divided by the root of the batch",
        "√batch",
        "the scores are divided by the root of how many sentences there are",
    ),
    _scale("divided by √(d+1)", "√(d+1)", "the scores are divided by √(d + 1)"),
    Mistake(
        "scaled after the softmax",
        "scaled",
        say.sums(
            "the scaling comes after the softmax, so your weights no longer sum to 1",
            "divide the scores by √d, then take the softmax",
        ),
        {"scale": "after"},
    ),
)

ROWS = "softmax over the keys, dim −1, makes each row sum to 1"
SOFTMAX = (
    Mistake("softmax over the queries", "weights", say.queries, {"normalise": "queries"}),
    Mistake("softmax over the queries", "weights", say.queries, {"normalise": "exp / queries"}),
    Mistake(
        "softmax over the batch",
        "weights",
        say.sums("your softmax runs over the sentences of the batch, dim 0, which should not meet", ROWS),
        {"normalise": "batch"},
    ),
    Mistake(
        "softmax over all pairs",
        "weights",
        say.sums("your softmax runs over queries and keys at once", ROWS),
        {"normalise": "everything"},
    ),
    Mistake(
        "softmax twice",
        "weights",
        say.sums("the softmax is taken twice, which makes the weights nearly equal", "take it once"),
        {"normalise": "twice"},
    ),
    Mistake(
        "no softmax",
        "weights",
        say.sums("there is no softmax: scores are used as weights", ROWS),
        {"normalise": "not at all"},
    ),
    Mistake(
        "exponentials that are not divided by their sum",
        "weights",
        say.sums("the exponentials are not divided by their sum", ROWS),
        {"normalise": "only exp"},
    ),
    Mistake(
        "divided by the sum, without exponentials",
        "weights",
        say.sums("the scores are divided by their sum", "take exponentials first: softmax over the keys"),
        {"normalise": "by the sum"},
    ),
    Mistake(
        "sigmoid instead of softmax",
        "weights",
        say.sums("each weight is a sigmoid on its own", ROWS),
        {"normalise": "sigmoid"},
    ),
    Mistake(
        "tanh instead of softmax", "weights", say.sums("each weight is a tanh on its own", ROWS), {"normalise": "tanh"}
    ),
    Mistake(
        "relu instead of exponentials",
        "weights",
        say.sums("negative scores become 0 instead of small", "take exponentials: softmax over the keys"),
        {"normalise": "relu"},
    ),
    Mistake(
        "only the best key counts",
        "weights",
        say.sums("the best key has all the weight", "softmax gives every key its share"),
        {"normalise": "hard"},
    ),
    Mistake(
        "log of the softmax",
        "weights",
        say.sums("your weights are logarithms", "take softmax, not log_softmax"),
        {"normalise": "log"},
    ),
    Mistake(
        "softmax of the negative scores",
        "weights",
        say.sums("the best match gets the smallest weight", "leave the sign of the scores as it is"),
        {"normalise": "negative"},
    ),
    Mistake(
        "one is added to the sum",
        "weights",
        say.sums("the exponentials are divided by 1 more than their sum", ROWS),
        {"normalise": "exp / (1 + sum)"},
    ),
    Mistake(
        "the largest score is subtracted in one place only",
        "weights",
        say.sums("the exponentials lost the largest score, and what they are divided by did not", ROWS),
        {"normalise": "largest above only"},
    ),
    Mistake(
        "divided by the sum so far",
        "weights",
        say.sums("each exponential is divided by the sum up to it, not by that of its row", ROWS),
        {"normalise": "exp / sum so far"},
    ),
    Mistake(
        "the largest score moves, and what is summed already is not rescaled",
        "weights",
        say.sums(
            "each exponential lost the largest score so far, not the largest of its row",
            "where the largest moves, multiply what is summed already by exp(old − new)",
        ),
        {"normalise": "not rescaled"},
    ),
    Mistake(
        "powers of two instead of e",
        "weights",
        say.sums("your exponentials are powers of 2", "take exp: softmax over the keys"),
        {"normalise": "base 2"},
    ),
)

NEAR = "masked with a number that is not negative enough"
MASKING = (
    Mistake("the mask is ignored", "weights", say.masked("the mask changes nothing", BEFORE), {"fill": "ignored"}),
    Mistake(
        "masked after the softmax",
        "weights",
        say.sums("the mask comes after the softmax, so rows no longer sum to 1", BEFORE),
        {"fill": "after"},
    ),
    Mistake(
        "masked with 0 before the softmax",
        "weights",
        say.masked("masked scores become 0, and exp(0) is 1, not 0", BEFORE),
        {"fill": 0.0},
    ),
    *(
        Mistake(
            NEAR,
            "weights",
            say.masked(f"masked scores become {fill:g}, which still gets a share", BEFORE),
            {"fill": fill},
        )
        for fill in (-1.0, -0.1, -0.5, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -9.0, -10.0)
    ),
    *(
        Mistake(
            NEAR,
            "weights",
            say.masked(f"masked scores are lowered by {less}, which leaves them a share", BEFORE),
            {"fill": f"less {less}"},
        )
        for less in (2, 3, 4, 5, 10)
    ),
    Mistake("masked with a positive number", "weights", say.masked("masked scores become 1", BEFORE), {"fill": 1.0}),
    Mistake(
        "masked with a huge positive number",
        "weights",
        say.masked("masked scores become huge instead of very negative", BEFORE),
        {"fill": 1e9},
    ),
    Mistake(
        "−∞ times 0",
        "weights",
        "your weights are not numbers: −∞ · 0 is NaN; use masked_fill, or torch.where, instead of multiplying by −∞.",
        {"fill": "×−∞"},
    ),
    Mistake(
        "the mask is added",
        "weights",
        say.masked("the mask is added to the scores as ones and zeros", BEFORE),
        {"fill": "added"},
    ),
    Mistake(
        "the mask is inverted",
        "weights",
        say.masked("True and False are exchanged", "True says that i may look at j: fill where the mask is False"),
        {"sense": "inverted"},
    ),
    Mistake(
        "the mask is transposed",
        "weights",
        say.masked("the mask lies on its side", "its rows are queries, its columns keys"),
        {"sense": "turned"},
    ),
)
