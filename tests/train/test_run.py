"""A run that was stopped, killed or interrupted goes on to the same bits; files of another kind are refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
import safetensors.torch
import torch

from glassformer.errors import CheckpointError, MissingError, UsageError
from glassformer.hub import store
from glassformer.train import recipes, run
from glassformer.train.material import gather
from glassformer.train.task import Outcome
from glassformer.train.tasks import task_of
from tests.train import brief, made
from tests.train import small as writing


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


# of the run itself, with the first lesson in small


@pytest.fixture
def reverse(monkeypatch):
    monkeypatch.setitem(recipes.RECIPES, "reverse", writing.RECIPES["reverse"])
    monkeypatch.setattr("glassformer.train.reverse.ASKED", 30)
    return writing.RECIPES["reverse"]


def finished(recipe, out, seed, validation):
    """A seed with weights of its own."""
    torch.manual_seed(seed)
    task = task_of(recipe, None, seed, out)
    store.save(out / f"seed-{seed}", recipe.model(task.pieces), task.definition, f"# {seed}\n", ())
    return Outcome(recipe.facts(), seed, 24, 1.0, 9, validation, FIGURES, [], [])


FIGURES = dict.fromkeys(("of", "right", "digits right", "evenly", "turned", "turned by the control"), 1)


@pytest.mark.parametrize(
    ("scores", "middle"),
    [([7.0], 0), ([2.0, 1.0], 1), ([3.0, 9.0, 5.0], 2), ([5.0, 1.0, 3.0, 3.0], 2), ([4.0, 4.0, 4.0], 1)],
)
def test_the_lower_of_two_in_the_middle_is_kept_and_of_equals_the_lower_seed_first(reverse, tmp_path, scores, middle):
    results = [finished(reverse, tmp_path, seed, score) for seed, score in enumerate(scores)]
    model = run.publish(reverse, None, tmp_path, results)
    assert f"These weights: seed {middle}" in store.card(model)
    kept, chosen = (tmp_path / name / "model.safetensors" for name in ("model", f"seed-{middle}"))
    assert kept.read_bytes() == chosen.read_bytes()


def test_the_loss_of_a_look_is_the_mean_since_the_look_before(reverse, tmp_path, monkeypatch):
    losses, steps_of = [], run.steps_of

    def heard(*given):
        for step in steps_of(*given):
            losses.append(step.loss)
            yield step

    monkeypatch.setattr(run, "steps_of", heard)
    run.train("reverse", None, tmp_path)
    curve = json.loads((tmp_path / "seed-0.json").read_text())["curve"]
    assert [look["loss"] for look in curve] == pytest.approx([sum(losses[a:b]) / (b - a) for a, b in LOOKS])


LOOKS = [(0, 9), (9, 18), (18, 24)]


def test_ctrl_c_in_a_step_finishes_and_saves_it(reverse, tmp_path, monkeypatch, capsys):
    steps_of = run.steps_of

    def interrupted(*given):
        for step in steps_of(*given):
            if step.number == 5:
                signal.raise_signal(signal.SIGINT)
            yield step

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(run, "steps_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.train("reverse", None, tmp_path, (0, 1))
    said = capsys.readouterr().err
    assert "finishing this step; Ctrl-C again stops at once" in said
    assert f"go on with: glassformer train reverse --out {tmp_path} --seeds 0,1\n" in said
    with safetensors.safe_open(tmp_path / "seed-0.unfinished.safetensors", "pt") as file:
        assert file.metadata()["step"] == "5"
    assert signal.getsignal(signal.SIGINT) is before and not (tmp_path / "seed-1.unfinished.safetensors").exists()


def test_the_second_ctrl_c_stops_at_once_and_afterwards_all_is_as_before():
    before = signal.getsignal(signal.SIGINT)
    with run._interrupt() as seen:
        assert not seen
    assert signal.getsignal(signal.SIGINT) is before
    with run._interrupt() as seen:
        signal.raise_signal(signal.SIGINT)
        assert seen
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_beside_the_main_thread_a_run_leaves_signals_alone(reverse, tmp_path):
    found, before = [], signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=lambda: found.append(run.train("reverse", None, tmp_path, steps=2)))
    thread.start()
    thread.join()
    assert found == [None] and signal.getsignal(signal.SIGINT) is before
    assert (tmp_path / "seed-0.unfinished.safetensors").exists()


def test_the_threads_are_the_recipes_and_afterwards_as_before(reverse, tmp_path, monkeypatch):
    seen, begun = [], run.begun
    monkeypatch.setitem(recipes.RECIPES, "reverse", replace(reverse, threads=2))
    monkeypatch.setattr(run, "begun", lambda task: (seen.append(torch.get_num_threads()), begun(task))[1])
    run.train("reverse", None, tmp_path, steps=1)
    assert seen == [2] and torch.get_num_threads() == 1
