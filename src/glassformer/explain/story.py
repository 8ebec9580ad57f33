"""The story of a sentence: what each model answers, what each word adds, who told whom, and whether that is so."""

from dataclasses import dataclass, field

import torch

from glassformer.explain.answers import Metric, Said
from glassformer.explain.crossed import Crossed, crossed
from glassformer.explain.effects import Edge, by_head, control_of, edges_cut, measured, words_add, worth_measuring
from glassformer.explain.like import NOT_ASKED, Like, alike
from glassformer.explain.path import Reading, readout
from glassformer.explain.predicts import Predicts
from glassformer.explain.reader import Reader
from glassformer.explain.switches import cut
from glassformer.explain.trial import Trial

CLEAR = 3.0  # an edge counts as the reason if its cut changes this many times what a control cut does,
ALIKE = 0.75  # at least as much as its measure calls a change, and if this share of the sentences alike agree


@dataclass(frozen=True)
class View:
    """One model's answer, and what each word adds to its measure: with it − with what stands in for it.

    None where that was not measured: for special pieces, and for some words of long texts.
    """

    model: str
    answer: Said
    adds: list[float | None]


@dataclass(frozen=True)
class Told:
    """The edge whose cut changes the answer most, before and after, beside a control and in sentences alike.

    reading: what the word that looks adds to the measure, with the edge and with the edge cut.
    by_head: the change when it is cut in one head only, a row a layer, None where not measured.
    like: NOT_ASKED where no other sentences were; elsewhere: what the same cut does in the other models, by name.
    """

    edge: Edge
    metric: Metric
    before: float
    reading: tuple[float, float]
    control: Edge | None
    by_head: list[list[float | None]]
    like: Like
    elsewhere: dict[str, tuple[float, float]]

    @property
    def after(self) -> float:
        return self.before + self.edge.change

    @property
    def flips(self) -> bool:
        return self.metric.turns(self.before, self.after)

    @property
    def doubt(self) -> str | None:
        """Why the edge cannot be called the reason: it is `small`, there is `no control` to hold it against, it is
        `like the control`, or sentences `alike` do not agree.  None where nothing speaks against it.
        """
        if abs(self.edge.change) < self.metric.least:
            return "small"
        if self.control is None:
            return "no control"
        if abs(self.edge.change) < CLEAR * abs(self.control.change):
            return "like the control"
        few = self.like is not NOT_ASKED and self.like.agree < ALIKE * max(1, self.like.n)
        return "alike" if few else None

    @property
    def clear(self) -> bool:
        """The edge is the reason: its cut changes enough, far more than the control does, and in like sentences too."""
        return self.doubt is None and self.like is not NOT_ASKED


@dataclass(frozen=True)
class Specials:
    """What [CLS], [SEP] and the like take of what words look at: mean over words, heads and layers.

    words: their numbers; weight: of the attention; mixture: of what is mixed, each weight by the length of what it
    brings; told_weight and told_mixture: the same of the word that was told, where one was.
    """

    words: list[int]
    weight: float
    mixture: float
    told_weight: float | None
    told_mixture: float | None


@dataclass(frozen=True)
class Story:
    """Everything `glassformer explain TEXT` says, as plain data.

    given: what --model takes; metric: what every effect is a difference of; positions: of each word, its first piece,
    as addresses count them; attention: of the word that was told, by layer and head, how much it looks at each word;
    cuts: the change of the measure when it may not look at each word, by word number, only where measured; read:
    together or apart, where there is a second text, whose words begin at number `second_from`; readout: layer by layer,
    where pieces are predicted; crossed: of a translator, where the piece that is asked about came from.
    """

    text: str
    words: list[str]
    positions: list[int]
    left_out: int
    unread: str
    views: list[View]
    told: Told | None
    attention: list[list[list[float]]]
    cuts: dict[int, float]
    edges: int
    edges_measured: int
    given: str
    metric: Metric
    specials: Specials
    has_attention: bool = True
    second: str | None = None
    second_from: int = 0
    read: str = ""
    readout: list[Reading] = field(default_factory=list)
    crossed: Crossed | None = None


