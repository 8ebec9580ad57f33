"""A word cut into pieces, the longest first."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from glassformer.hub.wordpiece import WordPiece
from glassformer.learn.exercise import Case, Evidence, Exercise, Mistake, Property, Stages


def key(word: str, vocabulary: set[str], unknown: str) -> Stages:
    cutter = WordPiece(dict.fromkeys(sorted(vocabulary), 0), unknown)
    placed = [(character, at) for at, character in enumerate(word)]
    return Stages(answer=[piece for piece, _ in cutter.pieces(placed)])


ENGLISH = {"un", "##aff", "##able", "##a", "##ff", "##ble", "play", "##ing", "##s", "##ed", "p", "##l", "##ay", "able"}
ENGLISH |= {"affable", "##in", "##g", "a", "aff", "plays", "##b", "u", "##n", "##ng", "##e", "##y"}
WORDS = ("unaffable", "playing", "plays", "played", "unplayable", "xplay", "playx", "able", "a", "unable", "playplay")


COMPETING = (  # where another way to cut finds other pieces
    ("xyz", {"x", "xy", "##yz", "##z"}),
    ("xyzuv", {"xyz", "##u", "##v", "xy", "##zuv"}),
    ("xyzu", {"xyz", "x", "##yzu"}),
    ("xyzuv", {"xyz", "##uv", "##zuv", "x", "##y"}),
    ("xxxx", {"x", "##x"}),  # fewer pieces than letters
)


def cases(seed: int) -> list[Case]:
    """English words, then made up ones of few letters, so that many pieces compete."""
    draw = random.Random(7_000 + seed)
    found = [Case((word, set(ENGLISH), "[UNK]"), f"the word {word}") for word in WORDS]
    found += [Case((word, set(known), "[UNK]"), f"the word {word}") for word, known in COMPETING]
    for _ in range(12):
        parts = {"".join(draw.choices("abc", k=draw.randint(1, 4))) for _ in range(14)}
        vocabulary = {draw.choice(("", "##", "##")) + part for part in sorted(parts)} | {"##a", "b", "##c", "a"}
        word = "".join(draw.choices("abc", k=draw.randint(5, 9)))
        found.append(Case((word, vocabulary, "<unk>"), f"the word {word}"))
    return found


@dataclass(frozen=True)
class Switches:
    order: str = "longest"
    mark: str = "##"
    first: str = ""
    either: bool = False
    lost: str = "whole"


def cut(word: str, vocabulary: set[str], unknown: str, on: Switches) -> list[str]:
    pieces, begin = [], 0
    while begin < len(word):
        ends = {"longest": range(len(word), begin, -1), "shortest": range(begin + 1, len(word) + 1)}[on.order]
        marks = (on.mark if begin else on.first, *((("",) if begin else ("##",)) if on.either else ()))
        found = ((end, m + word[begin:end]) for end in ends for m in marks if m + word[begin:end] in vocabulary)
        end, piece = next(found, (0, ""))
        if not end:
            if on.lost != "character":
                return {"whole": [unknown], "rest": [*pieces, unknown], "dropped": pieces, "nothing": []}[on.lost]
            end, piece = begin + 1, unknown
        pieces.append(piece)
        begin = end
    return pieces


def _by(**switches) -> Callable:
    return lambda word, vocabulary, unknown: cut(word, vocabulary, unknown, Switches(**switches))


RIGHT = _by()


def _after(change: Callable[[list[str], str], list]) -> Callable:
    return lambda word, vocabulary, unknown: change(RIGHT(word, vocabulary, unknown), unknown)


def _from_behind(word: str, vocabulary: set[str], unknown: str) -> list[str]:
    pieces, end = [], len(word)
    while end:
        begins = (b for b in range(end) if ("##" if b else "") + word[b:end] in vocabulary)
        begin = next(begins, None)
        if begin is None:
            return [unknown]
        pieces.insert(0, ("##" if begin else "") + word[begin:end])
        end = begin
    return pieces


def _fewest(word: str, vocabulary: set[str], unknown: str) -> list[str]:
    """The cut into the fewest pieces, the longest first among equals."""
    best: list[list[str] | None] = [[]] + [None] * len(word)
    for end in range(1, len(word) + 1):
        for begin in range(end):
            before, piece = best[begin], ("##" if begin else "") + word[begin:end]
            if before is not None and piece in vocabulary and (best[end] is None or len(before) + 1 < len(best[end])):  # type: ignore[arg-type]
                best[end] = [*before, piece]
    return best[-1] or [unknown]


def _going_back(word: str, vocabulary: set[str], unknown: str, begin: int = 0) -> list[str]:
    """Where the rest cannot be cut, a shorter piece is tried."""

    def rest(begin: int) -> list[str] | None:
        if begin == len(word):
            return []
        for end in range(len(word), begin, -1):
            piece = ("##" if begin else "") + word[begin:end]
            if piece in vocabulary and (more := rest(end)) is not None:
                return [piece, *more]
        return None

    return rest(0) or [unknown]


def _whole_only(word: str, vocabulary: set[str], unknown: str) -> list[str]:
    return [word] if word in vocabulary else [unknown]


def _letters(word: str, vocabulary: set[str], unknown: str) -> list[str]:
    pieces = [word[0], *(f"##{letter}" for letter in word[1:])]
    return [word] if word in vocabulary else pieces if set(pieces) <= vocabulary else [unknown]


def _last_missing(word: str, vocabulary: set[str], unknown: str) -> list[str]:
    """range(len(word) − 1, …): a piece never reaches the end of the word."""
    pieces = RIGHT(word, vocabulary - {word}, unknown)
    return pieces if word in vocabulary else RIGHT(word, vocabulary, unknown)


def _marked_end(word: str, vocabulary: set[str], unknown: str) -> list[str]:
    return [
        f"{piece}##" if k + 1 < len(RIGHT(word, vocabulary, unknown)) else piece
        for k, piece in enumerate(_bare(word, vocabulary, unknown))
    ]


def _bare(word: str, vocabulary: set[str], unknown: str) -> list[str]:
    return [piece.removeprefix("##") for piece in RIGHT(word, vocabulary, unknown)]


LONGEST = "try the longest beginning first, then one character less, until it is in the vocabulary"
MARKED = "what does not begin the word is looked up, and given back, with ## in front"
UNKNOWN = "if any part cannot be found, the answer is [unknown] for the whole word"


def _mistake(name: str, repair: str, wrong: Callable) -> Mistake:
    def says(e: Evidence) -> str:
        theirs, right = (" ".join(map(str, stages.answer)) or "nothing" for stages in (e.wrong, e.right))
        return f"{name}: {e.case.arguments[0]!r} becomes {theirs}, it should become {right}; {repair}."

    return Mistake(name, "answer", says, wrong=wrong)


MISTAKES = (
    _mistake("the shortest piece is taken", LONGEST, _by(order="shortest")),
    _mistake("the pieces that go on are not marked when looked up", MARKED, _by(mark="")),
    _mistake("the first piece is marked too", "only what does not begin the word has ##", _by(first="##")),
    _mistake("with and without ## is looked up", MARKED, _by(either=True)),
    _mistake("only the rest is unknown", UNKNOWN, _by(lost="rest")),
    _mistake("what is not found is left out", UNKNOWN, _by(lost="dropped")),
    _mistake("nothing is given back for an unknown word", UNKNOWN, _by(lost="nothing")),
    _mistake("each unknown character is a piece", UNKNOWN, _by(lost="character")),
    _mistake("## is taken off", MARKED, _bare),
    _mistake("## stands behind", MARKED, _marked_end),
    _mistake("it is cut from behind", f"begin on the left: {LONGEST}", _from_behind),
    _mistake("the fewest pieces are looked for", f"no choice is weighed: {LONGEST}", _fewest),
    _mistake("it goes back where the rest cannot be cut", f"a piece that was taken stays: {UNKNOWN}", _going_back),
    _mistake("only whole words are looked up", f"cut what is not there: {LONGEST}", _whole_only),
    _mistake("it is cut into letters", LONGEST, _letters),
    _mistake(
        "only the first piece is given back",
        "go on with the rest of the word",
        _after(lambda pieces, unknown: pieces[:1]),
    ),
    _mistake(
        "only the last piece is given back",
        "collect every piece in a list",
        _after(lambda pieces, unknown: pieces[-1:]),
    ),
    _mistake(
        "the pieces are in reverse",
        "append each piece at the end of the list",
        _after(lambda pieces, unknown: pieces[::-1]),
    ),
    _mistake(
        "a word that is a piece is cut all the same", "the longest beginning may be the whole word", _last_missing
    ),
    _mistake(
        "unknown words are given back as they are",
        UNKNOWN,
        lambda w, v, u: [w if p == u else p for p in RIGHT(w, v, u)],
    ),
)


# right, each in another way


def by_shortening(word, vocabulary, unknown):
    out, start = [], 0
    while start < len(word):
        end, piece = len(word), None
        while start < end:
            candidate = word[start:end] if start == 0 else "##" + word[start:end]
            if candidate in vocabulary:
                piece = candidate
                break
            end -= 1
        if piece is None:
            return [unknown]
        out.append(piece)
        start = end
    return out


def by_recursion(word, vocabulary, unknown, mark=""):
    for size in range(len(word), 0, -1):
        if mark + word[:size] in vocabulary:
            more = by_recursion(word[size:], vocabulary, unknown, "##") if word[size:] else []
            return [unknown] if more == [unknown] else [mark + word[:size], *more]
    return [unknown]


def by_marking_the_rest(word, vocabulary, unknown):
    """The rest carries its mark along."""
    out, rest = [], word
    while rest not in ("", "##"):
        fits = [rest[:size] for size in range(1 + 2 * bool(out), len(rest) + 1) if rest[:size] in vocabulary]
        if not fits:
            return [unknown]
        out.append(fits[-1])
        rest = "##" + rest[len(fits[-1]) :]
    return out


def by_sorted_vocabulary(word, vocabulary, unknown):
    heads = sorted((p for p in vocabulary if not p.startswith("##")), key=lambda piece: -len(piece))
    tails = sorted((p[2:] for p in vocabulary if p.startswith("##")), key=lambda piece: -len(piece))
    out = []
    while word:
        found = next((p for p in (tails if out else heads) if p and word.startswith(p)), None)
        if found is None:
            return [unknown]
        out.append("##" + found if out else found)
        word = word[len(found) :]
    return out


def by_max(word, vocabulary, unknown):
    out, begin = [], 0
    while begin < len(word):
        mark = "" if begin == 0 else "##"
        known = [end for end in range(begin + 1, len(word) + 1) if f"{mark}{word[begin:end]}" in vocabulary]
        if not known:
            out = [unknown]
            break
        out.append(f"{mark}{word[begin : max(known)]}")
        begin = max(known)
    return out


def by_raising(word, vocabulary, unknown):
    def pieces(begin):
        if begin < len(word):
            names = [("##" if begin else "") + word[begin:end] for end in range(len(word), begin, -1)]
            name = names[[each in vocabulary for each in names].index(True)]
            yield name
            yield from pieces(begin + len(name) - 2 * bool(begin))

    try:
        return list(pieces(0))
    except ValueError:
        return [unknown]


def _together(function, case: Case) -> str:
    word, _, unknown = case.arguments
    pieces = function(*case.arguments)
    joined = "".join(piece.removeprefix("##") for piece in pieces)
    if pieces == [unknown] or joined == word:
        return ""
    return f"Without ##, the pieces put together are the word {word!r}; yours are {joined!r}."


def _known(function, case: Case) -> str:
    _, vocabulary, unknown = case.arguments
    strange = [piece for piece in function(*case.arguments) if piece not in vocabulary and piece != unknown]
    return f"Every piece is in the vocabulary; {strange[0]!r} of yours is not." if strange else ""


EXERCISE = Exercise(
    name="wordpiece",
    cases=cases,
    key=key,
    mistakes=MISTAKES,
    right=(by_shortening, by_recursion, by_marking_the_rest, by_sorted_vocabulary, by_max, by_raising),
    properties=(Property("the pieces are the word", _together), Property("the pieces are known", _known)),
    hints=(
        "Two nested loops: begin walks through the word; for each begin, end goes from len(word) down to begin + 1.",
        "Look up word[begin:end], with ## in front unless begin is 0; the first hit is the longest.",
        "No hit at some begin: give back [unknown] at once, and forget the pieces found before.",
    ),
    explanation="Frequent words stay whole, rare ones become a few pieces: no word is without a vector. Next: what "
    "vector a piece gets.",
)
