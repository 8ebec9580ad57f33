# %% [markdown]
# # 3. Why the scores are divided by √d
#
# Before: lesson 2 · Minutes: 15 · Exercises: scaling
#
# A dot product of d features is a sum of d products. The more there are, the further the sum strays from zero, and
# softmax does not forgive large numbers.

# %%
from inspect import getsource

import torch

import glassformer as gf
from glassformer.parts.attention import dot, scaled_dot
from glassformer.parts.mask import softmax

# %% [markdown]
# ## The spread of a dot product
#
# In plain words: d products of independent numbers of spread one have together a spread of √d. Divide by √d, and it is
# one again, however wide the model is.
#
#     scaled_ij = q_i · k_j / √d
#
# The line of code:

# %%
print(getsource(scaled_dot))

# %% [markdown]
# ## Saturation, and the gradient, over d
#
# For each d: queries and keys are drawn with spread one; each query looks at sixteen keys. Printed are the spread of
# the scores, the largest weight of a row in the mean (one sixteenth were it even), and of the gradients that reach the
# queries the *median* (how much an ordinary query learns) and the share that the best tenth of the queries gets.

# %%
KEYS = 16


def measured(match, d):
    """spread of the scores, largest weight, median gradient of a query, share of the best tenth."""
    torch.manual_seed(d)
    q, k, v = torch.randn(64, 8, d, requires_grad=True), torch.randn(64, KEYS, d), torch.randn(64, KEYS, 8)
    scores = match(q, k)
    weights = softmax(scores)
    (weights @ v).sum().backward()
    reaching = q.grad.norm(dim=-1).flatten().sort(descending=True).values
    tenth = reaching[: len(reaching) // 10].sum() / reaching.sum()
    return [each.item() for each in (scores.std(), weights.amax(-1).mean(), reaching.median(), tenth)]


print(f"{'':6}{'not scaled':^44}{'scaled':^44}")
print(f"{'d':>6}" + 2 * f"{'spread':>10}{'largest':>10}{'median ∂':>12}{'top tenth':>12}")
found = {}
for d in (1, 4, 16, 64, 256, 1024, 4096):
    found[d] = measured(dot, d), measured(scaled_dot, d)
    cells = "".join(f"{s:10.2f}{w:10.2f}{g:12.2g}{t:12.2f}" for s, w, g, t in found[d])
    print(f"{d:6}{cells}")

# %% [markdown]
# Not scaled, the rows become *argmax*: at the wide end one key takes nearly all. And most queries learn nothing any
# more, for softmax is flat there: the median gradient falls by several powers of ten.
#
# Often it is said that *the gradient* vanishes. Look at the last column: it does not vanish everywhere. A few queries
# that happen to stand between two keys get nearly all of it. Scaled, nothing depends on d.

# %%
wide, narrow = found[4096], found[4]
assert wide[0][1] > 0.95 and wide[0][2] < 1e-4 * narrow[0][2]  # saturated; the median query learns nothing
assert wide[0][3] > 0.9  # a tenth of the queries has nine tenths of the gradient
assert abs(wide[1][0] - 1) < 0.1 and abs(narrow[1][0] - 1) < 0.1
assert abs(wide[1][2] / narrow[1][2] - 1) < 0.25

# %% [markdown]
# ## In a trained model
#
# `sentiment` has learned with scaling. Take it away: its scores are larger by √d than what it learned with.

# %%
x = gf.load("sentiment").explain("this restaurant was not terrible")
without = x.without("scaling")
d = x["L0.H3.q"].size(-1)
print(f"d = {d}, √d = {d**0.5:.2f}")
print(f"log-odds {without.before:+.2f}, without scaling {without.after:+.2f}")
for site in ("scores", "scaled"):
    peak = x[f"L0.H3.{site}"].softmax(-1).amax(-1).mean().item()
    print(f"largest weight of a row, softmax of {site:6}: {peak:.2f}")
assert torch.allclose(x["L0.H3.scores"] / d**0.5, x["L0.H3.scaled"])

# %% [markdown]
# A trained model may survive the loss, for this sentence. That is a statement about this sentence and this model, not
# about training: what scaling is for is the table above.
#
# ## Your turn
#
# Write `scaling` (`glassformer check scaling`). Its checker knows who divides by d, by the number of keys, or twice.
#
# **Try it yourself:** draw `k` as `2 * torch.randn(…)`. Is √d still the right divisor? What assumption was it made
# for?
