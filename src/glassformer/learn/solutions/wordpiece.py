"""A word cut into pieces"""


def wordpiece(word: str, vocabulary: set[str], unknown: str) -> list[str]:
    """word: one character or more; vocabulary: the pieces, ## in front of those that go on a word; unknown: what
    stands for a word that cannot be cut → the pieces."""
    pieces, begin = [], 0
    while begin < len(word):
        mark = "##" if begin else ""
        ends = range(len(word), begin, -1)  # the longest first
        end = next((end for end in ends if mark + word[begin:end] in vocabulary), None)
        if end is None:
            return [unknown]
        pieces.append(mark + word[begin:end])
        begin = end
    return pieces
