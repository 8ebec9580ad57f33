"""Several texts side by side, from a table of what follows what.

When one that ends leaves the beam, some let another take its place and some do not; both are right.  The cases are
those where all of these give one answer.
"""

import math
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor

from glassformer.learn.bank.steps import apart
from glassformer.learn.bank.tables import Table, likely
from glassformer.learn.bank.words import drawing, number
from glassformer.learn.exercise import Case, Exercise, Mistake, Property, Stages, equal
from glassformer.models.beams import Search, beams
from glassformer.models.decoding import Until

Text = tuple[list[int], float]
CLEAR = 1e-3  # by which the best text is ahead of the second
MANY = 300  # texts: as good as all, in these cases


def key(table: Tensor, begin: int, end: int, most: int, width: int) -> Stages:
    search = Search(width, length_penalty=0.0)
    best = beams(Table(table), torch.tensor([[begin]]), search=search, until=Until(most, stop=(end,)))[0][0]
    return Stages(answer=(list(best.ids), best.score))


@dataclass(frozen=True)
class Switches:
    """refill: one that goes on takes the place of one that ended; own: each text keeps its own best continuation.

    ends: aside; unseen: as any other; dropped; any: also those outside the beam.
    kept: best or worst of them; all: what goes on, though not what ends.  begins: texts go on behind `begin` too.
    """

    refill: bool = False
    ends: str = "aside"
    score: str = "sum"
    last: str = "best"
    own: bool = False
    kept: str = "best"
    width: int = 0
    row: str = "last"
    begins: bool = True


SCORES = {
    "sum": lambda before, more: before + more,
    "last": lambda before, more: more,
    "product": lambda before, more: before * more if before else more,
    "probability": lambda before, more: before + math.exp(more),
}
LAST = {
    "best": lambda ended, going: max(ended + going, key=lambda pair: pair[1]),
    "worst": lambda ended, going: min(ended + going, key=lambda pair: pair[1]),
    "second": lambda ended, going: sorted(ended + going, key=lambda pair: pair[1])[-2:][0],
    "of those that ended": lambda ended, going: max(ended or going, key=lambda pair: pair[1]),
    "first to end": lambda ended, going: (ended + going)[0],
    "per piece": lambda ended, going: max(ended + going, key=lambda pair: pair[1] / len(pair[0])),
    "longest": lambda ended, going: max(ended or going, key=lambda pair: (len(pair[0]), pair[1])),
}


def search(table: Tensor, begin: int, end: int, most: int, width: int, on: Switches) -> Text:
    return LAST[on.last](*found(table, begin, end, most, width, on))


def found(table: Tensor, begin: int, end: int, most: int, width: int, on: Switches) -> tuple[list[Text], list[Text]]:
    """The texts that ended, and those that go on."""
    going, ended, rows, wide = [([], 0.0)], [], table.tolist(), on.width or width
    for _ in range(most):
        longer = [_continued(pair, rows, begin, end, on) for pair in going]
        order = sorted(chain.from_iterable(longer), key=lambda pair: pair[1] if on.kept == "worst" else -pair[1])
        if on.own:
            order = [max(each, key=lambda pair: pair[1]) for each in longer] if len(going) >= wide else order
        best = order[:wide]
        done = [pair for pair in (order if on.ends == "any" else best) if pair[0][-1] == end and on.ends != "unseen"]
        ended += done if on.ends != "dropped" else []
        more = order if on.refill or on.kept == "all" else best
        left = [pair for pair in more if pair[0][-1] != end or on.ends == "unseen"]
        left = [pair for pair in left if on.begins or pair[0][-1] != begin]
        going = left[: MANY if on.kept == "all" else wide]
    return ended, going


def _continued(pair: Text, rows: list, begin: int, end: int, on: Switches) -> list[Text]:
    text, score = pair
    at_first = not score if on.row == "scored" else not text or on.row == "first"
    row = rows[begin if at_first else text[-1]]
    row = [each[text[-1] if text else begin] for each in rows] if on.row == "column" else row
    return [([*text, piece], SCORES[on.score](score, more)) for piece, more in enumerate(row)]


