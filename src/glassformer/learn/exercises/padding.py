"""Nobody looks at padding

The sentences of a batch are filled up to one length with a padding piece.  No word may look at it: where a mask is
False, the score becomes −∞ and the share 0.  The scores are (b, heads, i, j): for every word i a row of all words j
that it looks at.  The mask has to fit to them: one row for each sentence, the same for all heads and all i.

    >>> padding_mask(torch.tensor([[5, 8, 0], [7, 0, 0]]), padding=0)   # 0 is the padding piece
    tensor([[[[ True,  True, False]]],
    <BLANKLINE>
    <BLANKLINE>
            [[[ True, False, False]]]])

Write `padding_mask`, then: glassformer check padding
"""

import torch
from torch import Tensor


def padding_mask(ids: Tensor, padding: int) -> Tensor:
    """ids: (b, n) whole numbers → (b, 1, 1, n) of True and False: True where j is no padding and may be looked at."""
    raise NotImplementedError
