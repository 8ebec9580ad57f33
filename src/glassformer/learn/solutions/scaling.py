"""Why the scores are divided by √d"""

import math

from torch import Tensor


def scaled_scores(q: Tensor, k: Tensor) -> Tensor:
    """q: (b, i, d), k: (b, j, d) → (b, i, j): every dot product of a row of q with a row of k, divided by √d."""
    scores = q @ k.transpose(-2, -1)  # b i j
    return scores / math.sqrt(q.size(-1))
