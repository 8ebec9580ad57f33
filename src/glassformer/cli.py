"""The verbs.  Nothing here imports torch before a verb needs it.

Exit codes: 0 done · 1 a check failed · 2 usage · 3 missing · 4 bad checkpoint · 5 could not write · 130 Ctrl-C.
"""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, CycloptsError, Parameter
from cyclopts.exceptions import UnusedCliTokensError

from glassformer import __version__
from glassformer.errors import GlassformerError, UsageError, did_you_mean, one_line
from glassformer.lines import arriving

if TYPE_CHECKING:
    from glassformer.explain.explanation import Explanation
    from glassformer.explain.reader import Reader

WELCOME = """\
Glassformer: a transformer you can see through.

  glassformer explain "this restaurant was not terrible"    what three models make of a sentence, and why
  glassformer why "this restaurant was not terrible" 'L0.H3.weights[4,3]'    one number, all its arithmetic
  echo "the soup was not bad" | glassformer classify        an answer a line
  glassformer models                                        what is in the package
  glassformer --help                                        everything else
"""

app = App(
    name="glassformer",
    help="A transformer you can see through: every number with its arithmetic, every weight beside its effect.",
    version=__version__,
    help_epilogue='Example: glassformer explain "this restaurant was not terrible"',
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)


@dataclass
class Look:
    """How the output looks.

    Parameters
    ----------
    json
        Print one JSON document instead.
    width
        Draw for this many columns, even into a pipe.
    no_color
        No colour, as the variable NO_COLOR does.
    """

    json: Annotated[bool, Parameter(negative="")] = False
    width: int | None = None
    no_color: Annotated[bool, Parameter(negative="")] = False

    @property
    def how(self) -> dict[str, Any]:
        """The width and colour that every `print_…` takes."""
        if self.width is not None and not 40 <= self.width <= 1000:
            raise UsageError(f"--width {self.width} cannot be drawn; give 40 to 1000 columns")
        return {"width": self.width, "color": False if self.no_color else None}


@dataclass
class Change:
    """What is changed before the model is asked again.

    Parameters
    ----------
    cut
        "terrible>not": terrible may not look at not.  A second `the` is `the#2`; a word can be given by number.
    off
        A head that gives no information, such as L1.H2.
    baseline
        What stands in a head's place: zero, mean (over twenty other sentences) or uniform attention.
    without
        The whole model without scaling, positions or (separate) heads.
    against
        Another sentence to hold beside this one.
    """

    cut: Annotated[list[str] | None, Parameter(negative="")] = None
    off: Annotated[list[str] | None, Parameter(negative="")] = None
    baseline: str = "zero"
    without: Annotated[list[str] | None, Parameter(negative="")] = None
    against: str | None = None

    @property
    def switched(self) -> bool:
        return bool(self.cut or self.off or self.without)

    def one_at_a_time(self, address: str | None) -> None:
        """Raise UsageError where the options exclude each other."""
        if self.switched + (self.against is not None) + (address is not None) > 1:
            raise UsageError(
                "an address, --against, and switches (--cut, --off, --without) exclude each other; choose one"
            )
        if self.baseline != "zero" and not self.off:
            raise UsageError("--baseline says what stands in a head's place; give the head with --off")

    def choices(self, x: "Explanation") -> list:
        """The switches these options name, on one sentence."""
        cuts = [x.choose_cut(*_edge(each)) for each in self.cut or []]
        heads = [x.choose_head(each, self.baseline) for each in self.off or []]
        return [*cuts, *heads, *(x.choose_without(each) for each in self.without or [])]


Sentence = Annotated[str, Parameter(allow_leading_hyphen=True)]
Looks = Annotated[Look | None, Parameter(name="*")]
Changes = Annotated[Change | None, Parameter(name="*")]


@app.default
def welcome() -> None:
    """A short welcome."""
    print(WELCOME, end="")


@app.command
def explain(
    text: Sentence,
    address: str | None = None,
    /,
    *,
    model: str = "sentiment",
    change: Changes = None,
    look: Looks = None,
) -> None:
    """What the models make of TEXT: which word told which, whether that is the reason, and every number.

    Parameters
    ----------
    text
        A sentence, in quotes; "-" reads it from standard input.
    address
        One head or value of it: L1.H2, L1.H2.scaled, L1.stream, logits.
    model
        A shipped model, or the folder of one.
    """
    change, look = change or Change(), look or Look()
    change.one_at_a_time(address)
    reader = _reader(model)
    x = reader.explain(_given(text))
    if change.against is not None:
        both = x.against(change.against)
        _not_read(sum(answer.left_out for answer in both.answers))
        return _print("against", both, look)
    if change.switched or address is not None:
        _not_read(x.answer.left_out)
    if choices := change.choices(x):
        return _print("what-if", x.what_if(*choices), look)
    if address is not None:
        return _print("sheet", x.sheet(_address(address)), look)
    _print("story", x.story, look, reader.labels)


