"""Causal attention again, given with its mask behind the softmax: what is asked, and what can go wrong, is the same."""

from dataclasses import replace

from glassformer.learn.bank import causal

EXERCISE = replace(
    causal.EXERCISE,
    name="bug-future",
    hints=(
        "Add up a row of the weights. What do those of the first word sum to, and what should they?",
        "The softmax shares 1 out among all words; taking the shares of later ones away afterwards leaves less than 1.",
        "Mask the scores with −∞ before the softmax: the mask first, then the shares.",
    ),
    explanation="A leak is not seen in the loss, which only gets better: change a later word, and see that earlier "
    "answers stay. That was the last one; the models in this project are made of what you have written.",
)
