"""Take docs/page-*.png, the README's pictures of the page: what a browser shows of a file that `--html` wrote.

python docs/screenshots.py [FOLDER]      (needs playwright and a chromium; without FOLDER they go beside this script)
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from glassformer.cli import app

SENTENCE = "this restaurant was not terrible"
WIDE, PHONE = (1280, 900), (390, 844)
SHOTS: dict[str, dict[str, Any]] = {  # name → how the page is opened, and the keys pressed then
    "light": {"hash": "#at=L0.H3.weights[4,3]"},
    "dark": {"hash": "#at=L0.H3.weights[4,3]", "color_scheme": "dark", "scroll": "gf-sheet"},
    "steps": {"hash": f"#text={SENTENCE.replace(' ', '+')}&model=tiny&view=steps&step=4", "keys": [" "]},
    "phone": {"hash": "", "size": PHONE},
    "present": {"hash": "#at=L0.H3.weights[4,3]", "keys": ["P"], "size": (1920, 1080)},
    "forced": {"hash": "#at=L0.H3.weights[4,3]", "forced_colors": "active"},
}
IN_THE_README = ("light", "dark", "steps", "phone")


def main(folder: Path, names: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory() as place, sync_playwright() as play:
        file = Path(place) / "page.html"
        app(["explain", SENTENCE, "--html", str(file)], result_action="return_value")
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name in names:
            shoot(browser, file, folder / f"page-{name}.png", **SHOTS[name])
        browser.close()


def shoot(browser, file: Path, target: Path, *, hash: str, keys=(), size=WIDE, scroll: str = "", **media) -> None:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **media)
    page = context.new_page()
    page.goto(f"{file.as_uri()}{hash}")
    page.locator("main canvas, main svg, main h2").first.wait_for()
    page.wait_for_timeout(800)  # what is measured in the meantime is drawn too
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(400)
    if scroll:
        page.locator(scroll).first.scroll_into_view_if_needed()
    page.screenshot(path=target)
    context.close()
    Image.open(target).convert("RGB").quantize(128).save(target, optimize=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]), tuple(SHOTS))
    else:
        main(Path(__file__).parent, IN_THE_README)
