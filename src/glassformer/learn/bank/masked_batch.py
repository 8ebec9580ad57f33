"""15 % chosen, of these 80 % [MASK], 10 % drawn, 10 % kept.  Random: what is compared are shares over many pieces."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from glassformer.learn.bank.words import drawing
from glassformer.learn.exercise import Case, Evidence, Exercise, Mistake, Property, Stages
from glassformer.models.losses import IGNORED

Asked = tuple[Tensor, Tensor]
FEWEST = 50  # texts that have a piece at a position that is looked at
DEVIATIONS = 5.5  # of a share from what it should be: one right answer in ten million is further off
NAMES = {
    "chosen": "of the pieces that may be chosen, {} have a label",
    "special": "of the special pieces, {} have a label",
    "hidden": "of the chosen pieces, {} become [MASK]",
    "drawn": "of the chosen pieces, {} become another piece",
    "kept": "of the chosen pieces, {} stay as they are",
    "true": "of the labels that are not −100, {} are the piece that stood there",
    "touched": "of the pieces with the label −100, {} are changed",
    "commonest": "of the pieces drawn at random, {} are one and the same",
    "column": "at one position, {} of all texts have a label",
}


@dataclass(frozen=True)
class Drawn:
    """What was asked and what came of it.  answer: (inputs, labels)."""

    ids: Tensor
    special: Tensor
    mask: int
    answer: Any

    @cached_property
    def shares(self) -> dict[str, tuple[float, int]] | None:
        """Of each share what it is, and of how many; None where the answer is no pair of tensors of that shape."""
        pair = self.answer
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(isinstance(each, Tensor) for each in pair):
            return None
        inputs, labels = pair
        if inputs.shape != self.ids.shape or labels.shape != self.ids.shape or inputs.dtype != self.ids.dtype:
            return None
        return _shares(self, inputs, labels)


def _share(of: Tensor) -> tuple[float, int]:
    return (float(of.float().mean()) if of.numel() else 0.0, of.numel())


def _shares(asked: Drawn, inputs: Tensor, labels: Tensor) -> dict[str, tuple[float, int]]:
    chosen, ids = labels != IGNORED, asked.ids
    new = inputs[chosen]
    others = new[(new != asked.mask) & (new != ids[chosen])]
    commonest = (others == (others.mode().values if len(others) else 0)).float()
    able = (~asked.special).sum(0)
    column = ((chosen & ~asked.special).sum(0) / able.clamp(min=1))[able >= FEWEST]
    return {
        "chosen": _share(chosen[~asked.special]),
        "special": _share(chosen[asked.special]),
        "hidden": _share(new == asked.mask),
        "drawn": (len(others) / max(1, len(new)), len(new)),
        "kept": _share(new == ids[chosen]),
        "true": _share(labels[chosen] == ids[chosen]),
        "touched": _share((inputs != ids)[~chosen]),
        "commonest": (float(commonest.mean()) if len(others) else 0.0, len(others)),
        "column": (float(column.max()), FEWEST),
    }


def compare(theirs: Any, right: Drawn) -> bool:
    """Whether all shares could come of one rule.  theirs: (inputs, labels), or what a version of the bank drew."""
    theirs = theirs if isinstance(theirs, Drawn) else Drawn(right.ids, right.special, right.mask, theirs)
    mine, others = right.shares, theirs.shares
    if mine is None or others is None:
        return _form(theirs.answer) == _form(right.answer)
    return not _apart(others, mine)


def _form(answer: Any) -> Any:
    """What kind of thing an answer is that has no shares."""
    if isinstance(answer, Tensor):
        return "tensor", answer.shape, answer.dtype
    return [_form(each) for each in answer] if isinstance(answer, tuple | list) else type(answer)


def _apart(theirs: dict[str, tuple[float, int]], right: dict[str, tuple[float, int]]) -> list[str]:
    """The shares that differ by more than chance allows."""
    found = []
    one_pattern = all(each["column"][0] > 0.9 and each["chosen"][0] < 0.5 for each in (theirs, right))
    for name, (one, many) in theirs.items():
        if name == "chosen" and one_pattern:
            continue  # as many as the one pattern has, of few positions
        other, more = right[name]
        middle = (one * many + other * more) / max(1, many + more)
        chance = (middle * (1 - middle) * (1 / max(1, many) + 1 / max(1, more))) ** 0.5
        found += [name] if abs(one - other) > DEVIATIONS * chance + 1e-9 else []
    return found


def make(ids: Tensor, special: Tensor, mask: int, vocabulary: int, rate=0.15, hidden=0.8, kept=0.1) -> Asked:
    chosen = (torch.rand(ids.shape) < rate) & ~special
    return asked_of(ids, chosen, mask, torch.randint(vocabulary, ids.shape), hidden, kept)


def asked_of(ids: Tensor, chosen: Tensor, mask: int, drawn: Tensor, hidden=0.8, kept=0.1) -> Asked:
    """The rule itself, of those that are chosen and the pieces that are drawn."""
    fate = torch.rand(ids.shape)
    inputs = ids.masked_fill(chosen & (fate < hidden), mask)
    inputs = torch.where(chosen & (fate >= hidden + kept), drawn, inputs)
    return inputs, ids.masked_fill(~chosen, IGNORED)


def key(*arguments: Any) -> Stages:
    """The rule is random: no part of the project has it, and two right answers agree in their shares alone."""
    return _drawn(make)(*arguments)


def _drawn(function: Callable[..., Any]) -> Callable[..., Stages]:
    def version(ids: Tensor, special: Tensor, mask: int, vocabulary: int) -> Stages:
        return Stages(answer=Drawn(ids, special, mask, function(ids, special, mask, vocabulary)))

    return version


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)

    def one(b: int, n: int, vocabulary: int, about: str) -> Case:
        ids = torch.randint(5, vocabulary, (b, n), generator=draw)
        ends = torch.randint(n // 2, n, (b, 1), generator=draw)  # where [SEP] stands; padding behind
        at = torch.arange(n)
        ids = torch.where(at == 0, 1, torch.where(at < ends, ids, torch.where(at == ends, 2, 0)))
        return Case((ids, (at == 0) | (at >= ends), 3, vocabulary), about)

    return [one(400, 60, 1000, "400 texts of up to 60 pieces"), one(600, 40, 300, "600 texts of up to 40 pieces")]


def _says(name: str, repair: str) -> Callable[[Evidence], str]:
    def says(e: Evidence) -> str:
        wrong, right = e.wrong.answer.shares, e.right.answer.shares
        apart = _apart(wrong, right) if wrong else []
        if not apart:
            return f"{name}; {repair}."
        told = NAMES[apart[0]].format(f"{100 * wrong[apart[0]][0]:.0f} %")
        return f"{name}: {told}, about {100 * right[apart[0]][0]:.0f} % are wanted; {repair}."

    return says


def _rated(**rates: float) -> Callable[..., Asked]:
    return lambda *arguments: make(*arguments, **rates)


def _labels(change: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[..., Asked]:
    """change: of the ids, what the model reads and the right labels, what is given as labels."""

    def wrong(ids: Tensor, special: Tensor, mask: int, vocabulary: int) -> Asked:
        inputs, labels = make(ids, special, mask, vocabulary)
        return inputs, change(ids, inputs, labels)

    return wrong


def _in_turn(ids: Tensor, special: Tensor, mask: int, vocabulary: int) -> Asked:
    """10 % of the 20 % that are left."""
    return make(ids, special, mask, vocabulary, hidden=0.8, kept=0.18)


def _special_too(ids: Tensor, special: Tensor, mask: int, vocabulary: int) -> Asked:
    return make(ids, torch.zeros_like(special), mask, vocabulary)


def _special_only(ids: Tensor, special: Tensor, mask: int, vocabulary: int) -> Asked:
    return make(ids, ~special, mask, vocabulary)


def _one_pattern(ids: Tensor, special: Tensor, mask: int, vocabulary: int) -> Asked:
    chosen = (torch.rand(ids.shape[1:]) < 0.15) & ~special
    return asked_of(ids, chosen, mask, torch.randint(vocabulary, ids.shape))


def _one_piece(ids: Tensor, special: Tensor, mask: int, vocabulary: int) -> Asked:
    chosen = (torch.rand(ids.shape) < 0.15) & ~special
    return asked_of(ids, chosen, mask, torch.randint(5, vocabulary, ()).expand_as(ids))


def _anywhere(ids: Tensor, special: Tensor, mask: int, vocabulary: int) -> Asked:
    """The random pieces are put in where nothing was chosen."""
    inputs, labels = make(ids, special, mask, vocabulary, kept=0.2)
    stray = (torch.rand(ids.shape) < 0.015) & ~special & (labels == IGNORED)
    return torch.where(stray, torch.randint(vocabulary, ids.shape), inputs), labels


def _only_hidden(ids: Tensor, special: Tensor, mask: int, vocabulary: int) -> Asked:
    inputs, labels = make(ids, special, mask, vocabulary)
    return inputs, labels.masked_fill(inputs != mask, IGNORED)


def _only_changed(ids: Tensor, special: Tensor, mask: int, vocabulary: int) -> Asked:
    inputs, labels = make(ids, special, mask, vocabulary)
    return inputs, labels.masked_fill(inputs == ids, IGNORED)


def _backwards(*arguments: Any) -> Asked:
    inputs, labels = make(*arguments)
    return labels, inputs


RULE = "of the chosen, 80 % become [MASK], 10 % a piece drawn at random, 10 % stay"
ASKED = "a label is ids where a piece is chosen, and −100 elsewhere"
WRONG: tuple[tuple[str, str, Callable], ...] = (
    ("every chosen piece becomes [MASK]", RULE, _rated(hidden=1.0, kept=0.0)),
    ("no piece is drawn at random", RULE, _rated(kept=0.2)),
    ("no chosen piece stays as it is", RULE, _rated(kept=0.0)),
    ("nothing becomes [MASK]", RULE, _rated(hidden=0.0, kept=0.5)),
    ("all chosen pieces stay as they are", RULE, _rated(hidden=0.0, kept=1.0)),
    ("the 10 % are taken of what is left", f"after the 80 %, each of the two is half of the rest: {RULE}", _in_turn),
    ("10 % become [MASK], 80 % are drawn", RULE, _rated(hidden=0.1, kept=0.1)),
    ("10 % become [MASK], 80 % stay", RULE, _rated(hidden=0.1, kept=0.8)),
    ("85 % are chosen", "torch.rand(…) < 0.15 is true for 15 %", _rated(rate=0.85)),
    ("80 % are chosen", "15 % are chosen first, the 80 % are a share of these", _rated(rate=0.8)),
    ("10 % are chosen", "15 % are", _rated(rate=0.1)),
    ("all are chosen", "15 % are", _rated(rate=1.0)),
    ("none is chosen", "15 % are", _rated(rate=0.0)),
    ("special pieces are chosen too", "nobody should guess [CLS], [SEP] and padding: & ~special", _special_too),
    ("only special pieces are chosen", "`special` is True where nothing may be chosen: & ~special", _special_only),
    (
        "every piece has a label",
        f"then nothing is left out of the loss: {ASKED}",
        _labels(lambda ids, inputs, labels: ids),
    ),
    (
        "the labels are turned round",
        ASKED,
        _labels(lambda ids, inputs, labels: ids.masked_fill(labels != IGNORED, IGNORED)),
    ),
    (
        "the labels are what the model reads",
        f"the answer would be [MASK]: {ASKED}",
        _labels(lambda ids, inputs, labels: inputs.masked_fill(labels == IGNORED, IGNORED)),
    ),
    (
        "the labels are 0 instead of −100",
        f"0 is a piece, and would be learned: {ASKED}",
        _labels(lambda ids, inputs, labels: labels.masked_fill(labels == IGNORED, 0)),
    ),
    (
        "the labels are −1 instead of −100",
        f"cross entropy leaves out −100: {ASKED}",
        _labels(lambda ids, inputs, labels: labels.masked_fill(labels == IGNORED, -1)),
    ),
    ("the labels are True and False", ASKED, _labels(lambda ids, inputs, labels: labels != IGNORED)),
    (
        "the labels are one position off",
        ASKED,
        _labels(lambda ids, inputs, labels: torch.where(labels != IGNORED, ids.roll(1, 1), IGNORED)),
    ),
    ("only what became [MASK] has a label", f"those that stay and those drawn are asked too: {ASKED}", _only_hidden),
    ("only what was changed has a label", f"those that stay are asked too: {ASKED}", _only_changed),
    ("every text has the same pattern", "draw for each piece of each text: torch.rand(ids.shape)", _one_pattern),
    ("one piece is drawn for all", "draw one for each place: torch.randint(vocabulary, ids.shape)", _one_piece),
    ("pieces are drawn where none was chosen", RULE, _anywhere),
    ("inputs and labels are exchanged", "what the model reads first, then the labels", _backwards),
    (
        "only what the model reads is given back",
        "give back two: inputs, labels",
        lambda *arguments: make(*arguments)[0],
    ),
)
MISTAKES = tuple(Mistake(name, "answer", _says(name, repair), wrong=_drawn(wrong)) for name, repair, wrong in WRONG)


# right, each in another way


def by_bernoulli(ids, special, mask, vocabulary):
    """Chances for each piece; half of the rest is drawn."""
    inputs, labels = ids.clone(), ids.clone()
    chosen = torch.bernoulli(torch.full(ids.shape, 0.15).masked_fill(special, 0.0)).bool()
    labels[~chosen] = -100
    hidden = torch.bernoulli(torch.full(ids.shape, 0.8)).bool() & chosen
    inputs[hidden] = mask
    drawn = torch.bernoulli(torch.full(ids.shape, 0.5)).bool() & chosen & ~hidden
    inputs[drawn] = torch.randint(vocabulary, ids.shape)[drawn]
    return inputs, labels


def by_one_draw(ids, special, mask, vocabulary):
    """One number decides all: below 12 % [MASK], to 13.5 % drawn, to 15 % kept."""
    number = torch.rand(ids.shape).masked_fill(special, 1.0)
    inputs = torch.where(number < 0.12, mask, ids)
    inputs = torch.where((number >= 0.12) & (number < 0.135), torch.randint(0, vocabulary, ids.shape), inputs)
    return inputs, torch.where(number < 0.15, ids, -100)


def by_numbers(ids, special, mask, vocabulary):
    import random

    inputs, labels = ids.tolist(), [[-100] * ids.size(1) for _ in ids]
    for b, row in enumerate(special.tolist()):
        for n, never in enumerate(row):
            if never or random.random() >= 0.15:
                continue
            labels[b][n], fate = inputs[b][n], random.random()
            if fate < 0.9:
                inputs[b][n] = mask if fate < 0.8 else random.randrange(vocabulary)
    return torch.tensor(inputs), torch.tensor(labels)


def by_places(ids, special, mask, vocabulary):
    inputs, labels = ids.clone(), torch.full_like(ids, -100)
    rows, columns = (~special).nonzero(as_tuple=True)
    keep = torch.rand(len(rows)) < 0.15
    rows, columns = rows[keep], columns[keep]
    labels[rows, columns] = ids[rows, columns]
    fate = torch.multinomial(torch.tensor([0.8, 0.1, 0.1]), len(rows), replacement=True)
    drawn = torch.randint(vocabulary, (len(rows),))
    inputs[rows, columns] = torch.where(fate == 0, mask, torch.where(fate == 1, drawn, ids[rows, columns]))
    return inputs, labels


def by_numpy(ids, special, mask, vocabulary):
    import numpy as np

    draw = np.random.default_rng()
    given, never = ids.numpy(), special.numpy()
    chosen = (draw.random(given.shape) < 0.15) & ~never
    fate = draw.choice(3, given.shape, p=[0.8, 0.1, 0.1])
    read = np.where(chosen & (fate == 0), mask, given)
    read = np.where(chosen & (fate == 1), draw.integers(vocabulary, size=given.shape), read)
    return torch.from_numpy(read), torch.from_numpy(np.where(chosen, given, -100))


def by_others_only(ids, special, mask, vocabulary):
    """The piece that is drawn is never a special one."""
    chosen = (torch.rand_like(ids, dtype=torch.float) < 0.15).logical_and(special.logical_not())
    return asked_of(ids, chosen, mask, torch.randint(5, vocabulary, ids.shape))


def _left_alone(function, case: Case) -> str:
    ids, special, *more = case.arguments
    inputs, _ = function(ids, special, *more)
    touched = int(((inputs != ids) & special).sum())
    return f"Special pieces are never changed; {touched} of yours are." if touched else ""


def _right_shares(function, case: Case) -> str:
    """What is chosen and what becomes of it, as often as was said."""
    ids, special, mask, _ = case.arguments
    theirs, right = Drawn(ids, special, mask, function(*case.arguments)).shares, key(*case.arguments).answer.shares
    if theirs is None or right is None:
        return "Two tensors of the shape of ids are wanted: what the model reads, and the labels."
    told = [f"{NAMES[k].format(f'{theirs[k][0]:.0%}')} ({right[k][0]:.0%} are wanted)" for k in _apart(theirs, right)]
    return f"With yours, {'; '.join(told[:3])}." if told else ""


EXERCISE = Exercise(
    name="masked-batch",
    cases=cases,
    key=key,
    mistakes=MISTAKES,
    right=(by_bernoulli, by_one_draw, by_numbers, by_places, by_numpy, by_others_only),
    properties=(Property("special pieces stay", _left_alone), Property("the shares are right", _right_shares)),
    compare=compare,
    random=True,
    hints=(
        "First who is chosen: (torch.rand(ids.shape) < 0.15) & ~special. The labels follow from that alone.",
        "Then what becomes of each: a second torch.rand(ids.shape); below 0.8 [MASK], above 0.9 a drawn piece.",
        "torch.where(condition, this, that) makes new tensors, so that ids stays as it was: it holds the labels.",
    ),
    explanation="If all chosen pieces were [MASK], the model would learn nothing of texts without one; so some are "
    "wrong, and some are right. Next: the weights that others have learned this way.",
)
