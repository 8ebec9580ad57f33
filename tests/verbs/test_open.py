"""`glassformer open`, the real process: its address, a busy port, Ctrl-C, a closed terminal."""

import http.client
import json
import os
import pty
import re
import signal
import socket
import subprocess
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

import pytest

from tests import made
from tests.command import COMMAND, UTF8, told

PATIENCE = 60


@contextmanager
def opened(*arguments, env=UTF8, **how):
    """The process, with the port and the token that it prints."""
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL} | how
    process = subprocess.Popen([COMMAND, "open", *arguments], env=env, **how)
    try:
        line = process.stdout.readline().decode()
        port, token = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=([\w-]{32})", line).groups()
        yield process, int(port), token
    finally:
        process.kill()
        process.communicate()


@dataclass
class Answer:
    status: int
    headers: Message
    content: bytes


class Page:
    """Who has opened the address, and asks."""

    def __init__(self, port, token):
        self.port = port
        answer = self.get(f"/?token={token}")
        assert answer.status == 303
        self.cookie = answer.headers["Set-Cookie"].split(";")[0]

    def get(self, path):
        return self._ask("GET", path, None, {})

    def post(self, route, **body):
        kind = {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{self.port}"}
        return self._ask("POST", f"/api/{route}", json.dumps(body), kind)

    def _ask(self, method, path, body, headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        cookie = {"Cookie": self.cookie} if hasattr(self, "cookie") else {}
        with closing(connection):
            connection.request(method, path, body, headers | cookie)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(made.folder(tmp_path_factory.mktemp("models") / "mine"))


@pytest.fixture(scope="module")
def server(folder):
    with opened(made.SENTENCE, "--model", folder, "--port", "0") as found:
        yield found


def test_it_serves_the_page_and_answers(server):
    _, port, token = server
    page = Page(port, token)
    front = page.get("/")
    content = front.content.decode()
    assert front.status == 200 and content.startswith("<!doctype html>") and made.SENTENCE in content
    assert "server" not in {name.lower() for name in dict(front.headers)}
    answer = page.post("picture", text=made.SENTENCE)
    assert answer.status == 200 and answer.content[:4] == b"GFP1"
    assert page.get("/api/../../etc/passwd").status == 404


@pytest.mark.parametrize("model", ["reverse", "characters"])
def test_a_model_that_writes_opens_with_a_text_it_reads(model):
    with opened("--model", model, "--port", "0") as (_, port, token):
        page = Page(port, token)
        text = json.loads(re.search(r'"text": ?"[^"]+"', page.get("/").content.decode())[0].split(":", 1)[1])
        assert page.post("picture", text=text).content[:4] == b"GFP1"


def test_it_listens_on_this_machine_only(server):
    process, port, _ = server
    rows = [line.split() for line in Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]]
    mine = [row[1] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A"]
    assert mine == [f"0100007F:{port:04X}"]


def test_a_busy_port_moves_to_the_next(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]
        with opened("--model", folder, "--port", str(busy)) as (_, port, token):
            assert busy < port and Page(port, token)


@pytest.mark.parametrize("busy", [False, True])
def test_ctrl_c_ends_it_at_once(folder, busy):
    with opened("--model", folder, "--port", "0") as (process, port, token):
        page = Page(port, token)
        waiting = http.client.HTTPConnection("127.0.0.1", port)
        if busy:  # somebody holds a connection, and a question that takes long is being worked on
            headers = {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{port}", "Cookie": page.cookie}
            waiting.request("POST", "/api/more", json.dumps({"text": "the food was not good , " * 30}), headers)
            time.sleep(0.3)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        code, seconds = process.wait(PATIENCE), time.monotonic() - begun
        waiting.close()
        assert code == 130 and seconds < 5
        assert process.stderr.read() == b"glassformer: interrupted\n"


def test_a_closed_terminal_ends_it(folder):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, "open", "--model", folder, "--port", "0"],
        env=UTF8,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_take_terminal,
    )
    os.close(theirs)
    seen = b""
    while b"token=" not in seen:
        seen += os.read(ours, 1000)
    os.close(ours)
    assert process.wait(PATIENCE) != 0


def _take_terminal():
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # as a shell leaves it; under nohup it would be ignored


def test_many_connections_at_once_are_answered_or_refused(folder):
    with opened("--model", folder, "--port", "0") as (process, port, token):
        page = Page(port, token)
        held = []
        for _ in range(200):
            held.append(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
            held[-1].sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port)
        statuses = {each.recv(12).split()[1] for each in held}
        assert statuses <= {b"403", b"503"} and b"503" in statuses
        for each in held:
            each.close()
        assert page.post("models").status == 200 and process.poll() is None


WRONG = {
    2: [["--port", "80"], ["--port", "99999"], ["", "--model", "sentiment"], ["[", "--pair"]],
    3: [["--model", "nope"]],
}


@pytest.mark.parametrize(("code", "arguments"), [(code, each) for code, some in WRONG.items() for each in some])
def test_what_cannot_be_opened_is_one_line(ask, code, arguments):
    done = ask("open", *arguments)
    assert done.returncode == code and told(done) and not done.stdout
