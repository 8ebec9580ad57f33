"""Self-attention with nothing to learn

Every word becomes a mixture of all words of its sentence, itself included: of each as much as the two match.
Three steps that you have or can look up: the dot product of every word with every word, softmax, the weighted sum.

    >>> x = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])   # one sentence, two words
    >>> self_attention(x)   # word 0: scores 1 and 0, shares 0.73 and 0.27: 0.73·[1, 0] + 0.27·[0, 2]
    tensor([[[0.7311, 0.5379],
             [0.0180, 1.9640]]])

Here nothing is learned, and nothing is divided yet.
Write `self_attention`, then: glassformer check self-attention
"""

import torch
from torch import Tensor


def self_attention(x: Tensor) -> Tensor:
    """x: (b, n, w), b sentences of n words with w features → (b, n, w)."""
    raise NotImplementedError
