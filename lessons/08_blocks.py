# %% [markdown]
# # 8. Blocks: residual, norm, MLP
#
# Before: lessons 6 and 7 · Minutes: 20 · Exercises: layer-norm, mlp, post-norm-block, pre-norm-block, classifier
#
# Attention mixes positions. What else is in a block works on each position alone; and where the norm stands decides
# how well a deep stack learns.

# %%
from inspect import getsource

import torch
from torch import nn

import glassformer as gf
from glassformer.parts.attention import Attention
from glassformer.parts.block import MLP, LayerNorm, PostNormBlock, PreNormBlock, Stack, layer_norm, out_and_back

# %% [markdown]
# ## The stream, and what is added to it
#
# In plain words: a block does not replace what it reads. It adds to it (the residual).
#
#     post:  x ← norm(x + attention(x))        pre:  x ← x + attention(norm(x))
#            x ← norm(x + mlp(x))                    x ← x + mlp(norm(x))

# %%
print(getsource(PostNormBlock.forward), getsource(PreNormBlock.forward), sep="\n")

# %% [markdown]
# So a block that has nothing to say changes nothing, if the norm stands before what is added; if it stands behind, the
# stream is normalised all the same. Let every block of a stack say zero:

# %%
torch.manual_seed(0)
x = 3 * torch.randn(1, 5, 16)
for kind in (PostNormBlock, PreNormBlock):
    silent = Stack(kind(Attention(16, 2), MLP(16, 32)) for _ in range(6))
    for block in silent:
        for last in (block.attention.out, block.mlp.outward):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
    untouched = torch.equal(silent(x), x)
    print(f"{kind.__name__:14} the stream arrives as it was: {untouched}, its spread {silent(x).std().item():.2f}")
    assert untouched == (kind is PreNormBlock)

# %% [markdown]
# ## LayerNorm
#
# In plain words: each position is brought to mean zero and spread one, over its own features, whatever the others are;
# then a learned gain and shift.
#
#     y = gain · (x − mean) / √(variance + ε) + shift

# %%
print(getsource(layer_norm.definition))
torch.manual_seed(0)
x = torch.randn(2, 3, 8) * 50 + 7
y = LayerNorm(8)(x)
print("mean of each position:  ", [round(abs(each), 4) for each in y.mean(-1).flatten().tolist()])
print("spread of each position:", [round(each, 4) for each in y.std(-1, correction=0).flatten().tolist()])
assert torch.allclose(LayerNorm(8)(1000 * x), y, atol=1e-3)  # how loud a position is, is forgotten

# %% [markdown]
# ## MLP
#
# In plain words: out to a wider space, through a bend, and back; each position by itself. It is the only part that is
# neither a mean nor a straight map: what lesson 2 found missing.
#
#     mlp(x) = W_out · activation(W_in · x)

# %%
print(getsource(out_and_back.definition))
mlp = MLP(8, 32)
alone = torch.stack([mlp(x[:, position]) for position in range(3)], dim=1)
print("position by position, or all at once: differ by", (alone - mlp(x)).abs().max().item())
assert torch.allclose(alone, mlp(x), atol=1e-4)

# %% [markdown]
# Who may mix? Change one position (of four, counted from zero) and see which results move:

# %%
x = torch.randn(1, 4, 8)
changed = x.clone()
changed[:, 2, 0] += 1  # one feature: had all of them grown alike, the norm would not notice
for name, part in {"attention": Attention(8, 2), "mlp": mlp, "norm": LayerNorm(8)}.items():
    moved = ((part(changed) - part(x)).abs().amax(-1) > 1e-6)[0]
    print(f"{name:10} moves positions {moved.nonzero().flatten().tolist()}")
    assert moved.tolist() == ([True] * 4 if name == "attention" else [False, False, True, False])

# %% [markdown]
# ## Pre or post: the gradient at the start, over depth
#
# Weights begin by Glorot's rule, biases at zero, a head predicts one of many pieces. How large is the gradient of the
# MLP's outward matrix in the first block, and in the last?


# %%
def at_the_start(kind, depth, width=64):
    """Length of the gradients of the first and the last MLP; spread of the stream behind the last block."""
    torch.manual_seed(0)
    stack = Stack(kind(Attention(width, 4), MLP(width, 4 * width)) for _ in range(depth))
    for name, weight in stack.named_parameters():
        if weight.ndim > 1:
            nn.init.xavier_uniform_(weight)
        elif not name.endswith("gain"):
            nn.init.zeros_(weight)
    x, pieces, head = torch.randn(8, 16, width), torch.randint(100, (8, 16)), nn.Linear(width, 100)
    stream = stack(x)
    finished = kind.finish(width)(stream)
    nn.functional.cross_entropy(head(finished).flatten(0, 1), pieces.flatten()).backward()
    gradients = [block.mlp.outward.weight.grad.norm().item() for block in (stack[0], stack[-1])]
    return *gradients, stream.std().item()


print(f"{'':8}{'post-norm':^32}{'pre-norm':^32}")
print(f"{'blocks':8}" + 2 * f"{'first':>10}{'last':>10}{'spread':>12}")
start = {}
for depth in (1, 3, 6, 12, 24):
    start[depth] = [at_the_start(kind, depth) for kind in (PostNormBlock, PreNormBlock)]
    cells = "".join(f"{first:10.3f}{last:10.3f}{spread:12.2f}" for first, last, spread in start[depth])
    print(f"{depth:<8}{cells}")

# %% [markdown]
# Behind a post-norm block the stream is always of one scale, and the gradient of the *last* block stays as large
# however deep the stack is: Xiong et al. 2020 conclude that this is why its steps have to warm up. In a pre-norm stack
# the stream grows with depth, each block adds to it, and what the last block adds counts for less and less: its
# gradient shrinks like one over the root of the depth. Neither vanishes on the way down to the first block here: the
# residual carries it.

# %%
post, pre = ([start[depth][kind] for depth in (3, 24)] for kind in (0, 1))
expected = (3 / 24) ** 0.5
print(f"last block, 24 beside 3 blocks: post × {post[1][1] / post[0][1]:.2f}, pre × {pre[1][1] / pre[0][1]:.2f}")
print(f"one over the root of eight: {expected:.2f}")
assert 0.6 < post[1][1] / post[0][1] < 1.6
assert 0.5 * expected < pre[1][1] / pre[0][1] < 1.7 * expected
assert post[1][0] > 0.3 * post[0][0] and pre[1][0] > 0.3 * pre[0][0]  # and the first block
assert abs(post[1][2] - 1) < 0.05 and pre[1][2] > 2 * pre[0][2]

# %% [markdown]
# ## A whole model of it
#
# `sentiment` is two post-norm blocks, then the mean over the positions, then a linear map. Its attention off, its MLP
# off:

# %%
x = gf.load("sentiment").explain("this restaurant was not terrible")
for layer in (0, 1):
    heads = x.what_if(*(x.choose_head(f"L{layer}.H{head}") for head in range(4)))
    mlp_off = x.what_if(x.switch(f"off:L{layer}.mlp:zero"))
    print(f"layer {layer}: log-odds {heads.before:+.2f}, heads off {heads.after:+.2f}, MLP off {mlp_off.after:+.2f}")
x.show()

# %% [markdown]
# ## Your turn
#
# Write `layer-norm`, `mlp`, `post-norm-block`, `pre-norm-block`, and put a `classifier` together of them.
#
# **Try it yourself:** in `at_the_start`, multiply every matrix by a tenth after Glorot's rule. Which of the two kinds
# of block notices?
