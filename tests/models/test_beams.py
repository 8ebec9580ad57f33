"""Several continuations side by side: beside `transformers`, by hand, and against trying everything."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from glassformer.models.beams import Beam, Search, beams
from glassformer.models.decoding import Until, write
from glassformer.models.gpt2 import Gpt2Writer
from glassformer.parts.attention import Memory
from glassformer.parts.kernels.prepared import feasible, prepare
from tests import small
from tests.models import writers

MODELS = {"gpt2": writers.gpt2, "bert": writers.bert, "marian": writers.marian}
START = torch.zeros(1, 1, dtype=torch.long)


class Table(nn.Module):
    """A language without grammar: what comes next hangs on the piece before it alone.  table: (v, v) of logits."""

    class config:
        longest = 50

    def __init__(self, table):
        super().__init__()
        self.table = table

    def forward(self, ids, real=None, memory=None):
        memory.meet(torch.ones_like(ids, dtype=torch.bool))
        return self.table[ids]


# beside the reference


@pytest.mark.parametrize("early", [False, True], ids=["", "early"])
@pytest.mark.parametrize("penalty", [0.0, 1.0, 2.0, -1.0])
@pytest.mark.parametrize("stop", [(), (3,), (3, 7)], ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_the_reference_finds_the_same_beams_for_a_hundred_prompts(name, stop, penalty, early):
    """All of them, best first, with their scores; it fills a short one up with padding, and a lack with −10⁹."""
    ours, prompt, remembers, generate = MODELS[name]()
    how = {"num_beams": 3, "num_return_sequences": 3, "length_penalty": penalty, "early_stopping": early}
    expected, found = generate(stop, **how, max_new_tokens=8, output_scores=True, return_dict_in_generate=True)
    answer = beams(ours, *prompt, remembers(), Search(3, penalty, early), Until(8, stop))
    for row, (texts, scores) in enumerate(zip(expected.split(3), found.sequences_scores.split(3), strict=True)):
        for at, (text, score) in enumerate(zip(texts.tolist(), scores.tolist(), strict=True)):
            if at >= len(answer[row]):
                assert score < -1e6
                continue
            beam = answer[row][at]
            assert list(beam.ids) == text[: len(beam.ids)] and set(text[len(beam.ids) :]) <= {10}
            assert beam.score == pytest.approx(score, rel=1e-5, abs=2e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_beam_of_one_is_greedy(name):
    ours, prompt, remembers, _ = MODELS[name]()
    steps = torch.stack([step.ids for step in write(ours, *prompt, remembers(), until=Until(8, {3}))], dim=1).tolist()
    for text, found in zip(steps, beams(ours, *prompt, remembers(), Search(1), Until(8, {3})), strict=True):
        assert len(found) == 1 and list(found[0].ids) == text[: len(found[0].ids)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_prepared_model_finds_the_same_beams(dtype):
    if not feasible(dtype):
        pytest.skip("this CPU has no such numbers")
    ours, prompt, _, _ = writers.gpt2()
    expected = beams(ours, *prompt, search=Search(3), until=Until(8, {3}))
    assert prepare(ours, dtype)
    answer = beams(ours, *prompt, search=Search(3), until=Until(8, {3}))
    same = sum(mine[0].ids == theirs[0].ids for mine, theirs in zip(answer, expected, strict=True))
    assert same == 100 if dtype == torch.float32 else same > 60


# by hand


def test_a_beam_of_two_keeps_the_two_likeliest_at_each_step():
    """The example of The Illustrated Transformer: beam_size two, top_beams two.

    Pieces: 0 begins, 1 = I, 2 = a, 3 = me, 4 ends.  I (0.5) and a (0.4) are kept, me (0.1) is not.  Then I·a and I·end
    have 0.5 · 0.2 = 0.1, I·me 0.5 · 0.6 = 0.3, a·I 0.4 · 0.9 = 0.36, a·end 0.04: a·I and I·me are kept.  Then I·me·end
    ends with 0.3 · 1, a·I·end has 0.36 · 0.2 = 0.072 and a·I·me 0.36 · 0.6 = 0.216, which goes on and ends as it is.
    Greedy begins with I and never sees a·I·me.
    """
    table = torch.tensor([
        [0.0, 0.5, 0.4, 0.1, 0.0],
        [0.0, 0.0, 0.2, 0.6, 0.2],
        [0.0, 0.9, 0.0, 0.0, 0.1],
        [0.0, 0.0, 0.0, 0.0, 1.0],
        [0.2, 0.2, 0.2, 0.2, 0.2],
    ])  # fmt: skip
    (found,) = beams(Table(table.log()), START, search=Search(2, length_penalty=0.0), until=Until(6, {4}))
    assert [beam.ids for beam in found] == [(1, 3, 4), (2, 1, 3, 4)]
    assert [math.exp(beam.score) for beam in found] == pytest.approx([0.3, 0.216])
    (longer,) = beams(Table(table.log()), START, search=Search(2, length_penalty=1.0), until=Until(6, {4}))
    assert [beam.score for beam in longer] == pytest.approx([math.log(0.216) / 4, math.log(0.3) / 3])
    assert [beam.ids for beam in longer] == [(2, 1, 3, 4), (1, 3, 4)]


@pytest.mark.parametrize(("penalty", "best"), [(0.0, (2,)), (1.0, (1, 1, 2)), (-1.0, (2,))])
def test_a_penalty_above_nothing_is_for_longer_texts(penalty, best):
    """1 goes on with probability 0.7; to end at once has 0.3, after two more 0.7 · 0.7 · 0.3 = 0.147.

    log 0.3 / 1 = −1.2, log 0.147 / 3 = −0.64: divided by its length the longer text is ahead.
    """
    table = torch.tensor([[0.0, 0.7, 0.3], [0.0, 0.7, 0.3], [0.0, 0.5, 0.5]])
    (found,) = beams(Table(table.log()), START, search=Search(3, penalty), until=Until(3, {2}))
    shares = {(2,): 0.3, (1, 2): 0.21, (1, 1, 2): 0.147, (1, 1, 1): 0.343}
    expected = sorted(shares, key=lambda text: -math.log(shares[text]) / len(text) ** penalty)
    assert [beam.ids for beam in found] == [text for text in expected if text in {beam.ids for beam in found}]
    for beam in found:
        assert beam.score == pytest.approx(math.log(shares[beam.ids]) / len(beam.ids) ** penalty, rel=1e-5)
    ended = [beam.ids for beam in found if beam.ids[-1] == 2]
    assert ended[0] == best


def test_early_is_content_with_the_first_that_end():
    table = torch.tensor([[0.0, 0.6, 0.4], [0.0, 0.9, 0.1], [0.0, 0.5, 0.5]])
    patient, early = (
        beams(Table(table.log()), START, search=Search(1, 2.0, early), until=Until(9, {2}))[0]
        for early in (False, True)
    )
    assert patient == early  # a beam of one: what ends is never the best here until the last
    patient, early = (
        beams(Table(table.log()), START, search=Search(2, 2.0, early), until=Until(9, {2}))[0]
        for early in (False, True)
    )
    assert len(early[0].ids) < len(patient[0].ids) and early[0].score < patient[0].score


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 1.0, 0.5]))
def test_a_beam_wide_enough_finds_the_best_of_all_texts(seed, penalty):
    """Nothing is left out where `width` is the number of texts: 3 pieces, 4 steps, so 27 that have not ended yet."""
    table = torch.randn(3, 3, generator=torch.Generator().manual_seed(seed)).log_softmax(-1)
    (found,) = beams(Table(table), START, search=Search(81, penalty), until=Until(4, {2}))
    every = {}
    for length in range(1, 5):
        for text in itertools.product(range(3), repeat=length):
            if 2 not in text[:-1] and (text[-1] == 2 or length == 4):
                pieces = [0, *text]
                sure = sum(float(table[pair]) for pair in itertools.pairwise(pieces))
                every[text] = sure / length**penalty
    expected = sorted(every.items(), key=lambda pair: -pair[1])
    assert found[0].score == pytest.approx(expected[0][1], rel=1e-4)
    assert len(found) == len(every) == 1 + 2 + 4 + 24
    assert {beam.ids for beam in found} == set(every)
    assert all(beam.score == pytest.approx(every[beam.ids], rel=1e-4, abs=1e-6) for beam in found)


def test_every_score_is_what_the_model_says_of_the_text():
    ours, (ids, real), _, _ = writers.gpt2()
    for row, found in enumerate(beams(ours, ids, real, search=Search(4, 0.0), until=Until(6, {3}))):
        for beam in found:
            whole = torch.cat([ids[row, real[row]], torch.tensor(beam.ids)])[None]
            with torch.no_grad():
                likely = ours(whole[:, :-1]).log_softmax(-1)[0, -len(beam.ids) :]
            told = float(likely.gather(1, torch.tensor(beam.ids)[:, None]).sum())
            assert beam.score == pytest.approx(told, rel=1e-4, abs=1e-4)


# what else it promises


def test_no_text_hangs_on_its_neighbours():
    ours, (ids, real), _, _ = writers.gpt2()
    together = beams(ours, ids, real, search=Search(3), until=Until(6, {3}))
    for row in range(0, 100, 11):
        (alone,) = beams(ours, ids[row, real[row]][None], search=Search(3), until=Until(6, {3}))
        assert [beam.ids for beam in alone] == [beam.ids for beam in together[row]]


def test_fewer_pieces_than_the_width_are_no_trouble():
    """Two pieces, one of which ends: after four steps there are five texts, and no more."""
    (found,) = beams(Table(torch.zeros(2, 2)), START, search=Search(8, 0.0), until=Until(4, {1}))
    assert sorted(beam.ids for beam in found) == sorted([(1,), (0, 1), (0, 0, 1), (0, 0, 0, 1), (0, 0, 0, 0)])


def test_where_all_end_at_once_the_search_is_over():
    model = Table(torch.tensor([[-torch.inf, 0.0], [0.0, 0.0]]))
    assert beams(model, START, search=Search(3), until=Until(9, {1})) == [[Beam((1,), 0.0)]]


def test_a_memory_that_has_read_before_goes_on():
    ours, (ids, real), memory = *writers.gpt2()[:2], Memory()
    with torch.no_grad():
        ours(ids[:, :3], real[:, :3], memory=memory)
    mine = beams(ours, ids[:, 3:], real[:, 3:], memory, Search(3), Until(5, {3}))
    whole = beams(ours, ids, real, search=Search(3), until=Until(5, {3}))
    assert [[beam.ids for beam in each] for each in mine] == [[beam.ids for beam in each] for each in whole]


def test_nothing_is_written_where_nothing_is_asked_for():
    assert beams(Table(torch.zeros(2, 2)), START, until=Until(0)) == [[]]


@pytest.mark.parametrize("width", [0, -2])
def test_a_beam_that_keeps_nothing_is_refused(width):
    with pytest.raises(ValueError, match=f"a beam of width {width} keeps nothing: give 1 or more"):
        Search(width)


def test_what_there_is_no_room_for_names_both_numbers():
    with pytest.raises(ValueError, match="10 pieces, the model reads 9: shorten the prompt, write fewer"):
        beams(small.gpt2(Gpt2Writer), torch.arange(7)[None], until=Until(9))
    with pytest.raises(ValueError, match=r"a prompt of shape \(1, 0\) is empty"):
        beams(small.gpt2(Gpt2Writer), torch.zeros(1, 0, dtype=torch.long))


def test_logits_that_are_no_numbers_are_said_so():
    with pytest.raises(ValueError, match="nothing can be picked from logits"):
        beams(Table(torch.full((2, 2), torch.nan)), START)
