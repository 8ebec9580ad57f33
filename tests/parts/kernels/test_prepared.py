"""The twin of a stack is the stack: in its numbers, in what a tape hears and edits, and in stepping aside in time."""

import contextlib
import copy
import io
import pickle
import threading

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter
from torch.nn.utils import parametrize, prune

from glassformer.models import heads, surgery
from glassformer.models.bert import Bert
from glassformer.parts.attention import Attention, RelativeKey
from glassformer.parts.block import (
    ACTIVATIONS,
    MLP,
    LayerNorm,
    PostNormBlock,
    PreNormBlock,
    Stack,
)
from glassformer.parts.kernels import prepared as kernel
from glassformer.parts.kernels.linear import Linear, available
from glassformer.parts.kernels.memory import Memory
from glassformer.parts.kernels.prepared import HIDDEN, hidden, prepare
from glassformer.parts.mask import Runs, causal, pairs
from glassformer.tape import listen
from tests import small
from tests.parts.kernels.stacks import DTYPES, MASKS, ROUNDED, assert_near, off, stack, truth

pytestmark = pytest.mark.skipif(not available(), reason="this build of PyTorch has no oneDNN")
close = torch.testing.assert_close
# the numbers


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_twin_is_the_definition_with_every_activation(activation, dtype, twins):
    blocks, x = stack(activation), torch.randn(2, 5, 16)
    assert prepare(blocks, dtype)
    answer = off(blocks, x)
    assert twins == ["0", "1", "2"] and answer.dtype == torch.float32 and answer.shape == x.shape
    assert_near(answer, truth(blocks, x), dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("packs", [True, False], ids=["packs", "never packs"])
@pytest.mark.parametrize("case", MASKS)
def test_the_twin_is_the_definition_with_every_mask(case, packs, dtype, twins):
    (mask, shape), blocks = MASKS[case], stack()
    x, blocks.packs = torch.randn(*shape, 16), packs
    assert prepare(blocks, dtype)
    answer = off(blocks, x, mask)
    real = mask[:, 0, 0] if packs and case == "padding" else slice(None)
    if case == "nothing but padding" and packs:
        assert not answer.any() and not twins
    else:
        assert twins == ["0", "1", "2"]
        assert_near(answer, truth(blocks, x, mask), dtype, real)


def test_a_row_that_may_look_at_nothing_gets_nothing_from_attention():
    blocks, may_look, x = stack(), torch.ones(3, 7, 7, dtype=torch.bool), torch.randn(3, 7, 16)
    may_look[1, 4] = False
    assert prepare(blocks)
    with torch.no_grad(), listen(blocks, "*.z") as tape:
        answer = blocks(x, pairs(may_look))
    assert not tape["1.attention.z"][1, :, 4].any()
    assert_near(answer, truth(blocks, x, pairs(may_look)))


@pytest.mark.parametrize("kind", [Bert, heads.Pooled, heads.SequenceClassification, heads.MaskedLanguageModel])
def test_a_whole_model_gives_the_same_numbers_and_keeps_its_weights(kind, ids, real):
    model = small.bert(kind)
    expected, weights = off(model, ids, real), copy.deepcopy(model.state_dict())
    assert prepare(model)
    close(off(model, ids, real), expected, rtol=0, atol=1e-5)
    close(model.state_dict(), weights, rtol=0, atol=0)


def test_packed_texts_are_read_by_the_twin_too(twins):
    model, pieces, runs = small.bert(), torch.arange(9) % 11, Runs((4, 1, 4))
    with torch.no_grad():
        expected = model.read_packed(pieces, runs)
        assert prepare(model)
        assert_near(model.read_packed(pieces, runs), expected)
    assert twins == ["0", "1"]


def test_in_inference_mode_it_is_used_as_well(twins):
    blocks, x = stack(), torch.randn(2, 5, 16)
    with torch.inference_mode():
        assert prepare(blocks)
        assert_near(blocks(x), truth(blocks, x))
    assert_near(off(blocks, x), truth(blocks, x))
    assert len(twins) == 6


def test_two_stacks_of_one_model_are_both_prepared_and_one_may_change_alone(twins):
    both, x = nn.Sequential(stack(), stack("relu", 2)), torch.randn(2, 5, 16)
    assert prepare(both)
    assert_near(off(both, x), truth(both[1], truth(both[0], x)))
    assert twins == ["0", "1", "2", "0", "1"]
    nn.init.zeros_(both[1][0].mlp.inward.weight)
    twins.clear()
    assert_near(off(both, x), truth(both[1], truth(both[0], x)))
    assert twins == ["0", "1", "2"]


# when it is not used


def test_while_somebody_learns_the_definition_runs(twins):
    blocks, x = stack(), torch.randn(2, 5, 16)
    plain = copy.deepcopy(blocks)
    assert prepare(blocks)
    for model in (blocks, plain):
        model(x).square()[..., :5].sum().backward()
    for mine, expected in zip(blocks.parameters(), plain.parameters(), strict=True):
        assert torch.equal(mine.grad, expected.grad)
    off(blocks.train(), x)
    assert not twins
    off(blocks.eval(), x)
    assert twins


def autocast(model, x):
    with torch.autocast("cpu", torch.bfloat16):
        return model(x)


def sloped(model, x):
    return torch.func.grad(lambda x: model(x).square()[..., :5].sum())(x)


def lent(model, x):
    torch.manual_seed(3)
    weights = {name: torch.randn_like(weight) for name, weight in model.named_parameters()}
    return torch.func.functional_call(model, weights, (x,))


@pytest.mark.parametrize("reader", [autocast, sloped, lent])
def test_where_somebody_reads_along_the_definition_runs_and_the_twin_again_afterwards(reader, twins):
    blocks, x = stack(), torch.randn(2, 5, 16)
    plain = copy.deepcopy(blocks)
    assert prepare(blocks)
    with torch.no_grad():
        assert torch.equal(reader(blocks, x), reader(plain, x)) and not twins
        assert_near(blocks(x), plain(x))
    assert twins


def test_another_dtype_is_not_the_twins(twins):
    blocks, x = stack(), torch.randn(2, 5, 16)
    assert prepare(blocks)
    blocks.double()
    close(off(blocks, x.double()), truth(blocks, x), rtol=0, atol=1e-12)
    assert not twins


def in_place(blocks):
    with torch.no_grad():
        blocks[1].attention.k.weight.mul_(2)


def one_norm_in_place(blocks):
    with torch.no_grad():
        blocks[2].mlp_norm.gain[3] += 1


def loaded(blocks):
    blocks.load_state_dict({name: torch.randn_like(weight) for name, weight in blocks.state_dict().items()})


def loaded_and_assigned(blocks):
    weights = {name: torch.randn_like(weight) for name, weight in blocks.state_dict().items()}
    blocks.load_state_dict(weights, assign=True)


def replaced(blocks):
    blocks[0].mlp.outward.bias = nn.Parameter(torch.randn(16))


def replaced_at_the_same_address(blocks):
    bias = blocks[0].mlp.outward.bias
    version = bias._version
    blocks[0].mlp.outward.bias = bias = nn.Parameter(bias.data)
    with torch.no_grad():
        for _ in range(version):
            bias.add_(torch.arange(16))
    assert bias._version == version


def stepped(blocks):
    optimizer = torch.optim.SGD(blocks.parameters(), lr=0.5)
    blocks(torch.ones(1, 2, 16)).square()[..., :5].sum().backward()
    optimizer.step()


def pruned(blocks):
    prune.l1_unstructured(blocks[1].mlp.inward, "weight", 0.5)


def parametrized(blocks):
    class Doubled(nn.Module):
        def forward(self, weight):
            return weight * 2

    parametrize.register_parametrization(blocks[1].attention.out, "weight", Doubled())


def another_linear_map(blocks):
    blocks[1].attention.q = Linear(16, 16)


def a_part_gone_before_another_came(blocks):
    """Which may get the place of the one that is gone, its `id`."""
    blocks[1].mlp = None
    blocks[1].mlp = MLP(16, 24, ACTIVATIONS["gelu"])


def another_block(blocks):
    blocks[0] = stack("relu", 1)[0]


def a_block_less(blocks):
    del blocks[1]


def a_block_more(blocks):
    blocks.append(PostNormBlock(Attention(16, 4), MLP(16, 24)).eval())


CHANGES = [in_place, one_norm_in_place, loaded, loaded_and_assigned, replaced, replaced_at_the_same_address, stepped]
CHANGES += [pruned, parametrized, another_linear_map, a_part_gone_before_another_came]
CHANGES += [another_block, a_block_less, a_block_more]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("change", CHANGES)
def test_the_twin_is_not_used_once_a_weight_or_a_part_has_changed(change, dtype, twins):
    blocks, x = stack(), torch.randn(2, 5, 16)
    assert prepare(blocks, dtype)
    before = off(blocks, x)
    twins.clear()
    change(blocks)
    answer, expected = off(blocks, x), x
    for block in blocks:
        expected = off(block, expected)
    assert torch.equal(answer, expected) and not twins
    assert (answer - before).abs().max() > 0.05
    if change not in (pruned, parametrized):
        assert prepare(blocks, dtype)
        assert_near(off(blocks, x), truth(blocks, x), dtype)


def test_heads_taken_off_for_good_are_gone_at_once(ids):
    model, plain = small.bert(), small.bert()
    assert prepare(model)
    for each in (model, plain):
        surgery.prune(each, {0: [1], 1: [0, 2]})
    close(off(model, ids), off(plain, ids), rtol=0, atol=1e-5)


def pickled(model):
    return pickle.loads(pickle.dumps(model))


def saved(model):
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled, saved])
def test_a_copy_is_equal_and_not_prepared(copied, twins, ids):
    model = small.bert()
    assert prepare(model)
    other = copied(model)
    assert other.layers.prepared is None and model.layers.prepared is not None
    assert all(part.packed is None for part in other.modules() if isinstance(part, Linear))
    close(off(other, ids), off(model, ids), rtol=0, atol=1e-5)
    assert twins == ["0", "1"]
    assert prepare(other)
    assert torch.equal(off(other, ids), off(model, ids))


