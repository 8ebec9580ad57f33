"""Positions against the paper's formula in plain Python and printed rows; what a piece is, plus where it stands."""

import math

import pytest
import torch
from torch import nn

from glassformer.parts.block import LayerNorm
from glassformer.parts.embed import (
    Embed,
    EmbedPairs,
    Nothing,
    Placed,
    Sinusoidal,
    halves,
    interleaved,
    looked_up,
    marian,
)
from glassformer.tape import listen

close = torch.testing.assert_close


def test_embedding_is_the_row_of_the_piece_plus_the_row_of_the_place():
    embed, ids = Embed(nn.Embedding(11, 4), Placed(9, 4)), torch.tensor([[3, 1, 3], [0, 10, 2]])
    with listen(embed) as tape:
        x = embed(ids)
    for sentence in range(2):
        for place in range(3):
            piece = embed.pieces.weight[ids[sentence, place]]
            assert torch.equal(x[sentence, place], piece + embed.positions.table[place])
    assert torch.equal(tape["places"][0], embed.positions.table[:3])
    assert torch.equal(tape["pieces"][0, 0], tape["pieces"][0, 2])  # the same word, whatever its place
    assert not torch.equal(x[0, 0], x[0, 2])


def test_what_is_looked_up_is_the_rows_and_the_first_that_is_not_there_is_named():
    table = nn.Embedding(4, 3)
    assert torch.equal(looked_up(table, torch.tensor([[3, 0]])), table.weight[[3, 0]][None])
    line = "^colour -2 was asked for, the model knows 0 to 3: mix it$"
    with pytest.raises(ValueError, match=line):
        looked_up(table, torch.tensor([[1, -2], [4, 0]]), "colour", "mix it")


def test_places_that_are_told_are_those_of_the_table():
    embed, ids = Embed(nn.Embedding(11, 4), Placed(9, 4)), torch.tensor([[3, 1, 3], [0, 10, 2]])
    places = torch.tensor([[0, 0, 1], [0, 1, 2]])
    with listen(embed) as tape:
        x = embed(ids, places)
    close(x, embed.pieces.weight[ids] + embed.positions.table[places], rtol=0, atol=0)
    assert tape["places"].shape == (2, 3, 4)


def test_vectors_may_be_given_instead_of_ids():
    given, read = Embed(nn.Identity(), Placed(9, 4)), Embed(nn.Embedding(11, 4), Placed(9, 4))
    read.positions, ids = given.positions, torch.tensor([[3, 1, 3]])
    assert torch.equal(given(read.pieces(ids)), read(ids))


def test_only_the_pieces_and_places_met_learn():
    embed = Embed(nn.Embedding(11, 4), Placed(9, 4))
    embed(torch.tensor([[3, 1, 3]])).sum().backward()
    assert embed.pieces.weight.grad.any(dim=1).nonzero().flatten().tolist() == [1, 3]
    assert embed.positions.table.grad.any(dim=1).nonzero().flatten().tolist() == [0, 1, 2]


def test_dropout_works_in_training_and_only_then():
    embed, ids = Embed(nn.Embedding(11, 64), Placed(9, 64), dropout=0.5), torch.tensor([[3, 1, 3]])
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


