"""Questions after attention: LayerNorm, positions, the loss, beams, and how large it all is."""

import math
from fractions import Fraction
from functools import cache
from itertools import product
from random import Random

from glassformer.learn.worksheet.question import Exact, Of, Question, Step, drawn, factor, log, matrix, one, shown

PIECES = "abc"
HALF, WHOLE = Fraction(1, 2), Fraction(1)
SINES: dict[int, Exact] = {  # of k · π/12, those that have a short name
    0: Fraction(0),
    2: HALF,
    3: Of(HALF, "√", 2),
    4: Of(HALF, "√", 3),
    6: WHOLE,
}


@cache
def _spreads() -> tuple[tuple[int, ...], ...]:
    """Four whole distances from a mean, whose standard deviation is whole too."""
    found = []
    for a, b, c in product(range(-9, 10), repeat=3):
        spread = (a, b, c, -a - b - c)
        mean_square, rest = divmod(sum(each * each for each in spread), 4)
        if not rest and 1 < math.isqrt(mean_square) ** 2 == mean_square and abs(spread[3]) <= 9:
            found.append(spread)
    return tuple(found)


def layer_norm(random: Random) -> Question:
    spread, mean = random.choice(_spreads()), random.randint(-2, 8)
    x = tuple(Fraction(mean + each) for each in spread)
    (gain,), (shift,) = drawn(random, 1, 4, 1, 3), drawn(random, 1, 4, -2, 3)
    variance = sum(each * each for each in spread) // 4
    deviation = math.isqrt(variance)
    normal = tuple(Fraction(each, deviation) for each in spread)
    out = tuple(n * g + s for n, g, s in zip(normal, gain, shift, strict=True))
    squares = " + ".join(str(each * each) for each in spread)
    return Question(
        "layer-norm",
        "One position x of width 4 is brought to mean 0 and standard deviation 1, then multiplied by the gain and "
        "moved by the shift, each number by its own. (The variance divides by 4, and ε is 0.)",
        (matrix("x", (x,)), matrix("gain", (gain,)), matrix("shift", (shift,))),
        "Find the mean, the standard deviation, the normalised numbers, and what comes out.",
        (
            Step(one("mean", mean), (f"({' + '.join(map(factor, x))}) ÷ 4",)),
            Step(matrix("centred", (spread,)), ("x − mean",)),
            Step(one("variance", variance), (f"({squares}) ÷ 4",)),
            Step(one("standard deviation", deviation), (f"√{variance}",)),
            Step(matrix("normalised", (normal,)), (f"centred ÷ {deviation}",)),
            Step(matrix("out", (out,)), ("normalised · gain + shift",)),
        ),
    )


def _sine(twelfths: int) -> Exact:
    """sin(twelfths · π/12).  Raises KeyError where that has no short name."""
    at = twelfths % 24
    value = SINES[min(at % 12, 12 - at % 12)]
    return value if at <= 12 else _minus(value)


def _minus(value: Exact) -> Exact:
    return -value if isinstance(value, Fraction) else Of(-value.times, value.sign, value.under)


def positions(random: Random) -> Question:
    twelfths = random.randint(1, 36) * random.choice((2, 3))  # of π, the slow angle; the fast one is a hundred times it
    where = Fraction(100 * twelfths, 12)  # in units of π
    row = [_sine(100 * twelfths), _sine(100 * twelfths + 6), _sine(twelfths), _sine(twelfths + 6)]
    fast, slow = (f"{shown(angle)} π" for angle in (where, Fraction(twelfths, 12)))
    return Question(
        "positions",
        "Position encoding of width 4: position t has the row sin(t/c0), cos(t/c0), sin(t/c1), cos(t/c1), where "
        "cf = 10000^(2f/4). The formula takes any t; angles are in radians.",
        (one("t in units of π", where),),
        "Find c0 and c1, the row of position 0, and the row of the position t above.",
        (
            Step(matrix("c", ((1, 100),)), ("10000^0 = 1; 10000^(1/2) = 100",)),
            Step(matrix("row of 0", ((0, 1, 0, 1),)), ("sin 0 = 0; cos 0 = 1",)),
            Step(
                matrix("row of t", (row,)), (f"the angles are {fast} and {slow}; whole turns of 2 π may be left out",)
            ),
        ),
    )


def cross_entropy(random: Random) -> Question:
    powers = [_halved(random) for _ in range(4)]
    labels = [random.randrange(4) for _ in powers]
    chance = [Fraction(row[label], sum(row)) for row, label in zip(powers, labels, strict=True)]
    bits = [each.denominator.bit_length() - 1 for each in chance]
    mean = Fraction(sum(bits), 4)
    sides = "1. 2. 3. 4."
    says = tuple(
        f"place {i}: {row[label]}/({' + '.join(map(str, row))})"
        for i, (row, label) in enumerate(zip(powers, labels, strict=True), 1)
    )
    return Question(
        "cross-entropy",
        "At four places of a text (rows) a model scores the classes 1 to 4 (columns); beside them the class that is "
        "right at each place. The loss at a place is −log2 of the probability of the right class, in bits.",
        (
            matrix("scores", ([log(power) for power in row] for row in powers), sides),
            matrix("right", ([label + 1 for label in labels],)),
        ),
        "Find the probability of the right class at each place, its bits, and the mean loss in bits and in nats.",
        (
            Step(matrix("probability", (chance,)), says),
            Step(matrix("bits", (bits,)), ("2, 4, 8 are 1, 2, 3 doublings",)),
            Step(one("loss in bits", mean), (f"({' + '.join(map(str, bits))}) ÷ 4",)),
            Step(one("loss in nats", Of(mean, "ln ", 2)), ("one bit is ln 2 nats",)),
        ),
    )


