"""The sums beside what autograd keeps, what PyTorch counts and what the source says: equal, to the byte."""

import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig as TheirBertConfig
from transformers import BertModel, GPT2Config, GPT2LMHeadModel

from glassformer.models.bert import Bert, BertConfig
from glassformer.models.gpt2 import Gpt2Config, Gpt2Writer
from glassformer.models.seq2seq import Translator, TranslatorConfig
from glassformer.models.simple import Generator, TransformerConfig
from glassformer.parts.attention import Attention, Memory
from glassformer.parts.block import MLP, PostNormBlock, PreNormBlock, Stack
from glassformer.parts.mask import causal
from glassformer.tape import listen
from glassformer.train.loop import State, whole
from glassformer.train.memory import (
    Sizes,
    block,
    crossed,
    crossings,
    ends,
    layers_that_fit,
    learning,
    matrix,
    predicted,
    remembered,
    work,
)
from glassformer.train.recipes import Recipe
from glassformer.train.weighed import kept, own

SIZES = [Sizes(3, 20, 24, 3, 40), Sizes(1, 7, 12, 1, 20), Sizes(2, 33, 32, 8, 128)]
LAYERS, VOCABULARY, LENGTH = 2, 50, 64


def core(sizes, **more):
    return {"width": sizes.width, "heads": sizes.heads, "hidden": sizes.hidden, "length": LENGTH, "layers": 2} | more


def texts(sizes, length=None):
    return torch.randint(3, VOCABULARY, (sizes.batch, length or sizes.length))


def total(*parts):
    return sum(sum(part.values()) if isinstance(part, dict) else part for part in parts)


def test_the_sum_of_the_source():
    """1000 positions, 16 texts, float32: 64 MB; four copies of four heads a layer in 12 GB: 11.7 layers."""
    one = matrix(16, 1000)
    assert one == 64_000_000 == torch.empty(16, 1000, 1000, device="meta").untyped_storage().nbytes()
    assert layers_that_fit(12e9, one, heads=4) == pytest.approx(11.71875)
    assert matrix(16, 2000) == 4 * one and matrix(16, 1000, number=2) == one / 2


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("kind", ["pre", "post"])
@pytest.mark.parametrize("positions", ["learned", "interleaved"])
def test_what_a_generator_keeps(sizes, kind, positions):
    model = Generator(TransformerConfig(VOCABULARY, **core(sizes), block=kind, positions=positions)).train()
    ids = texts(sizes)
    found, _ = kept(lambda: model(ids), [*own(model), ids])
    places = (
        8 * sizes.batch * sizes.length if positions == "learned" else 0
    )  # whose table learns has to know which rows
    mask = matrix(1, sizes.length)
    assert found == LAYERS * total(block(sizes, mask=mask)) + ends(sizes, kind == "pre") + places


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_what_gpt2_keeps(sizes):
    quiet = dict.fromkeys(("dropout", "attention_dropout", "embed_dropout"), 0.0)
    model, ids = Gpt2Writer(Gpt2Config(VOCABULARY, **core(sizes), **quiet)).train(), texts(sizes)
    found, _ = kept(lambda: model(ids), [*own(model), ids])
    sizes = Sizes(sizes.batch, sizes.length, sizes.width, sizes.heads, sizes.hidden, bends=2)
    mask, places = matrix(1, sizes.length), 8 * sizes.batch * sizes.length
    assert found == LAYERS * total(block(sizes, mask=mask)) + ends(sizes, pre=True) + places


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_what_a_translator_keeps(sizes):
    read = Sizes(sizes.batch, 13, sizes.width, sizes.heads, sizes.hidden)
    model = Translator(TranslatorConfig(VOCABULARY, **core(sizes), encoder_layers=3, dropout=0.0)).train()
    source, ids = texts(read), texts(sizes)
    found, _ = kept(lambda: model(ids, memory=model.read(source)), [*own(model), source, ids])
    decoder = LAYERS * (total(block(sizes, mask=matrix(1, sizes.length))) + crossed(sizes, read.length))
    assert found == decoder + 3 * total(block(read)) + ends(read, pre=False) + ends(sizes, pre=False)


def blocks(sizes, kind, dropout=0.0):
    return Stack([kind(Attention(sizes.width, sizes.heads, dropout=dropout), MLP(sizes.width, sizes.hidden))]).train()


def by_definition(stack, x, mask=None):
    """The tape asks for the weights, so no kernel runs."""
    with listen(stack, keep=(), edit={"*.attention.weights": lambda weights: weights}):
        return stack(x, mask)


def weights_kept(stack, x, mask=None):
    return kept(lambda: by_definition(stack, x, mask), own(stack))[0]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("kind", [PreNormBlock, PostNormBlock])