def test_what_is_prepared_goes_with_its_model():
    """No circle of references keeps the weights of a model that nobody has any more."""
    gone = []

    class Farewell(nn.Dropout):
        def __del__(self):
            gone.append(1)

    blocks = stack(layers=1)
    assert prepare(blocks)
    blocks[0].attention_norm.farewell = Farewell()
    del blocks
    assert gone


# what is not prepared at all


def relative():
    return Stack([PostNormBlock(Attention(16, 4, nearness=RelativeKey(9, 4)), MLP(16, 24))])


def one_of_two_relative():
    return Stack([*stack(layers=1), *relative()])


def a_kind_of_somebody_elses():
    class Twice(PreNormBlock):
        def forward(self, x, mask=None, memory=None):
            return super().forward(super().forward(x, mask, memory), mask, memory)

    return Stack([Twice(Attention(16, 4), MLP(16, 24))])


def double():
    return stack().double()


def one_weight_in_double():
    blocks = stack()
    blocks[2].mlp_norm.gain = nn.Parameter(blocks[2].mlp_norm.gain.double())
    return blocks


def nowhere():
    return stack().to("meta")


def made_in_inference_mode():
    with torch.inference_mode():
        return stack()


def with_a_part_of_somebody_elses():
    class Other(Linear):
        def forward(self, x):
            return super().forward(x) * 2

    blocks = stack()
    blocks[1].mlp.inward = Other(16, 24)
    return blocks


