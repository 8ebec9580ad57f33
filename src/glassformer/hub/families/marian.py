"""Marian's translators: Junczys-Dowmunt et al. 2018, as the OPUS-MT models are published.

Encoder and decoder share one vocabulary and one table of vectors; the positions are sines, and in no file.
"""

import re

from glassformer.hub.families.family import Family, Rows
from glassformer.hub.fields import CHANCE, LAYERS, SWITCH, Field, one_of, whole
from glassformer.models.seq2seq import Translator, TranslatorConfig
from glassformer.parts.block import ACTIVATIONS

BODY: Rows = (  # of the decoder; the encoder's are called alike
    ("shared.weight", "embed.pieces.weight"),
    ("decoder.embed_tokens.weight", "embed.pieces.weight"),
    ("decoder.layers.{n}.self_attn.q_proj", "layers.{n}.attention.q"),
    ("decoder.layers.{n}.self_attn.k_proj", "layers.{n}.attention.k"),
    ("decoder.layers.{n}.self_attn.v_proj", "layers.{n}.attention.v"),
    ("decoder.layers.{n}.self_attn.out_proj", "layers.{n}.attention.out"),
    ("decoder.layers.{n}.self_attn_layer_norm", "layers.{n}.attention_norm"),
    ("decoder.layers.{n}.fc1", "layers.{n}.mlp.inward"),
    ("decoder.layers.{n}.fc2", "layers.{n}.mlp.outward"),
    ("decoder.layers.{n}.final_layer_norm", "layers.{n}.mlp_norm"),
)
ROW = True  # (1, v) in files, (v,) here
HEADS: Rows = (("lm_head.weight", "predict.weight"), ("final_logits_bias", "predict.bias", False, ROW))
ALIKE = (
    (("decoder.layers.{n}.self_attn", "decoder.layers.{n}.encoder_attn"), ("attention", "cross")),
    (("decoder.", "encoder."), ("layers.", "encoder.layers.")),
)
FIELDS = {
    "vocab_size": Field("vocabulary", whole(1)),
    "d_model": Field("width", whole(1)),
    "encoder_layers": Field("encoder_layers", LAYERS),
    "decoder_layers": Field("layers", LAYERS),
    "encoder_attention_heads": Field("encoder_heads", whole(1)),
    "decoder_attention_heads": Field("heads", whole(1)),
    "encoder_ffn_dim": Field("encoder_hidden", whole(1)),
    "decoder_ffn_dim": Field("hidden", whole(1)),
    "activation_function": Field("activation", one_of(ACTIVATIONS)),
    "dropout": Field("dropout", CHANCE),
    "attention_dropout": Field("attention_dropout", CHANCE),
    "max_position_embeddings": Field("length", whole(1)),
    "scale_embedding": Field("scaled", SWITCH),
    "pad_token_id": Field("padding", whole(0)),
    "decoder_start_token_id": Field("start", whole(0)),
    "eos_token_id": Field("end", whole(0)),
}
SAYS = {
    "vocabulary": 58101,
    "width": 1024,
    "encoder_layers": 12,
    "layers": 12,
    "encoder_heads": 16,
    "heads": 16,
    "encoder_hidden": 4096,
    "hidden": 4096,
    "activation": "gelu",
    "length": 1024,
    "scaled": False,
    "padding": 58100,
    "start": 58100,
    "end": 0,
}
ONLY = {
    "is_encoder_decoder": (True,),
    "share_encoder_decoder_embeddings": (True,),
    "tie_word_embeddings": (True,),
    "static_position_embeddings": (True,),
    "normalize_before": (False,),
    "normalize_embedding": (False,),
    "add_final_layer_norm": (False,),
    "activation_dropout": (0, 0.0),
}


MARIAN = Family(
    name="marian",
    begins="Marian",
    prefix="model.",
    config=TranslatorConfig,
    classes={"MTModel": Translator},
    bodies=(),
    body=BODY,
    heads=HEADS,
    alike=ALIKE,
    buffers=re.compile(r"model\.(encoder|decoder)\.embed_positions\.weight"),  # sines and cosines
    fields=FIELDS,
    says=SAYS,
    fixed={"block": "post", "positions": "marian", "bias": True, "tied": True},
    only=ONLY,
    roles=("padding", "unknown", "end"),
)
