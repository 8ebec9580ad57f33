"""What can be switched, as it is written: `off:L0.H3:mean`, `cut:4>3`, `word:3:delete`; each with its controls.

    off:L0.H3:zero, off:L0.mlp:mean        a head, or an MLP, gives nothing: zeros, its mean, a uniform mixture
    cut:4>3, cut:4>3@L0, cut:4>3@L0.H3     a word may not look at another: everywhere, in a layer, in a head
    cell:L0.H3[4,3]                        a position may not look at another in one head
    word:3:mask, :delete, :unseen          the model's mask in its place; taken out; nobody else may look at it
    cross:4>3, cross:4>3@L0.H1             a translator: a word that is written may not look at one that is read
    source:3:mask                          a word that is read: the mean of all pieces in its place
    without:scaling, :positions, :heads    the whole model without it
    set:L0.H3.z[4,2]=0.5                   one value set
    patch:L0.H3, L0.mlp, L0.stream[4]      that value from another sentence

Numbers are of words, in a cell and an address of positions.  `str(choice)` is the one way to write it.
"""

import re
from collections.abc import Callable
from dataclasses import replace

import torch

from glassformer.errors import UsageError, did_you_mean, one_line
from glassformer.explain.address import Address, check, parse
from glassformer.explain.crossed import choose_cross, choose_source
from glassformer.explain.effects import nearest_key, nearest_other
from glassformer.explain.named import edge, named_edge, turned, word_number
from glassformer.explain.placed import patched, value_set
from glassformer.explain.reference import reference
from glassformer.explain.sides import heads_of, kind_of
from glassformer.explain.switches import (
    BASELINES,
    PARTS,
    WORDS,
    Choice,
    Switch,
    cut,
    head_off,
    mlp_off,
    without,
)
from glassformer.explain.trial import Trial

_PLACE = re.compile(r"L([0-9]{1,9})(?:\.H([0-9]{1,9}))?")
_MLP = re.compile(r"L([0-9]{1,9})\.mlp")
HOW = "off:L0.H3:zero, cut:4>3, cell:L0.H3[4,3], word:3:mask, without:scaling, set:L0.H3.z[4,2]=0.5 or patch:L0.H3"


def choose(trial: Trial, text: str, other: Trial | None = None) -> Choice:
    """The choice that `text` names; other: the sentence that values are patched from.  Raises UsageError."""
    kind, _, rest = text.strip().partition(":")
    if kind == "patch":
        return Choice(*patched(trial, rest, other))
    if kind not in KINDS:
        close = did_you_mean(kind, [*KINDS, "patch"])
        raise UsageError(f"{one_line(text, 60)!r} is no switch{close or ';'} write {HOW}")
    return KINDS[kind](trial, rest)


def _off(trial: Trial, rest: str) -> Choice:
    where, _, baseline = rest.partition(":")
    match = _MLP.fullmatch(where.strip())
    if match:
        return choose_mlp(trial, int(match[1]), baseline or "zero")
    return choose_head(trial, where, baseline or "zero")


def choose_head(trial: Trial, where: str | Address, baseline: str) -> Choice:
    """One head off; controls: every other head off in the same way."""
    trial.need_attention()
    _known("baseline", baseline, BASELINES)
    address = parse(where) if isinstance(where, str) else where
    kind = kind_of(address)
    if address.axes[:1] != ("head",) or not address.index or address.layer is None:
        layer, head = trial.heads[-1]
        raise UsageError(f"{address} is no head; write L0.H0 to L{layer}.H{head}")
    check(address, trial.shapes)
    switches = heads_off(trial, baseline, kind)
    chosen = switches.pop((address.layer, address.index[0]))
    return Choice(chosen, list(switches.values()))


def heads_off(trial: Trial, baseline: str, kind: str = "") -> dict[tuple[int, int], Switch]:
    """Every head of a kind off, by (layer, head)."""
    means = reference(trial.reader).of_heads(kind) if baseline == "mean" else {}
    return {at: head_off(*at, baseline, means.get(at), kind) for at in heads_of(trial, kind)}


def choose_mlp(trial: Trial, layer: int, baseline: str) -> Choice:
    """The MLP of one layer off; controls: every other MLP off in the same way."""
    trial.need_attention()
    _known("baseline of an MLP", baseline, BASELINES[:2])
    if layer >= trial.layers:
        raise UsageError(f"there is no L{layer}.mlp: this model has layers 0 to {trial.layers - 1}")
    switches = mlps_off(trial, baseline)
    chosen = switches.pop(layer)
    return Choice(chosen, switches)


def mlps_off(trial: Trial, baseline: str) -> list[Switch]:
    """Every MLP off, by layer."""
    means = reference(trial.reader).mlps if baseline == "mean" else [None] * trial.layers
    return [mlp_off(layer, baseline, mean) for layer, mean in enumerate(means)]


def _cut(trial: Trial, rest: str) -> Choice:
    words, _, where = rest.rpartition("@") if _PLACE.fullmatch(rest.rpartition("@")[2].strip()) else (rest, "", "")
    looks, at = edge(trial, words)
    return choose_cut(trial, _number(looks), _number(at), where)


