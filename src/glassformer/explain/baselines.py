"""How much of the answer survives where the attention patterns, the order of the words or the training are gone.

Bag of words and random weights are other models; the rest is this one, with one thing taken away.  Where the answer
survives without a thing, the thing is no explanation of it.
"""

import copy
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median_low
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from glassformer.explain.answers import Answer, Filled, Next
from glassformer.explain.batch import Translation, batch_of
from glassformer.explain.kind import Kind
from glassformer.explain.reader import Reader
from glassformer.explain.reference import REFERENCE, reference
from glassformer.explain.switches import LOOKS, Switch, edits, in_rows, uniform
from glassformer.explain.trial import Trial
from glassformer.hub.tokens import Pieces
from glassformer.models.simple import BagOfWords
from glassformer.parts.kernels.linear import Source
from glassformer.tape import Edit, listen

ORDERS, SEEDS = 8, 3
KEPT = 30_000_000  # weights of a model, up to which three random twins of it are kept


@dataclass(frozen=True)
class Baseline:
    """value: the measure; says, share: as of an answer; survives: the answer is the same, or the number is within
    what its metric calls no change; n: how many runs, or sentences, it stands on.
    """

    name: str
    what: str
    value: float
    says: str
    share: float | None
    survives: bool
    n: int


Runs = tuple[list[float], list[str]]  # the measure, and what the model says, of each


def baselines(trial: Trial, companions: tuple[Reader, ...] = (), full: bool = True) -> list[Baseline]:
    """Those that fit the model, in the order of what they take away.  full: with random models, which take long."""
    found = [_bag(trial, each) for each in companions if isinstance(each.model, BagOfWords)]
    found += _of_this_model(trial) if trial.layers else []
    return [*found, _random(trial)] if full else found


def _baseline(trial: Trial, name: tuple[str, str], runs: Runs, n: int = 0) -> Baseline:
    values, says = runs
    value, said = sum(values) / len(values), Counter(says).most_common(1)[0][0]
    labelled = isinstance(trial.answer, Answer | Filled | Next)
    survives = said == trial.answer.says if labelled else abs(value - trial.before) < trial.metric.least
    return Baseline(*name, value, said, trial.metric.share(value), survives, n or len(values))


def _bag(trial: Trial, companion: Reader) -> Baseline:
    name = "bag of words", f"the model {companion.name}: every word for itself, whatever stands around it"
    answer = companion.answer(companion.tokens.cut_many([trial.pieces.text], trial.reader.longest)[0])
    return _baseline(trial, name, ([answer.value], [answer.says]))


def _of_this_model(trial: Trial) -> list[Baseline]:
    """Uniform and average attention, and shuffled words: rows of one batch."""
    orders = [shuffled(trial, seed) for seed in range(1, ORDERS + 1)] if len(trial.spoken) > 1 else []
    looks = [f"{sites}.weights" for kind, (sites, _) in LOOKS.items() if trial.read or not kind]
    rows = [*((0, Switch("", sites, uniform, "uniform")) for sites in looks), *((1, each) for each in _average(trial))]
    values, says = _answered(trial, trial.kind, [trial.pieces, trial.pieces, *orders], rows)
    every = "every head of the decoder looks at what is written" if trial.read else "every head looks"
    known = f"{every} as it does on average at that distance, and at each special piece, in other sentences"
    found = [
        _baseline(trial, ("uniform attention", "every head looks at everything alike"), (values[:1], says[:1])),
        _baseline(trial, ("average attention", known), (values[1:2], says[1:2]), len(REFERENCE)),
    ]
    name = "shuffled words", f"the mean over {ORDERS} fixed orders of the words{' that are read' * bool(trial.read)}"
    return [*found, _baseline(trial, name, (values[2:], says[2:]))] if orders else found


def _average(trial: Trial) -> list[Switch]:
    """Hassid et al. 2022, "How much does attention actually attend?", put constant matrices there."""
    matrices = reference(trial.reader).attention(trial.ids[0], trial.may_look)
    return [Switch("", f"layers.{k}.attention.weights", _always(each), "mean") for k, each in enumerate(matrices)]


def _always(weights: Tensor) -> Edit:
    return lambda value: weights.to(value.dtype).expand_as(value)


