"""The classifier's forward pass written out once more, in float64, sharing no code with `parts`, with every switch.

`encoder` is a second oracle: PyTorch's own layers, with −∞ in their masks.
"""

import math

import torch
from torch import Tensor

from tests import twins


def odds(logits: Tensor) -> Tensor:
    """The logarithm of p ÷ (1 − p) of the last class."""
    p = logits.softmax(-1)[..., -1]
    return torch.log(p / (1 - p))


def answer(model, ids, *, weights=None, z=None, scaled=True, places=True) -> float:
    """weights, z: functions (layer, tensor of (h, i, j) or (h, i, d)) → tensor, put in the place of the value."""
    model = _double(model)
    x = model.embed.pieces.weight[ids]
    x = x + model.embed.positions.table[: len(ids)].double() * places
    for number, block in enumerate(model.layers):
        before = _normed(x, block.attention_norm) if model.config.block == "pre" else x
        x = x + _attention(block.attention, before, number, weights, z, scaled)
        x = x if model.config.block == "pre" else _normed(x, block.attention_norm)
        before = _normed(x, block.mlp_norm) if model.config.block == "pre" else x
        x = x + _linear(_linear(before, block.mlp.inward).clamp(min=0), block.mlp.outward)
        x = x if model.config.block == "pre" else _normed(x, block.mlp_norm)
    x = _normed(x, model.finish) if model.config.block == "pre" else x
    pooled = x.mean(0) if model.config.pool == "mean" else x.max(0).values
    return odds(_linear(pooled, model.head)).item()


def bert(model, ids, types=None, places=None, look=None) -> Tensor:
    """The stream of a BERT with gelu and absolute positions: (n, w).

    look: (l, h, i, j) True where a head of a layer may look; types and places: of each position, 0 0 0 … and 0 1 2 …
    """
    model = _double(model)
    n = len(ids)
    x = model.embed.pieces.weight[ids] + model.embed.types.weight[[0] * n if types is None else types]
    x = x + model.embed.positions.table[[(k if places is None else places[k]) + model.config.first for k in range(n)]]
    x = _normed(x, model.embed.norm)
    for number, block in enumerate(model.layers):
        allowed = None if look is None else look[number]
        x = _normed(x + _attention(block.attention, x, number, None, None, True, allowed), block.attention_norm)
        inner = _gelu(_linear(x, block.mlp.inward))
        x = _normed(x + _linear(inner, block.mlp.outward), block.mlp_norm)
    return x


def writer(model, ids, look=None, pieces=None) -> Tensor:
    """Logits (n, v) of a generator, a GPT-2 or a BERT decoder, none of which looks ahead.

    look: (l, h, i, j) True where a head of a layer may look; pieces: vectors (n, w) in the place of those of `ids`.
    """
    kind, n, given = type(model).__name__, len(ids), model.config
    ahead = torch.ones(given.layers, given.heads, n, n).tril().bool()
    look = ahead if look is None else look & ahead
    model = _double(model)
    if kind == "CausalLanguageModel":
        x = _gelu(_linear(bert(model, ids, look=look), model.predict.transform))
        return _normed(x, model.predict.norm) @ model.embed.pieces.weight.T + model.predict.bias
    pre = kind == "Gpt2Writer" or given.block == "pre"
    bend = (lambda x: x.clamp(min=0)) if kind == "Generator" else _gelu_new
    x = model.embed.pieces.weight[ids] if pieces is None else pieces.double()
    x = x + model.embed.positions.table[:n].double()
    for number, block in enumerate(model.layers):
        before = _normed(x, block.attention_norm) if pre else x
        x = x + _attention(block.attention, before, number, None, None, True, look[number])
        x = x if pre else _normed(x, block.attention_norm)
        before = _normed(x, block.mlp_norm) if pre else x
        x = x + _linear(bend(_linear(before, block.mlp.inward)), block.mlp.outward)
        x = x if pre else _normed(x, block.mlp_norm)
    x = _normed(x, model.finish) if pre else x
    return _linear(x, model.head) if kind == "Generator" else x @ model.embed.pieces.weight.T


def _gelu(x: Tensor) -> Tensor:
    return x * (1 + torch.erf(x / math.sqrt(2))) / 2


def _gelu_new(x: Tensor) -> Tensor:
    return x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


def cosine(one: Tensor, other: Tensor) -> float:
    return (one @ other / (one @ one).sqrt() / (other @ other).sqrt()).item()


def _attention(part, x, layer, weights, z, scaled, allowed=None):
    q, k, v = (torch.stack(_linear(x, each).chunk(part.heads, -1)) for each in (part.q, part.k, part.v))
    scores = torch.einsum("hid,hjd->hij", q, k) / (math.sqrt(q.size(-1)) if scaled else 1.0)
    raised = scores.exp() if allowed is None else scores.exp() * allowed
    shares = raised / raised.sum(-1, keepdim=True)
    shares = shares if weights is None else weights(layer, shares)
    mixed = torch.einsum("hij,hjd->hid", shares, v)
    mixed = mixed if z is None else z(layer, mixed)
    return _linear(torch.cat(list(mixed), -1), part.out)


def _linear(x, part):
    return x @ part.weight.T + part.bias


def _normed(x, part):
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.pow(2).mean(-1, keepdim=True) + part.epsilon).sqrt() * part.gain + part.shift


@torch.no_grad()
def _double(model):
    copy = type(model)(model.config).double()
    copy.load_state_dict(model.state_dict())
    return copy.eval()


def encoder(model, ids, forbidden: Tensor) -> float:
    """PyTorch's layers; forbidden: (l, h, i, j) True where a head of a layer may not look."""
    model = _double(model)
    twin = twins.encoder(model)
    x = (model.embed.pieces.weight[ids] + model.embed.positions.table[: len(ids)].double())[None]
    masks = torch.zeros(forbidden.shape, dtype=torch.float64).masked_fill(forbidden, -torch.inf)
    for layer, mask in zip(twin.layers, masks, strict=True):
        x = layer(x, src_mask=mask)
    x = x[0] if twin.norm is None else twin.norm(x[0])
    pooled = x.mean(0) if model.config.pool == "mean" else x.max(0).values
    return odds(model.head(pooled)).item()
