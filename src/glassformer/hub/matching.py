"""Which tensor of a file is which weight of a model, and what to say where they are not the same."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from glassformer.errors import CheckpointError, UsageError, did_you_mean, one_line
from glassformer.hub import config as configs
from glassformer.hub import names, weights
from glassformer.hub.names import HEAD_PARTS, HEADS
from glassformer.hub.weights import Weights
from glassformer.models.bert import Bert

MOST_FRESH = 1 << 26  # weights of a new head
MOST_LABELS = 1 << 16
FIELDS = {  # what a size of a tensor is called in our configs, axis by axis
    "embed.pieces.weight": ("vocabulary", "width"),
    "embed.positions.table": ("length", "width"),
    "embed.types.weight": ("types", "width"),
    "attention.nearness.table": ("length", "heads"),
    "mlp.inward.weight": ("hidden", "width"),
    "mlp.inward.bias": ("hidden",),
    "mlp.outward.weight": ("width", "hidden"),
    "predict.bias": ("vocabulary",),
    "predict.weight": ("vocabulary", "width"),
}
ABSENT = {"attention.nearness": "positions", "cross": "cross", "embed.types": "types", "layers": "layers"}


@dataclass(frozen=True)
class Wish:
    """What was asked for beside the folder.  head: a key of HEADS; labels: of a new head."""

    head: str | None = None
    labels: tuple[str, ...] | None = None
    allow_pickle: bool = False

    def checked(self) -> type[Bert] | None:
        """The class that is wanted, if one is.  Raises UsageError where a wish cannot be."""
        if self.head is not None and self.head not in HEADS:
            known = did_you_mean(self.head, HEADS) or f"; known: {', '.join(HEADS)}"
            raise UsageError(f"there is no head {one_line(repr(self.head), 60)}{known}")
        if self.labels is not None:
            named = isinstance(self.labels, tuple | list) and all(isinstance(label, str) for label in self.labels)
            if not named or len(set(self.labels)) != len(self.labels) or not 1 <= len(self.labels) <= MOST_LABELS:
                raise UsageError(f"labels is {one_line(self.labels, 60)}; a list of different names was expected")
        return None if self.head is None else HEADS[self.head]


@dataclass(frozen=True)
class Match:
    """places: theirs → ours; unused: known, but of another head; strange: in no table, or of no part of the model."""

    places: dict[str, str]
    unused: tuple[str, ...]
    strange: tuple[str, ...]
    wrong: tuple[str, ...]  # in places, but of another shape
    family: str


def match(model: Bert, family: str, found: Weights, folder: Path) -> Match:
    """Which tensor of the file is which weight of the model."""
    wanted = {name: tuple(weight.shape) for name, weight in model.state_dict().items()}
    places, unused, strange, wrong = {}, [], [], []
    for theirs, stored in found.stored.items():
        ours = names.ours(theirs, family)
        if names.BUFFERS.fullmatch(theirs) or (ours == "embed.positions.table" and ours not in wanted):
            continue
        if stored.kind not in weights.FLOATS:
            raise CheckpointError(
                f"{folder}: {one_line(theirs, 60)} is stored as {stored.kind}; {', '.join(weights.FLOATS)} can be read"
            )
        if ours == "predict.weight" and ours not in wanted and "predict.bias" in wanted:
            places[theirs] = ours  # tied: it is the weight that embeds the pieces
        elif ours in wanted and names.stands(theirs, family, type(model)):
            places[theirs] = ours
            wrong += [theirs] if wanted[ours] != stored.shape else []
        else:
            (unused if (ours or "").startswith(HEAD_PARTS) else strange).append(theirs)
    wrong.sort(key=lambda theirs: list(wanted).index(places[theirs]))  # the table of pieces tells most
    return Match(places, tuple(unused), tuple(strange), tuple(wrong), family)


def renewed(fit: Match, wish: Wish) -> Match:
    """New labels ask for a new classifier where the old one has another number of classes."""
    old = [each for each in fit.wrong if wish.labels and fit.places[each].startswith("classifier.")]
    places = {theirs: ours for theirs, ours in fit.places.items() if theirs not in old}
    wrong = tuple(each for each in fit.wrong if each not in old)
    return replace(fit, places=places, unused=(*fit.unused, *old), wrong=wrong)


def judged(fit: Match, model: Bert, wish: Wish, folder: Path, found: Weights) -> tuple[str, ...]:
    """The weights that begin anew: those of a head that was asked for.  Anything else that is amiss is an error."""
    state = model.state_dict()
    there = set(fit.places.values())
    missing = [name for name in state if name not in there]
    fresh = [name for name in missing if (wish.head or wish.labels) and name.startswith(HEAD_PARTS)]
    missing = [name for name in missing if name not in fresh]
    says = [_shapes(each, fit, found, state) for each in fit.wrong[:3]]
    says += [f"and {len(fit.wrong) - 3} more of another shape"] if len(fit.wrong) > 3 else []
    if fit.strange:
        says.append(f"no place in the model for {grouped(fit.strange)}{_hint(fit.strange, fit.family)}")
    if missing:
        theirs = [names.theirs(name, fit.family, type(model)) for name in missing]
        says.append(f"not in the files: {grouped(theirs)}{_hint(theirs, fit.family)}")
        if all(name.startswith(HEAD_PARTS) for name in missing):
            says.append(f"for a new head, to be trained, ask for it: head={type(model).__name__!r}")
    if says:
        raise CheckpointError(f"{folder}: weights and config.json disagree: {one_line('; '.join(says), 700)}")
    if sum(state[name].numel() for name in fresh) > MOST_FRESH:
        raise CheckpointError(f"{folder}: a new head of more than {MOST_FRESH:,} weights is not made")
    return tuple(fresh)


def _shapes(theirs: str, fit: Match, found: Weights, state: Mapping[str, Tensor]) -> str:
    """Both shapes of a tensor, and the field of config.json that says the one that differs."""
    ours = fit.places[theirs]
    stored, wanted = found.stored[theirs].shape, tuple(state[ours].shape)
    axes = next((fields for end, fields in FIELDS.items() if ours.endswith(end)), ("width", "width"))
    axes = ("classes", "width") if ours.startswith("classifier.") else axes
    differ = [field for field, one, other in zip(axes, stored, wanted, strict=False) if one != other] or ["width"]
    field = "num_labels" if differ[0] == "classes" else configs.name_of(differ[0], fit.family)
    return f"{theirs}: file {stored}, model {wanted}; see {field}"


def _hint(theirs: Iterable[str], family: str) -> str:
    """The field of config.json that decides whether such tensors are there."""
    ours = {names.ours(each, family) or "" for each in theirs}
    field = next((field for part, field in ABSENT.items() if any(f".{part}." in f".{name}" for name in ours)), None)
    return f"; see {configs.name_of(field, family)}" if field else ""


def grouped(theirs: Iterable[str], most: int = 5) -> str:
    """Names, those of all layers as one, and how many more there are."""
    groups: dict[str, int] = {}
    for name in theirs:
        general = re.sub(r"\.layer\.\d+\.", ".layer.*.", name)
        groups[general] = groups.get(general, 0) + 1
    shown = [one_line(name, 80) + (f" ({count})" if count > 1 else "") for name, count in list(groups.items())[:most]]
    return ", ".join(shown) + (f" and {len(groups) - most} more" if len(groups) > most else "")
