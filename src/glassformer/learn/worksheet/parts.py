"""The answers once more, by the project's own parts in float64, held against the exact ones of the key."""

import math
from collections.abc import Callable
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from glassformer.learn.heard import heard
from glassformer.learn.worksheet.question import Matrix, Question
from glassformer.models.beams import Search, beams
from glassformer.models.decoding import Until
from glassformer.models.losses import cross_entropy
from glassformer.parts import attention, embed, mask
from glassformer.parts.block import MLP, LayerNorm, PostNormBlock

LN2 = math.log(2)
OTHERS = 10  # bits of a piece that is not in the table of a beam
TOLERANCE = 1e-9
ROUNDED = 1e-4  # a table of positions is float32, and its frequency is multiplied by hundreds
Found = dict[str, Tensor]


def disagreements(question: Question) -> list[str]:
    """The names of the steps where the parts find something else than the key; there should be none."""
    exact = {step.makes.name: tensor(step.makes) for step in question.steps}
    found = BY_PARTS[question.topic](*map(tensor, question.given))
    near = ROUNDED if question.topic in ("positions", "beam-search") else TOLERANCE
    return [name for name, value in found.items() if not _same(value.double(), exact[name], near)]


def _same(found: Tensor, exact: Tensor, near: float) -> bool:
    return found.numel() == exact.numel() and torch.allclose(found.reshape(exact.shape), exact, rtol=near, atol=near)


def tensor(matrix: Matrix) -> Tensor:
    return torch.tensor([[float(value) for value in row] for row in matrix.rows], dtype=torch.float64)  # i j


def _dot_product(q: Tensor, k: Tensor) -> Found:
    scores = attention.dot(q, k)
    return {"scores": scores, "best key": scores.argmax(dim=-1) + 1}


def _softmax(scores: Tensor, values: Tensor) -> Found:
    told, mixture = heard(attention.mixture, scores, values.mT)
    return {"weights": told["weights"], "mixture": mixture}


def _plain(x: Tensor) -> Found:
    unit = math.sqrt(LN2)
    told, y = heard(attention.plain, x * unit)
    return {"scores": told["scores"] / LN2, "weights": told["weights"], "Y": y / unit}


