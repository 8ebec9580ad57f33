"""One HTML file that is made for paper: A4, nothing fetched, nothing that acts."""

from html import escape

from glassformer.show.text import safe

STYLE = """
@page { size: A4; margin: 16mm 18mm }
* { box-sizing: border-box }
html { color-scheme: light; background: #fff; color: #1d232b; font: 11pt/1.45 system-ui, sans-serif }
body { max-width: 174mm; margin: 0 auto; padding: 8mm 4mm }
h1 { font-size: 17pt; margin: 0 }
h2 { font-size: 12.5pt; margin: 0 0 1mm }
p { margin: 1mm 0 2mm; overflow-wrap: anywhere }
header { border-bottom: 1.5pt solid #1d232b; padding-bottom: 2mm; margin-bottom: 6mm }
.quiet { color: #57606a; font-size: 9pt }
.blanks { display: flex; gap: 8mm; margin-top: 3mm }
.blanks span { flex: 1; border-bottom: .6pt solid #57606a }
.blanks span:last-child { flex: .5 }
section { break-inside: avoid; margin-bottom: 6mm }
.key { break-before: page }
.room { height: 32mm }
.matrices { display: flex; flex-wrap: wrap; gap: 3mm 9mm; align-items: center; margin: 2mm 0 }
.matrix { display: inline-flex; align-items: center; gap: 2mm; margin: 0 }
.matrix table { border-collapse: separate; border-spacing: 0; font-variant-numeric: tabular-nums }
.matrix td, .matrix th { padding: .3mm 2mm; text-align: right; white-space: nowrap; font-weight: 400 }
.matrix th { color: #57606a; font-size: 9pt }
.matrix td:first-of-type { border-left: 1pt solid }
.matrix td:last-of-type { border-right: 1pt solid }
.matrix tbody tr:first-child td:first-of-type { border-top-left-radius: 3mm }
.matrix tbody tr:last-child td:first-of-type { border-bottom-left-radius: 3mm }
.matrix tbody tr:first-child td:last-of-type { border-top-right-radius: 3mm }
.matrix tbody tr:last-child td:last-of-type { border-bottom-right-radius: 3mm }
.steps { margin: 1mm 0; padding-left: 5mm }
.steps li { margin: 2mm 0; break-inside: avoid }
.step { display: flex; gap: 1mm 7mm; align-items: center; flex-wrap: wrap }
.step p { margin: 0 }
.list { border-collapse: collapse; width: 100% }
.list td, .list th { text-align: left; vertical-align: top; padding: 1mm 2mm; border-bottom: .5pt solid #c9d1d9 }
.list td { overflow-wrap: anywhere }
.list tr { break-inside: avoid }
.number { text-align: right !important; font-variant-numeric: tabular-nums; white-space: nowrap }
@media print { body { padding: 0; max-width: none } }
"""
NOTHING = "default-src 'none'; style-src 'unsafe-inline'"


def text(label: str) -> str:
    """As HTML: nothing in it acts."""
    return escape(safe(label))


def page(title: str, body: str, style: str = "") -> str:
    """body: HTML, made of `text` and of tags of ours; style: more rules."""
    head = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{NOTHING}">'
    head += '<meta name="viewport" content="width=device-width, initial-scale=1">'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<title>{text(title)}</title>'
        f"<style>{STYLE}{style}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )
