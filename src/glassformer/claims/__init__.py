"""The ledger: what the project's sources say, each number and sentence computed again.

A claim is a small function that measures and gives a `Verdict`; its docstring says what is measured, and from where on
the claim counts as true.  Nothing is looked up: who doubts a verdict reads ten lines.

arithmetic   numbers that can be checked on paper
attention    what self-attention is, does and does not do
training     losses, gradients, rates
models       facts of whole models, from our own BERT
defects      mistakes of known code, made again in small
explained    whether weights say what the models do: cuts, controls, ablations
"""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from glassformer.errors import UsageError, did_you_mean

TOPICS = ("arithmetic", "attention", "training", "models", "defects", "explained")
SOURCES = {
    "SP": "the study plan",
    "IT": "The Illustrated Transformer",
    "BL": "Transformers from scratch",
    "FO": "the code of `former`",
    "HB": "modeling_bert.py of transformers 4.16",
}


@dataclass(frozen=True)
class Verdict:
    """verdict: true, false or depends; figure: what was measured; kind: descriptive, or causal and how; n: cases."""

    verdict: str
    figure: str
    kind: str = "descriptive"
    n: int = 1


@dataclass(frozen=True)
class Claim:
    """says: the claim, in our words; rows: where the sources say it, as (letters of the source)-(number)."""

    id: str
    topic: str
    says: str
    rows: tuple[str, ...]
    measure: Callable[[], Verdict]

    @property
    def source(self) -> str:
        named = dict.fromkeys(SOURCES[row[:2]] for row in self.rows)
        return f"{', '.join(named)} ({', '.join(self.rows)})"

    @property
    def measured(self) -> str:
        """What is measured, and the threshold."""
        return " ".join((self.measure.__doc__ or "").split())

    @property
    def code(self) -> str:
        line = inspect.getsourcelines(self.measure)[1]
        return f"claims/{Path(inspect.getfile(self.measure)).name}:{line}"


@dataclass(frozen=True)
class Entry:
    """A claim with its verdict: a line of the ledger."""

    claim: Claim
    verdict: Verdict

    def as_dict(self) -> dict[str, object]:
        claim, found = self.claim, self.verdict
        told = {"id": claim.id, "topic": claim.topic, "claim": claim.says, "verdict": found.verdict}
        told |= {"figure": found.figure, "kind": found.kind, "measured": claim.measured, "source": claim.source}
        return {**told, "n": found.n, "rows": list(claim.rows), "code": claim.code}


_known: dict[str, Claim] = {}


def claim(id: str, says: str, *rows: str) -> Callable[[Callable[[], Verdict]], Callable[[], Verdict]]:
    """`@claim("the-id", "what is said", "IT-14")` above the function that measures it."""

    def enter(measure: Callable[[], Verdict]) -> Callable[[], Verdict]:
        if id in _known:
            raise ValueError(f"two claims are called {id!r}: rename one")
        _known[id] = Claim(id, measure.__module__.rpartition(".")[2], says, rows, measure)
        return measure

    return enter


def holds(so: bool, figure: str, kind: str = "descriptive", n: int = 1) -> Verdict:
    return Verdict("true" if so else "false", figure, kind, n)


def partly(so: Iterable[bool], figure: str, kind: str = "descriptive", n: int | None = None) -> Verdict:
    """True where every case says so, false where none does; it depends on what, says the figure."""
    cases = [bool(each) for each in so]
    verdict = "true" if all(cases) else "depends" if any(cases) else "false"
    return Verdict(verdict, figure, kind, len(cases) if n is None else n)


def claims() -> dict[str, Claim]:
    """All of them by id, in the order of the topics."""
    for topic in TOPICS:
        import_module(f"glassformer.claims.{topic}")
    return {id: each for topic in TOPICS for id, each in _known.items() if each.topic == topic}


def chosen(ids: Iterable[str]) -> list[Claim]:
    """These, or all where none is named; an id may be a topic.  Raises UsageError for one that is not there."""
    known, found = claims(), []
    for id in ids:
        named = [each for each in known.values() if id in (each.id, each.topic)]
        if not named:
            near = did_you_mean(id, [*known, *TOPICS]) or "; `glassformer claims --list` lists them"
            raise UsageError(f"there is no claim {id!r}{near}")
        found += named
    return list(dict.fromkeys(found)) or list(known.values())


def settled(claim: Claim) -> Entry:
    """Measured now; what is drawn is the same each time, and nobody else's random numbers are touched."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Entry(claim, claim.measure())
