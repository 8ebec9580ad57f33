"""Effects against running again by hand, estimates against finite differences."""

import pytest
import torch

from glassformer.explain import effects
from glassformer.explain.effects import Edge
from glassformer.explain.measure import log_odds
from glassformer.tape import listen
from tests import made
from tests.explain import by_hand
from tests.explain.many import begun

LONG = " ".join(["the food was not good and it is very nice but we were terrible"] * 2 + ["film"] * 4)


def test_what_a_word_adds_is_the_answer_with_it_less_the_answer_with_mask(trial, model):
    mask = trial.reader.tokens.mask
    for word, adds in zip(trial.words, effects.words_add(trial), strict=True):
        ids = trial.ids[0].clone()
        ids[list(word.pieces)] = mask
        expected = by_hand.answer(model, trial.ids[0]) - by_hand.answer(model, ids)
        assert adds == pytest.approx(expected, abs=4e-5)


def test_words_of_a_bag_add_their_own_share():
    trial = made.trial(model=made.bag())
    weight = trial.reader.model.weight.weight.detach()
    odds = weight[:, 1] - weight[:, 0]
    mine, mask = odds[trial.ids[0]], odds[trial.reader.tokens.mask]
    torch.testing.assert_close(torch.tensor(effects.words_add(trial)), mine - mask)


def test_every_edge_is_cut_for_real_and_the_largest_comes_first(trial, model):
    edges = effects.edges_cut(trial)
    assert {(edge.looks, edge.at) for edge in edges} == {(i, j) for i in range(5) for j in range(5) if i != j}
    assert [abs(edge.change) for edge in edges] == sorted((abs(edge.change) for edge in edges), reverse=True)
    for edge in edges:
        forbidden = trial.edges([(edge.looks, edge.at)]).expand(2, 3, -1, -1)
        after = by_hand.encoder(model, trial.ids[0], forbidden)
        assert edge.change == pytest.approx(after - by_hand.answer(model, trial.ids[0]), abs=4e-5)
        assert edge.attention == pytest.approx(torch.cat(trial.attention())[:, edge.looks, edge.at].mean().item())


def moved(trial, cell, step):
    """The log-odds when one cell gives up a little of its weight to the rest of its row, in proportion."""
    layer, head, i, j = cell

    def edit(weights):
        row = weights[0, head, i]
        away = torch.zeros_like(row)
        away[j] = 1.0
        weights = weights.clone()
        weights[0, head, i] = row + step * row[j] / (1 - row[j]) * (row - away)
        return weights

    with torch.inference_mode(), listen(trial.reader.model, (), {f"layers.{layer}.attention.weights": edit}):
        return log_odds(trial.reader.model(trial.ids)).item()


@pytest.mark.parametrize("cell", [(0, 0, 0, 1), (0, 2, 4, 2), (1, 1, 5, 0), (1, 0, 3, 3)], ids=str)
def test_the_estimate_of_a_cell_is_the_slope_of_moving_its_weight(cell):
    trial = made.trial("the filming was not terrible", made.classifier().double())
    slope = (moved(trial, cell, 1e-5) - moved(trial, cell, -1e-5)) / 2e-5
    assert effects.estimated_cells(trial)[cell[0]][cell[1:]].item() == pytest.approx(slope, rel=1e-4, abs=1e-8)


def test_the_estimate_is_exact_where_the_answer_is_linear_in_the_weights():
    """One layer whose stream no norm or MLP touches: then cutting a cell does what the slope says."""
    model = made.classifier(layers=1, block="pre").double()
    with torch.no_grad():
        model.layers[0].mlp.outward.weight.zero_()
        model.finish = torch.nn.Identity()
        model.head.weight[0] = 0.0
    trial = made.trial("the food was not terrible", model)
    n = trial.ids.size(1)
    for head in range(3):
        cells = torch.eye(n * n, dtype=torch.bool).view(-1, n, n)
        real = (trial.after_cuts(cells, [(0, head)] * n**2) - trial.before).view(n, n)
        torch.testing.assert_close(effects.estimated_cells(trial)[0][head].double(), real, rtol=1e-6, atol=1e-9)


def test_the_estimate_of_an_edge_sums_its_cells_over_layers_heads_and_pieces(trial):
    cells, pairs = effects.estimated_cells(trial), effects.estimated(trial)
    for i, looks in enumerate(trial.words):
        for j, at in enumerate(trial.words):
            expected = sum(each[:, r, c].sum() for each in cells for r in looks.pieces for c in at.pieces)
            assert pairs[i, j].item() == pytest.approx(expected.item(), abs=1e-5)


def test_the_estimate_of_a_word_is_the_slope_towards_mask():
    trial = made.trial("the filming was not terrible", made.classifier().double())
    model, mask = trial.reader.model, trial.reader.tokens.mask
    away = model.embed.pieces.weight[mask].detach()

    def after(word, step):
        def edit(pieces):
            pieces = pieces.clone()
            at = list(word.pieces)
            pieces[0, at] += step * (away - pieces[0, at])
            return pieces

        with torch.inference_mode(), listen(model, (), {"embed.pieces": edit}):
            return log_odds(model(trial.ids)).item()

    slopes = [(after(word, -1e-5) - after(word, 1e-5)) / 2e-5 for word in trial.words]
    in_float64 = trial.word_matrix().double()
    trial.word_matrix = lambda: in_float64
    torch.testing.assert_close(effects.estimated_words(trial), torch.tensor(slopes).double(), rtol=1e-4, atol=1e-7)


