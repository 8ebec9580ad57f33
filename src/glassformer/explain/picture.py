"""One text through one model as a page draws it: names, numbers, arrays, effects.  docs/page.md is its contract."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from glassformer.explain import ablations, arrays
from glassformer.explain.address import Address, check
from glassformer.explain.answers import Filled, Next, Said
from glassformer.explain.baselines import baselines
from glassformer.explain.batch import Translation
from glassformer.explain.choices import Choice, choose_without
from glassformer.explain.crossed import Crossed, crossed, source_of
from glassformer.explain.effects import Edge, cells_cut, edges_cut, every_edge, worth_measuring
from glassformer.explain.embeds import Embeds
from glassformer.explain.like import NOT_ASKED
from glassformer.explain.path import path, readout
from glassformer.explain.predicts import Predicts
from glassformer.explain.reader import Reader
from glassformer.explain.sides import by_layer, heads_of
from glassformer.explain.slope import answered, pool_of
from glassformer.explain.story import Told, View, beside, read_how, second_from, taken, told_by, view
from glassformer.explain.switches import BASELINES, PARTS, WORDS
from glassformer.explain.trial import Trial
from glassformer.models.bert import Bert
from glassformer.models.gpt2 import Gpt2
from glassformer.models.seq2seq import Translator
from glassformer.models.simple import BagOfWords, Classifier, Generator

SCHEMA = 1
CELLS = 2  # times as many positions as effects may take, for the cells of as many heads as that holds
FAMILIES = {
    Bert: "bert",
    Gpt2: "gpt2",
    Generator: "generator",
    Classifier: "classifier",
    BagOfWords: "bag of words",
    Translator: "translator",
}
CLOSE = 1e-4  # of what all terms come to without their signs
MEASURED = ("views", "effects", "told", "readout", "baselines")


Picture = dict[str, Any]  # JSON-ready, but for `arrays`: float32, by the tape's names, without the axis of the batch


def picture(
    trial: Trial,
    full: bool = True,
    choices: Sequence[Choice] = (),
    companions: tuple[Reader, ...] = (),
    cells: bool = True,
    effects: bool = True,
) -> Picture:
    """Everything a page shows of a text.

    full: False leaves out what is not needed at once, which is null then: means and uniform attention as baselines,
    words deleted or unseen, the model without a part, sentences alike.  cells: False leaves out the change for each
    cell of each head too, where that is not known already; effects: False all that is measured by changing something,
    in a text where that takes long.  choices: with these switches on, every value is what they make of it, and no
    effect is measured.
    """
    seen = trial.switched(*(choice.switch for choice in choices)) if choices else trial
    later = not (effects or full or every_edge(trial))
    measured = {name: None for name in MEASURED} if choices or later else _measured(trial, full, companions)
    exact = {"exact": [[False] * count for count in head_counts(seen)]}
    header = {
        **_text(seen),
        "model": model(seen),
        "answer": {**_answer(seen.answer), "value": seen.before, "share": seen.answer.share},
        "metric": asdict(trial.metric),
        "before": trial.before,
        "path": _path(seen),
        **measured,
        "take": measured.get("take") or (asdict(taken(seen, None)) if seen.layers else None),
        "switches": [str(choice) for choice in choices],
        "cells": exact,
        **dict.fromkeys(("whatifs", "left")),  # of a file
        "partial": not full and not choices,
    }
    found = arrays.arrays(seen, effects=not choices and not later and (cells or full or not every_edge(trial)))
    if full and not choices and trial.layers:
        exact["exact"] = _measure_cells(trial, measured, found)
    return {"schema": SCHEMA, "kind": "picture", **plain(header), "arrays": found}


def _measure_cells(trial: Trial, measured: dict[str, Any], found: arrays.Arrays) -> list[list[bool]]:
    """Put measured cells in the place of estimated ones, in as many heads as there is time for: that in which the
    told edge matters most first, then those with the largest effect.  → whether those of each head were measured.
    """
    effects, told = measured["effects"]["heads"]["zero"], measured["told"]
    through = told["by_head"] if told else effects
    order = sorted(trial.heads, key=lambda at: -max(abs(row[at[0]][at[1]] or 0.0) for row in (effects, through)))
    exact = [[False] * count for count in head_counts(trial)]
    for layer in range(trial.layers):
        found[f"layers.{layer}.attention.cells"] = found[f"layers.{layer}.attention.cells"].copy()  # estimates are kept
    for layer, head in order[: int(CELLS * trial.exact / trial.ids.size(1) ** 3)]:
        cells, exact[layer][head] = cells_cut(trial, layer, head)
        found[f"layers.{layer}.attention.cells"][head] = arrays.plain(cells)
    return exact


def _measured(trial: Trial, full: bool, companions: tuple[Reader, ...]) -> dict[str, Any]:
    """What was found by changing something and asking again."""
    others, chosen = beside(trial, companions), worth_measuring(trial)
    views = [view(each, chosen, trial) for each in [*others, trial]]
    edges = edges_cut(trial)
    told = told_by(trial, edges, others, full)
    mask = [None if adds is None else -adds for adds in views[-1].adds]
    return {
        "views": [_view(*each) for each in zip([*others, trial], views, strict=True)],
        "effects": _effects(trial, edges, mask, full),
        "told": None if told is None else _told(told),
        **({"take": asdict(taken(trial, told))} if trial.layers else {}),
        "readout": [asdict(each) for each in readout(trial)],
        **({"crossed": _crossed(crossed(trial))} if trial.read else {}),
        "baselines": [asdict(each) for each in baselines(trial, companions, full)],
    }


def head_picture(trial: Trial, layer: int, head: int, choices: Sequence[Choice] = ()) -> Picture:
    """One head: its arrays, and the change of the measure for each of its cells, measured where that is possible.

    exact: whether it was; None with switches on, where no effect is measured.
    """
    seen, exact = trial.switched(*(choice.switch for choice in choices)) if choices else trial, None
    check(Address(f"layers.{layer}.attention.weights", (head,)), seen.shapes)
    found = arrays.head(seen, layer, head)
    if not choices:
        cells, exact = cells_cut(trial, layer, head)
        found["cells"] = arrays.plain(cells)
    header = {"layer": layer, "head": head, "exact": exact, "switches": [str(choice) for choice in choices]}
    return {"schema": SCHEMA, "kind": "head", **header, "arrays": found}


def _text(trial: Trial) -> dict[str, Any]:
    """What was read: pieces, words, and which belongs to which."""
    pieces, words = trial.pieces, trial.words
    word_of = {place: k for k, word in enumerate(words) for place in word.pieces}
    return {
        **(_read(trial) if trial.read else {}),
        "text": pieces.text if trial.source is None else trial.source.text,
        "second": pieces.text if isinstance(pieces, Translation) and not pieces.own else pieces.second,
        "read": read_how(trial),
        "left_out": pieces.left_out,
        "unread": pieces.unread,
        "pieces": pieces.names,
        "word_of": [word_of.get(place, -1) for place in range(len(pieces.ids))],
        "words": trial.texts,
        "word_pieces": [list(word.pieces) for word in words],
        "specials": trial.specials,
        "special_pieces": sorted(pieces.specials),
        "second_from": second_from(trial),
    }


def _read(trial: Trial) -> dict[str, Any]:
    """What an encoder reads, beside what is written."""
    source = source_of(trial)
    return {
        "written": trial.pieces.text,
        "source_text": source.text,
        "source_pieces": source.names,
        "source_words": [word.text for word in source.words],
        "source_word_of": [source.word_at(k) for k in range(len(source.ids))],
        "source_word_pieces": [list(word.pieces) for word in source.words],
        "source_special_pieces": sorted(source.specials),
    }


def model(trial: Trial) -> dict[str, Any]:
    """What the model is."""
    reader, config, counts = trial.reader, trial.reader.config, head_counts(trial)
    return {
        "name": reader.name,
        "given": reader.given,
        "what": trial.kind.what,
        "family": next(name for kind, name in FAMILIES.items() if isinstance(reader.model, kind)),
        "layers": trial.layers,
        "heads": counts,
        "width": getattr(config, "width", None),
        "head_width": trial.head_width if counts else None,
        "hidden": getattr(config, "hidden", None),
        "activation": getattr(config, "activation", "relu") if counts else None,
        "block": trial.block if counts else None,
        "positions": getattr(config, "positions", None),
        "pool": _pool(trial),
        "labels": list(reader.labels),
        "parameters": sum(weight.numel() for weight in reader.model.parameters()),
        **(_sides(trial) if trial.read else {}),
    }


def _sides(trial: Trial) -> dict[str, Any]:
    """How many heads an encoder has, and the decoder's looks at what it read."""
    counts = {kind: list(map(len, by_layer(trial, heads_of(trial, kind), kind))) for kind in ("encoder", "cross")}
    encoder = {"layers": len(counts["encoder"]), "heads": counts["encoder"]}
    return {"encoder": encoder, "cross_heads": counts["cross"]}


