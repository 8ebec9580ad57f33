"""The tape: off it is nothing; on, it hears and edits one model on one thread; afterwards no trace is left."""

import contextlib
import fnmatch
import threading

import pytest
import torch
import torch._dynamo
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch._dynamo.testing import CompileCounter, CompileCounterWithBackend
from torch.utils.checkpoint import checkpoint

from glassformer import tape as tape_module
from glassformer.parts.attention import Attention, attend
from glassformer.parts.block import MLP, LayerNorm, PostNormBlock
from glassformer.tape import TapeError, fused, listen, note, within
from tests import small
from tests.models.test_simple import golden

SITES = golden("Classifier post")


def silence(value):
    return torch.zeros_like(value)


def stance() -> str:
    return torch._dynamo.eval_frame._stance.stance


def no_trace(model) -> bool:
    hooks = [h for module in model.modules() for h in (*module._forward_hooks, *module._forward_pre_hooks)]
    return not hooks and tape_module._here.tape is None and stance() == "default"


def off(model, ids):
    with torch.no_grad():
        return model(ids)


# off, and keeping


def test_note_hands_back_the_very_same_tensor():
    value = torch.ones(2)
    assert note("anything", value) is value


def test_listening_changes_no_number_before_during_or_after(classifier, ids):
    before = classifier(ids)
    with listen(classifier, "*.stream"):
        assert torch.equal(classifier(ids), before)  # nothing hidden is wanted: the same kernels ran
    with listen(classifier):
        torch.testing.assert_close(classifier(ids), before, rtol=1e-5, atol=1e-6)
    assert torch.equal(classifier(ids), before)


def test_everything_is_heard_in_the_order_it_was_computed(classifier, ids):
    with listen(classifier) as tape:
        classifier(ids)
    assert list(tape) == SITES and len(tape) == len(SITES)


@pytest.mark.parametrize(
    "keep",
    ["*.weights", "layers.1.*", "logits", ("*.q", "*.k"), (), "nothing.of.the.kind", "layers.?.attention.[kv]"],
)
def test_keep_is_one_glob_or_several(classifier, ids, keep):
    with listen(classifier, keep) as tape:
        classifier(ids)
    globs = (keep,) if isinstance(keep, str) else keep
    assert list(tape) == [site for site in SITES if any(fnmatch.fnmatchcase(site, glob) for glob in globs)]


def test_what_is_kept_is_the_value_itself_with_its_gradient(classifier, ids):
    with listen(classifier, "logits") as tape:
        logits = classifier(ids)
    assert tape["logits"] is logits and logits.requires_grad


def test_a_name_that_was_not_kept_says_what_was(classifier, ids):
    with listen(classifier, "pooled") as tape:
        classifier(ids)
    assert "logits" not in tape
    with pytest.raises(KeyError, match=r"nothing was kept under 'logits'; kept: pooled"):
        tape["logits"]


@given(st.sampled_from(SITES))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_any_one_site_can_be_kept_alone_and_replaced_by_its_own_copy(site):
    torch.manual_seed(0)
    model, ids = small.classifier(), small.ids()
    with listen(model, site, {site: torch.clone}) as tape:
        logits = model(ids)
    assert list(tape) == [site]
    torch.testing.assert_close(logits, model(ids), rtol=1e-5, atol=1e-6)


# kernel and definition


@pytest.fixture
def kernels(monkeypatch):
    """How often each fused kernel ran."""
    ran = {"attention": 0, "norm": 0}

    def counted(name, kernel):
        def call(*args, **kwargs):
            ran[name] += 1
            return kernel(*args, **kwargs)

        return call

    monkeypatch.setattr(
        F, "scaled_dot_product_attention", counted("attention", torch._C._nn.scaled_dot_product_attention)
    )
    monkeypatch.setattr(F, "layer_norm", counted("norm", F.layer_norm))
    return ran


@pytest.mark.parametrize(
    ("wanted", "attention", "norm"),
    [
        ((), 2, 4),
        ("*.stream", 2, 4),
        ("*.[qkvz]", 2, 4),
        ("*.weights", 0, 4),
        ("*.scores", 0, 4),
        ("*.scaled", 0, 4),
        ("layers.1.attention.weights", 1, 4),
        ("*.centred", 2, 0),
        ("layers.0.mlp_norm.normalised", 2, 3),
        ("*", 0, 0),
    ],
)
@pytest.mark.parametrize("how", ["keep", "edit"])
def test_a_kernel_steps_aside_only_where_it_hides_what_is_wanted(
    how, wanted, attention, norm, classifier, ids, kernels
):
    if how == "keep":
        watch = listen(classifier, wanted)
    else:
        watch = listen(classifier, (), {wanted: torch.clone} if wanted else None)
    with watch:
        classifier(ids)
    assert kernels == {"attention": attention, "norm": norm}