def _scaling(d: Tensor, q: Tensor, k: Tensor) -> Found:
    told, scaled = heard(attention.scaled_dot, *(each.repeat_interleave(int(d) // 2, dim=-1) for each in (q, k)))
    return {"scores": told["scores"], "scaled": scaled}


def _queries_keys_values(x: Tensor, *weights: Tensor) -> Found:
    q, k, v = (nn.functional.linear(x, weight.mT) for weight in weights)
    return {"Q": q, "K": k, "V": v, "scores": attention.dot(q, k)}


def _attention(q: Tensor, k: Tensor, v: Tensor) -> Found:
    told, z = heard(attention.attend, q, k, v)
    return {"scores": told["scores"], "scaled": told["scaled"], "weights": told["weights"], "Z": z}


def _causal(scores: Tensor, values: Tensor) -> Found:
    told, z = heard(attention.mixture, scores, values.mT, mask.causal(len(scores)))
    return {"weights": told["weights"], "Z": z}


def _two_heads(q: Tensor, k: Tensor, v: Tensor, out: Tensor) -> Found:
    """Of two words that are the rows of the unit matrix, whose queries are therefore the rows of q."""
    part = attention.Attention(2, 2).double()
    with torch.no_grad():
        for layer, weight in ((part.q, q), (part.k, k), (part.v, v), (part.out, out)):
            layer.weight.copy_(weight.mT)
            layer.bias.zero_()
        told, mixed = heard(part, torch.eye(2, dtype=torch.float64)[None])
    each = {f"weights of head {h}": told["weights"][0, h - 1] for h in (1, 2)}
    return each | {f"answers of head {h}": told["z"][0, h - 1] for h in (1, 2)} | {"mixed": mixed}


def _positions(where: Tensor) -> Found:
    """The part makes rows of whole positions: the frequencies are read off the row of position 1."""
    table = embed.interleaved(2, 4).double()
    frequencies = torch.atan2(table[1, 0::2], table[1, 1::2])  # f
    angles = where[0] * math.pi * frequencies
    row = torch.stack([angles.sin(), angles.cos()], dim=-1)
    return {"c": 1 / frequencies, "row of 0": table[0], "row of t": row}


def _layer_norm(x: Tensor, gain: Tensor, shift: Tensor) -> Found:
    part = LayerNorm(x.size(-1), epsilon=0.0).double()
    with torch.no_grad():
        part.gain.copy_(gain[0])
        part.shift.copy_(shift[0])
        told, out = heard(part, x)
    return {"centred": told["centred"], "normalised": told["normalised"], "out": out}


def _cross_entropy(scores: Tensor, right: Tensor) -> Found:
    labels = right[0].long() - 1
    each = torch.stack([cross_entropy(row[None], label[None]) for row, label in zip(scores, labels, strict=True)])
    mean = cross_entropy(scores, labels)
    return {"probability": (-each).exp(), "bits": each / LN2, "loss in bits": mean / LN2, "loss in nats": mean}


class _Table(nn.Module):
    """Says of each piece what the last row of `bits` that it follows says; what is left goes to other pieces."""

    config = SimpleNamespace(longest=8)

    def __init__(self, bits: Tensor):
        super().__init__()
        others = [round((1 - float((-row * LN2).exp().sum())) * 2**OTHERS) for row in bits]
        logits = torch.full((len(bits), bits.size(1) + max(others)), -torch.inf)
        for row, known, count in zip(logits, bits, others, strict=True):
            row[: len(known)] = -known * LN2
            row[len(known) : len(known) + count] = -OTHERS * LN2
        self.logits = logits  # r v

    def forward(self, ids: Tensor, real: Tensor | None, memory: attention.Memory) -> Tensor:
        """ids: (b, n); 3 begins, and 0, 1, 2 are the pieces → (b, n, v)."""
        return self.logits[(ids + 1) % len(self.logits)]  # b n v


def _beam(bits: Tensor) -> Found:
    model, start = _Table(bits), torch.tensor([[bits.size(1)]])
    best = [beams(model, start, search=Search(width, 0.0), until=Until(3))[0][0] for width in (1, 2)]
    greedy, cheapest = (torch.tensor(-beam.score / LN2) for beam in best)
    return {"greedy": greedy, "cheapest": cheapest}


def _parameters(sizes: Tensor) -> Found:
    width, hidden, layers, words, longest = map(int, sizes[0])
    with torch.device("meta"):
        block = PostNormBlock(attention.Attention(width, 1), MLP(width, hidden))
        tables = embed.Embed(nn.Embedding(words, width), embed.Placed(longest, width))
    made = {"attention": block.attention, "MLP": block.mlp, "block": block, "tables": tables}
    counts = {name: sum(each.numel() for each in module.parameters()) for name, module in made.items()}
    counts["all"] = layers * counts["block"] + counts["tables"]
    return {name: torch.tensor(count) for name, count in counts.items()}


def _memory(sizes: Tensor) -> Found:
    length, heads, layers, texts, size = map(int, sizes[0])
    found = {}
    for name, words in (("all in MiB", length), ("twice as long in MiB", 2 * length)):
        q = torch.empty(texts, heads, words, 1, device="meta", dtype={2: torch.bfloat16, 4: torch.float32}[size])
        found[name] = torch.tensor(attention.dot(q, q).nbytes * layers / 2**20)
    return found


BY_PARTS: dict[str, Callable[..., Found]] = {
    "dot-product": _dot_product,
    "softmax": _softmax,
    "self-attention": _plain,
    "scaling": _scaling,
    "queries-keys-values": _queries_keys_values,
    "attention": _attention,
    "causal": _causal,
    "multi-head": _two_heads,
    "positions": _positions,
    "layer-norm": _layer_norm,
    "cross-entropy": _cross_entropy,
    "beam-search": _beam,
    "parameters": _parameters,
    "memory": _memory,
}
