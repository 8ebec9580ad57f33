"""One trial of every kind of question, for what has to hold for all of them."""

from functools import cache

from glassformer.explain.picture import picture
from glassformer.models import heads
from glassformer.models.gpt2 import Gpt2Classifier
from tests import made

SENTENCE = "the filming was not terrible"

TRIALS = {
    "post mean": lambda: made.trial(SENTENCE, made.classifier()),
    "pre mean": lambda: made.trial(SENTENCE, made.classifier(block="pre")),
    "post max": lambda: made.trial(SENTENCE, made.classifier(pool="max", positions="learned")),
    "pre max": lambda: made.trial(SENTENCE, made.classifier(block="pre", pool="max", positions="halves")),
    "three labels": lambda: made.trial(SENTENCE, made.classifier(classes=3), made.THREE),
    "vector": lambda: made.bert_trial(SENTENCE),
    "vector, cls": lambda: made.bert_trial(SENTENCE, how={"pooling": "cls", "normalised": True}),
    "vector, max": lambda: made.bert_trial(SENTENCE, how={"pooling": "max"}),
    "two vectors": lambda: made.bert_trial(SENTENCE, "it was good"),
    "two vectors, max": lambda: made.bert_trial(SENTENCE, "it was good", how={"pooling": "max"}),
    "two texts together": lambda: made.bert_trial(SENTENCE, "it was good", True),
    "labels": lambda: made.bert_trial(SENTENCE, kind=heads.SequenceClassification),
    "several labels": lambda: made.bert_trial(
        SENTENCE, kind=heads.SequenceClassification, classes=3, problem="multi_label_classification"
    ),
    "regression": lambda: made.bert_trial(SENTENCE, kind=heads.SequenceClassification, problem="regression", classes=1),
    "pair": lambda: made.bert_trial(SENTENCE, "it was good", kind=heads.NextSentence, pooler="relu"),
    "mask": lambda: made.bert_trial("the [MASK] was not terrible", kind=heads.MaskedLanguageModel),
    "mask, untied": lambda: made.bert_trial("it was [MASK]", kind=heads.PreTraining, tied=False, predict="tanh"),
    "choice": lambda: made.bert_trial(SENTENCE, kind=heads.MultipleChoice),
    "tokens": lambda: made.bert_trial(SENTENCE, kind=heads.TokenClassification),
    "decoder": lambda: made.bert_trial(SENTENCE, kind=heads.CausalLanguageModel, decoder=True),
    "gpt2": lambda: made.writer_trial(SENTENCE),
    "gpt2 classifier": lambda: made.trial(SENTENCE, made.gpt2(Gpt2Classifier, vocabulary=len(made.tokens()))),
    "gpt2, untied, by layer": lambda: made.writer_trial(SENTENCE, tied=False, scaled=False, by_layer=True),
    "generator": lambda: made.writer_trial(SENTENCE, "generator"),
    "generator, pre": lambda: made.writer_trial(SENTENCE, "generator", block="pre", positions="learned"),
    "relative key": lambda: made.bert_trial(SENTENCE, positions="relative_key"),
    "relative key and query": lambda: made.bert_trial(
        SENTENCE, kind=heads.SequenceClassification, positions="relative_key_query"
    ),
    "relative pair": lambda: made.bert_trial("it was good", "the food", positions="relative_key"),
    "pruned": lambda: made.bert_trial(SENTENCE, kind=heads.SequenceClassification, pruned=((1, (0,)),)),
    "roberta": lambda: made.bert_trial(SENTENCE, style="roberta", kind=heads.SequenceClassification),
}


LENT = {}


def begun(kind):
    """The trial of that kind, made once: no question changes it, and no test may (`changed`)."""
    if kind not in LENT:
        LENT[kind] = TRIALS[kind]()
    return LENT[kind]


def changed():
    """Those of `begun` that are no longer as they were made, and would mislead whoever borrows them next."""
    pairs = [(kind, kept, TRIALS[kind]()) for kind, kept in LENT.items()]
    return [kind for kind, kept, fresh in pairs if kept.exact != fresh.exact or _weights(kept) != _weights(fresh)]


def _weights(trial):
    return [weight.tolist() for weight in trial.reader.model.parameters()]


@cache
def drawn(kind):
    """All of its picture."""
    return picture(begun(kind))
