"""What a transformer is made of.  Read in this order:

mask       who may look at whom
attention  the ladder: plain → scaled → queries, keys, values → heads
norm       every position brought to one scale
mlp        the part that works on each position alone
block      attention and MLP, each with its residual and norm (post-norm, pre-norm)
positions  where in the sentence a word stands
embed      from pieces to vectors
pool       from many positions to one
variants   attention otherwise: one part of it in place of another
sparse     masks that leave most pairs out

The axes, one letter each, in the order they stand in the shape comments:

    b  sentences in the batch            h  heads
    n  positions (pieces) in a sentence  d  width of one head
    i  positions that look (queries)     w  width of the model
    j  positions looked at (keys)        m  width inside the MLP
    v  pieces in the vocabulary          c  classes
    f  frequencies of the sinusoids      s  continuations side by side
    r  pieces in the running             t  distances between positions
"""
