"""The one junction between a model and whoever watches it: `note`, `fused`, `listen`.

A model names its intermediate values with `note` and knows nothing else about observation.  `fused` sets a
fast kernel beside a definition; the kernel runs unless somebody listens to what it hides.  `listen` puts a
tape on a model for the length of a `with` block: the tape keeps values, or replaces them.

Known limits.  Names come from `module(x)`, never from `module.forward(x)`.  A name met again in the same
block gets a number: `layers.0.stream`, `layers.0.stream#2`.  What activation checkpointing computes again
during backward is edited as before but not kept a second time; this holds where backward runs on the
listening thread, which is so on a CPU.
"""

import fnmatch
import functools
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn


class _Here(threading.local):
    tape: "Tape | None" = None  # a class attribute: cheaper to read than getattr with a default


_here = _Here()
PAIRS: list[Callable] = []  # every definition that has a kernel; one test holds each pair equal

Edit = Callable[[Tensor], Tensor]


class TapeError(ValueError):
    """An edit or a question that does not fit the model: the message says what does."""


def note(site: str, value: Tensor) -> Tensor:
    """Name an intermediate value.  Free unless a tape on this thread is listening."""
    return value if _here.tape is None else _here.tape.hear(site, value)


@contextmanager
def within(path: str):
    """`with within("3.attention"):` a kernel that stands in for modules names its values as they would."""
    tapes, tape = [], _here.tape
    while tape is not None:
        tapes += [tape] if tape._modules else []
        tape = tape._outer
    for tape in tapes:
        tape._modules.append(tape._address(path))
    try:
        yield
    finally:
        for tape in tapes:
            tape._modules.pop()


def fused(kernel: Callable, *, hides: tuple[str, ...] | Callable[..., tuple[str, ...] | None] | None):
    """Run `kernel` in place of the definition below it, except while a tape wants what it hides.

    hides: sites, counted from the module that runs; a function of the first argument that gives them, where the
    kernel stands in for modules, so that a tape on one of these is enough too; None where it has another shape
    inside, so that any tape is enough.
    """

    def decorate(definition: Callable) -> Callable:
        @functools.wraps(definition)
        def call(*args, **kwargs):
            hidden, tape = hides(args[0]) if callable(hides) else hides, _here.tape
            watched = tape is not None and (hidden is None or tape.wants(*hidden) or (callable(hides) and tape.outside()))
            return (definition if watched else kernel)(*args, **kwargs)

        call.definition, call.kernel, call.hides = definition, kernel, hides  # type: ignore[attr-defined]
        PAIRS.append(call)
        return call

    return decorate


