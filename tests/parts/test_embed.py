"""What the piece is, plus where it stands."""

import torch

from glassformer.parts.embed import Embed
from glassformer.parts.positions import Learned
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
