"""What is shown: answers about friendly, hostile and long sentences, by random models of several shapes."""

import re

import pytest
from rich.cells import cell_len

from glassformer.models import heads
from glassformer.show import tables
from glassformer.show.filled import print_filled
from glassformer.show.terminal import print_story
from tests import made

WIDTHS = (40, 80, 120, 200)
HOSTILE = {
    "plain": made.SENTENCE,
    "one word": "good",
    "ansi": "\x1b[31mgood\x1b[0m \x1b]0;owned\x07 food \x9b31m",
    "right to left": "good \u202eתוטב\u202c food שלום",
    "joined": "good 👩‍👩‍👧‍👦 food \ufeff \u200b\u200d",
    "combining": "go\u0301od z\u0335\u0327\u0306alg\u0300\u0301\u0302\u0303\u0304o food",
    "wide": "good 家族のための 餐厅 food ＡＢＣ",
    "markup": "[bold]good[/bold] :smile: [link=x]food[/link] [/]",
    "long word": "good " + "antidisestablishmentarianism" * 3 + " food",
    "repeated": "the food was the food that the food was",
    "signs": '3 > 2 # good; rm -rf `x` $HOME "quoted" it\'s!',
    "long": "the food was not good , " * 30,
}
MODELS = {
    "two": lambda: made.reader(made.classifier(), name="made"),
    "three": lambda: made.reader(
        made.classifier(classes=3, block="pre"), ("\x1b[31msad", "家" * 9, "[b]glad"), "[red]\x1b[1m"
    ),
    "deep": lambda: made.reader(made.classifier(layers=6, width=48, heads=12), name="a name that is longer than any"),
    "bag": lambda: made.reader(made.bag(), name="bag"),
    "embeds": lambda: made.bert_reader(layers=6, width=48, heads=12),
    "apart": lambda: made.bert_reader(),
    "together": lambda: made.bert_reader(heads.SequenceClassification, "roberta"),
    "fills": lambda: made.bert_reader(heads.MaskedLanguageModel),
    "score": lambda: made.bert_reader(heads.SequenceClassification, how={"labels": ("\x1b[31m家[b]",)}, classes=1),
    "several": lambda: made.bert_reader(
        heads.SequenceClassification, classes=5, problem="multi_label_classification", positions="relative_key"
    ),
}


def asked(text, model):
    """`text` put to one of these models: with a second text, or with a mask, where that is what it reads."""
    second = {"apart": "the food was good \x1b[1m", "together": text}.get(model)
    return MODELS[model]().explain(f"[MASK] {text}" if model == "fills" else text, second, beside=())


@pytest.fixture(scope="session")
def answers():
    """(name, function that prints it) of everything that can be shown, for a text and a model; each asked once."""
    kept = {}

    def ask(text, model):
        if (text, model) not in kept:
            kept[text, model] = list(shown(asked(HOSTILE[text], model), model))
        return kept[text, model]

    return ask


def shown(x, model):
    yield "story", x.story, print_story
    yield "answer", x.sheet(x._trial.metric.address.split("[")[0]), tables.print_sheet
    yield "why", x.why(x._trial.metric.address), tables.print_worked
    if model == "fills":
        yield "fill", x.answer, print_filled
    if x.second is None and model != "fills":
        yield "against", x.against("the food was not good"), tables.print_against
    if model == "bag":
        return
    yield "stream", x.sheet("L1.stream"), tables.print_sheet
    yield "head", x.sheet("L1.H2"), tables.print_sheet
    yield "weight", x.why("L1.H2.weights[0,0]"), tables.print_worked
    yield "norm", x.why("L1.mlp_norm.out[0,0]"), tables.print_worked
    yield "cut", x.cut(0, len(x.words) - 1), tables.print_what_if
    yield "off", x.what_if(x.choose_head("L1.H2"), x.choose_without("scaling")), tables.print_what_if


@pytest.fixture
def drawn(capsys):
    """The lines that something prints."""

    def draw(thing, show, **how):
        show(thing, **how)
        return capsys.readouterr().out.split("\n")

    return draw


def too_wide(lines, width):
    """Lines wider than the width, but the commands, which a terminal has to wrap so that they can be copied."""
    return [line for line in lines if cell_len(line) > width and not line.startswith("  glassformer ")]


def acting(lines):
    """Characters that a terminal would act on."""
    return re.findall("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]", "".join(lines))
