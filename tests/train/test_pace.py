"""As many steps as fit: measured once, and kept."""

import json
from dataclasses import replace

import pytest

from glassformer.errors import CheckpointError, UsageError
from glassformer.hub import store
from glassformer.train import pace, recipes, run
from glassformer.train.how import How
from glassformer.train.loop import Step
from glassformer.train.pace import paced
from tests.train import small

RECIPE = replace(small.RECIPES["reverse"], steps=120, look=40, warmup=30)


@pytest.fixture
def half_a_second(monkeypatch):
    """Every step takes half a second, the first few longer."""
    monkeypatch.setattr(
        pace, "train", lambda state, task, how: (Step(k, 0.0, 9.0 if k <= 4 else 0.5) for k in range(1, 99))
    )


def test_without_minutes_it_is_the_recipe(tmp_path):
    assert paced(RECIPE, None, None, tmp_path) is RECIPE and not list(tmp_path.iterdir())


def test_as_many_steps_as_fit_with_as_many_looks(half_a_second, tmp_path):
    made = paced(RECIPE, 10, None, tmp_path)
    assert (made.steps, made.look, made.warmup) == (1200, 400, 30)
    assert json.loads((tmp_path / "pace.json").read_text()) == {"minutes": 10, "steps": 1200}


def test_a_short_run_warms_up_for_a_fifth_of_it(half_a_second, tmp_path):
    assert paced(RECIPE, 0.5, None, tmp_path).warmup == 12


def test_a_step_longer_than_the_minutes_is_taken_once_and_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(pace, "train", lambda state, task, how: (Step(k, 0.0, 100.0) for k in range(1, 99)))
    made = paced(RECIPE, 0.1, None, tmp_path)
    assert (made.steps, made.look, made.warmup) == (1, 1, 1)


@pytest.mark.parametrize("steps", [3, 4])
def test_a_recipe_of_fewer_steps_than_warm_up_cannot_be_timed(tmp_path, steps):
    with pytest.raises(UsageError, match=f"reverse has {steps} steps, too few to be timed; leave --minutes out"):
        paced(replace(RECIPE, steps=steps), 1, None, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_few_steps_that_take_long_do_not_set_the_pace(tmp_path, monkeypatch):
    """On a GPU a length that is met for the first time takes seconds, and each later time a twentieth of one."""
    slow = {9, 14, 20}
    monkeypatch.setattr(
        pace, "train", lambda state, task, how: (Step(k, 0.0, 4.0 if k in slow else 0.05) for k in range(1, 99))
    )
    assert paced(RECIPE, 10, None, tmp_path).steps == 12_000


def test_what_was_measured_is_kept_so_that_the_run_goes_on(half_a_second, tmp_path, monkeypatch):
    first = paced(RECIPE, 10, None, tmp_path)
    monkeypatch.setattr(pace, "train", lambda state, task, how: iter([Step(k, 0.0, 7.0) for k in range(99)]))
    assert paced(RECIPE, 10, None, tmp_path) == first


def test_other_minutes_ask_for_another_place(half_a_second, tmp_path):
    paced(RECIPE, 10, None, tmp_path)
    for minutes in (5, None):
        with pytest.raises(UsageError, match="a run of --minutes 10; give the same or choose another --out"):
            paced(RECIPE, minutes, None, tmp_path)


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf")])
def test_what_is_no_time_is_refused(tmp_path, minutes):
    with pytest.raises(UsageError, match=r"is no time; give 0\.1 or more"):
        paced(RECIPE, minutes, None, tmp_path)


def test_a_classifier_takes_as_long_as_it_takes(tmp_path):
    with pytest.raises(UsageError, match="how long tiny takes is part of how it is made"):
        paced(recipes.RECIPES["tiny"], 10, None, tmp_path)


@pytest.mark.parametrize("content", ["[]", "{", '{"minutes": 10}', '{"minutes": "ten", "steps": 3}'])
def test_a_broken_file_is_named(tmp_path, content):
    (tmp_path / "pace.json").write_text(content)
    with pytest.raises(CheckpointError, match="delete it to measure again"):
        paced(RECIPE, 10, None, tmp_path)


def test_a_run_of_a_few_seconds_ends_with_the_steps_it_was_given(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(recipes.RECIPES, "reverse", RECIPE)
    assert run.train("reverse", None, tmp_path, steps=1, how=How(minutes=0.01)) is None
    assert "--minutes 0.01" in capsys.readouterr().err
    model = run.train("reverse", None, tmp_path, how=How(minutes=0.01))
    steps = json.loads((tmp_path / "pace.json").read_text())["steps"]
    assert model is not None and f"- {steps:,} steps" in store.card(model)
