"""What a claim is, and what came of it: plain data, and the list that every claim enters."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VERDICTS = ("true", "false", "depends")
CLAIMS: dict[str, "Claim"] = {}  # by name, in the order they were written


@dataclass(frozen=True)
class Causal:
    """What makes a figure causal: what stands in for what was taken away, and the number whose change is measured."""

    baseline: str
    metric: str


@dataclass(frozen=True)
class Verdict:
    """verdict: one of VERDICTS; figure: what was found, in a sentence; rule: when it would be called otherwise.

    numbers: the figures it was decided by; n: how many things were tried; on: what it depends on.
    """

    verdict: str
    figure: str
    rule: str
    numbers: dict[str, float]
    n: int = 1
    on: str = ""
    causal: Causal | None = None

    @property
    def kind(self) -> str:
        return "descriptive" if self.causal is None else "causal"


@dataclass(frozen=True)
class Claim:
    """rows: of the checklist of the sources; says: the source's statement in our words; source: author, where.

    test: runs it; restated: arguments of `test` that make it another statement, of another verdict, so that none of
    them holds whatever happens.
    """

    name: str
    rows: tuple[str, ...]
    says: str
    source: str
    test: Callable[..., Verdict]
    restated: dict[str, Any] = field(repr=False)

    @property
    def author(self) -> str:
        return self.source.split(",")[0]

    @property
    def code(self) -> str:
        """The file and the function that run it."""
        file = Path(inspect.unwrap(self.test).__code__.co_filename).name
        return f"src/glassformer/claims/{file}::{self.test.__name__}"


def claim(rows: str, says: str, source: str, restated: Mapping[str, Any]) -> Callable:
    """Enter a function into the list, under its own name with hyphens.  rows: ids between spaces."""

    def enter(test: Callable[..., Verdict]) -> Callable[..., Verdict]:
        name = test.__name__.replace("_", "-")
        if name in CLAIMS:
            raise ValueError(f"there are two claims {name!r}; give one of them another name")
        CLAIMS[name] = Claim(name, tuple(rows.split()), says, source, test, dict(restated))
        return test

    return enter


def judged(
    holds: bool | Mapping[str, bool],
    figure: str,
    rule: str,
    numbers: Mapping[str, Any],
    n: int = 1,
    causal: Causal | None = None,
) -> Verdict:
    """true or false; of several cases `depends`, where it holds in some and not in others."""
    cases = holds if isinstance(holds, Mapping) else {"": holds}
    verdict = "true" if all(cases.values()) else "depends" if any(cases.values()) else "false"
    kept = {name: float(value) for name, value in numbers.items()}
    return Verdict(verdict, figure, rule, kept, n, _on(cases) if verdict == "depends" else "", causal)


def _on(cases: Mapping[str, bool]) -> str:
    yes, no = (", ".join(name for name, held in cases.items() if held == wanted) for wanted in (True, False))
    return f"it holds for: {yes}; it does not for: {no}"


def alammar(where: str) -> str:
    return f"Alammar 2018, The Illustrated Transformer, {where}"


def bloem(where: str) -> str:
    return f"Bloem 2019, Transformers from scratch, {where}"


def former(where: str) -> str:
    return f"former (Bloem 2019), {where}"


def bert(where: str) -> str:
    return f"transformers 4.16.2, modeling_bert.py, {where}"
