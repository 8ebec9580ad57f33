"""In parts, in short numbers, computed again: what is learned at once is learned; and the bugs that break it."""

import pytest
import torch
from torch import nn

from glassformer.models.gpt2 import Gpt2Config, Gpt2Writer
from glassformer.models.losses import IGNORED, cross_entropy
from glassformer.models.seq2seq import Translator, TranslatorConfig
from glassformer.models.simple import BagConfig, BagOfWords, Generator, TransformerConfig
from glassformer.train.big import Short, accumulate, asked, divided, lost, recompute, several
from glassformer.train.loop import State, train
from glassformer.train.recipes import Recipe
from glassformer.train.weighed import kept, most, own

SIZES = {"width": 24, "heads": 3, "layers": 3, "hidden": 48, "length": 32}
VOCABULARY = 20
RECIPE = Recipe("tiny", "for tests", (), rate=0.01)
LENGTHS = [16, 3, 9, 1, 5, 12]  # of the texts


def generator(**more):
    torch.manual_seed(0)
    return Generator(TransformerConfig(VOCABULARY, **SIZES | more, block="pre")).double().train()


def ragged():
    """Texts of different length, and what follows each piece; −100 where nothing does."""
    ids = torch.randint(3, VOCABULARY, (len(LENGTHS), 16), generator=torch.Generator().manual_seed(1))
    real = torch.arange(16) < torch.tensor(LENGTHS)[:, None]
    return ids, real, ids.roll(-1, 1).masked_fill(~real, IGNORED)


def loss_of(model):
    return lambda part: cross_entropy(model(part[0], part[1]), part[2])


def gradients(model):
    return [weight.grad.clone() for weight in model.parameters()]


def at_once(model, batch):
    model.zero_grad()
    loss = loss_of(model)(batch)
    loss.backward()
    return loss.detach(), gradients(model)


def apart(one, other):
    """The largest difference of two gradients, beside the largest number in one of them."""
    differences = max((a - b).abs().max().item() for a, b in zip(one, other, strict=True))
    return differences / max(a.abs().max().item() for a in one)


# accumulation


@pytest.mark.parametrize("parts", [1, 2, 4, 6])
def test_in_parts_is_at_once(parts):
    """Also where a part has more labels than another: each weighs as many labels as it holds."""
    model, batch = generator(), ragged()
    loss, right = at_once(model, batch)
    model.zero_grad()
    found = accumulate(divided(batch, parts), loss_of(model), lambda part: asked(part[2]))
    assert found == pytest.approx(loss.item(), rel=1e-12)
    assert apart(right, gradients(model)) < 1e-12


def test_a_mean_of_means_learns_something_else():
    """The bug of many a training loop: the short text's labels weigh more."""
    model, batch = generator(), ragged()
    loss, right = at_once(model, batch)
    model.zero_grad()
    means = accumulate(divided(batch, 6), loss_of(model), labels=lambda part: 1)
    assert abs(means - loss) > 0.01 and apart(right, gradients(model)) > 0.1


def test_texts_of_one_length_make_means_of_means_right():
    model, (ids, _, _) = generator(), ragged()
    batch = ids[:, :-1], torch.ones(6, 15, dtype=torch.bool), ids[:, 1:]
    _, right = at_once(model, batch)
    model.zero_grad()
    accumulate(divided(batch, 3), loss_of(model), labels=lambda part: 1)
    assert apart(right, gradients(model)) < 1e-12


def test_without_the_division_the_gradient_is_that_of_a_sum():
    model, (ids, _, _) = generator(), ragged()
    batch = ids[:, :-1], torch.ones(6, 15, dtype=torch.bool), ids[:, 1:]
    _, right = at_once(model, batch)
    model.zero_grad()
    for part in divided(batch, 3):
        loss_of(model)(part).backward()  # `/ 3` is missing
    assert apart([3 * gradient for gradient in right], gradients(model)) < 1e-12


def test_the_missing_zero_grad():
    """Without it a step follows the gradients of all steps before it as well; the loop has it."""
    batch = ragged()
    model = generator()
    _, first = at_once(model, batch)
    loss_of(model)(batch).backward()  # zero_grad is missing
    assert apart([2 * gradient for gradient in first], gradients(model)) < 1e-12

    def learned(forgetful):
        state = State(generator(), RECIPE)
        if forgetful:
            state.optimiser.zero_grad = lambda: None
        list(train(state, Texts(5)))
        return state.model.head.weight.detach()

    torch.testing.assert_close(learned(False), learned(False), rtol=0, atol=0)
    assert (learned(True) - learned(False)).abs().max() > 1e-3


def test_parts_without_a_label_say_nothing_and_nothing_at_all_is_an_error():
    model, (ids, real, labels) = generator(), ragged()
    labels = labels.clone()
    labels[2:4] = IGNORED
    loss, right = at_once(model, (ids, real, labels))
    model.zero_grad()
    parts = divided((ids, real, labels), 3)
    assert accumulate(parts, loss_of(model), lambda part: asked(part[2])) == pytest.approx(loss.item())
    assert apart(right, gradients(model)) < 1e-12
    with pytest.raises(ValueError, match="3 parts hold no label"):
        accumulate(parts, loss_of(model), lambda part: 0)


def test_a_batch_does_not_divide_into_more_parts_than_texts():
    ids = torch.zeros(6, 3)
    assert [len(part[0]) for part in divided((ids, ids), 4)] == [2, 2, 1, 1]
    for parts in (0, 7):
        with pytest.raises(ValueError, match=f"6 texts do not divide into {parts} parts; try 1 to 6"):
            divided((ids,), parts)


