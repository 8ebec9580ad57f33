"""The same weights in PyTorch's own layers: the independent oracle of attention, blocks and whole models."""

import torch
from torch import Tensor, nn

from glassformer.parts.attention import Attention
from glassformer.parts.block import Block, CrossBlock, LayerNorm, PreNormBlock, PreNormCrossBlock


def attention(ours: Attention) -> nn.MultiheadAttention:
    width = ours.q.in_features
    twin = nn.MultiheadAttention(width, ours.heads, batch_first=True, dtype=ours.q.weight.dtype)
    readers = (ours.q, ours.k, ours.v)
    _copy(twin.in_proj_weight, torch.cat([reader.weight for reader in readers]))
    _copy(twin.in_proj_bias, torch.cat([reader.bias for reader in readers]))
    twin.out_proj.load_state_dict(ours.out.state_dict())
    return twin


def norm(ours: LayerNorm) -> nn.LayerNorm:
    twin = nn.LayerNorm(ours.gain.numel(), eps=ours.epsilon, dtype=ours.gain.dtype)
    _copy(twin.weight, ours.gain)
    _copy(twin.bias, ours.shift)
    return twin


def layer(ours: Block) -> nn.TransformerEncoderLayer:
    width, hidden, dtype = ours.mlp.inward.in_features, ours.mlp.inward.out_features, ours.mlp.inward.weight.dtype
    twin = nn.TransformerEncoderLayer(
        width, ours.attention.heads, hidden, dropout=0.0, batch_first=True, norm_first=isinstance(ours, PreNormBlock)
    ).to(dtype)
    twin.self_attn.load_state_dict(attention(ours.attention).state_dict())
    twin.norm1.load_state_dict(norm(ours.attention_norm).state_dict())
    twin.norm2.load_state_dict(norm(ours.mlp_norm).state_dict())
    twin.linear1.load_state_dict(ours.mlp.inward.state_dict())
    twin.linear2.load_state_dict(ours.mlp.outward.state_dict())
    return twin


def crossing(ours: CrossBlock) -> nn.TransformerDecoderLayer:
    width, hidden, dtype = ours.mlp.inward.in_features, ours.mlp.inward.out_features, ours.mlp.inward.weight.dtype
    first = isinstance(ours, PreNormCrossBlock)
    twin = nn.TransformerDecoderLayer(
        width, ours.attention.heads, hidden, dropout=0.0, batch_first=True, norm_first=first
    ).to(dtype)
    twin.self_attn.load_state_dict(attention(ours.attention).state_dict())
    twin.multihead_attn.load_state_dict(attention(ours.cross).state_dict())
    for empty, full in ((1, ours.attention_norm), (2, ours.cross_norm), (3, ours.mlp_norm)):
        getattr(twin, f"norm{empty}").load_state_dict(norm(full).state_dict())
    twin.linear1.load_state_dict(ours.mlp.inward.state_dict())
    twin.linear2.load_state_dict(ours.mlp.outward.state_dict())
    return twin


def translator(model: nn.Module) -> nn.Transformer:
    """Encoder and decoder; a norm at the end of a pre-norm stack only, where PyTorch puts one behind any."""
    layers = [crossing(block) for block in model.layers]
    end = norm(model.finish) if isinstance(model.finish, LayerNorm) else None
    decoder = nn.TransformerDecoder(layers[0], len(layers), norm=end)
    for empty, full in zip(decoder.layers, layers, strict=True):
        empty.load_state_dict(full.state_dict())
    empty = {"custom_encoder": nn.Identity(), "custom_decoder": nn.Identity()}
    twin = nn.Transformer(model.config.width, model.config.heads, batch_first=True, **empty)
    twin.encoder, twin.decoder = encoder(model.encoder), decoder  # now, for it begins by making all weights anew
    return twin


def encoder(model: nn.Module) -> nn.TransformerEncoder:
    """All blocks of one of our models, with the norm that a pre-norm stack needs at its end."""
    layers = [layer(block) for block in model.layers]
    end = norm(model.finish) if isinstance(model.finish, LayerNorm) else None
    twin = nn.TransformerEncoder(layers[0], len(layers), norm=end, enable_nested_tensor=False)
    for empty, full in zip(twin.layers, layers, strict=True):
        empty.load_state_dict(full.state_dict())
    return twin


@torch.no_grad()
def _copy(into: Tensor, value: Tensor) -> None:
    into.copy_(value)
