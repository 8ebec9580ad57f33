# %% [markdown]
# # 7. Positions: where a word stands
#
# Before: lesson 2 (attention sees a set) · Minutes: 20 · Exercises: positions, bug-relative
#
# Attention does not know in which order the words came. Somebody has to tell it: a vector for each position is added
# to the vector of the piece.

# %%
from inspect import getsource

import torch
from torch.nn.functional import cosine_similarity

import glassformer as gf
from glassformer.hub import store
from glassformer.models.seq2seq import Vectors
from glassformer.parts.attention import Attention
from glassformer.parts.block import MLP, PostNormBlock, Stack
from glassformer.parts.embed import Placed, halves, interleaved
from glassformer.train.reverse import backwards, drawn

# %% [markdown]
# ## A set, told otherwise
#
# A stack of blocks without positions: shuffle the words, and the results are shuffled, no more.

# %%
torch.manual_seed(0)
stack = Stack(PostNormBlock(Attention(16, 2), MLP(16, 32)) for _ in range(2))
x, order = torch.randn(1, 6, 16), torch.randperm(6)
places = interleaved(6, 16)
without = (stack(x[:, order]) - stack(x)[:, order]).abs().max().item()
told = (stack(x[:, order] + places) - stack(x + places)[:, order]).abs().max().item()
print(f"difference after shuffling: {without:.1e} without positions, {told:.2f} with")
assert without < 1e-5 and told > 0.1

# %% [markdown]
# ## Two layouts of the same idea
#
# In plain words: clocks of many speeds. Fast ones tell neighbours apart, slow ones tell near from far.
#
#     interleaved:  sin(n · f_0), cos(n · f_0), sin(n · f_1), …     f_i = 10000^(−2i/w)
#     halves:       all sines, then all cosines                    f_i = 10000^(−i/(w/2 − 1))
#
# The first is the paper's formula (Vaswani et al. 2017, section 3.5), the second what the published code and the
# well-known pictures show. The lines of code:

# %%
print(getsource(interleaved), getsource(halves), sep="\n")


# %%
def drawing(table):
    """Rows: positions; a darker sign is a larger number."""
    return "\n".join("".join(" .:-=+*#%@"[int(4.999 * (value + 1))] for value in row) for row in table.tolist())


one, other = interleaved(12, 64), halves(12, 64)
print("interleaved\n" + drawing(one) + "\n\nhalves\n" + drawing(other))

# %% [markdown]
# Is it only another order of the same columns? No: the frequencies differ too. Sort the columns of both and compare.

# %%
reordered = torch.cat([one[:, 0::2], one[:, 1::2]], dim=1)
print("largest difference once the columns are in one order:", round((reordered - other).abs().max().item(), 2))
assert (reordered - other).abs().max() > 0.1

# %% [markdown]
# True of both: how well two positions match depends on how far apart they are, and on nothing else.

# %%
for table in (interleaved(50, 64), halves(50, 64)):
    match = table @ table.T
    print("3 apart:", [round(match[n, n + 3].item(), 3) for n in (0, 10, 40)])
    assert torch.allclose(match.diagonal(3), match[0, 3].expand(47), atol=1e-3)

# %% [markdown]
# ## Lengths that were never seen
#
# A learned table ends where it ends; sines can be computed for any position:

# %%
try:
    Placed(length=8, width=16)(torch.arange(9)[None])
except IndexError as error:
    print(error)
else:
    raise AssertionError("a learned table has no ninth row")
print("position 100,000 of the sines:", tuple(interleaved(100_001, 16)[-1:].shape))

# %% [markdown]
# That a position *has* a vector does not mean that the model knows what to do with it. `reverse` has sines, has
# learned on eight digits, and is perfect there:

# %%
model = store.load("reverse").model
right = {}
for pieces in (6, 7, 8, 9, 10):
    torch.manual_seed(0)
    digits = drawn(100, pieces, apart=True)
    right[pieces] = (backwards(model, digits) == digits.flip(1)).float().mean().item()
    print(f"{pieces:3} digits: {right[pieces]:.2f} of the digits right")
assert right[8] > 0.99 and max(right[each] for each in (6, 7, 9, 10)) < 0.6

# %% [markdown]
# ## Why √d_model?
#
# The paper multiplies the vectors of pieces by √d_model before positions are added; section 3.4 does not say why. Our
# vectors begin with a spread of w^−½, as in the published code, for the same table also predicts pieces; so each is
# about one long. The vector of a position is √(w/2) long, whatever is learned. Without the factor the piece would
# drown at the start, and the more so the wider the model:

# %%
print(getsource(Vectors.forward))
print(f"{'w':>5} {'piece':>8} {'position':>9} {'piece × √w':>11} {'cosine(sum, piece), without':>29} {'with':>6}")
near = {}
for w in (64, 128, 256, 512, 1024):
    torch.manual_seed(0)
    piece, place = torch.randn(100, w) * w**-0.5, interleaved(100, w)
    near[w] = [cosine_similarity(scale * piece + place, piece).mean().item() for scale in (1, w**0.5)]
    lengths = [each.norm(dim=-1).mean().item() for each in (piece, place, w**0.5 * piece)]
    print(f"{w:5} {lengths[0]:8.2f} {lengths[1]:9.2f} {lengths[2]:11.2f} {near[w][0]:29.2f} {near[w][1]:6.2f}")
assert near[1024][0] < near[64][0] < 0.3 and all(with_ > 0.7 for _, with_ in near.values())

# %% [markdown]
# Where the table is drawn with a spread of one and predicts nothing, no factor is needed: `Classifier` and `Generator`
# have none.
#
# ## Does a trained model use its positions?
#
# `sentiment`, all positions taken away:

# %%
m = gf.load("sentiment")
texts = ("this restaurant was not terrible", "good , not bad", "bad , not good")
asked = [m.explain(text).without("positions") for text in texts]
for text, without in zip(texts, asked, strict=True):
    print(f"{text:34} {without.before:+.2f} → {without.after:+.2f}")
assert abs(asked[0].change) < 0.5  # nothing to tell apart: one word to deny, one that denies
assert asked[1].before > 0 > asked[2].before and abs(asked[1].after - asked[2].after) < 1e-3

# %% [markdown]
# In the first sentence hardly at all: which word was denied can be guessed from which words there are. The other two
# are one and the same set of words with opposite meanings. With positions the model tells them apart; without, it must
# give both the same answer, and does. That a part is there does not mean that every sentence uses it.
#
# ## Your turn
#
# Write `positions`, both layouts; then find why distances never matter in `bug-relative`.
#
# **Try it yourself:** draw `interleaved(200, 64)`. Which columns have turned once around?