def test_the_definition_keeps_the_matrix_and_the_kernel_does_not(sizes, dropout, kind):
    stack, x = blocks(sizes, kind, dropout), torch.randn(sizes.batch, sizes.length, sizes.width)
    x.requires_grad_()
    matrices = 3 if dropout else 1
    assert weights_kept(stack, x) == total(block(sizes, matrices))
    by_kernel = kept(lambda: stack(x), own(stack))[0]
    assert by_kernel == total(block(sizes, 3 if dropout else 0))  # PyTorch's kernel of a CPU does not drop out
    if not dropout:
        saved = weights_kept(stack, x) - by_kernel
        assert saved == sizes.heads * (matrix(sizes.batch, sizes.length) - sizes.one)


def test_a_mask_is_made_into_numbers_by_the_kernel():
    sizes = SIZES[0]
    stack, x, mask = blocks(sizes, PreNormBlock), torch.randn(3, 20, 24, requires_grad=True), causal(20)
    assert kept(lambda: stack(x, mask), own(stack))[0] == total(block(sizes, mask=20 * 20 * 4))
    assert weights_kept(stack, x, mask) == total(block(sizes, 1, mask=20 * 20))  # True and False, turned round: a byte


def test_what_the_loss_keeps():
    logits = torch.randn(3, 20, VOCABULARY, requires_grad=True)
    labels = texts(SIZES[0])
    found, _ = kept(lambda: torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten()), [logits, labels])
    assert found == predicted(SIZES[0], VOCABULARY) + 4  # and how many labels there were


class Squares:
    seed, total = 0, 1

    def loss(self, model, step):
        return model(torch.tensor([[3, 4, 5]])).square().mean()

    def rate(self, step):
        return 0.1


def test_what_learning_holds_is_what_the_loop_holds():
    model = Generator(TransformerConfig(VOCABULARY, width=12, heads=3, layers=1, hidden=20))
    state = State(model, Recipe("tiny", "for tests", ()))
    whole(state, Squares())
    state.optimiser.step()
    weights = list(model.parameters())
    moments = [value for each in state.optimiser.state.values() for name, value in each.items() if name != "step"]
    expected = learning(sum(weight.numel() for weight in weights), averaged=True)
    assert expected == {
        "weights": sum(weight.nbytes for weight in weights),
        "gradients": sum(weight.grad.nbytes for weight in weights),
        "moments": sum(moment.nbytes for moment in moments),
        "average": sum(weight.nbytes for weight in state.average.parameters()),
    }
    assert sum(learning(10).values()) == 160


def test_bert_base_and_the_smallest_gpt2_have_as_many_weights_as_the_reference():
    def count(model):
        return sum(weight.numel() for weight in {id(w): w for w in model.parameters()}.values())

    with torch.device("meta"):
        ours = Bert(BertConfig()), Gpt2Writer(Gpt2Config())
        theirs = BertModel(TheirBertConfig(), add_pooling_layer=False), GPT2LMHeadModel(GPT2Config())
    assert [count(model) for model in ours] == [count(model) for model in theirs] == [108_891_648, 124_439_808]


def test_what_a_decoder_remembers():
    sizes, memory = SIZES[0], Memory()
    model = Generator(TransformerConfig(VOCABULARY, **core(sizes)))
    ids = texts(sizes)
    for start, stop in ((0, 13), (13, 19), (19, 20)):
        model(ids[:, start:stop], memory=memory)
    assert sum(k.nbytes + v.nbytes for k, v in memory.known.values()) == remembered(sizes, LAYERS)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_work_is_what_pytorch_counts(sizes):
    """Of the definition; PyTorch does not know what its kernel of a CPU does."""
    stack, x = blocks(sizes, PreNormBlock), torch.randn(sizes.batch, sizes.length, sizes.width)
    with FlopCounterMode(display=False) as counted:
        by_definition(stack, x)
    assert counted.get_total_flops() == sum(work(sizes).values())


@pytest.mark.parametrize(("width", "hidden"), [(128, 512), (768, 3072), (64, 100)])
def test_where_the_matrices_begin_to_outweigh_the_rest(width, hidden):
    beside_mlp, beside_all = crossings(width, hidden)

    def ratio(length, *names):
        found = work(Sizes(2, length, width, 4, hidden))
        return found["matrices"] / sum(found[name] for name in names)

    assert math.isclose(ratio(beside_mlp, "MLP"), 1)
    assert math.isclose(ratio(beside_all, "MLP", "q, k, v and out"), 1)
    assert ratio(beside_all + 1, "MLP", "q, k, v and out") > 1 > ratio(beside_mlp - 1, "MLP")
