"""What the verbs for teachers share: a page for paper, written whole or not at all."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from glassformer.errors import one_line
from glassformer.verbs import html
from glassformer.verbs.asking import as_json, say
from glassformer.verbs.options import Drawn, Look


@dataclass
class Printed(Look):
    """How the output looks.

    Parameters
    ----------
    html
        Write one HTML file that prints on A4 and fetches nothing.
    """

    html: Path | None = None

    def file(self) -> Path | None:
        """The file to write, before anything is computed.  Raises UsageError, WriteError."""
        return html.check(Drawn(json=self.json, html=self.html))

    def show(self, document: dict[str, Any], drawn: Callable[..., None], page: Callable[[], str]) -> None:
        """As JSON, as a page, or in the terminal."""
        file = self.file()
        if self.json:
            return print(as_json(document, 1))
        if file is None:
            return drawn(**self.how)
        content = page().encode()
        html.put(file, content)
        say(f"{one_line(file, 200)}: {len(content):,} bytes, prints on A4 and fetches nothing")


Printeds = Annotated[Printed | None, Parameter(name="*")]
