"""What has been read is kept: with it a step gives the numbers of reading everything again, sooner.

Fixed    keys and values of a source
Memory   those of what a decoder has read itself as well
"""

from typing import TYPE_CHECKING

from torch import Tensor, nn

from glassformer.parts.kernels.longer import chosen, longer
from glassformer.parts.mask import padding

if TYPE_CHECKING:
    from glassformer.parts.attention import Attention


class Fixed:
    """Keys and values of a source that stays the same: read once."""

    def __init__(self):
        self.known: dict[Attention, tuple[Tensor, Tensor]] = {}

    def recall(self, attention: "Attention", source: Tensor) -> tuple[Tensor, Tensor]:
        if attention not in self.known:
            self.known[attention] = attention.read(source)
        return self.known[attention]

    def choose(self, rows: Tensor) -> None:
        """Keep these rows of the batch, in this order: what a beam search does between two steps."""
        self.known = {at: (chosen(k, rows), chosen(v, rows)) for at, (k, v) in self.known.items()}


class Memory(Fixed):
    """What a decoder looks at, `source` (b, j, w) of which `source_real` (b, j) is real, and what it has read itself.

    Hand the same memory to the next call, and give that call only what is new.  It belongs to the model that fills
    it: the keys of one say nothing to another.  reader: the model that read the source, where one did.
    """

    def __init__(
        self, source: Tensor | None = None, source_real: Tensor | None = None, reader: nn.Module | None = None
    ):
        super().__init__()
        self.source, self.reader = source, reader
        self.mask = None if source_real is None else padding(source_real)
        self.fixed = Fixed()
        self.real: Tensor | None = None

    @property
    def length(self) -> int:
        """How many positions it has read."""
        return 0 if self.real is None else self.real.size(1)

    def meet(self, real: Tensor) -> Tensor:
        """What is real of all that has been read, `real` (b, n) being new: (b, j).  Of other texts: ValueError."""
        if self.real is not None and len(self.real) != len(real):
            raise ValueError(f"{len(real)} texts go on, it has read {len(self.real)}: `choose` which, or begin anew")
        self.real = longer(self.real, real, 1)
        return self.real

    def recall(self, attention: "Attention", source: Tensor) -> tuple[Tensor, Tensor]:
        return self.keep(attention, *attention.read(source))

    def keep(self, attention: "Attention", k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """All keys and values so far, these (b, h, n, d) being new.  Raises ValueError where another model read."""
        before, values = self.known.get(attention, (None, None))
        read = 0 if before is None else before.size(-2)
        if self.real is not None and read != self.length - k.size(-2):
            past, self.real = self.length - k.size(-2), self.real[:, : -k.size(-2)]  # b j
            raise ValueError(f"of {past} positions in this memory the model read {read}: each begins one of its own")
        self.known[attention] = longer(before, k, -2), longer(values, v, -2)
        return self.known[attention]

    def choose(self, rows: Tensor) -> None:
        super().choose(rows)
        self.fixed.choose(rows)
        self.real = None if self.real is None else self.real[rows]
        self.source = None if self.source is None else self.source[rows]
        self.mask = None if self.mask is None else self.mask[rows]

    def copy(self) -> "Memory":
        """The same memory, to be continued in another way."""
        other = Memory(self.source, reader=self.reader)
        other.mask, other.real, other.known = self.mask, self.real, dict(self.known)
        other.fixed.known = dict(self.fixed.known)
        return other

    def forget(self) -> None:
        """All that it has read itself; the source stays."""
        self.known, self.real = {}, None
