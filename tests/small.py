"""The smallest models that have everything.  Every axis has a size of its own, so that no two can be confused."""

import torch
from torch import Tensor

from glassformer.models.bert import Bert, BertConfig
from glassformer.models.gpt2 import Gpt2, Gpt2Config, Gpt2Writer
from glassformer.models.heads import CausalLanguageModel
from glassformer.models.seq2seq import Translator, TranslatorConfig
from glassformer.models.simple import BagConfig, BagOfWords, Classifier, ClassifierConfig, Generator, TransformerConfig

SIZES = {"b": 2, "h": 3, "d": 4, "n": 5, "i": 5, "j": 5, "f": 6, "c": 7, "v": 11, "w": 12, "m": 20}
CORE = {"vocabulary": SIZES["v"], "width": SIZES["w"], "heads": SIZES["h"], "hidden": SIZES["m"], "length": 9}


def classifier(**changes) -> Classifier:
    return Classifier(ClassifierConfig(**CORE | {"classes": SIZES["c"]} | changes)).eval()


def generator(**changes) -> Generator:
    return Generator(TransformerConfig(**CORE | changes)).eval()


def bag() -> BagOfWords:
    model = BagOfWords(BagConfig(vocabulary=SIZES["v"], classes=SIZES["c"]))
    torch.nn.init.normal_(model.weight.weight)
    torch.nn.init.normal_(model.bias)
    return model.eval()


def config(**changes) -> BertConfig:
    return BertConfig(**CORE | {"layers": 2, "classes": SIZES["c"], "types": 2, "spread": 0.5} | changes)


def bert(kind: type[Bert] = Bert, **changes) -> Bert:
    return _mattering(kind, config(**changes))


def gpt2(kind: type[Gpt2] = Gpt2, **changes) -> Gpt2:
    return _mattering(kind, Gpt2Config(**CORE | {"layers": 2, "classes": SIZES["c"], "spread": 0.5} | changes))


def translator(**changes) -> Translator:
    return _mattering(
        Translator, TranslatorConfig(**CORE | {"encoder_layers": 2, "layers": 2, "dropout": 0.0} | changes)
    )


WRITERS = {  # all that remember what they have read
    "generator": generator,
    "gpt2": lambda: gpt2(Gpt2Writer),
    "bert": lambda: bert(CausalLanguageModel, decoder=True),
    "bert, distances": lambda: bert(CausalLanguageModel, decoder=True, positions="relative_key"),
    "bert, distances of both": lambda: bert(CausalLanguageModel, decoder=True, positions="relative_key_query"),
    "translator": translator,
}


def _mattering(kind, config):
    """Random, with weights large enough that everything matters, biases that are not 0, norms not the identity."""
    torch.manual_seed(0)
    model = kind(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 1:
                weight.normal_(float(name.endswith("gain")), 0.3)
    return model


def ids() -> Tensor:
    return torch.arange(SIZES["b"] * SIZES["n"]).view(SIZES["b"], SIZES["n"]) % SIZES["v"]


def real() -> Tensor:
    """The first sentence is full, the second has two pieces of padding."""
    return torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
