"""A word cut into pieces

BERT knows 30,000 pieces, and cuts every word into some of them.  From the left, the longest beginning that is in the
vocabulary is taken, then the longest beginning of the rest, and so on.  A piece that does not begin the word is marked
with ## in front.  A word of which any part cannot be found is unknown as a whole.

    >>> wordpiece("unaffable", {"un", "##aff", "##able", "##a", "una"}, "[UNK]")   # "una" is longer than "un"
    ['[UNK]']
    >>> wordpiece("unaffable", {"un", "##aff", "##able", "##a"}, "[UNK]")
    ['un', '##aff', '##able']

Write `wordpiece`, then: glassformer check wordpiece
"""


def wordpiece(word: str, vocabulary: set[str], unknown: str) -> list[str]:
    """word: one character or more; vocabulary: the pieces, ## in front of those that go on a word; unknown: what
    stands for a word that cannot be cut → the pieces."""
    raise NotImplementedError
