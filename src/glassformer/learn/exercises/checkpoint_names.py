"""A checkpoint's names in ours

A file of weights has a name for each tensor. To load it, each name must be turned into that of our model:

    bert.encoder.layer.11.attention.self.query.weight   →  layers.11.attention.q.weight

The table says which part is which; {n} stands for the number of a layer.  Beside that:
- a file of a model with a head has "bert." in front of every name, one of the bare model has not;
- a norm (ours ends in norm) has no weight and bias, but gain and shift; files of 2018 say gamma and beta for them;
- a row that ends in .weight is a whole name already; a name that is in no row is left out.

    >>> table = {"encoder.layer.{n}.output.LayerNorm": "layers.{n}.mlp_norm"}
    >>> our_names(["bert.encoder.layer.7.output.LayerNorm.gamma"], table)
    {'bert.encoder.layer.7.output.LayerNorm.gamma': 'layers.7.mlp_norm.gain'}

Write `our_names`, then: glassformer check checkpoint-names
"""

import re


def our_names(theirs: list[str], table: dict[str, str]) -> dict[str, str]:
    """theirs: names in a file; table: their part → our part → their name → our name, of those that have one."""
    raise NotImplementedError
