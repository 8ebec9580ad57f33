"""GPT-2 against the reference with the same weights, and what is ours alone: padding anywhere, a memory."""

import dataclasses
import math

import pytest
import torch
from torch import nn

from glassformer.models.gpt2 import Gpt2, Gpt2Classifier, Gpt2Config, Gpt2Writer
from glassformer.parts.attention import Memory
from glassformer.parts.block import ACTIVATIONS
from glassformer.tape import listen
from tests import small
from tests.models import reference
from tests.models.test_simple import golden

close = torch.testing.assert_close
IDS = torch.tensor([[3, 9, 1, 10, 4, 3, 7], [5, 2, 8, 6, 1, 1, 2], [4, 4, 4, 6, 5, 9, 3]])
LEFT = torch.tensor([[True] * 7, [False] * 3 + [True] * 4, [False] * 6 + [True]])
CLASSES = {Gpt2: "GPT2Model", Gpt2Writer: "GPT2LMHeadModel", Gpt2Classifier: "GPT2ForSequenceClassification"}
FIELDS = {
    "vocab_size": "vocabulary",
    "n_embd": "width",
    "n_layer": "layers",
    "n_head": "heads",
    "n_inner": "hidden",
    "activation_function": "activation",
    "n_positions": "length",
    "layer_norm_epsilon": "epsilon",
    "tie_word_embeddings": "tied",
    "scale_attn_weights": "scaled",
    "scale_attn_by_inverse_layer_idx": "by_layer",
    "num_labels": "classes",
}
NAMES = (
    ("layers.", "transformer.h."),
    ("embed.pieces.", "transformer.wte."),
    ("embed.positions.table", "transformer.wpe.weight"),
    ("finish.", "transformer.ln_f."),
    ("attention_norm.", "ln_1."),
    ("mlp_norm.", "ln_2."),
    ("attention.out.", "attn.c_proj."),
    ("mlp.inward.", "mlp.c_fc."),
    ("mlp.outward.", "mlp.c_proj."),
    ("attention.q.", "attn.c_attn."),
    ("predict.", "lm_head."),
    ("classifier.", "score."),
    (".gain", ".weight"),
    (".shift", ".bias"),
)


def named(ours):
    """Every weight under the reference's name: q, k and v as one, the maps of a block as (inputs, outputs)."""
    state, found = ours.state_dict(), {}
    for name in state:
        if ".attention.k." in name or ".attention.v." in name:
            continue
        both = [state[name.replace(".q.", f".{part}.")] for part in "qkv"] if ".attention.q." in name else [state[name]]
        weight = torch.cat(both)
        theirs = name
        for mine, other in NAMES:
            theirs = theirs.replace(mine, other)
        turned = ".h." in theirs and weight.dim() == 2
        found[theirs] = weight.T if turned else weight
    return found