def test_an_outer_tape_makes_the_kernel_step_aside_too(classifier, ids, kernels):
    with listen(classifier, "*.weights") as outer, listen(classifier, "logits"):
        classifier(ids)
    assert kernels["attention"] == 0 and "layers.1.attention.weights" in outer


def test_a_pair_carries_its_three_parts_and_its_name():
    def kernel(x):
        return x + 1

    try:

        @fused(kernel, hides=("inside",))
        def definition(x):
            """One more."""
            return note("inside", x) + 1

        assert (definition.kernel, definition.hides) == (kernel, ("inside",))
        assert (definition.__name__, definition.__doc__) == ("definition", "One more.")
        assert tape_module.PAIRS[-1] is definition
    finally:
        tape_module.PAIRS.pop()


class Inner(nn.Module):
    def forward(self, x):
        return note("out", note("inside", x + 1) * 2)


class Outer(nn.Module):
    """Two parts one after the other, by a definition that calls them or by a kernel that does not."""

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList([Inner(), Inner()])

    def forward(self, x):
        return note("end", self.both(x))


@pytest.fixture
def outer():
    """A pair whose kernel stands in for modules, and names what it can: `inside`, not `out`.  It counts its calls."""
    ran = []

    def kernel(model, x):
        ran.append(1)
        for name, _ in enumerate(model.parts):
            with within(f"parts.{name}"):
                x = note("inside", x + 1) * 2
        return x

    def definition(model, x):
        for part in model.parts:
            x = part(x)
        return x

    def paired(hides):
        pair = fused(kernel, hides=hides)(definition)
        model = Outer()
        model.both = lambda x: pair(model, x)
        return model, ran

    before = len(tape_module.PAIRS)
    yield paired
    del tape_module.PAIRS[before:]


OUTS = ("parts.0.out", "parts.1.out")


@pytest.mark.parametrize(
    ("keep", "fast"),
    [((), True), ("*.inside", True), ("end", True), ("parts.1.inside", True), ("*.out", False), ("parts.1.*", False)],
)
@pytest.mark.parametrize("hides", [OUTS, lambda model: OUTS], ids=["named", "asked of the first argument"])
def test_a_kernel_may_stand_in_for_modules_and_name_their_values(hides, keep, fast, outer):
    (model, ran), x = outer(hides), torch.ones(3)
    with listen(model, keep) as tape:
        assert torch.equal(model(x), torch.full((3,), 10.0))
    globs = (keep,) if isinstance(keep, str) else keep
    every = ["parts.0.inside", "parts.0.out", "parts.1.inside", "parts.1.out", "end"]
    assert list(tape) == [site for site in every if any(fnmatch.fnmatchcase(site, glob) for glob in globs)]
    assert bool(ran) is fast


def test_a_kernel_that_hides_nothing_at_the_moment_says_so_by_its_function(outer):
    model, ran = outer(lambda model: OUTS if len(model.parts) > 1 else ())
    with listen(model, "*.out"):
        model(torch.ones(1))
        assert not ran
        del model.parts[1]
        model(torch.ones(1))
    assert ran


@pytest.mark.parametrize("hides", [None, lambda model: None], ids=["None", "a function that gives None"])
@pytest.mark.parametrize("keep", [(), "end", "nothing.of.the.kind"])
def test_a_kernel_with_another_shape_inside_steps_aside_for_any_tape(hides, keep, outer):
    model, ran = outer(hides)
    model(torch.ones(1))
    assert len(ran) == 1
    with listen(model, keep):
        model(torch.ones(1))
    with listen(Inner()):  # of anybody
        model(torch.ones(1))
    assert len(ran) == 1
    model(torch.ones(1))
    assert len(ran) == 2


def test_a_kernel_that_stands_in_for_modules_steps_aside_for_a_tape_on_one_of_them(outer):
    model, ran = outer(lambda model: OUTS)
    with listen(model.parts[1], "inside", {"inside": silence}) as tape:
        assert not model(torch.ones(1)).any()
    assert list(tape) == ["inside"] and not ran
    with listen(model, "end"), listen(model.parts[0], "inside") as tape:
        model(torch.ones(1))
    assert list(tape) == ["inside"] and not ran