@torch.no_grad()
def _answered(trial: Trial, kind: Kind, texts: list[Pieces], rows: Sequence[tuple[int, Switch]] = ()) -> Runs:
    """The measure and the answer of each text, some with switches on in their row."""
    values, says = [], []
    for start in range(0, len(texts), trial.rows):
        part = texts[start : start + trial.rows]
        batch = batch_of(part, trial.reader.tokens)
        own = [(row - start, switch) for row, switch in rows if 0 <= row - start < len(part)]
        with listen(kind.model, keep=(), edit=edits(in_rows(own))):
            output = kind.run(batch)
        values += trial.measure.moved(batch)(output, batch).tolist()
        says += [said.says for said in kind.answers(part, batch, output)]
    return values, says


def shuffled(trial: Trial, seed: int) -> Pieces:
    """The words of each text in another order, the same for every model: special pieces stay where they are.  Of a
    translator those that are read.
    """
    if isinstance(trial.pieces, Translation) and trial.source is not None:
        return replace(trial.pieces, source=_shuffled(trial.source, seed))
    return _shuffled(trial.pieces, seed)


def _shuffled(pieces: Pieces, seed: int) -> Pieces:
    number, ids, names = mulberry32(seed), list(pieces.ids), list(pieces.names)
    spoken = [k for k, word in enumerate(pieces.words) if word.pieces[0] not in pieces.specials]
    for which in sorted(set(pieces.types or [0])):
        own = [k for k in spoken if not pieces.types or pieces.types[pieces.words[k].pieces[0]] == which]
        places = [place for k in own for place in pieces.words[k].pieces]
        moved = [place for k in mixed(own, number) for place in pieces.words[k].pieces]
        for to, origin in zip(places, moved, strict=True):
            ids[to], names[to] = pieces.ids[origin], pieces.names[origin]
    return replace(pieces, ids=ids, names=names)


def mixed(items: list[int], number: Iterator[float]) -> list[int]:
    """Fisher and Yates, from the end: item k changes places with one of the items 0 … k."""
    items = list(items)
    for k in range(len(items) - 1, 0, -1):
        j = int(next(number) * (k + 1))
        items[k], items[j] = items[j], items[k]
    return items


def mulberry32(seed: int) -> Iterator[float]:
    """Numbers in [0, 1) that JavaScript can make as well, in 32-bit arithmetic (Tommy Ettinger 2017, public domain)."""
    whole = 0xFFFFFFFF
    while True:
        seed = (seed + 0x6D2B79F5) & whole
        t = ((seed ^ (seed >> 15)) * (seed | 1)) & whole
        t ^= (t + ((t ^ (t >> 7)) * (t | 61) & whole)) & whole
        yield ((t ^ (t >> 14)) & whole) / 4294967296


def _random(trial: Trial) -> Baseline:
    """Adebayo et al. 2018, "Sanity checks for saliency maps": what an untrained model does as well was not learned."""
    name = (
        "random weights",
        f"the median of {SEEDS} models with each weight matrix drawn anew, of its own mean and spread",
    )
    done = []
    for model in _twins(trial.reader):
        kind = copy.copy(trial.kind)
        kind.model = model
        values, says = _answered(trial, kind, [trial.pieces])
        done.append((values, says))
    return _baseline(trial, name, median_low(done), SEEDS)


_drawn: WeakKeyDictionary[Reader, tuple[Source, list[nn.Module]]] = WeakKeyDictionary()


def _twins(reader: Reader) -> Iterator[nn.Module]:
    """Three random models of the same build; those of a small one are kept."""
    if _size(reader.model) > KEPT:
        yield from (drawn(reader.model, seed) for seed in range(SEEDS))
        return
    if reader not in _drawn or not _drawn[reader][0].unchanged():
        _drawn[reader] = Source(reader.model), [drawn(reader.model, seed) for seed in range(SEEDS)]
    yield from _drawn[reader][1]


def _size(model: nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


@torch.no_grad()
def drawn(model: nn.Module, seed: int) -> nn.Module:
    """The same model, each weight matrix drawn from a normal distribution of its own mean and standard deviation."""
    model, generator = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    for weight in model.parameters():
        if weight.dim() > 1:
            mean, spread = weight.mean().item(), weight.std().item()
            weight.copy_(torch.empty_like(weight).normal_(mean, spread, generator=generator))
    return model.eval()
