"""The study's three models against PyTorch's own encoder with the same weights, and what each promises."""

import dataclasses
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.models.simple import BagConfig, BagOfWords, ClassifierConfig, Generator, TransformerConfig
from glassformer.parts import embed
from glassformer.parts.attention import Memory
from glassformer.tape import listen
from tests import small, twins

BLOCKS, POOLS, POSITIONS = ("post", "pre"), ("mean", "max"), ("learned", "interleaved", "halves")
close = torch.testing.assert_close


def golden(title: str) -> list[str]:
    """The names under `[title]` in sites.txt."""
    text = (Path(__file__).parent / "sites.txt").read_text()
    sections = dict(re.findall(r"^\[(.+)\]\n((?:[^\[\n].*\n)+)", text, re.MULTILINE))
    return sections[title].split()


def pooled_by_hand(x, real, how):
    """Sentence by sentence, over the real pieces alone."""
    rows = [sentence[mark] for sentence, mark in zip(x, real, strict=True)]
    return torch.stack([row.mean(0) if how == "mean" else row.max(0).values for row in rows])


# names are API


MODELS = {
    "Classifier post": lambda: small.classifier(),
    "Classifier pre": lambda: small.classifier(block="pre"),
    "Generator post": lambda: small.generator(),
    "Generator pre": lambda: small.generator(block="pre"),
    "BagOfWords": small.bag,
}


@pytest.mark.parametrize("title", MODELS)
def test_site_names_are_the_golden_ones(title, ids):
    model = MODELS[title]()
    with listen(model) as tape:
        model(ids)
    assert list(tape) == golden(title)


