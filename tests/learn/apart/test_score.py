"""Wrong answers that the bank has never seen: all rejected, nine in ten placed, eight in ten named."""

import pytest

from tests.learn.apart.score import NAMES, WITH_RIGHT, judged, lot, named, placed, refused


@pytest.mark.parametrize("which", ["first", "second"])
@pytest.mark.parametrize("name", NAMES)
def test_wrong_answers_kept_apart_and_what_has_no_name_is_never_guessed(name, which):
    results = judged(name, which)
    assert len(results) >= 7 and not [apart.thing.__name__ for apart, result in results if result.passed]
    assert sum(placed(*pair) for pair in results) >= 0.9 * len(results)
    assert sum(named(*pair) for pair in results) >= 0.8 * len(results)
    for result in (result for apart, result in results if apart.named.startswith("unknown")):
        assert result.mistake == "unknown" or "Behind that" in result.message or result.mistake.startswith("only the")
        assert result.mistake != "unknown" or "not one that we know a name for" in result.message


MEASURED = [  # of a lot: answers, of the right stage, of the right name
    ("third", "attention", 12, 12, 11),
    ("third", "causal", 12, 12, 11),
    ("third", "multi-head", 12, 12, 10),
    ("third", "layer-norm", 12, 12, 11),
    ("fourth", "attention", 16, 16, 12),
    ("fourth", "causal", 16, 15, 11),
    ("fourth", "multi-head", 16, 16, 16),
    ("fourth", "layer-norm", 16, 16, 15),
    ("fifth", "attention", 12, 11, 10),
    ("fifth", "causal", 12, 12, 9),
    ("fifth", "multi-head", 12, 12, 11),
    ("fifth", "layer-norm", 12, 12, 10),
]


@pytest.mark.parametrize(("which", "name", "of", "of_stage", "of_name"), MEASURED)
def test_a_later_lot_is_no_worse_than_measured(which, name, of, of_stage, of_name):
    results = judged(name, which)
    assert len(results) == of and not [apart.thing.__name__ for apart, result in results if result.passed]
    assert sum(placed(*pair) for pair in results) >= of_stage
    assert sum(named(*pair) for pair in results) >= of_name


@pytest.mark.parametrize("which", WITH_RIGHT)
@pytest.mark.parametrize("name", NAMES)
def test_right_answers_kept_apart_are_accepted(name, which):
    assert len(lot(name, which).RIGHT) >= 6
    assert not [(thing.__name__, result.message) for thing, result in refused(name, which)]
