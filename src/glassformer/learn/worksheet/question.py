"""What a question is: exact numbers in matrices, what is asked, and every step of the answer."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random


@dataclass(frozen=True)
class Of:
    """times · √under, or times · ln under: a number that is written and not worked out."""

    times: Fraction
    sign: str  # "√" or "ln "
    under: int

    def __float__(self) -> float:
        return float(self.times) * (math.sqrt(self.under) if self.sign == "√" else math.log(self.under))


Exact = Fraction | Of
Row = tuple[Fraction, ...]
MOST = 12  # the largest denominator that a hand is asked to carry


def friendly(value: Exact) -> bool:
    """Whole or a fraction with a small denominator, times a root or logarithm that is written out."""
    return (value if isinstance(value, Fraction) else value.times).denominator <= MOST


def log(of: int) -> Of:
    return Of(Fraction(1), "ln ", of)


def shown(value: Exact) -> str:
    """3, −3/4, √3/2, −5/2 ln 2."""
    times = value if isinstance(value, Fraction) else value.times
    over = "" if times.denominator == 1 else f"/{times.denominator}"
    minus, top = "−" if times < 0 else "", abs(times.numerator)
    if isinstance(value, Fraction) or times == 0:
        return f"{minus}{top}{over}"
    if value.sign == "√":
        return f"{minus}{top if top != 1 else ''}√{value.under}{over}"
    return f"{minus}ln {value.under}" if abs(times) == 1 else f"{minus}{top}{over} ln {value.under}"


def factor(value: Exact) -> str:
    """As it stands in a product or a sum: what is negative in brackets."""
    text = shown(value)
    return f"({text})" if text.startswith("−") else text


def products(left: Sequence[Exact], right: Sequence[Exact]) -> str:
    """2·3 + 1·(−1)."""
    return " + ".join(f"{factor(a)}·{factor(b)}" for a, b in zip(left, right, strict=True))


@dataclass(frozen=True)
class Matrix:
    """A name and its numbers; sides and columns: what the rows and columns are called, where that has to be said."""

    name: str
    rows: tuple[tuple[Exact, ...], ...]
    sides: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    @property
    def single(self) -> bool:
        return len(self.rows) == 1 == len(self.rows[0]) and not self.sides


@dataclass(frozen=True)
class Step:
    """says: the arithmetic, a line each; makes: what comes out."""

    makes: Matrix
    says: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """The last step is the answer."""

    topic: str
    text: str
    given: tuple[Matrix, ...]
    asks: str
    steps: tuple[Step, ...]

    def numbers(self) -> Iterable[Exact]:
        """Every number that is given or found."""
        matrices = [*self.given, *(step.makes for step in self.steps)]
        return (value for matrix in matrices for row in matrix.rows for value in row)

    @property
    def friendly(self) -> bool:
        return all(map(friendly, self.numbers()))


@dataclass(frozen=True)
class Topic:
    """draw: a question, or None where the numbers drawn are not friendly."""

    name: str
    title: str
    draw: Callable[[Random], Question | None]

    def question(self, random: Random) -> Question:
        """Drawn again until it is friendly."""
        while True:
            made = self.draw(random)
            if made is not None and made.friendly:
                return made


def one(name: str, value: Exact | int) -> Matrix:
    return Matrix(name, ((Fraction(value) if isinstance(value, int) else value,),))


def matrix(name: str, rows: Iterable[Iterable[Exact | int]], sides: str = "", columns: str = "") -> Matrix:
    """Of whole numbers too; sides and columns as words with blanks between them."""
    exact = tuple(tuple(Fraction(v) if isinstance(v, int) else v for v in row) for row in rows)
    return Matrix(name, exact, tuple(sides.split()), tuple(columns.split()))


def drawn(random: Random, rows: int, columns: int, least: int, most: int) -> tuple[Row, ...]:
    """Whole numbers."""
    return tuple(tuple(Fraction(random.randint(least, most)) for _ in range(columns)) for _ in range(rows))


def dot(left: Row, right: Row) -> Fraction:
    return sum((a * b for a, b in zip(left, right, strict=True)), Fraction(0))


def times(left: Sequence[Row], right: Sequence[Row]) -> tuple[Row, ...]:
    """The product of two matrices."""
    columns = list(zip(*right, strict=True))
    return tuple(tuple(dot(row, column) for column in columns) for row in left)


def across(left: Sequence[Row], right: Sequence[Row]) -> tuple[Row, ...]:
    """Every row with every row: left · rightᵀ."""
    return tuple(tuple(dot(row, other) for other in right) for row in left)


def shares(powers: Sequence[Row]) -> tuple[Row, ...]:
    """Each row divided by its sum."""
    return tuple(tuple(power / sum(row) for power in row) for row in powers)


def twos(scores: Sequence[Row]) -> tuple[Row, ...]:
    """2 to the power of every (whole) score, which is what e^(score · ln 2) is."""
    return tuple(tuple(Fraction(2) ** int(score) for score in row) for row in scores)


def mixed(name: str, weights: Sequence[Row], values: Sequence[Row]) -> Step:
    """Σ_j weight_j · value_j, each row written out."""
    columns = list(zip(*values, strict=True))
    says = tuple(
        f"row {i}: {'; '.join(products(row, column) for column in columns)}" for i, row in enumerate(weights, 1)
    )
    return Step(matrix(name, times(weights, values)), says)


def weighed(powers: Sequence[Row]) -> tuple[Step, ...]:
    """From powers of e to weights: the sum of each row, then each power by its sum."""
    sums = tuple((sum(row, Fraction(0)),) for row in powers)
    says = tuple(f"row {i}: {' + '.join(map(shown, row))}" for i, row in enumerate(powers, 1))
    return (Step(matrix("sums", sums), says), Step(matrix("weights", shares(powers)), ("each power ÷ its row's sum",)))
