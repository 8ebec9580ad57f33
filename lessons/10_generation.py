# %% [markdown]
# # 10. Generation: one piece after the other
#
# Before: lessons 5 and 8 · Minutes: 20 · Exercises: generator, greedy, cache, bug-cache
#
# A model that may not look ahead can be asked, at every position, what comes next. Ask, append, ask again: it writes.
# `characters` ships with the package and has read Shakespeare, a character at a time.

# %%
import math
from inspect import getsource

import torch

import glassformer as gf
from glassformer.models.decoding import Until, greedy, probabilities, sample, write
from glassformer.models.losses import cross_entropy, of_the_text
from glassformer.models.simple import Generator
from glassformer.parts.attention import Memory

m = gf.load("characters")
model = m.model
print(getsource(Generator.forward))

# %% [markdown]
# ## What it learns: the text, shifted by one
#
# In plain words: at each position the right answer is the next character. One text is as many questions as it has
# characters, all asked at once.
#
#     loss = − mean over n of log p(piece_(n+1) | piece_1 … piece_n)
#
# In bits, how many a character costs:


# %%
print(getsource(cross_entropy))


def bits(text):
    ids = torch.tensor([m.cut(text).ids])
    with torch.inference_mode():
        return cross_entropy(model(ids[:, :-1]), ids[:, 1:]).item() / math.log(2)


verse = "What news from the king, my lord? I have not seen him since."
mixed = "".join(verse[k] for k in torch.randperm(len(verse), generator=torch.Generator().manual_seed(0)).tolist())
vocabulary = model.config.vocabulary
print(f"a verse                     {bits(verse):.2f} bits a character")
print(f"its characters, shuffled    {bits(mixed):.2f}")
print(f"guessing among {vocabulary}           {math.log2(vocabulary):.2f}")
assert bits(verse) < 3 < math.log2(vocabulary) < bits(mixed)

# %% [markdown]
# Of shuffled characters it does worse than someone who guesses evenly: it is sure, and wrong. That is what a model of
# *this* text is.
#
# That it does not look ahead can be tested: change the end, and nothing before moves.

# %%
ids = torch.tensor([m.cut("ROMEO: what light").ids])
other = ids.clone()
other[:, -5:] = ids[:, :5]
with torch.inference_mode():
    moved = (model(ids) - model(other)).abs().amax(-1)[0]
print("logits that moved at position:", (moved > 1e-4).nonzero().flatten().tolist(), "of", ids.size(1))
assert moved[:-5].max() < 1e-4 and moved[-5:].max() > 0.1

# %% [markdown]
# Texts of several lengths stand in one batch, padding behind the shorter ones. Padding asks nothing: every character
# that came counts once, in a long text and in a short one. And what comes next is read where a text *ends*, not in the
# last column.

# %%
texts = [m.cut(text).ids for text in ("What ligh", "The king is dea")]
ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(text) for text in texts], batch_first=True)
real = torch.arange(ids.size(1)) < torch.tensor([len(text) for text in texts])[:, None]
with torch.inference_mode():
    logits = model(ids, real)
    alone = [model(torch.tensor([text])) for text in texts]
loss = cross_entropy(logits[:, :-1], of_the_text(ids, real)[:, 1:])
each = [cross_entropy(own[:, :-1], torch.tensor([text[1:]])) for own, text in zip(alone, texts, strict=True)]
asked = torch.tensor([len(text) - 1 for text in texts])
print(f"a mean over characters: {loss:.4f}; over the texts' means: {torch.stack(each).mean():.4f}")
assert torch.allclose(loss, (torch.stack(each) * asked).sum() / asked.sum(), atol=1e-4)
ends = logits[torch.arange(len(texts)), real.sum(dim=1) - 1]
print("next, where each text ends:", [m.tokens.decode([piece]) for piece in greedy(ends)])
print("in the last column:        ", [m.tokens.decode([piece]) for piece in greedy(logits[:, -1])])
assert greedy(ends).tolist() == [int(greedy(own[:, -1])) for own in alone] != greedy(logits[:, -1]).tolist()

