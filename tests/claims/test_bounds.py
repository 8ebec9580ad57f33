"""Where a verdict turns is where its rule says, and what it counts is what was given: made-up facts, sums by hand."""

from types import SimpleNamespace

import pytest
import torch

from glassformer.claims.ledger import every, tried
from glassformer.claims.sentences import NOT_BAD, NOT_GOOD


@pytest.fixture
def found(monkeypatch):
    """A function: what a claim finds where the facts it asks for are these."""

    def found(name, **facts):
        room = every()[name].test.__module__
        for fact, other in facts.items():
            monkeypatch.setattr(f"{room}.{fact}", other)
        return tried(every()[name])

    return found


def always(value):
    return lambda *_, **__: value


def in_turn(values):
    left = iter(values)
    return lambda *_, **__: next(left)


@pytest.mark.parametrize(("right", "verdict"), [(190, "true"), (189, "false")])
def test_a_decoder_that_writes_95_percent_whole_is_enough(found, right, verdict):
    written = lambda _, digits: torch.where(torch.arange(len(digits))[:, None] < right, digits.flip(1), -1)  # noqa: E731
    told = found("a-decoder-writes-to-its-end", backwards=written, read=always(SimpleNamespace(model=None)))
    assert (told.verdict, told.rule, told.n) == (verdict, "true from 95 %", 200)
    assert told.numbers["share"] == pytest.approx(right / 200) and f"{right / 2:.1f}%" in told.figure


@pytest.mark.parametrize(("worse", "verdict"), [(1, "true"), (2, "false")])
def test_two_beams_may_be_less_likely_once(found, worse, verdict):
    scores = [-3.0] * worse + [-1.0] * 5 + [-2.0] * (15 - worse) + [-2.0] * 20  # of two beams, then of one
    beams = in_turn([[[SimpleNamespace(score=score)]] for score in scores])
    nobody = SimpleNamespace(model=None)
    told = found("two-beams-are-no-worse-than-greedy", beams=beams, _prompts=always(range(20)), read=always(nobody))
    assert told.verdict == verdict and told.numbers == {"better": 5, "worse": worse}
    assert f"likelier 5 times, less likely {worse} times" in told.figure


@pytest.mark.parametrize(
    ("name", "share", "of", "rule"),
    [
        ("parameters-of-bert-large", 0.02, 340e6, "true within 2 %"),
        ("parameters-of-gpt2", 0.05, 1.5e9, "true within 5 %"),
        ("parameters-of-bert-base", 5e-9, 109_482_240, "true where it is exact"),
    ],
)
def test_parameters_are_as_many_as_said_within_what_the_rule_allows(found, name, share, of, rule):
    for way in (1, -1):
        for times, verdict in ((0.9, "true"), (1.1, "false")):
            count = round(of * (1 + way * share * times))
            told = found(name, _parameters=always(count))
            assert (told.verdict, told.rule) == (verdict, rule) and f"{count:,}" in told.figure


def said_by(right):
    """A reader that has so many of the forty negated sentences right."""
    labels = ["positive"] * 20 + ["negative"] * 20
    other = {"positive": "negative", "negative": "positive"}
    said = [label if k < right else other[label] for k, label in enumerate(labels)]
    return SimpleNamespace(answer_all=lambda texts: [SimpleNamespace(label=said[k]) for k, _ in enumerate(texts)])


@pytest.mark.parametrize(("first", "second", "verdict"), [(20, 36, "true"), (21, 40, "false"), (0, 35, "false")])
def test_negated_sentences_are_counted_as_read_right(found, first, second, verdict):
    readers = {"bag-of-words": said_by(first), "sentiment": said_by(second)}
    told = found("attention-reads-not-terrible", reader=readers.get)
    assert (told.verdict, told.n) == (verdict, len(NOT_BAD) + len(NOT_GOOD))
    assert told.numbers == pytest.approx({"bag-of-words": first / 40, "sentiment": second / 40})


@pytest.mark.parametrize(
    ("cut", "control", "verdict"), [(-1.5, 0.4, "true"), (-1.5, 0.6, "false"), (-0.9, 0.0, "false"), (1.5, 0, "false")]
)
def test_a_cut_look_counts_below_minus_one_and_three_times_its_control(found, cut, control, verdict):
    trial = SimpleNamespace(words=range(5), texts=["this", "soup", "was", "not", "bad"])
    measured = lambda _, looks: [SimpleNamespace(change={(4, 3): cut, (4, 1): control}[look]) for look in looks]  # noqa: E731
    told = found("terrible-uses-not", trials=always([trial] * 3), nearest_other=always(1), measured=measured)
    assert told.verdict == verdict and told.numbers == pytest.approx({"cut": cut, "control": control})
    assert told.n == 3 and f"not: {cut:+.2f} on average" in told.figure and f"weight: {control:+.2f}" in told.figure


