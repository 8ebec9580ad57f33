"""BERT and two of its children, RoBERTa and DistilBERT: Devlin et al. 2019, Liu et al. 2019, Sanh et al. 2019.

A norm's weight and bias are called `gamma` and `beta` in files of 2018.
"""

import re
from dataclasses import replace
from typing import Any

from torch import nn

from glassformer.hub.families.family import Family, Rows
from glassformer.hub.fields import CHANCE, LAYERS, SWITCH, Field, number, one_of, or_none, spelt, whole
from glassformer.models import heads
from glassformer.models.bert import POSITIONS, PROBLEMS, Bert, BertConfig
from glassformer.parts.block import ACTIVATIONS

BODY: Rows = (
    ("embeddings.word_embeddings.weight", "embed.pieces.weight"),
    ("embeddings.position_embeddings.weight", "embed.positions.table"),
    ("embeddings.token_type_embeddings.weight", "embed.types.weight"),
    ("embeddings.LayerNorm", "embed.norm"),
    ("encoder.layer.{n}.attention.self.query", "layers.{n}.attention.q"),
    ("encoder.layer.{n}.attention.self.key", "layers.{n}.attention.k"),
    ("encoder.layer.{n}.attention.self.value", "layers.{n}.attention.v"),
    ("encoder.layer.{n}.attention.self.distance_embedding.weight", "layers.{n}.attention.nearness.table"),
    ("encoder.layer.{n}.attention.output.dense", "layers.{n}.attention.out"),
    ("encoder.layer.{n}.attention.output.LayerNorm", "layers.{n}.attention_norm"),
    ("encoder.layer.{n}.intermediate.dense", "layers.{n}.mlp.inward"),
    ("encoder.layer.{n}.output.dense", "layers.{n}.mlp.outward"),
    ("encoder.layer.{n}.output.LayerNorm", "layers.{n}.mlp_norm"),
    ("pooler.dense", "pooler.linear"),
)
DISTILBERT_BODY: Rows = (
    ("embeddings.word_embeddings.weight", "embed.pieces.weight"),
    ("embeddings.position_embeddings.weight", "embed.positions.table"),
    ("embeddings.LayerNorm", "embed.norm"),
    ("transformer.layer.{n}.attention.q_lin", "layers.{n}.attention.q"),
    ("transformer.layer.{n}.attention.k_lin", "layers.{n}.attention.k"),
    ("transformer.layer.{n}.attention.v_lin", "layers.{n}.attention.v"),
    ("transformer.layer.{n}.attention.out_lin", "layers.{n}.attention.out"),
    ("transformer.layer.{n}.sa_layer_norm", "layers.{n}.attention_norm"),
    ("transformer.layer.{n}.ffn.lin1", "layers.{n}.mlp.inward"),
    ("transformer.layer.{n}.ffn.lin2", "layers.{n}.mlp.outward"),
    ("transformer.layer.{n}.output_layer_norm", "layers.{n}.mlp_norm"),
)
ANSWERS: Rows = (("classifier", "classifier"), ("qa_outputs", "classifier"))  # what the heads of all three share
BERT_HEADS: Rows = (
    ("cls.predictions.transform.dense", "predict.transform"),
    ("cls.predictions.transform.LayerNorm", "predict.norm"),
    ("cls.predictions.decoder.weight", "predict.weight"),
    ("cls.predictions.bias", "predict.bias"),
    ("cls.predictions.decoder.bias", "predict.bias"),
    ("cls.seq_relationship", "follows"),
)
ROBERTA_HEADS: Rows = (
    ("lm_head.dense", "predict.transform"),
    ("lm_head.layer_norm", "predict.norm"),
    ("lm_head.decoder.weight", "predict.weight"),
    ("lm_head.bias", "predict.bias"),
    ("lm_head.decoder.bias", "predict.bias"),
    ("classifier.dense", "pooler.linear"),
    ("classifier.out_proj", "classifier"),
)
DISTILBERT_HEADS: Rows = (
    ("vocab_transform", "predict.transform"),
    ("vocab_layer_norm", "predict.norm"),
    ("vocab_projector", "predict"),
    ("pre_classifier", "pooler.linear"),
)
CLASSES: dict[str, type[nn.Module]] = {
    "Model": heads.Pooled,
    "ForPreTraining": heads.PreTraining,
    "LMHeadModel": heads.CausalLanguageModel,
    "ForCausalLM": heads.CausalLanguageModel,
    "ForMaskedLM": heads.MaskedLanguageModel,
    "ForNextSentencePrediction": heads.NextSentence,
    "ForSequenceClassification": heads.SequenceClassification,
    "ForMultipleChoice": heads.MultipleChoice,
    "ForTokenClassification": heads.TokenClassification,
    "ForQuestionAnswering": heads.QuestionAnswering,
}
PAIRED = (heads.PreTraining, heads.NextSentence)


