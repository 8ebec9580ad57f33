"""Worksheets for hand arithmetic, each with its key.  Only parts.py imports torch.

question    what a question is: exact numbers, matrices, steps
attention   topics from the dot product to two heads
further     topics after that: LayerNorm, positions, loss, beams, sizes
sheet       all topics in the order of study; a sheet of a seed
parts       the same answers by the project's own parts, held against the exact ones
"""