def test_edits_reach_what_a_kernel_names_in_the_place_of_modules(outer):
    model, ran = outer(lambda model: OUTS)
    with listen(model, "*", {"parts.0.inside": silence}) as tape:
        by_definition = model(torch.ones(1))
    with listen(model, "end", {"parts.0.inside": silence}):
        by_kernel = model(torch.ones(1))
    assert len(ran) == 1 and torch.equal(by_kernel, by_definition) and by_kernel == tape["parts.1.out"] == 2


class Within(nn.Module):
    """Names as modules would, with no module there."""

    def forward(self, x, fail=False):
        with within("a"):
            x = note("one", x)
            with within("b.c"):
                x = note("two", x)
                if fail:
                    boom()
            x = note("three", x)
        return note("four", x)


def test_names_within_a_path_are_those_of_a_module_there():
    model = nn.Sequential(Within(), Within())
    with listen(model) as tape:
        model(torch.ones(1))
    names = ["a.one", "a.b.c.two", "a.three", "four"]
    assert list(tape) == [f"{layer}.{name}" for layer in range(2) for name in names]
    with listen(model[1]) as tape:
        model(torch.ones(1))
    assert list(tape) == names


def test_every_tape_has_its_own_address_for_what_is_named_within_a_path():
    model = nn.Sequential(Within())
    with listen(model) as outer, listen(model[0]) as inner:
        model(torch.ones(1))
    assert list(outer) == [f"0.{name}" for name in inner] and "a.b.c.two" in inner


def test_within_a_path_under_no_model_is_heard_by_nobody():
    with listen(Within()) as tape, within("a"):
        note("one", torch.ones(1))
    with within("a"):
        assert note("one", torch.ones(1)) == 1
    assert not tape


def test_an_error_within_a_path_leaves_the_names_as_they_were():
    model = Within()
    with listen(model) as tape:
        with pytest.raises(Boom):
            model(torch.ones(1), fail=True)
        model(torch.ones(1))
    assert list(tape) == ["a.one", "a.b.c.two", "a.one#2", "a.b.c.two#2", "a.three", "four"]
    assert no_trace(model)


# edits


def test_an_edit_replaces_the_value_for_everyone_after_it(classifier, ids):
    with listen(classifier, "*", {"pooled": silence}) as tape:
        logits = classifier(ids)
    assert not tape["pooled"].any()
    torch.testing.assert_close(logits, classifier.head.bias.expand_as(logits))


def test_an_edit_reaches_inside_a_kernel(classifier, ids):
    """Weights that look only at themselves mix nothing: what comes out of the mixture is v."""

    def only_itself(weights):
        return torch.eye(weights.size(-1)).expand_as(weights)

    with listen(classifier, "layers.0.attention.*", {"layers.0.attention.weights": only_itself}) as tape:
        classifier(ids)
    torch.testing.assert_close(tape["layers.0.attention.z"], tape["layers.0.attention.v"])


def test_edits_of_one_site_follow_one_another(classifier, ids):
    with listen(classifier, "pooled", {"pooled": lambda x: x * 0 + 2, "pool*": lambda x: x + 1}) as tape:
        classifier(ids)
    assert (tape["pooled"] == 3).all()


def test_gradients_flow_through_an_edit(classifier, ids):
    with listen(classifier, (), {"embed.stream": lambda x: x * 0}):
        classifier(ids).sum().backward()
    assert not classifier.embed.pieces.weight.grad.any() and classifier.head.weight.grad.any()


@pytest.mark.parametrize(
    ("edit", "gave"),
    [
        (lambda x: x[:1], r"\(1, 12\) torch.float32"),
        (lambda x: x[0], r"\(12,\) torch.float32"),
        (lambda x: x.double(), r"\(2, 12\) torch.float64"),
        (lambda x: None, "NoneType"),
        (lambda x: x.tolist(), "list"),
    ],
)
def test_an_edit_that_does_not_fit_says_what_it_was_given_and_what_it_gave(classifier, ids, edit, gave):
    message = rf"the edit of pooled must give back \(2, 12\) torch.float32, as it was given; it gave {gave}"
    with pytest.raises(TapeError, match=message), listen(classifier, (), {"pooled": edit}):
        classifier(ids)
    assert no_trace(classifier)


