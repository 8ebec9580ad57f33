"""What a tape means, as plain data: answers, effects, worked sums.  No viewer is known here, and no markup.

answers      what a model can say, and what is measured of it: plain data
batch        texts side by side: padded, two together, two apart
measure      the one number that effects are differences of
kind         what a model does, in one of three ways:
classifies   a label, several labels, a score
embeds       one vector for the text
fills        the pieces that may stand at a mask
encoder      texts to vectors, many at once
reader       a model and its tokenizer, asked about text
trial        one text, or two, through one model, to be run again with something changed
resumed      run again from the layer on where something changes
switches     the things that can be changed, each a named edit: cut an edge, switch a head off, do without scaling
shorter      a text with words taken out
address      one name for every number
named        words by name or number
choices      switches as they are written, `off:L0.H3:mean`, with their controls
placed       two of these: one value set by hand, one put in from another sentence
reference    what heads, MLPs and attention do on average, in twenty sentences
effects      what really changes: each word taken away, each edge cut
ablations    what each head, MLP and word is needed for
like         the same question put to twenty sentences of the same kind
story        what the models make of a sentence, who told whom, and whether that is really the reason
whatif       before and after, beside controls
path         what each part puts into the answer, which sums to it: slope (behind the layers)
baselines    how much of the answer survives without attention patterns, word order, or training
sheet        one matrix of one sentence, each weight beside its effect
worked       one number, with its whole arithmetic: sums (what it is made of), inside (a block), ends (before and after)
picture      all that a page draws of a text, as docs/page.md has it: arrays (its numbers), beforehand (single switches)
facts        what a model is
explanation  all of it behind one object
"""
