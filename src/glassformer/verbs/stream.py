"""A line in, an answer out: in order, as they arrive, in bounded memory.  With TEXT, that one text."""

import dataclasses
import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any

from cyclopts import Parameter

from glassformer.errors import UsageError
from glassformer.lines import arriving
from glassformer.verbs.asking import as_json, given, not_read, reader_of, say, show, standard_input
from glassformer.verbs.options import Flag, Look, Looks, Pair, Pairs, Precision, Sentence, Sources

SCHEMA = 1


def classify(
    text: Sentence | None = None,
    /,
    *,
    source: Sources = None,
    pair: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    tab: Flag = False,
    json: Flag = False,
    precision: Precision = "float32",
) -> None:
    """A label for each line of standard input, or for TEXT.

    Prints label, probability and text, with tabs between; a line with nothing to read gets dashes.

    Parameters
    ----------
    text
        One text, instead of standard input.
    pair
        A second text that belongs to TEXT.
    tab
        Each line is two texts, with a tab between.
    json
        One JSON object a line: {"text": …, "label": "positive", "p_positive": …}, or for other labels than two
        {"schema": 1, "text": …, "label": …, "probability": {…}}.
    precision
        bfloat16 is faster where the processor has it, and rounds.
    """
    _fits(text, pair, tab)
    reader = reader_of(source, "", precision)
    reader.kind.need("classify")
    known = reader.labels == ("negative", "positive") and pair is None and not tab
    shown = (_two_labels_json if known else _label_json) if json else _label_tsv
    if text is None and not tab:
        reader.kind.takes_one_text()
    if text is not None:
        answer = reader(given(text), pair)
        not_read(answer.left_out)
        return print(shown(answer))
    long = TooLong(reader.name, reader.longest)
    for lines in arriving_lines("two sentences a line, a tab between" if tab else "a sentence a line"):
        for line, answer in zip(lines, reader.stream(_pairs(lines) if tab else lines), strict=True):
            print(shown(_as_it_came(line, answer) if tab else answer))
            long.count(answer)
        sys.stdout.flush()
    long.say(json)


def _fits(text: str | None, pair: str | None, tab: bool) -> None:
    if text is not None and tab:
        raise UsageError("--tab is for lines of two texts each; TEXT gets its second one by --pair")
    if text is None and pair is not None:
        raise UsageError("--pair gives TEXT a second one; of lines with two texts each, say --tab")


def embed(
    text: Sentence | None = None,
    /,
    *,
    source: Sources = None,
    json: Flag = False,
    raw: Flag = False,
    precision: Precision = "float32",
) -> None:
    """A vector for each line of standard input, or for TEXT.

    Prints the numbers with tabs between; a line with nothing to read gets a dash.

    Parameters
    ----------
    text
        One text, instead of standard input.
    json
        One JSON object a line: {"schema": 1, "text": …, "embedding": [ … ]}, null for nothing to read.
    raw
        Vectors as they are pooled, not brought to length 1, where the model's folder says they should be.
    precision
        bfloat16 is faster where the processor has it, and rounds.
    """
    reader, shown = reader_of(source, "embed", precision), _vector_json if json else _vector_tsv
    if raw:
        reader.encoder.normalised = False
    if text is not None:
        (answer,) = reader.embeddings([reader.cut(given(text)).text])
        not_read(answer.left_out)
        return print(shown(answer))
    _stream(reader, lambda lines: reader.embeddings(lines), shown, json)


def fill(
    text: Sentence | None = None,
    /,
    *,
    source: Sources = None,
    pair: Pairs = None,
    top: int = 5,
    look: Looks = None,
    precision: Precision = "float32",
) -> None:
    """The pieces that may stand at each [MASK] of TEXT, or of each line of standard input.

    A line's answer is the text, and for each mask its likeliest pieces, with tabs between; a line without a mask
    gets a dash.

    Parameters
    ----------
    text
        One text with [MASK], or <mask>, in it, instead of standard input.
    top
        How many pieces for each mask.
    precision
        bfloat16 is faster where the processor has it, and rounds.
    """
    look, pair = look or Look(), pair or Pair()
    if not 1 <= top <= 1000:
        raise UsageError(f"--top {top} pieces cannot be shown; give 1 to 1000")
    reader = reader_of(source, "fill", precision)
    if text is not None:
        filled = reader.fill(given(text), pair.pair, top)
        not_read(filled.left_out)
        if look.json or look.width is not None or sys.stdout.isatty():
            return show("fill", filled, look)
        return print(_filled_tsv(filled))
    if pair.pair is not None:
        raise UsageError("--pair gives TEXT a second one; lines have none")
    reader.kind.need("fill")
    shown = _filled_json if look.json else _filled_tsv
    _stream(reader, lambda lines: reader.fills(lines, top), shown, look.json)