@app.command
def why(text: Sentence, address: str, /, *, model: str = "sentiment", look: Looks = None) -> None:
    """The arithmetic behind one number of TEXT, recomputed and held beside the model's own.

    Parameters
    ----------
    text
        A sentence, in quotes; "-" reads it from standard input.
    address
        One number, such as 'L1.H2.weights[4,3]', 'L0.stream[2,7]' or 'logits[1]'.
    model
        A shipped model, or the folder of one.
    """
    x = _reader(model).explain(_given(text))
    _not_read(x.answer.left_out)
    _print("why", x.why(_address(address)), look or Look())


@app.command
def classify(*, model: str = "sentiment", json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Read lines from standard input and print one answer a line, in order, as they arrive.

    Prints label, p(positive) and text, with tabs between; a line with nothing to read gets a dash.

    Parameters
    ----------
    model
        A shipped model, or the folder of one.
    json
        One JSON object a line: {"text": …, "label": "positive", "p_positive": …}.
    """
    reader, show = _reader(model), _as_json if json else _as_tsv
    if _input().isatty():
        print("a sentence a line, please; Ctrl-D ends", file=sys.stderr)
    too_long = 0
    for lines in arriving(_input().fileno()):
        for answer in reader.stream(lines):
            print(show(answer))
            too_long += answer.left_out > 0
        sys.stdout.flush()
    if too_long and not json:
        most = f"longer than the {reader.longest} pieces that {reader.name} reads"
        print(
            f"glassformer: {too_long} lines were {most}; their ends were not read (--json says which)", file=sys.stderr
        )


@app.command
def models(name: str | None = None, /, *, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """The models in the package; with NAME, the card of one: data, recipe, seeds, accuracy.

    Parameters
    ----------
    name
        A shipped model, or the folder of one.
    json
        Print one JSON document instead.
    """
    from glassformer.hub.store import shipped, summary

    if name is not None:
        print(_json({"schema": 1, "kind": "card", "name": name, "card": _card(name)}) if json else _shown(_card(name)))
        return
    rows = [summary(each) for each in shipped()]
    if json:
        print(_json({"schema": 1, "kind": "models", "models": rows}))
        return
    for row in rows:
        print(f"{row['name']:17} {row['parameters']:>11,} weights  {row['bytes'] / 1e6:4.1f} MB  {row['what']}")


@app.command
def info() -> None:
    """A block to paste into a bug report."""
    from glassformer.info import facts

    for name, fact in facts().items():
        print(f"{name:16} {fact}")


@app.command
def train(
    name: str,
    /,
    *,
    data: Annotated[Path, Parameter(env_var="GLASSFORMER_DATA")],
    out: Path | None = None,
    seeds: str | None = None,
    steps: int | None = None,
) -> None:
    """Make a shipped model again from data: bag-of-words, sentiment-plain or sentiment.

    Interrupted (Ctrl-C, a crash), the same command goes on where it stopped, to the same weights.

    Parameters
    ----------
    name
        bag-of-words, sentiment-plain or sentiment.
    data
        The folder of the data sets, each `<data set>/<split>.jsonl.gz`.
    out
        Where the run and the model go; runs/NAME when left out.
    seeds
        One seed, or several with commas, of which the median is kept; the seed that ships when left out.
    steps
        Stop after so many steps (the same command without it goes on).
    """
    from glassformer.train.recipes import SHIPS, recipe
    from glassformer.train.run import train as run

    numbers = [str(SHIPS.get(recipe(name).name, 0))] if seeds is None else [seed.strip() for seed in seeds.split(",")]
    if not all(seed.isdecimal() and len(seed) < 10 for seed in numbers):
        raise UsageError(f"--seeds {one_line(seeds, 40)!r} are no numbers; write 0 or 0,1,2")
    run(name, data, out or Path("runs") / name, tuple(map(int, numbers)), steps)


def _reader(model: str) -> "Reader":
    import torch

    from glassformer.explain.reader import read

    reader = read(model)
    if sum(weight.numel() for weight in reader.model.parameters()) < 10_000_000:
        torch.set_num_threads(1)  # a second thread costs more than it saves on sizes like these
    return reader


def _not_read(pieces: int) -> None:
    """Say on standard error what was left out of a text that is too long; a story says it itself."""
    if pieces:
        print(f"glassformer: {pieces} pieces at the end were NOT read: the text is too long", file=sys.stderr)


def _given(text: str) -> str:
    """TEXT, or standard input for "-": of a text that is too long only as much as shows that it is."""
    from glassformer.hub.tokens import LONGEST_TEXT

    if text != "-":
        return text
    return _input().buffer.read(4 * LONGEST_TEXT + 4).decode("utf-8", "replace").rstrip("\r\n")


def _input() -> Any:
    if sys.stdin is None:
        raise UsageError("standard input is closed; pipe a text into it")
    return sys.stdin


def _address(text: str) -> str:
    from glassformer.explain.address import looks_like_one

    if not looks_like_one(text):
        shown = repr(one_line(text, 40))
        raise UsageError(f"{shown} is no address such as L1.H2; a sentence of several words stands in quotes")
    return text


def _edge(text: str) -> tuple[str, str]:
    looks, found, at = text.partition(">")
    if not found or not looks.strip() or not at.strip():
        raise UsageError(f'--cut {one_line(text, 40)!r} names no edge; write "terrible>not": who looks > at whom')
    return looks, at


def _print(kind: str, thing: Any, look: Look, labels: tuple[str, ...] = ()) -> None:
    """One answer of `explain/`, as JSON, as TSV into a pipe, or as a table."""
    from glassformer.explain.explanation import document
    from glassformer.show import tables, terminal

    if look.json:
        print(_json(document(kind, thing)))
    elif kind == "story":
        terminal.print_story(thing, labels, **look.how)
    elif kind == "sheet" and look.width is None and not sys.stdout.isatty():
        print(tables.tsv_sheet(thing))
    else:
        show = {"sheet": tables.print_sheet, "why": tables.print_worked, "what-if": tables.print_what_if}
        show.get(kind, tables.print_against)(thing, **look.how)


def _json(document: dict, indent: int | None = 1) -> str:
    """As UTF-8 where that is what standard output takes, else in ASCII with escapes: never with a question mark."""
    return json.dumps(document, ensure_ascii=sys.stdout.encoding.lower() != "utf-8", indent=indent)


def _as_json(answer) -> str:
    p = answer.p_positive if answer.label else None
    line = {"text": answer.text, "label": answer.label, "p_positive": p}
    return _json(line | ({"left_out": answer.left_out} if answer.left_out else {}), indent=None)


def _as_tsv(answer) -> str:
    from glassformer.show.text import safe

    number = f"{answer.p_positive:.6f}" if answer.label else "-"
    return f"{safe(answer.label or '-')}\t{number}\t{safe(answer.text)}"


def _card(name: str) -> str:
    from glassformer.hub.store import card

    return card(name)


def _shown(page: str) -> str:
    from glassformer.show.text import safe

    return "\n".join(safe(line) for line in page.splitlines())


def main() -> None:
    """The command `glassformer`: every expected error is one line on standard error and its exit code."""
    _open_streams()
    try:
        app(sys.argv[1:], exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except UnusedCliTokensError as error:
        _stop(_too_much(error.unused_tokens or []), 2)
    except CycloptsError as error:
        _stop(one_line(error, 300), 2)
    except GlassformerError as error:
        _stop(one_line(error, 600), error.exit_code)
    except KeyboardInterrupt:
        _stop("interrupted", 130)
    except BrokenPipeError:  # whoever read our output has gone: nobody to tell
        _drop_output()
        sys.exit(141)
    except OSError as error:
        _drop_output()
        _stop(one_line(error), 5)


def _drop_output() -> None:
    """Python writes what is left once more at its end, and would complain once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_streams() -> None:
    """What a terminal cannot show is replaced; a closed stream, which Python calls None, is met before it is used."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  open to the end
    if sys.stdout is None:
        _stop("standard output is closed; there is nowhere to answer", 5)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def _too_much(unused: list[str]) -> str:
    """What to say of words that no verb took."""
    verbs = [name for name in app if not name.startswith("-")]
    if sys.argv[1] in verbs:
        return f"{one_line(' '.join(unused), 60)!r} is too much for {sys.argv[1]}; put a sentence in quotes"
    return f"there is no command {one_line(sys.argv[1], 40)!r}{did_you_mean(sys.argv[1], verbs) or '; see --help'}"


def _stop(message: str, code: int) -> None:
    print(f"glassformer: {message}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