# the loop takes them


class Texts:
    """A task of which the batch of a number is so many texts, the next ones."""

    seed = 0

    def __init__(self, total, rows=6):
        self.total, self.rows = total, rows

    def part(self, number):
        first = number * self.rows % 6
        return [tensor[first : first + self.rows] for tensor in ragged()]

    def loss(self, model, step):
        return loss_of(model)(self.part(step))

    def rate(self, step):
        return 0.01


def curve(task, gradient=None, model=None):
    state = State(model or generator(), RECIPE)
    losses = [step.loss for step in (train(state, task, gradient) if gradient else train(state, task))]
    return losses, list(state.model.parameters())


def test_several_batches_make_one_step_of_the_loop():
    """Six texts at once, and the same six as three batches of two, for four steps."""
    two = Texts(4, rows=2)
    losses, weights = curve(Texts(4))
    found, same = curve(two, several(3, labels=lambda number: asked(two.part(number)[2])))
    assert found == pytest.approx(losses, rel=1e-9)
    assert apart(weights, same) < 1e-6
    means, _ = curve(two, several(3))
    assert means != pytest.approx(losses, rel=1e-3)


def test_a_step_of_one_batch_is_the_loops_own_to_the_bit():
    assert curve(Texts(4))[0] == curve(Texts(4), several(1))[0]
    with pytest.raises(ValueError, match="a step of 0 batches"):
        several(0)


def test_parts_need_less_memory():
    model, batch = generator(layers=6), ragged()
    parts = divided(batch, 6)
    loss = loss_of(model)

    def step(run):
        model.zero_grad()
        run()

    step(lambda: at_once(model, batch))
    model.zero_grad()
    whole = most(lambda: loss(batch).backward())
    model.zero_grad()
    assert most(lambda: accumulate(parts, loss, lambda part: asked(part[2]))) < whole / 2


# gradient checkpointing


def writers():
    torch.manual_seed(0)
    yield Generator(TransformerConfig(VOCABULARY, **SIZES, dropout=0.2)), lambda model, ids: model(ids)
    yield Gpt2Writer(Gpt2Config(VOCABULARY, **SIZES, dropout=0.2, attention_dropout=0.2)), lambda model, ids: model(ids)
    config = TranslatorConfig(VOCABULARY, **SIZES, encoder_layers=3, dropout=0.2, attention_dropout=0.2)
    yield Translator(config), lambda model, ids: model(ids, memory=model.read(ids.flip(1)))


@pytest.mark.parametrize(("model", "run"), list(writers()), ids=["generator", "gpt2", "translator"])
def test_computed_again_the_gradients_are_the_same_bits_dropout_too(model, run):
    ids, found, held = ragged()[0], [], []
    model.train()
    for again in (False, True):
        assert recompute(model, again) == (2 if isinstance(model, Translator) else 1)
        model.zero_grad()
        torch.manual_seed(5)
        kept_now, logits = kept(lambda: run(model, ids), own(model))
        logits.square().mean().backward()
        found.append(gradients(model))
        held.append(kept_now)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    assert any(gradient.abs().max() > 0 for gradient in found[0])
    assert held[1] < held[0] / 4


def test_between_blocks_only_the_stream_is_kept():
    model, ids = generator(layers=5).float(), ragged()[0]
    recompute(model)
    found, _ = kept(lambda: model(ids), [*own(model), ids])
    stream, mean = 6 * 16 * 24 * 4, 6 * 16 * 4
    assert found == 5 * stream + 2 * stream + 2 * mean  # and what stands behind the last block


def test_a_model_without_blocks_has_nothing_to_compute_again():
    with pytest.raises(ValueError, match="BagOfWords has no stack of blocks"):
        recompute(BagOfWords(BagConfig(9)))


# two bytes a number


def test_short_numbers_give_nearly_the_same_gradients():
    model, batch = generator(dropout=0.0).float(), ragged()
    _, right = at_once(model, batch)
    model.zero_grad()

    class Once:
        seed, total, rate = 0, 1, None

        def loss(self, model, step):
            return loss_of(model)(batch)

    loss = Short(Once()).loss(model, 0)
    loss.backward()
    assert loss.dtype == torch.float32 and all(gradient.dtype == torch.float32 for gradient in gradients(model))
    assert 1e-5 < apart(right, gradients(model)) < 0.03  # 8 bits of a number: errors of up to 0.4 %


def test_a_short_task_learns_in_the_loop():
    losses, _ = curve(Texts(12), model=generator().float())
    short, _ = curve(Short(Texts(12)), model=generator().float())
    assert short != losses and short == pytest.approx(losses, rel=0.02) and short[-1] < 0.9 * short[0]


def test_float16_loses_small_gradients_a_larger_loss_saves_them_and_bfloat16_needs_none():
    below, above = 2.0**-26, 2.0**-24
    small = [torch.tensor([below, above, 0.0, -below, 1.0])]
    assert lost(small, torch.float16) == 0.5  # two of the four that are not 0
    assert lost(small, torch.float16, scale=2.0**10) == 0.0
    assert lost(small, torch.bfloat16) == 0.0
    assert lost([torch.zeros(3)], torch.float16) == 0.0
    back = (small[0] * 2.0**10).half().float() / 2.0**10  # and divided out again, exactly
    assert torch.equal(back, small[0])


def test_a_loss_that_is_too_large_overflows():
    assert nn.functional.mse_loss(torch.ones(1), torch.zeros(1)).mul(2.0**16).half().isinf()