def test_of_a_long_text_the_largest_estimates_are_cut_for_real():
    trial = made.trial(LONG)
    words = len(trial.words)
    assert words * (words - 1) * trial.ids.size(1) > trial.exact
    edges = effects.edges_cut(trial)
    assert len(edges) == effects.VERIFIED
    estimate = effects.estimated(trial).abs().fill_diagonal_(0)
    chosen = {divmod(k, words) for k in estimate.flatten().topk(effects.VERIFIED).indices.tolist()}
    assert {(edge.looks, edge.at) for edge in edges} == chosen
    for edge in edges[:3]:
        after = trial.after_cuts(trial.edges([(edge.looks, edge.at)])).item()
        assert edge.change == pytest.approx(after - trial.before, abs=2e-6)


def test_of_a_very_long_text_only_the_words_that_promise_most_are_measured():
    trial = made.trial(LONG)
    trial.exact = 100
    adds = effects.words_add(trial)
    measured = [k for k, each in enumerate(adds) if each is not None]
    best = effects.estimated_words(trial).abs().topk(effects.AT_LEAST).indices.tolist()
    assert measured == sorted(best)
    alone = effects.words_add(trial, [measured[0]])[measured[0]]
    assert adds[measured[0]] == pytest.approx(alone, abs=1e-5)


def test_the_control_is_the_word_looked_at_about_as_much():
    trial = made.trial()
    row = torch.cat(trial.attention()).mean(dim=0)[4].tolist()
    told = Edge(4, 3, 1.0, row[3])
    control = effects.control_of(trial, told)
    assert control.at == min((0, 1, 2), key=lambda k: abs(row[k] - row[3]))
    after = trial.after_cuts(trial.edges([(4, control.at)])).item()
    assert (control.looks, control.change) == (4, pytest.approx(after - trial.before, abs=1e-6))


@pytest.mark.parametrize("kind", ["two vectors", "gpt2 classifier", "decoder", "relative pair"])
def test_a_control_is_a_look_that_there_is(kind):
    """Not at what stands behind, nor in the other text: such a cut changes nothing, and beside it any edge is clear."""
    trial = begun(kind)
    edges = set(trial.pairs())
    for looks, at in edges:
        others = [k for i, k in edges if i == looks and k != at]
        control = effects.nearest_other(trial, looks, at)
        assert control in others or (control is None and not others)
    told = next(edge for edge in effects.edges_cut(trial) if effects.control_of(trial, edge))
    assert abs(effects.control_of(trial, told).change) > 1e-6


def test_two_words_have_no_control_and_one_word_has_no_edge():
    assert effects.control_of(made.trial("good food"), Edge(0, 1, 1.0, 0.5)) is None
    assert effects.edges_cut(made.trial("good")) == []
    assert effects.edges_cut(made.trial(model=made.bag())) == []


def test_by_head_cuts_in_that_head_alone(trial):
    edge = effects.edges_cut(trial)[0]
    cuts = trial.edges([(edge.looks, edge.at)])
    for layer, row in enumerate(effects.by_head(trial, edge)):
        for head, change in enumerate(row):
            assert change == pytest.approx(trial.after_cuts(cuts, [(layer, head)]).item() - trial.before, abs=5e-6)


def test_at_first_the_heads_that_bring_most_of_that_word_are_cut_and_later_all():
    """Of 30 heads twelve: those in which weight · ‖value · output matrix‖ has the largest share in the row."""
    trial = made.bert_trial(layers=5, width=12, heads=6)
    edge = effects.edges_cut(trial)[0]
    every, some = effects.by_head(trial, edge), effects.by_head(trial, edge, full=False)
    shares = {}
    for layer, block in enumerate(trial.reader.model.layers):
        weights, v = (trial.tape[f"layers.{layer}.attention.{site}"][0] for site in ("weights", "v"))
        for head in range(6):
            out = block.attention.out.weight[:, 2 * head : 2 * head + 2]
            lengths = weights[head, edge.looks] * (v[head] @ out.T).norm(dim=-1)  # each word is one piece here
            shares[layer, head] = (lengths[edge.at] / lengths.sum()).item()
    best = sorted(shares, key=shares.get)[-effects.AT_FIRST :]
    assert {at for at in shares if some[at[0]][at[1]] is not None} == set(best)
    assert not any(change is None for row in every for change in row)
    assert all(some[at][head] == pytest.approx(every[at][head], abs=1e-5) for at, head in best)


def test_how_many_are_measured_falls_with_the_length_between_two_bounds():
    trial = made.trial(LONG)
    n = trial.ids.size(1)
    for exact, most in ((n * 100, 24), (n * 24, 24), (n * 20 + n - 1, 20), (n * 8, 8), (n, 8)):
        trial.exact = exact
        assert effects.verified(trial) == most
