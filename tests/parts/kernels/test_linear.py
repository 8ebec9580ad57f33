"""`Linear` is nn.Linear, whichever kernel runs; what was laid out beforehand is used only while it is still true."""

import copy
import io
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch._dynamo.testing import CompileCounter
from torch.nn.utils import prune
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from glassformer.parts.kernels import linear as kernel
from glassformer.parts.kernels.linear import Linear, available, linear

WIDE, OUT = 400, 500  # enough weights for oneDNN
NEAR = {"rtol": 0, "atol": 2e-4}
close = torch.testing.assert_close
onednn = pytest.mark.skipif(not available(), reason="this build of PyTorch has no oneDNN")


@pytest.fixture
def products(monkeypatch):
    """How often oneDNN took a product, on the way there and back."""
    ran, product = [], kernel._Product

    class Counted(product):
        @staticmethod
        def forward(saved, x, weight):
            ran.append((tuple(x.shape), tuple(weight.shape)))
            return product.forward(saved, x, weight)

    monkeypatch.setattr(kernel, "_Product", Counted)
    return ran


def pair(width=WIDE, outputs=OUT):
    """Ours and PyTorch's with the same weights."""
    ours, theirs = Linear(width, outputs), nn.Linear(width, outputs)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def prepared(width=6, outputs=4):
    """One that is laid out, and its nn.Linear, which shares the parameters."""
    ours = Linear(width, outputs)
    ours.prepare()
    theirs = nn.Linear(width, outputs)
    theirs.weight, theirs.bias = ours.weight, ours.bias
    return ours, theirs


def uses_what_was_laid_out(ours, x):
    """By what it would answer if the layout held something else."""
    layout, ours.packed = ours.packed, lambda x: x.new_full((*x.shape[:-1], ours.out_features), 7.0)
    with torch.no_grad():
        used = bool((ours(x) == 7).all())
    ours.packed = layout
    return used


# to a reader of the models it is nn.Linear


@pytest.mark.parametrize(("width", "outputs"), [(6, 4), (WIDE, OUT)])
def test_it_has_the_names_the_shapes_the_words_and_the_beginnings_of_pytorchs(width, outputs):
    torch.manual_seed(0)
    ours = Linear(width, outputs)
    torch.manual_seed(0)
    theirs = nn.Linear(width, outputs)
    assert isinstance(ours, nn.Linear) and repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == ["weight", "bias"]
    close(ours.state_dict(), theirs.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (1,), (2, 1, 3), ()], ids=str)
@pytest.mark.parametrize(("width", "outputs"), [(6, 4), (WIDE, OUT)])
def test_values_and_gradients_are_pytorchs(width, outputs, shape):
    ours, theirs = pair(width, outputs)
    mine, other = (torch.randn(*shape, width, generator=torch.manual_seed(1), requires_grad=True) for _ in range(2))
    answer, expected = ours(mine), theirs(other)
    close(answer, expected, **NEAR)
    for y in (answer, expected):
        (y * torch.linspace(-1, 1, outputs)).sum().backward()
    close(mine.grad, other.grad, **NEAR)
    close(ours.weight.grad, theirs.weight.grad, **NEAR)
    close(ours.bias.grad, theirs.bias.grad, **NEAR)


def test_the_definition_is_the_sum_written_out():
    x, weight, bias = torch.randn(2, 3).double(), torch.randn(4, 3).double(), torch.randn(4).double()
    for version in (linear, linear.definition, linear.kernel):
        answer = version(x, weight, bias)
        for row in range(2):
            for to in range(4):
                by_hand = (
                    sum(a * b for a, b in zip(x[row].tolist(), weight[to].tolist(), strict=True)) + bias[to].item()
                )
                assert answer[row, to].item() == pytest.approx(by_hand, abs=1e-12)


