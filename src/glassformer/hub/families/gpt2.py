"""GPT-2: Radford et al. 2019.  Its files hold q, k and v as one, and the maps of a block as (inputs, outputs)."""

import re
from typing import Any

from torch import nn

from glassformer.hub.families.family import Family, Rows
from glassformer.hub.fields import CHANCE, LAYERS, SWITCH, Field, number, one_of, or_none, whole
from glassformer.models.gpt2 import Gpt2, Gpt2Classifier, Gpt2Config, Gpt2Writer
from glassformer.models.losses import LOSSES
from glassformer.parts.block import ACTIVATIONS

QKV = ("layers.{n}.attention.q", "layers.{n}.attention.k", "layers.{n}.attention.v")
TURNED = True
BODY: Rows = (
    ("wte.weight", "embed.pieces.weight"),
    ("wpe.weight", "embed.positions.table"),
    ("h.{n}.ln_1", "layers.{n}.attention_norm"),
    ("h.{n}.attn.c_attn", QKV, TURNED),
    ("h.{n}.attn.c_proj", "layers.{n}.attention.out", TURNED),
    ("h.{n}.ln_2", "layers.{n}.mlp_norm"),
    ("h.{n}.mlp.c_fc", "layers.{n}.mlp.inward", TURNED),
    ("h.{n}.mlp.c_proj", "layers.{n}.mlp.outward", TURNED),
    ("ln_f", "finish"),
)
HEADS: Rows = (("lm_head.weight", "predict.weight"), ("score.weight", "classifier.weight"))
CLASSES: dict[str, type[nn.Module]] = {
    "Model": Gpt2,
    "LMHeadModel": Gpt2Writer,
    "ForSequenceClassification": Gpt2Classifier,
}
FIELDS = {
    "vocab_size": Field("vocabulary", whole(1)),
    "n_embd": Field("width", whole(1)),
    "n_layer": Field("layers", LAYERS),
    "n_head": Field("heads", whole(1)),
    "n_inner": Field("hidden", or_none(whole(1))),
    "activation_function": Field("activation", one_of(ACTIVATIONS)),
    "resid_pdrop": Field("dropout", CHANCE),
    "attn_pdrop": Field("attention_dropout", CHANCE),
    "embd_pdrop": Field("embed_dropout", CHANCE),
    "n_positions": Field("length", whole(1)),
    "initializer_range": Field("spread", number(0.0, 1e3)),
    "layer_norm_epsilon": Field("epsilon", number(0.0, 1.0)),
    "tie_word_embeddings": Field("tied", SWITCH),
    "scale_attn_weights": Field("scaled", SWITCH),
    "scale_attn_by_inverse_layer_idx": Field("by_layer", SWITCH),
    "problem_type": Field("problem", or_none(one_of(LOSSES))),
}


def _completed(values: dict[str, Any], classes: int) -> dict[str, Any]:
    """Without n_inner an MLP is four times as wide as the stream."""
    hidden = values.get("hidden") or 4 * values.get("width", Gpt2Config.width)
    return values | {"hidden": hidden, "classes": classes}


GPT2 = Family(
    name="gpt2",
    begins="GPT2",
    prefix="transformer.",
    config=Gpt2Config,
    classes=CLASSES,
    bodies=(Gpt2,),
    body=BODY,
    heads=HEADS,
    buffers=re.compile(r"(transformer\.)?h\.\d+\.attn\.(bias|masked_bias)"),  # who may look at whom, and −10000
    fields=FIELDS,
    only={"add_cross_attention": (False,), "reorder_and_upcast_attn": (False, True)},  # the latter rounds in float16
    completed=_completed,
)
