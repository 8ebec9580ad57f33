"""The page beside what people use to look at attention: bertviz, and TransformerLens with circuitsvis.

    python bench/pages.py --model DIR --peers PEERS/bin/python --scripts DIR [--tokens 11,128] [--rounds 3]

Every tool makes one HTML file of the same text through the same checkpoint, in a process of its own, in turns; a fresh
headless Chromium opens each file, once without any network and once with the three scripts that bertviz asks a CDN for.

make        seconds from starting Python to the file on disk: imports, weights, forward pass, markup
picture     seconds from opening the file to the last change of the page (none for half a second), by its own clock
bytes       of the file
nodes       elements in the page then
offline     whether the same is drawn when nothing can be fetched: as many elements, and more than one tone
requests    how many were made

PEERS is the Python of an environment with bertviz, transformer-lens, circuitsvis and ipython; DIR holds require.js,
d3.js and jquery.js (npm: requirejs@2.3.6, d3@5, jquery@2), which a machine with internet would fetch.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORDS = "the waiter said that this restaurant was not terrible and the food came to our table while it was warm".split()
SETTLED = 0.5  # seconds without a change
LONGEST = 180  # seconds that a page may take
SIZE = {"width": 1280, "height": 900}
TIMES = """
window.__last = 0;
new MutationObserver(() => { window.__last = performance.now(); })
  .observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
