"""Changing a BERT for good, in place: heads taken off, pieces added or taken away.

To silence a head for one reading only, edit `layers.N.attention.z` instead.  Both operations here make new parameters
where the old ones change their shape, so make the optimizer afterwards.

Where the reference (transformers) parts from this file, on purpose: a head that is not there, or was taken off
already, is an error that names it; each layer keeps at least one head; new pieces begin as all pieces began.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from glassformer.models.bert import Bert
from glassformer.models.heads import Predicting, PreTraining
from glassformer.parts.attention import Attention


def prune(model: Bert, heads: Mapping[int, Iterable[int]]) -> None:
    """Take `heads`, {layer: numbers}, off self-attention.  A head keeps the number it had before any was taken off.

    What is left is the model with these heads silenced: the bias of `out` stays.  Michel et al. 2019, "Are sixteen
    heads really better than one?".
    """
    asked = {layer: list(numbers) for layer, numbers in heads.items()}
    gone = {layer: set(numbers) for layer, numbers in model.config.pruned}
    left = {layer: _left(model, layer, gone.get(layer, set())) for layer in asked}
    for layer, numbers in asked.items():
        _may_go(layer, numbers, left[layer])
    for layer, numbers in asked.items():
        kept = [place for place, head in enumerate(left[layer]) if head not in numbers]
        _keep(model.layers[layer].attention, kept)  # type: ignore[arg-type]
        gone.setdefault(layer, set()).update(numbers)
    pruned = tuple((layer, tuple(sorted(numbers))) for layer, numbers in sorted(gone.items()) if numbers)
    model.config = replace(model.config, pruned=pruned)
    model.layers.prepared = None  # made of the weights as they were


def resize(model: Bert, vocabulary: int) -> None:
    """Let it know `vocabulary` pieces: the first of those it knew stay as they are, new ones begin as all began."""
    padding, spread = model.config.padding, model.config.spread
    if vocabulary <= padding:
        raise ValueError(f"{vocabulary} pieces leave out the padding piece, {padding}: keep {padding + 1} or more")
    pieces = _rows(model.embed.pieces.weight, vocabulary, spread)  # type: ignore[arg-type]
    model.embed.pieces = nn.Embedding(vocabulary, model.config.width, padding_idx=padding, _weight=pieces)
    model.embed.pieces.weight = pieces  # frozen if it was
    if isinstance(model, Predicting | PreTraining):
        model.predict.bias = _rows(model.predict.bias, vocabulary, 0.0)
        if model.predict.weight is not None:
            model.predict.weight = _rows(model.predict.weight, vocabulary, spread)
    model.config = replace(model.config, vocabulary=vocabulary)


def _left(model: Bert, layer: int, gone: set[int]) -> list[int]:
    """The heads that a layer still has, by their first numbers."""
    if layer not in range(len(model.layers)):
        raise ValueError(f"there is no layer {layer}; the model has {len(model.layers)}, counted from 0")
    return [head for head in range(model.config.heads) if head not in gone]


def _may_go(layer: int, numbers: Sequence[int], left: Sequence[int]) -> None:
    for head in numbers:
        if head not in left or numbers.count(head) > 1:
            why = "is named twice" if head in left else "is not there"
            raise ValueError(f"head {head} of layer {layer} {why}; choose each of {_listed(left)} at most once")
    if len(numbers) == len(left):
        repair = f"leave one of {_listed(left)}, or silence them by an edit of layers.{layer}.attention.z"
        raise ValueError(f"layer {layer} would have no head left: {repair}")


def _listed(heads: Sequence[int]) -> str:
    return ", ".join(map(str, heads))


def _keep(attention: Attention, kept: list[int]) -> None:
    """Only the heads in these places: their rows of q, k and v, their columns of `out`."""
    for reader in (attention.q, attention.k, attention.v):
        reader.weight = _parameter(_of(reader.weight, attention.heads, kept), reader.weight)
        reader.bias = _parameter(_of(reader.bias, attention.heads, kept), reader.bias)
        reader.out_features = len(reader.weight)
    attention.out.weight = _parameter(_of(attention.out.weight.T, attention.heads, kept).T, attention.out.weight)
    attention.out.in_features = attention.out.weight.size(1)
    attention.heads = len(kept)
    for linear in (attention.q, attention.k, attention.v, attention.out):
        linear.packed = None


def _of(rows: Tensor, heads: int, kept: list[int]) -> Tensor:
    return rows.unflatten(0, (heads, -1))[kept].flatten(0, 1)


def _rows(weight: Tensor, count: int, spread: float) -> nn.Parameter:
    """The first `count` rows, those there are not yet drawn around 0."""
    old = weight.detach()[:count]
    new = old.new_empty(count - len(old), *old.shape[1:]).normal_(0.0, spread)
    return _parameter(torch.cat([old, new]), weight)


def _parameter(value: Tensor, before: Tensor) -> nn.Parameter:
    return nn.Parameter(value.detach().contiguous().clone(), before.requires_grad)
