"""One step of a decoder

A decoder writes word by word.  For each new word it computes one query, one key and one value; the key and the value
are put behind those of the words before, and the query looks at all of them, its own among them.

    >>> one, past = torch.eye(2), torch.tensor([[[0.0, 1.0]]])
    >>> decoder_step(torch.tensor([[0.0, 1.0]]), past, past, one, one, one)[0]   # both keys match alike
    tensor([[0., 1.]])

Write `decoder_step`, then: glassformer check decoder-step
"""

import math

import torch
from torch import Tensor


def decoder_step(
    x: Tensor, keys: Tensor, values: Tensor, wq: Tensor, wk: Tensor, wv: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """x: (b, w) the new word, keys, values: (b, n, d) of the words before, wq, wk, wv: (d, w), each (out, in)
    → the answer (b, d), the keys (b, n + 1, d) and the values (b, n + 1, d) for the next step."""
    raise NotImplementedError