def test_gradients_of_gradients_are_pytorchs():
    """A gradient penalty: how the slopes at x change with the weights."""
    ours, theirs = pair()
    found = []
    for module in (ours, theirs):
        x = torch.linspace(-1, 1, 2 * WIDE).view(2, WIDE).requires_grad_()
        (slope,) = torch.autograd.grad(module(x).sin().sum(), x, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), [x, module.weight, module.bias]))
    close(*found, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("wanted", ["x", "weight", "bias"])
def test_any_one_input_alone_may_have_a_gradient(wanted):
    ours, theirs = pair()
    found = []
    for module in (ours.requires_grad_(False), theirs.requires_grad_(False)):
        tensors = {"x": torch.ones(2, WIDE), "weight": module.weight, "bias": module.bias}
        tensors[wanted].requires_grad_()
        module(tensors["x"]).square().sum().backward()
        found.append(tensors.pop(wanted).grad)
        assert all(tensor.grad is None for tensor in tensors.values())
    close(*found, rtol=1e-4, atol=1e-3)


@onednn
def test_what_nobody_asks_for_is_not_computed(products):
    ours, x = pair()[0].requires_grad_(False), torch.randn(2, WIDE, requires_grad=True)
    ours(x).sum().backward()
    assert products == [((2, WIDE), (OUT, WIDE)), ((2, OUT), (WIDE, OUT))]


def test_a_checkpointed_one_learns_the_same():
    ours, theirs = pair()
    x = torch.randn(2, WIDE, requires_grad=True)
    checkpoint(ours, x, use_reentrant=False).square().sum().backward()
    theirs(x).square().sum().backward()
    close(ours.weight.grad, theirs.weight.grad, rtol=1e-4, atol=1e-3)


# which kernel runs


@onednn
def test_large_float32_goes_through_onednn_there_and_back(products):
    ours = pair()[0]
    ours(torch.randn(2, 3, WIDE, requires_grad=True)).sum().backward()
    assert products == [((2, 3, WIDE), (OUT, WIDE)), ((2, 3, OUT), (WIDE, OUT)), ((OUT, 6), (WIDE, 6))]


@onednn
@pytest.mark.parametrize(("outputs", "times"), [(kernel.FROM // 256 - 1, 0), (kernel.FROM // 256, 1)])
def test_large_begins_where_the_file_says(outputs, times, products):
    Linear(256, outputs)(torch.randn(2, 256))
    assert len(products) == times


LAYOUTS = {
    "transposed": lambda: torch.randn(WIDE, 7).mT,
    "axes turned": lambda: torch.randn(5, WIDE, 2).permute(2, 0, 1),
    "expanded rows": lambda: torch.randn(1, 1, WIDE).expand(3, 4, WIDE),
    "expanded features": lambda: torch.randn(3, 1).expand(3, WIDE),
    "every second feature": lambda: torch.randn(3, 2 * WIDE)[:, ::2],
    "every second row": lambda: torch.randn(6, WIDE)[::2],
    "from the middle of a tensor": lambda: torch.randn(3 * WIDE + 1)[1:].view(3, WIDE),
}


@onednn
@pytest.mark.parametrize("name", LAYOUTS)
def test_x_may_lie_in_memory_as_it_likes(name, products):
    ours, theirs = pair()
    x = LAYOUTS[name]()
    close(ours(x), theirs(x), **NEAR)
    assert len(products) == 1


@pytest.mark.parametrize(
    "lie", [lambda w: w.T.contiguous().T, lambda w: w.repeat(1, 2)[:, :WIDE]], ids=["turned", "cut"]
)
def test_weights_may_lie_in_memory_as_they_like(lie):
    ours, theirs = pair()
    ours.weight = nn.Parameter(lie(ours.weight.detach()))
    assert not ours.weight.is_contiguous()
    x = torch.randn(3, WIDE)
    for module in (ours, theirs):
        module(x).square().sum().backward()
    close(ours(x), theirs(x), **NEAR)
    close(ours.weight.grad, theirs.weight.grad, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("lie", [lambda g: g.expand(2, OUT), lambda g: g.expand(OUT, 2).T], ids=["rows", "turned"])
def test_gradients_may_come_in_any_layout(lie):
    ours, theirs = pair()
    towards = lie(torch.randn(1))
    for module in (ours, theirs):
        module(torch.ones(2, WIDE)).backward(towards)
    close(ours.weight.grad, theirs.weight.grad, **NEAR)


def autocast(ours, x):
    with torch.autocast("cpu", torch.bfloat16):
        return ours(x)


def vmapped(ours, x):
    return torch.func.vmap(ours)(x)


def many_weights(ours, x):
    """An ensemble: two sets of weights at once, of which the second is the module's."""
    weights = {name: torch.stack([-weight, weight]) for name, weight in ours.named_parameters()}
    return torch.func.vmap(lambda own: torch.func.functional_call(ours, own, (x,)))(weights)[1]


def sloped(ours, x):
    return torch.func.grad(lambda x: ours(x).square().sum())(x)


def pushed(ours, x):
    return torch.func.jvp(ours, (x,), (torch.ones_like(x),))[1]


def pushed_by_a_dual_number(ours, x):
    with torch.autograd.forward_ad.dual_level() as level:
        return torch.autograd.forward_ad.unpack_dual(
            ours(torch.autograd.forward_ad.make_dual(x, torch.ones_like(x), level=level)), level=level
        ).tangent


def compiled(ours, x):
    torch._dynamo.reset()
    counter = CompileCounter()
    answer = torch.compile(ours, fullgraph=True, backend=counter)(x)
    assert counter.frame_count == 1
    return answer


def exported(ours, x):
    return torch.export.export(ours, (x,)).module()(x)


def counted(ours, x):
    with FlopCounterMode(display=False) as counter:
        answer = ours(x)
    assert counter.get_total_flops() == 2 * x.numel() * ours.out_features
    return answer


READERS = [autocast, vmapped, many_weights, sloped, pushed, pushed_by_a_dual_number, compiled, exported, counted]


@pytest.mark.filterwarnings("ignore:`torch.jit.script", "ignore:`isinstance")
@pytest.mark.parametrize("laid_out", [False, True])
@pytest.mark.parametrize("reader", READERS)
def test_where_somebody_reads_along_it_is_pytorchs_own(reader, laid_out, products):
    ours, theirs = pair()
    if laid_out and available():
        ours.prepare()
    x = torch.randn(3, WIDE)
    with torch.set_grad_enabled(not laid_out):
        answer, expected = reader(ours, x), reader(theirs, x)
    assert answer.dtype == expected.dtype and not products
    close(answer, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("laid_out", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes_are_pytorchs_own(dtype, laid_out, products):
    ours, theirs = (module.to(dtype) for module in pair())
    if laid_out and available():
        ours.float().prepare()
        ours.to(dtype)
    x = torch.randn(3, WIDE).to(dtype)
    with torch.set_grad_enabled(not laid_out):
        assert torch.equal(ours(x), theirs(x)) and not products


@pytest.mark.parametrize("laid_out", [False, True])
@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3)], ids=str)
def test_a_single_vector_and_none_at_all_are_pytorchs_own(shape, laid_out, products):
    ours, theirs = pair()
    if laid_out and available():
        ours.prepare()
    x = torch.randn(*shape, WIDE)
    with torch.set_grad_enabled(not laid_out):
        assert torch.equal(ours(x), theirs(x)) and not products
    if not laid_out:
        ours(x.requires_grad_()).sum().backward()
        assert ours.weight.grad.shape == ours.weight.shape


@pytest.mark.parametrize("laid_out", [False, True])
def test_a_width_that_does_not_fit_is_named_by_pytorch_with_both_numbers(laid_out):
    ours = pair()[0]
    if laid_out and available():
        ours.prepare()
    with torch.set_grad_enabled(not laid_out), pytest.raises(RuntimeError, match="2x399 and 400x500"):
        ours(torch.randn(2, 399))


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
def test_other_kinds_of_tensors_are_pytorchs_own(products):
    class Own(torch.Tensor):
        pass

    ours, theirs = pair()
    x = torch.randn(2, WIDE)
    assert type(ours(x.as_subclass(Own))) is Own
    ours.weight = nn.Parameter(ours.weight.detach().to_sparse_csr())
    close(ours(x), theirs(x), **NEAR)
    assert Linear(WIDE, OUT).to("meta")(x.to("meta")).shape == (2, OUT) and not products


def test_without_the_operators_it_is_pytorchs_own(monkeypatch, products):
    monkeypatch.setattr(kernel, "AVAILABLE", False)
    ours, theirs = pair()
    x = torch.randn(2, WIDE)
    assert torch.equal(ours(x), theirs(x)) and not products
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not available() and not available(torch.bfloat16)


def test_only_two_dtypes_are_ever_available():
    assert not any(available(dtype) for dtype in (torch.float64, torch.float16, torch.int8))


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_many_gradients_at_once_are_each_one_alone():
    """Jacobians and Hessians by `is_grads_batched`: PyTorch's older vmap, which no function transform tells of."""
    ours, theirs = pair()
    x, towards = torch.randn(2, 3, WIDE, requires_grad=True), torch.randn(4, 2, 3, OUT)
    found = [
        torch.autograd.grad(module(x), [x, module.weight, module.bias], towards, is_grads_batched=True)
        for module in (ours, theirs)
    ]
    close(*found, rtol=1e-4, atol=1e-3)


# laid out beforehand


@onednn
def test_laid_out_it_gives_the_same_numbers_where_nobody_learns():
    for width, outputs in ((6, 4), (1, 1), (WIDE, OUT)):
        ours, theirs = prepared(width, outputs)
        for shape in ((2,), (2, 3), (1, 1), (2, 1, 3)):
            x = torch.randn(*shape, width)
            assert uses_what_was_laid_out(ours, x)
            with torch.no_grad():
                close(ours(x), theirs(x), **NEAR)
            with torch.inference_mode():
                close(ours(x), theirs(x), **NEAR)


@onednn
def test_laid_out_it_learns_as_before():
    ours, _ = prepared()
    twin = copy.deepcopy(ours)
    for module in (ours, twin):
        module(torch.ones(2, 6)).sum().backward()
    assert torch.equal(ours.weight.grad, twin.weight.grad) and ours.weight.grad.any()


@onednn
def test_laid_out_x_may_lie_in_memory_as_it_likes():
    ours, theirs = prepared(WIDE, OUT)
    with torch.no_grad():
        for make in LAYOUTS.values():
            x = make()
            close(ours(x), theirs(x), **NEAR)


def in_place(ours):
    with torch.no_grad():
        ours.weight.add_(1)


def bias_in_place(ours):
    with torch.no_grad():
        ours.bias[0] = 5


def loaded(ours):
    ours.load_state_dict(Linear(6, 4).state_dict())


def loaded_and_assigned(ours):
    ours.load_state_dict(Linear(6, 4).state_dict(), assign=True)


def replaced(ours):
    ours.weight = nn.Parameter(torch.randn(4, 6))


def bias_replaced(ours):
    ours.bias = nn.Parameter(torch.randn(4))


def replaced_at_the_same_address(ours):
    """Another parameter on the same memory, which counts its changes anew, and as many of them as there were."""
    version = ours.weight._version
    ours.weight = nn.Parameter(ours.weight.data)
    with torch.no_grad():
        for _ in range(version):
            ours.weight.add_(1)
    assert ours.weight._version == version


def taken_off_and_put_back(ours):
    """Another parameter on the same memory, which may get the place of the one that is gone, its `id`."""
    version, memory = ours.weight._version, ours.weight.data
    ours.weight = None
    ours.weight = nn.Parameter(memory)
    with torch.no_grad():
        for _ in range(version):
            ours.weight.add_(1)


def stepped(ours):
    optimizer = torch.optim.SGD(ours.parameters(), lr=1.0)
    ours(torch.ones(2, 6)).sum().backward()
    optimizer.step()


def rounded(ours):
    ours.bfloat16().float()


def pruned(ours):
    prune.l1_unstructured(ours, "weight", 0.5)


CHANGES = [in_place, bias_in_place, loaded, loaded_and_assigned, replaced, bias_replaced]
CHANGES += [replaced_at_the_same_address, taken_off_and_put_back, stepped, rounded, pruned]


@onednn
@pytest.mark.parametrize("change", CHANGES)
def test_what_was_laid_out_is_not_used_once_a_weight_has_changed(change):
    ours, x = prepared()[0], torch.randn(3, 6)
    with torch.no_grad():
        before = ours(x)
    change(ours)
    with torch.no_grad():
        assert torch.equal(ours(x), F.linear(x, ours.weight, ours.bias))
        assert not torch.equal(ours(x), before)
    assert not uses_what_was_laid_out(ours, x)
    if change is not pruned:
        ours.prepare()
        assert uses_what_was_laid_out(ours, x)


@onednn
def test_weights_lent_for_one_call_are_used_for_that_call():
    ours, x = prepared()[0], torch.randn(3, 6)
    lent = {name: torch.randn_like(weight) for name, weight in ours.named_parameters()}
    with torch.no_grad():
        own = ours(x)
        answer = torch.func.functional_call(ours, lent, (x,))
        close(answer, F.linear(x, lent["weight"], lent["bias"]), rtol=0, atol=0)
        assert torch.equal(ours(x), own) and uses_what_was_laid_out(ours, x)


@onednn
def test_no_other_weight_gets_the_address_of_one_that_was_laid_out():
    ours = prepared(64, 64)[0]
    at, others = ours.weight.data_ptr(), []
    for _ in range(100):
        ours.weight = nn.Parameter(torch.empty(64, 64))
        others.append(ours.weight.data_ptr())
    assert at not in others


def pickled(module):
    return pickle.loads(pickle.dumps(module))


def saved(module):
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@onednn
@pytest.mark.parametrize("copied", [copy.deepcopy, pickled, saved])
def test_a_copy_is_equal_and_not_laid_out(copied):
    ours, x = prepared()[0], torch.randn(3, 6)
    other = copied(ours)
    assert other.packed is None and ours.packed is not None
    with torch.no_grad():
        close(other(x), ours(x), rtol=0, atol=1e-6)
        other.weight.zero_()
        assert torch.equal(other(x), other.bias.expand(3, 4)) and uses_what_was_laid_out(ours, x)
    other.prepare()
    assert uses_what_was_laid_out(other, x)


@onednn
def test_what_is_laid_out_is_in_no_file_of_weights():
    ours = prepared()[0]
    assert list(ours.state_dict()) == ["weight", "bias"] and len(list(ours.parameters())) == 2