def no_block():
    return Stack()


def no_stack():
    return nn.Sequential(Linear(4, 4))


def one_of_two_stacks():
    return nn.Sequential(stack(), relative())


WITHOUT = [relative, one_of_two_relative, a_kind_of_somebody_elses, double, one_weight_in_double, nowhere]
WITHOUT += [made_in_inference_mode, with_a_part_of_somebody_elses, no_block, no_stack, one_of_two_stacks]


def untouched(model) -> bool:
    stacks = [part for part in model.modules() if isinstance(part, Stack)]
    linears = [part for part in model.modules() if isinstance(part, Linear)]
    return all(part.prepared is None for part in stacks) and all(part.packed is None for part in linears)


@pytest.mark.parametrize("make", WITHOUT)
def test_what_cannot_be_prepared_is_said_to_be_so_and_left_as_it_is(make):
    model = make()
    assert prepare(model) is False and untouched(model)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_a_dtype_that_the_kernels_do_not_have_is_refused(dtype):
    blocks = stack()
    assert prepare(blocks, dtype) is False and untouched(blocks)


def test_without_the_operators_nothing_is_prepared(monkeypatch):
    monkeypatch.setattr(kernel, "available", lambda dtype: False)
    blocks = stack()
    assert prepare(blocks) is False and untouched(blocks)


def test_without_bfloat16_and_halves_float32_alone_is_prepared(monkeypatch):
    monkeypatch.setattr(kernel, "available", lambda dtype: dtype == torch.float32)
    monkeypatch.setattr(kernel, "halves", lambda dtype: False)
    blocks = stack()
    assert prepare(blocks, torch.bfloat16) is False and untouched(blocks)
    assert prepare(blocks)


@ROUNDED
def test_without_bfloat16_only_what_is_written_piece_by_piece_is_half_as_wide(monkeypatch):
    monkeypatch.setattr(kernel, "available", lambda dtype: dtype == torch.float32)
    blocks, x = stack(), torch.randn(1, 5, 16)
    assert prepare(blocks, torch.bfloat16)
    assert_near(off(blocks, x), truth(blocks, x))
    memory = Memory()
    assert_near(off(blocks, x, causal(5), memory), truth(blocks, x, causal(5)))
    one = torch.randn(1, 1, 16)
    assert_near(
        off(blocks, one, None, memory), truth(blocks, torch.cat([x, one], 1), causal(6))[:, -1:], torch.bfloat16
    )
    assert hidden(blocks) is None