def _pruned(value: Any) -> bool:
    """{"2": [0, 3]}: layer 2 lost its heads 0 and 3."""
    return not value or (
        isinstance(value, dict)
        and all(re.fullmatch(r"\d{1,4}", layer) and isinstance(off, list) for layer, off in value.items())
        and all(type(head) is int and head >= 0 for off in value.values() for head in off)
    )


FIELDS = {
    "vocab_size": Field("vocabulary", whole(1)),
    "hidden_size": Field("width", whole(1)),
    "num_hidden_layers": Field("layers", LAYERS),
    "num_attention_heads": Field("heads", whole(1)),
    "intermediate_size": Field("hidden", whole(1)),
    "hidden_act": Field("activation", one_of(ACTIVATIONS)),
    "hidden_dropout_prob": Field("dropout", CHANCE),
    "attention_probs_dropout_prob": Field("attention_dropout", CHANCE),
    "classifier_dropout": Field("head_dropout", or_none(CHANCE)),
    "max_position_embeddings": Field("length", whole(1)),
    "type_vocab_size": Field("types", whole(1)),
    "initializer_range": Field("spread", number(0.0, 1e3)),
    "layer_norm_eps": Field("epsilon", number(0.0, 1.0)),
    "pad_token_id": Field("padding", whole(0)),
    "position_embedding_type": Field("positions", one_of(POSITIONS)),
    "is_decoder": Field("decoder", SWITCH),
    "add_cross_attention": Field("cross", SWITCH),
    "chunk_size_feed_forward": Field("chunk", whole(0)),
    "tie_word_embeddings": Field("tied", SWITCH),
    "problem_type": Field("problem", or_none(one_of(PROBLEMS))),
    "pruned_heads": Field(
        "pruned",
        (_pruned, "a table from layer to heads"),
        lambda value: tuple(sorted((int(k), tuple(sorted(set(off)))) for k, off in (value or {}).items() if off)),
        lambda pruned: {str(layer): list(off) for layer, off in pruned},
    ),
}
SPELT = {  # DistilBERT's own words
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "intermediate_size": "hidden_dim",
    "hidden_act": "activation",
    "hidden_dropout_prob": "dropout",
    "attention_probs_dropout_prob": "attention_dropout",
    "classifier_dropout": "seq_classif_dropout",
}


def _completed(values: dict[str, Any], classes: int) -> dict[str, Any]:
    found = BertConfig(**values | {"classes": classes})
    if found.padding >= found.vocabulary:
        raise ValueError(f"pad_token_id is {found.padding}, vocab_size only {found.vocabulary}")
    if found.longest < 1:
        raise ValueError(f"max_position_embeddings is {found.length}, but positions begin at {found.first}")
    return values | {"classes": classes}


def _after_padding(values: dict[str, Any], classes: int) -> dict[str, Any]:
    return _completed(values | {"first": values["padding"] + 1}, classes)


def _stands(name: str, kind: type[nn.Module]) -> bool:
    asked = kind is heads.QuestionAnswering
    return not re.match(r"classifier" if asked else r"qa_outputs|classifier\.(dense|out_proj)", name)


def _stands_in_roberta(name: str, kind: type[nn.Module]) -> bool:
    if kind is heads.SequenceClassification:
        return not re.match(r"pooler|qa_outputs|classifier\.(weight|bias)", name)
    return _stands(name, kind)


BERT = Family(
    name="bert",
    begins="Bert",
    prefix="bert.",
    config=BertConfig,
    classes=CLASSES,
    bodies=(Bert, heads.Pooled),
    body=BODY,
    heads=BERT_HEADS + ANSWERS,
    alike=(((".attention.", ".crossattention."), (".attention", ".cross")),),
    buffers=re.compile(r"(.*\.)?embeddings\.(position_ids|token_type_ids)"),  # 0, 1, 2 … and zeros
    stands=_stands,
    fields=FIELDS,
    completed=_completed,
    roles=("padding", "unknown", "mask"),
)
ROBERTA = replace(
    BERT,
    name="roberta",
    begins="Roberta",
    prefix="roberta.",
    classes=CLASSES,
    lacks=PAIRED,
    heads=ROBERTA_HEADS + ANSWERS,
    stands=_stands_in_roberta,
    says={"vocabulary": 50265, "padding": 1},
    fixed={"predict": "gelu"},
    completed=_after_padding,
)
DISTILBERT = replace(
    BERT,
    name="distilbert",
    begins="DistilBert",
    prefix="distilbert.",
    lacks=(*PAIRED, heads.CausalLanguageModel),
    body=DISTILBERT_BODY,
    heads=DISTILBERT_HEADS + ANSWERS,
    fields=spelt(FIELDS, SPELT),
    says={"layers": 6, "head_dropout": 0.2},
    fixed={"types": 0, "pooler": "relu", "epsilon": 1e-12, "positions": "absolute"},
)