def head_counts(trial: Trial) -> list[int]:
    """How many heads each layer has."""
    return [sum(layer == k for layer, _ in trial.heads) for k in range(trial.layers)]


def _pool(trial: Trial) -> str | None:
    if isinstance(trial.kind, Embeds):
        return trial.kind.pooling
    if isinstance(trial.kind, Predicts) or not trial.layers:
        return None
    return "cls" if isinstance(trial.reader.model, Bert) else pool_of(trial.reader.model)


def _answer(answer: Said) -> dict[str, Any]:
    probability = getattr(answer, "probability", None) or getattr(answer, "scores", None)
    masks = [[asdict(each) for each in mask] for mask in answer.masks] if isinstance(answer, Filled) else None
    likely = [asdict(each) for each in answer.candidates] if isinstance(answer, Next) else None
    return {"says": answer.says, "probability": probability, "masks": masks, "next": likely}


def _view(trial: Trial, view: View) -> dict[str, Any]:
    """What one model says, and what each word adds."""
    said, value = view.answer, trial.before
    return {"model": view.model, "says": said.says, "share": said.share, "value": value, "adds": view.adds}


def _effects(trial: Trial, edges: list[Edge], mask: list[float | None], full: bool) -> dict[str, Any]:
    """The change of the measure for all that can be switched off."""
    heads, mlps = ablations.parts(trial, *((BASELINES, BASELINES[:2]) if full else (BASELINES[:1],) * 2))
    rows = {name: by_layer(trial, each) for name, each in heads.changes.items()}
    return {
        "words": {"mask": mask, **{how: ablations.words(trial, how) if full else None for how in WORDS[1:]}},
        "edges": [list(asdict(edge).values()) for edge in edges],
        "edges_of": len(trial.pairs()) if trial.layers else 0,
        "heads": {**dict.fromkeys(BASELINES), **rows, "exact": by_layer(trial, heads.exact)},
        "mlps": {**dict.fromkeys(BASELINES[:2]), **mlps.changes, "exact": mlps.exact},
        "without": _without(trial) if full and trial.layers else None,
        **(_looks(trial, full) if trial.read else {}),
    }