def looking(*words):
    """A trial of three words and one piece behind them, whose heads look from the second most at these."""
    heads = torch.nn.functional.one_hot(torch.tensor(words), 4).float()
    weights = torch.zeros(len(words), 4, 4)
    weights[:, 1] = 0.4 * heads + 0.6 * torch.tensor([0.0, 0.0, 0.0, 1.0])  # most at what is no word
    return SimpleNamespace(attention=lambda: weights.split(2), texts=["a", "it", "b", ""], spoken=[0, 1, 2])


def test_heads_agree_as_many_as_look_at_the_word_most_of_them_look_at(found):
    trials = [looking(0, 0, 0, 2), looking(2, 2, 2, 2), looking(0, 1, 1, 2)]
    told = found("heads-agree-on-it", trials=always(trials))
    assert told.numbers == {"agree": pytest.approx((3 / 4 + 1 + 2 / 4) / 3)} and told.verdict == "false"
    assert "75% of its" in told.figure and told.n == 3
    assert found("heads-agree-on-it", trials=always(trials[:2])).verdict == "true"  # 7 of 8


def test_a_weight_is_beside_what_it_brings_as_shares_of_a_row(found):
    """Of the first row three tenths are elsewhere, and the largest is another; of the second neither."""
    weights, brought = torch.tensor([[[0.6, 0.4], [0.9, 0.1]]]), torch.tensor([[[0.3, 0.7], [0.9, 0.1]]])
    trial = SimpleNamespace(attention=lambda: [weights], mixture=lambda: [brought])
    told = found("weights-say-how-much-arrives", trials=always([trial]))
    assert told.numbers == pytest.approx({"elsewhere": 0.15, "largest": 0.5}) and told.verdict == "false"
    assert "15% of a row is elsewhere; the largest is the same in 50%" in told.figure


def test_a_position_has_its_own_row_where_it_may_choose_at_all(found):
    """Of two rows that may choose, one has most at itself; the first, which sees itself alone, is left out."""
    weights = torch.tensor([[[1.0, 0, 0], [0.2, 0.8, 0], [0.5, 0.3, 0.2]]])
    trial = SimpleNamespace(layers=1, ids=torch.ones(1, 3), may_look=torch.ones(3, 3).tril().bool())
    trial.tape = {"layers.0.attention.weights": weights[None]}
    told = found("own-word-is-highest", trials=always([trial]))
    assert set(told.numbers.values()) == {0.5} and told.n == 3 * 2 and "33% by chance" in told.figure


@pytest.mark.parametrize(("flipped", "verdict"), [(2, "true"), (3, "false")])
def test_a_head_can_go_where_the_answer_is_of_the_same_sign(found, flipped, verdict):
    changes = SimpleNamespace(changes={"mean": [-2.0] * flipped + [-0.5, 3.0] * 4})
    trials = [SimpleNamespace(before=1.0)]
    told = found("most-heads-can-go", trials=always(trials), heads=always(changes))
    assert told.verdict == verdict and told.numbers == {"kept": pytest.approx(8 / (8 + flipped))}
    assert (told.n, told.causal.metric) == (8 + flipped, "log-odds of positive, sentiment")


@pytest.mark.parametrize(("moved", "verdict"), [(0.0009, "true"), (0.0011, "depends"), (3.0, "depends")])
def test_shuffled_words_are_the_same_where_class_and_log_odds_stay(found, moved, verdict):
    pairs = lambda _, name, first: [(1.0, 1.0 - moved * (name == "sentiment"))]  # noqa: E731
    told = found("shuffled-words-same-answer", trials=always([None] * 2), _in_other_orders=pairs)
    assert told.verdict == verdict and told.numbers["sentiment"] == (moved < 1)
    assert f"log-odds move by {moved:.2f}" in told.figure and bool(told.on) == (verdict == "depends")


def test_weights_that_rank_as_effects_do_and_weights_that_only_rank_them_backwards(found):
    weights = torch.tensor([0.1, 0.2, 0.3, 0.4])
    for effects, rank, same in ((weights, 1.0, 1.0), (weights.flip(0), -1.0, 0.0)):
        told = found("weights-tell-effects", trials=always([None]), _effects=always((weights, effects)))
        assert told.numbers == pytest.approx({"rank": rank, "largest": same})
        assert told.verdict == ("true" if same else "false")


@pytest.mark.parametrize(("alike", "overlap"), [(True, 1.0), (False, 0.0)])
def test_heads_that_read_the_same_coordinates_share_a_whole_subspace_and_heads_of_others_none(found, alike, overlap):
    rows = torch.randn(16, 4) @ torch.eye(16)[:4] if alike else torch.eye(16)
    value = SimpleNamespace(attention=SimpleNamespace(v=SimpleNamespace(weight=rows)))
    told = found("heads-have-subspaces", read=always(SimpleNamespace(model=SimpleNamespace(layers=[value] * 2))))
    assert told.numbers == pytest.approx({"shared": overlap, "chance": 4 / 16}) and told.n == 12
    assert told.verdict == ("false" if alike else "true")
