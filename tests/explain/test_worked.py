"""The arithmetic of any number of any model is the model's own."""

import json
import math
from dataclasses import asdict
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.errors import UsageError
from glassformer.explain.address import Address, parse
from glassformer.explain.ends import OF_A_MODEL
from glassformer.explain.inside import FEEDS, OF_A_BLOCK
from glassformer.explain.sums import CURVES, curved
from glassformer.explain.worked import worked
from glassformer.models import heads
from glassformer.models.gpt2 import Gpt2Classifier
from glassformer.parts.block import ACTIVATIONS
from tests import made
from tests.explain.conftest import KINDS

TEXT, SECOND, MASKED = "the filming was not terrible", "it was good", "the filming was [MASK]"
NUMBER = heads.SequenceClassification
MODELS = {
    **{kind: lambda kind=kind: made.trial(TEXT, made.classifier(**KINDS[kind])) for kind in KINDS},
    "bag of words": lambda: made.trial(TEXT, made.bag()),
    "bert": lambda: made.bert_trial(TEXT),
    "bert together": lambda: made.bert_trial(TEXT, SECOND, joint=True, how={"pooling": "max"}),
    "bert apart": lambda: made.bert_trial(TEXT, SECOND, how={"normalised": True}),
    "bert cls": lambda: made.bert_trial(TEXT, how={"pooling": "cls", "normalised": True}),
    "roberta": lambda: made.bert_trial(TEXT, SECOND, kind=NUMBER, style="roberta"),
    "distilbert": lambda: made.bert_trial(TEXT, kind=NUMBER, types=0, pooler="relu"),
    "relative key": lambda: made.bert_trial(TEXT, kind=NUMBER, positions="relative_key"),
    "relative key query": lambda: made.bert_trial(TEXT, SECOND, positions="relative_key_query"),
    "fills": lambda: made.bert_trial(MASKED, kind=heads.MaskedLanguageModel, predict="gelu_new"),
    "fills untied": lambda: made.bert_trial(MASKED, kind=heads.MaskedLanguageModel, tied=False, style="roberta"),
    "pretraining": lambda: made.bert_trial(MASKED, SECOND, kind=heads.PreTraining),
    "next sentence": lambda: made.bert_trial(TEXT, SECOND, kind=heads.NextSentence),
    "tokens": lambda: made.bert_trial(TEXT, kind=heads.TokenClassification),
    "question": lambda: made.bert_trial(TEXT, SECOND, kind=heads.QuestionAnswering),
    "choice": lambda: made.bert_trial(TEXT, kind=heads.MultipleChoice),
    "decoder": lambda: made.bert_trial(TEXT, kind=heads.CausalLanguageModel, decoder=True),
    "gpt2": lambda: made.writer_trial(TEXT),
    "gpt2 classifier": lambda: made.trial(TEXT, made.gpt2(Gpt2Classifier, vocabulary=len(made.tokens()))),
    "gpt2 untied": lambda: made.writer_trial(TEXT, tied=False, scaled=False, by_layer=True, activation="relu"),
    "generator": lambda: made.writer_trial(TEXT, "generator"),
    "generator pre": lambda: made.writer_trial(TEXT, "generator", block="pre", positions="learned"),
    "translator": lambda: made.translate_trial(TEXT, encoder_heads=2),
    "translator pre": lambda: made.translate_trial(TEXT, block="pre", bias=True, tied=False, positions="marian"),
}


@cache
def trial(kind):
    return MODELS[kind]()


def cells(kind):
    """Any cell of any site of that model."""
    sites = trial(kind).values
    return st.sampled_from(sorted(sites)).flatmap(
        lambda site: st.tuples(*(st.integers(0, size - 1) for size in sites[site].shape[1:])).map(
            lambda index: Address(site, index)
        )
    )


@pytest.mark.parametrize("kind", MODELS)
def test_every_site_of_every_model_can_be_worked_out(kind):
    for site, value in trial(kind).values.items():
        last = tuple(size - 1 for size in value.shape[1:])
        for index in {(0,) * len(last), last}:
            result = worked(trial(kind), Address(site, index))
            assert result.model == value[0][index].item()
            assert result.difference <= 1e-5, result


