"""The path to the answer: its terms against each part carried forwards to the answer by hand, in float64."""

import math

import pytest
import torch

from glassformer.explain.path import path, readout
from glassformer.explain.slope import answered
from glassformer.models import heads
from tests import made
from tests.explain.many import TRIALS, begun


@pytest.fixture(params=TRIALS)
def trial(request):
    return begun(request.param)


def test_what_the_parts_put_in_sums_to_the_answer(trial):
    found = path(trial)
    assert found.total == sum(term.value for term in found.terms)
    whole = sum(abs(term.value) for term in found.terms)
    assert found.total == pytest.approx(answered(trial), rel=1e-6, abs=1e-6 * whole)
    kinds = [term.kind for term in found.terms]
    assert kinds.count("head") == len(trial.heads) and kinds.count("mlp") == trial.layers
    assert [(t.layer, t.head) for t in found.terms if t.kind == "head"] == trial.heads
    assert sum(abs(t.value) > 1e-9 for t in found.terms) > len(found.terms) / 2


def normed(x, norm, scale_of, shifted):
    """A norm of a part x of the stream `scale_of`, its scale held; the shift is a part of its own."""
    scale = (scale_of.var(-1, unbiased=False, keepdim=True) + norm.epsilon).sqrt()
    return (x - x.mean(-1, keepdim=True)) / scale * norm.gain.double() + (norm.shift.double() if shifted else 0.0)


def forwards(trial):
    """Each part alone, carried through every layer behind it, by name: the final stream (n, w) it makes."""
    model, tape = trial.reader.model, {k: v[0].double() for k, v in trial.tape.items()}
    post = getattr(model.config, "block", "post") == "post"
    parts = {"embedding": tape["embed.stream"]}
    before = "embed.stream"
    for layer, block in enumerate(model.layers):
        at = f"layers.{layer}"
        weight, z = block.attention.out.weight.double(), tape[f"{at}.attention.z"]
        width = z.size(-1)
        for head, each in enumerate(z):
            parts[f"L{layer}.H{head}"] = each @ weight[:, head * width : (head + 1) * width].T
        biases = block.attention.out.bias.double().expand_as(tape[before])
        if post:
            whole = tape[before] + tape[f"{at}.attention.mixed"]
            parts = {name: normed(x, block.attention_norm, whole, False) for name, x in parts.items()}
            biases = normed(biases, block.attention_norm, whole, True)
        parts[f"L{layer}.mlp"] = tape[f"{at}.mlp.out"]
        parts[f"biases of L{layer}"] = biases
        if post:
            whole = tape[f"{at}.between"] + tape[f"{at}.mlp.out"]
            shift = block.mlp_norm.shift.double()
            parts = {name: normed(x, block.mlp_norm, whole, False) for name, x in parts.items()}
            parts[f"biases of L{layer}"] = parts[f"biases of L{layer}"] + shift
        before = f"{at}.stream"
    if not post:
        parts = {name: normed(x, model.finish, tape[before], False) for name, x in parts.items()}
        parts["finish"] = model.finish.shift.double().expand_as(tape[before])
    return parts


@pytest.mark.parametrize("kind", ["post mean", "pre mean", "post max", "pre max", "three labels"])
@torch.no_grad()
def test_each_part_carried_forwards_by_hand_comes_to_its_term(kind):
    trial = TRIALS[kind]()
    model, final = trial.reader.model, trial.tape["final"][0].double()
    weight, bias = model.head.weight.double(), model.head.bias.double()
    label = trial.measure.label
    row, left = (weight[1] - weight[0], bias[1] - bias[0]) if len(weight) == 2 else (weight[label], bias[label])
    won = final.argmax(0)
    made_of = {
        name: (x.mean(0) if model.config.pool == "mean" else x[won, torch.arange(12)]) @ row
        for name, x in forwards(trial).items()
    }
    left += made_of.pop("finish", 0.0)
    found = {term.name: term.value for term in path(trial).terms}
    assert found.pop("bias of the answer") == pytest.approx(left.item(), abs=1e-9)
    assert found == pytest.approx({name: value.item() for name, value in made_of.items()}, abs=1e-9)


