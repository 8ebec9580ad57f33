"""Several texts side by side"""

from torch import Tensor


def beam_search(table: Tensor, begin: int, end: int, most: int, width: int) -> tuple[list[int], float]:
    """table: (v, v), log-probabilities of the piece in the column after the piece in the row → the likeliest text
    found, without `begin`, with `end` where it is reached, at most `most` pieces; and its log-probability."""
    going, ended = [([], 0.0)], []
    for _ in range(most):
        longer = [
            ([*text, piece], score + more)
            for text, score in going
            for piece, more in enumerate(table[text[-1] if text else begin].tolist())
        ]
        best = sorted(longer, key=lambda pair: -pair[1])[:width]
        ended += [pair for pair in best if pair[0][-1] == end]
        going = [pair for pair in best if pair[0][-1] != end]
    return max(ended + going, key=lambda pair: pair[1])
