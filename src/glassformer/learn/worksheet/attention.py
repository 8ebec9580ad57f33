"""Questions from the dot product to two heads.  Scores are logarithms, so that the weights are simple fractions."""

import math
from fractions import Fraction
from random import Random

from glassformer.learn.worksheet.question import (
    MOST,
    Of,
    Question,
    Row,
    Step,
    across,
    dot,
    drawn,
    log,
    matrix,
    mixed,
    one,
    products,
    shares,
    shown,
    times,
    twos,
    weighed,
)

EXP_LN = "e^(ln a) = a"
EXP_TWO = "e^(m ln 2) = 2^m"


def dot_product(random: Random) -> Question | None:
    (query,), keys = drawn(random, 1, 4, -2, 4), drawn(random, 3, 4, -2, 4)
    scores = tuple(dot(query, key) for key in keys)
    best = max(scores)
    if scores.count(best) > 1:
        return None
    says = tuple(f"q·k{j} = {products(query, key)} = {shown(dot(query, key))}" for j, key in enumerate(keys, 1))
    return Question(
        "dot-product",
        "A query q is matched with three keys, the rows of K. How well two of them match is their dot product.",
        (matrix("q", (query,)), matrix("K", keys, "k1 k2 k3")),
        "Find the three scores. Which key (1, 2 or 3) matches best?",
        (
            Step(matrix("scores", (scores,)), says),
            Step(one("best key", 1 + scores.index(best)), ("the largest score",)),
        ),
    )


def softmax(random: Random) -> Question | None:
    (powers,), (values,) = drawn(random, 1, 4, 1, 6), drawn(random, 1, 4, -4, 8)
    if sum(powers) > MOST:
        return None
    column = tuple((value,) for value in values)
    return Question(
        "softmax",
        "One query has given four words the scores below. The values of the words are single numbers.",
        (_logs((powers,)), matrix("values", (values,))),
        "Find the four weights softmax(scores), and the mixture Σ weight·value.",
        (
            Step(matrix("powers", (powers,)), (EXP_LN,)),
            *weighed((powers,)),
            mixed("mixture", shares((powers,)), column),
        ),
    )


def _logs(powers: tuple[Row, ...]):
    return matrix("scores", ([log(int(power)) for power in row] for row in powers))


def plain(random: Random) -> Question | None:
    x = drawn(random, 3, 2, -1, 2)
    scores = across(x, x)
    if len(set(x)) < 3 or not all(map(any, x)) or max(map(max, scores)) > 3:
        return None
    powers = twos(scores)
    says = tuple(
        f"x{i}·x{j} = {products(x[i - 1], x[j - 1])} = {shown(scores[i - 1][j - 1])}"
        for i, j in ((1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3))
    )
    return Question(
        "self-attention",
        "Three words are the rows of X; every coordinate counts units of u = √(ln 2), so that e^(x·y) = 2^(x·y in u²). "
        "Self-attention with nothing to learn: y_i = Σ_j softmax_j(x_i · x_j) x_j, not divided by a root.",
        (matrix("X", x),),
        "Find all nine scores (in u²; the table is symmetric), the weights, and the new vectors Y (in u).",
        (
            Step(matrix("scores", scores), says),
            Step(matrix("powers", powers), ("2^score",)),
            *weighed(powers),
            mixed("Y", shares(powers), x),
        ),
    )


