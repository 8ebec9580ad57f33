"""The one junction between a model and whoever watches it: `note`, `fused`, `listen`.

A model names its intermediate values with `note` and knows nothing else about observation.  `fused` sets a
fast kernel beside a definition; the kernel runs unless somebody listens to what it hides.  `listen` puts a
tape on a model for the length of a `with` block: the tape keeps values, or replaces them.

Known limits.  Names come from `module(x)`, never from `module.forward(x)`.  A name met again in the same
block gets a number: `layers.0.stream`, `layers.0.stream#2`.  What activation checkpointing computes again
during backward is edited as before but not kept a second time; this holds where backward runs on the
listening thread, which is so on a CPU.
"""

import functools
import itertools
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase as fits

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
        tape._modules.append(_joined(tape._modules[-1], path))
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
            tape = _here.tape
            watched = tape is not None and tape.watches(hides(args[0]) if callable(hides) else hides, callable(hides))
            return (definition if watched else kernel)(*args, **kwargs)

        call.definition, call.kernel, call.hides = definition, kernel, hides  # type: ignore[attr-defined]
        PAIRS.append(call)
        return call

    return decorate


class Tape(dict[str, Tensor]):
    """The values heard, by address: `tape["layers.0.attention.weights"]`.  In the order they were computed."""

    def __init__(self, keep: tuple[str, ...], edit: Mapping[str, Edit], outer: "Tape | None" = None):
        self._keep, self._edit, self._outer = keep, edit, outer
        self._edits, self._patterns = tuple(edit), (*keep, *edit)
        self._modules: list[str] = []  # the paths of the modules now running, innermost last
        self._met: set[str] = set()  # the edit patterns that found a site
        self._heard: set[str] = set()  # every site that passed, kept or not

    def hear(self, site: str, value: Tensor) -> Tensor:
        """Called by `note`: edit the value, keep it, hand it on.  What runs outside the model passes by."""
        if self._modules:
            value = self._take(_joined(self._modules[-1], site), value)
        return value if self._outer is None else self._outer.hear(site, value)

    def _take(self, name: str, value: Tensor) -> Tensor:
        kept, patterns = _fitting(name, self._keep), _fitting(name, self._edits)
        self._heard.add(name)
        for pattern in patterns:
            value = self._edited(name, pattern, value)
        if kept and not _recomputing():
            self[self._fresh(name)] = value
        return value

    def wants(self, *sites: str) -> bool:
        """True where a pattern of this tape names one of these sites of the module now running."""
        mine = bool(self._modules) and _any_fits(self._modules[-1], sites, self._patterns)
        return mine or (self._outer is not None and self._outer.wants(*sites))

    def watches(self, hidden: tuple[str, ...] | None, modules: bool) -> bool:
        """True where this tape, or one around it, misses something when these sites, or modules, do not run."""
        return hidden is None or self.wants(*hidden) or (modules and self._outside())

    def _outside(self) -> bool:
        """True where a tape is on a model that does not run now: perhaps a part of one that does."""
        return not self._modules or (self._outer is not None and self._outer._outside())

    def _edited(self, name: str, pattern: str, value: Tensor) -> Tensor:
        self._met.add(pattern)
        edited = self._edit[pattern](value)
        if not isinstance(edited, Tensor) or edited.shape != value.shape or edited.dtype != value.dtype:
            given = f"{_describe(value)}, as it was given; it gave {_describe(edited)}"
            raise TapeError(f"the edit of {name} must give back {given}")
        return edited

    def _fresh(self, name: str) -> str:
        """`name`, or `name#2`, `name#3` … where the module has been used before in this block."""
        if name not in self:
            return name
        return next(f"{name}#{k}" for k in range(2, len(self) + 2) if f"{name}#{k}" not in self)

    def __missing__(self, name: str) -> Tensor:
        raise KeyError(f"nothing was kept under {name!r}; kept: {', '.join(self) or 'nothing'}")


def _joined(path: str, site: str) -> str:
    return f"{path}.{site}" if path else site  # the model itself has the path ""


@functools.lru_cache(maxsize=1 << 12)
def _any_fits(path: str, sites: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    return any(_fitting(_joined(path, site), patterns) for site in sites)


@functools.lru_cache(maxsize=1 << 16)
def _fitting(name: str, patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The patterns that fit; `*.weights` names the weights of the outermost module too."""
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
    tape = _here.tape = Tape(keep, edit or {}, outer)
    with ExitStack() as stack:
        stack.callback(setattr, _here, "tape", outer)
        if _compiled(model):
            stack.enter_context(_as_written())
        wrapped = getattr(model, "_orig_mod", model)  # by torch.compile
        stack.enter_context(_named(tape, wrapped))  # type: ignore
        yield tape
    if unmet := [pattern for pattern in tape._edit if pattern not in tape._met]:
        heard = ", ".join(sorted(tape._heard)) or "none: was the model called as model(x), inside the block?"
        raise TapeError(f"no site matches the edit {', '.join(unmet)}; sites heard: {heard}")


def _compiled(model: nn.Module) -> bool:
    """Whether anything may have been compiled: to run all as written makes every call of a function slower."""
    dynamo = sys.modules.get("torch._dynamo.eval_frame")
    backends = getattr(dynamo, "cached_backends", {0: print})  # of `torch.compile`; where there is no telling: one
    return dynamo is not None and (hasattr(model, "_orig_mod") or any(map(callable, backends.values())))


def _may_note(module: nn.Module) -> bool:
    """PyTorch's own layers name nothing, nor do those that say so by `notes = False`; two hooks each are saved."""
    own = "forward" in vars(module) or not type(module).__module__.startswith("torch.nn.modules.")
    return getattr(type(module), "notes", own)


@contextmanager
def _named(tape: Tape, model: nn.Module):
    """Two hooks a module, the same for all, that keep the tape's path true while a module runs on this thread.

    They go straight into the tables of hooks: `register_…` would make a handle of each, for longer than a small
    model takes.  The first one stands in front of any that may fail, so that the second always has its turn.
    """
    names = {module: name for name, module in model.named_modules() if _may_note(module)}
    thread, key = threading.get_ident(), id(tape)

    def enter(module: nn.Module, inputs: object) -> None:
        if threading.get_ident() == thread:
            tape._modules.append(names[module])

    def leave(module: nn.Module, inputs: object, output: object) -> None:
        if threading.get_ident() == thread:
            tape._modules.pop()

    tables = [(m._forward_pre_hooks, m._forward_hooks, m._forward_hooks_always_called) for m in names]
    for before, after, always in tables:
        before[key], after[key], always[key] = enter, leave, True
        before.move_to_end(key, last=False)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for table in itertools.chain.from_iterable(tables):
            del table[key]


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
