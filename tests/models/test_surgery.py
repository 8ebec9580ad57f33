"""Heads taken off for good are heads silenced; pieces added change nothing that was known."""

import dataclasses
import math

import pytest
import torch

from glassformer.models import heads
from glassformer.models.surgery import prune, resize
from glassformer.parts.kernels.prepared import prepare
from glassformer.tape import listen
from tests import small
from tests.models import reference

close = torch.testing.assert_close
IDS = torch.tensor([[3, 9, 1, 10, 4], [5, 2, 8, 6, 1]])
REAL = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])


def copied(model):
    other = type(model)(model.config)
    other.load_state_dict(model.state_dict())
    return other.to(next(model.parameters()).dtype).eval()


def silenced(model, gone):
    """What it reads while these heads say nothing."""

    def edit(numbers):
        loud = torch.tensor([head not in numbers for head in range(model.config.heads)])
        return lambda z: z * loud[:, None, None]

    edits = {f"layers.{layer}.attention.z": edit(numbers) for layer, numbers in gone.items()}
    with listen(model, (), edits):
        return model(IDS, REAL)


GONE = [{0: [1]}, {0: [0, 2]}, {1: [2], 0: [0]}, {0: (2,), 1: {0, 1}}, {1: []}]


@pytest.mark.parametrize("gone", GONE, ids=str)
@pytest.mark.parametrize("positions", ["absolute", "relative_key_query"])
def test_pruned_is_silenced(gone, positions):
    model = small.bert(positions=positions).double()
    expected = silenced(model, gone)
    prune(model, gone)
    close(model(IDS, REAL)[REAL], expected[REAL], rtol=0, atol=1e-10)
    with listen(model, "*.weights") as tape:
        close(model(IDS, REAL)[REAL], expected[REAL], rtol=0, atol=1e-10)
    assert tape["layers.0.attention.weights"].size(1) == 3 - len(list(gone.get(0, ())))


def test_pruned_is_what_the_equation_says_of_the_heads_that_stay():
    """mixed = bias + Σ_h W_h (weights_h · values_h), over the heads that stay."""
    model = small.bert().double()
    whole = copied(model)
    prune(model, {0: [1]})
    with listen(whole) as before, listen(model) as after:
        whole(IDS), model(IDS)
    out, at = whole.layers[0].attention.out, "layers.0.attention"
    stays = [
        before[f"{at}.weights"][:, h] @ before[f"{at}.v"][:, h] @ out.weight[:, h * 4 : h * 4 + 4].T for h in (0, 2)
    ]
    close(after[f"{at}.mixed"], sum(stays) + out.bias, rtol=0, atol=1e-10)
    assert (after[f"{at}.mixed"] - before[f"{at}.mixed"]).abs().max() > 0.1


def test_gradients_of_what_stays_are_those_with_the_heads_silenced():
    model = small.bert().double()
    whole = copied(model)
    silenced(whole, {0: [1]})[REAL].square()[:, 3:].sum().backward()
    prune(model, {0: [1]})
    model(IDS, REAL)[REAL].square()[:, 3:].sum().backward()
    rows = [0, 1, 2, 3, 8, 9, 10, 11]
    mine, other = model.layers[0].attention, whole.layers[0].attention
    close(mine.q.weight.grad, other.q.weight.grad[rows], rtol=1e-9, atol=1e-9)
    close(mine.v.bias.grad, other.v.bias.grad[rows], rtol=1e-9, atol=1e-9)
    close(mine.out.weight.grad, other.out.weight.grad[:, rows], rtol=1e-9, atol=1e-9)
    close(model.embed.pieces.weight.grad, whole.embed.pieces.weight.grad, rtol=1e-9, atol=1e-9)


def test_a_head_keeps_its_first_number():
    model, at_once = small.bert().double(), small.bert().double()
    expected = silenced(model, {0: [0, 2], 1: [1]})
    prune(model, {0: [0]})
    prune(model, {1: [1], 0: [2]})
    prune(at_once, {0: [2, 0], 1: [1]})
    close(model(IDS, REAL)[REAL], expected[REAL], rtol=0, atol=1e-10)
    assert model.config == at_once.config
    assert model.config.pruned == ((0, (0, 2)), (1, (1,)))


def test_a_pruned_config_builds_a_model_that_takes_the_weights():
    model = small.bert(heads.MaskedLanguageModel).double()
    prune(model, {1: [0, 2]})
    again = copied(model)
    assert {name: weight.shape for name, weight in again.named_parameters()} == {
        name: weight.shape for name, weight in model.named_parameters()
    }
    close(again(IDS, REAL), model(IDS, REAL), rtol=0, atol=0)
    assert again.layers[1].attention.q.out_features == 4 and again.layers[1].attention.heads == 1
    assert repr(again.layers[1].attention) == repr(model.layers[1].attention)


def test_attention_to_a_source_keeps_its_heads():
    model = small.bert(decoder=True, cross=True)
    prune(model, {0: [0]})
    assert (model.layers[0].attention.heads, model.layers[0].cross.heads) == (2, 3)
    assert copied(model).layers[0].cross.heads == 3


