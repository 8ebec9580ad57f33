# %% [markdown]
# # 2. Self-attention with nothing to learn
#
# Before: lesson 1 · Minutes: 15 · Exercises: softmax, self-attention
#
# The first rung of the ladder has no parameters at all: two matrix products and a softmax.

# %%
from inspect import getsource

import torch

from glassformer.parts.attention import dot, mixture, plain
from glassformer.parts.mask import softmax

torch.set_printoptions(precision=2, sci_mode=False)

# %% [markdown]
# ## How well two words match
#
# In plain words: describe each word by a few features. Two words match where the same features are large with the same
# sign. Multiply feature by feature and add up.
#
#     score_ij = x_i · x_j
#
# Here the features are made by hand: does it judge, is it good, does it deny?

# %%
words = ["soup", "was", "not", "terrible"]
x = torch.tensor(
    [
        [0.0, 0.0, 0.0],  # soup
        [0.1, 0.0, 0.0],  # was
        [0.5, 0.0, 2.0],  # not
        [2.0, -2.0, 0.0],  # terrible
    ]
)[None]
scores = dot(x, x)
print(scores[0])
assert torch.equal(scores, scores.mT)  # i matches j as well as j matches i

# %% [markdown]
# ## From scores to shares
#
# In plain words: turn the scores of a row into positive numbers that sum to one.
#
#     weight_ij = exp(score_ij) / Σ_j exp(score_ij)

# %%
weights = softmax(scores)
print("          " + "".join(f"{word:>10}" for word in words))
for word, row in zip(words, weights[0], strict=True):
    print(f"{word:10}" + "".join(f"{share:10.2f}" for share in row))
assert torch.allclose(weights.sum(-1), torch.ones(1, 4))

# %% [markdown]
# ## The mixture
#
# In plain words: each word becomes a mean of all words, each as much as its share says.
#
#     y_i = Σ_j weight_ij x_j
#
# The code of the two, whole:

# %%
print(getsource(plain), getsource(mixture), sep="\n")
y = plain(x)
print(y[0])
assert torch.allclose(y, weights @ x)

# %% [markdown]
# ## What is true of it
#
# **It sees a set.** Put the words in another order, and the results come in that order, otherwise unchanged.

# %%
order = torch.tensor([3, 1, 0, 2])
print("difference after shuffling:", (plain(x[:, order]) - plain(x)[:, order]).abs().max().item())
assert torch.allclose(plain(x[:, order]), plain(x)[:, order], atol=1e-6)

# %% [markdown]
# **It can only mix.** A mean never leaves what it is a mean of: no feature of the result is larger than the largest
# that went in. So *not* can make *terrible* less bad, but never good. That needs values that differ from what is
# looked at (lesson 4) and something that is not a mean (lesson 8).

# %%
print("most and least 'good' that went in :", x[..., 1].max().item(), x[..., 1].min().item())
print("'good' of terrible, before and after:", x[0, 3, 1].item(), round(y[0, 3, 1].item(), 4))
assert (y <= x.amax(1) + 1e-6).all() and (y >= x.amin(1) - 1e-6).all()

# %% [markdown]
# **A word looks mostly at itself** where all words are equally long as vectors, for nothing matches it better.

# %%
torch.manual_seed(0)
unit = torch.nn.functional.normalize(torch.randn(1, 6, 8), dim=-1)
looked_at = softmax(dot(unit, unit)).argmax(-1)[0]
print("each of six words looks most at word", looked_at.tolist())
assert torch.equal(looked_at, torch.arange(6))

# %% [markdown]
# **It costs n · n.** Every word is compared with every word.

# %%
for n in (10, 100, 1000):
    print(f"{n:5} words: {dot(torch.zeros(1, n, 8), torch.zeros(1, n, 8)).numel():9,} scores")

# %% [markdown]
# ## Your turn
#
# Write `softmax` and `self-attention` (`glassformer check softmax self-attention`).
#
# **Try it yourself:** multiply `x` by three before the mixture. What happens to the shares, and why is that the
# subject of the next lesson?