def _halved(random: Random) -> list[int]:
    """Four whole numbers that are halves, quarters and eighths of their sum."""
    times = random.randint(1, 3)
    row = [times * each for each in random.choice(((1, 1, 1, 1), *[(4, 2, 1, 1)] * 3))]
    random.shuffle(row)
    return row


Ways = list[tuple[int, str]]  # what it costs, and what is written


def _longer(ways: Ways, table: list[list[int]]) -> Ways:
    """Every way with every piece after it, the cheapest first."""
    after = [(text, table[1 + PIECES.index(text[-1])] if text else table[0], cost) for cost, text in ways]
    return sorted((cost + row[at], text + piece) for text, row, cost in after for at, piece in enumerate(PIECES))


def _searched(table: list[list[int]], width: int) -> list[Ways]:
    """All candidates of each of three steps; none where two of them tie for a place."""
    steps, kept = [], [(0, "")]
    for _ in range(3):
        found = _longer(kept, table)
        if found[width - 1][0] == found[width][0] or found[0][0] == found[1][0]:
            return []
        steps.append(found)
        kept = found[:width]
    return steps


def beam(random: Random) -> Question | None:
    table = [random.sample(range(1, 6), 3) for _ in range(4)]
    beams, greedy = _searched(table, 2), _searched(table, 1)
    if not beams or not greedy or beams[2][0][0] >= greedy[2][0][0]:
        return None
    alone = greedy[2][0]
    return Question(
        "beam-search",
        "What it costs, in bits (−log2 of its probability), to write a column's piece after a row's. The vocabulary is "
        "large; every other piece costs 10 bits or more and never comes in question. A text costs the sum.",
        (matrix("bits", table, "start a b c", "a b c"),),
        "Write three pieces: greedily (the cheapest piece each time), then with a beam of two. Who finds the cheaper?",
        (
            Step(matrix("greedy", ((alone[0],),), _spaced(alone[1])), ("the cheapest piece of each row in turn",)),
            _ways("after one piece", beams[0], "every piece of the row start; the first two are kept"),
            _ways("after two", beams[1], "those two, with every piece after them; the first two are kept"),
            _ways("after three", beams[2], "the same again"),
            _ways("cheapest", beams[2][:1], "the first of them"),
        ),
    )


def _ways(name: str, ways: Ways, says: str) -> Step:
    return Step(matrix(name, ([cost] for cost, _ in ways), " ".join(_spaced(text) for _, text in ways)), (says,))


def _spaced(text: str) -> str:
    return "·".join(text)


def parameters(random: Random) -> Question:
    width, more = random.choice((4, 6, 8, 10, 12, 16, 20, 32)), random.choice((2, 4))
    layers, words, longest = random.randint(2, 6), random.choice((50, 100, 200, 500)), random.choice((10, 16, 20, 32))
    hidden = more * width
    attention, mlp, norms = 4 * (width * width + width), 2 * width * hidden + hidden + width, 4 * width
    block, tables = attention + mlp + norms, (words + longest) * width
    return Question(
        "parameters",
        "A model learns a table of words and one of positions, then blocks. A block has four linear layers of "
        "attention, an MLP out to the hidden width and back, and two LayerNorms. Linear layers have a bias.",
        (
            matrix(
                "sizes",
                ((width, hidden, layers, words, longest),),
                columns="width hidden blocks words positions",
            ),
        ),
        "Find the number of parameters of a block, of the two tables, and of all.",
        (
            Step(one("attention", attention), (f"4·({width}·{width} + {width})",)),
            Step(one("MLP", mlp), (f"{width}·{hidden} + {hidden} + {hidden}·{width} + {width}",)),
            Step(one("norms", norms), (f"2·(gain {width} + shift {width})",)),
            Step(one("block", block), (f"{attention} + {mlp} + {norms}",)),
            Step(one("tables", tables), (f"({words} + {longest})·{width}",)),
            Step(one("all", layers * block + tables), (f"{layers}·{block} + {tables}",)),
        ),
    )


def memory(random: Random) -> Question:
    length, heads = random.choice((256, 512, 1024, 2048)), random.choice((4, 8, 12, 16))
    texts, layers, size = random.choice((1, 2, 4, 8, 16)), random.choice((4, 6, 8, 12, 24)), random.choice((2, 4))
    matrices = texts * layers * heads
    one_matrix = Fraction(length * length * size, 1024)
    all_of_it = one_matrix * matrices / 1024
    return Question(
        "memory",
        "Every head of every layer has a matrix of weights, word by word, for every text, and training keeps them all. "
        "A number takes as many bytes as the table says; 1 KiB is 1024 bytes, 1 MiB is 1024 KiB.",
        (
            matrix(
                "sizes",
                ((length, heads, layers, texts, size),),
                columns="words heads layers texts bytes",
            ),
        ),
        "Find the size of one matrix in KiB, of all of them in MiB, and of all for texts twice as long.",
        (
            Step(one("one in KiB", one_matrix), (f"{length}·{length}·{size} ÷ 1024",)),
            Step(one("matrices", matrices), (f"{heads} heads · {layers} layers · {texts} texts",)),
            Step(one("all in MiB", all_of_it), (f"{shown(one_matrix)}·{matrices} ÷ 1024",)),
            Step(one("twice as long in MiB", 4 * all_of_it), ("twice the rows and twice the columns: four times",)),
        ),
    )
