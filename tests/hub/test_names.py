"""Names: one table a family, read in both directions; and what no table has."""

import pytest
import torch

from glassformer.errors import UsageError
from glassformer.hub import names
from glassformer.hub.families import FAMILIES, HEADS
from glassformer.models.bert import Bert
from glassformer.models.heads import (
    CausalLanguageModel,
    MaskedLanguageModel,
    NextSentence,
    Pooled,
    QuestionAnswering,
    SequenceClassification,
)
from tests.hub import berts, gpt2s, marians

ASKED = [
    (name, kind)
    for name, family in FAMILIES.items()
    for kind in dict.fromkeys((*family.bodies, *family.classes.values()))
    if kind not in family.lacks
]


def ours(theirs, family):
    found = names.place(theirs, family)
    return found and found.ours


def own(family, kind):
    if family in ("gpt2", "marian"):
        made = gpt2s.model(kind, tied=False) if family == "gpt2" else marians.model()
        return list(made.state_dict())
    decoder = {"decoder": True, "cross": True} if kind is CausalLanguageModel and family != "distilbert" else {}
    types = {"types": 0} if family == "distilbert" else {}
    decoder = decoder or {"decoder": kind is CausalLanguageModel}
    return list(berts.model(kind, tied=False, **decoder, **types).state_dict())


@pytest.mark.parametrize(("family", "kind"), ASKED)
def test_every_weight_of_every_head_has_a_name_that_leads_back_to_it(family, kind):
    mine = own(family, kind)
    theirs = dict.fromkeys(names.theirs(name, family, kind) for name in mine)
    back = [name for each in theirs for name in ours(each, family)]
    assert len(back) == len(mine) and set(back) == set(mine)
    assert all(names.stands(name, family, kind) for name in theirs)


def test_every_class_has_one_name_of_its_own():
    assert set(HEADS) == {kind.__name__ for _, kind in ASKED}
    assert len({id(kind) for _, kind in ASKED}) == len(HEADS)


def test_a_family_has_at_most_fifteen_rows_for_its_body():
    assert all(len(family.body) <= 15 and len(family.heads) <= 9 for family in FAMILIES.values())


@pytest.mark.parametrize(
    ("theirs", "family", "mine"),
    [
        ("embeddings.word_embeddings.weight", "bert", "embed.pieces.weight"),
        ("bert.embeddings.LayerNorm.gamma", "bert", "embed.norm.gain"),
        ("bert.embeddings.LayerNorm.beta", "bert", "embed.norm.shift"),
        ("bert.encoder.layer.11.attention.self.query.bias", "bert", "layers.11.attention.q.bias"),
        ("encoder.layer.3.crossattention.self.value.weight", "bert", "layers.3.cross.v.weight"),
        ("encoder.layer.3.crossattention.output.LayerNorm.weight", "bert", "layers.3.cross_norm.gain"),
        ("encoder.layer.0.attention.self.distance_embedding.weight", "bert", "layers.0.attention.nearness.table"),
        ("cls.predictions.transform.LayerNorm.weight", "bert", "predict.norm.gain"),
        ("cls.predictions.decoder.bias", "bert", "predict.bias"),
        ("lm_head.layer_norm.bias", "roberta", "predict.norm.shift"),
        ("roberta.encoder.layer.5.output.dense.weight", "roberta", "layers.5.mlp.outward.weight"),
        ("classifier.out_proj.weight", "roberta", "classifier.weight"),
        ("classifier.dense.bias", "roberta", "pooler.linear.bias"),
        ("distilbert.transformer.layer.4.ffn.lin1.weight", "distilbert", "layers.4.mlp.inward.weight"),
        ("transformer.layer.4.sa_layer_norm.weight", "distilbert", "layers.4.attention_norm.gain"),
        ("vocab_projector.bias", "distilbert", "predict.bias"),
        ("transformer.h.10.mlp.c_proj.weight", "gpt2", "layers.10.mlp.outward.weight"),
        ("h.0.ln_2.bias", "gpt2", "layers.0.mlp_norm.shift"),
        ("ln_f.weight", "gpt2", "finish.gain"),
        ("lm_head.weight", "gpt2", "predict.weight"),
        ("model.decoder.layers.3.encoder_attn.out_proj.bias", "marian", "layers.3.cross.out.bias"),
        ("model.decoder.layers.3.encoder_attn_layer_norm.weight", "marian", "layers.3.cross_norm.gain"),
        ("model.encoder.layers.0.self_attn_layer_norm.bias", "marian", "encoder.layers.0.attention_norm.shift"),
        ("model.encoder.layers.12.fc2.weight", "marian", "encoder.layers.12.mlp.outward.weight"),
        ("model.encoder.embed_tokens.weight", "marian", "embed.pieces.weight"),
        ("final_logits_bias", "marian", "predict.bias"),
    ],
)
def test_a_name_of_theirs_is_a_name_of_ours(theirs, family, mine):
    assert ours(theirs, family) == (mine,)


