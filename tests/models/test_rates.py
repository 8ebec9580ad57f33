"""The schedule of the paper: its figures, its peak, and the two halves that meet there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassformer.models.rates import warmed


def test_the_figures_of_the_base_model():
    """Width 512, warm-up 4000: computed with fifteen digits by hand."""
    assert warmed(1, 512) == pytest.approx(1 / (22.62741699796952 * 252982.2128134704), rel=1e-12)
    assert warmed(4000, 512) == pytest.approx(6.987712429686844e-4, rel=1e-12)
    assert warmed(100_000, 512) == pytest.approx(1.3975424859373686e-4, rel=1e-12)


@given(st.integers(1, 10**6), st.integers(1, 4096), st.integers(1, 20_000))
def test_it_peaks_where_warming_ends(step, width, warmup):
    assert warmed(step, width, warmup) <= warmed(warmup, width, warmup) * (1 + 1e-12)
    assert warmed(warmup, width, warmup) == pytest.approx((width * warmup) ** -0.5)


def test_it_climbs_in_a_straight_line_and_four_times_the_steps_halve_it():
    for step in (1, 7, 1000):
        assert warmed(2 * step, 512) == pytest.approx(2 * warmed(step, 512))
        assert warmed(4 * 4000 * step, 512) == pytest.approx(warmed(4000 * step, 512) / 2)
    assert warmed(10, 4 * 512) == pytest.approx(warmed(10, 512) / 2)


@pytest.mark.parametrize(("step", "warmup"), [(0, 4000), (-1, 4000), (1, 0)])
def test_there_is_no_step_nought(step, warmup):
    with pytest.raises(ValueError, match=f"step {step} of a warm-up of {warmup}: both are counted from 1"):
        warmed(step, 512, warmup)