@pytest.mark.parametrize("kind", MODELS)
def test_any_cell_is_recomputed(kind):
    @given(cells(kind))
    @settings(max_examples=60, deadline=None, derandomize=True)
    def holds(address):
        result = worked(trial(kind), address)
        assert result.difference <= 1e-5
        assert result.parts and all(
            len(numbers) == len(part.columns) for part in result.parts for _, numbers in part.rows
        )
        assert parse(result.address) == address
        json.dumps(asdict(result))

    holds()


@pytest.mark.parametrize("kind", MODELS)
def test_what_a_number_was_computed_of_exists_and_came_before_it(kind):
    sites = list(trial(kind).values)
    for site, value in trial(kind).values.items():
        for operand in worked(trial(kind), Address(site, (0,) * (value.dim() - 1))).operands:
            assert sites.index(parse(operand).site) < sites.index(site)


def _steep(site, value):
    """A cell that neither a ReLU nor a saturated softmax or tanh hides."""
    if site.endswith("weights"):
        return (value * (1 - value)).argmax()
    return value.abs().argmin() if site == "pooled" and value.abs().max() <= 1 else value.argmax()


@pytest.mark.parametrize("kind", MODELS)
def test_the_arithmetic_notices_another_operand(kind):
    """Move each site a little behind the arithmetic's back: what is computed of it no longer agrees."""
    asked = MODELS[kind]()
    values = asked.values  # kept now
    for site, value in list(values.items()):
        if value.abs().max() == 0:  # an embedding that the model has not
            continue
        at = torch.unravel_index(_steep(site, value[0]), value.shape[1:])
        cell = Address(site, tuple(int(number) for number in at))
        for operand in worked(asked, cell).operands:
            source = parse(operand).site
            place = asked.tape if source in asked.tape else values
            kept = place[source]
            place[source] = kept + torch.randn_like(kept)
            assert worked(asked, cell).difference > 1e-4, (cell, operand)
            place[source] = kept


def test_the_last_line_of_a_product_is_its_sum():
    (part, *_), score = worked(trial("post mean"), parse("L0.H1.scores[2,3]")).parts, 3
    products, totals = [row[2] for _, row in part.rows], [row[score] for _, row in part.rows]
    assert totals[-1] == pytest.approx(sum(products)) and len(part.rows) == 4
    assert part.result == f"sum {totals[-1]:.6f}"


def test_a_weight_shows_the_whole_row_it_is_a_share_of():
    result = worked(trial("pre mean"), parse("L1.H2.weights[4,3]"))
    names, shares = zip(*((name, row[2]) for name, row in result.parts[-1].rows), strict=True)
    assert list(names) == trial("pre mean").pieces.names
    assert sum(shares) == pytest.approx(1.0) and shares[3] == result.recomputed
    assert result.question == f"{names[4]} looks at {names[3]}"
    assert result.operands == ["L1.H2.q[4]", "L1.H2.k[3]"]


def test_a_block_is_fed_as_its_kind_says():
    assert worked(trial("post mean"), parse("L1.attention_norm.out[0,0]")).operands == [
        "L0.stream[0]",
        "L1.attention.mixed[0]",
    ]
    assert worked(trial("pre mean"), parse("L1.attention_norm.out[0,0]")).operands == ["L0.stream[0]"]
    assert worked(trial("pre mean"), parse("final[1,2]")).operands == ["finish.out[1,2]"]
    assert set(FEEDS) == {"post", "pre"} and set(FEEDS["post"]) == set(FEEDS["pre"])


def test_no_site_is_known_that_no_model_has():
    every = {site for kind in MODELS for site in trial(kind).values}
    every = {site.removeprefix("encoder.") for site in every}
    inside = {site.split(".", 2)[2] for site in every if site.startswith("layers.")}
    assert inside == set(OF_A_BLOCK)
    assert set(OF_A_MODEL) == {site for site in every if not site.startswith("layers.")}


