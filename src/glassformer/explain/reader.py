"""A model and its tokenizer, asked about text."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from glassformer.errors import UsageError, one_line
from glassformer.explain.answers import Embedding, Filled, Said
from glassformer.explain.batch import Translation, batch_of
from glassformer.explain.classifies import classifier
from glassformer.explain.embeds import Embeds, can_embed
from glassformer.explain.encoder import TOGETHER, Encoder, chunks
from glassformer.explain.fills import Fills
from glassformer.explain.kind import Kind
from glassformer.explain.predicts import TOP
from glassformer.explain.translated import Interpreter, Rendering, Way
from glassformer.explain.translates import Translates
from glassformer.explain.writes import Writes
from glassformer.explain.written import How, Writer, Writing
from glassformer.hub.store import Checkpoint, export, load
from glassformer.hub.tokens import Pieces
from glassformer.models.bert import Bert
from glassformer.models.gpt2 import Gpt2, Gpt2Classifier, Gpt2Writer
from glassformer.models.heads import (
    CausalLanguageModel,
    MaskedLanguageModel,
    NextSentence,
    PreTraining,
    SequenceClassification,
)
from glassformer.models.seq2seq import Translator
from glassformer.models.simple import Generator
from glassformer.parts.kernels.linear import FROM as LARGE
from glassformer.parts.kernels.linear import available
from glassformer.parts.kernels.prepared import prepare
from glassformer.tape import Edit, listen

MOST_PIECES = 4096  # for a model that has no length of its own
WINDOW = 2048  # texts sorted by length together
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
COMPANIONS = ("bag-of-words", "sentiment-plain")  # shipped models that an explanation stands beside
Item = TypeVar("Item")
Text = str | tuple[str, str]  # one, or two that belong together


class Reader:
    """A model of text.  What it answers is its `kind`: a label, a vector, the pieces that may stand at a mask.

    reader("this restaurant was not terrible").label
    reader.explain("this restaurant was not terrible").show()
    reader.embed(["one text", "another"])
    reader.fill("the food was [MASK]")
    reader.generate("the food was", most=20)
    """

    def __init__(self, checkpoint: Checkpoint, given: str | None = None):
        """given: what --model takes to find it again."""
        self.name, self.model, self.tokens = checkpoint.name, checkpoint.model, checkpoint.tokens
        self.checkpoint, self.given = checkpoint, given or checkpoint.name
        self.kind = _kind(checkpoint)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.kind.labels

    @property
    def config(self) -> Any:
        """The frozen dataclass of the model's sizes."""
        return self.model.config

    @property
    def longest(self) -> int:
        """The most pieces the model can read at once."""
        own = getattr(self.config, "longest", None) or getattr(self.config, "length", MOST_PIECES)
        return min(own, self.checkpoint.most or own)

    def cut(self, text: str, second: str | None = None, joint: bool = False) -> Pieces:
        """The pieces that the model reads.  Raises UsageError where there is nothing to read.

        joint: two texts in one row that look at each other, where the model would read each on its own.
        """
        no_mask = isinstance(self.kind, Fills) and not self.kind.has_mask(text, second)
        kind = Embeds(self.checkpoint) if no_mask else self.kind
        return kind.cut(text, self.longest, second, joint)

    def __call__(self, text: str, second: str | None = None) -> Any:
        """Answer one text, or two together.  Raises UsageError where there is nothing to read."""
        return self.answer(self.cut(text, second))

    def answer(self, pieces: Pieces) -> Said:
        """Answer a text that is cut into pieces already."""
        return self._answer_all([pieces])[0]

    def explain(
        self,
        text: str,
        second: str | None = None,
        joint: bool = False,
        beside: tuple[str, ...] = COMPANIONS,
        of: str | None = None,
        at: int = 0,
    ):
        """What the model makes of `text`, and of a `second`, next to what the models named `beside` make of it: an
        `Explanation`.  of: the next piece that is asked about, instead of the likeliest.  Of a translator, second is
        what is written of the text, instead of its own translation, and at: which piece of that is asked about, from 0.
        Raises UsageError where there is nothing to read.
        """
        from glassformer.explain.explanation import Explanation

        others = () if second is not None else tuple(name for name in beside if name != self.name)
        translates = at or isinstance(self.kind, Translates)
        pieces = self.translation(text, second, at) if translates else self.cut(text, second, joint)
        return Explanation(self, pieces, others, of)

    def translation(self, text: str, into: str | None = None, at: int = 0) -> Translation:
        """What is written of `text`, its own translation or `into`; at: the piece that is asked about.  Raises
        UsageError.
        """
        if not isinstance(self.kind, Translates):
            raise UsageError(f"{self.name} {self.kind.what}: only a translator is asked what it writes of a text")
        pieces = self.kind.cut(text, self.longest, into)
        if not 0 <= at < len(pieces.ids):
            raise UsageError(f"there is no piece {at}: {len(pieces.ids)} are written, the end included, from 0")
        return replace(pieces, at=at)

    def stream(self, texts: Iterable[Text]) -> Iterator[Any]:
        """Answer any number of texts, in their order, in bounded memory.

        A text with nothing to read gets an answer without a label instead of an error.
        """
        self.kind.need("classify")
        for window in in_batches(texts, WINDOW):
            yield from self.answer_all(window)

    def answer_all(self, texts: list[Text]) -> list[Any]:
        """Answer `texts`, in their order.  Those of like length are read together."""
        cut = _cut_all(self, texts)
        answers: dict[int, Said] = {}
        for numbers in chunks([max(1, len(pieces.ids)) for pieces in cut], TOGETHER):
            answers.update(zip(numbers, self._answer_all([cut[k] for k in numbers]), strict=True))
        return [answers[k] for k in range(len(texts))]

    @torch.inference_mode()
    def _answer_all(self, cut: list[Pieces]) -> list[Said]:
        kind, batch = self.kind_of(cut[0]), batch_of(cut, self.tokens)
        return kind.answers(cut, batch, kind.run(batch))

    def kind_of(self, pieces: Pieces) -> Kind:
        """How it is asked about a text: by its vector, where it says nothing of a text without a mask."""
        no_mask = isinstance(self.kind, Fills) and self.tokens.mask not in pieces.ids
        return Embeds(self.checkpoint) if no_mask else self.kind

    @cached_property
    def encoder(self) -> Encoder:
        """Texts to vectors.  Raises UsageError for a model that has none."""
        if not can_embed(self.model):
            raise UsageError(f"{self.name} {self.kind.what} and is no BERT; embed needs one")
        return Encoder(self.checkpoint)

    def embed(self, texts: list[str]) -> Tensor:
        """One vector a text: float32 (texts, width); zeros for a text with nothing to read.  Raises UsageError."""
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise UsageError("embed takes a list of texts: embed([text])")
        return self.encoder.encode([_whole(text) for text in texts])

    def embeddings(self, texts: Iterable[str]) -> Iterator[Embedding]:
        """One vector a text, for any number of them, in their order, in bounded memory; an empty one where there is
        nothing to read.
        """
        for window in in_batches(texts, WINDOW):
            yield from self._embeddings([_whole(text) for text in window])

    def _embeddings(self, texts: list[str]) -> Iterator[Embedding]:
        rows = self.tokens.encode_many(texts, self.encoder.most)
        for text, row, vector in zip(texts, rows, self.encoder.encode_ids(rows).tolist(), strict=True):
            known = self.encoder.readable(row)
            full = len(row) == self.encoder.most
            left_out = self.tokens.cut_many([text], self.encoder.most)[0].left_out if full else 0
            yield Embedding(text, vector if known else [], left_out)

    def fills(self, texts: Iterable[str], top: int = TOP) -> Iterator[Filled]:
        """`fill` for any number of texts, in their order; no candidates where there is no mask."""
        self.kind.need("fill")
        for window in in_batches(texts, WINDOW):
            cut = [self._cut_or_none(_whole(text)) for text in window]
            filled: dict[int, Filled] = {}
            for numbers in chunks([0 if pieces is None else len(pieces.ids) for pieces in cut], TOGETHER):
                asked = [pieces for k in numbers if (pieces := cut[k]) is not None]
                filled.update(zip(numbers, self._fill_all(asked, top), strict=True))
            yield from (filled.get(k) or Filled(text, []) for k, text in enumerate(window))

    def _cut_or_none(self, text: str) -> Pieces | None:
        try:
            return self.kind.cut(text, self.longest)
        except UsageError:
            return None

    @torch.inference_mode()
    def _fill_all(self, cut: list[Pieces], top: int) -> list[Any]:
        assert isinstance(self.kind, Fills)
        batch = batch_of(cut, self.tokens)
        return self.kind.answers(cut, batch, self.kind.run(batch), top)

    def generate(self, prompt: str | list[str], **how: Any) -> Any:
        """What the model writes behind `prompt`, `Written`; of a list of prompts a list.

        how: fields of `written.How`: most, temperature, top_k, top_p, beams, seed, stop, slide, choices.  Raises
        UsageError where the model does not write, for an empty prompt, and for one that is too long.
        """
        one = isinstance(prompt, str)
        written = self.writer.all([prompt] if one else prompt, How.of(how))
        return written[0] if one else written

    def stream_text(self, prompt: str, **how: Any) -> Writing:
        """The same as it comes: iterate for text of whole characters; `written` is what there is so far."""
        return self.writer.start(prompt, How.of(how))

    def translate(self, text: str | list[str], **way: Any) -> Any:
        """What the model writes of `text`, `Rendering`; of a list of texts a list.

        way: fields of `translated.Way`: most, beams, length_penalty, to, origin and those of `generate`.  Raises
        UsageError where the model does not translate, for an empty text, and for one that is too long.
        """
        asked = Way.of(way)
        return self.interpreter.render(text, asked) if isinstance(text, str) else list(self.translations(text, asked))

    def translations(self, texts: Iterable[str], way: Way = Way()) -> Iterator[Rendering]:  # noqa: B008 (it never changes)
        """The same for any number of texts, in their order, those of like length together; of a text that is too long
        as much as is read.
        """
        interpreter = self.interpreter
        for window in in_batches(map(_whole, texts), WINDOW):
            lengths = [1 + len(ids) for ids in self.tokens.encode_many(window, self.longest)]
            done: dict[int, Rendering] = {}
            for numbers in chunks(lengths, TOGETHER):
                done.update(zip(numbers, interpreter.together([window[k] for k in numbers], way), strict=True))
            yield from (done[k] for k in range(len(window)))

    def stream_translation(self, text: str, **way: Any) -> Writing:
        """One translation as it comes: iterate for text; `written` is what there is so far."""
        return self.interpreter.begin(text, Way.of(way))

    @property
    def interpreter(self) -> Interpreter:
        """What translates texts.  Raises UsageError for a model that does not."""
        self.kind.need("translate")
        assert isinstance(self.kind, Translates)
        return Interpreter(self.checkpoint, self.kind, self.longest)

    @property
    def writer(self) -> Writer:
        """What continues texts.  Raises UsageError for a model that does not."""
        self.kind.need("generate")
        assert isinstance(self.kind, Writes)
        return Writer(self.checkpoint, self.kind, self.longest)

    def fill(self, text: str, second: str | None = None, top: int = TOP) -> Filled:
        """What may stand at each [MASK] of `text`, the `top` likeliest pieces.  Raises UsageError without a mask."""
        self.kind.need("fill")
        return self._fill_all([self.kind.cut(text, self.longest, second)], top)[0]

    def show(self) -> None:
        """Print what the model is, and which verbs take it."""
        from glassformer.explain.explanation import show_model

        show_model(self)

    def __repr__(self) -> str:
        return f"<Reader {self.name}: {self.kind.what}>"


