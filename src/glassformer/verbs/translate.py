"""What a translator writes of a text, or of every line that comes in."""

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from glassformer.errors import UsageError
from glassformer.verbs.asking import as_json, given, reader_of, show
from glassformer.verbs.generate import INTERRUPTED
from glassformer.verbs.options import Look, Looks, Precision, Sentence, Sources
from glassformer.verbs.stream import TooLong, arriving_lines

if TYPE_CHECKING:
    from glassformer.explain.reader import Reader
    from glassformer.explain.translated import Rendering


@dataclass
class Written:
    """How it is written.

    Parameters
    ----------
    most
        Pieces at most.
    beams
        Keep so many translations, and write the best of them; without this, each piece is the likeliest.
    length_penalty
        Of beams: above 0 for longer translations, 0 for the likeliest.
    to
        The language to write, by its code, of a model that knows several.
    origin
        The language that is read, checked against what the model's files say.
    choices
        Of TEXT, print the so many likeliest pieces at each step, as a table.
    """

    most: int = 128
    beams: int | None = None
    length_penalty: float = 1.0
    to: str | None = None
    origin: Annotated[str | None, Parameter(name="--from")] = None
    choices: int = 0


Writtens = Annotated[Written | None, Parameter(name="*")]


def translate(
    text: Sentence | None = None,
    /,
    *,
    source: Sources = None,
    written: Writtens = None,
    look: Looks = None,
    precision: Precision = "float32",
) -> None:
    """What a translator writes of TEXT, or of each line of standard input: a Marian model, or the shipped `reverse`.

    Ctrl-C ends it, and what was written stays.  A line with nothing to read gets an empty line.

    Parameters
    ----------
    text
        A text, in quotes; standard input, a text a line, when left out.
    precision
        bfloat16 reads weights of two bytes, which is faster piece by piece, and rounds them.
    """
    written, look = written or Written(), look or Look()
    if text is None and written.choices:
        raise UsageError("--choices prints a table of one translation; give TEXT, or --json for lines")
    reader = reader_of(source, "translate", precision)
    try:
        if text is not None:
            _one(reader, given(text), written, look)
        else:
            _lines(reader, written, look)
    except KeyboardInterrupt:
        sys.stdout.flush()
        sys.exit(INTERRUPTED)


def _one(reader: "Reader", text: str, written: Written, look: Look) -> None:
    """As it comes where each piece is the likeliest, else in the end."""
    way = asdict(written)
    if look.json:
        return print(_json(reader.translate(text, **way), indent=1))
    if written.choices:
        return show("written", reader.translate(text, **way), look)
    from glassformer.show.written import Stream

    stream, written_so_far = Stream(**look.how), reader.stream_translation(text, **way)
    try:
        for more in written_so_far:
            stream.more(more)
    finally:
        print(flush=True)


def _lines(reader: "Reader", written: Written, look: Look) -> None:
    from glassformer.explain.translated import Way
    from glassformer.show.text import safe

    way, long = Way.of(asdict(written)), TooLong(reader.name, reader.longest)
    reader.kind.need("translate")
    for lines in arriving_lines("a text a line"):
        for done in reader.translations(lines, way):
            print(_json(done) if look.json else safe(done.text), flush=True)
            long.count(done)
    long.say(look.json)


def _json(done: "Rendering", indent: int | None = None) -> str:
    from glassformer.explain.explanation import document

    plain: dict[str, Any] = document("translation", done)
    texts = {"text": plain.pop("prompt"), "translation": plain.pop("text")}
    return as_json({**texts, **plain}, indent)
