"""The page in a notebook: an iframe under a megabyte that JupyterLab and nbconvert draw, and that reaches nothing."""

import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from glassformer.show import notebook
from tests import made
from tests.show.page import modules
from tests.show.pictures import minilm, picture
from tests.show.test_page import HOSTILE, Read

CODE = "import glassformer as gf\nx = gf.load('bag-of-words').explain('this restaurant was not terrible')\nx"
TERMINAL = "x.show(width=80)"


def inside(frame):
    """The document that a browser reads out of the attribute."""
    (found,) = Read(frame).all("iframe")
    return found[1]


def test_it_is_one_iframe_without_an_origin():
    attributes = inside(notebook.frame([picture()], HOSTILE))
    assert attributes["title"] == HOSTILE
    assert "allow-scripts" in attributes["sandbox"] and "same-origin" not in attributes["sandbox"]
    document = Read(attributes["srcdoc"])
    assert document.all("title")[0][2] == HOSTILE and len(document.all("script", **{"data-what": "picture"})) == 1


@pytest.mark.parametrize("pieces", [11, 128])
def test_it_stays_under_a_megabyte(pieces):
    assert 500_000 < len(notebook.frame([minilm(pieces)]).encode()) < 1_000_000


def test_an_explanation_has_it_and_a_terminal_gets_the_story(capsys):
    x = made.reader().explain(made.SENTENCE)
    assert "made" in inside(x._repr_html_())["title"]
    assert not notebook.in_a_notebook()
    x.show(width=80)
    assert "Who told whom" in capsys.readouterr().out


@pytest.fixture
def lived(tmp_path):
    """A notebook that nbconvert has run, as a file and as HTML."""
    import nbconvert  # here: it takes a second, and each worker reads this file

    write(tmp_path, CODE, TERMINAL, "x.show()")
    run = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", "lesson.ipynb"]
    subprocess.run(run, cwd=tmp_path, env=at_home(tmp_path), check=True, capture_output=True, timeout=200)
    page, _ = nbconvert.HTMLExporter().from_filename(str(tmp_path / "lesson.ipynb"))
    (tmp_path / "lesson.html").write_text(page, encoding="utf-8")
    return tmp_path


def write(folder, *codes):
    cells = [nbformat.v4.new_code_cell(code) for code in codes]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "lesson.ipynb")


def at_home(folder: Path) -> dict[str, str]:
    """Jupyter with nothing of this machine's settings."""
    named = {
        name: str(folder / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR", "HOME")
    }
    return (
        os.environ
        | named
        | {"JUPYTER_PLATFORM_DIRS": "1", "OMP_NUM_THREADS": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    )


def test_a_kernel_gives_the_page_and_asked_for_a_width_the_story_and_nbconvert_draws_them(lived):
    shown, story, also = nbformat.read(lived / "lesson.ipynb", 4).cells
    assert shown.outputs[0].data["text/html"].startswith("<iframe")
    said = "".join(each.data["text/plain"] for each in story.outputs)  # rich draws it as HTML too
    assert "terrible" in said and "<iframe" not in said
    assert also.outputs[0].data["text/html"].startswith("<iframe")
    with modules_page(block=True) as (tab, asked):
        tab.goto((lived / "lesson.html").as_uri())
        drawn(tab)
    assert not [url for url in asked if "glassformer" in url]


def drawn(tab):
    """The page inside the frame has read its picture and shows the answer."""
    frame = tab.locator("iframe").first.content_frame
    frame.locator("html[data-ready]").wait_for(timeout=90_000)
    assert "terrible" in frame.locator("gf-sentence").inner_text()
    assert frame.locator("gf-ladder, gf-told").first.is_visible()


class modules_page:
    """A tab in which only this machine can be reached, and where requests are counted."""

    def __init__(self, block=False):
        self.block = block

    def __enter__(self):
        self.context = modules.browser().new_context()
        asked = []
        self.context.route("**/*", lambda route: (route.continue_ if self._here(route.request.url) else route.abort)())
        tab = self.context.new_page()
        tab.on("request", lambda request: asked.append(request.url))
        return tab, asked

    def _here(self, url):
        return url.startswith("file:") or (
            not self.block and url.startswith(("http://127.0.0.1:", "http://localhost:"))
        )

    def __exit__(self, *_):
        self.context.close()


@pytest.fixture
def lab(tmp_path):
    """JupyterLab with a notebook that was not run, headless: its address with a token."""
    write(tmp_path, CODE)
    token, env = secrets.token_hex(8), at_home(tmp_path)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--IdentityProvider.token={token}"]
    command += [
        "--ServerApp.port=0",
        "--ip=127.0.0.1",
        "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        yield address(process), token
    finally:
        process.terminate()
        process.communicate(timeout=20)


def address(process):
    """What it prints, once it listens."""
    for line in process.stderr:
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            return found[0]
    raise AssertionError("JupyterLab did not start")


def test_jupyterlab_draws_it(lab):
    url, token = lab
    with modules_page() as (tab, _):
        tab.goto(f"{url}/lab/tree/lesson.ipynb?token={token}&reset")
        tab.wait_for_selector(".jp-Notebook", timeout=60_000)
        tab.get_by_text("| Idle").wait_for(timeout=60_000)  # before that there is no kernel to run a cell
        tab.get_by_role("menuitem", name="Run", exact=True).click()
        tab.get_by_text("Run All Cells", exact=True).first.click()
        drawn(tab)
