"""What a tape means, as plain data: answers, effects, worked sums.  No viewer is known here, and no markup.

reader       a model and its tokenizer, asked about text
trial        one sentence through one model, to be run again with something changed
switches     the things that can be changed, each a named edit: cut an edge, switch a head off, do without scaling
address      one name for every number
effects      what really changes: each word taken away, each edge cut
like         the same question put to twenty sentences of the same kind
story        what the models make of a sentence, who told whom, and whether that is really the reason
sheet        one matrix of one sentence, each weight beside its effect
worked       one number, with its whole arithmetic
explanation  all of it behind one object
"""
