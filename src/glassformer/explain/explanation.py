"""One sentence through one model, and every question that can be put to it."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from glassformer.errors import UsageError, one_line
from glassformer.explain.address import Address, check, parse
from glassformer.explain.answers import Said
from glassformer.explain.batch import Translation
from glassformer.explain.beforehand import beforehand
from glassformer.explain.choices import Choice, choose, choose_cut, choose_head, choose_without
from glassformer.explain.classifies import OneLabel
from glassformer.explain.facts import facts
from glassformer.explain.named import edge
from glassformer.explain.picture import Picture, head_picture, picture
from glassformer.explain.reader import Reader, companion
from glassformer.explain.sheet import Sheet, sheet
from glassformer.explain.story import Story, story
from glassformer.explain.trial import Trial, about
from glassformer.explain.usual import drawn
from glassformer.explain.whatif import Against, WhatIf, against, what_if
from glassformer.explain.worked import Worked, worked
from glassformer.hub.tokens import Pieces
from glassformer.tape import Tape

SCHEMA = 1  # of `data`; a change of its fields is a new number and a line in CHANGELOG


class Explanation:
    """`x = gf.load("sentiment").explain("this restaurant was not terrible")`.

    x.answer                         what the model says
    x["L1.H2.weights"]               any intermediate value, by address, as a tensor
    x.cut("terrible", "not")         the answer when one word may not look at another
    x.off("L1.H2", baseline="mean")  the answer with a head off
    x.without("scaling")             the answer without scaling, positions or separate heads
    x.against("it was terrible")     another sentence beside this one
    x.sheet("L1.H2")                 one head: each weight beside what changes when it is cut
    x.why("L1.H2.weights[4,3]")      the arithmetic of one number
    x.story                          who told whom, measured
    x.show()                         the story in the terminal, the page in a notebook
    """

    def __init__(self, reader: Reader, pieces: Pieces, beside: tuple[str, ...] = (), of: str | None = None):
        """of: the next piece that is asked about, instead of the likeliest."""
        self.text = pieces.text if not isinstance(pieces, Translation) or pieces.source is None else pieces.source.text
        self.second, self._reader, self._beside = pieces.second, reader, beside
        self._trial = Trial(reader, pieces, measure=None if of is None else about(reader, pieces, of))

    @property
    def reader(self) -> Reader:
        """The model that was asked."""
        return self._reader

    @cached_property
    def answer(self) -> Said:
        return self._reader.answer(self._trial.pieces)

    @property
    def left_out(self) -> int:
        """How many pieces at the end were not read."""
        return self._trial.pieces.left_out

    @property
    def pieces(self) -> list[str]:
        """The pieces the model reads, by position."""
        return self._trial.pieces.names

    @property
    def words(self) -> list[str]:
        """The words by number, [CLS] and [SEP] among them by their names."""
        return self._trial.texts

    @property
    def tape(self) -> Tape:
        """Every intermediate value by the tape's name, with the batch axis (of one sentence) in front."""
        return self._trial.tape

    @cached_property
    def story(self) -> Story:
        return story(self._trial, self._companions)

    @cached_property
    def _companions(self) -> tuple[Reader, ...]:
        """The models that this one stands beside: those with the same labels."""
        beside = [companion(name) for name in (self._beside if type(self._trial.kind) is OneLabel else ())]
        return tuple(each for each in beside if each.labels == self._reader.labels)

    def __getitem__(self, address: str) -> Tensor:
        """The value at an address, without the batch axis: `L1.H2.weights` is (i, j).  Raises UsageError."""
        where = self.at(address)
        return self._trial.values[where.site][0][where.index]

    def at(self, address: str) -> Address:
        """`address`, if this sentence has it.  Raises UsageError with the nearest that exists."""
        where = parse(address)
        check(where, self._trial.shapes)
        return where

    def cut(self, looks: str | int, at: str | int) -> WhatIf:
        """`looks` may not look at `at`, in any layer or head.  Words are given as text, `the#2`, or number."""
        return self.what_if(self.choose_cut(looks, at))

    def off(self, head: str, baseline: str = "zero") -> WhatIf:
        """One head off; baseline: zero, mean (over twenty other sentences) or uniform attention."""
        return self.what_if(self.choose_head(head, baseline))

    def without(self, part: str) -> WhatIf:
        """The whole model without `scaling`, `positions`, or separate `heads`."""
        return self.what_if(self.choose_without(part))

    def edge(self, text: str) -> tuple[str, str]:
        """The two words of "terrible>not", who looks > at whom.  Raises UsageError."""
        return edge(self._trial, text)

    def choose_cut(self, looks: str | int, at: str | int) -> Choice:
        return choose_cut(self._trial, looks, at)

    def choose_head(self, head: str, baseline: str = "zero") -> Choice:
        return choose_head(self._trial, head, baseline)

    def choose_without(self, part: str) -> Choice:
        return choose_without(self._trial, part)

    def switch(self, text: str, other: "str | Explanation | None" = None) -> Choice:
        """The switch that `text` names: "off:L0.H3:mean", "cut:4>3@L0", "word:3:delete" … (all are in `choices`).

        other: the sentence whose values a "patch:…" puts in here.  Raises UsageError.
        """
        beside = self.beside(other) if isinstance(other, str) else other
        return choose(self._trial, text, None if beside is None else beside._trial)

    def beside(self, other: str) -> "Explanation":
        """Another text, as this one is read, whose values can be put in here.  Raises UsageError."""
        second = None if self.second is None else self.second
        pieces = self._trial.kind.cut(other, self._reader.longest, second, joint=self._trial.batch.look is None)
        mine, theirs = len(self.pieces), len(pieces.ids)
        if mine != theirs:
            shown = one_line(other, 40)
            raise UsageError(f"{shown!r} has {theirs} pieces, this sentence {mine}; give one of as many")
        return Explanation(self._reader, pieces)

    def what_if(self, *choices: Choice) -> WhatIf:
        """Several switches at once: `x.what_if(x.choose_cut("it", "not"), x.choose_head("L1.H2"))`."""
        return what_if(self._trial, list(choices))

    def against(self, other: str) -> Against:
        return against(self._reader, self.text, other)

    def sheet(self, address: str) -> Sheet:
        return sheet(self._trial, self.at(address))

    def why(self, address: str) -> Worked:
        return worked(self._trial, self.at(address))

    def picture(
        self, full: bool = True, switches: Sequence[str] = (), cells: bool = True, effects: bool = True
    ) -> Picture:
        """Everything a page shows of this text: names, numbers, effects and arrays, as docs/page.md has them.

        full: False leaves out what is not needed at once, cells: False the effects of single cells as well,
        effects: False all of them where that takes long; switches: what is on, as `switch` takes it.
        """
        drawn(self._trial.reader.name, self._trial.reader.config)
        choices = [self.switch(each) for each in switches]
        return picture(self._trial, full, choices, self._companions, cells, effects)

    def head_picture(self, layer: int, head: int, switches: Sequence[str] = ()) -> Picture:
        """One head: its arrays and its cells, each cut for real where that is possible.  Raises UsageError."""
        drawn(self._trial.reader.name, self._trial.reader.config)
        return head_picture(self._trial, layer, head, [self.switch(each) for each in switches])

    def whatifs(self, picture: Picture | None = None) -> dict[str, dict[str, Any]]:
        """What single switches do, with controls, as a file holds them: of what `picture` has measured."""
        effects = (picture or self.picture())["effects"]
        return beforehand(self._trial, effects)

    def data(self) -> dict[str, Any]:
        """The story as one JSON-ready document, with the number of its schema."""
        return document("story", self.story)

    def show(self, width: int | None = None, color: bool | None = None) -> None:
        """In a notebook the page; elsewhere the story, `width` columns wide (the terminal's when left out), in colour
        where there is any.
        """
        from glassformer.show.notebook import display, in_a_notebook
        from glassformer.show.terminal import print_story

        if in_a_notebook() and width is None:
            return display(self)
        print_story(self.story, width=width, color=color)

    def _repr_html_(self) -> str:
        """The page, as a notebook draws it."""
        from glassformer.explain.carried import carried
        from glassformer.show.notebook import frame

        return frame(carried(self), f"{self.text[:80]} · {self._reader.name} · Glassformer")

    def __repr__(self) -> str:
        metric = self._trial.metric
        answer = f"{self.answer.says}, {metric.name} {self.answer.value:+.{metric.digits}f}"
        second = "" if self.second is None else f" and {self.second!r}"
        return f"<Explanation of {self.text!r}{second} by {self._reader.name}: {answer}>"


def show_model(reader: Reader) -> None:
    """Print what a model is, and which verbs take it."""
    from glassformer.show.facts import print_facts

    print_facts(facts(reader))


def document(kind: str, thing: Any) -> dict[str, Any]:
    """`thing`, a dataclass of this room, as a JSON-ready document: its fields, and what they imply."""
    return {"schema": SCHEMA, "kind": kind, **_plain(thing)}


def _plain(thing: Any) -> Any:
    if isinstance(thing, dict):
        return {str(key): _plain(value) for key, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [_plain(value) for value in thing]
    if not is_dataclass(thing):
        return thing
    implied = [name for name, of in vars(type(thing)).items() if isinstance(of, property)]
    return {name: _plain(getattr(thing, name)) for name in [*(field.name for field in fields(thing)), *implied]}