def scaling(random: Random) -> Question | None:
    width = random.choice((4, 16, 36, 64, 100))
    query, keys = drawn(random, 1, 2, -3, 4)[0], drawn(random, 2, 2, -3, 4)
    scores = tuple(width // 2 * dot(query, key) for key in keys)
    root = math.isqrt(width)
    if len(set(scores)) < 2 or 0 in scores or not all(query):
        return None
    says = tuple(
        f"q·k{j} = {width // 2}·({products(query, key)}) = {shown(score)}"
        for j, (key, score) in enumerate(zip(keys, scores, strict=True), 1)
    )
    over = tuple(f"{shown(score)} ÷ {root} = {shown(score / root)}" for score in scores)
    return Question(
        "scaling",
        f"Vectors of width d = {width}. In each, the first {width // 2} coordinates are all one number and the other "
        f"{width // 2} are all another; the tables give the two numbers.",
        (one("d", width), matrix("q", (query,)), matrix("K", keys, "k1 k2")),
        "Find q·k1 and q·k2, then the scores divided by √d.",
        (
            Step(matrix("scores", (scores,)), says),
            Step(one("√d", root), (f"{root}·{root} = {width}",)),
            Step(matrix("scaled", (tuple(score / root for score in scores),)), over),
        ),
    )


def queries_keys_values(random: Random) -> Question | None:
    x = drawn(random, 2, 2, -1, 3)
    weights = [drawn(random, 2, 2, -1, 2) for _ in range(3)]
    if len(set(weights)) < 3 or len(set(x)) < 2 or not all(map(any, (*x, *sum(weights, ())))):
        return None
    named = list(zip("QKV", weights, strict=True))
    q, k, _ = made = [times(x, each) for each in weights]
    return Question(
        "queries-keys-values",
        "Two words are the rows of X. Their queries, keys and values are Q = X·WQ, K = X·WK, V = X·WV: "
        "each row of X times the matrix.",
        (matrix("X", x), *(matrix(f"W{name}", each) for name, each in named)),
        "Find Q, K and V, then the scores Q·Kᵀ (not yet divided by √d).",
        (
            *(mixed(name, x, each) for name, each in named),
            Step(matrix("scores", across(q, k)), _rows(made[0], made[1])),
        ),
    )


def _rows(q: tuple[Row, ...], k: tuple[Row, ...]) -> tuple[str, ...]:
    """Every dot product written out, a line a query."""
    return tuple(f"q{i}: {'; '.join(products(row, key) for key in k)}" for i, row in enumerate(q, 1))


def _in_logs(q: tuple[Row, ...]):
    return matrix("Q", ([Of(value, "ln ", 2) for value in row] for row in q))


def attention(random: Random) -> Question | None:
    q = tuple(tuple(2 * value for value in row) for row in drawn(random, 2, 4, -1, 1))
    k, v = drawn(random, 3, 4, -1, 2), drawn(random, 3, 2, -2, 6)
    scores = across(q, k)
    scaled = tuple(tuple(score / 2 for score in row) for row in scores)
    if len(set(q)) < 2 or len(set(k)) < 3 or max(abs(s) for row in scaled for s in row) > 3:
        return None
    powers = twos(scaled)
    return Question(
        "attention",
        "Two queries look at three keys of width d = 4: softmax(Q·Kᵀ / √d)·V. The numbers of Q are multiples of ln 2; "
        "keep ln 2 as a factor, since e^(m ln 2) = 2^m.",
        (_in_logs(q), matrix("K", k), matrix("V", v)),
        "Find the scores and the scaled scores (as multiples of ln 2), the weights, and the answers Z.",
        (
            Step(matrix("scores", ([Of(s, "ln ", 2) for s in row] for row in scores)), _rows(q, k)),
            Step(matrix("scaled", ([Of(s, "ln ", 2) for s in row] for row in scaled)), ("÷ √4 = ÷ 2",)),
            Step(matrix("powers", powers), (EXP_TWO,)),
            *weighed(powers),
            mixed("Z", shares(powers), v),
        ),
    )


def causal(random: Random) -> Question | None:
    powers, (values,) = drawn(random, 3, 3, 1, 6), drawn(random, 1, 3, -3, 9)
    kept = tuple(tuple(p if j <= i else Fraction(0) for j, p in enumerate(row)) for i, row in enumerate(powers))
    if max(map(sum, kept)) > MOST or len(set(values)) < 3:
        return None
    column = tuple((value,) for value in values)
    return Question(
        "causal",
        "A model that writes may not look ahead: word i looks at words 1 … i only. Scores of three words "
        "(rows look at columns) and their values:",
        (_logs(powers), matrix("values", (values,))),
        "Put −∞ where nobody may look. Find the weights, and what each word's answer Z is.",
        (
            Step(matrix("powers", kept), (f"{EXP_LN}; e^(−∞) = 0 above the diagonal",)),
            *weighed(kept),
            mixed("Z", shares(kept), column),
        ),
    )


def two_heads(random: Random) -> Question | None:
    q, k, v = drawn(random, 2, 2, -1, 2), drawn(random, 2, 2, -1, 2), drawn(random, 2, 2, 0, 6)
    out = drawn(random, 2, 2, -1, 2)
    if len({q, k}) < 2 or len(set(out)) < 2 or not all(map(any, q)) or not all(map(any, out)):
        return None
    heads = [_head(name, *(tuple((row[h],) for row in each) for each in (q, k, v))) for h, name in enumerate("12")]
    if any(set(row) == {Fraction(1, 2)} for head in heads for row in head[1].makes.rows):
        return None  # a word that looks at both alike shows nothing
    z = tuple(a + b for a, b in zip(*(head[-1].makes.rows for head in heads), strict=True))
    joined = Step(matrix("Z", z), ("the answers of both heads side by side",))
    return Question(
        "multi-head",
        "Width 2, two heads: head 1 has the first column of Q, K and V, head 2 the second, so each head's d is 1 and "
        "√d = 1. The numbers of Q are multiples of ln 2. What both heads answer, side by side, is multiplied by WO.",
        (_in_logs(q), matrix("K", k), matrix("V", v), matrix("WO", out)),
        "Find each head's weights and answers, both side by side (Z), and Z·WO.",
        (*heads[0], *heads[1], joined, mixed("mixed", z, out)),  # type: ignore[arg-type]
    )


def _head(name: str, q: tuple[Row, ...], k: tuple[Row, ...], v: tuple[Row, ...]) -> tuple[Step, ...]:
    powers = twos(across(q, k))
    shared = shares(powers)
    return (
        Step(matrix(f"powers of head {name}", powers), (f"q·k in units of ln 2; {EXP_TWO}",)),
        Step(matrix(f"weights of head {name}", shared), ("each power ÷ its row's sum",)),
        mixed(f"answers of head {name}", shared, v),
    )
