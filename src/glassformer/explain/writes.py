"""A model that writes: it says at every position which piece comes next."""

from typing import Any

from glassformer.errors import UsageError
from glassformer.explain.answers import Said
from glassformer.explain.batch import Batch
from glassformer.explain.kind import Kind
from glassformer.explain.measure import Measure
from glassformer.hub.tokens import Pieces


class Writes(Kind):
    """The piece that comes next, and so a text that goes on."""

    what = "writes on where a text ends"
    verbs = ("generate",)

    def cut(self, text: str, most: int, second: str | None = None, joint: bool = False) -> Pieces:
        """Raises UsageError for two texts: it continues one."""
        if second is not None:
            raise UsageError(f"{self.name} {self.what}: give one text, there are two")
        return super().cut(text, most)

    def answers(self, cut: list[Pieces], batch: Batch, output: Any) -> list[Said]:
        self.need("classify")
        return super().answers(cut, batch, output)

    def measure(self, batch: Batch, output: Any) -> Measure:
        self.need("explain")
        return super().measure(batch, output)
