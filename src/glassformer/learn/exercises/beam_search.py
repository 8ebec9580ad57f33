"""Several texts side by side

The likeliest next piece need not begin the likeliest text.  A beam search goes on with the `width` likeliest texts so
far, of all that any of them could become.  The log-probability of a text is the sum of those of its pieces.
A text that ends is put aside; at the end the likeliest of all is given back (one that was cut off at `most` counts).

    begin → 1 (0.6) or 2 (0.4);  1 → 1 or 2 or 3, a third each;  2 → 3 (1.0), the end
    >>> table = torch.tensor([[0.0, 0.6, 0.4, 0.0], [0.0, 1/3, 1/3, 1/3], [0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]])
    >>> text, score = beam_search(table.log(), begin=0, end=3, most=5, width=2)   # greedy would go to 1
    >>> text, round(score, 3)                                                    # log 0.4 + log 1.0
    ([2, 3], -0.916)

Write `beam_search`, then: glassformer check beam-search
"""

import torch
from torch import Tensor


def beam_search(table: Tensor, begin: int, end: int, most: int, width: int) -> tuple[list[int], float]:
    """table: (v, v), log-probabilities of the piece in the column after the piece in the row → the likeliest text
    found, without `begin`, with `end` where it is reached, at most `most` pieces; and its log-probability."""
    raise NotImplementedError
