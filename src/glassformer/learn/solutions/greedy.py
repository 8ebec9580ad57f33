"""The likeliest piece, again and again"""

from torch import Tensor


def greedy(table: Tensor, begin: int, end: int, most: int) -> list[int]:
    """table: (v, v), log-probabilities of the piece in the column after the piece in the row → what is written:
    without `begin`, with `end` where it is reached, at most `most` pieces."""
    written, piece = [], begin
    for _ in range(most):
        piece = int(table[piece].argmax())
        written.append(piece)
        if piece == end:
            break
    return written
