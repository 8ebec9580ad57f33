"""What a model does, for a person: which answers it gives, and what is measured of them.

classifies   a label, several labels, a score
embeds       one vector for the text: every BERT can
fills        the pieces that may stand at a mask
writes       the pieces that may come next
translates   the same, of a text that is read beside it

The last three have in common what `predicts` says.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from glassformer.errors import UsageError
from glassformer.explain.answers import Said
from glassformer.explain.batch import Batch, run
from glassformer.explain.measure import Measure
from glassformer.hub.store import Checkpoint
from glassformer.hub.tokens import NONE, Pieces
from glassformer.models.gpt2 import Gpt2
from glassformer.models.simple import Generator

MEAN = "mean of all pieces"


class Kind:
    """A model asked in one way.  verbs: the commands that make use of it."""

    what = ""
    verbs: tuple[str, ...] = ()

    def __init__(self, checkpoint: Checkpoint):
        self.name, self.tokens = checkpoint.name, checkpoint.tokens
        self.model: Any = checkpoint.model
        self.labels = checkpoint.labels

    @property
    def knows_mask(self) -> bool:
        """There is a piece that says: a word stood here."""
        return self.tokens.mask != NONE

    @property
    def blank(self) -> str:
        """What stands in for a word that is taken away: the mask, or the mean of all pieces where there is none."""
        return self.tokens.name(self.tokens.mask) if self.knows_mask else MEAN

    def stand_in(self, pieces: Tensor) -> Tensor:
        """Its vector, of the vectors of all pieces: (v, w) → (w,)."""
        return pieces[self.tokens.mask] if self.knows_mask else pieces.mean(dim=0)

    @property
    def looks_ahead(self) -> bool:
        """A position may look at what stands behind it."""
        return not (isinstance(self.model, Gpt2 | Generator) or getattr(self.model.config, "decoder", False))

    def cut(self, text: str, most: int, second: str | None = None, joint: bool = False) -> Pieces:
        """The pieces the model reads.  Raises UsageError where there is nothing to read.

        joint: two texts look at each other, where the model would read each on its own.
        """
        return self.tokens.cut(text, most, second)

    def references(self, texts: Sequence[str], most: int) -> list[Pieces]:
        """Everyday sentences as the model reads them, of which means are taken."""
        return self.tokens.cut_many(list(texts), most)

    def takes_one_text(self) -> None:
        """Raise UsageError where it is asked about two texts only."""

    def run(self, batch: Batch) -> Any:
        return run(self.model, batch)

    def ask(self, batch: Batch) -> Any:
        """The same, when nobody hears the logits: of what nobody measures some may be left out."""
        return self.run(batch)

    def answers(self, cut: list[Pieces], batch: Batch, output: Any) -> list[Said]:
        """What the model's output says of each text."""
        raise NotImplementedError

    def measure(self, batch: Batch, output: Any) -> Measure:
        """What effects on one text are measured on; `output` is what the model says of it unchanged."""
        raise NotImplementedError

    def need(self, verb: str) -> None:
        """Raise UsageError where `verb` asks for something else."""
        if verb not in self.verbs:
            verbs = " and ".join(filter(None, (", ".join(self.verbs[:-1]), self.verbs[-1])))
            raise UsageError(f"{self.name} {self.what}: {verbs} take it, {verb} does not")
