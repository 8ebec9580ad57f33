"""How much survives: shuffles against a second generator, mean attention against a plain loop, random twins."""

import copy
import statistics
from dataclasses import replace
from itertools import chain, product

import pytest
import torch

from glassformer.explain import baselines
from glassformer.explain.baselines import baselines as baselines_of
from glassformer.explain.baselines import drawn, mulberry32, shuffled
from glassformer.explain.reference import REFERENCE, reference
from glassformer.models import heads
from glassformer.tape import listen
from tests import made
from tests.explain.many import SENTENCE, TRIALS, begun

CLOSE = 1e-5


@pytest.fixture(params=TRIALS)
def trial(request):
    return begun(request.param)


def by_name(trial, companions=()):
    return {each.name: each for each in baselines_of(trial, companions)}


def test_every_kind_of_model_has_its_baselines(trial):
    found = by_name(trial)
    assert list(found) == ["uniform attention", "average attention", "shuffled words", "random weights"]
    for each in found.values():
        assert each.what and isinstance(each.survives, bool) and each.value == each.value
        assert (each.share is None) == (trial.metric.share(0.0) is None)
    assert {name: each.n for name, each in found.items()} == {
        "uniform attention": 1,
        "average attention": 20,
        "shuffled words": 8,
        "random weights": 3,
    }


# shuffled words


def int32(x):
    return (x + 2**31) % 2**32 - 2**31


def second_generator(seed):
    """The usual JavaScript, with its signed 32-bit numbers spelled out."""
    a = int32(seed)
    while True:
        a = int32(a + 0x6D2B79F5)
        t = int32((a ^ ((a % 2**32) >> 15)) * (1 | a))
        t = int32(t + int32((t ^ ((t % 2**32) >> 7)) * (61 | t))) ^ t
        yield ((t ^ ((t % 2**32) >> 14)) % 2**32) / 4294967296


@pytest.mark.parametrize("seed", [0, 1, 2, 8, 12345, 2**32 - 1])
def test_the_generator_is_that_of_javascript(seed):
    mine, other = mulberry32(seed), second_generator(seed)
    numbers = [next(mine) for _ in range(200)]
    assert numbers == [next(other) for _ in range(200)]
    assert all(0 <= x < 1 for x in numbers) and 0.4 < statistics.mean(numbers) < 0.6
    assert next(mulberry32(1)) == 0.6270739405881613  # as node prints it


def test_words_keep_their_pieces_and_special_pieces_their_place():
    trial = made.bert_trial(SENTENCE, "it was good", joint=True)
    for seed in range(1, 9):
        order, number = list(range(5)), second_generator(seed)
        for k in range(4, 0, -1):
            j = int(next(number) * (k + 1))
            order[k], order[j] = order[j], order[k]
        second = [0, 1, 2]
        for k in (2, 1):
            j = int(next(number) * (k + 1))
            second[k], second[j] = second[j], second[k]
        words, others = [["the"], ["film", "##ing"], ["was"], ["not"], ["terrible"]], [["it"], ["was"], ["good"]]
        names = ["[CLS]", *chain(*(words[k] for k in order)), "[SEP]", *chain(*(others[k] for k in second)), "[SEP]"]
        found = shuffled(trial, seed)
        assert found.names == names
        assert [trial.reader.tokens.name(id) for id in found.ids] == names and found.types == trial.pieces.types


def test_shuffled_is_the_mean_over_eight_texts(trial):
    found = by_name(trial)["shuffled words"]
    values = []
    for seed in range(1, 9):
        ids = torch.tensor([shuffled(trial, seed).ids])
        batch = replace(trial.batch, ids=ids)
        values.append(trial.after(batch=batch, measure=trial.measure.moved(batch)).item())
    assert found.value == pytest.approx(statistics.mean(values), abs=CLOSE)
    assert len({round(value, 6) for value in values}) > 1


# attention


def test_uniform_attention_looks_everywhere_alike(trial):
    seen = trial.may_look.float()
    weights = seen / seen.sum(-1, keepdim=True)
    edit = {"layers.*.attention.weights": lambda w: weights.expand_as(w)}
    with torch.no_grad(), listen(trial.reader.model, keep=(), edit=edit):
        expected = trial.measure(trial.kind.run(trial.batch), trial.batch).item()
    assert by_name(trial)["uniform attention"].value == pytest.approx(expected, abs=CLOSE)


