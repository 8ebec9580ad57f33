"""One matrix of one sentence: every number of one address, and beside each weight what changes when it is cut."""

from dataclasses import dataclass

import torch
from torch import Tensor

from glassformer.errors import UsageError
from glassformer.explain.address import MATRICES, Address, check
from glassformer.explain.effects import EXACT_WORK, estimated_cells
from glassformer.explain.trial import Trial


@dataclass(frozen=True)
class Sheet:
    """effects: the change of the log-odds when the edge of that cell is cut in this head alone; None elsewhere."""

    address: str
    what: str
    rows: list[str]
    columns: list[str]
    values: list[list[float]]
    effects: list[list[float]] | None = None
    exact: bool = True  # the effects were measured, not estimated


WHAT = {
    "weights": "how much each row looks at each column; a row sums to one (descriptive)",
    "scores": "q · k before scaling (descriptive)",
    "scaled": "q · k / √d, what the softmax is taken of (descriptive)",
    "logits": "the answer, one number a class (descriptive)",
}


def sheet(trial: Trial, address: Address) -> Sheet:
    """The numbers at `address`.  Raises UsageError where there is no such address."""
    check(address, trial.shapes)
    value = trial.tape[address.site][0][address.index]
    axes = address.axes[len(address.index) :]
    if value.dim() > 2:
        first, last = address.at(0), address.at(len(value) - 1)
        raise UsageError(f"{address.site} has a matrix a head: say which, {first} to {last}")
    rows = _labels(trial, axes[0], len(value)) if value.dim() == 2 else [str(address)]
    columns = _labels(trial, axes[-1], value.size(-1)) if value.dim() else ["value"]
    effects, exact = _effects(trial, address) if address.kind in MATRICES and value.dim() == 2 else (None, True)
    values = value.reshape(len(rows), len(columns)).tolist()
    what = WHAT.get(address.kind, "as the model computed it (descriptive)")
    return Sheet(str(address), what, rows, columns, values, effects, exact)


def _effects(trial: Trial, address: Address) -> tuple[list[list[float]], bool]:
    layer, head, n = address.layer, address.index[0], trial.ids.size(1)
    assert layer is not None
    if n**3 > EXACT_WORK:
        return estimated_cells(trial)[layer, head].tolist(), False
    cells = torch.eye(n * n, dtype=torch.bool).view(-1, n, n)  # each one edge
    return _rows(trial.after_cuts(cells, layer, head) - trial.before, n), True


def _rows(flat: Tensor, n: int) -> list[list[float]]:
    return flat.view(n, n).tolist()


def _labels(trial: Trial, axis: str, size: int) -> list[str]:
    if axis in ("query", "key", "position"):
        return list(trial.pieces.names)
    return list(trial.reader.labels) if axis == "class" else [str(k) for k in range(size)]
