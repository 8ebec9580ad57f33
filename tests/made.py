"""Made-up models with a real tokenizer and random weights: what hub, explanations, viewers and commands are tested on.

Nothing here depends on the weights of the shipped models, which change with every training.
"""

import json
import string
from functools import cache
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn

from glassformer.explain.reader import Reader
from glassformer.explain.trial import Trial
from glassformer.hub.store import SHIPPED, Checkpoint, export, save
from glassformer.hub.tokens import Tokens
from glassformer.models import heads
from glassformer.models.bert import Bert, BertConfig
from glassformer.models.gpt2 import Gpt2, Gpt2Config, Gpt2Writer
from glassformer.models.seq2seq import Translator, TranslatorConfig
from glassformer.models.simple import BagConfig, BagOfWords, Classifier, ClassifierConfig, Generator, TransformerConfig
from glassformer.parts.block import LayerNorm

SENTENCE = "this restaurant was not terrible"
TWO, THREE = ("negative", "positive"), ("sad", "plain", "glad")
WORDS = (
    "this that restaurant was is were not n't terrible good the food film service and but very it we they awful great "
    "horrible nice ca can ##ing ##ed"
).split()


def definition(words: list[str] = WORDS) -> str:
    """A tokenizer.json with few pieces, but each letter: everything in a–z can be read."""
    known = json.loads((SHIPPED / "sentiment" / "tokenizer.json").read_text())
    letters = [*string.ascii_lowercase, *(f"##{letter}" for letter in string.ascii_lowercase)]
    pieces = dict.fromkeys(["[PAD]", "[UNK]", "[MASK]", *",.!?'", *letters, *words])
    known["model"]["vocab"] = {piece: number for number, piece in enumerate(pieces)}
    return json.dumps(known)


def tokens() -> Tokens:
    return Tokens(definition())


def classifier(seed: int = 0, **changes) -> Classifier:
    """Random, with weights large enough that everything matters, and norms that are not the identity."""
    torch.manual_seed(seed)
    sizes = {"vocabulary": len(tokens()), "width": 12, "heads": 3, "layers": 2, "hidden": 20, "length": 40}
    model = Classifier(ClassifierConfig(**sizes | changes))
    return _stirred(model)


def bag(seed: int = 0, **changes) -> BagOfWords:
    torch.manual_seed(seed)
    return _stirred(BagOfWords(BagConfig(**{"vocabulary": len(tokens())} | changes)))


@torch.no_grad()
def _stirred(model: nn.Module):
    for parameter in model.parameters():
        parameter.normal_(0.0, 0.5)
    for part in model.modules():
        if isinstance(part, LayerNorm):
            part.gain.add_(1.0)
    return model.eval()


def reader(model: nn.Module | None = None, labels: tuple[str, ...] = TWO, name: str = "made") -> Reader:
    return Reader(Checkpoint(name, classifier() if model is None else model, tokens(), labels, Path()))


def trial(text: str = SENTENCE, model: nn.Module | None = None, labels: tuple[str, ...] = TWO) -> Trial:
    asked = reader(model, labels)
    return Trial(asked, asked.cut(text))


def folder(path: Path, model: nn.Module | None = None, labels: tuple[str, ...] = TWO) -> Path:
    """A saved model."""
    save(path, classifier() if model is None else model, definition(), "# Made\n\nFor a test.\n", labels)
    return path


# BERTs


SPECIALS = {
    "bert": {"pad": "[PAD]", "unk": "[UNK]", "mask": "[MASK]", "first": "[CLS]", "last": "[SEP]"},
    "roberta": {"pad": "<pad>", "unk": "<unk>", "mask": "<mask>", "first": "<s>", "last": "</s>"},
}


def framed(style: str = "bert", words: list[str] = WORDS) -> str:
    """A tokenizer.json that puts [CLS] and [SEP], or <s> and </s>, around one text or two."""
    known, called = json.loads(definition(words)), SPECIALS[style]
    plain = [piece for piece in known["model"]["vocab"] if not piece.startswith("[")]
    pieces = [*called.values(), *plain]
    numbers = {piece: number for number, piece in enumerate(pieces)}
    known["model"] |= {"vocab": numbers, "unk_token": called["unk"]}
    known["added_tokens"] = [
        {"id": numbers[name], "content": name, "single_word": False, "lstrip": False, "rstrip": False}
        | {"normalized": False, "special": True}
        for name in called.values()
    ]
    known["post_processor"] = _frame(called["first"], called["last"], numbers, twice=style == "roberta")
    return json.dumps(known)


def _frame(first: str, last: str, numbers: dict[str, int], twice: bool) -> dict:
    """[CLS] A [SEP] B [SEP], of which the second text has type 1; <s> A </s></s> B </s>, all of type 0."""

    def special(name: str, kind: int = 0) -> dict:
        return {"SpecialToken": {"id": name, "type_id": kind}}

    one = [special(first), {"Sequence": {"id": "A", "type_id": 0}}, special(last)]
    kind = 0 if twice else 1
    more = [special(last)] if twice else []
    two = [*one, *more, {"Sequence": {"id": "B", "type_id": kind}}, special(last, kind)]
    ids = {name: {"id": name, "ids": [numbers[name]], "tokens": [name]} for name in (first, last)}
    return {"type": "TemplateProcessing", "single": one, "pair": two, "special_tokens": ids}


