"""One step of a decoder"""

import math

import torch
from torch import Tensor


def decoder_step(
    x: Tensor, keys: Tensor, values: Tensor, wq: Tensor, wk: Tensor, wv: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """x: (b, w) the new word, keys, values: (b, n, d) of the words before, wq, wk, wv: (d, w), each (out, in)
    → the answer (b, d), the keys (b, n + 1, d) and the values (b, n + 1, d) for the next step."""
    new = x[:, None]  # b 1 w
    keys = torch.cat([keys, new @ wk.T], dim=1)  # b n d
    values = torch.cat([values, new @ wv.T], dim=1)  # b n d
    scaled = new @ wq.T @ keys.transpose(-2, -1) / math.sqrt(keys.size(-1))  # b 1 n
    return (scaled.softmax(dim=-1) @ values)[:, 0], keys, values
