# %% [markdown]
# # 5. Masks: who may look at whom
#
# Before: lesson 4 · Minutes: 20 · Exercises: padding, causal, bug-future
#
# Two things must not be looked at: padding, which is no word, and the future, which whoever writes does not know yet.

# %%
from inspect import getsource

import torch

import glassformer as gf
from glassformer.hub.tokens import pad
from glassformer.parts.attention import attend, scaled_dot
from glassformer.parts.mask import causal, padding, softmax

torch.set_printoptions(precision=2, sci_mode=False)

# %% [markdown]
# ## Before the softmax, as −∞
#
# In plain words: who may not be looked at gets the score −∞. e to the power of −∞ is zero, so it gets no share, and
# the others share everything.
#
#     weights = softmax(scores + mask),   mask_ij = 0 where i may look at j, −∞ where not
#
# Here a mask is True where i may look at j. The lines of code:

# %%
print(getsource(softmax.definition))
print(causal(4).int())
print(padding(torch.tensor([[True, True, False]])).int())

# %% [markdown]
# ## Why not multiply afterwards?
#
# The weights could be computed of everything and then multiplied by zero where nobody may look. Then rows no longer
# sum to one:

# %%
torch.manual_seed(0)
q, k, v = (torch.randn(1, 4, 8) for _ in range(3))
scores, allowed = scaled_dot(q, k), causal(4)
before = softmax(scores, allowed)
after = softmax(scores) * allowed
print("added before, row sums:     ", before.sum(-1)[0])
print("multiplied after, row sums: ", after.sum(-1)[0])
assert torch.allclose(before.sum(-1), torch.ones(1, 4)) and (after.sum(-1)[0, :-1] < 0.95).all()

# %% [markdown]
# Worse: the future leaks. Change the last key alone, which nobody but the last query may see. Multiplied after, every
# row changes, because the last score is still in every denominator.

# %%
future = k.clone()
future[:, -1] += 3 * q.mean(1)
other = scaled_dot(q, future)
leak_before = (softmax(other, allowed) - before)[0, :3].abs().max().item()
leak_after = (softmax(other) * allowed - after)[0, :3].abs().max().item()
print(f"rows that may not see it change by {leak_before:.3f} (before), {leak_after:.3f} (after)")
assert leak_before == 0 and leak_after > 0.01

# %% [markdown]
# And if each row is divided by its sum again? On paper that is the same as −∞ before. In numbers it is not: a
# forbidden score that is large leaves nothing of the others.

# %%
loud = torch.tensor([[1.0, 2.0, 200.0]])
hides = torch.tensor([[True, True, False]])
kept = softmax(loud) * hides
print("−∞ before:             ", softmax(loud, hides))
print("multiply, then divide: ", kept / kept.sum(-1, keepdim=True))
assert softmax(loud, hides).isfinite().all() and not (kept / kept.sum(-1, keepdim=True)).isfinite().all()

# %% [markdown]
# ## Padding
#
# Sentences of a batch are made equally long. A model must give each the answer it gives it alone. It does, if it is
# told what is real; if not, it reads padding as words.

# %%
m = gf.load("sentiment")
texts = ["not terrible", "this restaurant was not terrible and i would come back with all of my friends"]
ids, real = pad([m.cut(text).ids for text in texts])
with torch.inference_mode():
    alone = m.model(ids[:1][real[:1]][None])[0]
    told, untold = m.model(ids, real)[0], m.model(ids)[0]
print("alone            ", alone)
print("padded, told     ", told)
print("padded, not told ", untold)
assert torch.allclose(alone, told, atol=1e-4) and (untold - alone).abs().max() > 0.05

# %% [markdown]
# ## The future
#
# Whoever writes must not look ahead. Test it as it is meant: change what comes later, and see that nothing earlier
# moves.

# %%
changed = v.clone()
changed[:, 2:] = 100.0
sees, blind = attend(q, k, changed) - attend(q, k, v), attend(q, k, changed, causal(4)) - attend(q, k, v, causal(4))
print("change of the first two rows, no mask:", sees[0, :2].abs().max().item())
print("change of the first two rows, causal :", blind[0, :2].abs().max().item())
assert blind[0, :2].abs().max() == 0 and sees[0, :2].abs().max() > 1

# %% [markdown]
# With fewer queries than keys the queries are the *last* positions: who writes the fifth piece has seen five.

# %%
print(causal(2, 5).int())
assert causal(1, 5).all()

# %% [markdown]
# ## A row that may look at nothing
#
# Then the equation says 0/0. Here such a row gets zeros, and zero gradients.

# %%
nothing = torch.zeros(1, 3, dtype=torch.bool)
print(softmax(loud, nothing))
assert torch.equal(softmax(loud, nothing), torch.zeros(1, 3))

# %% [markdown]
# ## A mask of numbers
#
# Some libraries add numbers, some multiply, some mean *True is hidden*. A kernel takes all of them without a word.
# Ours refuses.

# %%
try:
    softmax(loud, hides.float())
except TypeError as error:
    print(error)
else:
    raise AssertionError("a mask of numbers was taken")

# %% [markdown]
# ## Your turn
#
# Write `padding` and `causal`, then find what leaks in `bug-future` (`glassformer check bug-future`).
#
# **Try it yourself:** in the leak experiment add ten times as much of the mean query. What happens to the rows that
# multiply afterwards?
