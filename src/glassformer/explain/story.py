"""The story of a sentence: what each model answers, what each word adds, who told whom, and whether that is so."""

from dataclasses import dataclass

from glassformer.explain.effects import Edge, by_head, control_of, edges_cut, words_add, worth_measuring
from glassformer.explain.like import Like, alike
from glassformer.explain.reader import Answer, Reader
from glassformer.explain.switches import cut
from glassformer.explain.trial import Trial

CLEAR = 3.0  # an edge counts as the reason if its cut changes this many times what a control cut does,
LEAST = 0.25  # at least this much, in log-odds,
ALIKE = 0.75  # and if this share of the sentences alike agree


@dataclass(frozen=True)
class View:
    """One model's answer, and what each word adds to its log-odds: with it − with [MASK] in its place.

    None where that was not measured, in long texts only.
    """

    model: str
    answer: Answer
    adds: list[float | None]


@dataclass(frozen=True)
class Told:
    """The edge whose cut changes the answer most, before and after, beside a control and in sentences alike.

    reading: what the word that looks adds to the log-odds, with the edge and with the edge cut.
    by_head: the change when it is cut in one head only, a row a layer.  elsewhere: what the same cut does in
    the other models, by name.
    """

    edge: Edge
    before: float
    reading: tuple[float, float]
    control: Edge | None
    by_head: list[list[float]]
    like: Like
    elsewhere: dict[str, tuple[float, float]]

    @property
    def after(self) -> float:
        return self.before + self.edge.change

    @property
    def flips(self) -> bool:
        return self.before * self.after < 0

    @property
    def doubt(self) -> str | None:
        """Why the edge cannot be called the reason: it is `small`, there is `no control` to hold it against, it is
        `like the control`, or sentences `alike` do not agree.  None where nothing speaks against it.
        """
        if abs(self.edge.change) < LEAST:
            return "small"
        if self.control is None:
            return "no control"
        if abs(self.edge.change) < CLEAR * abs(self.control.change):
            return "like the control"
        return "alike" if self.like.agree < ALIKE * max(1, self.like.n) else None

    @property
    def clear(self) -> bool:
        """The edge is the reason: its cut changes enough, far more than the control does, and in like sentences too."""
        return self.doubt is None


@dataclass(frozen=True)
class Story:
    """Everything `glassformer explain TEXT` says, as plain data.

    positions: of each word, its first piece, as addresses count them.
    attention: of the word that was told, by layer and head, how much it looks at each word.
    cuts: the change of the log-odds when it may not look at each word, by word number; only where measured.
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


def story(reader: Reader, text: str, companions: tuple[Reader, ...] = ()) -> Story:
    """Tell the story of `text` as `reader` reads it, its answer beside that of `companions`."""
    trial = Trial(reader, reader.cut(text))
    read = [(other, other.tokens.cut_many([text], min(other.longest, reader.longest))[0]) for other in companions]
    others = [Trial(other, pieces) for other, pieces in read if other.tokens.readable(pieces)]
    edges, chosen = edges_cut(trial), worth_measuring(trial)
    told = _told(trial, edges, others) if edges else None
    row = [edge for edge in edges if told and edge.looks == told.edge.looks]
    n = len(trial.words)
    return Story(
        text=text,
        words=trial.texts,
        positions=[word.pieces[0] for word in trial.words],
        left_out=trial.pieces.left_out,
        unread=trial.pieces.unread,
        views=[_view(each, chosen, trial) for each in [*others, trial]],
        told=told,
        attention=trial.attention()[:, :, told.edge.looks].tolist() if told else [],
        cuts={edge.at: edge.change for edge in row},
        edges=n * (n - 1) if trial.layers else 0,
        edges_measured=len(edges),
    )


def _view(trial: Trial, chosen: list[int], main: Trial) -> View:
    """What one model says, of the words that are worth measuring in the main one."""
    adds = words_add(trial, chosen if _same_words(trial, main) else None)
    return View(trial.reader.name, trial.reader.answer(trial.pieces), adds)


def _told(trial: Trial, edges: list[Edge], others: list[Trial]) -> Told:
    edge = edges[0]
    control = control_of(trial, edge)
    return Told(
        edge,
        trial.before,
        _reading(trial, edge),
        control,
        by_head(trial, edge),
        alike(trial, edge, control),
        {other.reader.name: _same_cut(other, edge) for other in others if other.layers and _same_words(other, trial)},
    )


def _reading(trial: Trial, edge: Edge) -> tuple[float, float]:
    """What the word that looks adds, as it is and when it may not look."""
    switch = cut(trial.edges([(edge.looks, edge.at)]))
    masked = trial.ids.clone()
    masked[0, list(trial.words[edge.looks].pieces)] = trial.reader.tokens.mask
    whole = trial.before - trial.after(ids=masked).item()
    return whole, (trial.after(switch) - trial.after(switch, ids=masked)).item()


def _same_cut(trial: Trial, edge: Edge) -> tuple[float, float]:
    return trial.before, trial.after_cuts(trial.edges([(edge.looks, edge.at)])).item()


def _same_words(one: Trial, other: Trial) -> bool:
    return one.texts == other.texts