def sines_first(place, axis, width):
    """The formula of the paper, its even axes before its odd ones."""
    pair = axis % (width // 2)
    return paper(place, 2 * pair + (axis >= width // 2), width)


@pytest.mark.parametrize(("table", "formula"), [(interleaved, paper), (halves, tensor2tensor), (marian, sines_first)])
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


@pytest.mark.parametrize("table", [interleaved, halves, marian])
def test_what_the_sinusoids_are_chosen_for(table):
    """All within one, no two places alike, and the product of two places depends on their distance alone."""
    places = table(100, 16).double()
    assert places.abs().max() <= 1
    assert (torch.pdist(places) > 0.1).all()
    products = places @ places.T
    for distance in (0, 1, 7):
        band = products.diagonal(distance)
        torch.testing.assert_close(band, band[:1].expand_as(band), rtol=0, atol=1e-5)


@pytest.mark.parametrize("table", [interleaved, halves, marian])
def test_a_place_has_the_same_wave_however_far_the_table_reaches(table):
    """There is one for lengths never met in training, then; whether the model can read it is another question."""
    assert torch.equal(table(300, 16)[:20], table(20, 16))


@pytest.mark.parametrize("table", [interleaved, halves, marian])
def test_an_odd_width_is_refused_with_the_repair(table):
    with pytest.raises(ValueError, match="width 5 is odd, try 6"):
        table(3, 5)


@pytest.mark.parametrize("places", [Placed(4, 6), Sinusoidal(halves(4, 6)), Placed(1, 6)])
def test_more_positions_than_there_are_name_both_numbers_and_the_repair(places):
    known = len(places.table)
    message = f"^5 positions asked for, the model knows {known}: cut the text, or give length=5$"
    with pytest.raises(IndexError, match=message):
        places(torch.arange(5))


def test_sinusoidal_is_fixed_and_not_part_of_a_checkpoint():
    places = Sinusoidal(interleaved(9, 4))
    assert torch.equal(
        places(torch.tensor([[0, 1, 2], [5, 0, 0]])), interleaved(9, 4)[torch.tensor([[0, 1, 2], [5, 0, 0]])]
    )
    assert not list(places.parameters()) and not places.state_dict()


# positions given one by one


@pytest.mark.parametrize("first", [0, 3])
def test_placed_is_the_row_of_each_place_wherever_it_is_met(first):
    places, asked = Placed(9, 4, first), torch.tensor([[0, 1, 5], [5, 5, 0]])
    answer = places(asked)
    for sentence in range(2):
        for at in range(3):
            assert torch.equal(answer[sentence, at], places.table[asked[sentence, at] + first])
    assert list(places.state_dict()) == ["table"]
    close(places(torch.arange(4)), places.table[first : first + 4])  # texts in one row have no axis of sentences


def test_only_the_places_met_learn_and_as_often_as_they_are_met():
    places = Placed(9, 4, 1)
    places(torch.tensor([[0, 0, 2], [0, 7, 7]])).sum().backward()
    assert places.table.grad[:, 0].tolist() == [0, 3, 0, 1, 0, 0, 0, 0, 2]


# no table at all


@pytest.mark.parametrize("shape", [(2, 3), (5,), (2, 0)], ids=str)
def test_nothing_is_zeros_of_the_width(shape):
    zeros = Nothing(4)(torch.ones(shape, dtype=torch.long))
    assert zeros.shape == (*shape, 4) and not zeros.any()


def test_nothing_goes_along_to_another_dtype_and_is_in_no_file():
    nothing, which = Nothing(4), torch.zeros(2, 3, dtype=torch.long)
    for dtype in (torch.float64, torch.bfloat16):
        assert nothing.to(dtype)(which).dtype == dtype
    assert not nothing.state_dict() and not list(nothing.parameters())


def test_nothing_is_there_even_where_weights_are_not_yet():
    """A model made on `meta` gets its weights from a file, and nothing is in no file."""
    with torch.device("meta"):
        nothing = Nothing(4)
    answer = nothing(torch.zeros(2, 3, dtype=torch.long))
    assert answer.device.type == "cpu" and not answer.any()


# pairs of texts


def pairs(types, positions, width=6):
    embed = EmbedPairs(nn.Embedding(11, width), positions, types, LayerNorm(width, 1e-12)).double()
    nn.init.normal_(embed.norm.gain)
    nn.init.normal_(embed.norm.shift)
    return embed


IDS = torch.tensor([[3, 1, 3], [0, 10, 2]])
TYPES = torch.tensor([[0, 1, 1], [0, 0, 1]])
PLACES = torch.tensor([[0, 1, 2], [5, 0, 0]])


@pytest.mark.parametrize("typed", [True, False])
@pytest.mark.parametrize("placed", [True, False])
def test_a_pair_is_embedded_as_the_sum_of_three_rows_brought_to_one_scale(typed, placed):
    embed = pairs(nn.Embedding(2, 6) if typed else Nothing(6), Placed(9, 6, 2) if placed else Nothing(6))
    with listen(embed) as tape:
        x = embed(IDS, TYPES, PLACES)
    for sentence in range(2):
        for at in range(3):
            row = embed.pieces.weight[IDS[sentence, at]]
            row = row + embed.types.weight[TYPES[sentence, at]] if typed else row
            row = row + embed.positions.table[PLACES[sentence, at] + 2] if placed else row
            spread = (row - row.mean()) / row.var(correction=0).sqrt()
            close(x[sentence, at], spread * embed.norm.gain + embed.norm.shift, rtol=0, atol=1e-9)
    sites = ["pieces", "types", "places", "norm.centred", "norm.normalised", "norm.out", "stream"]
    assert list(tape) == sites and tape["stream"] is x
    assert tape["types"].any().item() is typed and tape["places"].any().item() is placed


def test_gradients_of_a_pair_are_those_of_the_sum_written_out():
    embed = pairs(nn.Embedding(2, 6), Placed(9, 6))
    embed(IDS, TYPES, PLACES).square()[..., :3].sum().backward()
    mine = [weight.grad for weight in embed.parameters()]
    embed.zero_grad()
    rows = embed.pieces.weight[IDS] + embed.types.weight[TYPES] + embed.positions.table[PLACES]
    norm = nn.functional.layer_norm(rows, (6,), embed.norm.gain, embed.norm.shift, 1e-12)
    norm.square()[..., :3].sum().backward()
    close(mine, [weight.grad for weight in embed.parameters()], rtol=0, atol=1e-9)


def test_what_is_dropped_of_a_pair_is_dropped_last_and_in_training_only():
    embed = EmbedPairs(nn.Embedding(11, 64), Placed(9, 64), nn.Embedding(2, 64), LayerNorm(64), dropout=0.5)
    x = embed(IDS, TYPES, PLACES)
    whole = embed.eval()(IDS, TYPES, PLACES)
    assert 0.3 < float((x == 0).float().mean()) < 0.7 and not (whole == 0).any()
    close(x[x != 0], whole[x != 0] * 2)
