"""The page in a browser, live, from this machine to this machine."""

from typing import Annotated

from cyclopts import Parameter

from glassformer.errors import UsageError
from glassformer.verbs.asking import given, reader_of, set_threads
from glassformer.verbs.options import Pair, Pairs, Sources

EXAMPLE = "this restaurant was not terrible"
OTHERS = {"reverse": "3 1 4 1 5 9 2 6", "characters": "ROMEO: What light"}  # of models that read something else
Port = Annotated[int, Parameter(help="Where to listen; the next free one, if it is busy.")]


def open_page(
    text: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    /,
    *,
    source: Sources = None,
    pair: Pairs = None,
    port: Port = 8765,
) -> None:
    """The page, live: type a sentence, switch things off, load any model.  Ctrl-C ends it.

    Only this machine can reach it, and only whoever has the address that is printed.

    Parameters
    ----------
    text
        A sentence to begin with, in quotes; "-" reads it from standard input.
    """
    if port and not 1024 <= port <= 65535:
        raise UsageError(f"--port {port} cannot be listened at; give 1024 to 65535, or 0 for any that is free")
    from glassformer.serve.app import App
    from glassformer.serve.guard import Guard
    from glassformer.serve.live import Desk, Worker
    from glassformer.serve.run import bind, browse, has_a_screen, serve
    from glassformer.show.page import page, policy

    pair = pair or Pair()
    with bind(port) as listening:
        worker = Worker()
        reader = worker.do(lambda: reader_of(source))
        text = OTHERS.get(reader.name, EXAMPLE) if text is None else given(text)
        worker.do(lambda: reader.cut(text, pair.pair, pair.joint))  # what cannot be read is said here, not in a browser
        live = {"text": text, "second": pair.pair, "joint": pair.joint, "model": reader.given}
        app = App(Desk(reader, set_threads), page([], live=live), policy("live"), worker)

        def ready(url: str) -> None:
            print(f"glassformer: {url}  (Ctrl-C ends it)", flush=True)
            if has_a_screen():
                browse(url)

        serve(listening, Guard(app.routes(), listening.getsockname()[1]), ready)