def cases(seed: int) -> list[Case]:
    """Tables in which the beam finds another text than greedy does, and another than looking at all would."""
    draw, found = drawing(seed), []
    wanted = [
        (5, 5, 2, 1.0),
        (6, 4, 2, 0.5),
        (6, 6, 3, 1.0),
        (8, 3, 2, 0.0),
        (7, 4, 3, 0.3),
        (5, 5, 2, 0.5),
    ]
    while len(found) < len(wanted):
        pieces, most, width, ends = wanted[len(found)]
        table = likely(draw, pieces, 1, sharp=1.2, ends=ends)
        if len(found) == SURE:
            table[0] = torch.tensor([30.0 if piece == 2 else 0.0 for piece in range(pieces)]).log_softmax(-1)
        given = (table, 0, 1, most, width)
        if _telling(given, len(found)):
            found.append(Case(given, f"{pieces} pieces, a beam of {width}, at most {most} written"))
    return found


APART = (  # from each of these one case at least is told apart, whatever the seed
    Switches(last="first to end"),
    Switches(kept="all"),
    Switches(ends="any"),
    Switches(last="of those that ended"),
    Switches(begins=False),
    Switches(row="scored"),
)
SURE = 5  # the case in which the first piece is sure: its log-probability is 0


def _telling(given: tuple, which: int) -> bool:
    """Nothing ties, right versions agree, greedy is wrong, and so is what this case is to tell apart."""
    texts = found(*given, on=Switches())
    right, second = (LAST[last](*texts) for last in ("best", "second"))
    if len(right[0]) < 2 + which % 2 or right[1] - second[1] < CLEAR:
        return False
    greedy, refilled = (search(*given, on=each) for each in (Switches(width=1), Switches(refill=True)))
    if right[0] == greedy[0] or not equal(refilled, right):
        return False  # before what costs more
    other = search(*given, on=APART[which])
    if right[0] == other[0] or (which == 2 and other == search(*given, on=Switches(width=MANY))):
        return False
    return equal(key(*given).answer, right)


TOGETHER = "sort the continuations of all texts together, and keep the `width` likeliest"
SUMMED = "the log-probability of a text is the sum over its pieces"
AT_LAST = "give back the likeliest of those that ended, and of those that were cut off"


def _mistake(name: str, repair: str, wrong=None, **switches) -> Mistake:
    function = wrong or (lambda t, b, e, m, w: search(t, b, e, m, w, Switches(**switches)))
    return Mistake(name, "answer", apart("answer", name, repair), wrong=function)


def _plain(*given) -> Text:
    return search(*given, on=Switches())


MISTAKES = (
    _mistake(
        "a beam of one: this is greedy",
        f"{TOGETHER}; begin with one text, not with the same one `width` times",
        width=1,
    ),
    _mistake("each text keeps its own best continuation", TOGETHER, own=True),
    _mistake("every continuation is kept", TOGETHER, width=MANY),
    _mistake(
        "the beam is one too wide",
        "keep `width` texts, no more",
        lambda t, b, e, m, w: search(t, b, e, m, w + 1, Switches()),
    ),
    _mistake("texts outside the beam go on", "keep `width` texts: what is not among them is gone", kept="all"),
    _mistake("texts that end outside the beam count", "only of the `width` likeliest those that end count", ends="any"),
    _mistake("the least likely texts are kept", f"{TOGETHER}: largest first", kept="worst"),
    _mistake("only the last piece counts", SUMMED, score="last"),
    _mistake("log-probabilities are multiplied", SUMMED, score="product"),
    _mistake("probabilities are added", f"add the logarithms: {SUMMED}", score="probability"),
    _mistake("texts go on behind their end", "a text that ends is put aside, and not continued", ends="unseen"),
    _mistake("a sure piece is taken for the beginning", "the beginning is where the text is empty", row="scored"),
    _mistake("texts that end are lost", "put them aside: the best of them may be the answer", ends="dropped"),
    _mistake("the first text that ends is given back", AT_LAST, last="first to end"),
    _mistake("texts that were cut off do not count", AT_LAST, last="of those that ended"),
    _mistake("texts do not go on behind `begin`", "only `end` ends a text", begins=False),
    _mistake("the score is divided by the length", f"no length penalty here: {SUMMED}", last="per piece"),
    _mistake("the longest text that ended is given back", AT_LAST, last="longest"),
    _mistake("the worst text is given back", AT_LAST, last="worst"),
    _mistake("the column is read, not the row", "row p says what follows p", row="column"),
    _mistake(
        "every piece is taken from the first row", "row p says what follows p: that of the last piece", row="first"
    ),
    _mistake(
        "the beginning is given back too",
        "without `begin`",
        lambda *given: ([given[1], *_plain(*given)[0]], _plain(*given)[1]),
    ),
    _mistake(
        "the end is left out",
        "`end` is written too",
        lambda *given: ([p for p in _plain(*given)[0] if p != given[2]], _plain(*given)[1]),
    ),
    _mistake(
        "a probability is given back",
        "its logarithm is wanted",
        lambda *given: (_plain(*given)[0], math.exp(_plain(*given)[1])),
    ),
    _mistake(
        "the sign of the score is turned",
        "a log-probability is 0 or less",
        lambda *given: (_plain(*given)[0], -_plain(*given)[1]),
    ),
    _mistake(
        "the score is that per piece",
        SUMMED,
        lambda *given: (_plain(*given)[0], _plain(*given)[1] / len(_plain(*given)[0])),
    ),
    _mistake("one piece too few", "at most `most` pieces", lambda t, b, e, m, w: search(t, b, e, m - 1, w, Switches())),
    _mistake("score and text are exchanged", "the text first, then its score", lambda *given: _plain(*given)[::-1]),
)


