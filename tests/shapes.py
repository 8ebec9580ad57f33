"""Holds the shape comments true: `# b h i d` beside a line is read as the axes of what that line assigns or returns.

The models and parts are run under `sys.settrace`, so the product pays nothing.  What must hold:

1. A letter stands in the legend of `parts/__init__.py`; an axis written 1 has size one.
2. There are as many axes as letters.  Leading axes may be absent in some call (`attend` takes (…, i, d)), but every
   comment is met whole at least once, so a letter too many is found out.
3. One letter has one size within a call, and the size that the run has declared for it.
4. A line that gives a tensor of a shape which none of the tensors it was made of has, carries a comment.
5. Every comment is met by some run, and stands beside an assignment or a return.

    python -m tests.shapes        prints what is wrong, or how many comments hold
"""

import ast
import contextlib
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor, nn

import glassformer
from glassformer.models import decoding, heads, losses
from glassformer.models.beams import Search, beams
from glassformer.models.bert import may_look
from glassformer.models.decoding import Until, write
from glassformer.models.gpt2 import Gpt2, Gpt2Classifier, Gpt2Writer
from glassformer.parts import embed, mask, pool, sparse, variants
from glassformer.parts.attention import Attention, Memory, attend, plain, scaled, wide
from glassformer.parts.mask import Runs, boolean
from glassformer.tape import listen
from tests import small

SOURCE = Path(glassformer.__file__).parent
AXES = re.compile(r"# ([a-z1](?: [a-z1])*)$")
Run = tuple[Callable[[], object], dict[str, int]]


@dataclass
class Line:
    """A statement that assigns or returns, with the axes its comment names; none where it has no comment."""

    at: str
    names: list[str]  # assigned to; empty for a return
    value: ast.expr
    axes: list[str]
    met: bool = False
    whole: bool = False


@dataclass
class Call:
    """What is known while one call runs: the sizes so far, the statement under way and the shapes it is made of."""

    sizes: dict[str, int]
    line: Line | None = None
    operands: list[torch.Size] = field(default_factory=list)


class Checker:
    """Traces runs and collects complaints, each once, in the order they were found."""

    def __init__(self, files: list[Path], legend: set[str]):
        self.complaints: dict[str, None] = {}
        self.lines = {str(file): dict(_lines(file, self.complain)) for file in files}
        for line in self._commented():
            for letter in sorted(set(line.axes) - legend - {"1"}):
                self.complain(line.at, f"{letter!r} is not in the legend of parts/__init__.py")

    def complain(self, at: str, text: str) -> None:
        self.complaints[f"{at}: {text}"] = None

    def run(self, work: Callable[[], object], declared: dict[str, int]) -> None:
        def enter(frame: FrameType, event: str, arg: object):
            known = self.lines.get(frame.f_code.co_filename)
            hidden = frame.f_code.co_name.startswith("<")  # a comprehension or a lambda: part of some line
            return None if known is None or hidden else self._follow(known, Call(dict(declared)))

        before = sys.gettrace()
        sys.settrace(enter)
        try:
            work()
        finally:
            sys.settrace(before)

    def _follow(self, known: dict[int, Line], call: Call):
        def trace(frame: FrameType, event: str, arg: object):
            line = known.get(frame.f_lineno)
            if event == "line" and line is not call.line:
                self._finish(call, frame.f_locals)
                call.line, call.operands = line, [] if line is None else list(_operands(line.value, frame))
            elif event == "return":
                self._finish(call, frame.f_locals, arg)
            elif event == "exception":
                call.line = None
            return trace

        return trace

    def _finish(self, call: Call, scope: dict, returned: object = None) -> None:
        line, call.line = call.line, None
        if line is None:
            return
        for value in [scope[name] for name in line.names if name in scope] if line.names else [returned]:
            if isinstance(value, Tensor):
                self._check(line, value.shape, call)

    def _check(self, line: Line, shape: torch.Size, call: Call) -> None:
        if not line.axes:
            if shape and shape not in call.operands:  # a number has no axes to name
                self.complain(line.at, f"the shape changes to {tuple(shape)} and no comment says so")
            return
        line.met, line.whole = True, line.whole or len(shape) == len(line.axes)
        if len(shape) > len(line.axes):
            self.complain(line.at, f"{' '.join(line.axes)} names {len(line.axes)} axes; the shape is {tuple(shape)}")
            return
        for letter, size in zip(line.axes[len(line.axes) - len(shape) :], shape, strict=True):
            known = 1 if letter == "1" else call.sizes.setdefault(letter, size)
            if size != known:
                self.complain(line.at, f"{letter} is {known}, here {size}, in {' '.join(line.axes)} of {tuple(shape)}")

    def finish(self) -> list[str]:
        """All complaints, those about comments that no run has met, or never met whole, among them."""
        for line in self._commented():
            if not line.met:
                self.complain(line.at, f"{' '.join(line.axes)} was never met: no run comes here with a tensor")
            elif not line.whole:
                self.complain(line.at, f"{' '.join(line.axes)} has more axes than any value met")
        return list(self.complaints)

    def _commented(self) -> list[Line]:
        every = {line.at: line for lines in self.lines.values() for line in lines.values()}
        return [line for line in every.values() if line.axes]


