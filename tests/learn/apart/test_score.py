"""Wrong answers that the bank has never seen: all rejected, nine in ten placed, eight in ten named."""

import pytest

from tests.learn.apart.score import NAMES, judged, named, placed, refused, third


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


@pytest.mark.parametrize(
    "name, of_stage, of_name",
    [("attention", 12, 11), ("causal", 12, 11), ("multi-head", 12, 10), ("layer-norm", 12, 11)],
)
def test_third_lot_is_no_worse_than_measured(name, of_stage, of_name):
    results = judged(name, "third")
    assert len(results) == 12 and not [apart.thing.__name__ for apart, result in results if result.passed]
    assert sum(placed(*pair) for pair in results) >= of_stage
    assert sum(named(*pair) for pair in results) >= of_name


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_kept_apart_are_accepted(name):
    assert len(third(name).RIGHT) >= 6
    assert not [(thing.__name__, result.message) for thing, result in refused(name)]
