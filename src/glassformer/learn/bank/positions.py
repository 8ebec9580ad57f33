"""Sines and cosines of the position: as in the paper, and as in the Tensor2Tensor code."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.exercise import Case, Exercise, Property, Stage, Stages
from glassformer.parts import embed

LAYOUTS = {"interleaved": embed.interleaved, "halves": embed.halves}


def key(length: int, width: int, layout: str) -> Stages:
    """The frequencies are read off position 1 of the part's table, where an angle is its frequency."""
    table = LAYOUTS[layout](length, width)
    sines, cosines = (table[1, 0::2], table[1, 1::2]) if layout == "interleaved" else table[1].chunk(2)
    frequencies = torch.atan2(sines, cosines)[None]  # 1 f
    return Stages(frequencies=frequencies, angles=torch.arange(length)[:, None] * frequencies, table=table)


def cases(seed: int) -> list[Case]:
    draw = torch.Generator().manual_seed(seed)
    length, half = (int(torch.randint(low, high, (1,), generator=draw)) for low, high in ((5, 9), (5, 12)))
    return [
        Case((3, 4, "interleaved"), "3 positions, width 4, interleaved"),
        Case((3, 4, "halves"), "3 positions, width 4, halves"),
        Case((5, 8, "interleaved"), "5 positions, width 8, interleaved"),
        Case((5, 8, "halves"), "5 positions, width 8, halves"),
        Case((length, 2 * half, "interleaved"), f"{length} positions, width {2 * half}, interleaved"),
        Case((length, 2 * half, "halves"), f"{length} positions, width {2 * half}, halves"),
    ]