# against PyTorch's own


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("how", POOLS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_classifier_is_the_encoder_of_pytorch_pooled_by_hand(ids, real, block, how, dtype):
    model = small.classifier(block=block, pool=how).to(dtype)
    x = F.embedding(ids, model.embed.pieces.weight) + model.embed.positions.table[: ids.size(1)]
    read = twins.encoder(model)(x, src_key_padding_mask=~real)
    logits = F.linear(pooled_by_hand(read, real, how), model.head.weight, model.head.bias)
    close(model(ids, real), logits, rtol=0, atol=5e-6 if dtype == torch.float32 else 1e-12)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("padded", [False, True])
def test_generator_is_the_encoder_of_pytorch_under_a_causal_mask(ids, real, block, padded):
    model = small.generator(block=block).double()
    places = torch.tensor([[0, 1, 2, 3, 4], [0, 1, 2, 2, 2] if padded else [0, 1, 2, 3, 4]])
    x = F.embedding(ids, model.embed.pieces.weight) + model.embed.positions.table[places]
    ahead = torch.triu(torch.ones(5, 5, dtype=torch.bool), diagonal=1)
    read = twins.encoder(model)(x, mask=ahead, src_key_padding_mask=~real if padded else None)
    expected = F.linear(read, model.head.weight, model.head.bias)
    close(model(ids, real if padded else None), expected, rtol=0, atol=1e-12)


# what the classifier promises


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("how", POOLS)
def test_padding_changes_nothing(ids, positions, block, how):
    model = small.classifier(positions=positions, block=block, pool=how).double()
    alone = model(ids[1:, :3])
    for filler in (0, 7):
        padded = ids.clone()
        padded[1, 3:] = filler
        close(model(padded, small.real())[1:], alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("how", POOLS)
def test_without_positions_the_order_of_words_is_nothing_with_them_it_is_something(ids, how):
    model, order = small.classifier(pool=how).double(), torch.tensor([3, 0, 4, 1, 2])
    assert not torch.allclose(model(ids[:, order]), model(ids), atol=1e-3)
    with listen(model, (), {"embed.places": torch.zeros_like}):
        close(model(ids[:, order]), model(ids), rtol=0, atol=1e-12)


def test_leaving_real_out_means_all_of_them(classifier, generator, ids):
    everything = torch.ones_like(ids, dtype=torch.bool)
    for model in (classifier, generator, small.bag()):
        close(model(ids), model(ids, everything), rtol=0, atol=1e-6)


def test_a_sentence_of_nothing_but_padding_gives_finite_answers_and_gradients(ids):
    real = torch.tensor([[True] * 5, [False] * 5])
    for model in (small.classifier(), small.classifier(block="pre", pool="max"), small.generator()):
        logits = model(ids, real)
        logits.sum().backward()
        assert logits.isfinite().all()
        assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_every_parameter_learns(ids, real):
    for model in (small.classifier(positions="learned"), small.generator(block="pre", positions="learned")):
        model(ids, real).square().sum().backward()
        assert all(parameter.grad.any() for parameter in model.parameters())


def test_dropout_works_in_training_and_only_then(ids):
    model = small.classifier(dropout=0.5)
    close(model(ids), model(ids), rtol=0, atol=0)
    model.train()
    assert not torch.equal(model(ids), model(ids))


# what the generator promises


@pytest.mark.parametrize("block", BLOCKS)
@given(at=st.integers(0, 4), piece=st.integers(0, 10))
@settings(max_examples=10, deadline=None, derandomize=True)
def test_a_later_piece_changes_no_earlier_prediction(block, at, piece):
    torch.manual_seed(0)
    model, ids = small.generator(block=block).double(), small.ids()
    changed = ids.clone()
    changed[:, at] = piece
    before, after = model(ids), model(changed)
    close(after[:, :at], before[:, :at], rtol=0, atol=1e-12)
    moved = ids[:, at] != piece
    assert not torch.isclose(after[moved, at:], before[moved, at:]).all(dim=-1).any()


def test_a_prefix_is_read_the_same_alone(generator, ids):
    close(generator(ids[:, :3]), generator(ids)[:, :3], rtol=0, atol=1e-6)


LEFT = torch.tensor([[True] * 5, [False] * 3 + [True] * 2])


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("sizes", [[1] * 5, [3, 2], [1, 4], [5]], ids=str)
def test_piece_by_piece_with_a_memory_is_all_at_once(ids, block, positions, sizes):
    model, memory = small.generator(block=block, positions=positions), Memory()
    parts = [model(new, real, memory) for new, real in zip(ids.split(sizes, 1), LEFT.split(sizes, 1), strict=True)]
    close(torch.cat(parts, dim=1)[LEFT], model(ids, LEFT)[LEFT], rtol=0, atol=1e-5)
    assert torch.equal(memory.real, LEFT)
    without = Memory()
    parts = [model(new, memory=without) for new in ids.split(sizes, 1)]
    close(torch.cat(parts, dim=1), model(ids), rtol=0, atol=1e-5)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("real", [LEFT, LEFT.flip(1)], ids=["padding in front", "padding behind"])
def test_a_padded_row_is_the_row_alone(ids, block, positions, real):
    model = small.generator(block=block, positions=positions).double()
    together = model(ids, real)
    for row in range(2):
        close(together[row, real[row]], model(ids[row : row + 1, real[row]])[0], rtol=0, atol=1e-12)


def test_a_generator_says_how_far_it_reaches_and_goes_no_further(generator):
    ids = torch.zeros(1, 10, dtype=torch.long)
    assert generator.config.longest == 9
    with pytest.raises(ValueError, match="10 positions asked for, the model knows 9"):
        generator(ids)
    memory = Memory()
    generator(ids[:, :9], memory=memory)
    with pytest.raises(ValueError, match="10 positions asked for, the model knows 9"):
        generator(ids[:, :1], memory=memory)
    assert memory.length == 9  # as it was


# what the bag of words promises


def test_bag_of_words_is_additive_and_blind_to_order(ids, real):
    model = small.bag().double()
    expected = torch.stack(
        [
            sum(model.weight.weight[piece] for piece, counts in zip(*row, strict=True) if counts) + model.bias
            for row in zip(ids, real, strict=True)
        ]
    )
    close(model(ids, real), expected, rtol=0, atol=1e-12)
    close(model(ids.flip(1), real.flip(1)), expected, rtol=0, atol=1e-12)
    left, right, both = model(ids[:, :2]), model(ids[:, 2:]), model(ids)
    close(left + right - model.bias, both, rtol=0, atol=1e-12)


def test_bag_of_words_shares_are_what_each_piece_says(ids, real):
    model = small.bag()
    with listen(model) as tape:
        logits = model(ids, real)
    assert not tape["shares"][1, 3:].any()
    close(tape["shares"].sum(1) + model.bias, logits)


def test_an_untrained_bag_of_words_has_no_opinion(ids):
    assert not BagOfWords(BagConfig(vocabulary=11))(ids).any()


# configs


@pytest.mark.parametrize("name", ["interleaved", "halves"])
def test_a_config_names_its_table_of_positions(name):
    table = getattr(embed, name)(9, 12)
    assert torch.equal(small.classifier(positions=name).embed.positions.table, table)


def test_learned_positions_are_a_parameter_of_the_model():
    assert "embed.positions.table" in dict(small.generator(positions="learned").named_parameters())


@pytest.mark.parametrize(
    ("field", "value", "repair"),
    [
        ("block", "both", "choose post, pre"),
        ("pool", "sum", "choose mean, max"),
        ("positions", "rotary", "choose learned, interleaved, halves"),
    ],
)
def test_an_unknown_choice_fails_at_once_and_lists_the_known_ones(field, value, repair):
    with pytest.raises(ValueError, match=f"{field} '{value}' is not known; {repair}"):
        ClassifierConfig(vocabulary=11, **{field: value})


def test_width_and_heads_that_do_not_fit_fail_at_construction():
    with pytest.raises(ValueError, match="width 16 does not divide into 3 heads; try 1, 2, 4, 8 or 16"):
        Generator(TransformerConfig(vocabulary=11, width=16, heads=3))


def test_a_sentence_longer_than_the_model_knows_names_both_numbers(classifier):
    with pytest.raises(ValueError, match="10 positions asked for, the model knows 9"):
        classifier(torch.zeros(1, 10, dtype=torch.long))


@pytest.mark.parametrize("make", [small.bag, small.classifier, small.generator])
def test_a_config_cannot_be_changed(make):
    with pytest.raises(dataclasses.FrozenInstanceError):
        make().config.vocabulary = 1
