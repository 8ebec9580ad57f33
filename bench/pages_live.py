"""The live page: from Enter on a sentence nobody has asked about to everything that is measured of it, on the screen.

    python bench/pages_live.py --model DIR [--sentences 16] [--warm 3]

`glassformer open` serves DIR; a headless Chromium on the same cores types one new sentence after the other and presses
Enter.  A sentence has eleven pieces where its words are whole in the vocabulary, as in BERT's.
Of each, by the page's own clock, seconds from the key:

picture     until the last change of the page that the first answer makes: words, every edge, head and MLP, path, card
cells       until each cell of the head in view, cut for real, is drawn
model       the share of the server's answer in it, from the request to its last byte
rest        until nothing more comes: other baselines, sentences alike
"""

import argparse
import itertools
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

FIRST = "this restaurant was not terrible"
WHO = "waiter cook driver teacher doctor singer".split()
WHAT = "food music story service room garden".split()
HOW = "terrible good bad boring great perfect".split()
SIZE = {"width": 1280, "height": 900}
QUIET = 2.5  # seconds without a change and a request
MARKS = """
window.marks = [];
const mark = (name, more) => window.marks.push({ name, at: performance.now(), ...more });
addEventListener("keydown", (event) => event.key === "Enter" && mark("enter"), true);
const all = { subtree: true, childList: true, attributes: true, characterData: true };
new MutationObserver(() => mark("change")).observe(document, all);
const clear = CanvasRenderingContext2D.prototype.clearRect;
CanvasRenderingContext2D.prototype.clearRect = function (...box) {
  mark("change");
  return clear.apply(this, box);
};
const asked = window.fetch;
window.fetch = async (...given) => {
  const name = String(given[0]).split("/").at(-1);
  mark("ask", { of: name });
  const answer = await asked(...given);
  const bytes = answer.arrayBuffer.bind(answer);
  answer.arrayBuffer = async () => {
    const whole = await bytes();
    mark("answer", { of: name });
    return whole;
  };
  return answer;
};
"""


def sentences():
    """Nine words, each a piece of a BERT's vocabulary: with [CLS] and [SEP] eleven."""
    for who, what, how in itertools.product(WHO, WHAT, HOW):
        yield f"the {who} said that this {what} was not {how}"


def one(page, text: str) -> dict[str, float]:
    """Type it, press Enter, wait until nothing comes any more."""
    field = page.locator("gf-sentence input[name=text]")
    field.fill(text)
    page.wait_for_timeout(200)
    page.evaluate("window.marks.length = 0")
    field.press("Enter")
    page.wait_for_timeout(1000 * QUIET)
    while (page.evaluate("performance.now() - (window.marks.at(-1)?.at ?? 0)")) < 1000 * QUIET:
        page.wait_for_timeout(200)
    marks = page.evaluate("window.marks")
    pieces = page.evaluate("document.querySelectorAll('gf-sheet').length")
    assert pieces, "no head is shown"
    return told(marks)


def told(marks: list[dict]) -> dict[str, float]:
    """What lies between the marks, in seconds from the key."""
    start = next(each["at"] for each in marks if each["name"] == "enter")
    answers = {each["of"]: each["at"] for each in reversed(marks) if each["name"] == "answer"}
    asks = {each["of"]: each["at"] for each in reversed(marks) if each["name"] == "ask"}
    changes = [each["at"] for each in marks if each["name"] == "change"]
    later = sorted(at for name, at in answers.items() if at > answers["picture"])
    first = max(at for at in changes if at < next(iter(later), float("inf")))
    cells = first
    if "head" in answers:
        after = [at for at in later if at > answers["head"]]
        cells = max(at for at in changes if at < next(iter(after), float("inf")))
    seconds = {"picture": first, "cells": cells, "rest": changes[-1]}
    found = {name: (at - start) / 1000 for name, at in seconds.items()}
    return {**found, "model": (answers["picture"] - asks["picture"]) / 1000}


def served(model: str):
    """`glassformer open`, and the address it prints."""
    command = [Path(sys.executable).with_name("glassformer"), "open", FIRST, "--model", model, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    return process, re.search(r"http://\S+", process.stdout.readline())[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder of a BERT in the Hugging Face format")
    parser.add_argument("--sentences", type=int, default=16)
    parser.add_argument("--warm", type=int, default=3, help="sentences before those that count")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    process, url = served(options.model)
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
            page = browser.new_context(viewport=SIZE).new_page()
            page.add_init_script(MARKS)
            page.goto(url)
            page.wait_for_selector("html[data-ready]")
            time.sleep(QUIET)
            texts = list(itertools.islice(sentences(), 0, None, 7))[: options.warm + options.sentences]
            rows = [one(page, text) for text in texts][options.warm :]
            browser.close()
    finally:
        process.kill()
    print(f"{len(rows)} new sentences, seconds from Enter: median (least to most)")
    for name in ("picture", "cells", "rest", "model"):
        each = [row[name] for row in rows]
        print(f"{name:8}  {statistics.median(each):.3f}  ({min(each):.3f} to {max(each):.3f})")


if __name__ == "__main__":
    main()
