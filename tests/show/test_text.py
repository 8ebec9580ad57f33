"""Labels made safe, numbers, bars and shades: of any value, always of the width they were given."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from glassformer.show.text import (
    answered,
    bar,
    fit,
    level,
    odd,
    power,
    safe,
    shade,
    share,
    signed,
    times,
    tone,
)

values = st.floats(-1e6, 1e6)


@given(st.text(max_size=30))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_nothing_acts_and_nothing_ordinary_is_changed(text):
    shown = safe(text)
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in shown)
    assert safe(shown) == shown
    ordinary = "".join(c for c in text if c.isalnum() or c in " []:.,")
    assert safe(ordinary) == ordinary


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("\x1b[31m", "␛[31m"),
        ("a\nb\tc\x00", "a␊b␉c␀"),
        ("\x9b\x7f", "\\u009b\\u007f"),
        ("a\u202eb", "a\\u202eb"),
        ("👩‍👧", "👩\\u200d👧"),
        ("[bold]é家", "[bold]é家"),
    ],
)
def test_what_would_act_becomes_visible(label, shown):
    assert safe(label) == shown


@given(st.text(max_size=30), st.integers(1, 40))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_label_fits_exactly(label, width):
    assert cell_len(fit(label, width)) == width
    assert cell_len(safe(label)) <= width or "…" in fit(label, width)


@given(values, st.floats(0, 1e6), st.integers(0, 60))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_bar_has_the_width_it_was_given_and_grows_from_the_middle(value, largest, room):
    wide = odd(room, 41)
    drawn = bar(value, largest, wide).plain
    assert len(drawn) == wide <= room and wide % 2 == (wide > 0)
    if wide:
        left, right = drawn[: wide // 2], drawn[wide // 2 + 1 :]
        assert drawn[wide // 2] == "│"
        assert (left if value >= 0 else right).strip() == ""
        assert (right if value >= 0 else left).strip("█▌▐ ") == ""


def test_a_bar_is_as_long_as_its_share():
    assert bar(1.0, 1.0, 9).plain == "    │████" and bar(-1.0, 1.0, 9).plain == "████│    "
    assert bar(0.5, 1.0, 9).plain == "    │██  " and bar(-0.375, 1.0, 9).plain == "  ▐█│    "
    assert bar(5.0, 1.0, 9).plain == "    │████" and bar(0.0, 0.0, 9).plain == "    │    "


@given(st.floats(-1, 2), st.integers(0, 60))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_a_level_has_the_width_it_was_given(value, width):
    assert len(level(value, width)) == width


def test_numbers_say_their_sign_and_never_minus_zero():
    assert [signed(v) for v in (1.25, -0.314, 0.0, -0.001, 0.004, 1234.5)] == [
        "+1.25",
        "−0.31",
        "0.00",
        "0.00",
        "0.00",
        "+1234.50",
    ]
    assert [share(v) for v in (0.0, 0.004, 0.005, 0.42, 0.994, 0.995, 1.0)] == [
        " ~0",
        " ~0",
        ".01" if f"{0.005:.2f}" == "0.01" else ".00",
        ".42",
        ".99",
        "1.0",
        "1.0",
    ]
    assert {len(share(k / 1000)) for k in range(1001)} == {3}


def test_shades_and_tones_follow_the_size_and_the_sign():
    assert [shade(v, 4.0) for v in (0, -1, 2, -3, 4, 9)] == [" ", "░", "▒", "▓", "█", "█"] and shade(1.0, 0.0) == " "
    assert tone(0.3) != tone(-0.3) != tone(0.001) == tone(-0.001)


def test_a_value_names_its_side_where_sides_have_names():
    assert [answered(odds, ("negative", "positive")) for odds in (0.1, -0.1)] == ["positive", "negative"]
    assert answered(1.0, ("a", "\x1b[31m")) == "␛[31m"
    assert answered(1.0, None) == ""


TENS = [(7.0, 0), (0.1, 0), (0.099, 2), (0.0062, 3), (1e-6, 6), (0.0, 0), (1e-20, 0)]


@pytest.mark.parametrize(("largest", "tens"), TENS)
def test_small_numbers_are_shown_in_a_smaller_unit(largest, tens):
    assert power(largest) == tens
    assert times(tens) == (f"each number × 10⁻{'⁰¹²³⁴⁵⁶⁷⁸⁹'[tens]}" if tens else "")
