"""A free port, a browser, and Ctrl-C."""

import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable

import uvicorn

from glassformer.errors import WriteError
from glassformer.serve.guard import Guard

HERE, PORT, TRIES = "127.0.0.1", 8765, 20
CONNECTIONS = 64  # at once; more are answered 503 without being looked at


def bind(port: int = PORT) -> socket.socket:
    """A socket that listens at `port`, or at the next one that is free.  Raises WriteError where none is."""
    for each in [*range(port, min(port + TRIES, 65536)), 0]:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # an answer in two parts waits 40 ms else
        if os.name == "posix":  # a port whose last connection has just ended is free
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HERE, each))
            listening.listen(CONNECTIONS)
            return listening
        except OSError:
            listening.close()
    raise WriteError(f"no port from {port} on can be listened at on this machine")


def serve(listening: socket.socket, app: Guard, ready: Callable[[str], None]) -> None:
    """Answer until Ctrl-C, which ends the process at once.  ready: called with the URL."""
    config = uvicorn.Config(
        app,
        log_level="critical",
        access_log=False,
        lifespan="off",
        server_header=False,
        date_header=False,
        ws="none",
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=0,
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=16_384,
        http="h11",
        loop="asyncio",
    )
    ready(app.url)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        leave()


def leave() -> None:
    """End with 130.  A model may be in the middle of a question, whose thread does not survive an orderly end."""
    print("glassformer: interrupted", file=sys.stderr, flush=True)
    os._exit(130)


def has_a_screen() -> bool:
    """Somebody sits there who can see a browser: a terminal, a display, and no machine that runs tests."""
    set_ = os.environ.get
    display = sys.platform in ("darwin", "win32") or set_("DISPLAY") or set_("WAYLAND_DISPLAY")
    return bool(sys.stdout and sys.stdout.isatty() and display and not set_("CI"))


def browse(url: str) -> None:
    """Open the browser without waiting for it."""
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
