"""A model for a verb, a text from wherever it comes, an answer to wherever it goes."""

import json
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from glassformer.errors import UsageError, one_line
from glassformer.verbs.options import Look, Source

if TYPE_CHECKING:
    from glassformer.explain.reader import Reader

SHIPPED = {"generate": "characters", "translate": "reverse"}  # models in the package that do what no other does
NEEDS = {  # what a verb needs that no shipped model can do
    "embed": ("a BERT", "sentence-transformers/all-MiniLM-L6-v2"),
    "fill": ("a BERT", "google-bert/bert-base-uncased"),
    "generate": ("a GPT-2", "openai-community/gpt2"),
    "translate": ("a translator", "Helsinki-NLP/opus-mt-en-de"),
}
SMALL = 10_000_000  # weights; below it a second thread costs more than it saves


def reader_of(source: Source | None, verb: str = "", precision: str = "float32") -> "Reader":
    """The model to ask.  verb: a command that no shipped model can do, so that one has to be named."""
    from glassformer.explain.reader import read
    from glassformer.hub.store import shipped

    source = source or Source()
    own = SHIPPED.get(verb)
    model = own if source.model is None and own in shipped() else source.model
    if model is None and verb:
        what, such = NEEDS[verb]
        raise UsageError(
            f"{verb} needs a model: give --model the folder of {what}, or its id on the hub, such as {such}"
        )
    reader = read(model or "sentiment", source.allow_pickle_weights, precision)
    set_threads(reader)
    return reader


def set_threads(reader: "Reader") -> None:
    """As many as help this model."""
    import torch

    small = sum(weight.numel() for weight in reader.model.parameters()) < SMALL
    torch.set_num_threads(1 if small else _cores())


@cache
def _cores() -> int:
    """How many threads torch takes by itself."""
    import torch

    return torch.get_num_threads()


def given(text: str) -> str:
    """TEXT, or standard input for "-": of a text that is too long only as much as shows that it is."""
    from glassformer.hub.tokens import LONGEST_TEXT

    if text != "-":
        return text
    return standard_input().buffer.read(4 * LONGEST_TEXT + 4).decode("utf-8", "replace").rstrip("\r\n")


def standard_input() -> Any:
    if sys.stdin is None:
        raise UsageError("standard input is closed; pipe a text into it")
    return sys.stdin


def address_of(text: str) -> str:
    from glassformer.explain.address import looks_like_one

    if not looks_like_one(text):
        shown = repr(one_line(text, 40))
        raise UsageError(f"{shown} is no address such as L1.H2; a sentence of several words stands in quotes")
    return text


def say(line: str) -> None:
    """Something that is not the answer: on standard error."""
    print(f"glassformer: {line}", file=sys.stderr)


def not_read(pieces: int) -> None:
    """Say what was left out of a text that is too long; a story says it itself."""
    if pieces:
        say(f"{pieces} pieces at the end were NOT read: the text is too long")


def show(kind: str, thing: Any, look: Look) -> None:
    """One answer of `explain/`, as JSON, as TSV into a pipe, or as a table."""
    from glassformer.explain.explanation import document
    from glassformer.show import tables, terminal
    from glassformer.show.filled import print_filled
    from glassformer.show.written import print_written

    if look.json:
        print(as_json(document(kind, thing), indent=1))
    elif kind == "sheet" and look.width is None and not sys.stdout.isatty():
        print(tables.tsv_sheet(thing))
    else:
        drawn = {"sheet": tables.print_sheet, "why": tables.print_worked, "what-if": tables.print_what_if}
        drawn |= {"story": terminal.print_story, "against": tables.print_against, "fill": print_filled}
        drawn |= {"written": print_written}
        drawn[kind](thing, **look.how)


def as_json(document: dict, indent: int | None = None) -> str:
    """As UTF-8 where that is what standard output takes, else in ASCII with escapes: never with a question mark."""
    return json.dumps(document, ensure_ascii=sys.stdout.encoding.lower() != "utf-8", indent=indent)
