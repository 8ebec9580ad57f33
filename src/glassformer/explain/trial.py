"""One sentence through one model, to be run again with something changed."""

from collections.abc import Iterable
from functools import cached_property

import torch
from torch import Tensor

from glassformer.errors import UsageError
from glassformer.explain.reader import Reader, log_odds
from glassformer.explain.switches import Switch, cut, edits
from glassformer.hub.tokens import Pieces, Word
from glassformer.tape import Tape, listen

AT_ONCE = 4096  # positions in one batch


class Trial:
    """`pieces` put to `reader`.  Every effect is a difference of log-odds of the last label."""

    def __init__(self, reader: Reader, pieces: Pieces):
        self.reader, self.pieces = reader, pieces
        self.ids = torch.tensor([pieces.ids])  # 1 n

    @property
    def words(self) -> list[Word]:
        return self.pieces.words

    @property
    def texts(self) -> list[str]:
        """The words as they were written."""
        return [word.text for word in self.words]

    @cached_property
    def tape(self) -> Tape:
        """Every intermediate value of the unchanged run, by address."""
        with torch.inference_mode(), listen(self.reader.model) as tape:
            self.reader.model(self.ids)
        return tape

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Site → shape of what passes there, without the batch: what an address is checked against."""
        return {site: tuple(value.shape[1:]) for site, value in self.tape.items()}

    @property
    def before(self) -> float:
        """The log-odds of the unchanged run."""
        return log_odds(self.tape["logits"]).item()

    @property
    def layers(self) -> int:
        return sum(site.endswith(".attention.weights") for site in self.tape)

    @property
    def heads(self) -> int:
        return self.tape["layers.0.attention.weights"].size(1) if self.layers else 0

    @property
    def head_width(self) -> int:
        return self.tape["layers.0.attention.q"].size(-1)

    def need_attention(self) -> None:
        """Raise UsageError where the model has none."""
        if not self.layers:
            name = self.reader.name
            raise UsageError(f"{name} has no attention: no position looks at another; try --model sentiment")

    @torch.inference_mode()
    def after(self, *switches: Switch, ids: Tensor | None = None, real: Tensor | None = None) -> Tensor:
        """The log-odds with `switches` on, of this sentence or of other `ids` (b, n) → (b,)."""
        ids = self.ids if ids is None else ids
        with listen(self.reader.model, keep=(), edit=edits(switches)):
            return log_odds(self.reader.model(ids, real))

    def after_all(self, ids: Tensor) -> Tensor:
        """The log-odds of many other sentences of this length.  ids (m, n) → (m,)."""
        return torch.cat([self.after(ids=part) for part in ids.split(self._at_once)])

    def after_cuts(self, cuts: Tensor, layer: int | None = None, head: int | None = None) -> Tensor:
        """The log-odds after each of many cuts.  cuts: (m, i, j), each one set of edges → (m,)."""
        parts = cuts.split(self._at_once)
        return torch.cat([self.after(cut(part, "", layer, head), ids=self.ids.expand(len(part), -1)) for part in parts])

    @property
    def _at_once(self) -> int:
        return max(1, AT_ONCE // self.ids.size(1))

    def edges(self, pairs: Iterable[tuple[int, int]]) -> Tensor:
        """For each pair of words (who looks, at whom) the edges between their pieces, as (m, i, j)."""
        pairs, n = list(pairs), self.ids.size(1)
        cuts = torch.zeros(len(pairs), n, n, dtype=torch.bool)
        for k, (looks, at) in enumerate(pairs):
            rows, columns = torch.tensor(self.words[looks].pieces), torch.tensor(self.words[at].pieces)
            cuts[k, rows[:, None], columns] = True
        return cuts

    def attention(self) -> Tensor:
        """How much each word looks at each, by layer and head: (l, h, words, words).

        Summed over the pieces looked at, averaged over the pieces that look.
        """
        weights = torch.cat([self.tape[f"layers.{k}.attention.weights"] for k in range(self.layers)])  # l h i j
        to_words = self.word_matrix()  # words n
        return (to_words / to_words.sum(1, keepdim=True)) @ weights @ to_words.T

    def mean_attention(self) -> Tensor:
        """How much each word looks at each, over all layers and heads: (words, words)."""
        return self.attention().mean(dim=(0, 1))

    def word_matrix(self) -> Tensor:
        """Which pieces belong to which word: (words, n) of zeros and ones."""
        matrix = torch.zeros(len(self.words), self.ids.size(1))
        for k, word in enumerate(self.words):
            matrix[k, list(word.pieces)] = 1.0
        return matrix