# what a tape hears


def heard(model, keep, ids, real, edit=None):
    with torch.no_grad(), listen(model, keep, edit) as tape:
        answer = model(ids, real)
    return answer, dict(tape)


def sites():
    """All that the definition names, in its order."""
    _, tape = heard(small.bert(), "*", small.ids(), small.real())
    return list(tape)


SEEN = [site for site in sites() if not site.endswith(HIDDEN)]
INSIDE = [site for site in SEEN if site.startswith("layers.")]


def test_a_tape_hears_through_the_twin_what_the_definition_names_but_two_sites(twins, ids, real):
    model = small.bert()
    expected = heard(model, tuple(SEEN), ids, real)[1]
    assert prepare(model)
    found = heard(model, tuple(SEEN), ids, real)[1]
    assert twins == ["0", "1"] and list(found) == SEEN and len(SEEN) == len(sites()) - 4
    for site, value in found.items():
        assert value.shape == expected[site].shape and value.dtype == torch.float32
        assert_near(value, expected[site])


@pytest.mark.parametrize(
    "keep", ["layers.*.attention.weights", "*.between", "layers.1.mlp.hidden", "*.[qkvz]", "*_norm.*"]
)
def test_a_tape_hears_any_glob_of_them_through_the_twin(keep, twins, ids, real):
    model = small.bert()
    expected = heard(model, keep, ids, real)[1]
    assert prepare(model)
    found = heard(model, keep, ids, real)[1]
    assert twins == ["0", "1"] and list(found) == list(expected) and found
    close(list(found.values()), list(expected.values()), rtol=0, atol=1e-5)


@pytest.mark.parametrize("site", INSIDE)
def test_an_edit_takes_effect_through_the_twin_as_in_the_definition(site, twins, ids, real):
    model, edit = small.bert(), {site: lambda value: value.flip(-1) * 1.5}
    before, expected = off(model, ids, real), heard(model, (), ids, real, edit)[0]
    assert prepare(model)
    answer = heard(model, (), ids, real, edit)[0]
    assert twins == ["0", "1"]
    close(answer, expected, rtol=0, atol=1e-4)
    assert (answer - before)[real].abs().max() > 0.01


@pytest.mark.parametrize("site", ["attention.mixed", "mlp.out"])
@pytest.mark.parametrize("glob", ["layers.0.{}", "*.{}", "*"])
@pytest.mark.parametrize("how", ["keep", "edit"])
def test_who_asks_for_what_the_twin_does_not_name_gets_the_definition(site, glob, how, twins, ids, real):
    model, glob = small.bert(), glob.format(site)
    asked = (glob, None) if how == "keep" else ((), {glob: lambda value: value * 0.5})
    expected = heard(model, asked[0], ids, real, asked[1])
    assert prepare(model)
    found = heard(model, asked[0], ids, real, asked[1])
    assert not twins and list(found[1]) == list(expected[1])
    close(found, expected, rtol=0, atol=1e-5)


def test_a_stack_that_is_listened_to_by_itself_has_its_own_addresses(twins):
    blocks, x = stack(), torch.randn(2, 5, 16)
    assert prepare(blocks)
    with torch.no_grad():
        with listen(blocks, ("*.between", "*.weights")) as tape:
            blocks(x)
        assert twins == ["0", "1", "2"]
        assert list(tape) == [f"{layer}.{site}" for layer in range(3) for site in ("attention.weights", "between")]
        with listen(blocks, "2.mlp.out") as tape:
            blocks(x)
    assert list(tape) == ["2.mlp.out"] and len(twins) == 3


@pytest.mark.parametrize("part", ["layers.1", "layers.0.attention", "layers.1.mlp"])
@pytest.mark.parametrize("around", [False, True], ids=["alone", "with a tape around it"])
def test_who_listens_to_a_part_of_a_block_gets_the_definition(part, around, twins, ids, real):
    """The twin calls no block: a tape on one, or an edit of its values, must not be passed by."""
    model, keep = small.bert(), ("z", "*.z", "hidden")
    edit = {keep[0] if "attention" in part else "*hidden": lambda value: value * 0.5}
    expected = part_heard(model, part, keep, edit, ids, real, around)
    assert prepare(model)
    found = part_heard(model, part, keep, edit, ids, real, around)
    assert not twins and list(found[1]) == list(expected[1]) and found[1]
    close(found, expected, rtol=0, atol=1e-5)