def choose_cut(trial: Trial, looks: str | int, at: str | int, where: str = "") -> Choice:
    """`looks` may not look at `at`, in all layers, or in the layer or head `where`; control: not at another word."""
    trial.need_attention()
    i, j = word_number(trial, looks), word_number(trial, at)
    layer, head = _place(trial, where)
    control = nearest_other(trial, i, j, layer, head)
    pairs = [(i, j)] if control is None else [(i, j), (i, control)]
    chosen, *others = [_edge_cut(trial, pair, layer, head) for pair in pairs]
    return Choice(chosen, others)


def _edge_cut(trial: Trial, pair: tuple[int, int], layer: int | None, head: int | None) -> Switch:
    where = "" if layer is None else f"L{layer}" if head is None else f"L{layer}.H{head}"
    name = named_edge(trial, *pair) + (f" in {where}" if where else "")
    return cut(trial.edges([pair]), name, layer, head, f"cut:{pair[0]}>{pair[1]}" + (f"@{where}" if where else ""))


def _place(trial: Trial, where: str) -> tuple[int | None, int | None]:
    """ "L0" or "L0.H3" as layer and head; neither where nothing is said."""
    match = _PLACE.fullmatch(where.strip())
    if not match:
        return None, None
    layer, head = int(match[1]), None if match[2] is None else int(match[2])
    check(Address(f"layers.{layer}.attention.weights", () if head is None else (head,)), trial.shapes)
    return layer, head


def _cell(trial: Trial, rest: str) -> Choice:
    """One cell of one head; control: another key of the same row, the nearest in weight."""
    trial.need_attention()
    address = parse(rest)
    if address.kind != "weights" or len(address.index) != 3 or address.layer is None or not address.own:
        raise UsageError(f"{one_line(rest, 60)!r} is no cell; write L0.H3[4,3]: head, row, column")
    check(address, trial.shapes)
    head, i, j = address.index
    other = nearest_key(trial, address.layer, head, i, j)
    keys = [j] if other is None else [j, other]
    chosen, *others = [_cell_cut(trial, address.layer, head, (i, key)) for key in keys]
    return Choice(chosen, others)


def _cell_cut(trial: Trial, layer: int, head: int, cell: tuple[int, int]) -> Switch:
    edges = torch.zeros(1, trial.ids.size(1), trial.ids.size(1), dtype=torch.bool)
    edges[(0, *cell)] = True
    names, (i, j) = trial.pieces.names, cell
    name = f"{names[i]} at {i} may not look at {names[j]} at {j} in L{layer}.H{head}"
    return cut(edges, name, layer, head, f"cell:L{layer}.H{head}[{i},{j}]")


def _word(trial: Trial, rest: str) -> Choice:
    word, _, how = rest.rpartition(":")
    return choose_word(trial, _number(word), how)


def choose_word(trial: Trial, word: str | int, how: str) -> Choice:
    """One word masked, deleted or unseen; controls: every other word that somebody wrote, in the same way."""
    _known("way to take a word away", how, WORDS)
    number = word_number(trial, word)
    if how == "delete" and number in trial.specials:
        raise UsageError(f"{trial.texts[number]} is put there by the model; only a word of the text can be deleted")
    others = [k for k in trial.spoken if k != number and (how, k) != ("delete", trial.asked_about)]
    return Choice(word_off(trial, number, how), [word_off(trial, k, how) for k in others])


def word_off(trial: Trial, word: int, how: str) -> Switch:
    """One word taken away: the model's mask, or the mean of all pieces, in its place; out of the text, or not to be
    looked at by others.
    """
    name, text, places = turned(trial, word), f"word:{word}:{how}", trial.words[word].pieces
    if how == "mask":
        return replace(trial.blanked(word), name=f"{name} masked", text=text, reach=places[-1] + 1)
    if how == "delete":
        if word == trial.asked_about:
            raise UsageError(f"{name} is what is asked about; delete another word")
        return Switch(f"{name} taken out", "", lambda value: value, "a text without it", text, gone=(word,))
    trial.need_attention()
    edges = torch.zeros(1, trial.ids.size(1), trial.ids.size(1), dtype=torch.bool)
    edges[:, :, list(places)] = True
    edges[0, torch.tensor(places)[:, None], list(places)] = False
    return replace(cut(edges, f"nobody else may look at {name}", text=text), reach=places[-1] + 1)


def choose_without(trial: Trial, part: str) -> Choice:
    """The whole model without scaling, positions or separate heads; there is no control of that."""
    trial.need_attention()
    if part not in PARTS:
        close = did_you_mean(part, PARTS)
        raise UsageError(f"a model has no {one_line(part, 40)!r} to go without{close}; choose {', '.join(PARTS)}")
    relative = getattr(trial.reader.config, "positions", "absolute").startswith("relative")
    return Choice(without(part, trial.head_width, relative), [])


KINDS: dict[str, Callable[[Trial, str], Choice]] = {
    "off": _off,
    "cut": _cut,
    "cell": _cell,
    "word": _word,
    "without": choose_without,
    "cross": choose_cross,
    "source": choose_source,
    "set": lambda trial, rest: Choice(*value_set(trial, rest)),
}


def _number(word: str) -> str | int:
    """In a switch digits are always a number, whatever words there are."""
    return int(word) if re.fullmatch(r"[0-9]{1,9}", word.strip()) else word


def _known(what: str, given: str, table: tuple[str, ...]) -> None:
    if given not in table:
        close = did_you_mean(given, table)
        raise UsageError(f"there is no {what} {one_line(given, 40)!r}{close}; choose {', '.join(table)}")