@torch.no_grad()
def test_a_vector_and_two_vectors_by_hand():
    trial = TRIALS["vector"]()
    vector = trial.tape["final"][0].double().mean(0)
    by_hand = {name: (x.mean(0) @ vector / (vector @ vector)).item() for name, x in forwards(trial).items()}
    found = {t.name: t.value for t in path(trial).terms}
    assert found.pop("bias of the answer") == 0.0 and found == pytest.approx(by_hand, abs=1e-7)
    trial = TRIALS["two vectors"]()
    own = [trial.batch.which[0] == k for k in (0, 1)]
    one, other = (trial.tape["final"][0, each].double().mean(0) for each in own)
    parts, lengths = forwards(trial), (one.norm() * other.norm()).item()
    half = {
        name: (x[own[0]].mean(0) @ other + x[own[1]].mean(0) @ one).item() / 2 / lengths for name, x in parts.items()
    }
    found = {t.name: t.value for t in path(trial).terms}
    assert found.pop("bias of the answer") == 0.0 and found == pytest.approx(half, abs=1e-7)


def test_it_is_said_what_the_terms_sum_to_and_what_was_held():
    said = {name: path(make()) for name, make in TRIALS.items()}
    assert said["post mean"].of == "the log-odds of positive: its logit less that of negative"
    assert said["post mean"].held == "the scales of the norms"
    assert said["post max"].held == "the scales of the norms, the positions that won the maximum"
    assert said["three labels"].of.startswith("the logit of ") and said["regression"].of == "the score of label 0"
    assert "tanh (value ÷ argument)" in said["labels"].held and "relu" in said["pair"].held
    assert said["mask"].of.endswith("at the mask") and "gelu" in said["mask"].held
    assert said["vector"].of == "the cosine of the vector with itself, which is 1"
    assert said["two vectors"].of == "the cosine of the two vectors, half of it from each side"


def test_a_bag_of_words_is_the_sum_of_its_pieces():
    trial = made.trial("the filming was", made.bag())
    found = path(trial)
    assert [term.name for term in found.terms] == [*trial.pieces.names, "bias of the answer"]
    assert found.total == pytest.approx(trial.before, abs=1e-6) and found.held == "nothing"
    shares = trial.tape["shares"][0].double()
    assert found.terms[1].value == pytest.approx((shares[1, 1] - shares[1, 0]).item(), abs=1e-9)
    assert readout(trial) == []


# layer by layer


def test_the_answer_is_read_behind_every_layer(trial):
    found = readout(trial)
    assert [each.after for each in found] == ["embed", "L0", "L1"]
    assert found[-1].value == pytest.approx(trial.before, rel=1e-6, abs=1e-6)
    assert found[0].value != pytest.approx(trial.before, abs=1e-6)
    for each in found:
        odds = trial.metric.name == "log-odds"
        assert (each.share is None) == (not odds and trial.metric.address != "similarity")
        assert not odds or each.share == pytest.approx(1 / (1 + math.exp(-each.value)), abs=1e-12)


@torch.no_grad()
def test_the_ending_is_the_models_own():
    trial = made.trial("the filming was not terrible", made.classifier(block="pre"))
    model = trial.reader.model
    for each, site in zip(readout(trial), ("embed.stream", "layers.0.stream"), strict=False):
        logits = model.head(model.finish(trial.tape[site][0]).mean(0)).double()
        assert each.value == pytest.approx((logits[1] - logits[0]).item(), abs=1e-5)
    trial = made.bert_trial("it was [MASK]", kind=heads.MaskedLanguageModel)
    model = trial.reader.model
    logits = model.predict(trial.tape["layers.0.stream"], model.embed.pieces.weight)[0, 3].double()
    piece = trial.measure.piece
    odds = logits[piece] - torch.cat([logits[:piece], logits[piece + 1 :]]).logsumexp(0)
    assert readout(trial)[1].value == pytest.approx(odds.item(), abs=1e-5)
