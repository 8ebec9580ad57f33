"""A run that was stopped, killed or interrupted goes on to the same bits; files of another kind are refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import safetensors.torch
import torch

from glassformer.errors import CheckpointError, MissingError, UsageError
from glassformer.hub import store
from glassformer.train import recipes, run
from glassformer.train.material import gather
from tests.train import brief, made


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return made.folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setitem(recipes.RECIPES, "brief", brief.BRIEF)
    monkeypatch.setattr("glassformer.train.material.VOCABULARY", 400)
    monkeypatch.setattr(run, "SAVE_EVERY", 7)
    monkeypatch.setattr("glassformer.train.evaluate.HELD", 12)


@pytest.fixture(scope="module")
def straight(data, tmp_path_factory):
    """The weights of a run that nothing stopped."""
    out = tmp_path_factory.mktemp("straight")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipes.RECIPES, "brief", brief.BRIEF)
        patch.setattr("glassformer.train.material.VOCABULARY", 400)
        patch.setattr("glassformer.train.evaluate.HELD", 12)
        run.train("brief", data, out)
    return out


def weights(out):
    return (out / "seed-0" / "model.safetensors").read_bytes()


def test_a_run_ends_with_a_model_its_card_and_no_unfinished_state(straight):
    card = store.card(straight / "model")
    assert card.startswith("# brief")
    assert "| **sst2/validation** | 80 |" in card
    assert "held-out constructions" in card
    assert sorted(p.name for p in straight.iterdir()) == ["model", "seed-0", "seed-0.json", "tokenizer.json"]


def test_a_stopped_run_goes_on_to_the_same_bits(data, straight, tmp_path, capsys):
    shutil.copy(straight / "tokenizer.json", tmp_path)
    assert run.train("brief", data, tmp_path, steps=9) is None
    assert "go on with: glassformer train brief --data" in capsys.readouterr().err
    assert run.train("brief", data, tmp_path, steps=20) is None
    assert run.train("brief", data, tmp_path) == tmp_path / "model"
    assert weights(tmp_path) == weights(straight)


def start(data, out):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.train.brief", str(data), str(out)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


def wait_for(path, process):
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.002)
    assert path.exists()


def test_a_killed_run_goes_on_to_the_same_bits(data, straight, tmp_path):
    shutil.copy(straight / "tokenizer.json", tmp_path)  # tiny texts have many ties, which the library breaks by chance
    process = start(data, tmp_path)
    wait_for(tmp_path / "seed-0.unfinished.safetensors", process)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "model").exists()
    run.train("brief", data, tmp_path)
    assert weights(tmp_path) == weights(straight)


def test_ctrl_c_finishes_the_step_saves_and_says_how_to_go_on(data, straight, tmp_path):
    shutil.copy(straight / "tokenizer.json", tmp_path)  # tiny texts have many ties, which the library breaks by chance
    process = start(data, tmp_path)
    wait_for(tmp_path / "seed-0.unfinished.safetensors", process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert "finishing this step" in said
    assert f"go on with: glassformer train brief --data {data} --out {tmp_path} --seeds 0" in said
    run.train("brief", data, tmp_path)
    assert weights(tmp_path) == weights(straight)


def test_a_finished_seed_is_not_trained_again(data, straight):
    before = (straight / "seed-0.json").stat().st_mtime_ns
    run.train("brief", data, straight)
    assert (straight / "seed-0.json").stat().st_mtime_ns == before


def test_an_unfinished_run_of_another_recipe_is_refused(data, tmp_path, monkeypatch):
    run.train("brief", data, tmp_path, steps=2)
    monkeypatch.setitem(recipes.RECIPES, "brief", replace(brief.BRIEF, rate=0.5))
    with pytest.raises(
        UsageError, match=r"unfinished run of another kind \(rate 0\.\d+ there, 0\.5 here\); choose another --out"
    ):
        run.train("brief", data, tmp_path)


def test_a_finished_run_of_another_recipe_is_refused(data, straight, monkeypatch):
    monkeypatch.setitem(recipes.RECIPES, "brief", replace(brief.BRIEF, rate=0.5))
    with pytest.raises(CheckpointError, match=r"belongs to another recipe \(rate 0\.\d+ there, 0\.5 here\)"):
        run.train("brief", data, straight)


@pytest.mark.parametrize("content", [b"", b"not safetensors", safetensors.torch.save({"a": torch.zeros(1)})[:-2]])
def test_a_broken_unfinished_run_is_named(data, tmp_path, content):
    (tmp_path / "seed-0.unfinished.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match="delete it to start again"):
        run.train("brief", data, tmp_path)


def test_a_broken_result_is_named(data, tmp_path):
    (tmp_path / "seed-0.json").write_text(json.dumps({"scores": 1}))
    with pytest.raises(CheckpointError, match="delete it to train this seed again"):
        run.train("brief", data, tmp_path)


def test_missing_data_and_an_unknown_name_are_errors(tmp_path):
    with pytest.raises(MissingError, match="point --data"):
        run.train("brief", tmp_path / "nowhere", tmp_path)
    with pytest.raises(UsageError, match="no recipe 'sentimant'; did you mean sentiment"):
        run.train("sentimant", tmp_path, tmp_path)


def test_other_sizes_make_another_model_which_reads_as_far_as_it_can(data, tmp_path, monkeypatch):
    sizes = {"width": 8, "heads": 2, "layers": 1, "hidden": 16, "length": 32}  # some sentences are longer
    narrow = replace(brief.BRIEF, lesson=0, **sizes)
    monkeypatch.setitem(recipes.RECIPES, "brief", narrow)
    model = run.train("brief", data, tmp_path)
    assert model is not None
    config = json.loads((model / "config.json").read_text())
    assert {name: config[name] for name in sizes} == sizes
    pieces = store.load(model).model.get_submodule("embed.pieces").get_parameter("weight")
    assert pieces.shape == (config["vocabulary"], 8)
    assert max(map(len, gather(data, narrow, 0, tmp_path / "tokenizer.json").rows)) == 32


def test_nobody_elses_random_numbers_move(data, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run.train("brief", data, tmp_path, steps=2)
    assert torch.equal(torch.rand(3), expected)


def test_the_middle_of_three_seeds_ships(data, tmp_path):
    run.train("brief", data, tmp_path, (0, 1, 2))
    results = [run.Run(brief.BRIEF, data, tmp_path, seed).result() for seed in (0, 1, 2)]
    middle = sorted(result.validation for result in results)[1]
    card = store.card(tmp_path / "model")
    chosen = int(card.split("These weights: seed ")[1].split(",")[0])
    assert results[chosen].validation == middle
    assert all(f"seed {seed}" in card for seed in (0, 1, 2))
