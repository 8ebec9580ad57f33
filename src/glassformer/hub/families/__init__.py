"""The families of checkpoints that can be read: a file a family, and nothing in it but data.

What a family calls its tensors, its classes and the fields of its config.json; `family.py` says what there is to say.
"""

from torch import nn

from glassformer.hub.families.bert import BERT, DISTILBERT, ROBERTA
from glassformer.hub.families.family import Family
from glassformer.hub.families.gpt2 import GPT2
from glassformer.hub.families.marian import MARIAN

FAMILIES: dict[str, Family] = {family.name: family for family in (BERT, ROBERTA, DISTILBERT, GPT2, MARIAN)}
HEADS: dict[str, type[nn.Module]] = {  # every class that a checkpoint may be, by its name
    kind.__name__: kind for family in FAMILIES.values() for kind in (*family.bodies, *family.classes.values())
}


def family_of(kind: type[nn.Module]) -> Family | None:
    """The first family that has a name for this class."""
    return next((family for family in FAMILIES.values() if kind in (*family.bodies, *family.classes.values())), None)
