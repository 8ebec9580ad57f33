"""Every tensor that somebody's code makes, whatever it calls them."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

MOST = 20_000  # tensors, and
LARGEST = 100_000  # numbers in one: beyond that, nothing is kept

LEAVES = {"item", "tolist", "numpy", "__float__", "__int__", "__array__"}  # ways out of torch: no gradient comes back


class Recorder(TorchFunctionMode):
    """`with Recorder() as made:` made.values are the tensors, made.calls the names of what was called.

    A tensor filled in place counts each time that it is read, and with its last value.
    """

    def __init__(self) -> None:
        super().__init__()
        self.values: list[Tensor] = []
        self.calls: set[str] = set()
        self._filled: dict[int, Tensor] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        writes = name == "__setitem__"
        if self._filled and not writes:
            for tensor in _tensors(args):
                self._read(tensor)
        answer = func(*args, **(kwargs or {}))
        fused = _fused(name, args, kwargs or {})
        self.calls.update((name, "dropout") if fused.get("dropout_p") else (name,))
        if writes or (kwargs or {}).get("out") is not None:
            target = args[0] if writes else (kwargs or {})["out"]
            self._filled[id(target)] = target
            self._filled.update({id(base): base for base in [getattr(target, "_base", None)] if base is not None})
        elif name != "__get__":  # attributes such as .T are made anew, and read again by what uses them
            for tensor in (*_tensors(answer), *_hidden(fused)):
                self._keep(tensor)
        return answer

    def finish(self) -> None:
        for tensor in self._filled.values():
            self._keep(tensor)
        self._filled.clear()

    def _read(self, tensor: Tensor) -> None:
        if self._filled.pop(id(tensor), None) is not None:
            self._keep(tensor)

    def _keep(self, tensor: Tensor) -> None:
        plain = type(tensor) is Tensor or isinstance(tensor, torch.nn.Parameter)
        if plain and len(self.values) < MOST and tensor.numel() <= LARGEST and not _batched(tensor):
            self.values.append(tensor.detach().clone())

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        super().__exit__(exc_type, exc_val, exc_tb)
        self.finish()


def _hidden(given: dict) -> Iterator[Tensor]:
    """What a fused call of these arguments computes inside, the long way; of another call nothing."""
    if not given:
        return
    q, k, mask, scale = given["query"], given["key"], given.get("attn_mask"), given.get("scale")
    scores = q @ k.mT
    scaled = scores * (q.size(-1) ** -0.5 if scale is None else scale)
    yield from (scores, scaled)
    if given.get("is_causal"):
        mask = torch.ones(q.size(-2), k.size(-2), dtype=torch.bool).tril()
    if mask is not None:
        scaled = scaled.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scaled + mask
    yield scaled.softmax(-1)


def _fused(name: str, args: tuple, kwargs: dict) -> dict:
    """The arguments of a fused attention by name; nothing of another call."""
    names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale")
    return dict(zip(names, args, strict=False)) | kwargs if name == "scaled_dot_product_attention" else {}


def _batched(tensor: Tensor) -> bool:
    return torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _tensors(each)