@pytest.mark.parametrize(
    ("address", "repair"),
    [
        ("L1.H2", r"L1\.H2\.weights is not one number; give head, query, key, such as L1\.H2\.weights\[0,0\]"),
        ("logits", r"logits is not one number; give class, such as logits\[0\]"),
        ("L0.stream[2]", r"L0\.stream\[2\] is not one number; give position, feature, such as L0\.stream\[2,0\]"),
        ("L0.stream[9,0]", "position 9, but only 0 to 5"),
        ("L0.H0.weights[0,9]", "key 9, but only 0 to 5"),
        ("L0.strem[0,0]", "did you mean L0.stream"),
    ],
)
def test_what_is_not_one_number_says_how_one_is_written(address, repair):
    with pytest.raises(UsageError, match=repair):
        worked(trial("post mean"), parse(address))


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("x", [-800.0, -3.0, -0.1, 0.0, 0.7, 5.0, 800.0])
def test_every_activation_is_the_models_own(name, x):
    assert set(CURVES) == set(ACTIVATIONS)
    expected = ACTIVATIONS[name](torch.tensor(x, dtype=torch.float64)).item()
    _, value, _ = curved(name, ([], x, []))
    assert value == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_what_a_position_may_not_look_at_has_no_weight_and_says_so():
    result = worked(trial("bert apart"), parse("L0.H1.weights[2,9]"))
    assert result.recomputed == result.model == 0.0 and result.parts[-1].result == "may not look there: 0"
    assert len(result.parts[-1].rows) == 8  # the pieces of the first text


def test_the_distance_is_a_part_of_a_relative_score():
    result = worked(trial("relative key query"), parse("L1.H2.scaled[5,2]"))
    titles = [part.title for part in result.parts]
    assert titles[1:3] == ["q · the vector of the distance 3", "k · the vector of the distance 3"]
    assert [name for name, _ in result.parts[-1].rows] == ["score", "distance", "√4"]


def test_the_answer_of_two_texts_is_one_number_without_an_index():
    result = worked(trial("bert apart"), parse("similarity"))
    assert result.operands == ["sentence", "sentence2"]
    assert result.recomputed == pytest.approx(trial("bert apart").before, abs=1e-6)


# how each table follows from its first columns: what docs/page.md tells a browser to do


def softmax(part):
    raised = [math.exp(row[0] - max(numbers[0] for _, numbers in part.rows)) for _, row in part.rows]
    columns = [(each, each / sum(raised)) for each in raised]
    return columns, columns[part.at][1] if part.at >= 0 else 0.0


def products(part):
    columns, total = [], 0.0
    for _, (one, other, *_) in part.rows:
        total += one * other
        columns.append((one * other, total))
    return columns, total


def norm(part):
    x, mean, spread, gain, shift = (numbers[0] for _, numbers in part.rows[:5])
    steps = [x - mean, (x - mean) / spread, (x - mean) / spread * gain + shift]
    assert [numbers[0] for _, numbers in part.rows[5:]] == pytest.approx(steps, abs=1e-9)
    return None, steps[part.at - 5]


def curve(part):
    bend = CURVES[part.how.removeprefix("curve:")][1]
    if len(part.columns) == 1:
        return None, bend(part.rows[0][1][0])
    return [(bend(numbers[-2]),) for _, numbers in part.rows], None


def of_a_column(part):
    values = [numbers[0] for _, numbers in part.rows]
    above, below = values[: part.at], values[part.at :]
    return None, {
        "sum": lambda: math.fsum(values),
        "mean": lambda: math.fsum(values) / len(values),
        "max": lambda: max(values),
        "first": lambda: values[0],
        "lookup": lambda: values[0],
        "divide": lambda: sum(above) / math.prod(below),
    }[part.how]()


def again(part):
    """The columns behind the first ones, and the number, from the first ones alone."""
    table = {"softmax": softmax, "products": products, "norm": norm}
    return (curve if part.how.startswith("curve:") else table.get(part.how, of_a_column))(part)


@pytest.mark.parametrize("kind", MODELS)
def test_every_table_can_be_done_again_from_its_first_columns(kind):
    for site, value in trial(kind).values.items():
        index = tuple(size // 2 for size in value.shape[1:])
        result = worked(trial(kind), Address(site, index))
        for part in result.parts:
            columns, number = again(part)
            for (_, numbers), more in zip(part.rows, columns or (), strict=columns is not None):
                assert numbers[-len(more) :] == pytest.approx(more, abs=1e-9)
            before = number
        assert before == pytest.approx(result.recomputed, rel=1e-12, abs=1e-12), (site, result)