class TooLong:
    """How many lines were longer than the model reads: counted, and said on standard error when the stream ends."""

    def __init__(self, name: str, longest: int):
        self.name, self.longest, self.too_long = name, longest, 0

    def count(self, answer: Any) -> None:
        self.too_long += answer.left_out > 0

    def say(self, json: bool) -> None:
        if self.too_long and not json:
            most = f"longer than the {self.longest} pieces that {self.name} reads"
            lines = "1 line was" if self.too_long == 1 else f"{self.too_long} lines were"
            say(f"{lines} {most}; what was beyond was not read (--json says which)")


def _stream(reader: Any, answers: Callable, shown: Callable[[Any], str], json: bool) -> None:
    long = TooLong(reader.name, reader.longest)
    for lines in arriving_lines("a sentence a line"):
        for answer in answers(lines):
            print(shown(answer))
            long.count(answer)
        sys.stdout.flush()
    long.say(json)


def arriving_lines(what: str) -> Iterator[list[str]]:
    if standard_input().isatty():
        print(f"{what}, please; Ctrl-D ends", file=sys.stderr)
    yield from arriving(standard_input().fileno())


def _pairs(lines: list[str]) -> list[tuple[str, str]]:
    """The two texts of each line; two empty ones where a side is missing."""
    pairs = [line.split("\t", 1) for line in lines]
    return [(pair[0], pair[1]) if len(pair) == 2 and all(map(str.strip, pair)) else ("", "") for pair in pairs]


def _as_it_came(line: str, answer: Any) -> Any:
    """A line that was no pair is shown as it came."""
    return answer if answer.text or not line else dataclasses.replace(answer, text=line, second=None)


def _safe(*texts: str | None) -> str:
    from glassformer.show.text import safe

    return "\t".join(safe(text) for text in texts if text is not None)


def _label_tsv(answer: Any) -> str:
    from glassformer.explain.answers import Score

    if answer.says == "–":
        return _safe("-", "-", answer.text, answer.second)
    if isinstance(answer, Score):
        numbers = ",".join(f"{score:.6g}" for score in (answer.scores or {}).values())
        return _safe(",".join(answer.scores or {}), numbers, answer.text, answer.second)
    return _safe(answer.says, f"{answer.share:.6f}", answer.text, answer.second)


def _two_labels_json(answer: Any) -> str:
    """For negative and positive the three fields that scripts know."""
    p = answer.p_positive if answer.label else None
    return _object(answer, {"text": answer.text, "label": answer.label, "p_positive": p})


def _label_json(answer: Any) -> str:
    """All there is."""
    from glassformer.explain.answers import Answer, Score

    if isinstance(answer, Score):
        line: dict[str, Any] = {"scores": answer.scores}
    else:
        said = {"label": answer.label} if isinstance(answer, Answer) else {"labels": answer.labels}
        line = said | {"probability": answer.probability or None}
    return _object(answer, line)


def _object(answer: Any, line: dict[str, Any]) -> str:
    """A line of JSON: what was read, what was said of it, and how much was not read."""
    second = {} if answer.second is None else {"second": answer.second}
    known = line if "p_positive" in line else {"schema": SCHEMA, "text": answer.text, **second, **line}
    return as_json(known | ({"left_out": answer.left_out} if answer.left_out else {}))


def _vector_tsv(answer: Any) -> str:
    return "\t".join(map("{:.9g}".format, answer.vector)) or "-"


def _vector_json(answer: Any) -> str:
    exact = [float(f"{number:.9g}") for number in answer.vector]  # the shortest that are the same float32
    return _object(answer, {"embedding": exact or None})


def _filled_tsv(answer: Any) -> str:
    masks = [", ".join(f"{each.piece} {each.probability:.4f}" for each in mask) for mask in answer.masks]
    return _safe(answer.text, answer.second, *(masks or ["-"]))


def _filled_json(answer: Any) -> str:
    masks = [[{"piece": each.piece, "probability": each.probability} for each in mask] for mask in answer.masks]
    return _object(answer, {"masks": masks or None})
