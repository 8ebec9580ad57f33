"""The likeliest piece, again and again, from a table of what follows what."""

from typing import Any

import torch
from torch import Tensor

from glassformer.learn.bank.steps import apart
from glassformer.learn.bank.tables import Table, likely
from glassformer.learn.bank.words import drawing
from glassformer.learn.exercise import Case, Exercise, Mistake, Property, Stages, equal
from glassformer.models.decoding import Until, write


def key(table: Tensor, begin: int, end: int, most: int) -> Stages:
    steps = write(Table(table), torch.tensor([[begin]]), until=Until(most, stop=(end,)))
    return Stages(answer=[int(step.ids) for step in steps])


def cases(seed: int) -> list[Case]:
    """Of tables drawn at random those whose text is long enough to tell mistakes apart."""
    draw, found = drawing(seed), []
    wanted = [(4, 3, True), (5, 4, True), (6, 3, False), (8, 4, True), (8, 6, False)]
    while len(found) < len(wanted):
        pieces, most, ends = wanted[len(found)]
        table = likely(draw, pieces, 1, ends=0.0)
        written = key(table, 0, 1, 12).answer
        fits = 2 <= len(written) <= most + 2 if ends else len(written) > most
        if fits and len(set(written)) > 1 and written != [1]:
            room = 12 if ends else most
            found.append(Case((table, 0, 1, room), f"{pieces} pieces, at most {room} written"))
    return found


def _write(table: Tensor, begin: int, end: int, most: int, pick=None, stops=None) -> list[int]:
    """pick: from the table and all there is so far, begin included, the next piece."""
    texts = [begin]
    pick = pick or (lambda table, text: int(table[text[-1]].argmax()))
    stops = stops or (lambda text: text[-1] == end)
    while len(texts) <= most:
        texts.append(pick(table, texts))
        if stops(texts):
            break
    return texts[1:]


def _summed(table: Tensor, text: list[int]) -> int:
    return int(table[text].sum(0).argmax())


def _fresh(table: Tensor, text: list[int]) -> int:
    return int(table[text[-1]].index_fill(0, torch.tensor(text), -torch.inf).argmax())


def _ended_never(table: Tensor, begin: int, end: int, most: int) -> list[int]:
    banned = table.index_fill(1, torch.tensor([end]), -torch.inf)
    return _write(banned, begin, end, most)


def _second(table: Tensor, text: list[int]) -> int:
    return int(table[text[-1]].topk(2).indices[1])


def _padded(table: Tensor, begin: int, end: int, most: int) -> list[int]:
    text = _write(table, begin, end, most)
    return text + [end] * (most - len(text))


def compare(theirs: Any, right: Any) -> bool:
    """The same pieces, and whole numbers where those are wanted."""
    return equal(theirs, right) and _tensors(theirs) == _tensors(right)


def _tensors(pieces: Any) -> bool:
    return any(isinstance(each, Tensor) for each in pieces)


NEXT = "the next piece is table[piece].argmax(), then `piece` is that one"
STOP = "stop after the end has been written, or after `most` pieces"


def _mistake(name: str, repair: str, wrong) -> Mistake:
    return Mistake(name, "answer", apart("answer", name, repair), wrong=wrong)


