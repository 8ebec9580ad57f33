"""A text that goes on: as it is written, on standard output."""

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from glassformer.verbs.asking import given, reader_of, say, show
from glassformer.verbs.options import Flag, Look, Looks, Precision, Sentence, Sources

if TYPE_CHECKING:
    from glassformer.explain.written import Writing, Written

BEGIN = "\n"  # where nothing is given: a new line
INTERRUPTED = 130


@dataclass
class Going:
    """How the text goes on.

    Parameters
    ----------
    most
        Pieces at most.
    temperature
        Draw each piece by its probability: 1 as the model says, below 1 what is likely more often, 0 the likeliest.
        Without this or one of the next three, each piece is the likeliest.
    top_k
        Draw from the so many likeliest only.
    top_p
        Draw from the fewest likeliest whose probabilities sum to this.
    seed
        Draw others.
    beams
        Keep so many continuations, and write the likeliest of them in the end.
    stop
        Stop before this text; may be given several times.
    slide
        Where there is no room for more, leave the oldest pieces behind.
    choices
        Print the so many likeliest pieces at each step, as a table.
    """

    most: int = 64
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    seed: int | None = None
    beams: int | None = None
    stop: Annotated[list[str] | None, Parameter(negative="", allow_leading_hyphen=True)] = None
    slide: Flag = False
    choices: int = 0


Goings = Annotated[Going | None, Parameter(name="*")]


def generate(
    prompt: Sentence | None = None,
    /,
    *,
    source: Sources = None,
    going: Goings = None,
    look: Looks = None,
    precision: Precision = "float32",
) -> None:
    """What a model writes behind PROMPT, as it comes: the shipped `characters`, a GPT-2, a BERT that is a decoder.

    Ctrl-C ends it, and what was written stays.

    Parameters
    ----------
    prompt
        How the text begins, in quotes; "-" reads it from standard input; a new line when left out.
    precision
        bfloat16 reads weights of two bytes, which is faster piece by piece, and rounds them.
    """
    going, look = going or Going(), look or Look()
    reader = reader_of(source, "generate", precision)
    writing = reader.stream_text(BEGIN if prompt is None else given(prompt), **asdict(going))
    streams = not (look.json or going.choices)
    try:
        _write(writing, streams, look, "" if prompt is None else writing.prompt)
    except KeyboardInterrupt:
        _end(writing.written, streams, look)
        sys.exit(INTERRUPTED)
    _end(writing.written, streams, look)


def _write(writing: "Writing", streams: bool, look: Look, prompt: str) -> None:
    """To the end, printing it meanwhile, or not."""
    from glassformer.show.written import Stream

    stream = Stream(**look.how) if streams else None
    if stream:
        stream.prompt(prompt)
    for text in writing:
        if stream:
            stream.more(text)


def _end(written: "Written", streams: bool, look: Look) -> None:
    if streams:
        print(flush=True)
    else:
        show("written", written, look)
    if written.stopped == "room" and not look.json:
        say(f"there is no room for more: {written.model} has read all it can; --slide leaves the oldest pieces behind")