"""


def text_of(pieces: int) -> str:
    """A text that a BERT cuts into so many pieces, [CLS] and [SEP] among them: each word here is one piece."""
    return " ".join((WORDS * (1 + pieces // len(WORDS)))[: pieces - 2])


# making: each runs in the Python that has the tool


def make_glassformer(model: str, text: str, file: str) -> None:
    from glassformer.cli import main

    sys.argv = ["glassformer", "explain", text, "--model", model, "--html", file]
    main()


def _attention(model: str, text: str):
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(model)
    bert = AutoModel.from_pretrained(model, attn_implementation="eager").eval()
    inputs = tokens(text, return_tensors="pt")
    with torch.no_grad():
        output = bert(**inputs, output_attentions=True)
    return output.attentions, tokens.convert_ids_to_tokens(inputs["input_ids"][0])


def make_bertviz(model: str, text: str, file: str) -> None:
    from bertviz import model_view

    attention, names = _attention(model, text)
    page = model_view(attention, names, html_action="return")
    Path(file).write_text(f"<!doctype html><meta charset=utf-8><body>{page.data}</body>")


def make_bertviz_head(model: str, text: str, file: str) -> None:
    from bertviz import head_view

    attention, names = _attention(model, text)
    page = head_view(attention, names, html_action="return")
    Path(file).write_text(f"<!doctype html><meta charset=utf-8><body>{page.data}</body>")


def make_circuitsvis(model: str, text: str, file: str) -> None:
    import torch
    from circuitsvis.attention import attention_heads
    from transformer_lens.model_bridge import TransformerBridge

    bridge = TransformerBridge.boot_transformers(model)
    from transformers import AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(model)
    ids = tokens(text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        _, cache = bridge.run_with_cache(ids)
    layers = [cache[f"blocks.{k}.attn.hook_pattern"][0] for k in range(bridge.cfg.n_layers)]
    page = attention_heads(torch.cat(layers), tokens.convert_ids_to_tokens(ids[0]))
    Path(file).write_text(f"<!doctype html><meta charset=utf-8><body>{page.local_src}</body>")


MAKERS = {
    "glassformer": make_glassformer,
    "bertviz model_view": make_bertviz,
    "bertviz head_view": make_bertviz_head,
    "TransformerLens + circuitsvis": make_circuitsvis,
}


# opening


def opened(browser, file: Path, scripts: dict[str, bytes]) -> dict[str, float | bool]:
    """What happens when `file` is opened; `scripts` are what a network would bring, by a part of their names."""
    page = browser.new_context(viewport=SIZE).new_page()
    page.set_default_timeout(1000 * LONGEST)
    asked: list[str] = []

    def answer(route) -> None:
        url = route.request.url
        if url.startswith(("file:", "data:", "blob:")):
            return route.continue_()
        asked.append(url)
        known = next((body for name, body in scripts.items() if name in url), None)
        return route.abort() if known is None else route.fulfill(body=known, content_type="text/javascript")

    page.route("**/*", answer)
    page.add_init_script(TIMES)
    page.goto(file.as_uri())
    last = _settled(page)
    nodes = page.evaluate("document.querySelectorAll('*').length")
    drawn = _tones(page.screenshot()) > 2
    page.context.close()
    return {"picture": last, "nodes": nodes, "drawn": drawn, "requests": len(asked)}


def _settled(page) -> float:
    """Seconds from opening to the last change, once there has been none for a while and no script is busy."""
    started = time.monotonic()
    while time.monotonic() - started < LONGEST:
        last, now = page.evaluate("[window.__last, performance.now()]")
        if now - last > 1000 * SETTLED:
            return last / 1000
        time.sleep(0.05)
    return float("inf")


def _tones(png: bytes) -> int:
    """How many colours a screenshot has, of a thousand pixels."""
    import io

    from PIL import Image

    image = Image.open(io.BytesIO(png)).convert("RGB").resize((64, 45))
    return len(image.getcolors(64 * 45))


# both, in turns


def one_turn(name: str, options: argparse.Namespace, pieces: int, folder: Path, browser) -> dict[str, float | bool]:
    file = folder / f"{name.replace(' ', '-')}-{pieces}.html"
    python = sys.executable if name == "glassformer" else options.peers
    started = time.monotonic()
    command = [python, __file__, "--make", name, "--model", options.model, "--tokens", str(pieces), "--file", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    made = time.monotonic() - started
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip().splitlines()[-1]}")
    scripts = {
        name: (Path(options.scripts) / f"{name}.js").read_bytes()
        for name in ("require", "d3", "jquery")
        if options.scripts
    }
    alone, helped = opened(browser, file, {}), opened(browser, file, scripts)
    return {
        "make": made,
        "picture": helped["picture"],
        "bytes": file.stat().st_size,
        "nodes": helped["nodes"],
        "offline": alone["drawn"] and alone["nodes"] > 0.9 * helped["nodes"],
        "requests": helped["requests"],
    }


def table(options: argparse.Namespace) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play, tempfile.TemporaryDirectory() as folder:
        browser = play.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        for pieces in map(int, options.tokens.split(",")):
            turns: dict[str, list[dict]] = {name: [] for name in MAKERS}
            for _ in range(options.rounds):
                for name in MAKERS:
                    turns[name].append(one_turn(name, options, pieces, Path(folder), browser))
            _print(pieces, turns)
        browser.close()


def _print(pieces: int, turns: dict[str, list[dict]]) -> None:
    print(
        f"\n| {pieces} pieces | make, s | picture, s | MB | nodes | offline | requests |\n|---|---|---|---|---|---|---|"
    )
    for name, rows in turns.items():
        middle = {key: statistics.median(row[key] for row in rows) for key in ("make", "picture", "bytes", "nodes")}
        offline = "yes" if all(row["offline"] for row in rows) else "blank"
        print(
            f"| {name} | {middle['make']:.1f} | {middle['picture']:.2f} | {middle['bytes'] / 1e6:.2f} "
            f"| {middle['nodes']:,.0f} | {offline} | {rows[0]['requests']} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder of a BERT in the Hugging Face format")
    parser.add_argument("--peers", default=sys.executable, help="the Python that has the peers")
    parser.add_argument("--scripts", default="", help="folder with require.js, d3.js, jquery.js")
    parser.add_argument("--tokens", default="11,128")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--make", choices=MAKERS, help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        MAKERS[options.make](options.model, text_of(int(options.tokens)), options.file)
    else:
        table(options)


if __name__ == "__main__":
    main()