def twin(ours, **options):
    config = reference.library().GPT2Config(
        **{theirs: getattr(ours.config, mine) for theirs, mine in FIELDS.items()},
        **{"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0} | options,
    )
    theirs = getattr(reference.library(), CLASSES[type(ours)])._from_config(config, attn_implementation="eager")
    weights = named(ours)
    if type(ours) is Gpt2:
        weights = {name.removeprefix("transformer."): weight for name, weight in weights.items()}
    left = theirs.load_state_dict(weights, strict=False)
    assert not left.unexpected_keys and set(left.missing_keys) <= {"lm_head.weight"}, left
    return theirs.eval()


def counted(real):
    return (real.long().cumsum(1) - 1).clamp(min=0)


GOLDEN = {
    "Gpt2": lambda: small.gpt2(layers=1),
    "Gpt2Writer": lambda: small.gpt2(Gpt2Writer, layers=1),
    "Gpt2Classifier": lambda: small.gpt2(Gpt2Classifier, layers=1),
}


@pytest.mark.parametrize("title", GOLDEN)
def test_site_names_are_the_golden_ones(title):
    with listen(model := GOLDEN[title]()) as tape:
        model(IDS)
    assert list(tape) == golden(title)


# the reference


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_it_is_the_reference_with_every_activation(activation):
    model = small.gpt2(Gpt2Writer, activation=activation)
    close(model(IDS), twin(model)(IDS).logits, rtol=0, atol=1e-5)


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("by_layer", [True, False])
@pytest.mark.parametrize("tied", [True, False])
def test_scores_are_scaled_and_pieces_predicted_as_the_config_says(scaled, by_layer, tied):
    model = small.gpt2(Gpt2Writer, scaled=scaled, by_layer=by_layer, tied=tied, layers=3)
    close(model(IDS), twin(model)(IDS).logits, rtol=0, atol=1e-5)


@pytest.mark.parametrize("watched", [True, False])
def test_every_stream_is_the_references(watched):
    model = small.gpt2(layers=3)
    expected = twin(model)(IDS, output_hidden_states=True).hidden_states
    with listen(model, keep="*" if watched else ("*stream", "final")) as tape:
        model(IDS)
    found = [tape["embed.stream"], *(tape[f"layers.{k}.stream"] for k in range(2)), tape["final"]]
    assert len(found) == len(expected)
    for mine, other in zip(found, expected, strict=True):
        close(mine, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("real", [LEFT, LEFT.flip(1)], ids=["left", "right"])
@pytest.mark.parametrize("kind", [Gpt2, Gpt2Writer])
def test_a_padded_batch_is_the_references_with_its_positions_counted(kind, real):
    model = small.gpt2(kind)
    said = twin(model)(IDS, attention_mask=real.long(), position_ids=counted(real))[0]
    close(model(IDS, real)[real], said[real], rtol=0, atol=1e-5)


def test_a_text_is_classified_by_its_last_real_piece():
    model, real = small.gpt2(Gpt2Classifier), LEFT.flip(1)
    theirs = twin(model, pad_token_id=0)
    said = theirs(IDS * real, attention_mask=real.long()).logits
    close(model(IDS, real), said, rtol=0, atol=1e-5)
    for row, mark in enumerate(LEFT):
        alone = model(IDS[row : row + 1, mark])
        close(model(IDS, LEFT)[row : row + 1], alone, rtol=0, atol=1e-5)
    nothing = model(IDS[:1], torch.zeros(1, 7, dtype=torch.bool))
    assert nothing.eq(0).all()


@pytest.mark.parametrize("kind", [Gpt2Writer, Gpt2Classifier])
def test_losses_and_gradients_are_the_references(kind):
    model = small.gpt2(kind, dropout=0.0, attention_dropout=0.0, embed_dropout=0.0).train()
    theirs = twin(model, resid_pdrop=0.0, attn_pdrop=0.0, embd_pdrop=0.0)
    labels = IDS.clone() if kind is Gpt2Writer else torch.tensor([1, 6, 0])
    loss, expected = model.loss(model(IDS), labels), theirs(IDS, labels=labels).loss
    close(loss, expected, rtol=0, atol=1e-5)
    loss.backward()
    expected.backward()
    other = dict(theirs.named_parameters())
    for name in ("transformer.h.0.attn.c_proj.weight", "transformer.wte.weight", "transformer.ln_f.bias"):
        mine = {called: weight for called, weight in zip(named(model), _gradients(model), strict=True)}[name]
        close(mine, other[name].grad, rtol=0, atol=1e-4)


def _gradients(model):
    held = {name: parameter.grad for name, parameter in model.named_parameters()}

    class Held:
        @staticmethod
        def state_dict():
            return held

    return named(Held).values()


# ours alone


@pytest.mark.parametrize("kind", [Gpt2Writer, Gpt2])
def test_what_is_read_piece_by_piece_is_what_is_read_at_once(kind):
    model, memory = small.gpt2(kind), Memory()
    parts = [model(IDS[:, a:b], LEFT[:, a:b], memory=memory) for a, b in ((0, 3), (3, 5), (5, 6), (6, 7))]
    close(torch.cat(parts, dim=1)[LEFT], model(IDS, LEFT)[LEFT], rtol=0, atol=1e-5)


def test_it_never_looks_ahead():
    model, changed = small.gpt2(Gpt2Writer), IDS.clone()
    changed[:, 4:] = (changed[:, 4:] + 1) % 11
    assert torch.equal(model(IDS)[:, :4], model(changed)[:, :4])
    assert not torch.allclose(model(IDS)[:, 4:], model(changed)[:, 4:])


def test_who_may_look_at_whom_may_be_given():
    model = small.gpt2()
    close(model(IDS, torch.ones(3, 7, 7).tril().bool()), model(IDS), rtol=0, atol=1e-6)


def test_padding_is_not_asked_about():
    model = small.gpt2(Gpt2Writer)
    logits = model(IDS, LEFT)
    alone = [model.loss(model(IDS[k : k + 1, mark]), IDS[k : k + 1, mark]) for k, mark in enumerate(LEFT[:2])]
    weighed = (6 * alone[0] + 3 * alone[1]) / 9
    labels = torch.where(LEFT.cumsum(1) == 1, -100, IDS)  # the first piece of a text follows padding
    close(model.loss(logits, labels, LEFT), weighed, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"heads": 5}, "width 12 does not divide into 5 heads"),
        ({"activation": "gelo"}, "activation 'gelo' is not known; choose relu"),
        ({"problem": "guess"}, "problem 'guess' is not known; choose regression"),
    ],
)
def test_a_config_that_cannot_be_says_why(change, line):
    with pytest.raises(ValueError, match=line):
        small.gpt2(**change)


