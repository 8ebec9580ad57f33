# %% [markdown]
# # 6. Heads: several soft dictionaries side by side
#
# Before: lessons 4 and 5 · Minutes: 20 · Exercises: split-heads, merge-heads, multi-head
#
# One look mixes everything it finds into one mean. Several heads look for several reasons at once, and keep what they
# found apart.

# %%
from inspect import getsource

import torch

import glassformer as gf
from glassformer.parts.attention import Attention, wide
from glassformer.parts.variants import VARIANTS
from glassformer.show.tables import print_sheet
from glassformer.tape import listen

# %% [markdown]
# ## Split and merged
#
# In plain words: the width is cut into as many slices as there are heads; each head attends within its slice; the
# slices are put side by side again, and one more map mixes them.
#
#     z_h = attend(q_h, k_h, v_h)        out = W_o [z_1 … z_H]
#
# The lines of code:

# %%
print(getsource(Attention.forward), getsource(Attention._by_head), sep="\n")

# %%
torch.manual_seed(0)
attention, x = Attention(width=24, heads=3), torch.randn(2, 5, 24)
with listen(attention) as tape:
    out = attention(x)
for name, value in tape.items():
    print(f"{name:8} {tuple(value.shape)}")

# %% [markdown]
# A head is a slice of the width, nothing more: feature f of head h is feature h · d + f of the map. And merging is the
# way back: heads to the inside, then flat. Flatten without bringing the heads inside, and the shape is right and the
# numbers are not.

# %%
d = 24 // 3
whole = attention.q(x)
for head in range(3):
    assert torch.equal(tape["q"][:, head], whole[..., head * d : (head + 1) * d])
merged = tape["z"].transpose(-3, -2).flatten(-2)
careless = tape["z"].reshape(2, 5, 24)
print("merged through the output map:   ", torch.allclose(attention.out(merged), out, atol=1e-6))
print("reshaped without the transpose:  ", torch.allclose(attention.out(careless), out, atol=1e-6))
assert torch.allclose(attention.out(merged), out, atol=1e-6) and careless.shape == merged.shape
assert not torch.allclose(attention.out(careless), out, atol=1e-2)

# %% [markdown]
# ## Wide and narrow
#
# The sources confuse two things. *Narrow* (Vaswani et al. 2017): the width is split, so several heads cost as much as
# one. *Wide*: every head sees the whole width, and costs as much again. Counted, biases left out:


# %%
def weights_of(made):
    return sum(weight.numel() for weight in made.parameters() if weight.ndim > 1)


k, h = 256, 4
counts = {
    "one head": weights_of(Attention(k, 1)),
    "narrow, 4 heads": weights_of(Attention(k, h)),
    "wide, 4 heads": weights_of(wide(k, h)),
    "one small map for all heads, nothing behind": weights_of(VARIANTS["narrow"](k, h)),
}
for name, count in counts.items():
    print(f"{name:45} {count:9,}")
assert counts["narrow, 4 heads"] == counts["one head"] == 4 * k * k  # 3 k² and k² for the output map
assert counts["wide, 4 heads"] == 4 * h * k * k

# %% [markdown]
# Why have heads at all, if they are free? With one head, whatever is looked at is treated in one way: weights say *how
# much*, one map says *what*. With two heads the second word can be read otherwise than the first, in the same step.
# Take separate heads from a trained model, give all of them the mean of their weights, and see:

# %%
x = gf.load("sentiment").explain("this restaurant was not terrible")
apart = x.without("heads")
print(f"log-odds {apart.before:+.2f}; every head with the mean weights of all: {apart.after:+.2f}")
assert apart.after < apart.before - 1

# %% [markdown]
# ## What a head does, when it is off and when it is cut
#
# Two questions that are often taken for one. *Off*: the head says nothing (zero), or what it says on average over
# other sentences (mean). *Cut*: the head speaks, but one word may not look at another.

# %%
print(f"{'head':6} {'off: zero':>10} {'off: mean':>10} {'cut terrible→not':>18}")
change = {}
for layer in range(2):
    for head in range(4):
        name = f"L{layer}.H{head}"
        cut = x.what_if(x.switch(f"cut:4>3@{name}")).change
        change[name] = x.off(name).change, x.off(name, "mean").change, cut
        print(f"{name:6} {change[name][0]:+10.2f} {change[name][1]:+10.2f} {cut:+18.2f}")

# %% [markdown]
# One head carries the edge: cut there, the answer falls by several units. Yet the same head off costs next to nothing!
# Both are true, for they are two questions. Cut, the head still speaks, and says what it finds elsewhere; off, it says
# nothing, and what the other parts say is enough. This model was also trained with edges cut, so that its cuts mean
# something (decisions/0005); it was not trained with heads off. Ask which question was asked before you believe a
# figure about a head.

# %%
largest = min(change, key=lambda name: change[name][2])
print("the head that carries the edge:", largest)
assert change[largest][2] < -3 and abs(change[largest][0]) < 0.5

# %% [markdown]
# Each weight of this head, and beneath it what changes when that cell is cut:

# %%
print_sheet(x.sheet(largest))

# %% [markdown]
# ## Your turn
#
# Write `split-heads`, `merge-heads` and `multi-head` (`glassformer check multi-head` knows the reshape without a
# transpose).
#
# **Try it yourself:** replace the sentence by "the soup was not bad". Is it the same head?