def test_what_is_frozen_stays_frozen_and_the_precision_what_it_was():
    model = small.bert().to(torch.bfloat16).requires_grad_(False)
    prune(model, {0: [0]})
    resize(model, 12)
    assert all(weight.dtype == torch.bfloat16 and not weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ({0: [3]}, "head 3 of layer 0 is not there; choose each of 0, 2 at most once"),
        ({0: [1]}, "head 1 of layer 0 is not there; choose each of 0, 2 at most once"),
        ({0: [-1]}, "head -1 of layer 0 is not there; choose each of 0, 2 at most once"),
        ({1: [2, 2]}, "head 2 of layer 1 is named twice; choose each of 0, 1, 2 at most once"),
        ({2: [0]}, "there is no layer 2; the model has 2, counted from 0"),
        ({-1: [0]}, "there is no layer -1; the model has 2, counted from 0"),
        (
            {1: [0], 0: [0, 2]},
            r"layer 0 would have no head left: leave one of 0, 2, or silence them by an edit of layers.0",
        ),
    ],
)
def test_what_cannot_be_taken_off_is_named_and_nothing_is(gone, message):
    model = small.bert()
    prune(model, {0: [1]})
    before, config = model(IDS), model.config
    with pytest.raises(ValueError, match=message):
        prune(model, gone)
    assert model.config == config and torch.equal(model(IDS), before)


@torch.no_grad()
def test_what_was_prepared_of_the_old_weights_is_let_go():
    model = small.bert()
    if not prepare(model.layers):
        pytest.skip("this build of PyTorch has no oneDNN, so that nothing is prepared")
    expected = silenced(model, {0: [1, 2]})
    for head in (1, 2):
        prune(model, {0: [head]})
        assert model.layers.prepared is None and model.layers[0].attention.q.packed is None
    close(model(IDS, REAL)[REAL], expected[REAL], rtol=0, atol=1e-5)
    assert prepare(model.layers)
    close(model(IDS, REAL)[REAL], expected[REAL], rtol=0, atol=1e-5)


# the vocabulary


@pytest.mark.parametrize("kind", reference.CLASSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("vocabulary", [40, 11])
def test_more_pieces_change_nothing_that_was_known(kind, tied, vocabulary):
    model = small.bert(kind, tied=tied, decoder=kind is heads.CausalLanguageModel).double()
    ids = IDS[:, None] if kind is heads.MultipleChoice else IDS
    before = answers(model(ids))
    resize(model, vocabulary)
    for mine, expected in zip(answers(model(ids)), before, strict=True):
        close(mine[..., : expected.size(-1)], expected, rtol=0, atol=1e-12)
    again = copied(model)
    assert again.config.vocabulary == again.embed.pieces.num_embeddings == vocabulary
    assert dataclasses.replace(again.config, vocabulary=11) == small.config(tied=tied, decoder=model.config.decoder)


def answers(answer):
    return list(answer) if isinstance(answer, tuple) else [answer]


def test_new_pieces_begin_as_all_pieces_began():
    model = small.bert(heads.MaskedLanguageModel, tied=False, spread=0.3, padding=4)
    old, weight = model.embed.pieces.weight.detach().clone(), model.predict.weight.detach().clone()
    resize(model, 2000)
    for table, known in ((model.embed.pieces.weight.detach(), old), (model.predict.weight.detach(), weight)):
        assert torch.equal(table[:11], known)
        assert abs(float(table[11:].mean())) < 0.01 and math.isclose(float(table[11:].std()), 0.3, rel_tol=0.05)
    assert not model.predict.bias[11:].any() and model.predict.bias[:11].all()
    assert not model.embed.pieces.weight[4].any() and model.embed.pieces.padding_idx == 4


def test_fewer_pieces_are_the_first_ones():
    model = small.bert(heads.MaskedLanguageModel)
    before = model(IDS.clamp(max=6))
    resize(model, 7)
    close(model(IDS.clamp(max=6)), before[..., :7], rtol=0, atol=1e-6)


def test_new_pieces_learn_also_as_answers():
    model = small.bert(heads.MaskedLanguageModel)
    resize(model, 14)
    model.loss(model(torch.tensor([[3, 13]])), torch.tensor([[12, -100]])).backward()
    assert model.embed.pieces.weight.grad[11:].any(dim=1).all() and model.predict.bias.grad[12] != 0


def test_without_its_padding_piece_a_model_cannot_be():
    with pytest.raises(ValueError, match="4 pieces leave out the padding piece, 4: keep 5 or more"):
        resize(small.bert(padding=4), 4)


def test_the_reference_resizes_to_the_same_shapes_and_keeps_the_same_rows():
    model = small.bert(heads.MaskedLanguageModel).double()
    theirs = reference.twin(model)
    theirs.resize_token_embeddings(13, mean_resizing=False)
    resize(model, 13)
    close(theirs(IDS).logits[..., :11], model(IDS)[..., :11], rtol=0, atol=1e-10)
    shapes = {name: weight.shape for name, weight in theirs.named_parameters()}
    assert {reference.called(model, name): weight.shape for name, weight in model.named_parameters()} == shapes
