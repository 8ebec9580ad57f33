"""One matrix of a sentence, its labels, and the change when each cell is cut."""

import pytest
import torch

from glassformer.errors import UsageError
from glassformer.explain.address import parse
from glassformer.explain.effects import estimated_cells
from glassformer.explain.sheet import sheet
from tests import made
from tests.explain import by_hand


def test_values_are_the_tapes(trial):
    for address in (
        "L1.H2",
        "L1.H2.scaled",
        "L0.stream",
        "logits",
        "L1.H0.q",
        "L0.H1.weights[2]",
        "pooled",
        "logits[1]",
    ):
        where = parse(address)
        shown = sheet(trial, where)
        value = trial.tape[where.site][0][where.index]
        torch.testing.assert_close(torch.tensor(shown.values), value.reshape(len(shown.rows), len(shown.columns)))
        assert parse(shown.address) == where


def test_each_effect_is_that_cell_forbidden_in_that_head(trial, model):
    shown = sheet(trial, parse("L1.H2"))
    assert shown.exact
    n = trial.ids.size(1)
    for i, j in ((0, 0), (2, 5), (5, 1)):
        forbidden = torch.zeros(2, 3, n, n, dtype=torch.bool)
        forbidden[1, 2, i, j] = True
        after = by_hand.encoder(model, trial.ids[0], forbidden)
        assert shown.effects[i][j] == pytest.approx(after - by_hand.answer(model, trial.ids[0]), abs=4e-5)


@pytest.mark.parametrize("site", ["scores", "scaled", "weights"])
def test_scores_and_weights_have_the_same_effects(trial, site):
    assert sheet(trial, parse(f"L0.H1.{site}")).effects == sheet(trial, parse("L0.H1")).effects


@pytest.mark.parametrize("address", ["L0.H1.q", "L0.stream", "logits", "L0.H1.weights[2]"])
def test_nothing_else_has_effects(trial, address):
    assert sheet(trial, parse(address)).effects is None


def test_of_a_long_text_the_effects_are_estimated_and_say_so(trial):
    trial.exact = 6**3 - 1
    shown = sheet(trial, parse("L1.H2"))
    assert not shown.exact
    torch.testing.assert_close(torch.tensor(shown.effects), estimated_cells(trial)[1][2])


def test_rows_and_columns_are_named_after_what_they_are(trial):
    names = trial.pieces.names
    shown = sheet(trial, parse("L1.H2"))
    assert shown.rows == shown.columns == names
    stream = sheet(trial, parse("L1.stream"))
    assert stream.rows == names and stream.columns == [str(k) for k in range(12)]
    three = made.trial(model=made.classifier(classes=3), labels=made.THREE)
    assert sheet(three, parse("logits")).columns == list(made.THREE)
    shares = sheet(made.trial(model=made.bag()), parse("shares"))
    assert shares.rows == "this restaurant was not terrible".split() and shares.columns == list(made.TWO)


def test_a_matrix_a_head_is_too_much_for_one_sheet(trial):
    with pytest.raises(UsageError, match=r"has a matrix a head: say which, L1\.H0\.weights to L1\.H2\.weights"):
        sheet(trial, parse("layers.1.attention.weights"))
    with pytest.raises(UsageError, match="there is no"):
        sheet(trial, parse("L9.H1"))