def test_an_edit_that_met_no_site_lists_the_sites(classifier, ids):
    message = r"no site matches the edit layers\.9\.\*; sites heard: embed.pieces, .*logits"
    edits = {"layers.9.*": silence, "pooled": silence}
    with pytest.raises(TapeError, match=message), listen(classifier, (), edits):
        classifier(ids)
    assert no_trace(classifier)


def test_an_edit_of_a_model_that_was_never_called_says_so(classifier):
    message = r"sites heard: none: was the model called as model\(x\), inside the block\?"
    with pytest.raises(TapeError, match=message), listen(classifier, (), {"pooled": silence}):
        pass


# names


def test_a_module_used_again_gets_a_number(ids):
    block = PostNormBlock(Attention(12, 3), MLP(12, 20)).eval()
    shared, x = nn.Sequential(block, block, block), torch.randn(2, 5, 12)
    with listen(shared, "*.stream") as tape:
        y = shared(x)
    assert list(tape) == ["0.stream", "0.stream#2", "0.stream#3"]
    assert tape["0.stream#3"] is y


def test_a_model_called_again_in_one_block_gets_numbers_and_every_call_is_edited(classifier, ids):
    with listen(classifier, "pooled", {"pooled": silence}) as tape:
        first, second = classifier(ids), classifier(ids + 1)
    assert list(tape) == ["pooled", "pooled#2"]
    assert torch.equal(first, second)


def test_a_part_is_heard_under_its_own_names():
    norm = LayerNorm(4)
    with listen(norm) as tape:
        norm(torch.randn(3, 4))
    assert list(tape) == ["centred", "normalised", "out"]


def test_what_runs_outside_the_model_is_neither_heard_nor_edited(classifier, ids):
    """Another model beside it, and the rest of the model that a listened-to block is part of."""
    other, block = small.classifier(), classifier.layers[1]
    expected = off(other, ids)
    with listen(classifier, "logits", {"logits": silence}) as tape:
        assert torch.equal(off(other, ids), expected)
        assert not off(classifier, ids).any()
    assert list(tape) == ["logits"]
    with listen(block) as tape:
        classifier(ids)
    assert [f"layers.1.{name}" for name in tape] == [site for site in SITES if site.startswith("layers.1.")]


def hooked(model) -> list[str]:
    return [name for name, module in model.named_modules() if module._forward_hooks or module._forward_pre_hooks]


def test_what_pytorch_provides_is_not_hooked_and_the_names_are_right():
    """Two hooks a module cost something, and these name nothing."""
    model = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Tanh(), Inner()), nn.ModuleList([Inner()]), nn.LayerNorm(4))
    model[2].forward = lambda x: model[2][0](x)
    with listen(model) as tape:
        during = hooked(model)
        model(torch.ones(2, 4))
    assert during == ["1.1", "2", "2.0"] and not hooked(model)
    assert list(tape) == ["1.1.inside", "1.1.out", "2.0.inside", "2.0.out"]


def test_parts_inside_a_layer_of_pytorch_have_their_whole_names():
    layer = nn.TransformerEncoderLayer(4, 1, 4, activation=Inner(), batch_first=True)
    with listen(nn.Sequential(layer)) as tape:
        layer(torch.ones(1, 2, 4))
    assert list(tape) == ["0.activation.inside", "0.activation.out"]


def test_a_bare_module_with_a_forward_of_its_own_is_heard():
    model = nn.Module()
    model.part = nn.Module()
    model.part.forward = lambda x: note("inside", x + 1)
    model.forward = lambda x: note("out", model.part(x) * 2)
    with listen(model) as tape:
        model(torch.ones(1))
    assert list(tape) == ["part.inside", "out"]


def test_a_module_that_says_it_names_nothing_is_not_hooked_and_its_parts_are():
    class Quiet(nn.Module):
        notes = False

        def __init__(self):
            super().__init__()
            self.part = Inner()

        def forward(self, x):
            return self.part(x)

    class Loud(Quiet):
        notes = True

        def forward(self, x):
            return note("loud", super().forward(x))

    model = nn.Sequential(Quiet(), Loud())
    with listen(model) as tape:
        assert hooked(model) == ["0.part", "1", "1.part"]
        model(torch.ones(1))
    assert list(tape) == ["0.part.inside", "0.part.out", "1.part.inside", "1.part.out", "1.loud"]


