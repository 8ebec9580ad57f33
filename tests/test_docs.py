"""Every code block in the README and in the package's docstring runs, as it stands."""

import html
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import glassformer
from glassformer.show.text import signed

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
NOT_HERE = ("pip install", "glassformer train")  # run by .ci/run itself, and by tests/train on small data


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


COMMANDS = [line for block in blocks("bash") for line in block.splitlines() if not any(w in line for w in NOT_HERE)]


@pytest.mark.parametrize("command", COMMANDS)
def test_command(command, tmp_path):
    ran = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": f"{sysconfig.get_path('scripts')}:/usr/bin:/bin", "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"},
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() and not ran.stderr


@pytest.mark.parametrize("code", blocks("python"))
def test_python(code, capsys):
    exec(compile(code, "README.md", "exec"), {})
    assert "terrible uses not" in capsys.readouterr().out


def test_the_package_docstring(capsys):
    assert glassformer.__doc__ is not None
    code = "\n".join(line[4:] for line in glassformer.__doc__.splitlines() if line.startswith("    "))
    exec(compile(code, "glassformer.__doc__", "exec"), {})
    assert capsys.readouterr().out


def test_the_readme_table_is_what_the_cards_say():
    ran = subprocess.run([sys.executable, ROOT / "docs" / "figures.py"], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() in README, "put the output of `python docs/figures.py` into the README"


def test_the_reading_list_names_files_that_exist():
    text = (ROOT / "READING.md").read_text(encoding="utf-8")
    paths = re.findall(r"\]\(([^)]+)\)", text)
    assert len(paths) > 10
    assert all((ROOT / path).exists() for path in paths)


def test_no_file_names_this_machine():
    """No path of a machine and no host of a registry stands in a committed file."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    words = ("/work" + "/main", "index" + "-url", "find" + "-links")
    for name in filter(None, tracked.stdout.split("\0")):
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".json", ".txt", ".yml", ""} and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            assert not any(word in text for word in words), name


@pytest.mark.parametrize("tool", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["pyrefly", "check"]])
def test_tool(tool):
    """Lint, format and types: decision 4."""
    ran = subprocess.run([sys.executable, "-m", *tool], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]


def test_the_picture_is_of_the_models_that_ship():
    told = glassformer.load("sentiment").explain("this restaurant was not terrible").story.told
    drawn = html.unescape((ROOT / "docs" / "explain.svg").read_text(encoding="utf-8")).replace("\xa0", " ")
    assert told is not None
    assert f"{signed(told.before)} → {signed(told.after)}" in drawn, "run `python docs/picture.py`"


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("*/*.md")), ids=lambda path: path.name)
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert all((page.parent / link).exists() for link in links if "://" not in link)
