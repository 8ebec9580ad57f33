"""A model that writes: what character comes next?  The text is Shakespeare's, or your own.

The target of every position is the character after it, and no position looks ahead (Bloem 2019, "Text generation
transformer").  How good it is is told in bits per character.
"""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor, nn

from glassformer.errors import CheckpointError, MissingError, one_line
from glassformer.models.decoding import Until, sample, write
from glassformer.train.compression import compressed
from glassformer.train.data import read_texts
from glassformer.train.recipes import Characters
from glassformer.train.report import LICENCE, report
from glassformer.train.task import Outcome, Ran, Writes, accelerator

UNKNOWN = "[UNK]"  # id 0
SPLITS = "train", "validation", "test"
SHARES = 0.9, 0.95  # where validation and test begin, in a text of one's own
TEMPERATURE = 0.5
WRITTEN = 400  # characters of a sample on the card; a look shows half of it
PROMPT = "\n"


@dataclass(frozen=True)
class Texts:
    """What is learned, what is looked at meanwhile, and what is measured once.  given: what --data or --text was."""

    train: str
    validation: str
    test: str
    option: str


class Shakespeare(Writes[Characters]):
    """Random windows of one long text."""

    score = "bits per character of validation"

    def __init__(self, recipe: Characters, given: Path, seed: int):
        """given: the data folder, or the file of a text.  Raises MissingError, CheckpointError."""
        self.texts = read(given, recipe.length)
        self.names = ordered(self.texts.train)
        digest = hashlib.sha256("\0".join((self.texts.train, self.texts.validation, self.texts.test)).encode())
        super().__init__(recipe, seed, tokenizer(self.names).to_str(), len(self.names), digest.hexdigest())
        self.ids = {split: self.numbered(text) for split, text in vars(self.texts).items() if split in SPLITS}

    @property
    def device(self) -> torch.device:
        return accelerator()

    def numbered(self, text: str) -> Tensor:
        """The id of each character, 0 for one that the training text has not: (n,)."""
        numbers = {name: id for id, name in enumerate(self.names)}
        return torch.tensor([numbers.get(character, 0) for character in text], device=self.device)

    def windows(self) -> Tensor:
        """Windows of the training text, and the character after each: (b, n + 1).  Drawn by torch's generator."""
        ids, most = self.ids["train"], self.recipe.length
        starts = torch.randint(len(ids) - most, (self.recipe.batch, 1)).to(ids.device)  # b 1
        return ids[starts + torch.arange(most + 1, device=ids.device)]  # b n+1

    def batch(self, step: int) -> tuple[Tensor, ...]:
        """The windows are drawn by torch's generator, which the loop seeds for every step."""
        windows = self.windows()  # b n+1
        return windows[:, :-1], windows[:, 1:]

    def logits(self, model: nn.Module, *read: Tensor) -> Tensor:
        return model(*read)

    def look(self, model: nn.Module) -> tuple[dict[str, float], str]:
        return {"bits per character": self.bits(model, "validation")}, self.written(model, WRITTEN // 2)

    def bits(self, model: nn.Module, split: str) -> float:
        """Bits per character, exactly, over the whole split."""
        ids = self.ids[split]
        return compressed(model, ids, self.recipe.length, self.pieces) / len(ids)

    def written(self, model: nn.Module, most: int, prompt: str = PROMPT) -> str:
        """What the model makes of a prompt: the same every time."""
        model.eval()
        pick = sample(TEMPERATURE, generator=torch.Generator(self.device).manual_seed(self.seed))
        start = self.numbered(prompt if prompt in self.names else self.texts.train[0])[None]  # 1 n
        steps = write(model, start, pick=pick, until=Until(most=most, slide=True))
        return "".join(self.names[step.ids.item()] for step in steps).replace(UNKNOWN, "�").strip("\n")  # type: ignore[index]

    def measure(self, model: nn.Module, ran: Ran) -> Outcome:
        model.to(self.device)
        measured = {split: round(self.bits(model, split), 4) for split in SPLITS[1:]}
        figures: dict[str, Any] = {**measured}
        figures |= {f"{split} characters": len(ids) for split, ids in self.ids.items()}
        figures |= {f"{split} unknown": int((ids == 0).sum()) for split, ids in self.ids.items()}
        figures |= {"option": self.texts.option, "pieces": self.pieces}
        return self.outcome(model, ran, measured["validation"], figures, [self.written(model, WRITTEN)])

    @staticmethod
    def card(recipe: Characters, results: Sequence[Outcome], chosen: Outcome) -> str:
        told = chosen.figures
        end = LICENCE + (PUBLIC if told["option"] == "--data DATA" else OWN)
        parts = [_data(told), _bits(told), LIMITS, end]
        return report(recipe, results, chosen, Shakespeare.score, parts, f" {told['option']}")


def read(given: Path, window: int) -> Texts:
    """The three splits: of the data folder, or of a file, cut by characters.  Raises MissingError, CheckpointError."""
    if not given.is_file():
        folder = (read_texts(given, f"tiny_shakespeare/{split}") for split in SPLITS)
        texts, option = ["\n".join(rows) for rows in folder], "--data DATA"
    else:
        text, option = _plain(given), "--text FILE"
        at = [round(len(text) * share) for share in (0, *SHARES, 1)]
        texts = [text[start:end] for start, end in itertools.pairwise(at)]
    if short := next((name for name, text in zip(SPLITS, texts, strict=True) if len(text) <= window), None):
        length = len(texts[SPLITS.index(short)])
        raise CheckpointError(f"{given}: {short} has {length:,} characters, a window {window}; give a longer text")
    return Texts(texts[0], texts[1], texts[2], option)


def _plain(file: Path) -> str:
    try:
        return file.read_bytes().decode()
    except OSError as error:
        raise MissingError(f"cannot read {file}: {error.strerror}; give the file of a text") from None
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{file} is no UTF-8: {one_line(error, 80)}; save the text as UTF-8") from None


def ordered(text: str) -> list[str]:
    """What stands for an unknown character, then every character of `text` in the order of its code."""
    return [UNKNOWN, *sorted(set(text))]


def tokenizer(names: Sequence[str]) -> Tokenizer:
    """Every character is a piece, line ends and spaces too; an unknown one comes back as �."""
    made = Tokenizer(models.WordLevel({name: id for id, name in enumerate(names)}, unk_token=UNKNOWN))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")  # type: ignore[assignment]
    made.decoder = decoders.Sequence([decoders.Replace(UNKNOWN, "�"), decoders.Fuse()])  # type: ignore[assignment]
    return made


def _data(told: dict) -> str:
    rows = [f"| {split} | {told[f'{split} characters']:,} | {told[f'{split} unknown']:,} |" for split in SPLITS]
    table = "\n".join(["| split | characters | of these unknown in train |", "|---|---|---|", *rows])
    what = "tiny Shakespeare, cut 90/5/5 by characters, in order" if told["option"] == "--data DATA" else "a text file"
    return f"## Data\n\nThe text: {what}.\n\n{table}"


def _bits(told: dict) -> str:
    return (
        f"## Bits per character\n\nvalidation {told['validation']:.3f}, test {told['test']:.3f}.\n\n"
        "Exact, over the whole split: windows overlap by half and of each the later half counts, so that every "
        "character is predicted once, from at least half a window before it (less where the split begins; the first of "
        f"all costs log₂ {told['pieces']} bits)."
    )


LIMITS = """\
## Limits

It knows how such text looks, and next to nothing of what it says.  A character that the training text has not is
unknown to it.  Positions beyond a window were never learned: a longer text is written with the oldest left behind."""
PUBLIC = "  They were learned from a text in the public domain."
OWN = "  What they owe to the text they were learned from is for whoever gave it to say."