# right, each in another way


def by_refilling(table, begin, end, most, width):
    return search(table, begin, end, most, width, Switches(refill=True))


def by_topk(table, begin, end, most, width):
    texts, scores, done = [[]], torch.zeros(1), []
    for _ in range(most):
        at = [text[-1] if text else begin for text in texts]
        total = (scores[:, None] + table[at]).flatten()
        best, which = total.topk(min(width, len(total)))
        longer = [[*texts[int(k) // table.size(1)], int(k) % table.size(1)] for k in which]
        done += [(t, float(s)) for t, s in zip(longer, best, strict=True) if t[-1] == end]
        keep = [k for k, text in enumerate(longer) if text[-1] != end]
        texts, scores = [longer[k] for k in keep], best[keep]
        if not texts:
            break
    done += list(zip(texts, scores.tolist(), strict=True))
    return max(done, key=lambda pair: pair[1])


def by_staying(table, begin, end, most, width):
    """One that ended stays in the beam as it is."""
    beam = [([], 0.0)]
    for _ in range(most):
        longer = []
        for text, score in beam:
            if text and text[-1] == end:
                longer.append((text, score))
                continue
            row = table[text[-1] if text else begin]
            longer += [([*text, piece], score + float(row[piece])) for piece in range(len(row))]
        beam = sorted(longer, key=lambda pair: pair[1], reverse=True)[:width]
    return beam[0]


def by_heap(table, begin, end, most, width):
    import heapq

    beam, best = [(0.0, (begin,))], (-math.inf, ())
    for step in range(most):
        longer = [(score + more, (*text, p)) for score, text in beam for p, more in enumerate(table[text[-1]].tolist())]
        beam = []
        for each in heapq.nlargest(width, longer):
            if each[1][-1] == end or step == most - 1:
                best = max(best, each)
            else:
                beam.append(each)
    return list(best[1][1:]), best[0]


def by_doubles(table, begin, end, most, width):
    return by_topk(table.double(), begin, end, most, width)


def by_stopping(table, begin, end, most, width):
    """Done once nothing that goes on can be better: a score only falls."""
    going, best = [([], 0.0)], ([], -math.inf)
    for step in range(1, most + 1):
        longer = [([*t, p], s + float(table[(t or [begin])[-1], p])) for t, s in going for p in range(len(table))]
        longer.sort(key=lambda pair: pair[1])
        kept = longer[-width:]
        best = max([best, *(pair for pair in kept if pair[0][-1] == end or step == most)], key=lambda pair: pair[1])
        going = [pair for pair in kept if pair[0][-1] != end and pair[1] > best[1]]
    return best


def _true(function, case: Case) -> str:
    """The score is that of the text."""
    table, begin, *_ = case.arguments
    text, score = function(*case.arguments)
    total = sum(float(table[a, b]) for a, b in zip([begin, *text], text, strict=False))
    if abs(total - float(score)) < 1e-3:
        return ""
    return f"The pieces of {text} sum to {number(total)}; your score is {number(score)}."


EXERCISE = Exercise(
    name="beam-search",
    cases=cases,
    key=key,
    mistakes=MISTAKES,
    right=(by_refilling, by_topk, by_staying, by_heap, by_doubles, by_stopping),
    properties=(Property("the score is that of the text", _true),),
    hints=(
        "Keep a list of (text, score), ([], 0.0) at first; a list of those that ended stands beside it.",
        "Each step: every text with every piece, score + table[last, piece]; sort them all together, keep `width`.",
        "Of these `width`, those that end are put aside, the others go on. At last: max of both lists by score.",
    ),
    explanation="A beam of two finds texts whose first piece is not the likeliest; a wider one costs more, and is no "
    "proof that nothing better exists. Next: the pieces that are written.",
)