def bert_tokens(style: str = "bert") -> Tokens:
    called = {f"{role}_token": name for role, name in SPECIALS[style].items() if role in ("pad", "unk", "mask")}
    return Tokens(framed(style), called, types=2 if style == "bert" else 1)


def bert(kind: type[Bert] = heads.Pooled, seed: int = 0, **changes) -> Bert:
    """Random, small, with weights large enough that everything matters."""
    torch.manual_seed(seed)
    sizes = {"vocabulary": len(bert_tokens()), "width": 12, "heads": 3, "layers": 2, "hidden": 20, "length": 40}
    return _stirred(kind(BertConfig(**sizes | changes)))


def bert_reader(kind: type[Bert] = heads.Pooled, style: str = "bert", how: dict | None = None, **changes) -> Reader:
    """how: fields of the checkpoint; changes: fields of the config."""
    roberta = {"types": 1, "first": 1} if style == "roberta" else {}
    model = bert(kind, **roberta | changes)
    labels = tuple(f"label {k}" for k in range(model.config.classes))
    fields = {"labels": TWO if len(labels) == 2 else THREE if len(labels) == 3 else labels} | (how or {})
    return Reader(Checkpoint("made", model, bert_tokens(style), folder=Path(), **fields))


def bert_trial(text: str = SENTENCE, second: str | None = None, joint: bool = False, **how) -> Trial:
    asked = bert_reader(**how)
    return Trial(asked, asked.cut(text, second, joint))


def bert_folder(path: Path, kind: type[Bert] = heads.Pooled, labels: tuple[str, ...] = TWO, **changes) -> Path:
    """A BERT in the Hugging Face format."""
    model = bert(kind, **{"classes": len(labels)} | changes)
    export(path, Checkpoint("made", model, bert_tokens(), labels, path))
    return path


# models that write


def generator(seed: int = 0, **changes) -> Generator:
    torch.manual_seed(seed)
    sizes = {"vocabulary": len(tokens()), "width": 12, "heads": 3, "layers": 2, "hidden": 20, "length": 40}
    return _stirred(Generator(TransformerConfig(**sizes | changes)))


@cache
def bytes_definition() -> str:
    """A tokenizer.json of bytes and their pairs, a space before a word in its piece, as GPT-2 has it."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    text = " ".join([SENTENCE, *WORDS] * 3)
    made.train_from_iterator(
        [text], trainers.BpeTrainer(vocab_size=340, initial_alphabet=alphabet, show_progress=False)
    )
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken("<|endoftext|>", special=True)])
    return made.to_str()


def gpt2(kind: type[Gpt2] = Gpt2Writer, seed: int = 0, **changes) -> Gpt2:
    torch.manual_seed(seed)
    pieces = len(Tokens(bytes_definition(), needs=()))
    sizes = {"vocabulary": pieces, "width": 12, "heads": 3, "layers": 2, "hidden": 20, "length": 40}
    return _stirred(kind(Gpt2Config(**sizes | changes)))


WRITERS = ("generator", "gpt2", "bert decoder")


def writer(name: str = "gpt2", stops: frozenset[int] = frozenset(), **changes) -> Reader:
    """A reader of each model that writes."""
    if name == "bert decoder":
        return bert_reader(heads.CausalLanguageModel, how={"stops": stops}, decoder=True, **changes)
    own = Tokens(bytes_definition(), needs=()) if name == "gpt2" else tokens()
    model = gpt2(**changes) if name == "gpt2" else generator(**changes)
    return Reader(Checkpoint("made", model, own, (), Path(), stops=stops))


def writer_trial(text: str = SENTENCE, name: str = "gpt2", **changes) -> Trial:
    asked = writer(name, **changes)
    return Trial(asked, asked.cut(text))


def translator(**changes) -> Translator:
    """The smallest translator, its weights drawn larger than they begin, so that every part has an effect."""
    sizes = {"width": 24, "heads": 3, "encoder_layers": 2, "layers": 2, "hidden": 40, "length": 48, "dropout": 0.0}
    torch.manual_seed(changes.pop("seed", 0))
    vocabulary = tokens()
    ids = {"padding": vocabulary.padding, "start": vocabulary.padding, "end": vocabulary.id(".")}
    model = Translator(TranslatorConfig(**{"vocabulary": len(vocabulary), **sizes, **ids} | changes)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * (0.3 if weight.dim() > 1 else 0.1))
    return model


def translate_reader(**changes) -> Reader:
    model = translator(**changes)
    return Reader(Checkpoint("made", model, tokens(), (), Path(), stops=frozenset({model.config.end})))


def translate_trial(text: str = SENTENCE, into: str | None = "it was good", at: int = 2, **changes) -> Trial:
    asked = translate_reader(**changes)
    return Trial(asked, asked.translation(text, into, at))