def _kind(checkpoint: Checkpoint) -> Kind:
    """What a model does, by its class."""
    model = checkpoint.model
    if isinstance(model, MaskedLanguageModel | PreTraining):
        return Fills(checkpoint)
    if isinstance(model, SequenceClassification | NextSentence | Gpt2Classifier):
        return classifier(checkpoint)
    writes = isinstance(model, CausalLanguageModel) and not model.config.cross
    if writes or isinstance(model, Gpt2Writer | Generator | Translator):
        return (Translates if isinstance(model, Translator) else Writes)(checkpoint)
    if isinstance(model, Gpt2):
        raise UsageError(f"{checkpoint.name} is a GPT-2 that says nothing: load it with head='Gpt2Writer'")
    if can_embed(model):
        return Embeds(checkpoint)
    if isinstance(model, Bert):
        raise UsageError(
            f"{checkpoint.name} is a decoder that looks at a source; it cannot be asked about a text alone"
        )
    if len(checkpoint.labels) > 1 and hasattr(model.config, "classes"):
        return classifier(checkpoint)
    raise UsageError(f"{checkpoint.name} does not classify text, and is no BERT; choose a model that does, or is")


def _cut_all(reader: Reader, texts: list[Text]) -> list[Pieces]:
    pairs = [(each, None) if isinstance(each, str) else each for each in texts]
    firsts = [_whole(first) for first, _ in pairs]
    seconds = [_whole(second) for _, second in pairs if second is not None]
    if seconds and len(seconds) < len(pairs):
        raise UsageError("some texts have a second one and some have none; give it to all or to none")
    return reader.tokens.cut_many(firsts, reader.longest, seconds or None)


