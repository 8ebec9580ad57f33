# %% [markdown]
# # 4. Queries, keys, values: the soft dictionary
#
# Before: lessons 2 and 3 · Minutes: 20 · Exercises: queries-keys-values, attention
#
# Until now each word had one vector for three jobs: to ask, to be found, and to be taken. Now each job gets its own.

# %%
from inspect import getsource

import torch

import glassformer as gf
from glassformer.parts.attention import attend, mixture
from glassformer.show.tables import print_worked

# %% [markdown]
# ## A dictionary, made soft
#
# In plain words: a dictionary compares what you ask with every key, finds the one that is equal, and gives its value.
# A soft one lets *every* key match to some extent, and gives the mixture of all values by how well.
#
#     attend(q, k, v) = softmax(q · kᵀ / √d) · v
#
# The lines of code:

# %%
print(getsource(attend.definition), getsource(mixture), sep="\n")

# %% [markdown]
# Three keys, three values, and a query that is the second key, louder and louder:

# %%
keys, values = torch.eye(3)[None], torch.tensor([[[10.0], [20.0], [90.0]]])
answers = []
for loud in (0.0, 1.0, 4.0, 16.0, 64.0):
    answers.append(attend(loud * keys[:, 1:2], keys, values).item())
    print(f"query × {loud:4.0f}: {answers[-1]:6.3f}")
assert abs(answers[0] - values.mean().item()) < 1e-4  # asks nothing: the mean of all
assert abs(answers[-1] - values[0, 1].item()) < 1e-4  # asks loudly: a dictionary

# %% [markdown]
# Between *the mean of everything* and *a look-up* lies everything an attention head does, and it is smooth, so it can
# be learned.
#
# ## Where the three come from
#
# In plain words: three learned maps read the same word in three ways.
#
#     q_i = W_q x_i      k_j = W_k x_j      v_j = W_v x_j
#
# One thing that this buys at once: *terrible* may look at *not* without *not* looking at *terrible*. Scores of `plain`
# are symmetrical, these are not.

# %%
x = gf.load("sentiment").explain("this restaurant was not terrible")
scores = x["L0.H3.scores"]
i, j = x.words.index("terrible"), x.words.index("not")
print(f"terrible asks not: {scores[i, j]:+.2f};  not asks terrible: {scores[j, i]:+.2f}")
assert abs(scores[i, j] - scores[j, i]) > 0.5

# %% [markdown]
# ## One query, every key
#
# *terrible* asks each word of the sentence (the study plan's "score each word against this one"):

# %%
q, k, v, z = (x[f"L0.H3.{name}"] for name in "q k v z".split())
for word, score, weight in zip(x.words, x["L0.H3.scaled"][i], x["L0.H3.weights"][i], strict=True):
    print(f"{word:12} q · k / √d = {score:+6.2f}   weight {weight:.2f}")
assert x["L0.H3.weights"][i].argmax() == j

# %% [markdown]
# The same numbers by the part itself: what the tape heard is what `attend` gives for these q, k and v.

# %%
print("largest difference:", (attend(q, k, v) - z).abs().max().item())
assert torch.allclose(attend(q, k, v), z, atol=1e-5)

# %% [markdown]
# And one weight with all its arithmetic: each product, the division, the softmax.

# %%
print_worked(x.why(f"L0.H3.weights[{i},{j}]"))

# %% [markdown]
# ## Why keys and values are two things
#
# What makes a word *found* is not what it has to *say*. Put keys where values belong, and the head finds the same
# words but says something else.

# %%
says = torch.nn.functional.cosine_similarity(attend(q, k, k)[i], z[i], dim=0).item()
print(f"cosine of what the head says of terrible, with keys as values, and z: {says:+.2f}")
assert abs(says) < 0.9

# %% [markdown]
# ## Your turn
#
# Write `queries-keys-values`, then `attention` (`glassformer check attention`); its mask is the subject of the next
# lesson.
#
# **Try it yourself:** ask for `L0.H2` instead of `L0.H3` everywhere. Does *terrible* still ask for *not*?
