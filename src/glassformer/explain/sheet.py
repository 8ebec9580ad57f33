"""One matrix of one sentence: every number of one address, and beside each weight what changes when it is cut."""

from dataclasses import dataclass

from torch import Tensor

from glassformer.errors import UsageError
from glassformer.explain.address import MATRICES, Address, check
from glassformer.explain.answers import Metric
from glassformer.explain.crossed import crossed_cells
from glassformer.explain.effects import cells_cut
from glassformer.explain.sides import kind_of, looked_at, looking
from glassformer.explain.trial import Trial
from glassformer.hub.tokens import Pieces


@dataclass(frozen=True)
class Sheet:
    """effects: the change of the measure, which `metric` names, when the edge of that cell is cut in this head alone;
    None elsewhere.  specials: the rows and columns, where they are positions, that no word stands at.
    """

    address: str
    what: str
    rows: list[str]
    columns: list[str]
    values: list[list[float]]
    metric: Metric
    effects: list[list[float]] | None = None
    exact: bool = True  # the effects were measured, not estimated
    specials: tuple[int, ...] = ()


WHAT = {
    "weights": "how much each row looks at each column; a row sums to one (descriptive)",
    "scores": "q · k before scaling (descriptive)",
    "scaled": "q · k / √d, what the softmax is taken of (descriptive)",
    "logits": "the answer, one number a class (descriptive)",
    "sentence": "the vector of the text (descriptive)",
    "sentence2": "the vector of the second text (descriptive)",
    "similarity": "the cosine of the two vectors, the answer (descriptive)",
}
POSITIONS = ("query", "key", "position")
CANDIDATES = 20  # columns of a vocabulary


def sheet(trial: Trial, address: Address) -> Sheet:
    """The numbers at `address`.  Raises UsageError where there is no such address."""
    check(address, trial.shapes)
    value = trial.values[address.site][0][address.index]
    axes = trial.axes(address)[len(address.index) :]
    if value.dim() > 2:
        first, last = address.at(0), address.at(len(value) - 1)
        raise UsageError(f"{address.site} has a matrix a head: say which, {first} to {last}")
    if axes and axes[-1] == "piece":
        return _likeliest(trial, address, value)
    looks = looking(trial, address)
    rows = _labels(trial, axes[0], len(value), looks) if value.dim() == 2 else [str(address)]
    at = looked_at(trial, address) if axes[-1:] == ("key",) else looks
    columns = _labels(trial, axes[-1], value.size(-1), at) if value.dim() else ["value"]
    matrix = address.kind in MATRICES and value.dim() == 2 and address.inside is not None
    effects, exact = _effects(trial, address) if matrix else (None, True)
    values = value.reshape(len(rows), len(columns)).tolist()
    specials = tuple(sorted(looks.specials)) if axes and axes[0] in POSITIONS else ()
    return Sheet(str(address), _what(trial, address), rows, columns, values, trial.metric, effects, exact, specials)


def _what(trial: Trial, address: Address) -> str:
    what = WHAT.get(address.kind, "as the model computed it (descriptive)")
    relative = address.kind == "scaled" and getattr(trial.reader.config, "positions", "").startswith("relative")
    return "(q · k + what the distance adds) / √d (descriptive)" if relative else what


def _likeliest(trial: Trial, address: Address, value: Tensor) -> Sheet:
    """Of the logits of a whole vocabulary those of the likeliest pieces."""
    value = value.view(-1, value.size(-1))  # positions v
    best = value.amax(dim=0).topk(min(CANDIDATES, value.size(-1))).indices
    rows = _labels(trial, "position", len(value), trial.pieces) if len(value) > 1 else [str(address)]
    columns = [trial.reader.tokens.name(id) for id in best.tolist()]
    what = f"of {value.size(-1):,} pieces the {len(columns)} with the largest logit (descriptive)"
    return Sheet(str(address), what, rows, columns, value[:, best].tolist(), trial.metric)


def _effects(trial: Trial, address: Address) -> tuple[list[list[float]] | None, bool]:
    assert address.layer is not None
    place, kind = (address.layer, address.index[0]), kind_of(address)
    cells, exact = crossed_cells(trial, kind, *place) if kind else cells_cut(trial, *place)
    return None if cells is None else cells.tolist(), exact


def _labels(trial: Trial, axis: str, size: int, pieces: Pieces) -> list[str]:
    if axis in POSITIONS:
        return list(pieces.names)
    known = trial.reader.labels if axis == "class" else ()
    return list(known) if len(known) == size else [str(k) for k in range(size)]
