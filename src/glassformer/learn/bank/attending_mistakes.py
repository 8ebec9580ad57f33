"""The mistakes that attention, causal attention and multi-head attention share, each with its sentence."""

from dataclasses import replace

from glassformer.learn.bank.words import first_column, first_row, number, numbers
from glassformer.learn.exercise import Evidence, Mistake


def _scaled(how: str, repair: str):
    def says(e: Evidence) -> str:
        score, theirs, right = (first_row(x)[0] for x in (e.right["scores"], e.wrong["scaled"], e.right["scaled"]))
        return (
            f"{how}: a score of {number(score)} becomes {number(theirs)}, it should become {number(right)}; {repair}."
        )

    return says


def _sums(before: str, after: str):
    def says(e: Evidence) -> str:
        return f"{before} (your first row is {numbers(first_row(e.wrong['weights']))}, its sum {_sum(e)}): {after}."

    return says


def _sum(e: Evidence) -> str:
    return number(first_row(e.wrong["weights"]).sum())


def _queries(e: Evidence) -> str:
    rows, columns = first_row(e.wrong["weights"]).sum(), first_column(e.wrong["weights"]).sum()
    return (
        f"your rows do not sum to 1 (the first sums to {number(rows)}) but your columns do ({number(columns)}): "
        "softmax runs over the queries, dim −2; it should run over the keys, dim −1."
    )


def _scores(what: str, repair: str):
    def says(e: Evidence) -> str:
        theirs, right = first_row(e.wrong["scores"])[0], first_row(e.right["scores"])[0]
        return f"{what}: your first score is {number(theirs)}, it should be {number(right)}; {repair}."

    return says


def _answer(what: str, repair: str):
    def says(e: Evidence) -> str:
        theirs, right = first_row(e.wrong["mixture"]), first_row(e.right["mixture"])
        return f"{what}: your first row is {numbers(theirs)}, it should be {numbers(right)}; {repair}."

    return says


def _masked(what: str, repair: str):
    def says(e: Evidence) -> str:
        mask = e.right["weights"] == 0
        if e.wrong["weights"].shape != mask.shape or not mask.any():
            return f"{what}; {repair}."
        most = e.wrong["weights"][mask].max()
        return f"{what}: a word that may not be looked at has the weight {number(most)}, it should have 0; {repair}."

    return says


def _given(stage: str, repair: str):
    def says(e: Evidence) -> str:
        return f"you give back the {stage} (the first row {numbers(first_row(e.wrong[stage]))}); {repair}: weights @ v."

    return says


BY_ROOT = "divide by √d, the root of the width of one query"
BEFORE = "fill them with −∞ (or a very negative number) before the softmax"


def _scale(name: str, setting: str, how: str) -> Mistake:
    return Mistake(name, "scaled", _scaled(how, BY_ROOT), {"scale": setting})


SCALING = (
    _scale("no scaling", "none", "the scores are not scaled"),
    _scale("divided by d", "d", "the scores are divided by d, not by its root"),
    _scale("divided by d²", "d²", "the scores are divided by d²"),
    _scale("divided by the fourth root of d", "∜d", "the root is taken twice"),
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
        _sums(
            "the scaling comes after the softmax, so your weights no longer sum to 1",
            "divide the scores by √d, then take the softmax",
        ),
        {"scale": "after"},
    ),
)

