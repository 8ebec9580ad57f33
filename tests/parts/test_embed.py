"""Positions against the paper's formula in plain Python and printed rows; what a piece is, plus where it stands."""

import math

import pytest
import torch

from glassformer.parts.embed import Embed, Learned, Sinusoidal, halves, interleaved
from glassformer.tape import listen


def test_embedding_is_the_row_of_the_piece_plus_the_row_of_the_place():
    embed, ids = Embed(11, 4, Learned(9, 4)), torch.tensor([[3, 1, 3], [0, 10, 2]])
    with listen(embed) as tape:
        x = embed(ids)
    for sentence in range(2):
        for place in range(3):
            piece = embed.pieces.weight[ids[sentence, place]]
            assert torch.equal(x[sentence, place], piece + embed.positions.table[place])
    assert torch.equal(tape["places"][0], embed.positions.table[:3])
    assert torch.equal(tape["pieces"][0, 0], tape["pieces"][0, 2])  # the same word, whatever its place
    assert not torch.equal(x[0, 0], x[0, 2])


def test_only_the_pieces_and_places_met_learn():
    embed = Embed(11, 4, Learned(9, 4))
    embed(torch.tensor([[3, 1, 3]])).sum().backward()
    assert embed.pieces.weight.grad.any(dim=1).nonzero().flatten().tolist() == [1, 3]
    assert embed.positions.table.grad.any(dim=1).nonzero().flatten().tolist() == [0, 1, 2]


def test_dropout_works_in_training_and_only_then():
    embed, ids = Embed(11, 64, Learned(9, 64), dropout=0.5), torch.tensor([[3, 1, 3]])
    assert (embed(ids) == 0).any()
    assert not (embed.eval()(ids) == 0).any()


def paper(place, axis, width):
    """Vaswani et al. 2017, section 3.5: PE(pos, 2f) = sin(pos / 10000^(2f/w)), PE(pos, 2f+1) = cos(the same)."""
    angle = place / 10_000 ** (2 * (axis // 2) / width)
    return math.cos(angle) if axis % 2 else math.sin(angle)


def tensor2tensor(place, axis, width):
    """`get_timing_signal_1d`: timescales in equal steps of the logarithm from 1 to 10000, sines first."""
    steps = width // 2
    step = math.log(10_000) / max(steps - 1, 1)
    angle = place * math.exp(-step * (axis % steps))
    return math.sin(angle) if axis < steps else math.cos(angle)


@pytest.mark.parametrize(("table", "formula"), [(interleaved, paper), (halves, tensor2tensor)])
@pytest.mark.parametrize(("length", "width"), [(1, 2), (5, 4), (40, 12), (512, 128)])
def test_tables_are_the_formulas_by_loops(table, formula, length, width):
    expected = [[formula(place, axis, width) for axis in range(width)] for place in range(length)]
    made = table(length, width)
    assert made.shape == (length, width) and made.dtype == torch.float32
    torch.testing.assert_close(made, torch.tensor(expected), rtol=0, atol=1e-6)


def test_halves_are_the_rows_printed_in_the_illustrated_transformer():
    """Je suis étudiant, width 4, as printed there (two or four decimals, cut off rather than rounded)."""
    printed = {"Je": [0, 0, 1, 1], "suis": [0.84, 0.0001, 0.54, 1], "étudiant": [0.91, 0.0002, -0.42, 1]}
    torch.testing.assert_close(halves(3, 4), torch.tensor(list(printed.values())), rtol=0, atol=0.005)
    assert halves(3, 4)[:, 1].tolist() == pytest.approx([0, 0.0001, 0.0002], abs=1e-6)


def test_the_formula_of_the_paper_gives_another_row_for_suis():
    """The pictures' row is not what the formula beside them says: width 4 has the frequencies 1 and 0.01."""
    assert interleaved(2, 4)[1].tolist() == pytest.approx([0.8415, 0.5403, 0.0100, 1.0], abs=1e-4)


@pytest.mark.parametrize("table", [interleaved, halves])
def test_what_the_sinusoids_are_chosen_for(table):
    """All within one, no two places alike, and the product of two places depends on their distance alone."""
    places = table(100, 16).double()
    assert places.abs().max() <= 1
    assert (torch.pdist(places) > 0.1).all()
    products = places @ places.T
    for distance in (0, 1, 7):
        band = products.diagonal(distance)
        torch.testing.assert_close(band, band[:1].expand_as(band), rtol=0, atol=1e-5)


@pytest.mark.parametrize("table", [interleaved, halves])
def test_an_odd_width_is_refused_with_the_repair(table):
    with pytest.raises(ValueError, match="width 5 is odd, try 6"):
        table(3, 5)


@pytest.mark.parametrize("places", [Learned(4, 6), Sinusoidal(halves(4, 6)), Learned(1, 6)])
def test_more_positions_than_there_are_name_both_numbers_and_the_repair(places):
    known = len(places.table)
    message = f"^5 positions asked for, the model knows {known}: cut the text, or give length=5$"
    with pytest.raises(ValueError, match=message):
        places(5)


def test_sinusoidal_is_fixed_and_not_part_of_a_checkpoint():
    places = Sinusoidal(interleaved(9, 4))
    assert torch.equal(places(3), interleaved(3, 4))
    assert not list(places.parameters()) and not places.state_dict()


def test_learned_is_a_row_a_place_that_learns():
    places = Learned(9, 4)
    assert torch.equal(places(3), places.table[:3])
    places(3).sum().backward()
    assert places.table.grad[:3].all() and not places.table.grad[3:].any()