class Tape(Mapping[str, Tensor]):
    """The values heard, by address: `tape["layers.0.attention.weights"]`.  In the order they were computed."""

    def __init__(self, keep: tuple[str, ...], edit: Mapping[str, Edit], outer: "Tape | None" = None):
        self._keep, self._edit, self._outer = keep, edit, outer
        self._edits, self._patterns = tuple(edit), (*keep, *edit)
        self._values: dict[str, Tensor] = {}
        self._modules: list[str] = []  # the paths of the modules now running, innermost last
        self._thread = threading.get_ident()
        self._met: set[str] = set()  # the edit patterns that found a site
        self._heard: set[str] = set()  # every site that passed, kept or not

    def hear(self, site: str, value: Tensor) -> Tensor:
        """Called by `note`: edit the value, keep it, hand it on.  What runs outside the model passes by."""
        if self._modules:
            value = self._take(self._address(site), value)
        return value if self._outer is None else self._outer.hear(site, value)

    def _take(self, name: str, value: Tensor) -> Tensor:
        kept, patterns = _fitting(name, self._keep), _fitting(name, self._edits)
        self._heard.add(name)
        for pattern in patterns:
            value = self._edited(name, pattern, value)
        if kept and not _recomputing():
            self._values[self._fresh(name)] = value
        return value

    def wants(self, *sites: str) -> bool:
        """True where a pattern of this tape names one of these sites of the module now running."""
        mine = bool(self._modules) and _any_fits(self._modules[-1], sites, self._patterns)
        return mine or (self._outer is not None and self._outer.wants(*sites))

    def outside(self) -> bool:
        """True where this tape, or one around it, is on a model that does not run now: perhaps a part of one that does."""
        return not self._modules or (self._outer is not None and self._outer.outside())

    def _address(self, site: str) -> str:
        return _joined(self._modules[-1], site)

    def _edited(self, name: str, pattern: str, value: Tensor) -> Tensor:
        self._met.add(pattern)
        edited = self._edit[pattern](value)
        if not isinstance(edited, Tensor) or edited.shape != value.shape or edited.dtype != value.dtype:
            given = f"{_describe(value)}, as it was given; it gave {_describe(edited)}"
            raise TapeError(f"the edit of {name} must give back {given}")
        return edited

    def _fresh(self, name: str) -> str:
        """`name`, or `name#2`, `name#3` … where the module has been used before in this block."""
        if name not in self._values:
            return name
        return next(f"{name}#{k}" for k in range(2, len(self._values) + 2) if f"{name}#{k}" not in self._values)

    def _unmet(self) -> list[str]:
        return [pattern for pattern in self._edit if pattern not in self._met]

    def __getitem__(self, name: str) -> Tensor:
        if name in self._values:
            return self._values[name]
        raise KeyError(f"nothing was kept under {name!r}; kept: {', '.join(self._values) or 'nothing'}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _joined(path: str, site: str) -> str:
    return f"{path}.{site}" if path else site  # the model itself has the path ""


@functools.lru_cache(maxsize=1 << 12)
def _any_fits(path: str, sites: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    return any(_fitting(_joined(path, site), patterns) for site in sites)


@functools.lru_cache(maxsize=1 << 16)
def _fitting(name: str, patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The patterns that fit; `*.weights` names the weights of the outermost module too."""
    fits = fnmatch.fnmatchcase
    return tuple(pattern for pattern in patterns if fits(name, pattern) or fits(f".{name}", pattern))


def _describe(value: object) -> str:
    return f"{tuple(value.shape)} {value.dtype}" if isinstance(value, Tensor) else type(value).__name__


def _recomputing() -> bool:
    """True inside backward: what is computed there was heard once already (activation checkpointing)."""
    return torch._C._current_graph_task_id() != -1


@contextmanager
def listen(model: nn.Module, keep: str | tuple[str, ...] = "*", edit: Mapping[str, Edit] | None = None):
    """Listen to `model` on this thread: `with listen(model, "*.weights", {"layers.1.stream": silence}) as tape:`.

    `keep`: a glob over addresses, or several; what matches is kept as it passes (not copied, not detached).
    `edit`: glob → function from the value to its replacement of the same shape and dtype.
    Listening blocks nest: both tapes hear, the inner one edits first.
    Raises TapeError where an edit changes a shape or meets no site in the block.
    """
    outer, keep = _here.tape, (keep,) if isinstance(keep, str) else tuple(keep)
    model = getattr(model, "_orig_mod", model)  # what torch.compile wraps
    tape = _here.tape = Tape(keep, edit or {}, outer)
    with ExitStack() as stack:
        stack.callback(setattr, _here, "tape", outer)
        if "torch._dynamo" in sys.modules:  # only then can anything have been compiled
            stack.enter_context(_as_written())
        handles: list = []
        stack.callback(lambda: [handle.remove() for handle in handles])
        for name, module in model.named_modules():
            handles += _name(tape, name, module) if _may_note(module) else ()
        yield tape
    if tape._unmet():
        heard = ", ".join(sorted(tape._heard)) or "none: was the model called as model(x), inside the block?"
        raise TapeError(f"no site matches the edit {', '.join(tape._unmet())}; sites heard: {heard}")


def _may_note(module: nn.Module) -> bool:
    """PyTorch's own layers name nothing, nor do those that say so by `notes = False`; two hooks each are saved."""
    own = "forward" in vars(module) or not type(module).__module__.startswith("torch.nn.modules.")
    return getattr(type(module), "notes", own)


def _name(tape: Tape, name: str, module: nn.Module):
    """Two hooks that keep the tape's path true while `module` runs on the listening thread."""

    def enter(module, inputs):
        if threading.get_ident() == tape._thread:
            tape._modules.append(name)

    def leave(module, inputs, output):
        if threading.get_ident() == tape._thread:
            tape._modules.pop()

    first = module.register_forward_pre_hook(enter, prepend=True)  # before any hook that may fail: `leave` always runs
    return first, module.register_forward_hook(leave, always_call=True)


_lock, _listening, _stance = threading.Lock(), 0, ExitStack()


@contextmanager
def _as_written():
    """Compiled models run as written while anybody listens.  A stance is the process's: the last out restores it."""
    global _listening
    with _lock:
        if not _listening:
            _stance.enter_context(torch.compiler.set_stance("force_eager"))
        _listening += 1
    try:
        yield
    finally:
        with _lock:
            _listening -= 1
            if not _listening:
                _stance.close()
