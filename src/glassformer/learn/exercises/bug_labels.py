"""Find the bug: the label that was never learned

A tagger says a class for every piece; shorter sentences are padded, and their labels with 0.  Padding must not count.
This code leaves out every label that is 0.  It trains, its loss falls, and one class is never predicted.

    >>> logits = torch.tensor([[[0.0, 0.0], [0.0, 0.0], [9.0, 0.0]]])
    >>> labels, real = torch.tensor([[0, 1, 0]]), torch.tensor([[True, True, False]])
    >>> round(float(loss_of_labels(logits, labels, real)), 4)     # log 2 for each of the two real pieces
    0.6931

Mend `loss_of_labels`, then: glassformer check bug-labels
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def loss_of_labels(logits: Tensor, labels: Tensor, real: Tensor) -> Tensor:
    """logits: (b, n, c), labels: (b, n), 0 … c − 1, and 0 where there is padding, real: (b, n), True for real pieces
    → (), the mean of −log p of the right class over all real pieces."""
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=0)
