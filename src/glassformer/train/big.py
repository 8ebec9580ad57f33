"""A model that is too big, learned all the same: three ways to need less memory, none of which changes what is learned.

accumulate   the gradient of a batch, one part of it at a time; `several` and `in_parts`: the same as the loop takes it
Short        products of matrices with numbers of two bytes ("mixed precision")
recompute    the inside of a block is not kept, but computed again ("gradient checkpointing")

docs/going-big.md says what each saves and what it costs.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from glassformer.models.losses import IGNORED
from glassformer.parts.block import Stack
from glassformer.train.loop import Gradient, Learned, State, drawn, loss_of

P = TypeVar("P")


def accumulate(parts: Sequence[P], loss: Callable[[P], Tensor], labels: Callable[[P], int]) -> Tensor:
    """Add to the weights' gradients that of the mean over all labels of all parts; only one part is in memory.

    loss: the mean over the labels of a part; labels: how many those are.  A mean of means would be another number:
    a label of a short text would weigh more than one of a long text.  → the mean over all labels.
    Raises ValueError where there is no label at all.
    """
    counts = [labels(part) for part in parts]
    total = sum(counts)
    if not total:
        raise ValueError(f"{len(counts)} parts hold no label: there is nothing to learn from; leave the batch out")
    whole = torch.zeros(())
    for part, count in zip(parts, counts, strict=True):
        if count:
            share = loss(part) * (count / total)
            share.backward()
            whole = whole.to(share) + share.detach()
    return whole


def divided(batch: Sequence[Tensor], parts: int) -> list[tuple[Tensor, ...]]:
    """A batch by rows, in so many parts of like size: each of its tensors (b, …) → parts of (b / parts, …).

    Raises ValueError where there are fewer rows than parts.
    """
    rows = len(batch[0])
    if not 1 <= parts <= rows:
        raise ValueError(f"{rows} texts do not divide into {parts} parts; try 1 to {rows}")
    return list(zip(*(tensor.tensor_split(parts) for tensor in batch), strict=True))


def asked(labels: Tensor) -> int:
    """How many labels are asked about: those that are not −100."""
    return int((labels != IGNORED).sum())


def several(count: int, labels: Callable[[int], int] = lambda number: 1) -> Gradient:
    """For the loop: `count` batches of the task make one step, `train(state, task, several(8))`.

    labels: how many labels the batch of a number holds, where they do not hold as many.
    Raises ValueError where there is not one batch.
    """
    if count < 1:
        raise ValueError(f"a step of {count} batches is none; give 1 or more")

    def gradient(state: State, task: Learned) -> Tensor:
        first = state.step * count
        return accumulate(range(first, first + count), lambda number: loss_of(state, task, number), labels)

    return gradient


def in_parts(count: int) -> Gradient:
    """For the loop: the batch of a step in `count` parts, or as many as it has rows: `train(state, task, in_parts(4))`.

    The batch is the one that is learned at once, and so is the gradient, but for rounding and what dropout drops.
    task: one of `task.Writes`.
    """

    def gradient(state: State, task: Any) -> Tensor:
        with drawn(state, task, state.step):
            batch = task.batch(state.step)
            parts = divided(batch, min(count, len(batch[0])))
            return accumulate(parts, lambda part: task.of(state.model, part), lambda part: asked(part[-1]))

    return gradient


class Short:
    """The same task, its matrices multiplied in two bytes a number; weights, and sums over many, keep four.

    Micikevicius et al. 2018, "Mixed precision training".  bfloat16 reaches as far as float32, and is merely coarser;
    the smallest number of float16 is 6e−8, and smaller gradients become 0: `lost` says how many.
    """

    def __init__(self, task: Learned, device: str = "cpu", dtype: torch.dtype = torch.bfloat16):
        self.task, self.device, self.dtype = task, device, dtype
        self.seed, self.total, self.rate = task.seed, task.total, task.rate

    def loss(self, model: nn.Module, step: int) -> Tensor:
        with torch.autocast(self.device, self.dtype):
            return self.task.loss(model, step).float()


def lost(gradients: Sequence[Tensor], dtype: torch.dtype, scale: float = 1.0) -> float:
    """Which share of their numbers becomes 0 in `dtype`, were the loss `scale` times as large; 0 stays 0, uncounted."""
    there = sum(int((gradient != 0).sum()) for gradient in gradients)
    left = sum(int(((gradient * scale).to(dtype) != 0).sum()) for gradient in gradients)
    return (there - left) / max(1, there)


def recompute(model: nn.Module, again: bool = True) -> int:
    """Keep the stream between blocks only, in training, or all again.  → how many stacks of blocks it was said to.

    Raises ValueError where the model has none.
    """
    stacks = [part for part in model.modules() if isinstance(part, Stack)]
    for stack in stacks:
        stack.recompute = again
    if not stacks:
        raise ValueError(f"{type(model).__name__} has no stack of blocks: there is nothing to compute again")
    return len(stacks)