ROWS = "softmax over the keys, dim −1, makes each row sum to 1"
SOFTMAX = (
    Mistake("softmax over the queries", "weights", _queries, {"normalise": "queries"}),
    Mistake("softmax over the queries", "weights", _queries, {"normalise": "exp / queries"}),
    Mistake(
        "softmax over the batch",
        "weights",
        _sums("your softmax runs over the sentences of the batch, dim 0, which should not meet", ROWS),
        {"normalise": "batch"},
    ),
    Mistake(
        "softmax over all pairs",
        "weights",
        _sums("your softmax runs over queries and keys at once", ROWS),
        {"normalise": "everything"},
    ),
    Mistake(
        "softmax twice",
        "weights",
        _sums("the softmax is taken twice, which makes the weights nearly equal", "take it once"),
        {"normalise": "twice"},
    ),
    Mistake(
        "no softmax",
        "weights",
        _sums("there is no softmax: scores are used as weights", ROWS),
        {"normalise": "not at all"},
    ),
    Mistake(
        "exponentials that are not divided by their sum",
        "weights",
        _sums("the exponentials are not divided by their sum", ROWS),
        {"normalise": "only exp"},
    ),
    Mistake(
        "divided by the sum, without exponentials",
        "weights",
        _sums("the scores are divided by their sum", "take exponentials first: softmax over the keys"),
        {"normalise": "by the sum"},
    ),
    Mistake(
        "sigmoid instead of softmax",
        "weights",
        _sums("each weight is a sigmoid on its own", ROWS),
        {"normalise": "sigmoid"},
    ),
    Mistake(
        "tanh instead of softmax", "weights", _sums("each weight is a tanh on its own", ROWS), {"normalise": "tanh"}
    ),
    Mistake(
        "relu instead of exponentials",
        "weights",
        _sums("negative scores become 0 instead of small", "take exponentials: softmax over the keys"),
        {"normalise": "relu"},
    ),
    Mistake(
        "only the best key counts",
        "weights",
        _sums("the best key has all the weight", "softmax gives every key its share"),
        {"normalise": "hard"},
    ),
    Mistake(
        "log of the softmax",
        "weights",
        _sums("your weights are logarithms", "take softmax, not log_softmax"),
        {"normalise": "log"},
    ),
    Mistake(
        "softmax of the negative scores",
        "weights",
        _sums("the best match gets the smallest weight", "leave the sign of the scores as it is"),
        {"normalise": "negative"},
    ),
    Mistake(
        "powers of two instead of e",
        "weights",
        _sums("your exponentials are powers of 2", "take exp: softmax over the keys"),
        {"normalise": "base 2"},
    ),
)

NEAR = "masked with a number that is not negative enough"
MASKING = (
    Mistake("the mask is ignored", "weights", _masked("the mask changes nothing", BEFORE), {"fill": "ignored"}),
    Mistake(
        "masked after the softmax",
        "weights",
        _sums("the mask comes after the softmax, so rows no longer sum to 1", BEFORE),
        {"fill": "after"},
    ),
    Mistake(
        "masked with 0 before the softmax",
        "weights",
        _masked("masked scores become 0, and exp(0) is 1, not 0", BEFORE),
        {"fill": 0.0},
    ),
    *(
        Mistake(
            NEAR, "weights", _masked(f"masked scores become {fill:g}, which still gets a share", BEFORE), {"fill": fill}
        )
        for fill in (-1.0, -0.1, -0.5, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -9.0, -10.0)
    ),
    *(
        Mistake(
            NEAR,
            "weights",
            _masked(f"masked scores are lowered by {less}, which leaves them a share", BEFORE),
            {"fill": f"less {less}"},
        )
        for less in (1, 2, 3, 5, 10)
    ),
    Mistake("masked with a positive number", "weights", _masked("masked scores become 1", BEFORE), {"fill": 1.0}),
    Mistake(
        "masked with a huge positive number",
        "weights",
        _masked("masked scores become huge instead of very negative", BEFORE),
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
        _masked("the mask is added to the scores as ones and zeros", BEFORE),
        {"fill": "added"},
    ),
    Mistake(
        "the mask is inverted",
        "weights",
        _masked("True and False are exchanged", "True says that i may look at j: fill where the mask is False"),
        {"sense": "inverted"},
    ),
    Mistake(
        "the mask is transposed",
        "weights",
        _masked("the mask lies on its side", "its rows are queries, its columns keys"),
        {"sense": "turned"},
    ),
)

