"""Which claims are asked for, and what comes of each."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

from glassformer.claims.claim import CLAIMS, VERDICTS, Claim, Verdict
from glassformer.errors import UsageError, did_you_mean, one_line

ROOMS = ("arithmetic", "scaling", "positions", "heads", "blocks", "beside", "learning", "decoding", "size", "bert")
ROOMS += ("bert_defects", "former", "shipped")
SCHEMA = 1


@dataclass(frozen=True)
class Entry:
    """A claim, its verdict, and how many seconds that took."""

    claim: Claim
    verdict: Verdict
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        from glassformer.explain.picture import plain

        told = {"id": self.claim.name, "rows": list(self.claim.rows), "says": self.claim.says}
        told |= {"source": self.claim.source, "code": self.claim.code, "kind": self.verdict.kind}
        return told | plain(asdict(self.verdict))


def every() -> dict[str, Claim]:
    """All there are, by name."""
    for room in ROOMS:
        import_module(f"glassformer.claims.{room}")
    return CLAIMS


def chosen(names: Sequence[str]) -> list[Claim]:
    """Those named, by their own name or by a row of the sources (IT-46); all when none is.  Raises UsageError."""
    known = every()
    if not names:
        return list(known.values())
    found = [each for name in names for each in _named(name, known)]
    return list({each.name: each for each in found}.values())


def _named(name: str, known: dict[str, Claim]) -> list[Claim]:
    asked = name.strip().lower()
    found = [each for each in known.values() if asked in (each.name, *map(str.lower, each.rows))]
    if not found:
        rows = {row for each in known.values() for row in each.rows}
        close = did_you_mean(asked, [*known, *rows]) or "; glassformer claims --list names all"
        raise UsageError(f"there is no claim {one_line(name, 40)!r}{close}")
    return found


def tried(claim: Claim, seed: int = 0, restated: bool = False) -> Verdict:
    """Run it.  seed: of all that it draws; restated: the other statement, whose verdict is another."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return claim.test(**(claim.restated if restated else {}))


def ledger(claims: Sequence[Claim], seed: int = 0, begun: Callable[[Claim], None] | None = None) -> Iterator[Entry]:
    """Try them one after the other.  begun: told of each before it runs."""
    for claim in claims:
        if begun is not None:
            begun(claim)
        start = time.perf_counter()
        verdict = tried(claim, seed)
        yield Entry(claim, verdict, time.perf_counter() - start)


def document(entries: Sequence[Entry], seed: int = 0) -> dict[str, Any]:
    """The ledger as JSON has it."""
    counts = {name: sum(each.verdict.verdict == name for each in entries) for name in VERDICTS}
    claims = [each.as_dict() for each in entries]
    return {"schema": SCHEMA, "kind": "claims", "seed": seed, "counts": counts, "claims": claims}
