"""The scales for the sums of `memory.py`: what a run really keeps, and the most it held at once, in bytes."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.profiler import ProfilerActivity, profile

T = TypeVar("T")


def kept(run: Callable[[], T], besides: Iterable[Tensor] = ()) -> tuple[int, T]:
    """What autograd keeps of `run` until the way back, and its result.  The same number every time.

    Each piece of memory counts once, however many views of it are kept; those of `besides`, weights and inputs
    that are there anyway, do not.  What a checkpointed block computes again is not kept, so not counted.
    """
    found: dict[int, Tensor] = {}  # the tensors are held, or their places would be given to others

    def pack(tensor: Tensor) -> Tensor:
        found[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        result = run()
    for tensor in besides:
        found.pop(tensor.untyped_storage().data_ptr(), None)
    return sum(tensor.untyped_storage().nbytes() for tensor in found.values()), result


def own(model: nn.Module) -> list[Tensor]:
    """Its weights and tables."""
    return [*model.parameters(), *model.buffers()]


def most(run: Callable[[], object], device: torch.device | None = None) -> int:
    """The most that was held at once of all that `run` asked for, beside what was there before.

    On a CPU as PyTorch's allocator tells its profiler, so what a library takes past it is not seen.  What `run`
    frees must be its own: set gradients to None first.
    """
    if device is not None and device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run()
        return torch.cuda.max_memory_allocated(device) - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        run()
    return _peak(profiled)


def _peak(profiled: profile) -> int:
    events = [each for each in profiled.profiler.kineto_results.events() if each.name() == "[memory]"]  # type: ignore
    now = highest = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        highest = max(highest, now)
    return highest
