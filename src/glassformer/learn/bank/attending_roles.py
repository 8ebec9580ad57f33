"""The other mistakes that they share: who matches whom, how, and what is mixed; and all of them together."""

from dataclasses import replace

from glassformer.learn.bank import attending_words as say
from glassformer.learn.bank.attending_mistakes import MASKING, NEAR, SCALING, SOFTMAX
from glassformer.learn.exercise import Mistake

ROLES = (
    Mistake(
        "queries and keys are exchanged",
        "scores",
        say.scores("q and k are exchanged", "row i, column j is q_i · k_j"),
        {"roles": "kqv"},
    ),
    Mistake(
        "queries and keys are exchanged",
        "scores",
        say.scores("your scores are k·qᵀ", "row i, column j is q_i · k_j: q @ k.mT"),
        {"product": "k·qᵀ"},
    ),
    Mistake(
        "keys and values are exchanged",
        "scores",
        say.scores("k and v are exchanged", "queries match keys, and mix values"),
        {"roles": "qvk"},
    ),
    Mistake(
        "queries and values are exchanged",
        "scores",
        say.scores("q and v are exchanged", "queries match keys, and mix values"),
        {"roles": "vkq"},
    ),
    Mistake(
        "queries are matched with queries",
        "scores",
        say.scores("queries are matched with themselves", "match q with k"),
        {"roles": "qqv"},
    ),
    Mistake(
        "keys are matched with keys",
        "scores",
        say.scores("keys are matched with themselves", "match q with k"),
        {"roles": "kkv"},
    ),
    Mistake(
        "values are matched with values",
        "scores",
        say.scores("values are matched with themselves", "match q with k"),
        {"roles": "vvv"},
    ),
    Mistake(
        "queries are matched with values",
        "scores",
        say.scores("queries are matched with values", "match q with k"),
        {"roles": "qvv"},
    ),
    Mistake(
        "the keys are mixed", "mixture", say.answer("keys are mixed instead of values", "weights @ v"), {"roles": "qkk"}
    ),
    Mistake(
        "the queries are mixed",
        "mixture",
        say.answer("queries are mixed instead of values", "weights @ v"),
        {"roles": "qkq"},
    ),
    Mistake(
        "all three roles are turned round",
        "scores",
        say.scores("q, k and v each stand in another's place", "queries match keys, and mix values"),
        {"roles": "vqk"},
    ),
    Mistake(
        "all three roles are turned round",
        "scores",
        say.scores("q, k and v each stand in another's place", "queries match keys, and mix values"),
        {"roles": "kvq"},
    ),
)

PRODUCT = (
    Mistake(
        "keys are reshaped instead of transposed",
        "scores",
        say.scores("k is reshaped to (d, j), which mixes up its words", "transpose it: k.mT or k.transpose(−2, −1)"),
        {"product": "reshaped"},
    ),
    Mistake(
        "cosine instead of dot product",
        "scores",
        say.scores("q and k are brought to length 1 first", "the score is the bare dot product"),
        {"product": "cosine"},
    ),
    Mistake(
        "distance instead of dot product",
        "scores",
        say.scores("the score is a distance", "multiply feature by feature and add up"),
        {"product": "distance"},
    ),
    Mistake(
        "distance instead of dot product",
        "scores",
        say.scores("the score is a negative distance", "multiply feature by feature and add up"),
        {"product": "−distance"},
    ),
    Mistake(
        "sum instead of product",
        "scores",
        say.scores("q and k are added", "multiply feature by feature and add up"),
        {"product": "sum"},
    ),
    Mistake(
        "the sign of the scores is lost",
        "scores",
        say.scores("the scores lose their sign", "a negative match must stay negative"),
        {"product": "absolute"},
    ),
    Mistake(
        "the last key is left out",
        "scores",
        say.scores("the last key is never looked at", "a loop over all keys runs to range(j)"),
        {"product": "all but the last"},
    ),
    Mistake(
        "mean instead of dot product",
        "scores",
        say.scores("the products are averaged over the features, not summed", "add them up; √d comes afterwards"),
        {"product": "mean"},
    ),
)

