"""One piece after the other: beside `transformers`, by exact probabilities, and where it must refuse."""

import contextlib
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from glassformer.models.decoding import Until, greedy, last, nucleus, probabilities, sample, write
from glassformer.models.gpt2 import Gpt2Writer
from glassformer.parts.attention import Memory
from glassformer.parts.kernels.prepared import feasible, prepare
from glassformer.tape import listen
from tests import small
from tests.models import reference, writers

close = torch.testing.assert_close
MODELS = {"gpt2": writers.gpt2, "bert": writers.bert, "marian": writers.marian}


def texts(model, ids, real=None, memory=None, **how):
    """What is written: (b, pieces)."""
    return torch.stack([step.ids for step in write(model, ids, real, memory, **how)], dim=1)


class Told(nn.Module):
    """A model that says what it is told, whatever it reads; `logits` (b, v) at each position."""

    class config:
        longest = 100

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, ids, real=None, memory=None):
        memory.meet(torch.ones_like(ids, dtype=torch.bool))
        return self.logits[:, None].expand(-1, ids.size(1), -1)


def told(rows):
    return Told(torch.tensor(rows)), torch.zeros(len(rows), 1, dtype=torch.long)


# beside the reference


@pytest.mark.parametrize("stop", [(), (3,), (3, 7)], ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_greedy_writes_what_the_reference_writes_for_a_hundred_prompts(name, stop):
    ours, prompt, remembers, generate = MODELS[name]()
    most = 8 if name == "marian" else 20
    expected, _ = generate(stop, max_new_tokens=most)
    answer = texts(ours, *prompt, remembers(), until=Until(most, stop, padding=10))
    assert torch.equal(answer, expected) and len(set(expected.flatten().tolist())) > 5


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_prepared_model_writes_the_same_and_nearly_the_same(dtype):
    if not feasible(dtype):
        pytest.skip("this CPU has no such numbers")
    ours, prompt, _, _ = writers.gpt2(vocabulary=11000)
    expected = texts(ours, *prompt, until=Until(12))
    assert prepare(ours, dtype)
    share = (texts(ours, *prompt, until=Until(12)) == expected).float().mean()
    assert share == 1 if dtype == torch.float32 else share > 0.6


def test_sliding_goes_on_with_the_newer_half_as_the_reference_does_with_that_prompt():
    ours = small.gpt2(Gpt2Writer, length=8)
    theirs = writers.test_gpt2.twin(ours)
    prompt, window, expected = torch.tensor([[1, 2, 3, 4, 5, 6]]), [1, 2, 3, 4, 5, 6], []
    for _ in range(20):
        window = window if len(window) <= 8 else window[-4:]
        expected.append(int(theirs(torch.tensor([window])).logits[0, -1].argmax()))
        window.append(expected[-1])
    assert texts(ours, prompt, until=Until(20, slide=True))[0].tolist() == expected


def test_a_translator_that_slides_still_looks_at_its_source():
    ours = small.translator(length=6)
    source, window, expected = torch.tensor([[3, 1, 4, 1]]), [10], []
    for _ in range(12):
        window = window if len(window) <= 6 else window[-3:]
        with torch.no_grad():
            expected.append(int(ours(torch.tensor([window]), memory=ours.read(source))[0, -1].argmax()))
        window.append(expected[-1])
    assert (
        texts(ours, torch.tensor([[10]]), None, ours.read(source), until=Until(12, slide=True))[0].tolist() == expected
    )


# remembered or read again


@pytest.mark.parametrize("name", MODELS)
def test_each_step_says_what_reading_everything_again_says(name):
    ours, (ids, real), remembers, _ = MODELS[name]()
    real, memory = torch.ones_like(ids, dtype=torch.bool) if real is None else real, remembers()
    for step in write(ours, ids, real, memory, until=Until(8)):
        with torch.no_grad():
            whole = ours(ids, real, memory=remembers())[:, -1]
        close(step.logits, whole, rtol=0, atol=1e-5 * max(1.0, float(whole.abs().max())))
        ids, real = (torch.cat(pair, dim=1) for pair in ((ids, step.ids[:, None]), (real, real[:, -1:])))


def test_a_long_prompt_may_be_given_in_several_calls():
    ours, (ids, real), _, _ = writers.gpt2()
    whole, memory = list(write(ours, ids, real, until=Until(5))), Memory()
    with torch.no_grad():
        for part in (slice(0, 1), slice(1, 4)):
            ours(ids[:, part], real[:, part], memory=memory)
    assert memory.length == 4
    for mine, expected in zip(write(ours, ids[:, 4:], real[:, 4:], memory, until=Until(5)), whole, strict=True):
        assert torch.equal(mine.ids, expected.ids)
        close(mine.logits, expected.logits, rtol=0, atol=1e-5)


def test_a_conversation_goes_on_with_the_memory_that_all_but_the_last_piece_is_in():
    ours, (ids, _), memory = small.gpt2(Gpt2Writer, length=40), (writers.PROMPTS[:3], None), Memory()
    said = texts(ours, ids, memory=memory, until=Until(4))
    assert memory.length == 6 + 4 - 1
    more = torch.tensor([[5, 6], [1, 2], [9, 9]])
    goes_on = texts(ours, torch.cat([said[:, -1:], more], dim=1), memory=memory, until=Until(4))
    afresh = texts(ours, torch.cat([ids, said, more], dim=1), until=Until(4))
    assert torch.equal(goes_on, afresh)


def test_padding_in_front_changes_nothing():
    ours, (ids, real), _, _ = writers.gpt2()
    together = texts(ours, ids, real, until=Until(6))
    for row in range(0, 100, 7):
        assert torch.equal(texts(ours, ids[row, real[row]][None], until=Until(6))[0], together[row])


# a generator


def test_it_stops_where_all_have_and_who_has_stopped_writes_padding():
    model, ids = told([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    pick = iter([torch.tensor([1, 2]), torch.tensor([2, 1]), torch.tensor([0, 1])])
    steps = list(write(model, ids, pick=lambda logits: next(pick), until=Until(9, {1}, padding=7)))
    assert [step.ids.tolist() for step in steps] == [[1, 2], [7, 1]]
    assert [step.done.tolist() for step in steps] == [[True, False], [True, True]]


def test_nothing_is_computed_that_nobody_asks_for():
    ours, read = small.gpt2(Gpt2Writer), []
    ours.register_forward_hook(lambda *given: read.append(1))
    steps = write(ours, small.ids())
    assert not read
    next(steps), next(steps)
    steps.close()
    assert len(read) == 2 and torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


def test_between_two_steps_the_caller_is_where_they_were():
    ours, ids = small.gpt2(Gpt2Writer), small.ids()
    for _ in write(ours, ids, until=Until(2)):
        assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
        ours(ids).sum().backward()


def test_two_texts_written_in_turns_do_not_meet():
    ours, (ids, real), _, _ = writers.gpt2()
    alone = [texts(ours, part, mark, until=Until(5)) for part, mark in zip(ids.split(50), real.split(50), strict=True)]
    turns = zip(
        *(write(ours, a, m, until=Until(5)) for a, m in zip(ids.split(50), real.split(50), strict=True)), strict=True
    )
    both = [[step.ids for step in each] for each in zip(*turns, strict=True)]
    assert all(torch.equal(torch.stack(mine, dim=1), expected) for mine, expected in zip(both, alone, strict=True))


def test_who_listens_hears_every_step_and_gets_the_same_text():
    ours, ids = small.gpt2(Gpt2Writer, length=40), small.ids()
    expected = texts(ours, ids, until=Until(3))
    with listen(ours, ("logits", "*.weights")) as tape:
        assert torch.equal(texts(ours, ids, until=Until(3)), expected)
    assert [tape[name].shape for name in ("logits", "logits#2", "logits#3")] == [(2, 5, 11), (2, 1, 11), (2, 1, 11)]
    assert tape["layers.1.attention.weights#3"].shape == (2, 3, 1, 7)
    with listen(ours, (), {"layers.0.attention.z": lambda z: z * 0}):
        assert not torch.equal(texts(ours, ids, until=Until(3)), expected)


def test_of_a_prompt_only_the_last_position_is_likened_to_all_pieces():
    ours, ids, shapes = small.gpt2(Gpt2Writer), small.ids(), []
    ours.predict.register_forward_hook(lambda part, given, answer: shapes.append(tuple(answer.shape)))
    with torch.no_grad():
        answer, whole = last(ours, ids, None, Memory()), ours(ids)
    assert shapes == [(2, 1, 11), (2, 5, 11)]
    close(answer, whole[:, -1], rtol=0, atol=1e-6)


def test_no_piece_at_all_is_written_where_none_is_asked_for():
    assert list(write(small.gpt2(Gpt2Writer), small.ids(), until=Until(0))) == []


# drawing

ROWS = st.lists(st.floats(-8, 8, width=32), min_size=2, max_size=12)


def shares(row, temperature):
    """softmax in float64, by the book."""
    powers = [math.exp((value - max(row)) / temperature) for value in row]
    return [power / sum(powers) for power in powers]


@given(ROWS, st.floats(0.05, 5.0))
def test_probabilities_are_the_softmax_at_that_temperature(row, temperature):
    answer = probabilities(torch.tensor([row]), temperature)[0]
    close(answer.double(), torch.tensor(shares(row, temperature), dtype=torch.float64), rtol=1e-3, atol=1e-6)


@given(ROWS, st.integers(1, 14))
def test_top_k_keeps_the_k_likeliest_as_likely_to_one_another_as_they_were(row, k):
    full, kept = probabilities(torch.tensor([row]))[0], probabilities(torch.tensor([row]), top_k=k)[0]
    assert (kept > 0).sum() == min(k, len(row), int((full > 0).sum()))
    assert full[kept > 0].min() >= full[kept == 0].max() if (kept == 0).any() else True
    close(kept[kept > 0], full[kept > 0] / full[kept > 0].sum(), rtol=1e-4, atol=1e-7)


@given(ROWS, st.floats(0.01, 0.99))
def test_top_p_keeps_the_smallest_set_that_sums_to_p(row, p):
    full, kept = probabilities(torch.tensor([row])).double()[0], probabilities(torch.tensor([row]), top_p=p)[0]
    inside = full[kept > 0]
    assert inside.sum() >= p - 1e-5 and inside.sum() - inside.min() < p + 1e-5
    assert inside.min() >= full[kept == 0].max() - 1e-7 if (kept == 0).any() else True
    close(kept[kept > 0].double(), inside / inside.sum(), rtol=1e-4, atol=1e-7)


@given(ROWS)
def test_what_keeps_all_changes_nothing(row):
    logits = torch.tensor([row])
    for how in ({"top_p": 1.0}, {"top_k": len(row)}, {"top_k": 10**9, "top_p": 1.0}):
        close(probabilities(logits, **how), probabilities(logits), rtol=1e-6, atol=1e-8)


@given(ROWS, st.floats(0.2, 3.0), st.integers(1, 12), st.floats(0.05, 0.95))
def test_the_warpers_of_the_reference_leave_the_same_probabilities(row, temperature, k, p):
    warpers = reference.library().generation.logits_process
    scores = torch.tensor([row]) + torch.arange(len(row)) * 1e-3  # ties are kept together there, one by one here
    expected = scores
    for warp in (
        warpers.TemperatureLogitsWarper(temperature),
        warpers.TopKLogitsWarper(k),
        warpers.TopPLogitsWarper(p),
    ):
        expected = warp(None, expected)
    answer, expected = probabilities(scores, temperature, k, p), expected.softmax(-1)
    near = probabilities(scores, temperature, k).sort(descending=True).values.cumsum(-1)
    if ((near - p).abs() > 1e-4).all():  # which side of p a sum is on is not for rounding to say
        close(answer, expected, rtol=1e-4, atol=1e-6)


def test_a_nucleus_by_hand():
    """0.5, 0.3, 0.15, 0.05: the first two sum to 0.8, so 0.81 needs the third; what is left is shared as before."""
    share = torch.tensor([[0.5, 0.3, 0.15, 0.05]])
    for p, left in ((0.4, 1), (0.5, 1), (0.51, 2), (0.79, 2), (0.81, 3), (0.96, 4), (1.0, 4)):
        assert (nucleus(share, p) > 0).sum() == left
    answer = probabilities(share.log().flip(1), top_p=0.7)
    close(answer, torch.tensor([[0.0, 0.0, 0.375, 0.625]]))


@pytest.mark.parametrize(
    "how", [{}, {"temperature": 0.5}, {"top_k": 4}, {"top_p": 0.8}, {"temperature": 2.0, "top_k": 5, "top_p": 0.9}]
)
def test_pieces_come_as_often_as_their_probability_says(how):
    """χ² of 20,000 draws against the probabilities of the equation; below its 99.99 % quantile (Wilson & Hilferty)."""
    logits = torch.tensor([1.0, 0.3, -0.7, 2.0, 1.5, 0.1, -1.0])
    expected, count = probabilities(logits[None], **how)[0].double(), 20_000
    pick = sample(generator=torch.Generator().manual_seed(5), **how)
    drawn = pick(logits.expand(count, -1)).bincount(minlength=7).double()
    assert not drawn[expected == 0].any()
    kept = expected > 0
    distance = float(((drawn - count * expected).square()[kept] / (count * expected)[kept]).sum())
    freedom = int(kept.sum()) - 1
    assert distance < freedom * (1 - 2 / (9 * freedom) + 3.72 * math.sqrt(2 / (9 * freedom))) ** 3


def test_one_seed_one_text_and_another_another():
    ours, ids = small.gpt2(Gpt2Writer, length=40), small.ids()
    made = [
        texts(ours, ids, pick=sample(generator=torch.Generator().manual_seed(s)), until=Until(12)) for s in (1, 1, 2)
    ]
    assert torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])


def test_who_draws_without_a_generator_uses_and_leaves_the_one_of_torch():
    ours, ids = small.gpt2(Gpt2Writer, length=40), small.ids()
    torch.manual_seed(3)
    first = texts(ours, ids, pick=sample(), until=Until(8))
    torch.manual_seed(3)
    assert torch.equal(texts(ours, ids, pick=sample(), until=Until(8)), first)


@pytest.mark.parametrize("temperature", [0, 0.0, 1e-30, 1e-6])
def test_as_the_temperature_goes_to_nothing_the_likeliest_is_left(temperature):
    logits = torch.randn(50, 30)
    assert torch.equal(sample(temperature)(logits), greedy(logits))
    assert sample(0) is greedy


def test_pieces_that_are_forbidden_are_never_drawn():
    logits = torch.tensor([[0.0, -torch.inf, 1.0, -torch.inf]])
    for how in ({}, {"top_k": 3}, {"top_p": 0.99}, {"temperature": 1e6}):
        answer = probabilities(logits, **how)
        assert answer.isfinite().all() and not answer[0, 1::2].any()


# what is refused


def refused(message):
    return pytest.raises(ValueError, match=message)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"temperature": -0.1}, "temperature -0.1 is no temperature: give 0"),
        ({"temperature": math.inf}, "temperature inf is no temperature"),
        ({"temperature": math.nan}, "temperature nan is no temperature"),
        ({"top_k": 0}, "top_k=0 leaves no piece to draw: give 1 or more, or None"),
        ({"top_k": -3}, "top_k=-3 leaves no piece"),
        ({"top_p": 0}, "top_p=0 is no share"),
        ({"top_p": 1.5}, "top_p=1.5 is no share of the probability: give more than 0, at most 1"),
        ({"top_p": math.nan}, "top_p=nan is no share"),
    ],
)
def test_what_is_no_way_to_draw_is_said_at_once(how, message):
    with refused(message):
        sample(**how)


