"""A translator, from captions of pictures in German and English: Multi30k (Elliott et al. 2016).

Vaswani et al. 2017, "Attention is all you need", in small: one vocabulary for both languages, label smoothing, a
warm-up, the average of the weights, and a beam at the end.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from glassformer.hub.tokens import pad
from glassformer.models.beams import Search, beams
from glassformer.models.decoding import Until, write
from glassformer.models.losses import IGNORED
from glassformer.train import pairs
from glassformer.train.batches import Buckets
from glassformer.train.bleu import bleu, installed
from glassformer.train.pairs import END, START, Pair
from glassformer.train.recipes import Translation
from glassformer.train.report import LICENCE, report, shown_pair
from glassformer.train.task import Outcome, Ran, Writes, accelerator

TOGETHER = 64  # sentences translated at once
LOOKED_AT = 200  # sentences of validation that are translated at a look
SPLITS = ("validation", "test")
LONGER = 1.5  # a translation may be so many times as long as its source,
MORE = 10  # and so many pieces more


class Translate(Writes[Translation]):
    """German in, English out."""

    score = "sacreBLEU of validation"

    def __init__(self, recipe: Translation, data: Path, seed: int, out: Path):
        """out: where the vocabulary is kept once it is learned.  Raises MissingError, CheckpointError, WriteError."""
        installed()
        self.recipe, train = recipe, pairs.read(data, "train")
        self.held = {split: pairs.read(data, split) for split in SPLITS}
        self.tokenizer = pairs.vocabulary(train, recipe.pieces, out / "tokenizer.json")
        self.sources, self.answers = (self._cut([getattr(pair, side) for pair in train]) for side in ("de", "en"))
        lengths = [max(map(len, both)) for both in zip(self.sources, self.answers, strict=True)]
        self.batches = Buckets(lengths, recipe.batch, seed)
        digest = hashlib.sha256(json.dumps([self.sources, self.answers]).encode()).hexdigest()
        super().__init__(recipe, seed, self.tokenizer.to_str(), self.tokenizer.get_vocab_size(), digest)

    @property
    def device(self) -> torch.device:
        return accelerator()

    def _cut(self, texts: list[str]) -> list[list[int]]:
        """Each text's pieces, and the one that ends it; no more than the model reads."""
        most = self.recipe.length
        return [[*encoding.ids[:-1][: most - 1], END] for encoding in self.tokenizer.encode_batch(texts)]

    def batch(self, step: int) -> tuple[Tensor, ...]:
        chosen = self.batches[step]
        source, real = self._padded([self.sources[k] for k in chosen])  # b n
        answers, asked = self._padded([self.answers[k] for k in chosen])  # b m
        begun = torch.cat([torch.full_like(answers[:, :1], START), answers[:, :-1]], 1)  # b m
        return source, real, begun, asked, answers.masked_fill(~asked, IGNORED)

    def logits(self, model: nn.Module, *read: Tensor) -> Tensor:
        source, real, begun, asked = read
        return model(begun, asked, memory=model.read(source, real))  # type: ignore[operator]

    def _padded(self, rows: list[list[int]]) -> tuple[Tensor, Tensor]:
        ids, real = pad(rows)
        return ids.to(self.device), real.to(self.device)

    def look(self, model: nn.Module) -> tuple[dict[str, float], str]:
        some = self.held["validation"][:LOOKED_AT]
        written = self.translated(model, [pair.de for pair in some], beam=1)
        score, _ = bleu(written, [pair.en for pair in some])
        return {"BLEU of 200": score}, shown_pair(some[0].de, written[0])

    @torch.inference_mode()
    def translated(self, model: nn.Module, texts: list[str], beam: int) -> list[str]:
        """Each text in the other language, the likeliest of `beam` continuations."""
        model.eval()
        rows, said = self._cut(texts), [""] * len(texts)
        order = sorted(range(len(rows)), key=lambda k: len(rows[k]))
        for start in range(0, len(order), TOGETHER):
            chosen = order[start : start + TOGETHER]
            for k, ids in zip(chosen, self._written(model, [rows[k] for k in chosen], beam), strict=True):
                said[k] = self.tokenizer.decode(ids)
        return said

    def _written(self, model: nn.Module, rows: list[list[int]], beam: int) -> list[list[int]]:
        source, real = self._padded(rows)  # b n
        memory = model.read(source, real)  # type: ignore[operator]
        begun = torch.full_like(source[:, :1], START)  # b 1
        most = min(int(LONGER * source.size(1)) + MORE, self.recipe.length - 1)
        until = Until(most=most, stop=(END,))
        if beam > 1:
            return [list(found[0].ids) for found in beams(model, begun, None, memory, Search(beam), until)]
        steps = [step.ids for step in write(model, begun, memory=memory, until=until)]
        return torch.stack(steps, 1).tolist()  # b m

    def measure(self, model: nn.Module, ran: Ran) -> Outcome:
        model.to(self.device)
        figures: dict = {"signature": ""}
        samples: list[str] = []
        for split, held in self.held.items():
            written = self.translated(model, [pair.de for pair in held], self.recipe.beam)
            score, figures["signature"] = bleu(written, [pair.en for pair in held])
            figures[split], figures[f"{split} sentences"] = round(score, 2), len(held)
            samples = [_sample(pair, said) for pair, said in zip(held[:3], written, strict=False)]
        figures["train sentences"], figures["pieces"] = len(self.sources), self.pieces
        return self.outcome(model, ran, figures["validation"], figures, samples)

    @staticmethod
    def card(recipe: Translation, results: Sequence[Outcome], chosen: Outcome) -> str:
        return report(recipe, results, chosen, Translate.score, [*_parts(recipe, chosen), LICENCES], " --data DATA")


def _sample(pair: Pair, said: str) -> str:
    return f"{shown_pair(pair.de, said)}\n(a person: {pair.en})"


def _parts(recipe: Translation, chosen: Outcome) -> tuple[str, str, str]:
    told = chosen.figures
    scores = ", ".join(f"{split} {told[split]:.1f} ({told[f'{split} sentences']:,} sentences)" for split in SPLITS)
    data = (
        f"## Data\n\nMulti30k, task 1: {told['train sentences']:,} captions of pictures in English, and what "
        f"translators made of them in German.  {told['pieces']:,} pieces, learned from both languages of train."
    )
    score = (
        f"## BLEU\n\n{scores}; cased, a beam of {recipe.beam}.  Signature: `{told['signature']}`.  The curve is of "
        f"{LOOKED_AT} sentences of validation and no beam."
    )
    return data, score, LIMITS


LIMITS = """\
## Limits

It has read captions: of anything else than what pictures show it has never heard."""
LICENCES = (
    LICENCE + "  They were learned from Multi30k (Elliott et al. 2016), captions of Flickr30k: research, not "
    "commercial.  None of that text is in the package."
)
