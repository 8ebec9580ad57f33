"""Which tensor of a file is which weight of a model, and what to say where they are not the same."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor, nn

from glassformer.errors import CheckpointError, UsageError, did_you_mean, one_line
from glassformer.hub import config as configs
from glassformer.hub import names, weights
from glassformer.hub.names import FAMILIES, HEAD_PARTS, HEADS, Place
from glassformer.hub.weights import Weights

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

    def checked(self, family: str) -> type[nn.Module] | None:
        """The class that is wanted, if one is.  Raises UsageError where a wish cannot be."""
        known = FAMILIES[family]
        kinds = (*known.bodies, *known.classes.values())
        own = {kind.__name__: kind for kind in kinds if kind not in known.lacks}
        if self.head is not None and self.head not in own:
            near = did_you_mean(self.head, own) or f"; known: {', '.join(own)}"
            whose = f" of the family {family}" if self.head in HEADS else ""
            raise UsageError(f"there is no head {one_line(repr(self.head), 60)}{whose}{near}")
        if self.labels is not None:
            named = isinstance(self.labels, tuple | list) and all(isinstance(label, str) for label in self.labels)
            if not named or len(set(self.labels)) != len(self.labels) or not 1 <= len(self.labels) <= MOST_LABELS:
                raise UsageError(f"labels is {one_line(self.labels, 60)}; a list of different names was expected")
        return None if self.head is None else own[self.head]


@dataclass(frozen=True)
class Match:
    """places: of each tensor that has one; unused: known, but of another head; strange: in no table, or of no part of
    the model; wrong: in places, but of another shape.
    """

    places: dict[str, Place]
    unused: tuple[str, ...]
    strange: tuple[str, ...]
    wrong: tuple[str, ...]
    family: str


def match(model: nn.Module, family: str, found: Weights, folder: Path) -> Match:
    """Which tensor of the file is which weight of the model."""
    wanted = {name: tuple(weight.shape) for name, weight in model.state_dict().items()}
    places, unused, strange, wrong = {}, [], [], []
    for theirs, stored in found.stored.items():
        place = names.place(theirs, family)
        ours = place.ours[0] if place else ""
        if FAMILIES[family].buffers.fullmatch(theirs) or (ours == "embed.positions.table" and ours not in wanted):
            continue
        weights.of_numbers(theirs, stored, folder)
        if place and ours not in wanted and ours == "predict.weight" and "predict" in dict(model.named_children()):
            places[theirs] = place  # tied: it is the weight that embeds the pieces
        elif place and ours in wanted and names.stands(theirs, family, type(model)):
            places[theirs] = place
            wrong += [theirs] if place.shape(wanted) != stored.shape else []
        else:
            (unused if ours.startswith(HEAD_PARTS) else strange).append(theirs)
    wrong.sort(key=lambda theirs: list(wanted).index(places[theirs].ours[0]))  # the table of pieces tells most
    return Match(places, tuple(unused), tuple(strange), tuple(wrong), family)


def renewed(fit: Match, wish: Wish) -> Match:
    """New labels ask for a new classifier where the old one has another number of classes."""
    old = [each for each in fit.wrong if wish.labels and fit.places[each].ours[0].startswith("classifier.")]
    places = {theirs: ours for theirs, ours in fit.places.items() if theirs not in old}
    wrong = tuple(each for each in fit.wrong if each not in old)
    return replace(fit, places=places, unused=(*fit.unused, *old), wrong=wrong)


def judged(fit: Match, model: nn.Module, wish: Wish, folder: Path, found: Weights) -> tuple[str, ...]:
    """The weights that begin anew: those of a head that was asked for.  Anything else that is amiss is an error."""
    state = model.state_dict()
    there = {name for place in fit.places.values() for name in place.ours}
    missing = [name for name in state if name not in there]
    fresh = [name for name in missing if (wish.head or wish.labels) and name.startswith(HEAD_PARTS)]
    missing = [name for name in missing if name not in fresh]
    says = [_shapes(each, fit, found, state) for each in fit.wrong[:3]]
    says += [f"and {len(fit.wrong) - 3} more of another shape"] if len(fit.wrong) > 3 else []
    if fit.strange:
        says.append(f"no place in the model for {grouped(fit.strange)}{_hint(fit.strange, fit.family)}")
    if missing:
        theirs = list(dict.fromkeys(names.theirs(name, fit.family, type(model)) for name in missing))
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
    place, ours = fit.places[theirs], fit.places[theirs].ours[0]
    stored, wanted = found.stored[theirs].shape, place.shape({name: tuple(each.shape) for name, each in state.items()})
    axes = next((fields for end, fields in FIELDS.items() if ours.endswith(end)), ("width", "width"))
    axes = ("classes", "width") if ours.startswith("classifier.") else axes
    axes = axes[::-1] if place.turned else axes
    differ = [field for field, one, other in zip(axes, stored, wanted, strict=False) if one != other] or ["width"]
    field = "num_labels" if differ[0] == "classes" else configs.name_of(differ[0], fit.family, ours)
    return f"{theirs}: file {stored}, model {wanted}; see {field}"


def _hint(theirs: Iterable[str], family: str) -> str:
    """The field of config.json that decides whether such tensors are there."""
    known = {field.ours for field in FAMILIES[family].fields.values()}
    ours = [place.ours[0] for each in theirs if (place := names.place(each, family))]
    hints = ((field, name) for part, field in ABSENT.items() for name in ours if f".{part}." in f".{name}")
    found = next((pair for pair in hints if pair[0] in known), None)
    return f"; see {configs.name_of(found[0], family, found[1])}" if found else ""


def grouped(theirs: Iterable[str], most: int = 5) -> str:
    """Names, those of all layers as one, and how many more there are."""
    groups: dict[str, list[str]] = {}
    for name in theirs:
        groups.setdefault(names.NUMBER.sub("*", name), []).append(name)
    shown = [
        f"{one_line(general, 80)} ({len(own)})" if len(own) > 1 else one_line(own[0], 80)
        for general, own in list(groups.items())[:most]
    ]
    return ", ".join(shown) + (f" and {len(groups) - most} more" if len(groups) > most else "")