@pytest.mark.parametrize(
    ("ids", "real", "message"),
    [
        (torch.zeros(2, 0, dtype=torch.long), None, r"a prompt of shape \(2, 0\) is empty: give each text one piece"),
        (torch.zeros(0, 3, dtype=torch.long), None, r"a prompt of shape \(0, 3\) is empty"),
        (small.ids(), small.real(), "text 1 of the prompt ends in padding: put padding on the left"),
        (small.ids(), small.real() & torch.tensor([[False], [True]]), "text 0 of the prompt ends in padding"),
    ],
)
def test_a_prompt_that_nothing_can_continue_is_refused_before_the_first_step(ids, real, message):
    with refused(message):
        write(small.gpt2(Gpt2Writer), ids, real)


@pytest.mark.parametrize("slide", [False, True])
def test_what_there_is_no_room_for_is_an_error_that_names_both_numbers_or_slides(slide):
    ours, ids = small.gpt2(Gpt2Writer), torch.arange(10)[None]  # it reads nine
    too_long = refused("10 pieces, the model reads 9: shorten the prompt") if not slide else contextlib.nullcontext()
    with too_long:
        assert texts(ours, ids, until=Until(3, slide=slide)).shape == (1, 3)
    written = []
    with too_long:
        written += [step.ids for step in write(ours, ids[:, :7], until=Until(5, slide=slide))]
    assert len(written) == (5 if slide else 0)


