"""What the heads learn from.  A label of −100 is not asked about; where nothing is asked, the loss is 0."""

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORED = -100


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """−log p of the right class, the mean over labels that are not −100.  logits (…, c), labels (…)."""
    total = F.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=IGNORED, reduction="sum")
    return total / (labels != IGNORED).sum().clamp(min=1)


def smoothed(logits: Tensor, labels: Tensor, smoothing: float = 0.1) -> Tensor:
    """Cross entropy where `smoothing` of what is right is spread evenly over all classes, the right one among them.

    Szegedy et al. 2016, section 7; Vaswani et al. 2017, section 5.4.  It cannot go below the entropy of such labels.
    logits (…, c), labels (…), −100 where nothing is asked.
    """
    surprise = -logits.log_softmax(dim=-1)  # b n c
    right = surprise.gather(-1, labels.clamp(min=0)[..., None]).squeeze(-1)  # b n
    each = (1 - smoothing) * right + smoothing * surprise.mean(dim=-1)  # b n
    asked = labels != IGNORED
    return each.where(asked, 0.0).sum() / asked.sum().clamp(min=1)


def regression(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean squared error.  logits and labels (b, c), or (b, 1) and (b,)."""
    return F.mse_loss(logits.view_as(labels), labels.to(logits.dtype))


def yes_or_no(logits: Tensor, labels: Tensor) -> Tensor:
    """Each class on its own: the mean binary cross-entropy.  logits and labels (b, c), labels of zeros and ones."""
    return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))


LOSSES = {
    "regression": regression,
    "single_label_classification": cross_entropy,
    "multi_label_classification": yes_or_no,
}


def problem(logits: Tensor, labels: Tensor) -> str:
    """The kind of a classification, as its labels suggest: a key of LOSSES."""
    if logits.size(-1) == 1:
        return "regression"
    return "multi_label_classification" if labels.is_floating_point() else "single_label_classification"


def of_the_text(labels: Tensor, real: Tensor | None) -> Tensor:
    """Padding is not asked about.  labels (b, n), real (b, n) True for real pieces → (b, n)."""
    return labels if real is None else labels.masked_fill(~real, IGNORED)


def inside(logits: Tensor, labels: Tensor, real: Tensor | None) -> tuple[Tensor, Tensor]:
    """What is asked of a span: no logits (b, n) where padding stands, and only labels (b,) that stand in the text."""
    real = torch.ones_like(logits, dtype=torch.bool) if real is None else real  # b n
    found = (labels[:, None] == torch.arange(logits.size(1), device=labels.device)) & real  # b n
    return logits.masked_fill(~real, torch.finfo(logits.dtype).min), labels.masked_fill(~found.any(dim=1), IGNORED)