def read(name: str | Path, allow_pickle: bool = False, precision: str = "float32") -> Reader:
    """The reader of a shipped model, of a folder, or of an id on the hub.

    allow_pickle: read an old pytorch_model.bin too.  precision: of answers, a key of PRECISIONS; what a tape hears, and
    so every explanation, is float32.  Raises MissingError, CheckpointError, UsageError.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"precision {one_line(precision, 40)!r} is not known; choose {' or '.join(PRECISIONS)}")
    checkpoint = load(name, allow_pickle=allow_pickle)
    made = Reader(checkpoint, str(name))
    width = PRECISIONS[precision]
    helps = available(width) or "generate" in made.kind.verbs  # without bfloat16 only writing piece by piece is faster
    if precision != "float32" and not helps:
        raise UsageError(f"this processor has no {precision}, and {checkpoint.name} does not write; leave it out")
    prepared = _pays(checkpoint.model) and prepare(checkpoint.model, width)
    if precision != "float32" and not prepared:
        raise UsageError(
            f"{checkpoint.name} is not prepared for {precision}: it is small, or of another kind; leave it out"
        )
    return made


def _pays(model: nn.Module) -> bool:
    """Whether laying its weights out is worth the memory: in small models nothing is saved."""
    return isinstance(model, Bert | Gpt2 | Translator) and model.config.width * model.config.hidden >= LARGE


def export_of(folder: str | Path, model: "Reader | Checkpoint") -> None:
    """Save a BERT or a GPT-2, as `load` gave it, in the Hugging Face format.  Raises WriteError, UsageError."""
    export(folder, model.checkpoint if isinstance(model, Reader) else model)


@lru_cache
def companion(name: str) -> Reader:
    """A shipped model's reader, kept: it stands beside every explanation, and nobody changes it."""
    return read(name)


def listen_to(model: Reader | nn.Module, keep: str | tuple[str, ...] = "*", edit: Mapping[str, Edit] | None = None):
    """`listen` to a reader or to a bare model: `with gf.listen(m, "*.weights") as tape: m("text")`."""
    return listen(model.model if isinstance(model, Reader) else model, keep, edit)


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """`items`, `size` at a time."""
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch


def _whole(text: str) -> str:
    """`text` with half characters, which no model can read, replaced, so that a stream goes on."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)
