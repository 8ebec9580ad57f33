"""Words of a sentence by name or number, as a person gives them."""

import re

from glassformer.errors import UsageError, did_you_mean, one_line
from glassformer.explain.trial import Trial

_NUMBER = re.compile(r"-?[0-9]{1,9}")


def word_number(trial: Trial, word: str | int, texts: list[str] | None = None) -> int:
    """The number of `word`: given as a number, as the word, or as `the#2` for its second appearance.

    texts: the words of another text than the one that is answered.
    """
    texts = trial.texts if texts is None else texts
    known = [each.lower() for each in texts]
    if isinstance(word, str) and word.strip().lower() not in known and _NUMBER.fullmatch(word.strip()):
        word = int(word)
    if isinstance(word, int):
        if 0 <= word < len(known):
            return word
        last = len(known) - 1
        ends = f"0 ({texts[0]}) to {last} ({texts[last]})"
        raise UsageError(f"there is no word {word}; the sentence has words {ends}")
    name, _, which = word.strip().lower().partition("#") if word.strip() != "#" else ("#", "", "")
    places = [k for k, each in enumerate(known) if each == name]
    chosen = int(which) - 1 if _NUMBER.fullmatch(which) else 0
    if 0 <= chosen < len(places):
        return places[chosen]
    times = f"; {name} stands there {len(places)} times" if places else did_you_mean(word, known)
    raise UsageError(f"there is no word {one_line(word, 40)!r} in the sentence{times}; its words: {' '.join(texts)}")


def turned(trial: Trial, word: int) -> str:
    """A word by name; one that stands there several times with its turn, as --cut takes it."""
    known = [each.lower() for each in trial.texts]
    times, turn = known.count(known[word]), 1 + known[:word].count(known[word])
    return f"{trial.texts[word]}#{turn}" if times > 1 else trial.texts[word]


def named_edge(trial: Trial, looks: int, at: int) -> str:
    """What a cut is called."""
    return f"{turned(trial, looks)} may not look at {turned(trial, at)}"


def edge(trial: Trial, text: str) -> tuple[str, str]:
    """ "terrible>not": who looks > at whom.  A special piece such as <s> has that sign in its name."""
    sides = [(text[:k], text[k + 1 :]) for k, sign in enumerate(text) if sign == ">"]
    sides = [each for each in sides if all(side.strip() for side in each)]
    if not sides:
        raise UsageError(f'{one_line(text, 40)!r} names no edge; write "terrible>not": who looks > at whom')
    known = {word.lower() for word in trial.texts}
    fits = (each for each in sides if all(side.strip().lower().partition("#")[0] in known for side in each))
    return next(fits, sides[0])