def test_all_that_our_models_say_is_heard_with_no_more_hooks_than_there_are_names(classifier):
    with listen(classifier):
        during = set(hooked(classifier))
    assert {site.rpartition(".")[0] for site in SITES} <= during
    assert not any(name.endswith((".q", ".out", ".inward", "dropout")) for name in during)


# nesting, threads, errors


def test_tapes_nest_and_the_inner_one_edits_first(classifier, ids):
    with listen(classifier, "pooled", {"pooled": lambda x: x + 2}) as outer:
        with listen(classifier, "pooled", {"pooled": lambda x: x * 0 + 1}) as inner:
            logits = classifier(ids)
        alone = classifier(ids)
    assert (inner["pooled"] == 1).all() and (outer["pooled"] == 3).all()
    assert not torch.equal(logits, alone) and list(outer) == ["pooled", "pooled#2"]
    assert no_trace(classifier)


def run(*works):
    """Each work in a thread of its own, all at once; their answers, or the first error."""
    answers = [None] * len(works)

    def keep(index):
        try:
            answers[index] = works[index]()
        except Exception as error:
            answers[index] = error

    threads = [threading.Thread(target=keep, args=(index,)) for index in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def test_three_other_threads_are_neither_heard_nor_edited(classifier, ids):
    """The edit holds the listening thread in the middle of its forward until the others have run theirs."""
    expected = [off(classifier, ids.roll(shift)) for shift in (0, 1, 2)]
    started, done = threading.Barrier(4, timeout=60), threading.Barrier(4, timeout=60)

    def wait_and_silence(value):
        started.wait()
        done.wait()
        return silence(value)

    def listener():
        with listen(classifier, "*", {"layers.0.stream": wait_and_silence}) as tape:
            classifier(ids)
        return tape

    def stranger(shift):
        started.wait()
        answers = [off(classifier, ids.roll(shift)) for _ in range(5)]
        done.wait()
        return answers

    tape, *answers = run(listener, *(lambda shift=shift: stranger(shift) for shift in (0, 1, 2)))
    assert list(tape) == SITES
    for mine, truth in zip(answers, expected, strict=True):
        assert all(torch.equal(answer, truth) for answer in mine)
    assert no_trace(classifier)


def test_threads_that_listen_at_once_each_hear_their_own(classifier, ids):
    together = threading.Barrier(3, timeout=60)

    def listener(shift):
        def add(value):
            together.wait()
            return value + shift

        with listen(classifier, "pooled", {"pooled": add}) as tape:
            classifier(ids)
            together.wait()
        return tape

    plain = off(classifier, ids)
    with listen(classifier, "pooled") as still:
        classifier(ids)
    for shift, tape in enumerate(run(*(lambda shift=shift: listener(shift) for shift in range(3)))):
        torch.testing.assert_close(tape["pooled"], still["pooled"] + shift)
    assert torch.equal(off(classifier, ids), plain) and no_trace(classifier)


def test_blocks_that_overlap_in_two_threads_leave_no_trace(classifier, ids):
    """The first to enter is the first to leave: what is shared by the process must not be restored out of order."""
    entered, left = threading.Event(), threading.Event()
    torch.compile(classifier, backend="eager")  # only then is there anything to run as written

    def first():
        with listen(classifier):
            assert entered.wait(60)
        left.set()

    def second():
        with listen(classifier):
            entered.set()
            assert left.wait(60)
            return stance()

    assert run(first, second)[1] == "force_eager"  # who is still listening hears compiled models too
    assert no_trace(classifier)


def test_what_is_compiled_before_and_called_first_inside_a_block_is_heard(classifier, ids):
    torch._dynamo.reset()
    compiled = torch.compile(lambda ids: classifier(ids), backend="eager")
    with torch.no_grad(), listen(classifier, "logits") as tape:
        answer = compiled(ids)
    assert torch.equal(tape["logits"], answer) and no_trace(classifier)


def test_where_nothing_is_compiled_calls_of_functions_are_left_alone(classifier, ids, monkeypatch):
    monkeypatch.setattr(torch._dynamo.eval_frame, "cached_backends", {})
    with listen(classifier, "logits"):
        assert stance() == "default"
    monkeypatch.delattr(torch._dynamo.eval_frame, "cached_backends")  # another PyTorch may not tell: then to be sure
    with listen(classifier, "logits"):
        assert stance() == "force_eager"


class Boom(Exception):
    pass


def boom(*_):
    raise Boom


def test_an_exception_in_the_block_leaves_no_trace(classifier):
    with pytest.raises(Boom), listen(classifier):
        boom()
    assert no_trace(classifier)


def test_an_exception_in_an_edit_leaves_no_trace(classifier, ids):
    with pytest.raises(Boom), listen(classifier, "*", {"layers.1.mlp.hidden": boom}):
        classifier(ids)
    assert no_trace(classifier)


@pytest.mark.parametrize("where", ["register_forward_pre_hook", "register_forward_hook"])
def test_names_stay_true_after_a_module_failed_inside_the_block(classifier, ids, where):
    """A hook of somebody else's fails deep inside the model; the caller carries on and the names are right."""
    handle = getattr(classifier.layers[0].mlp, where)(boom)
    with listen(classifier) as tape:
        with pytest.raises(Boom):
            classifier(ids)
        handle.remove()
        classifier(ids)
    assert set(SITES) <= set(tape)
    assert {name.split("#")[0] for name in tape} == set(SITES)
    assert no_trace(classifier)


class Forgiving(nn.Module):
    """Goes on by itself where a part of it failed."""

    def __init__(self):
        super().__init__()
        self.part = nn.Identity()
        self.part.register_forward_pre_hook(boom)

    def forward(self, x):
        with contextlib.suppress(Boom):
            self.part(x)
        return note("out", x)


def test_names_stay_true_in_a_model_that_forgives_its_parts():
    model = Forgiving()
    with listen(model) as tape:
        model(torch.ones(2))
    assert list(tape) == ["out"]


def test_an_exception_under_a_nested_tape_gives_the_outer_one_back(classifier, ids):
    with listen(classifier, "logits") as outer:
        with pytest.raises(Boom), listen(classifier):
            boom()
        classifier(ids)
    assert list(outer) == ["logits"] and no_trace(classifier)


# compiled, exported, checkpointed


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiling_gives_one_graph_the_same_numbers_and_a_model_one_can_listen_to(classifier, ids, backend):
    counter = CompileCounter() if backend == "eager" else CompileCounterWithBackend(backend)
    torch._dynamo.reset()
    compiled = torch.compile(classifier, fullgraph=True, backend=counter)
    expected = off(classifier, ids)
    torch.testing.assert_close(off(compiled, ids), expected, rtol=1e-5, atol=1e-6)
    assert counter.frame_count == 1

    with torch.no_grad(), listen(compiled, "*", {"layers.1.attention.weights": torch.clone}) as tape:
        heard = compiled(ids)
    assert list(tape) == SITES
    torch.testing.assert_close(heard, expected, rtol=1e-5, atol=1e-6)

    torch.testing.assert_close(off(compiled, ids), expected, rtol=1e-5, atol=1e-6)
    assert counter.frame_count == 1 and no_trace(classifier)  # listening left the compiled code in use


def test_strict_export_gives_the_same_numbers(generator, ids):
    program = torch.export.export(generator, (ids,), strict=True)
    torch.testing.assert_close(program.module()(ids), generator(ids), rtol=1e-5, atol=1e-6)


class Stack(nn.Module):
    """Two blocks; with `again`, each is computed a second time in backward."""

    def __init__(self, again: bool):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList(PostNormBlock(Attention(12, 3), MLP(12, 20)) for _ in range(2))
        self.again = again

    def forward(self, x):
        for layer in self.layers:
            x = checkpoint(layer, x, use_reentrant=False) if self.again else layer(x)
        return x


@pytest.mark.parametrize("edit", [None, {"layers.0.attention.weights": lambda w: w * 0.5, "*.hidden": torch.sin}])
def test_what_backward_computes_again_is_edited_again_and_not_heard_twice(edit):
    x = torch.randn(2, 5, 12)
    heard, gradients = [], []
    for again in (False, True):
        model = Stack(again)
        with listen(model, "*", edit) as tape:
            model(x).square().sum().backward()
        heard.append(list(tape))
        gradients.append([parameter.grad for parameter in model.parameters()])
    assert heard[0] == heard[1] and not any("#" in name for name in heard[1])
    torch.testing.assert_close(gradients[1], gradients[0], rtol=0, atol=0)


def test_a_definition_under_no_model_is_heard_by_nobody():
    q = torch.randn(2, 3, 4)
    torch.testing.assert_close(attend(q, q, q), attend.definition(q, q, q))
