"""What a field of a config.json may be: to the last number that is allowed, and not one further."""

import math

import pytest

from glassformer.hub import fields
from glassformer.hub.fields import CHANCE, LARGE, LAYERS, SWITCH, Field, number, one_of, or_none, spelt, whole

ALLOWED = {
    "a whole number": (whole(2), [2, 3, LARGE], [1, LARGE + 1, -2, 2.0, True, "2", None, [2]]),
    "a whole number up to five": (whole(0, 5), [0, 5], [-1, 6, False]),
    "layers": (LAYERS, [1, 1024], [0, 1025]),
    "a chance": (CHANCE, [0, 0.0, 0.5, 1, 1.0], [-1e-9, 1.0000001, math.nan, math.inf, -math.inf, True, "0.5", None]),
    "a number": (number(-1.5, 3.0), [-1.5, 3, 3.0], [-1.6, 3.1]),
    "one of three": (one_of({"a": 1, "b": 2}), ["a", "b"], ["c", "", 1, None, ["a"], {"a": 1}]),
    "a chance or nothing": (or_none(CHANCE), [None, 0.5], [2, "none", False]),
    "a switch": (SWITCH, [True, False], [0, 1, "true", None]),
}
SAID = {
    "a whole number": "a whole number from 2 to 16,777,216",
    "layers": "a whole number from 1 to 1,024",
    "a number": "a number from -1.5 to 3",
    "one of three": "one of a, b",
    "a chance or nothing": "a number from 0 to 1, or null",
}


@pytest.mark.parametrize("what", ALLOWED)
def test_what_is_allowed_is_allowed_to_its_end(what):
    (check, said), inside, outside = ALLOWED[what]
    assert all(check(value) for value in inside), [value for value in inside if not check(value)]
    assert not any(check(value) for value in outside), [value for value in outside if check(value)]
    assert said == SAID.get(what, said)


def test_a_field_by_another_word_is_the_same_field_and_the_others_stay():
    known = {"hidden_size": Field("width", whole(1)), "layers": Field("layers", LAYERS)}
    assert spelt(known, {"hidden_size": "dim", "absent": "gone"}) == {
        "dim": known["hidden_size"],
        "layers": known["layers"],
    }
    assert known["layers"].read(7) == known["layers"].write(7) == 7 and fields.MOST_LABELS == 65_536
