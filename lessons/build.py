"""Make notebooks and pages of the lessons, which are Python files, jupytext's py:percent.  What is made is not kept.

python lessons/build.py              lessons/notebooks/NN_name.ipynb, not run
python lessons/build.py --pages      the same, run, and lessons/pages/NN_name.html, with an index.html
python lessons/build.py --index      the table in lessons/README.md

NAME … after it: these lessons only, by the beginning of their names; --into FOLDER: elsewhere than here.
"""

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
LOOK = """<style>
.container { width: auto; max-width: 1300px }
.rendered_html p { max-width: 52em }
div.output_subarea { max-width: 100% }
div.output_text pre, div.input_area pre { white-space: pre; overflow-x: auto }
.rendered_html :is(th, td) { text-align: left }
</style>"""
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
HEAD = re.compile(
    r"# %% \[markdown\]\n# # (?P<number>\d+)\. (?P<title>.+)\n#\n"
    r"# Before: (?P<before>.+) · Minutes: (?P<minutes>\d+) · Exercises: (?P<exercises>.+)\n"
)


@dataclass(frozen=True)
class Lesson:
    """What the head of a lesson says.  minutes: to read and try it; exercises: names, as in `glassformer learn`."""

    path: Path
    number: int
    title: str
    before: str
    minutes: int
    exercises: tuple[str, ...]


def lessons() -> list[Lesson]:
    """In order.  Raises ValueError for a file without a head."""
    return [lesson(path) for path in sorted(HERE.glob("[0-9][0-9]_*.py"))]


def lesson(path: Path) -> Lesson:
    found = HEAD.match(path.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{path.name} does not begin with a title and 'Before: … · Minutes: … · Exercises: …'")
    exercises = tuple(found["exercises"].split(", "))
    return Lesson(path, int(found["number"]), found["title"], found["before"], int(found["minutes"]), exercises)


def notebook(path: Path):
    """A lesson as a notebook that has not been run."""
    import jupytext

    made = jupytext.read(path)
    made.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return made


def run(made, timeout: int = 600) -> None:
    """Run every cell of a notebook, and keep what it prints and draws.  Raises where a cell does."""
    from nbclient import NotebookClient

    NotebookClient(made, timeout=timeout, kernel_name=KERNEL["name"]).execute()


def page(made, title: str) -> str:
    """A notebook as one HTML page that fetches nothing: `x.show()` in it is the live picture."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="classic", exclude_input_prompt=True, exclude_output_prompt=True)
    exporter.mathjax_url = exporter.require_js_url = exporter.jquery_url = ""
    html = exporter.from_notebook_node(made, {"metadata": {"name": title}})[0]
    return html.replace("</head>", f"{LOOK}</head>", 1)


def onward(each: Lesson) -> str:
    """Links to the lessons before and after it, and to all, in Markdown."""
    beside = {other.number: other for other in lessons()}
    links = [("←", beside.get(each.number - 1)), ("→", beside.get(each.number + 1))]
    named = [f"[{arrow} {other.number}. {other.title}]({other.path.stem}.html)" for arrow, other in links if other]
    return " · ".join(["[Lessons](index.html)", *named])


def index() -> str:
    """The table of the lessons, in Markdown."""
    rows = [
        f"| {each.number} | [{each.title}]({each.path.name}) | {each.minutes} | {', '.join(each.exercises)} |"
        for each in lessons()
    ]
    return "\n".join(["| | lesson | minutes | exercises |", "|---|---|---|---|", *rows])


def write_index() -> None:
    readme = HERE / "README.md"
    text = readme.read_text(encoding="utf-8")
    placed = re.sub(r"(<!-- index -->\n).*?(\n<!-- end -->)", lambda m: m[1] + index() + m[2], text, flags=re.DOTALL)
    readme.write_text(placed, encoding="utf-8")


def write(each: Lesson, into: Path, pages: bool) -> None:
    import nbformat

    made = notebook(each.path)
    if pages:
        run(made)
    (into / "notebooks").mkdir(parents=True, exist_ok=True)
    nbformat.write(made, into / "notebooks" / f"{each.path.stem}.ipynb")
    if pages:
        made.cells.append(nbformat.v4.new_markdown_cell(onward(each)))
        (into / "pages").mkdir(parents=True, exist_ok=True)
        text = page(made, f"{each.number}. {each.title}")
        (into / "pages" / f"{each.path.stem}.html").write_text(text, encoding="utf-8")


def write_contents(into: Path) -> None:
    """The page that leads to the others: the README, its links made to lead to pages."""
    from nbformat.v4 import new_markdown_cell, new_notebook

    text = re.sub(r"\((\d\d_\w+)\.py\)", r"(\1.html)", (HERE / "README.md").read_text(encoding="utf-8"))
    contents = page(new_notebook(cells=[new_markdown_cell(text)]), "Lessons")
    (into / "pages" / "index.html").write_text(contents, encoding="utf-8")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("names", nargs="*", help="the beginnings of names, such as 03")
    asked.add_argument("--pages", action="store_true")
    asked.add_argument("--index", action="store_true")
    asked.add_argument("--into", type=Path, default=HERE)
    told = asked.parse_args()
    if told.index:
        return write_index()
    for each in lessons():
        if not told.names or each.path.name.startswith(tuple(told.names)):
            write(each, told.into, told.pages)
            print(each.path.stem)
    if told.pages:
        write_contents(told.into)


if __name__ == "__main__":
    main()