def _f(s: Any) -> Tensor:
    return torch.arange(s.width // 2).float()[None]  # 1 f


def paper(s: Any) -> Tensor:
    return 10_000.0 ** (-2 * _f(s) / s.width)


def tensor2tensor(s: Any) -> Tensor:
    return 10_000.0 ** (-_f(s) / (s.width // 2 - 1))


def _either(interleaved: Callable, halves: Callable) -> Callable:
    return lambda s: (interleaved if s.layout == "interleaved" else halves)(s)


right_ones = _either(paper, tensor2tensor)


def growing(s: Any) -> Tensor:
    """Without the minus, in the order in which people write it: the sines of large angles differ by that."""
    return 10_000.0 ** (2 * _f(s) / s.width if s.layout == "interleaved" else _f(s) / (s.width // 2 - 1))


def beside(s: Any, first: Callable = torch.sin, second: Callable = torch.cos) -> Tensor:
    return torch.stack([first(s.angles), second(s.angles)], -1).flatten(1)


def behind(s: Any, first: Callable = torch.sin, second: Callable = torch.cos) -> Tensor:
    return torch.cat([first(s.angles), second(s.angles)], -1)


def _count(s: Any) -> Tensor:
    return torch.arange(s.length).float()[:, None]


FREQUENCIES = "interleaved: 10000^(−2f/w), f = 0 … w/2 − 1; halves: 10000^(−f/(w/2 − 1))"
PAPER = "interleaved: 10000^(−2f/w), f = 0 … w/2 − 1"
HALVES = "halves: 10000^(−f/(w/2 − 1)), so that the last one is 1/10000"
ANGLES = "an angle is position times frequency, positions from 0: torch.arange(length)[:, None] * frequencies"
TABLE = "interleaved: sin, cos, sin, cos …; halves: all sines, then all cosines"

BOARD = Board(
    "length width layout",
    Step(
        "frequencies",
        right_ones,
        Wrong("the paper's frequencies in both layouts", paper, HALVES),
        Wrong("Tensor2Tensor's frequencies in both layouts", tensor2tensor, PAPER),
        Wrong("the frequencies of the two layouts are exchanged", _either(tensor2tensor, paper), FREQUENCIES),
        Wrong("the 2 is missing", _either(lambda s: 10_000.0 ** (-_f(s) / s.width), tensor2tensor), PAPER),
        Wrong("the 2 is missing", lambda s: 10_000.0 ** (-_f(s) / s.width), FREQUENCIES),
        Wrong("4 instead of 2", _either(lambda s: 10_000.0 ** (-4 * _f(s) / s.width), tensor2tensor), PAPER),
        Wrong("divided by w/2 + 1", _either(paper, lambda s: 10_000.0 ** (-_f(s) / (s.width // 2 + 1))), HALVES),
        Wrong("divided by w − 1", _either(paper, lambda s: 10_000.0 ** (-2 * _f(s) / (s.width - 1))), HALVES),
        Wrong("divided by w − 1", _either(paper, lambda s: 10_000.0 ** (-_f(s) / (s.width - 1))), HALVES),
        *(
            Wrong("frequencies that grow", which, f"mind the minus: {FREQUENCIES}", "the minus is missing")
            for which in (growing, _either(growing, tensor2tensor), _either(paper, growing))
        ),
        Wrong("2f times w", _either(lambda s: 10_000.0 ** (-2 * _f(s) * s.width), tensor2tensor), PAPER, rare=True),
        Wrong("f counts from 1", _either(lambda s: paper(s) * 10_000.0 ** (-2 / s.width), tensor2tensor), PAPER),
        Wrong("f counts from 1", lambda s: 10_000.0 ** (-2 * (_f(s) + 1) / s.width), FREQUENCIES),
        Wrong("1000 instead of 10000", lambda s: right_ones(s) ** 0.75, FREQUENCIES),
        Wrong("100 instead of 10000", lambda s: right_ones(s) ** 0.5, FREQUENCIES),
        Wrong("100000 instead of 10000", lambda s: right_ones(s) ** 1.25, FREQUENCIES),
        Wrong("e instead of 10000", lambda s: right_ones(s) ** (1 / math.log(10_000)), FREQUENCIES),
        Wrong("2 instead of 10000", lambda s: right_ones(s) ** (math.log(2) / math.log(10_000)), FREQUENCIES),
        Wrong("one frequency for all", lambda s: torch.ones_like(_f(s)), FREQUENCIES),
        Wrong("evenly spaced frequencies", lambda s: 1 - _f(s) / (s.width // 2), FREQUENCIES),
        Wrong("divided by 10000 · 2f/w", lambda s: 1 / (10_000 * 2 * _f(s) / s.width).clamp(min=1), FREQUENCIES),
        Wrong("whole turns", lambda s: right_ones(s) * 2 * math.pi, f"no 2π: {FREQUENCIES}"),
        Wrong("the frequencies are in reverse", lambda s: right_ones(s).flip(-1), f"the fastest first: {FREQUENCIES}"),
    ),
    Step(
        "angles",
        lambda s: _count(s) * s.frequencies,
        Wrong("positions count from 1", lambda s: (_count(s) + 1) * s.frequencies, ANGLES),
        Wrong("positions count backwards", lambda s: _count(s).flip(0) * s.frequencies, ANGLES),
        Wrong("positions are brought to 0 … 1", lambda s: _count(s) / s.length * s.frequencies, ANGLES),
        Wrong("positions are brought to 0 … 1", lambda s: _count(s) / (s.length - 1) * s.frequencies, ANGLES),
        Wrong("position plus frequency", lambda s: _count(s) + s.frequencies, ANGLES),
        Wrong("divided by the frequency", lambda s: _count(s) / s.frequencies, ANGLES),
        Wrong("degrees", lambda s: torch.deg2rad(_count(s) * s.frequencies), f"torch.sin wants radians: {ANGLES}"),
        Wrong("position to the power of the frequency", lambda s: _count(s) ** s.frequencies, ANGLES),
    ),
    Step(
        "table",
        _either(beside, behind),
        Wrong("interleaved in both layouts", beside, TABLE),
        Wrong("halves in both layouts", behind, TABLE),
        Wrong("the layouts are exchanged", _either(behind, beside), TABLE),
        Wrong(
            "cosine before sine",
            _either(lambda s: beside(s, torch.cos, torch.sin), lambda s: behind(s, torch.cos, torch.sin)),
            TABLE,
        ),
        Wrong(
            "only sines",
            _either(lambda s: beside(s, torch.sin, torch.sin), lambda s: behind(s, torch.sin, torch.sin)),
            TABLE,
        ),
        Wrong(
            "only cosines",
            _either(lambda s: beside(s, torch.cos, torch.cos), lambda s: behind(s, torch.cos, torch.cos)),
            TABLE,
        ),
        Wrong("the cosines are missing", lambda s: s.angles.sin(), f"w columns: {TABLE}"),
        Wrong("sine plus cosine", lambda s: s.angles.sin() + s.angles.cos(), f"w columns: {TABLE}"),
        Wrong(
            "tangent instead of cosine",
            _either(lambda s: beside(s, torch.sin, torch.tan), lambda s: behind(s, torch.sin, torch.tan)),
            TABLE,
        ),
        Wrong("the angles are given back", _either(lambda s: _doubled(s, -1), lambda s: _doubled(s, 1)), TABLE),
        Wrong("not flattened", lambda s: torch.stack([s.angles.sin(), s.angles.cos()], -1), f"(n, w): {TABLE}"),
        Wrong(
            "not flattened",
            lambda s: torch.stack([s.angles.sin(), s.angles.cos()], -1 if s.layout == "interleaved" else 1),
            f"(n, w): {TABLE}",
        ),
        Wrong("the frequencies are given back", lambda s: s.frequencies[0], f"(n, w): {TABLE}"),
        Wrong("only the angles are given back", lambda s: s.angles, f"(n, w): {TABLE}"),
        Wrong("turned", lambda s: _either(beside, behind)(s).mT, "a row for each position: (length, width)"),
        Wrong("positions behind each other", lambda s: torch.cat([s.angles.sin(), s.angles.cos()]), "dim=-1"),
    ),
)


def _doubled(s: Any, dim: int) -> Tensor:
    return torch.stack([s.angles, s.angles], dim).flatten(1)


def _by_feature(s: Any, exponent: Callable[[Tensor, int], Tensor]) -> Tensor:
    """As if every feature, not every pair, had a frequency of its own."""
    j = torch.arange(s.width).float()
    angles = _count(s) * 10_000.0 ** -exponent(j, s.width)
    return torch.where(j % 2 == 0, angles.sin(), angles.cos())


EVERY = (
    BOARD.across(
        "every feature has its own frequency",
        f"a sine and the cosine beside it share one: {PAPER}",
        table=_either(lambda s: _by_feature(s, lambda j, w: j / w), behind),
    ),
    BOARD.across(
        "the number of the feature stands for f",
        f"a sine and the cosine beside it share one: {PAPER}",
        table=_either(lambda s: _by_feature(s, lambda j, w: 2 * j / w), behind),
    ),
    BOARD.across(
        "the paper's table for both",
        f"{HALVES}; all sines, then all cosines",
        frequencies=paper,
        table=beside,
    ),
    BOARD.across(
        "Tensor2Tensor's table for both",
        f"{PAPER}; sin, cos, sin, cos …",
        frequencies=tensor2tensor,
        table=behind,
    ),
    BOARD.across(
        "the two layouts are exchanged",
        f"{FREQUENCIES}; {TABLE}",
        frequencies=_either(tensor2tensor, paper),
        table=_either(behind, beside),
    ),
)


# right, each in another way


def by_exponentials(length, width, layout):
    steps = torch.arange(0, width, 2) / width if layout == "interleaved" else torch.linspace(0, 1, width // 2)
    angles = torch.outer(torch.arange(length).float(), torch.exp(-math.log(10000.0) * steps))
    table = torch.zeros(length, width)
    where = (
        (slice(0, None, 2), slice(1, None, 2))
        if layout == "interleaved"
        else (slice(width // 2), slice(width // 2, None))
    )
    table[:, where[0]], table[:, where[1]] = torch.sin(angles), torch.cos(angles)
    return table


def by_loops(length, width, layout):
    table = torch.zeros(length, width)
    for p in range(length):
        for f in range(width // 2):
            if layout == "interleaved":
                table[p, 2 * f] = math.sin(p / 10000 ** (2 * f / width))
                table[p, 2 * f + 1] = math.cos(p / 10000 ** (2 * f / width))
            else:
                angle = p * 10000 ** (-f / (width / 2 - 1))
                table[p, f], table[p, f + width // 2] = math.sin(angle), math.cos(angle)
    return table


def by_features(length, width, layout):
    j = torch.arange(width)
    f = (j // 2 if layout == "interleaved" else j % (width // 2)).double()
    exponent = 2 * f / width if layout == "interleaved" else f / (width // 2 - 1)
    angles = torch.arange(length)[:, None] / 10000.0**exponent
    sine = j % 2 == 0 if layout == "interleaved" else j < width // 2
    return torch.where(sine, torch.sin(angles), torch.cos(angles)).float()


def by_shifting(length, width, layout):
    """A cosine is a sine a quarter of a turn ahead."""
    f = torch.arange(width // 2)
    rates = {"interleaved": 1e4 ** (-2 * f / width), "halves": 1e4 ** (-f / (width // 2 - 1))}[layout]
    angles = torch.arange(length).unsqueeze(1) * rates
    both = torch.sin(torch.stack([angles, angles + math.pi / 2], dim=2))
    return both.reshape(length, width) if layout == "interleaved" else both.transpose(1, 2).reshape(length, width)


def by_complex(length, width, layout):
    f = torch.arange(width // 2).double()
    rates = 10000.0 ** -(2 * f / width if layout == "interleaved" else f / (width // 2 - 1))
    turned = torch.polar(torch.ones(length, width // 2).double(), torch.arange(length).double()[:, None] * rates)
    if layout == "interleaved":
        return torch.stack([turned.imag, turned.real], -1).flatten(-2).float()
    return torch.cat([turned.imag, turned.real], -1).float()


def by_numbers(length, width, layout):
    half, rows = width // 2, []
    for p in range(length):
        rates = [10000 ** (-(2 * f / width if layout == "interleaved" else f / (half - 1))) for f in range(half)]
        sines, cosines = [math.sin(p * r) for r in rates], [math.cos(p * r) for r in rates]
        paired = [each for pair in zip(sines, cosines, strict=True) for each in pair]
        rows.append(paired if layout == "interleaved" else sines + cosines)
    return torch.tensor(rows)


def _unit(function, case: Case) -> str:
    """sin² + cos² = 1 for each of the w/2 pairs."""
    table, width = function(*case.arguments), case.arguments[1]
    total = table.square().sum(-1)
    worst = total[(total - width / 2).abs().argmax()]
    said = f"sin² + cos² is 1, so the squares of a row add up to {width // 2}; yours to {float(worst):.2f}."
    return said if not abs(worst - width / 2) < 1e-3 else ""


def _first(function, case: Case) -> str:
    first = function(*case.arguments)[0]
    zeros, ones = (first.abs() < 1e-6).sum(), ((first - 1).abs() < 1e-6).sum()
    same = int(zeros) == int(ones) == case.arguments[1] // 2
    return "" if same else "At position 0 every sine is 0 and every cosine 1; yours are not."


EXERCISE = Exercise(
    name="positions",
    cases=cases,
    key=key,
    switchboard=BOARD,
    stages=(Stage("frequencies"), Stage("angles", ("frequencies",)), Stage("table", ("angles",))),
    mistakes=(*EVERY, *BOARD.mistakes),
    right=(by_exponentials, by_loops, by_features, by_shifting, by_complex, by_numbers),
    properties=(Property("sin² + cos² = 1", _unit), Property("the first position", _first)),
    axes={"frequencies": "row frequency", "angles": "position frequency", "table": "position feature"},
    hints=(
        "Three steps: w/2 frequencies, every position times every frequency, and where sines and cosines go.",
        "torch.arange(length)[:, None] * frequencies has a row for each position; .sin() and .cos() of that are all.",
        "torch.stack([sines, cosines], dim=-1).flatten(1) interleaves; torch.cat([sines, cosines], dim=-1) does not.",
    ),
    explanation="Every pair turns at its own speed, so near positions look alike. A model reads one layout only.",
)