def _looks(trial: Trial, full: bool) -> dict[str, Any]:
    """The change when a head of the encoder, or one that looks at what it read, is off."""
    found = {}
    for kind in ("encoder", "cross"):
        off = ablations.heads(trial, BASELINES if full else BASELINES[:1], kind)
        rows = {name: by_layer(trial, each, kind) for name, each in off.changes.items()}
        exact = by_layer(trial, off.exact, kind)
        found[f"{kind}_heads"] = {**dict.fromkeys(BASELINES), **rows, "exact": exact}
    return found


def _without(trial: Trial) -> dict[str, float]:
    return {part: trial.after(choose_without(trial, part).switch).item() - trial.before for part in PARTS}


def _told(told: Told) -> dict[str, Any]:
    """The edge that changes most, as the page has it."""
    control = None if told.control is None else asdict(told.control)
    known = {name: getattr(told, name) for name in ("before", "after", "reading", "by_head", "doubt", "flips")}
    asked = told.like is not NOT_ASKED
    clear, like = told.clear if asked or told.doubt else None, asdict(told.like) if asked else None
    return {**asdict(told.edge), **known, "control": control, "like": like, "clear": clear}


def _crossed(found: Crossed) -> dict[str, Any]:
    """Where a piece that is written came from, as the page has it."""
    control = None if found.control is None else asdict(found.control)
    edges = [list(asdict(edge).values()) for edge in found.edges]
    known = {name: getattr(found, name) for name in ("at", "looks", "adds", "by_head", "before", "doubt")}
    return {**known, "edges": edges, "control": control}


def _path(trial: Trial) -> dict[str, Any] | None:
    """None where a switch has changed what a part puts in, so that the terms do not sum to the answer any more."""
    found = path(trial)
    whole = sum(abs(term.value) for term in found.terms)
    kept = not trial.switches or abs(found.total - answered(trial)) <= CLOSE * whole
    return asdict(found) if kept else None


def plain(thing: Any) -> Any:
    """As JSON has it: lists, no NaN and no infinity."""
    if isinstance(thing, dict):
        return {str(key): plain(value) for key, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [plain(value) for value in thing]
    return None if isinstance(thing, float) and not math.isfinite(thing) else thing