def _lines(file: Path, complain: Callable[[str, str], None]) -> Iterator[tuple[int, Line]]:
    """Each line number of each assignment and return of a file; complains of comments beside anything else."""
    text = file.read_text()
    comments = _comments(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Return) and node.value is not None:
            numbers = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            axes = [comments.pop(number).split() for number in numbers if number in comments]
            line = Line(f"{file.name}:{node.lineno}", _assigned(node), node.value, axes[0] if axes else [])
            yield from ((number, line) for number in numbers)
    for number, axes in comments.items():
        complain(f"{file.name}:{number}", f"{axes} stands beside nothing that is assigned or returned")


def _comments(text: str) -> dict[int, str]:
    """The shape comments of a file by line: trailing ones, of single letters and ones only."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    found = ((token, AXES.match(token.string)) for token in tokens if token.type == tokenize.COMMENT)
    return {token.start[0]: match[1] for token, match in found if match and token.line[: token.start[1]].strip()}


def _assigned(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [name.id for target in targets if target for name in ast.walk(target) if isinstance(name, ast.Name)]


def _operands(value: ast.expr, frame: FrameType) -> Iterator[torch.Size]:
    """The shapes of the tensors a line names: its variables, and the parameters of its modules."""
    for node in ast.walk(value):
        found = _resolve(node, frame) if isinstance(node, ast.Name | ast.Attribute) else None
        if isinstance(found, Tensor):
            yield found.shape


def _resolve(node: ast.expr, frame: FrameType) -> object:
    if isinstance(node, ast.Name):
        return frame.f_locals.get(node.id, frame.f_globals.get(node.id))
    owner = _resolve(node.value, frame) if isinstance(node, ast.Attribute) else None
    return getattr(owner, node.attr, None) if isinstance(owner, nn.Module) else None


def legend() -> set[str]:
    """The letters explained in `parts/__init__.py`, in one column or two."""
    return set(re.findall(r"(?:^|\s{2,})([a-z])  (?=\S)", (SOURCE / "parts" / "__init__.py").read_text(), re.MULTILINE))


def check(files: list[Path], runs: list[Run], letters: set[str]) -> tuple[list[str], int]:
    """(what is wrong, how many comments were looked at)"""
    checker = Checker(files, letters)
    for work, sizes in runs:
        checker.run(work, sizes)
    return checker.finish(), len(checker._commented())


def _heard(model: nn.Module, *inputs: Tensor) -> Callable[[], None]:
    """A forward with every definition in place of its kernel."""

    def work():
        with listen(model):
            model(*inputs)

    return work


def runs() -> list[Run]:
    """Every line of parts and models, in sizes that are all different, so that no two letters can be confused."""
    ids, real, sizes = small.ids(), small.real(), small.SIZES
    layouts = [{"block": block, "pool": how} for block, how in (("post", "mean"), ("pre", "max"))]
    tables = [{"positions": table} for table in ("learned", "halves")]
    models = [
        small.bag(),
        small.generator(),
        small.generator(pattern="window"),
        *(small.classifier(**changes) for changes in (*layouts, *tables)),
    ]
    whole: list[Run] = [(lambda m=m: m(ids), sizes) for m in models]
    whole += [(lambda m=m: m(ids, real), _without(sizes, "nij")) for m in models]  # packed: its own number of positions
    whole += [(_heard(model, ids, real), sizes) for model in models]

    whole += _berts(ids, real, sizes)
    writers = [small.gpt2(kind, tied=tied) for kind in (Gpt2, Gpt2Writer, Gpt2Classifier) for tied in (True, False)]
    whole += [(_heard(model, ids, real), sizes) for model in writers]
    whole += _translators(ids, real)
    x, other = torch.randn(2, 5, 12), torch.randn(2, 8, 12)
    row, broad = {"i": 5, "j": 5, "d": 12}, sizes | {"d": 12}
    across = _without(sizes, "n") | {"j": 8}  # n is i for q, j for k and v
    q, k = torch.randn(2, 3, 5, 4), torch.randn(2, 3, 8, 4)
    parts: list[Run] = [
        *((lambda rung=rung: rung(x[0]), row) for rung in (plain, scaled)),
        (_heard(Attention(12, 3), x, other), across),
        (lambda: Attention(12, 3)(x, other), across),
        (_heard(wide(12, 3), x), broad),
        (lambda: attend(q, k, k), across),
        (lambda: mask.causal(5, 8), {"i": 5, "j": 8}),
        (lambda: mask.padding(real), sizes),
        (lambda: mask.places(real), sizes),
        (lambda: mask.softmax.definition(torch.randn(2, 3, 5, 5)), sizes),
        (lambda: mask.pairs(torch.ones(2, 5, 5, dtype=torch.bool)), sizes),
        *((lambda how=how: how(x, real), sizes) for how in (pool.mean, pool.maximum, pool.last)),
        *((lambda table=table: table(5, 12), sizes) for table in (embed.interleaved, embed.halves, embed.marian)),
    ]
    return whole + parts + _variants(x, other) + _written(ids, _without(sizes, "bnij"))


def _variants(x: Tensor, other: Tensor) -> list[Run]:
    """Every other attention, on a text of its own; three inputs apart; masks that leave most pairs out."""
    made = [make(12, 3) for name, make in variants.VARIANTS.items() if name != "wide"]
    runs: list[Run] = [(lambda attention=attention: attention(x), small.SIZES | {"t": 9}) for attention in made]
    apart, memory = variants.Apart(12, 3), variants.Segments(5)
    runs += [(lambda: apart(x, other, other), {"w": 12}), (lambda: memory.recall(made[0], x), small.SIZES)]
    patterns = (sparse.window, sparse.strided, sparse.stretch, sparse.summaries)
    patterns += (sparse.nearby_and_strided, sparse.nearby_and_summaries)
    return runs + [(lambda pattern=pattern: pattern(2, 5, 8), {"i": 5, "j": 8}) for pattern in patterns]


def _written(ids: Tensor, sizes: dict[str, int]) -> list[Run]:
    """Texts that are continued: some pieces in the running, and several continuations side by side."""
    model, logits, few = small.generator(), torch.randn(2, 11), sizes | {"b": 2, "r": 3, "n": 5}
    picks = (decoding.greedy, decoding.sample())
    return [
        *((lambda how=how: list(write(model, ids, pick=how, until=Until(1))), sizes | {"b": 2}) for how in picks),
        (lambda: decoding.probabilities(logits, top_k=3, top_p=0.9), few),
        (lambda: decoding.last.definition(model, ids, None, Memory()), few),
        (lambda: beams(model, ids, search=Search(4), until=Until(3, [2])), sizes | {"s": 4}),
    ]


def _without(sizes: dict[str, int], letters: str) -> dict[str, int]:
    return {letter: size for letter, size in sizes.items() if letter not in letters}


def _berts(ids: Tensor, real: Tensor, sizes: dict[str, int]) -> list[Run]:
    """BERT with each head, each kind of positions, as a decoder that looks at a source, and on packed texts."""
    kinds = (heads.Pooled, heads.MaskedLanguageModel, heads.PreTraining, heads.NextSentence)
    kinds += (heads.SequenceClassification, heads.TokenClassification, heads.QuestionAnswering)
    models = [small.bert(kind) for kind in kinds] + [small.bert(types=0)]
    models += [small.bert(positions=name) for name in ("relative_key", "relative_key_query")]
    runs: list[Run] = [(_heard(model, ids, real), _without(sizes, "c")) for model in models]  # two of them have two
    free = _without(sizes, "nijc")
    runs += [(lambda m=m: m(ids, real), free) for m in models]
    runs += [(lambda: may_look(torch.ones(2, 5, 5, dtype=torch.bool), 5), sizes)]
    decoder, source = small.bert(decoder=True, cross=True, length=10), torch.randn(2, 8, 12)
    runs += [(_heard(decoder, ids, real, None, None, Memory(source)), free)]
    runs += [(lambda: [decoder(ids, memory=memory) for memory in [Memory(source)] for _ in range(2)], free)]
    runs += [(lambda: losses.inside(torch.randn(2, 5), ids[:, 0] % 5, real), sizes)]
    runs += [(lambda: losses.smoothed(torch.randn(2, 5, 7), ids % 7), _without(sizes, "h"))]
    choices = ids.unflatten(0, (1, 2))  # one question of two choices: the batch has b · c texts
    runs += [(lambda: small.bert(heads.MultipleChoice)(choices), {"w": 12})]
    packed, texts = small.bert(), Runs((2, 3))
    runs += [(lambda: packed.read_packed(ids[0], texts), {"w": 12}), (lambda: boolean(Runs((2, 3))), {})]
    return runs


def _translators(ids: Tensor, real: Tensor) -> list[Run]:
    """Eight pieces are read and five written; what looks at whom is counted in the call itself."""
    source, sizes = torch.arange(16).view(2, 8) % 11, {letter: small.SIZES[letter] for letter in "bhdvwm"}
    models = [small.translator(block=block) for block in ("post", "pre")]
    heard = [(lambda m=m: _heard(m, ids, real, m.read(source))(), sizes) for m in models]
    return heard + [(lambda m=m: m(ids, memory=m.read(source, source > 2)), sizes) for m in models]


def files() -> list[Path]:
    return sorted(file for room in ("parts", "models") for file in (SOURCE / room).glob("*.py"))


def main() -> int:
    torch.manual_seed(0)
    with contextlib.suppress(RuntimeError):
        torch.set_num_threads(1)
    complaints, count = check(files(), runs(), legend())
    print("\n".join(complaints) or f"{count} shape comments hold")
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main())