def test_what_it_cannot_read_is_named():
    model = small.gpt2()
    with pytest.raises(ValueError, match="10 positions asked for, the model knows 9: cut the text"):
        model(torch.zeros(1, 10, dtype=torch.long))
    memory = Memory()
    model(torch.zeros(1, 9, dtype=torch.long), memory=memory)
    with pytest.raises(ValueError, match="10 positions asked for, the model knows 9"):
        model(torch.zeros(1, 1, dtype=torch.long), memory=memory)
    assert model.config.longest == 9


def test_weights_begin_as_the_paper_says():
    torch.manual_seed(0)
    model = Gpt2Writer(Gpt2Config(vocabulary=500, width=96, layers=8, heads=3, hidden=200, length=90, tied=False))
    inner, added = model.layers[3].mlp.inward.weight, model.layers[3].mlp.outward.weight
    for weight in (model.embed.pieces.weight, model.embed.positions.table, inner, model.predict.weight):
        assert weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert added.std().item() == pytest.approx(0.02 / math.sqrt(16), rel=0.05)
    assert model.layers[0].attention.out.weight.std().item() == pytest.approx(0.02 / math.sqrt(16), rel=0.05)
    assert model.finish.gain.eq(1).all() and model.layers[0].mlp.inward.bias.eq(0).all()


def test_each_dropout_is_where_the_config_says():
    config = Gpt2Config(**small.CORE, dropout=0.1, attention_dropout=0.2, embed_dropout=0.3, layers=1)
    model = Gpt2(config)
    assert (model.embed.dropout.p, model.layers[0].dropout.p, model.layers[0].attention.dropout) == (0.3, 0.1, 0.2)
    none = dataclasses.replace(config, dropout=0.0, attention_dropout=0.0, embed_dropout=0.0)
    same = Gpt2(none)
    assert torch.equal(same.train()(IDS), same.eval()(IDS))


def test_it_compiles_whole_and_is_heard_through_it():
    model = small.gpt2(Gpt2Writer, by_layer=True)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    close(compiled(IDS, LEFT), model(IDS, LEFT), rtol=0, atol=1e-5)
    assert isinstance(model.layers[1].attention.q, nn.Linear)