MIXING = (
    Mistake(
        "the weights are transposed",
        "mixture",
        say.answer("the values are mixed by columns of the weights", "weights @ v, each row a query"),
        {"mix": "weightsᵀ·v"},
    ),
    Mistake(
        "the weights are given back",
        "mixture",
        say.given("weights", "mix the values with them"),
        {"mix": "the weights"},
    ),
    Mistake(
        "the scores are given back",
        "mixture",
        say.given("scores", "softmax them, and mix the values"),
        {"mix": "the scores"},
    ),
    Mistake(
        "the values are averaged",
        "mixture",
        say.answer("every query gets the plain mean of the values", "weigh each value: weights @ v"),
        {"mix": "mean"},
    ),
    Mistake(
        "the values are summed",
        "mixture",
        say.answer("every query gets the plain sum of the values", "weigh each value: weights @ v"),
        {"mix": "sum"},
    ),
    Mistake(
        "averaged once more",
        "mixture",
        say.answer("the mixture is divided by how many keys there are", "the weights sum to 1 already"),
        {"mix": "÷ keys"},
    ),
    Mistake(
        "the query is added",
        "mixture",
        say.answer("the query is added to the mixture", "a residual belongs to the block, not to attention"),
        {"mix": "+ q"},
    ),
    Mistake(
        "the value is added",
        "mixture",
        say.answer("its own value is added to each mixture", "a residual belongs to the block, not to attention"),
        {"mix": "+ v"},
    ),
    Mistake(
        "the values are weighed but not mixed",
        "mixture",
        say.answer("each value is multiplied by its row's total", "sum over the keys: weights @ v"),
        {"mix": "v ⊙ total"},
    ),
    Mistake(
        "the values stand a word late",
        "mixture",
        say.answer("each word gives the value of the one before it", "leave the values where they are: weights @ v"),
        {"mix": "v a word late"},
    ),
    Mistake(
        "softmax of the answer",
        "mixture",
        say.answer("a softmax runs over the answer", "the softmax belongs to the scores alone"),
        {"mix": "softmax again"},
    ),
    Mistake(
        "the weights are detached",
        "weights",
        "the numbers are right, but no gradient reaches q and k: the weights are detached; drop .detach() or no_grad.",
        {"detach": "weights"},
        gradients=True,
    ),
)

EXCHANGED = Mistake(
    "words and sentences are exchanged",
    "scores",
    say.scores(
        "attention runs over the sentences of the batch, not over the words of each",
        "the first axis is the batch: (b, n, d); nn.MultiheadAttention has it second unless it is told batch_first",
    ),
    {"axes": "words first"},
    rare=True,
)

RARE = {
    "divided by d²",
    "divided by half of d",
    "divided by the fourth root of d",
    "the whole root is rounded down",
    "divided by half of √d",
    "multiplied by d",
    "divided by the root of the number of keys",
    "divided by the number of keys",
    "divided by the root of the number of queries",
    "divided by the root of the batch",
    "divided by √(d+1)",
    "softmax over all pairs",
    "tanh instead of softmax",
    "relu instead of exponentials",
    "only the best key counts",
    "log of the softmax",
    "softmax of the negative scores",
    "powers of two instead of e",
    "one is added to the sum",
    "the largest score is subtracted in one place only",
    "divided by the sum so far",
    "the largest score moves, and what is summed already is not rescaled",
    "the last key is left out",
    "the values stand a word late",
    "masked with a positive number",
    "masked with a huge positive number",
    "−∞ times 0",
    "values are matched with values",
    "queries are matched with values",
    "all three roles are turned round",
    "cosine instead of dot product",
    "distance instead of dot product",
    "sum instead of product",
    "the sign of the scores is lost",
    "mean instead of dot product",
    "the values are summed",
    "softmax of the answer",
    "averaged once more",
    "the values are weighed but not mixed",
    "sigmoid instead of softmax",
    "the queries are mixed",
    "divided by the sum, without exponentials",
}

ALL = tuple(
    replace(each, rare=each.name in RARE or (each.name == NEAR and each.switches != {"fill": -1.0}))
    for each in (*SCALING, *SOFTMAX, *MASKING, *ROLES, *PRODUCT, *MIXING)
)


def without(*names: str) -> tuple[Mistake, ...]:
    """All but those that an exercise cannot tell apart, or has a better name for."""
    return tuple(mistake for mistake in ALL if mistake.name not in names)
