"""What the tensors of a checkpoint are called on the Hugging Face hub, and what they are called here.

A table a family, each row read in both directions; `{n}` is the number of a layer.  A row without an ending stands
for a `weight` and a `bias` (a norm's are a `gain` and a `shift` here, and `gamma` and `beta` in files of 2018).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from glassformer.errors import UsageError
from glassformer.models import heads
from glassformer.models.bert import Bert

Rows = tuple[tuple[str, str], ...]  # (theirs, ours)

BERT: Rows = (
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
DISTILBERT: Rows = (
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
ANSWERS: Rows = (("classifier", "classifier"), ("qa_outputs", "classifier"))  # what the heads of all families share
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


@dataclass(frozen=True)
class Family:
    """begins: what the names of its architectures begin with; lacks: heads that nobody has made for it."""

    begins: str
    body: Rows
    heads: Rows
    lacks: tuple[type[Bert], ...] = ()


PAIRED = (heads.PreTraining, heads.NextSentence)
FAMILIES = {
    "bert": Family("Bert", BERT, BERT_HEADS + ANSWERS),
    "roberta": Family("Roberta", BERT, ROBERTA_HEADS + ANSWERS, PAIRED),
    "distilbert": Family("DistilBert", DISTILBERT, DISTILBERT_HEADS + ANSWERS, (*PAIRED, heads.CausalLanguageModel)),
}
ARCHITECTURES: dict[str, type[Bert]] = {  # what follows the family in the name of an architecture
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
HEADS: dict[str, type[Bert]] = {kind.__name__: kind for kind in (Bert, *ARCHITECTURES.values())}
ENDINGS = {"weight": "weight", "bias": "bias"}
NORM_ENDINGS = {"weight": "gain", "bias": "shift", "gamma": "gain", "beta": "shift"}  # the first two are written
BUFFERS = re.compile(r"(.*\.)?embeddings\.(position_ids|token_type_ids)")  # 0, 1, 2 … and zeros: no weights
HEAD_PARTS = ("pooler.", "predict.", "follows.", "classifier.")  # what a body can do without


def ours(theirs: str, family: str) -> str | None:
    """The name here of a tensor called `theirs` in a file, or None where no table has it."""
    layer = re.search(r"\.layer\.(0|[1-9]\d{0,8})\.", theirs)
    if (layer is None) == (".layer." in theirs):
        return None
    general = theirs if layer is None else theirs.replace(layer[0], ".layer.{n}.")
    found = _table(family).get(_bare(general))
    return found.replace("{n}", layer[1]) if found and layer else found


def stands(theirs: str, family: str, kind: type[Bert]) -> bool:
    """Of several things with one name here, the one that a model of this class has."""
    name, asked = _bare(theirs), kind is heads.QuestionAnswering
    if family == "roberta" and kind is heads.SequenceClassification:
        return not re.match(r"pooler|qa_outputs|classifier\.(weight|bias)", name)
    return not re.match(r"classifier" if asked else r"qa_outputs|classifier\.(dense|out_proj)", name)


def theirs(ours: str, family: str, kind: type[Bert]) -> str:
    """The name in a new file of what is called `ours` in a `kind` of that family."""
    layer = re.search(r"(?<=^layers\.)\d+", ours)
    general = re.sub(r"(?<=^layers\.)\d+", "{n}", ours)
    known = (name for name, here in _table(family).items() if here == general and stands(name, family, kind))
    fits = next(known, general)  # a part that the family never has keeps its name
    on_body = kind not in (Bert, heads.Pooled) and re.match(r"embeddings|encoder|transformer|pooler", fits)
    return (f"{family}." if on_body else "") + fits.replace("{n}", layer[0] if layer else "")


def architecture(kind: type[Bert], family: str) -> str:
    """What the hub calls a model of this class.  Raises UsageError where it has no name for one."""
    if kind in FAMILIES[family].lacks:
        raise UsageError(f"there is no {kind.__name__} of the family {family}: it cannot be saved for others to read")
    ends = {known: end for end, known in reversed(ARCHITECTURES.items())}  # LMHeadModel before ForCausalLM
    end = "Model" if kind is Bert else ends[kind]
    return FAMILIES[family].begins + ("ForCausalLM" if (family, end) == ("roberta", "LMHeadModel") else end)


@cache
def _table(family: str) -> dict[str, str]:
    """theirs → ours, with their endings; cross-attention is named as attention is."""
    rows = FAMILIES[family].body + FAMILIES[family].heads
    crossed = [
        (theirs.replace(".attention.", ".crossattention."), ours.replace(".attention", ".cross"))
        for theirs, ours in rows
        if ".attention." in theirs
    ]
    return dict(each for row in (*rows, *crossed) for each in _ended(*row))


def _ended(theirs: str, ours: str) -> Iterable[tuple[str, str]]:
    if re.search(r"(weight|bias)$", theirs):
        return [(theirs, ours)]
    endings = NORM_ENDINGS if ours.endswith("norm") else ENDINGS
    return [(f"{theirs}.{their}", f"{ours}.{our}") for their, our in endings.items()]


def _bare(theirs: str) -> str:
    """Without the name of the body, which files of a body alone leave out."""
    return re.sub(r"^(bert|roberta|distilbert)\.", "", theirs)