# %% [markdown]
# ## Temperature
#
# In plain words: before the softmax the logits are divided by a temperature. Below one the likely becomes likelier,
# above one all become more alike.
#
#     p = softmax(logits / T)

# %%
print(getsource(probabilities))
with torch.inference_mode():
    logits = model(torch.tensor([m.cut("ROMEO: what li").ids]))[:, -1]
print(f"{'T':>5} {'likeliest':>10} {'entropy, bits':>14}   written")
entropy = {}
for temperature in (0.3, 0.7, 1.0, 1.5):
    p = probabilities(logits, temperature)[0]
    entropy[temperature] = -(p * p.clamp(min=1e-30).log2()).sum().item()
    text = m.generate("ROMEO: what li", most=40, temperature=temperature, seed=0).text
    print(f"{temperature:5} {p.max():10.2f} {entropy[temperature]:14.2f}   {text!r}")
values = list(entropy.values())
assert values == sorted(values)
assert torch.equal(greedy(logits), sample(0.0)(logits))  # temperature zero: the likeliest

# %% [markdown]
# The tail can be cut off as well: only the k likeliest, or the *nucleus*, the fewest that together have the
# probability p.

# %%
for how in ({"top_k": 5}, {"top_p": 0.9}, {"top_p": 0.5}):
    left = int((probabilities(logits, 1.0, **how) > 0).sum())
    print(f"{how}: {left} of {vocabulary} characters are left")
assert int((probabilities(logits, 1.0, top_k=5) > 0).sum()) == 5

# %% [markdown]
# ## Keys and values computed once
#
# In plain words: what was read does not change when a character is added, for nobody looks ahead; so neither do its
# keys and values. Remember them, and only the new character has to be computed.

# %%
prompt = torch.tensor([m.cut("ROMEO:\n").ids])
steps = list(write(model, prompt, until=Until(most=60)))
anew, read = prompt, []
with torch.inference_mode():
    for step in steps:
        read.append(anew.size(1))
        assert torch.allclose(model(anew)[:, -1], step.logits, atol=1e-3)  # the same logits
        anew = torch.cat([anew, step.ids[:, None]], dim=1)
remembered = prompt.size(1) + len(steps) - 1
print(
    f"positions computed for {len(steps)} characters: {sum(read):,} anew, {remembered} with a memory; the same logits"
)
assert sum(read) > 20 * remembered

# %% [markdown]
# A memory is keys and values of every layer, no more. Two mistakes are easy: to count the new piece's position from
# zero again, and to ask the mask of a square when there is one query and many keys (`bug-cache` has the first kind's
# relative).

# %%
memory = Memory()
with torch.inference_mode():
    whole = model(prompt)
    model(prompt[:, :-1], memory=memory)
    known = memory.length
    last = model(prompt[:, -1:], memory=memory)
kept = sum(k.numel() + v.numel() for k, v in memory.known.values())
print(f"known before: {known} positions; numbers kept now: {kept:,}")
print("largest difference to reading it whole:", (last - whole[:, -1:]).abs().max().item())
assert kept == 2 * prompt.size(1) * model.config.width * model.config.layers
assert torch.allclose(last, whole[:, -1:], atol=1e-4)

# %% [markdown]
# ## What did it look at?
#
# The same questions as to a classifier: what may come next, and which character that depends on.

# %%
m.explain("ROMEO: what li").show()

# %% [markdown]
# ## Your turn
#
# Write `generator` (the loss, and what comes next), `greedy` and `cache`, then find what changed the answer in
# `bug-cache`.
#
# **Try it yourself:** `print(m.generate("Your own words", most=200, temperature=0.8, seed=1).text)`. At which
# temperature does it stop spelling?