@pytest.mark.parametrize(
    "theirs",
    [
        "",
        "weight",
        "encoder.layer.{n}.attention.self.query.weight",
        "encoder.layer.01.attention.self.query.weight",
        "encoder.layer.-1.attention.self.query.weight",
        "encoder.layer.99999999999999999999.attention.self.query.weight",
        "bert.bert.embeddings.word_embeddings.weight",
        "transformer.transformer.wte.weight",
        "h.{n}.ln_1.weight",
        "h.00.ln_1.weight",
        "h.-1.ln_1.weight",
        "model.encoder.layers.0.encoder_attn.q_proj.weight",
        "model.decoder.layers.0.layers.1.fc1.weight",
        "encoder.layer.0.layer.1.attention.self.query.weight",
        "../../etc/passwd",
        "<img onerror=alert(1)>",
        "x" * 100_000,
    ],
    ids=lambda name: name[:12],
)
def test_any_other_name_is_nobodys(theirs):
    assert all(names.place(theirs, family) is None for family in FAMILIES)


def test_what_has_the_name_of_another_heads_weight_is_not_taken_for_it():
    """A classifier's weights would fit a head that answers questions."""
    assert not names.stands("classifier.weight", "bert", QuestionAnswering)
    assert names.stands("qa_outputs.weight", "bert", QuestionAnswering)
    assert not names.stands("qa_outputs.weight", "bert", SequenceClassification)
    assert names.stands("classifier.dense.weight", "roberta", SequenceClassification)
    assert not names.stands("roberta.pooler.dense.weight", "roberta", SequenceClassification)
    assert names.stands("roberta.pooler.dense.weight", "roberta", Pooled)


def test_only_what_stands_on_a_body_says_whose_body_it_is():
    assert names.theirs("embed.pieces.weight", "roberta", Pooled) == "embeddings.word_embeddings.weight"
    assert names.theirs("embed.pieces.weight", "roberta", MaskedLanguageModel).startswith("roberta.embeddings")
    assert names.theirs("predict.bias", "distilbert", MaskedLanguageModel) == "vocab_projector.bias"


@pytest.mark.parametrize(
    ("kind", "family", "name"),
    [
        (Bert, "bert", "BertModel"),
        (Pooled, "roberta", "RobertaModel"),
        (CausalLanguageModel, "bert", "BertLMHeadModel"),
        (CausalLanguageModel, "roberta", "RobertaForCausalLM"),
        (SequenceClassification, "distilbert", "DistilBertForSequenceClassification"),
    ],
)
def test_a_class_of_ours_has_the_name_of_an_architecture(kind, family, name):
    assert names.architecture(kind, family) == name
    with pytest.raises(UsageError, match="there is no NextSentence of the family roberta"):
        names.architecture(NextSentence, "roberta")
    assert kind is Bert or FAMILIES[family].classes[name.removeprefix(FAMILIES[family].begins)] is kind


def test_what_a_file_holds_as_one_is_several_here_and_one_again():
    place = names.place("transformer.h.1.attn.c_attn.weight", "gpt2")
    assert place.ours == tuple(f"layers.1.attention.{part}.weight" for part in "qkv") and place.turned
    stored = torch.arange(4 * 12.0).view(4, 12)  # inputs, outputs
    read = place.read(stored)
    assert place.shape({name: tuple(weight.shape) for name, weight in read.items()}) == (4, 12)
    x = torch.arange(8.0).view(2, 4)
    q, k, v = (x @ weight.mT for weight in read.values())
    assert torch.equal(torch.cat([q, k, v], dim=1), x @ stored)
    assert torch.equal(place.write(read), stored)
    bias = names.place("h.1.attn.c_attn.bias", "gpt2")
    assert not bias.turned and torch.equal(bias.write(bias.read(stored[0])), stored[0])


def test_a_vector_that_a_file_has_as_a_row_is_one_here():
    place = names.place("final_logits_bias", "marian")
    stored = torch.arange(5.0)[None]
    (read,) = place.read(stored).values()
    assert read.shape == (5,) and place.shape({"predict.bias": (5,)}) == (1, 5)
    assert torch.equal(place.write({"predict.bias": read}), stored)