def story(trial: Trial, companions: tuple[Reader, ...] = ()) -> Story:
    """Tell the story of a text as one model reads it, its answer beside that of `companions`."""
    reader, pieces, others = trial.reader, trial.pieces, beside(trial, companions)
    edges, chosen = edges_cut(trial), worth_measuring(trial)
    told = told_by(trial, edges, others)
    row = [edge for edge in edges if told and edge.looks == told.edge.looks]
    row += measured(trial, [(told.edge.looks, k) for k in _sinks(trial, told)]) if told else []
    return Story(
        text=pieces.text if trial.source is None else trial.source.text,
        words=trial.texts,
        positions=[word.pieces[0] for word in trial.words],
        left_out=pieces.left_out,
        unread=pieces.unread,
        views=[view(each, chosen, trial) for each in [*others, trial]],
        told=told,
        attention=[layer[:, told.edge.looks].tolist() for layer in trial.attention()] if told else [],
        cuts={edge.at: edge.change for edge in row},
        edges=len(trial.pairs()) if trial.layers else 0,
        edges_measured=len(edges),
        given=reader.given,
        metric=trial.metric,
        specials=taken(trial, told),
        has_attention=bool(trial.layers),
        second=pieces.second,
        second_from=second_from(trial),
        read=read_how(trial),
        readout=readout(trial) if isinstance(trial.kind, Predicts) else [],
        crossed=crossed(trial) if trial.read else None,
    )


def read_how(trial: Trial) -> str:
    """Of two texts, whether they look at each other."""
    return "" if trial.pieces.second is None else "together" if trial.batch.look is None else "apart"


def beside(trial: Trial, companions: tuple[Reader, ...]) -> list[Trial]:
    """The same text put to other models, of those that can read something of it."""
    text, most = trial.pieces.text, trial.reader.longest
    read = [(other, other.tokens.cut_many([text], min(other.longest, most))[0]) for other in companions]
    return [Trial(other, own) for other, own in read if other.tokens.readable(own)]


def second_from(trial: Trial) -> int:
    """The first word of the second text."""
    types = trial.pieces.types
    return next((k for k in trial.spoken if types and types[trial.words[k].pieces[0]] == 1), 0)


def _sinks(trial: Trial, told: Told) -> list[int]:
    """The special pieces that the word that was told may look at."""
    row = trial.may_look[trial.words[told.edge.looks].pieces[0]]
    return [k for k in trial.specials if row[trial.words[k].pieces[0]]]


def taken(trial: Trial, told: Told | None) -> Specials:
    """What the special pieces take, of all words that somebody wrote and of the one that was told."""
    words = trial.specials
    if not words or not trial.layers:
        return Specials(words, 0.0, 0.0, None, None)
    weight, mixture = (
        torch.cat(each).mean(dim=0)[:, words].sum(dim=-1) for each in (trial.attention(), trial.mixture())
    )
    every = [each[trial.spoken].mean().item() for each in (weight, mixture)]
    one = [each[told.edge.looks].item() if told else None for each in (weight, mixture)]
    return Specials(words, every[0], every[1], one[0], one[1])


def view(trial: Trial, chosen: list[int], main: Trial) -> View:
    """What one model says, of the words that are worth measuring in the main one."""
    adds = words_add(trial, chosen if _same_words(trial, main) else None)
    return View(trial.reader.name, trial.answer if trial is main else trial.reader.answer(trial.pieces), adds)


def _told_edge(trial: Trial, edges: list[Edge]) -> Edge | None:
    """None where nobody could tell: a translator's first piece, before which nothing is written."""
    of_asks = next((each for each in edges if each.looks == trial.asks), None)
    return of_asks if of_asks or trial.read else next(iter(edges), None)


def told_by(trial: Trial, edges: list[Edge], others: list[Trial], full: bool = True) -> Told | None:
    """`tell`, where there is anything to be told."""
    return tell(trial, edges, others, full) if _told_edge(trial, edges) else None


def tell(trial: Trial, edges: list[Edge], others: list[Trial], full: bool = True) -> Told:
    """The edge whose cut changes most, and what speaks for and against it.  full: in sentences alike too.

    Where it is asked what comes next, the one of the last word's edges whose cut changes most.
    """
    edge = _told_edge(trial, edges)
    assert edge is not None
    control = control_of(trial, edge, edges)
    return Told(
        edge,
        trial.metric,
        trial.before,
        _reading(trial, edge),
        control,
        by_head(trial, edge, full),
        alike(trial, edge, control) if full else NOT_ASKED,
        {other.reader.name: _same_cut(other, edge) for other in others if other.layers and _same_words(other, trial)},
    )


def _reading(trial: Trial, edge: Edge) -> tuple[float, float]:
    """What the word that looks adds, as it is and when it may not look."""
    cuts = trial.edges([(edge.looks, edge.at)])
    switches = trial.blanked(edge.looks), cut(torch.cat([torch.zeros_like(cuts), cuts]))
    blank, blank_and_cut = trial.after(*switches, batch=trial.batch.times(2)).tolist()
    return trial.before - blank, trial.before + edge.change - blank_and_cut


def _same_cut(trial: Trial, edge: Edge) -> tuple[float, float]:
    return trial.before, trial.after_cuts(trial.edges([(edge.looks, edge.at)])).item()


def _same_words(one: Trial, other: Trial) -> bool:
    return one.texts == other.texts