def part_heard(model, part, keep, edit, ids, real, around):
    outer = listen(model, "*.q") if around else contextlib.nullcontext()
    with torch.no_grad(), outer, listen(model.get_submodule(part), keep, edit) as tape:
        return model(ids, real), dict(tape)


@ROUNDED
@pytest.mark.parametrize("keep", ["*.stream", "logits", (), "nothing.of.the.kind"])
def test_a_twin_that_rounds_steps_aside_for_any_tape(keep, twins, ids, real):
    model = small.bert()
    expected = heard(model, keep, ids, real)
    assert prepare(model, torch.bfloat16)
    found = heard(model, keep, ids, real)
    assert not twins and list(found[1]) == list(expected[1])
    close(found, expected, rtol=0, atol=1e-5)
    off(model, ids, real)
    assert twins


@pytest.mark.parametrize(
    ("outer", "inner", "twin"), [("*.q", "*.stream", True), ("*.mixed", "*.q", False), ("*.q", "*.out", False)]
)
def test_tapes_nest_over_a_twin(outer, inner, twin, twins, ids, real):
    model, double = small.bert(), {"layers.0.attention.v": lambda value: value * 2}

    def both():
        with torch.no_grad(), listen(model, outer, double) as first, listen(model, inner, double) as second:
            return model(ids, real), dict(first), dict(second)

    expected = both()
    assert prepare(model)
    found = both()
    assert bool(twins) is twin
    assert [list(tape) for tape in found[1:]] == [list(tape) for tape in expected[1:]]
    close(found, expected, rtol=0, atol=1e-5)


def test_another_thread_uses_the_twin_while_this_one_listens_to_the_definition(ids, real):
    model = small.bert()
    assert prepare(model)
    expected, together = off(model, ids, real), threading.Barrier(2, timeout=60)
    answers = {}

    def wait(value):
        together.wait()
        together.wait()
        return value * 0

    def listens():
        answers["edited"], answers["heard"] = heard(model, "*.mixed", ids, real, {"layers.0.attention.mixed": wait})

    def reads():
        together.wait()
        answers["read"] = off(model, ids, real)
        together.wait()

    threads = [threading.Thread(target=work) for work in (listens, reads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert torch.equal(answers["read"], expected) and not torch.allclose(answers["edited"], expected, atol=1e-2)
    assert list(answers["heard"]) == ["layers.0.attention.mixed", "layers.1.attention.mixed"]


def test_an_error_in_an_edit_leaves_the_twin_and_the_names_as_they_were(twins, ids, real):
    model = small.bert()
    assert prepare(model)
    expected = off(model, ids, real)

    def fail(value):
        raise ZeroDivisionError

    for site in ("layers.1.attention.k", "layers.0.attention.weights", "layers.1.mlp.hidden"):
        with pytest.raises(ZeroDivisionError), torch.no_grad(), listen(model, (), {site: fail}):
            model(ids, real)
    with torch.no_grad(), listen(model, tuple(SEEN)) as tape:
        with pytest.raises(ZeroDivisionError), listen(model, (), {"layers.1.attention.k": fail}):
            model(ids, real)
        model(ids, real)
    assert set(SEEN) == {name.split("#")[0] for name in tape}
    assert torch.equal(off(model, ids, real), expected)


# compiled, exported


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_compiled_it_is_one_graph_of_the_definitions(dtype, twins, ids, real):
    model = small.bert(heads.SequenceClassification)
    expected = off(model, ids, real)
    assert prepare(model, dtype)
    torch._dynamo.reset()
    counter = CompileCounter()
    compiled = torch.compile(model, fullgraph=True, backend=counter)
    close(off(compiled, ids, real), expected, rtol=0, atol=1e-5)
    assert counter.frame_count == 1 and not twins
    off(model, ids, real)
    assert twins


@pytest.mark.parametrize("strict", [True, False])
def test_exported_it_is_the_definitions(strict, twins, ids, real):
    model = small.bert(heads.SequenceClassification)
    expected = off(model, ids, real)
    assert prepare(model)
    with torch.no_grad():
        program = torch.export.export(model, (ids, real), strict=strict)
    close(program.module()(ids, real), expected, rtol=0, atol=1e-5)
    assert not twins and not any("mkldnn" in str(node.target) for node in program.graph.nodes)


def test_the_parts_that_a_twin_knows_are_all_there_are_in_a_plain_stack():
    kinds = {type(part) for part in stack().modules()}
    assert {PostNormBlock, Attention, MLP, LayerNorm, Linear} <= kinds
