"""Every task is run by the same run: it is looked at, saved, stopped, killed, and goes on to the same bits."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch

from glassformer.errors import CheckpointError, MissingError, UsageError
from glassformer.hub import store
from glassformer.train import recipes, run
from glassformer.train.tasks import begun, task_of
from tests.train import small

NAMES = list(small.RECIPES)


@pytest.fixture(autouse=True)
def often(monkeypatch, brief):
    monkeypatch.setattr(run, "SAVE_EVERY", 7)


@pytest.fixture(scope="module")
def straight(data, tmp_path_factory):
    """What comes of each where nothing stops it, when it is first asked for."""
    made = {}

    def of(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name)
            run.train(name, data, made[name])
        return made[name]

    return of


def weights(out):
    return (out / "seed-0" / "model.safetensors").read_bytes()


def started_with_its_pieces(straight, name, out):
    """Tiny texts have many ties, which the library breaks by chance."""
    if (pieces := straight(name) / "tokenizer.json").exists():
        shutil.copy(pieces, out)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_ends_with_a_model_and_its_card(straight, name):
    out = straight(name)
    checkpoint, card = store.load(out / "model"), store.card(out / "model")
    assert checkpoint.labels == () and type(checkpoint.model) is type(small.RECIPES[name].model(99))
    assert card.startswith(f"# {name}\n") and f"`glassformer train {name}" in card
    assert "24 steps" in card and not list(out.glob("*.unfinished*"))
    assert weights(out) == (out / "model" / "model.safetensors").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_the_curve_is_that_of_the_looks_and_stands_on_the_card(straight, name):
    measured = json.loads((straight(name) / "seed-0.json").read_text())
    assert [look["step"] for look in measured["curve"]] == [9, 18, 24]
    seconds = [look["seconds"] for look in measured["curve"]]
    assert seconds == sorted(seconds) and measured["seconds"] >= seconds[-1] - 0.1
    table = store.card(straight(name) / "model").split("## Curve")[1].split("```")[1]
    assert [int(line.split()[0]) for line in table.splitlines()[2:]] == [9, 18, 24]


@pytest.mark.parametrize("name", NAMES)
def test_a_stopped_run_goes_on_to_the_same_bits_and_the_same_curve(data, straight, tmp_path, capsys, name):
    started_with_its_pieces(straight, name, tmp_path)
    assert run.train(name, data, tmp_path, steps=10) is None
    said = capsys.readouterr().err
    assert f"go on with: glassformer train {name} --data {data} --out {tmp_path} --seeds 0" in said
    assert "step 9: loss" in said
    assert run.train(name, data, tmp_path, steps=20) is None
    assert run.train(name, data, tmp_path) == tmp_path / "model"
    assert weights(tmp_path) == weights(straight(name))
    curves = [json.loads((out / "seed-0.json").read_text())["curve"] for out in (tmp_path, straight(name))]
    told = [[{key: look[key] for key in look.keys() - {"seconds", "loss"}} for look in curve] for curve in curves]
    assert told[0] == told[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_run_goes_on_to_the_same_bits(data, straight, tmp_path, name):
    started_with_its_pieces(straight, name, tmp_path)
    command = [sys.executable, "-m", "tests.train.small", name, str(data), str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("*.unfinished.safetensors")) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.kill()
    process.wait()
    assert process.returncode == -signal.SIGKILL and not (tmp_path / "model").exists()
    run.train(name, data, tmp_path)
    assert weights(tmp_path) == weights(straight(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_of_a_step_is_a_pure_function_of_seed_and_step(data, tmp_path, name):
    def loss(step, seed=0):
        task = task_of(recipes.RECIPES[name], data, seed, tmp_path)
        state = begun(task)
        torch.manual_seed(step)
        return task.loss(state.model, step).item()

    assert loss(3) == loss(3) != loss(5)
    assert loss(3) != loss(3, seed=1)


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_falls(data, tmp_path, capsys, monkeypatch, name):
    longer = replace(small.RECIPES[name], steps=120, look=20, rate=1e-2)
    monkeypatch.setitem(recipes.RECIPES, name, longer)
    run.train(name, data, tmp_path)
    curve = json.loads((tmp_path / "seed-0.json").read_text())["curve"]
    assert curve[-1]["loss"] < 0.8 * curve[0]["loss"]


def test_more_seeds_leave_the_one_in_the_middle(tmp_path):
    run.train("reverse", None, tmp_path, (0, 1, 2))
    results = {seed: json.loads((tmp_path / f"seed-{seed}.json").read_text())["validation"] for seed in range(3)}
    card = store.card(tmp_path / "model")
    chosen = int(card.split("These weights: seed ")[1].split(",")[0])
    assert results[chosen] == sorted(results.values())[1]
    assert all(f"- seed {seed}: {score:.2f}" in card for seed, score in results.items())


@pytest.mark.parametrize("name", ["characters", "translate", "sentiment"])
def test_what_learns_from_data_asks_for_it(tmp_path, name):
    with pytest.raises(UsageError, match=f"{name} learns from data; give --data DIR"):
        run.train(name, None, tmp_path)
    with pytest.raises(MissingError, match=r"there is no .*jsonl\.gz; point --data"):
        run.train(name, tmp_path / "nowhere", tmp_path)


@pytest.mark.parametrize("name", ["translate", "tiny"])
def test_a_text_is_for_characters_alone(tmp_path, name):
    file = tmp_path / "mine.txt"
    file.write_text("text")
    with pytest.raises(UsageError, match=f"--text is for characters, {name} learns from data sets"):
        run.train(name, file, tmp_path)


def test_another_recipes_run_is_refused(data, tmp_path, monkeypatch):
    run.train("characters", data, tmp_path, steps=2)
    monkeypatch.setitem(recipes.RECIPES, "characters", replace(small.RECIPES["characters"], rate=0.5))
    with pytest.raises(UsageError, match=r"unfinished run of another kind \(rate 0\.002 there, 0\.5 here\)"):
        run.train("characters", data, tmp_path)


def test_a_broken_result_is_named(data, tmp_path):
    (tmp_path / "seed-0.json").write_text(json.dumps({"recipe": {}}))
    with pytest.raises(CheckpointError, match="delete it to train this seed again"):
        run.train("reverse", None, tmp_path)