MISTAKES = (
    _mistake(
        "the beginning is given back too",
        "give back what was written, without `begin`",
        lambda t, b, e, m: [b, *_write(t, b, e, m)],
    ),
    _mistake(
        "the end is left out",
        "`end` is written too, where it is reached",
        lambda t, b, e, m: [p for p in _write(t, b, e, m) if p != e],
    ),
    _mistake(
        "the beginning is given back, the end left out",
        "give back what was written: without `begin`, with `end`",
        lambda t, b, e, m: [b, *[p for p in _write(t, b, e, m) if p != e]],
    ),
    _mistake("nothing stops at the end", STOP, lambda t, b, e, m: _write(t, b, e, m, stops=lambda text: False)),
    _mistake(
        "the least likely piece is taken",
        NEXT,
        lambda t, b, e, m: _write(t, b, e, m, lambda t, x: int(t[x[-1]].argmin())),
    ),
    _mistake(
        "the column is read, not the row",
        "row p says what follows p: table[p]",
        lambda t, b, e, m: _write(t, b, e, m, lambda t, x: int(t[:, x[-1]].argmax())),
    ),
    _mistake(
        "the first row is read again and again",
        NEXT,
        lambda t, b, e, m: _write(t, b, e, m, lambda t, x: int(t[b].argmax())),
    ),
    _mistake(
        "the row before the last is read",
        NEXT,
        lambda t, b, e, m: _write(t, b, e, m, lambda t, x: int(t[x[-2:][0]].argmax())),
    ),
    _mistake("one piece too many", STOP, lambda t, b, e, m: _write(t, b, e, m + 1)),
    _mistake("one piece too few", STOP, lambda t, b, e, m: _write(t, b, e, m - 1)),
    _mistake(
        "only one piece is written", "go on until the end, or `most` pieces", lambda t, b, e, m: _write(t, b, e, 1)
    ),
    _mistake("`most` is not heeded", STOP, lambda t, b, e, m: _write(t, b, e, 50)),
    _mistake(
        "no piece is written twice", f"a piece may come again: {NEXT}", lambda t, b, e, m: _write(t, b, e, m, _fresh)
    ),
    _mistake("the end is never picked", f"the end is a piece like all others: {NEXT}", _ended_never),
    _mistake("the scores of all pieces so far are added", NEXT, lambda t, b, e, m: _write(t, b, e, m, _summed)),
    _mistake("the second likeliest piece is taken", NEXT, lambda t, b, e, m: _write(t, b, e, m, _second)),
    _mistake("filled up with the end", STOP, _padded),
    _mistake("written backwards", "append each piece at the end", lambda t, b, e, m: _write(t, b, e, m)[::-1]),
    _mistake(
        "it stops where a piece comes again",
        STOP,
        lambda t, b, e, m: _write(t, b, e, m, stops=lambda x: x[-1] == e or x[-1] in x[:-1]),
    ),
    Mistake(
        "the pieces are tensors",
        "answer",
        "the pieces are tensors, whole numbers are wanted: int(…) or .item() makes one of a tensor.",
        wrong=lambda t, b, e, m: [torch.tensor(p) for p in _write(t, b, e, m)],
    ),
    _mistake(
        "the likeliest piece of all the table",
        NEXT,
        lambda t, b, e, m: _write(t, b, e, m, lambda t, x: int(t.argmax()) % len(t)),
    ),
)


# right, each in another way


def by_for(table, begin, end, most):
    out = []
    for _ in range(most):
        begin = table[begin].argmax().item()
        out.append(begin)
        if begin == end:
            break
    return out


def by_recursion(table, begin, end, most):
    if most == 0:
        return []
    piece = torch.argmax(table[begin], dim=-1).item()
    return [piece] if piece == end else [piece, *by_recursion(table, piece, end, most - 1)]


def by_lists(table, begin, end, most):
    rows, out = table.tolist(), [begin]
    while len(out) <= most and (len(out) == 1 or out[-1] != end):
        row = rows[out[-1]]
        out.append(max(range(len(row)), key=row.__getitem__))
    return out[1:]


def by_softmax(table, begin, end, most):
    best = table.exp().topk(1, dim=1).indices[:, 0].tolist()
    out = [best[begin]]
    while out[-1] != end and len(out) < most:
        out.append(best[out[-1]])
    return out


def by_cutting(table, begin, end, most):
    out = []
    for _ in range(most):
        out.append(int(table.max(dim=1).indices[out[-1] if out else begin]))
    return out[: out.index(end) + 1] if end in out else out


def by_sorting(table, begin, end, most):
    order, out, at = table.argsort(dim=1, descending=True), [], torch.tensor(begin)
    for _ in range(most):
        at = order[at, 0]
        out += [int(at)]
        if at == end:
            return out
    return out


def _likeliest(function, case: Case) -> str:
    table, begin, *_ = case.arguments
    at = begin
    for piece in function(*case.arguments):
        if table[at, piece] < table[at].max():
            likeliest = int(table[at].argmax())
            return f"After {at} the likeliest piece is {likeliest}; you write {piece}."
        at = piece
    return ""


EXERCISE = Exercise(
    name="greedy",
    cases=cases,
    key=key,
    compare=compare,
    mistakes=MISTAKES,
    right=(by_for, by_recursion, by_lists, by_softmax, by_cutting, by_sorting),
    properties=(Property("each piece is the likeliest after the one before", _likeliest),),
    hints=(
        "Keep the last piece: begin at first, then whatever was written.",
        "int(table[piece].argmax()) is the likeliest piece after `piece`.",
        "Append it, then look whether it is `end`: so the end is written too. for _ in range(most) stops in time.",
    ),
    explanation="Greedy takes the best next piece, which need not begin the best text. Next: several texts at once.",
)
