"""Draw docs/explain.svg, the README's picture: what `glassformer explain` really prints, recorded.

python docs/picture.py
"""

import io
import re
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

import glassformer as gf
from glassformer.show.terminal import tell

SENTENCE = "this restaurant was not terrible"
NO_FONTS_FROM_ELSEWHERE = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def main() -> None:
    reader = gf.load("sentiment")
    out = Console(record=True, width=100, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    tell(out, reader.explain(SENTENCE).story)
    title = f'glassformer explain "{SENTENCE}"'
    drawn = out.export_svg(title=title, code_format=NO_FONTS_FROM_ELSEWHERE, unique_id="explain")
    Path(__file__).with_name("explain.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