ROLES = (
    Mistake(
        "queries and keys are exchanged",
        "scores",
        _scores("q and k are exchanged", "row i, column j is q_i · k_j"),
        {"roles": "kqv"},
    ),
    Mistake(
        "queries and keys are exchanged",
        "scores",
        _scores("your scores are k·qᵀ", "row i, column j is q_i · k_j: q @ k.mT"),
        {"product": "k·qᵀ"},
    ),
    Mistake(
        "keys and values are exchanged",
        "scores",
        _scores("k and v are exchanged", "queries match keys, and mix values"),
        {"roles": "qvk"},
    ),
    Mistake(
        "queries and values are exchanged",
        "scores",
        _scores("q and v are exchanged", "queries match keys, and mix values"),
        {"roles": "vkq"},
    ),
    Mistake(
        "queries are matched with queries",
        "scores",
        _scores("queries are matched with themselves", "match q with k"),
        {"roles": "qqv"},
    ),
    Mistake(
        "keys are matched with keys",
        "scores",
        _scores("keys are matched with themselves", "match q with k"),
        {"roles": "kkv"},
    ),
    Mistake(
        "values are matched with values",
        "scores",
        _scores("values are matched with themselves", "match q with k"),
        {"roles": "vvv"},
    ),
    Mistake(
        "queries are matched with values",
        "scores",
        _scores("queries are matched with values", "match q with k"),
        {"roles": "qvv"},
    ),
    Mistake(
        "the keys are mixed", "mixture", _answer("keys are mixed instead of values", "weights @ v"), {"roles": "qkk"}
    ),
    Mistake(
        "the queries are mixed",
        "mixture",
        _answer("queries are mixed instead of values", "weights @ v"),
        {"roles": "qkq"},
    ),
    Mistake(
        "all three roles are turned round",
        "scores",
        _scores("q, k and v each stand in another's place", "queries match keys, and mix values"),
        {"roles": "vqk"},
    ),
    Mistake(
        "all three roles are turned round",
        "scores",
        _scores("q, k and v each stand in another's place", "queries match keys, and mix values"),
        {"roles": "kvq"},
    ),
)

PRODUCT = (
    Mistake(
        "keys are reshaped instead of transposed",
        "scores",
        _scores("k is reshaped to (d, j), which mixes up its words", "transpose it: k.mT or k.transpose(−2, −1)"),
        {"product": "reshaped"},
    ),
    Mistake(
        "cosine instead of dot product",
        "scores",
        _scores("q and k are brought to length 1 first", "the score is the bare dot product"),
        {"product": "cosine"},
    ),
    Mistake(
        "distance instead of dot product",
        "scores",
        _scores("the score is a distance", "multiply feature by feature and add up"),
        {"product": "distance"},
    ),
    Mistake(
        "distance instead of dot product",
        "scores",
        _scores("the score is a negative distance", "multiply feature by feature and add up"),
        {"product": "−distance"},
    ),
    Mistake(
        "sum instead of product",
        "scores",
        _scores("q and k are added", "multiply feature by feature and add up"),
        {"product": "sum"},
    ),
    Mistake(
        "the sign of the scores is lost",
        "scores",
        _scores("the scores lose their sign", "a negative match must stay negative"),
        {"product": "absolute"},
    ),
    Mistake(
        "mean instead of dot product",
        "scores",
        _scores("the products are averaged over the features, not summed", "add them up; √d comes afterwards"),
        {"product": "mean"},
    ),
)

MIXING = (
    Mistake(
        "the weights are transposed",
        "mixture",
        _answer("the values are mixed by columns of the weights", "weights @ v, each row a query"),
        {"mix": "weightsᵀ·v"},
    ),
    Mistake(
        "the weights are given back",
        "mixture",
        _given("weights", "mix the values with them"),
        {"mix": "the weights"},
    ),
    Mistake(
        "the scores are given back",
        "mixture",
        _given("scores", "softmax them, and mix the values"),
        {"mix": "the scores"},
    ),
    Mistake(
        "the values are averaged",
        "mixture",
        _answer("every query gets the plain mean of the values", "weigh each value: weights @ v"),
        {"mix": "mean"},
    ),
    Mistake(
        "the values are summed",
        "mixture",
        _answer("every query gets the plain sum of the values", "weigh each value: weights @ v"),
        {"mix": "sum"},
    ),
    Mistake(
        "averaged once more",
        "mixture",
        _answer("the mixture is divided by how many keys there are", "the weights sum to 1 already"),
        {"mix": "÷ keys"},
    ),
    Mistake(
        "the query is added",
        "mixture",
        _answer("the query is added to the mixture", "a residual belongs to the block, not to attention"),
        {"mix": "+ q"},
    ),
    Mistake(
        "the value is added",
        "mixture",
        _answer("each word's own value is added to the mixture", "a residual belongs to the block, not to attention"),
        {"mix": "+ v"},
    ),
    Mistake(
        "the values are weighed but not mixed",
        "mixture",
        _answer("each value is multiplied by its row's total", "sum over the keys: weights @ v"),
        {"mix": "v ⊙ total"},
    ),
    Mistake(
        "softmax of the answer",
        "mixture",
        _answer("a softmax runs over the answer", "the softmax belongs to the scores alone"),
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

RARE = {
    "divided by d²",
    "divided by the fourth root of d",
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
