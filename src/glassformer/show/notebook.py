"""The page inside a notebook: an iframe that carries the whole of it, so that it is drawn in JupyterLab and stays in
an HTML that nbconvert makes.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from glassformer.show.page import page

HEIGHT = 720
MOST = 1_000_000  # bytes that a cell's output may have
# It may run its script and hand out files; it has no origin, so that it reaches neither the notebook nor its server.
SANDBOX = "allow-scripts allow-downloads allow-modals"


def frame(pictures: Sequence[Mapping[str, Any]], title: str = "Glassformer", most: int = MOST) -> str:
    """The HTML of an iframe with a page of `pictures`, in at most `most` bytes."""
    room = most - len(_framed("", title).encode())
    html = page(pictures, title=title, most=room)
    escaped = _escaped(html)
    if len(escaped.encode()) > room:  # what escaping adds is the same, whatever the pictures have left
        html = page(pictures, title=title, most=room - (len(escaped) - len(html)))
        escaped = _escaped(html)
    return _framed(escaped, title)


def _framed(escaped: str, title: str) -> str:
    look = f"title='{_escaped(title)}' style='width:100%;height:{HEIGHT}px;border:0' loading='lazy'"
    return f"<iframe {look} sandbox='{SANDBOX}' srcdoc='{escaped}'></iframe>"


def _escaped(text: str) -> str:
    """For an attribute in single quotes, of which the page has few."""
    return text.replace("&", "&amp;").replace("'", "&#39;").replace("<", "&lt;")


def in_a_notebook() -> bool:
    """Whether output goes to a notebook's cell: a kernel runs us, not the shell of IPython."""
    shell = sys.modules.get("IPython")
    running = shell.get_ipython() if shell else None
    return running is not None and hasattr(running, "kernel")


def display(thing: Any) -> None:
    """Draw what has a `_repr_html_` in the cell that is run."""
    from IPython.display import display as shown

    shown(thing)
