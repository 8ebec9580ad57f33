"""What each head, each MLP and each word is needed for: the change of the measure when it is off.  All causal.

Each is measured; in a text that is too long, or a model too large, for that, one backward pass estimates all of them
to first order (gradient · what is taken away), and the ten largest are then measured.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from glassformer.explain.batch import batch_of
from glassformer.explain.choices import heads_off, mlps_off, word_off
from glassformer.explain.effects import gradients, words_add, worth_measuring
from glassformer.explain.reference import reference
from glassformer.explain.shorter import shorter
from glassformer.explain.switches import LOOKS, Switch, uniform
from glassformer.explain.trial import Trial

LARGEST = 10
Replaced = Callable[[Tensor, int], Tensor]  # a value, and its layer → what would stand there


@dataclass(frozen=True)
class Off:
    """The change of the measure for each part, by baseline; exact: whether it was measured."""

    changes: dict[str, list[float]]
    exact: list[bool]


def parts(trial: Trial, of_heads: Sequence[str], of_mlps: Sequence[str]) -> tuple[Off, Off]:
    """`heads` and `mlps`, all in one go where all can be measured: one large batch is quicker than several small."""
    kinds = _heads_off(trial, of_heads), _mlps_off(trial, of_mlps)
    if sum(_positions(trial, _first(switches)) for switches in kinds) > trial.exact:
        return heads(trial, of_heads), mlps(trial, of_mlps)
    every = [switch for switches in kinds for each in switches.values() for switch in each]
    changes = iter(_measured(trial, every))
    own = [{name: [next(changes) for _ in each] for name, each in switches.items()} for switches in kinds]
    of_head, of_mlp = (Off(each, [True] * len(_first(each))) for each in own)
    return of_head, of_mlp


def heads(trial: Trial, baselines: Sequence[str], kind: str = "") -> Off:
    """Every head of a kind (a key of switches.LOOKS) off, in the order of `heads_of`."""
    return _off(trial, _heads_off(trial, baselines, kind), lambda: _estimated_heads(trial, baselines, kind))


def mlps(trial: Trial, baselines: Sequence[str]) -> Off:
    """Every MLP off, layer by layer."""
    return _off(trial, _mlps_off(trial, baselines), lambda: _estimated_mlps(trial, baselines))


def _heads_off(trial: Trial, baselines: Sequence[str], kind: str = "") -> dict[str, list[Switch]]:
    return {baseline: list(heads_off(trial, baseline, kind).values()) for baseline in baselines}


def _mlps_off(trial: Trial, baselines: Sequence[str]) -> dict[str, list[Switch]]:
    return {baseline: mlps_off(trial, baseline) for baseline in baselines}


def _first(table: dict[str, list]) -> list:
    return next(iter(table.values()), [])


def _off(trial: Trial, switches: dict[str, list[Switch]], estimate: Callable[[], dict[str, list[float]]]) -> Off:
    """All of `switches` measured where that is possible, else the ten that are estimated to matter most."""
    count = len(_first(switches))
    if _positions(trial, _first(switches)) <= trial.exact:
        return Off({name: _measured(trial, each) for name, each in switches.items()}, [True] * count)
    changes = estimate()
    largest = torch.tensor([list(map(abs, each)) for each in changes.values()]).amax(dim=0)
    chosen = largest.topk(min(LARGEST, count)).indices.tolist()
    for name, each in switches.items():
        for k, change in zip(chosen, _measured(trial, [each[k] for k in chosen]), strict=True):
            changes[name][k] = change
    return Off(changes, [k in chosen for k in range(count)])


def _positions(trial: Trial, switches: Sequence[Switch]) -> float:
    """How many positions are computed through the whole model: nothing before the layer of a switch is."""
    share = sum(trial.layers - (switch.first or 0) for switch in switches) / max(1, trial.layers)
    return share * (trial.ids.size(1) + trial.read)


def _measured(trial: Trial, switches: Sequence[Switch]) -> list[float]:
    return [after - trial.before for after in trial.after_each(switches)]


def _estimated_heads(trial: Trial, baselines: Sequence[str], kind: str = "") -> dict[str, list[float]]:
    sites = {"uniform": "weights"}
    return {
        each: _moved(trial, f"{LOOKS[kind][0]}.{sites.get(each, 'z')}", _replaced(trial, each, kind), (2, 3))
        for each in baselines
    }


def _replaced(trial: Trial, baseline: str, kind: str = "") -> Replaced:
    """From a value of all heads (h, …) of a layer to what would stand there."""
    if baseline == "uniform":
        return lambda weights, layer: uniform(weights)
    if baseline == "zero":
        return lambda z, layer: torch.zeros_like(z)
    means = reference(trial.reader).of_heads(kind)
    return lambda z, layer: torch.stack([means[layer, head] for head in range(len(z))])[:, None].expand_as(z)


def _estimated_mlps(trial: Trial, baselines: Sequence[str]) -> dict[str, list[float]]:
    means = reference(trial.reader).mlps if "mean" in baselines else []
    there = {
        "zero": lambda out, layer: torch.zeros_like(out),
        "mean": lambda out, layer: means[layer].expand_as(out),
    }
    return {each: _moved(trial, "layers.*.mlp.out", there[each], (1, 2)) for each in baselines}


def _moved(trial: Trial, sites: str, replaced: Replaced, summed: tuple[int, ...]) -> list[float]:
    """The change when each part alone is replaced: gradient · (what would stand there − what does), to first order."""
    changes: list[float] = []
    for layer, (value, along) in enumerate(zip(*gradients(trial, sites), strict=True)):
        moved = (along * (replaced(value, layer) - value)).sum(dim=summed)  # slopes, or slopes h
        changes += trial.measure.change(moved).reshape(-1).tolist()
    return changes


def words(trial: Trial, how: str) -> list[float | None]:
    """The change when each word alone is masked, deleted or unseen; None where that was not measured."""
    if how == "mask":
        return [None if adds is None else -adds for adds in words_add(trial)]
    chosen = worth_measuring(trial)
    after = _deleted(trial, chosen) if how == "delete" else _unseen(trial, chosen)
    return [after[k] - trial.before if k in after else None for k in range(len(trial.words))]


def _unseen(trial: Trial, chosen: list[int]) -> dict[int, float]:
    switches = [word_off(trial, k, "unseen") for k in chosen] if trial.layers else []
    return dict(zip(chosen, trial.after_each(switches), strict=False))


def _deleted(trial: Trial, chosen: list[int]) -> dict[int, float]:
    """Texts without one word each, side by side."""
    asked = trial.asked_about
    chosen = [k for k in chosen if k != asked and len(trial.spoken) > 1]
    cut = [shorter(trial.pieces, [k]) for k in chosen]
    after: list[float] = []
    for start in range(0, len(cut), trial.rows):
        batch = batch_of(cut[start : start + trial.rows], trial.reader.tokens)
        after += trial.after(batch=batch, measure=trial.measure.moved(batch)).tolist()
    return dict(zip(chosen, after, strict=True))
