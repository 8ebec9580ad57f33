"""Wrong answers that the bank has never seen: all rejected, nine in ten placed, eight in ten named."""

import pytest

from tests.learn.apart.score import NAMES, judged, named, placed


@pytest.mark.parametrize("which", ["first", "second"])
@pytest.mark.parametrize("name", NAMES)
def test_wrong_answers_kept_apart(name, which):
    results = judged(name, which)
    assert len(results) >= 7 and not [apart.thing.__name__ for apart, result in results if result.passed]
    assert sum(placed(*pair) for pair in results) >= 0.9 * len(results)
    assert sum(named(*pair) for pair in results) >= 0.8 * len(results)


@pytest.mark.parametrize("name", NAMES)
def test_what_has_no_name_is_said_to_be_unknown_and_never_guessed(name):
    unknown = [(apart, result) for apart, result in judged(name) if apart.named.startswith("unknown")]
    for _, result in unknown:
        assert result.mistake == "unknown" or "Behind that" in result.message or result.mistake.startswith("only the")
        assert result.mistake != "unknown" or "not one that we know a name for" in result.message
