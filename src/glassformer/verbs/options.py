"""What many verbs take, each group a dataclass whose fields are options."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from glassformer.errors import UsageError

if TYPE_CHECKING:
    from glassformer.explain.explanation import Explanation
    from glassformer.explain.reader import Reader

Precision = Literal["float32", "bfloat16"]
Flag = Annotated[bool, Parameter(negative="")]
Sentence = Annotated[str, Parameter(allow_leading_hyphen=True)]


@dataclass
class Source:
    """Which model is asked.

    Parameters
    ----------
    model
        A shipped model, the folder of one, or an id of the Hugging Face hub: owner/name.
    allow_pickle_weights
        Read an old pytorch_model.bin too: tensors only, no code is run.
    """

    model: str | None = None
    allow_pickle_weights: Flag = False


@dataclass
class Pair:
    """A second text.

    Parameters
    ----------
    pair
        A second text that belongs to the first: a classifier reads both together; of two sentence vectors, each
        text read on its own, the cosine is explained.
    joint
        Read both texts together, where the model would read each on its own.
    """

    pair: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None
    joint: Flag = False


@dataclass
class Asked(Pair):
    """What is asked about.

    Parameters
    ----------
    pair
        A second text that belongs to the first: a classifier reads both together; of two sentence vectors, each
        text read on its own, the cosine is explained.
    joint
        Read both texts together, where the model would read each on its own.
    of
        Of a model that continues a text, the next piece to ask about, instead of the likeliest.
    into
        Of a translator, what is written of TEXT, instead of its own translation.
    at
        Which piece of that is asked about, from 0.
    """

    of: Annotated[str | None, Parameter(name="--next", allow_leading_hyphen=True)] = None
    into: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None
    at: int = 0

    def explain(self, reader: "Reader", text: str) -> "Explanation":
        """Raises UsageError where these options exclude each other, or do not fit the model."""
        if None not in (self.pair, self.into):
            raise UsageError("--pair gives TEXT a second one to read, --into what is written of it; choose one")
        if self.into is not None:
            reader.kind.need("translate")
        second = self.pair if self.into is None else self.into
        return reader.explain(text, second, self.joint, of=self.of, at=self.at)


@dataclass
class Look:
    """How the output looks.

    Parameters
    ----------
    json
        Print one JSON document instead.
    width
        Draw for this many columns, even into a pipe.
    no_color
        No colour, as the variable NO_COLOR does.
    """

    json: Flag = False
    width: int | None = None
    no_color: Flag = False

    @property
    def how(self) -> dict[str, Any]:
        """The width and colour that every `print_…` takes."""
        if self.width is not None and not 40 <= self.width <= 1000:
            raise UsageError(f"--width {self.width} cannot be drawn; give 40 to 1000 columns")
        return {"width": self.width, "color": False if self.no_color else None}


@dataclass
class Drawn(Look):
    """How the output looks.

    Parameters
    ----------
    html
        Write everything as one HTML file that opens in any browser, anywhere, and fetches nothing.
    with_model
        Put the model into that file, so that other sentences can be typed there: shipped models, and others as small.
    """

    html: Path | None = None
    with_model: Flag = False


@dataclass
class Change:
    """What is changed before the model is asked again.

    Parameters
    ----------
    cut
        "terrible>not": terrible may not look at not.  A second `the` is `the#2`; a word can be given by number.
    off
        A head that gives no information, such as L1.H2.
    baseline
        What stands in a head's place: zero, mean (over twenty other sentences) or uniform attention.
    cross
        Of a translator, "0>7": word 0 that is written may not look at word 7 that is read.
    without
        The whole model without scaling, positions or (separate) heads.
    against
        Another sentence to hold beside this one.
    """

    cut: Annotated[list[str] | None, Parameter(negative="")] = None
    off: Annotated[list[str] | None, Parameter(negative="")] = None
    cross: Annotated[list[str] | None, Parameter(negative="")] = None
    baseline: str = "zero"
    without: Annotated[list[str] | None, Parameter(negative="")] = None
    against: str | None = None

    @property
    def switched(self) -> bool:
        return bool(self.cut or self.off or self.cross or self.without)

    def one_at_a_time(self, address: str | None, pair: Pair) -> None:
        """Raise UsageError where the options exclude each other."""
        if self.switched + (self.against is not None) + (address is not None) > 1:
            raise UsageError(
                "an address, --against, and switches (--cut, --off, --cross, --without) exclude each other; choose one"
            )
        if self.baseline != "zero" and not self.off:
            raise UsageError("--baseline says what stands in a head's place; give the head with --off")
        if self.against is not None and pair.pair is not None:
            raise UsageError("--against holds another text beside this one, --pair reads two; choose one")
        if pair.joint and pair.pair is None:
            raise UsageError("--joint reads two texts together; give the second with --pair")

    def choices(self, x: "Explanation") -> list:
        """The switches these options name, on one sentence."""
        cuts = [x.choose_cut(*x.edge(each)) for each in self.cut or []]
        heads = [x.choose_head(each, self.baseline) for each in self.off or []]
        looks = [x.switch(f"cross:{each}") for each in self.cross or []]
        return [*cuts, *heads, *looks, *(x.choose_without(each) for each in self.without or [])]


Sources = Annotated[Source | None, Parameter(name="*")]
Askeds = Annotated[Asked | None, Parameter(name="*")]
Pairs = Annotated[Pair | None, Parameter(name="*")]
Looks = Annotated[Look | None, Parameter(name="*")]
Drawns = Annotated[Drawn | None, Parameter(name="*")]
Changes = Annotated[Change | None, Parameter(name="*")]
