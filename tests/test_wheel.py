"""The wheel, and nothing else: built, unpacked far from the checkout, and doing its work offline with no home."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import glassformer as gf
from tests import made

ROOT = Path(__file__).parents[1]
OFFLINE = """
import sys
import pytest_socket
pytest_socket.disable_socket()
import glassformer
assert glassformer.__file__.startswith(sys.argv[1]), glassformer.__file__
from glassformer.cli import main
sys.argv = ["glassformer", *sys.argv[2:]]
main()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, so that a build leaves nothing behind and two at once do not meet."""
    place = tmp_path_factory.mktemp("wheel")
    keep = ("src", "README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml")
    for name in keep:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, place / name)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", place / "out", place]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = (place / "out").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def unpacked(wheel, tmp_path_factory):
    target = tmp_path_factory.mktemp("unpacked")
    zipfile.ZipFile(wheel).extractall(target)
    return target


def ran(unpacked, *arguments, stdin=b""):
    """The command of the wheel, with no home and no network: what is left of it when it has ended well."""
    env = {
        "PYTHONPATH": str(unpacked),
        "HOME": "/nowhere",
        "OMP_NUM_THREADS": "1",
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
    }
    asked = [sys.executable, "-P", "-c", OFFLINE, str(unpacked), *arguments]
    done = subprocess.run(asked, input=stdin, capture_output=True, env=env, cwd="/", check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done


def work(unpacked, *arguments, stdin=b""):
    done = ran(unpacked, *arguments, stdin=stdin)
    assert not done.stderr, done.stderr.decode()
    return done.stdout.decode()


def test_it_holds_what_is_needed_and_no_more(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    inside = {name for name in names if name.startswith("glassformer/")}
    for model in gf.shipped():
        for file in ("config.json", "model.safetensors", "tokenizer.json", "CARD.md", "manifest.json"):
            assert f"glassformer/shipped/{model}/{file}" in inside
    assert "glassformer/py.typed" in inside
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    page = Path("src/glassformer/show/page")
    assets = {str(path.relative_to(ROOT / "src")) for path in (ROOT / page).rglob("*.*") if path.is_file()}
    assert assets <= inside and len(assets) > 40 and "glassformer/show/page/index.html" in assets
    allowed = (".py", "py.typed", ".json", ".safetensors", ".md", ".txt")
    inside -= {name for name in assets if name.endswith((".html", ".css", ".js"))}
    assert not [name for name in inside if not name.endswith(allowed)], "data sets, caches or notes have no place in it"
    assert not [name for name in names if name.startswith(("tests/", "bench/")) or ".jsonl" in name]
    assert wheel.stat().st_size < 16_000_000


def test_every_module_of_the_checkout_is_in_it(wheel):
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")}
    assert inside == {str(path.relative_to(ROOT / "src")) for path in (ROOT / "src" / "glassformer").rglob("*.py")}


def test_it_explains_offline_with_no_home(unpacked):
    out = work(unpacked, "explain", made.SENTENCE)
    assert "Who told whom" in out and "sentiment" in out


def test_it_answers_lines_and_says_where_it_is(unpacked):
    assert work(unpacked, "classify", stdin=b"this restaurant was terrible\n").startswith("negative\t")
    assert "whole, sha256 as saved" in work(unpacked, "info")


def test_it_teaches_offline_with_no_home(unpacked, tmp_path):
    """Exercises and solutions are in it: they are copied, and an empty one is checked."""
    work(unpacked, "learn", "start", str(tmp_path))
    assert "softmax(q·kᵀ / √d) · v" in work(unpacked, "learn")
    assert "def attention" in work(unpacked, "learn", "solution", "attention", "--anyway")
    asked = [sys.executable, "-P", "-c", "from glassformer.cli import main; main()", "check", "--folder", str(tmp_path)]
    env = {"PYTHONPATH": str(unpacked), "HOME": "/nowhere", "PATH": os.defpath, "LANG": "C.UTF-8"}
    done = subprocess.run(asked, capture_output=True, env=env, cwd="/", check=False)
    assert done.returncode == 1 and "not written yet" in done.stdout.decode(), done.stderr.decode()


def test_it_makes_a_page_offline_with_no_home(unpacked, tmp_path):
    file = tmp_path / "page.html"
    ran(unpacked, "explain", made.SENTENCE, "--html", str(file))
    assert file.read_bytes().startswith(b"<!doctype html>") and 100_000 < file.stat().st_size < 1_000_000


def test_versions_agree(wheel):
    assert wheel.name.split("-")[1] == gf.__version__ == importlib.metadata.version("glassformer")
