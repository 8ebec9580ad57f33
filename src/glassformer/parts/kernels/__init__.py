"""Footnotes: the same numbers as the definitions, sooner.  Nothing here is needed to understand a transformer.

Each kernel stands beside one definition (`fused` in `tape.py`), and tests/test_pairs.py holds the two equal.

memory    what a decoder has read is not read again
longer    a tensor that grows where it is
likeness  a vector and those of all pieces; before a text goes on, of its last position alone
flash     attention by PyTorch's fused kernels, text by text where texts are packed
softmax   without looking for empty rows where there are none
linear    x · Wᵀ + b by oneDNN
packed    a batch without its padding
prepared  the linear maps of a block in the layout, and in the precision, that the processor likes best
twins     each kind of block, as few operators
row       a weight that meets one row at a time
"""
