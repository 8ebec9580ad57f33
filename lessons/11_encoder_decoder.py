# %% [markdown]
# # 11. The encoder–decoder: reading one text, writing another
#
# Before: lesson 10 · Minutes: 25 · Exercises: cross-attention, decoder-step, beam-search
#
# The transformer as first published (Vaswani et al. 2017). `reverse` ships with the package: it reads eight digits and
# writes them backwards, which is the smallest thing that needs all of it. `glassformer train reverse` makes it again
# in seconds.

# %%
from inspect import getsource

import torch

from glassformer.hub import store
from glassformer.models.beams import Search, beams
from glassformer.models.decoding import Until, write
from glassformer.models.losses import cross_entropy
from glassformer.models.seq2seq import Translator
from glassformer.parts.block import CrossBlock
from glassformer.tape import listen
from glassformer.train.reverse import END, backwards, cut, drawn, framed, tokenizer

model = store.load("reverse").model
words = tokenizer()
print(model.config)

# %% [markdown]
# ## Read once, then write
#
# In plain words: the encoder reads the source, once. The decoder is a generator (lesson 10) with one more look:
# between attention and MLP each position looks at the source. Queries come from what has been written, keys and values
# from what was read.
#
#     cross(x, source) = attend(W_q x, W_k source, W_v source)

# %%
print(getsource(Translator.forward), getsource(CrossBlock.forward), sep="\n")

# %%
torch.manual_seed(0)
digits = drawn(200, 8, apart=True)  # sequences that no step of its training saw
written = backwards(model, digits)
for k in range(3):
    print(words.decode(digits[k].tolist()), " → ", words.decode(written[k].tolist()))
right = (written == digits.flip(1)).all(1).float().mean().item()
print(f"right: {right:.3f} of {len(digits)}")
assert right > 0.98

# %% [markdown]
# ## Teaching: all positions at once
#
# In plain words: while it learns it is not asked to write. It is given the right answer, shifted by one, and every
# position is asked what comes next, so that one pass teaches all positions (teacher forcing).

# %%
source, asked, answer = framed(digits[:1])
for name, row in (("is read", source), ("was written", asked), ("comes next", answer)):
    print(f"{name:12}", words.decode(row[0].tolist(), skip_special_tokens=False))
with torch.inference_mode():
    loss = cross_entropy(model(asked, memory=model.read(source)), answer).item()
print(f"loss: {loss:.5f}")
assert torch.equal(asked[:, 1:], answer[:, :-1]) and loss < 0.1

# %% [markdown]
# ## Where it looks: the other diagonal
#
# Whoever writes the first digit has to look at the last that was read. Rows: what is written next; columns: what is
# read.

# %%
source, asked, _ = framed(digits)
with torch.inference_mode(), listen(model, keep="layers.*.cross.weights") as tape:
    model(asked, memory=model.read(source))
for name, weights in tape.items():
    mean = weights.mean((0, 1))  # over sequences and heads
    share = mean[:8, :8].flip(-1).diagonal().mean().item()
    print(f"{name}: {share:.2f} of the weight lies on the other diagonal, {1 / 9:.2f} were it spread evenly")
    print("\n".join("  " + "".join(" ░▒▓█"[min(4, int(5 * cell))] * 2 for cell in row) for row in mean.tolist()))
    assert share > 0.4

# %% [markdown]
# Does it *use* that? Forbid the first position to look at the last digit, and see what it writes; as a control, forbid
# it to look at the first digit instead.

# %%
turned = cut(model, digits)
print(turned, "of", len(digits))
assert turned["turned"] > 0.7 * len(digits) and turned["turned by the control"] < 0.05 * len(digits)

# %% [markdown]
# ## Writing: greedy, and with beams
#
# Greedy takes the likeliest piece at each step, and cannot take it back. A beam keeps several texts side by side, and
# compares whole texts.
#
#     log p(text) = Σ_n log p(piece_n | pieces before it, source)
#
# Where one text is far likelier than all others, both find it. So give the model nine digits as well, which it never
# learned (lesson 7).


# %%
def both(digits):
    """log p of the greedy text and of the best of four beams, and the share of digits that the beam has right."""
    source, asked, _ = framed(digits)
    until = Until(most=digits.size(1) + 1, stop=(END,))
    by_one, done = torch.zeros(len(digits)), torch.zeros(len(digits), dtype=torch.bool)
    for step in write(model, asked[:, :1], memory=model.read(source), until=until):
        by_one += step.logits.log_softmax(-1).amax(-1) * ~done
        done = step.done
    found = beams(model, asked[:, :1], memory=model.read(source), search=Search(4, length_penalty=0.0), until=until)
    best = [row[0].ids for row in found]
    pairs = [zip(text, wanted, strict=False) for text, wanted in zip(best, digits.flip(1).tolist(), strict=True)]
    right = sum(one == other for pair in pairs for one, other in pair) / digits.numel()
    return by_one, torch.tensor([row[0].score for row in found]), right


with torch.inference_mode():
    found = {pieces: both(drawn(200, pieces, apart=True)) for pieces in (8, 9)}
print(
    f"{'digits':>6} {'p, greedy':>10} {'p, beams':>9} {'beams likelier':>15} {'less likely':>12} {'digits right':>13}"
)
for pieces, (one, beam, right) in found.items():
    more, less = ((sign * (beam - one) > 1e-3).sum().item() for sign in (1, -1))
    p, q = (each.exp().mean().item() for each in (one, beam))
    print(f"{pieces:6} {p:10.3f} {q:9.3f} {more:15} {less:12} {right:13.2f}")
assert (found[8][0] - found[8][1]).abs().max() < 1e-2 and found[8][2] > 0.99
assert found[9][1].mean() >= found[9][0].mean()
assert found[9][2] < 0.5 < found[9][1].exp().mean()

# %% [markdown]
# Two things to take along. A beam changes little where the model is sure. And a likely text is not a right one: of
# nine digits most are wrong, and the model gives what it writes more than half of all probability. It does not know
# what it was never taught; ask for a probability, and that is not what you hear.
#
# ## Your turn
#
# Write `cross-attention`, `decoder-step` and `beam-search`.
#
# **Try it yourself:** replace `Search(4, …)` by `Search(1, …)`. Why are both the same now?
