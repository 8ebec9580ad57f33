"""One number of one sentence, with its whole arithmetic, done again in float64 and held beside the model's own.

What each number is computed of is read off the model's parts, so `inside.py` and `ends.py` mirror `parts/` and
`models/` site by site.
"""

from dataclasses import dataclass, field

from glassformer.errors import UsageError
from glassformer.explain.address import Address, check
from glassformer.explain.ends import OF_A_MODEL
from glassformer.explain.inside import OF_A_BLOCK
from glassformer.explain.predicts import Predicts
from glassformer.explain.sides import looked_at, looking
from glassformer.explain.sums import Part
from glassformer.explain.trial import Trial
from glassformer.explain.usual import summed


@dataclass(frozen=True)
class Worked:
    """recomputed: here, in float64, from the operands; model: what the model computed in float32."""

    address: str
    question: str
    parts: list[Part]
    recomputed: float
    model: float
    operands: list[str] = field(default_factory=list)  # the addresses it was computed of

    @property
    def difference(self) -> float:
        return abs(self.recomputed - self.model)


def worked(trial: Trial, address: Address) -> Worked:
    """The arithmetic behind one number.  Raises UsageError where `address` is not one number of this sentence."""
    check(address, trial.shapes)
    value = trial.values[address.site][0]
    if len(address.index) != value.dim():
        one = Address(address.site, (*address.index, *(0,) * value.dim())[: value.dim()])
        raise UsageError(f"{address} is not one number; give {', '.join(trial.axes(address))}, such as {one}")
    summed(trial.reader.config, address)
    inside = address.inside
    arithmetic = OF_A_MODEL[address.site.removeprefix("encoder.")] if inside is None else OF_A_BLOCK[inside]
    parts, recomputed, operands = arithmetic(trial, address)
    return Worked(str(address), _question(trial, address), parts, recomputed, value[address.index].item(), operands)


def _question(trial: Trial, address: Address) -> str:
    names, index, axes = looking(trial, address).names, address.index, trial.axes(address)
    if axes[-1:] == ("key",):
        return f"{names[index[-2]]} looks at {looked_at(trial, address).names[index[-1]]}"
    if axes[-1:] == ("piece",):
        kind, piece = trial.kind, index[-1]
        return f"{kind.shown(piece) if isinstance(kind, Predicts) else kind.tokens.name(piece)} at {names[index[0]]}"
    return f"at {names[index[-2]]}" if "position" in axes else ""
