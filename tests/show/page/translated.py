"""A picture of an encoder and a decoder, as docs/page.md has it, from a small random pair of Berts: real numbers."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from glassformer.parts.attention import Memory
from glassformer.tape import listen
from tests import small

SOURCE = ("the", "animal", "did", "n't", "cross")
TARGET = ("das", "Tier", "ging", "nicht")
HEADS = small.SIZES["h"]
LAYERS = 2


PLACES = {
    "encoder_heads": "encoder.layers.{}.attention.z",
    "cross_heads": "layers.{}.cross.z",
    "heads": "layers.{}.attention.z",
}


class Pair(nn.Module):
    """An encoder, and a decoder that looks at what it made of the source: the smallest translator."""

    def __init__(self):
        super().__init__()
        self.encoder = small.bert(layers=LAYERS)
        decoder = small.bert(layers=LAYERS, decoder=True, cross=True)
        self.embed, self.layers = decoder.embed, decoder.layers

    def forward(self, read: Tensor, written: Tensor) -> Tensor:
        look = torch.ones(1, 1, len(TARGET), len(TARGET), dtype=torch.bool).tril()
        places = torch.arange(len(TARGET))[None]
        embedded = self.embed(written, torch.zeros_like(written), places)  # b n w
        return self.layers(embedded, look, Memory(self.encoder(read)))  # b n w


def translated() -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The picture, and what was on the tape: the weights that the page computes from q and k."""
    pair = Pair().eval()
    read, written = (torch.arange(len(names))[None] for names in (SOURCE, TARGET))
    with torch.no_grad(), listen(pair) as tape:
        before = pair(read, written)[0, -1, 0]
    effects = {name: {"zero": _off(pair, read, written, place, before)} for name, place in PLACES.items()}
    kept = {name: value[0].numpy() for name, value in tape.items() if name.rsplit(".", 1)[-1] in ("q", "k", "v")}
    look = np.tril(np.ones((len(TARGET), len(TARGET)), dtype=np.float32))
    answer = {"says": "", "share": None, "value": before.item(), "probability": None}
    return {
        **_header(),
        "effects": effects,
        "before": before.item(),
        "answer": answer,
        "arrays": {**kept, "look": look},
    }, dict(tape)


def _off(pair: Pair, read: Tensor, written: Tensor, place: str, before: Tensor) -> list[list[float]]:
    """The change of the first number of the last position when each head, one after the other, gives zeros."""

    def after(layer: int, head: int) -> float:
        def silenced(z: Tensor) -> Tensor:  # b h n d
            return z * (torch.arange(HEADS) != head).view(1, -1, 1, 1)

        with torch.no_grad(), listen(pair, keep=(), edit={place.format(layer): silenced}):
            return (pair(read, written)[0, -1, 0] - before).item()

    return [[after(layer, head) for head in range(HEADS)] for layer in range(LAYERS)]


def _header() -> dict[str, Any]:
    """What a page needs to know of it."""
    heads = [HEADS] * LAYERS
    places = list(range(len(TARGET)))
    model = {"name": "pair", "given": "pair", "what": "translates", "layers": LAYERS, "heads": heads}
    return {
        "schema": 1,
        "kind": "picture",
        "text": " ".join(TARGET),
        "second": None,
        "read": "",
        "pieces": list(TARGET),
        "word_of": places,
        "words": list(TARGET),
        "word_pieces": [[k] for k in places],
        "specials": [],
        "special_pieces": [],
        "source_text": " ".join(SOURCE),
        "source_pieces": list(SOURCE),
        "model": {**model, "encoder": {"layers": LAYERS, "heads": heads}, "cross_heads": heads},
        "metric": {"name": "first number", "sides": None, "estimate": "", "blank": "[MASK]"},
        "told": None,
        "cells": {"exact": []},
    }
