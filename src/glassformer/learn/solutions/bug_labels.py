"""Find the bug: the label that was never learned

It was `ignore_index=0`: 0 fills the padding, and is a class too.
"""

import torch.nn.functional as F
from torch import Tensor


def loss_of_labels(logits: Tensor, labels: Tensor, real: Tensor) -> Tensor:
    """logits: (b, n, c), labels: (b, n), 0 … c − 1, and 0 where there is padding, real: (b, n), True for real pieces
    → (), the mean of −log p of the right class over all real pieces."""
    asked = labels.masked_fill(~real, -100)  # b n; no class has this number
    return F.cross_entropy(logits.flatten(0, 1), asked.flatten(), ignore_index=-100)