def test_what_fits_is_written_before_the_error_comes():
    ours, written = small.gpt2(Gpt2Writer), []
    with refused("10 pieces, the model reads 9"):
        for step in write(ours, torch.arange(7)[None], until=Until(9)):
            written.append(int(step.ids))
    assert len(written) == 3


@pytest.mark.parametrize(
    "row", [[0.0, math.nan, 1.0], [math.inf, 0.0, 1.0], [-math.inf] * 3], ids=["nan", "infinite", "nothing allowed"]
)
@pytest.mark.parametrize("pick", [greedy, sample()], ids=["greedy", "sample"])
def test_logits_that_are_no_numbers_are_said_so(row, pick):
    model, ids = told([[0.0, 1.0, 2.0], row])
    with refused("nothing can be picked from logits whose largest is"):
        next(write(model, ids, pick=pick))


def test_a_memory_of_another_model_is_refused_and_still_its_owners():
    one, other, memory = small.gpt2(Gpt2Writer), small.gpt2(Gpt2Writer), Memory()
    expected = texts(one, small.ids(), until=Until(4))
    said = texts(one, small.ids(), memory=memory, until=Until(2))
    with refused("of 6 positions in this memory the model read 0: each begins one of its own"):
        next(write(other, said[:, -1:], memory=memory))
    assert torch.equal(texts(one, said[:, -1:], memory=memory, until=Until(2)), expected[:, 2:])


def test_to_write_less_than_nothing_is_refused():
    with refused("most is -1: no text gets shorter by writing"):
        Until(-1)
