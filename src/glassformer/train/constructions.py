"""The sentence patterns of the negation grammar, in three tables: affirmed, flipped, kept.

Each pattern is about a polarity, good or bad, drawn for the sentence.  {good} stands for a word of that polarity and
{bad} for one of the other; likewise {gem} {mess}, {liked} {hated}, and {charm}, {impress}, {happy} … for that polarity.
AFFIRMED has no negator, and the sentence has the polarity.  FLIPPED turns it round.  KEPT has a negator that does not:
it adds ("not only"), is itself denied, or belongs to something else.  `slots.SLOTS` has all slots.
"""

from glassformer.train.affirmed import AFFIRMED, JOINS_AFTER, JOINS_BEFORE, JOINS_SAME
from glassformer.train.flipped import FLIPPED, HELD_FLIPPED
from glassformer.train.kept import HELD_KEPT, KEPT

__all__ = ["AFFIRMED", "FLIPPED", "HELD_FLIPPED", "HELD_KEPT", "JOINS_AFTER", "JOINS_BEFORE", "JOINS_SAME", "KEPT"]
