"""What it costs that every value has a name: nothing to speak of when nobody listens, and how much when somebody does.

    python bench/note_cost.py

One process, one thread, the shipped sizes.  Medians of alternating runs: a busy machine slows both sides alike.
"""

import ast
import importlib.abc
import importlib.util
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import CodeType

import torch

from glassformer.models.simple import Classifier, ClassifierConfig
from glassformer.parts.attention import attend
from glassformer.tape import PAIRS, fused, listen, note

SIZES = {"vocabulary": 8000, "width": 128, "heads": 4, "layers": 2}
IDS = torch.arange(12)[None]
TEXT = "a film I would not want to have missed"


def seconds(work: Callable[[], object], times: int) -> float:
    """One run's time, over `times` of them."""
    start = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - start) / times


def alternating(*works: Callable[[], object], rounds: int, times: int = 1) -> list[float]:
    """The median time of each work; in every round each runs once, so that all meet the same weather."""
    for work in works:
        work()
    taken = [[seconds(work, times) for work in works] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*taken, strict=True)]


def model(kind: type = Classifier, config: type = ClassifierConfig) -> torch.nn.Module:
    torch.manual_seed(0)
    return kind(config(**SIZES)).eval()


class Bare(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """A second copy of the package, `bare`, with every `note(site, value)` written as `value` and nothing fused.

    This is the code as it would stand if nobody had thought of observation: kernels called directly.
    """

    source = Path(importlib.util.find_spec("glassformer").origin).parent

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] != "bare":
            return None
        place = self.source.joinpath(*name.split(".")[1:])
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        return importlib.util.spec_from_file_location(
            name, file, loader=self, submodule_search_locations=[""] if place.is_dir() else None
        )

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        text = Path(module.__spec__.origin).read_text().replace("from glassformer", "from bare")
        exec(
            compile(ast.fix_missing_locations(_Strip().visit(ast.parse(text))), module.__name__, "exec"),
            module.__dict__,
        )


class _Strip(ast.NodeTransformer):
    def visit_Call(self, node):
        self.generic_visit(node)
        return node.args[1] if getattr(node.func, "id", "") == "note" else node

    def visit_FunctionDef(self, node):
        """`@fused(kernel, …) def f` becomes `f = kernel`."""
        self.generic_visit(node)
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and getattr(mark.func, "id", "") == "fused":
                return ast.Assign([ast.Name(node.name, ast.Store())], mark.args[0])
        return node


def bare() -> torch.nn.Module:
    if not any(isinstance(finder, Bare) for finder in sys.meta_path):
        sys.meta_path.insert(0, Bare())
    simple = importlib.import_module("bare.models.simple")
    return model(simple.Classifier, simple.ClassifierConfig)


def calls_of(code: CodeType, work: Callable[[], object]) -> int:
    """How often the function with this code is called."""
    count = 0

    def profile(frame, event, arg):
        nonlocal count
        count += event == "call" and frame.f_code is code

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def nanoseconds(work: Callable[[], object], without: Callable[[], object]) -> float:
    """What one call costs beyond another."""
    loops = range(1000)

    def many(work):
        return lambda: [work() for _ in loops]

    dear, cheap = alternating(many(work), many(without), rounds=200)
    return (dear - cheap) * 1e6


def a_site(value: torch.Tensor = IDS) -> float:
    """Nanoseconds of one `note(…)` when off, the call and all."""
    return nanoseconds(lambda: note("site", value), lambda: value)


def a_junction(value: torch.Tensor = IDS) -> float:
    """Nanoseconds that a call through `fused` costs beyond the kernel alone, when off."""

    def kernel(q, k, v, mask=None, dropout=0.0):
        return q

    joined = fused(kernel, hides=("weights",))(kernel)
    PAIRS.remove(joined)
    return nanoseconds(lambda: joined(value, value, value, None, 0.0), lambda: kernel(value, value, value, None, 0.0))


@torch.no_grad()
def off() -> dict[str, float]:
    """Counted and measured apart: sites and junctions of one forward, ns of each, and their share of the forward."""
    torch.set_num_threads(1)
    named = model()
    forward = alternating(lambda: named(IDS), rounds=300)[0]
    sites, junctions = (calls_of(code, lambda: named(IDS)) for code in (note.__code__, attend.__code__))
    site, junction = a_site(), a_junction()
    share = (sites * site + junctions * junction) * 1e-9 / forward
    return {"sites": sites, "site": site, "junctions": junctions, "junction": junction, "share": share}


@torch.no_grad()
def on() -> dict[str, float]:
    """Times as long as a forward that nobody hears, each against that forward alone."""
    named, unnamed = model(), bare()
    assert torch.equal(named(IDS), unnamed(IDS))

    def heard(keep):
        with listen(named, keep):
            named(IDS)

    def ratio(work):
        plain, other = alternating(lambda: named(IDS), work, rounds=300)
        return other / plain

    return {
        "the same written without note and fused": ratio(lambda: unnamed(IDS)),
        "listening to the weights, opening the block included": ratio(lambda: heard("*.weights")),
        "listening to everything, opening the block included": ratio(lambda: heard("*")),
    }


def explanation() -> float | None:
    """Milliseconds of one sentence's whole story by the shipped model; None while there is none."""
    import glassformer

    if not hasattr(glassformer, "load"):
        return None
    try:
        loaded = glassformer.load("sentiment")
    except Exception as error:
        print(f"one explanation: not yet ({error})")
        return None
    return alternating(lambda: loaded.explain(TEXT).story, rounds=20)[0] * 1e3  # an explanation waits to be asked


def cold(rounds: int = 5) -> dict[str, float]:
    """Seconds from a cold start, alternating; only what can be run already."""
    command = shutil.which("glassformer", path=str(Path(sys.executable).parent))
    starts = {"python -c 'import torch'": [sys.executable, "-c", "import torch"]}
    if command and _runs([command, "--help"]):
        starts["glassformer --help"] = [command, "--help"]
    if command and _runs([command, "explain", TEXT]):
        starts["glassformer explain"] = [command, "explain", TEXT]
    works = [lambda line=line: subprocess.run(line, capture_output=True, check=True) for line in starts.values()]
    return dict(zip(starts, alternating(*works, rounds=rounds), strict=True))


def _runs(line: list[str]) -> bool:
    return subprocess.run(line, capture_output=True).returncode == 0


def main() -> None:
    torch.set_num_threads(1)
    cost = off()
    print(f"one site when off           {cost['site']:8.0f} ns   (target ≤ 100)")
    print(f"one junction when off       {cost['junction']:8.0f} ns")
    counted = f"{cost['sites']} sites and {cost['junctions']} junctions"
    print(f"{counted:28}{cost['share']:8.2%} of a forward   (target ≤ 2 %)")
    for name, value in on().items():
        print(f"{name:54} {value:6.2f} × a forward")
    if (taken := explanation()) is not None:
        print(f"one explanation             {taken:8.1f} ms")
    times = cold()
    base = times["python -c 'import torch'"]
    for name, value in times.items():
        print(f"{name:28}{value:8.2f} s  {value / base:6.2f} × import torch")


if __name__ == "__main__":
    main()
