"""The commands, one function each, and what they share.  Nothing here imports torch before a verb needs it.

options   what many verbs take: --model, --pair, --cut …, --json, --width
asking    a model for a verb, a text from wherever it comes, an answer to wherever it goes
explain   explain, why
translate what a translator writes of a text, or of each line
stream    classify, embed, fill: a line in, an answer out
models    models, info
train     train
"""
