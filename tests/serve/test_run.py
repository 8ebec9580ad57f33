"""A free port, and when a browser is opened; the running server is tested with the command."""

import socket

import pytest

from glassformer.errors import WriteError
from glassformer.serve import run


def test_a_free_port_is_taken_and_a_busy_one_passed_over():
    with run.bind(0) as one:
        port = one.getsockname()[1]
        assert one.getsockname()[0] == "127.0.0.1"
        with run.bind(port) as other:
            assert other.getsockname()[1] != port
        with socket.create_connection(("127.0.0.1", port)):
            pass  # it listens already, so that nobody who opens the address is turned away


def test_where_no_port_can_be_had_it_says_so(monkeypatch):
    def refused(self, address):
        raise OSError("in use")

    monkeypatch.setattr(run.socket.socket, "bind", refused)
    with pytest.raises(WriteError, match="no port from 9000"):
        run.bind(9000)


@pytest.mark.parametrize(
    ("terminal", "display", "ci", "opens"),
    [(True, ":0", "", True), (False, ":0", "", False), (True, "", "", False), (True, ":0", "true", False)],
)
def test_a_browser_opens_where_somebody_sits(monkeypatch, terminal, display, ci, opens):
    monkeypatch.setattr(run.sys, "platform", "linux")
    monkeypatch.setattr(run.sys.stdout, "isatty", lambda: terminal, raising=False)
    for name, value in (("DISPLAY", display), ("WAYLAND_DISPLAY", ""), ("CI", ci)):
        monkeypatch.setenv(name, value)
    assert run.has_a_screen() is opens


def test_a_browser_is_not_waited_for(monkeypatch):
    asked = []
    monkeypatch.setattr(run.webbrowser, "open", asked.append)
    run.browse("http://127.0.0.1:1/")
    for _ in range(100):
        if asked:
            break
        run.threading.Event().wait(0.02)
    assert asked == ["http://127.0.0.1:1/"]