class Loop:
    """The mean weights by distance and by special piece, sentence by sentence, cell by cell."""

    def __init__(self, trial):
        reader = trial.reader
        cut = [reader.tokens.cut_many([text], reader.longest)[0] for text in REFERENCE]
        self.longest = max(len(pieces.ids) - len(pieces.specials) - 1 for pieces in cut)
        self.specials = {pieces.ids[k] for pieces in cut for k in pieces.specials}
        self.seen = {}
        for pieces in cut:
            self.look(reader.model, pieces.ids)

    def look(self, model, ids):
        given = torch.tensor([ids])
        with torch.no_grad(), listen(model, "layers.*.attention.weights") as tape:
            model(given[None] if isinstance(model, heads.MultipleChoice) else given)
        for (site, value), (i, j) in product(tape.items(), product(range(len(ids)), repeat=2)):
            self.seen.setdefault((site, self.way(ids[i], ids[j], j - i)), []).append(value[0, :, i, j])

    def way(self, one, other, distance):
        special = tuple(id if id in self.specials else None for id in (one, other))
        return max(-self.longest, min(self.longest, distance)) if special == (None, None) else special

    def rows(self, trial, site):
        ids, rows = trial.pieces.ids, torch.zeros(trial.tape[site].shape[1:])
        for i, j in product(range(len(ids)), repeat=2):
            seen = self.seen.get((site, self.way(ids[i], ids[j], j - i)), [])
            if seen and trial.may_look[i, j]:
                rows[:, i, j] = torch.stack(seen).mean(0)
        return rows / rows.sum(-1, keepdim=True)


def mean_attention(trial):
    loop = Loop(trial)
    return {site: loop.rows(trial, site) for site in trial.tape if site.endswith(".attention.weights")}


@pytest.mark.parametrize(
    "kind", ["post mean", "vector", "two texts together", "two vectors", "decoder", "pruned", "mask"]
)
def test_average_attention_is_the_mean_of_a_plain_loop(kind):
    trial = TRIALS[kind]()
    expected = mean_attention(trial)
    found = reference(trial.reader).attention(trial.ids[0], trial.may_look)
    for mine, other in zip(found, expected.values(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(mine.sum(-1), torch.ones(mine.shape[:2]))
    edit = {site: lambda w, rows=rows: rows.expand_as(w) for site, rows in expected.items()}
    with torch.no_grad(), listen(trial.reader.model, keep=(), edit=edit):
        value = trial.measure(trial.kind.run(trial.batch), trial.batch).item()
    assert by_name(trial)["average attention"].value == pytest.approx(value, abs=1e-4)


def test_far_away_counts_as_the_furthest_that_is_known():
    trial = made.trial(" ".join(["good"] * 35))
    known = reference(trial.reader)
    ways = known.ways(trial.ids[0])
    assert ways[0, 34] == ways[0, known.furthest] == ways[1, 34] != ways[0, known.furthest - 1]
    assert ways[34, 0] == ways[known.furthest, 0] == 0


def test_means_are_taken_once_and_again_when_a_weight_changes():
    trial = TRIALS["post mean"]()
    first = reference(trial.reader)
    assert reference(trial.reader) is first
    with torch.no_grad():
        trial.reader.model.layers[0].mlp.outward.bias.add_(1.0)
    assert reference(trial.reader) is not first


# other models


def test_a_random_twin_has_matrices_of_the_same_mean_and_spread_and_no_other_change():
    model = made.bert(heads.SequenceClassification, width=48, hidden=96)
    before = copy.deepcopy(model.state_dict())
    twin = drawn(model, 1)
    for name, weight in twin.named_parameters():
        old = before[name]
        if weight.dim() < 2:
            assert torch.equal(weight, old)
            continue
        assert not torch.equal(weight, old)
        error = old.std().item() / weight.numel() ** 0.5
        assert abs(weight.mean() - old.mean()) < 5 * error and abs(weight.std() - old.std()) < 5 * error
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(drawn(model, 1).embed.pieces.weight, twin.embed.pieces.weight)
    assert not torch.equal(drawn(model, 2).embed.pieces.weight, twin.embed.pieces.weight)


def test_random_weights_is_the_median_of_three(trial, monkeypatch):
    values = []
    for seed in range(3):
        kind = copy.copy(trial.kind)
        kind.model = drawn(trial.reader.model, seed)
        with torch.no_grad():
            values.append(trial.measure(kind.run(trial.batch), trial.batch).item())
    assert by_name(trial)["random weights"].value == pytest.approx(sorted(values)[1], abs=CLOSE)
    monkeypatch.setattr(baselines, "KEPT", 10)
    assert by_name(trial)["random weights"].value == pytest.approx(sorted(values)[1], abs=CLOSE)
    assert "random weights" not in {each.name for each in baselines_of(trial, full=False)}


def test_a_bag_of_words_stands_beside_and_survival_is_the_same_label():
    trial, bag = made.trial(), made.reader(made.bag(), name="bag")
    found = by_name(trial, (bag, made.reader()))
    answer = bag("this restaurant was not terrible")
    first = found["bag of words"]
    assert (first.value, first.says, first.share) == pytest.approx((answer.value, answer.says, answer.share))
    for each in found.values():
        assert each.survives == (each.says == trial.answer.says)
    assert len(found) == 5
    own = by_name(made.trial("the food was good", made.bag()))
    assert list(own) == ["random weights"]


def test_a_number_survives_within_what_is_called_no_change():
    trial = TRIALS["vector"]()
    for each in by_name(trial).values():
        assert each.survives == (abs(each.value - 1.0) < 0.005)
    same = made.bert_trial("good good good")
    assert by_name(same)["shuffled words"].survives


def test_one_word_cannot_be_shuffled():
    assert "shuffled words" not in by_name(made.trial("good"))
