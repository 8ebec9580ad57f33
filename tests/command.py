"""The command as a person or a script runs it: the real executable, or `main` in this process, which is quicker."""

import contextlib
import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from glassformer import cli

COMMAND = str(Path(sys.executable).with_name("glassformer"))
HERE = {"HOME": "/nowhere/at/all", "XDG_CACHE_HOME": "/nowhere/cache", "OMP_NUM_THREADS": "1", "PATH": os.defpath}
UTF8 = HERE | {"LANG": "C.UTF-8"}


def run(*arguments, stdin=b"", env=UTF8, **how):
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 120} | how
    return subprocess.run([COMMAND, *arguments], input=stdin, env=env, check=False, **how)


def loads_torch(*arguments) -> bool:
    """Whether the answer waits for it."""
    report = "print('torch' in sys.modules, file=sys.stderr)"
    code = f"import sys\nfrom glassformer import cli\ntry: cli.main()\nfinally: {report}"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, env=UTF8, check=False)
    return {b"True": True, b"False": False}[done.stderr.split()[-1]]


@dataclass
class Done:
    returncode: int
    stdout: bytes
    stderr: bytes


def asking(monkeypatch, capsys):
    """A function that asks `main` in this process."""

    def ask(*arguments, stdin=b""):
        given = tempfile.TemporaryFile()  # noqa: SIM115  closed below
        given.write(stdin)
        given.seek(0)
        monkeypatch.setattr(sys, "argv", ["glassformer", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(given))
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        sys.stdin.close()
        out, errors = capsys.readouterr()
        return Done(code, out.encode(), errors.encode())

    return ask


def told(done) -> str:
    """Standard error, if it is what every expected error is: one line that begins with the command's name."""
    text = done.stderr.decode()
    assert re.fullmatch(r"glassformer: [^\n]+\n", text), text
    assert text[:-1].isprintable()
    return text


def lines(done) -> list[str]:
    assert done.returncode == 0, done.stderr.decode()
    assert not done.stderr
    return done.stdout.decode().splitlines()


PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


def peak(content: bytes, tmp_path, *arguments) -> tuple[int, bytes]:
    """Peak memory in kB, and what came out."""
    (tmp_path / "in").write_bytes(content)
    with open(tmp_path / "in", "rb") as given:
        asked = [sys.executable, "-c", PEAK, COMMAND, *arguments]
        done = subprocess.run(asked, stdin=given, capture_output=True, env=UTF8, check=True)
    return int(done.stderr), done.stdout


def on_a_terminal(*arguments, env=(), columns=100) -> str:
    """What a person sees: run in a pseudo-terminal of that many columns."""
    ours, theirs = pty.openpty()
    env = UTF8 | {"TERM": "xterm-256color", "COLUMNS": str(columns)} | dict(env)
    process = subprocess.Popen([COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    out = b""
    with contextlib.suppress(OSError):  # how a pseudo-terminal says that all have gone
        while part := os.read(ours, 1 << 16):
            out += part
    os.close(ours)
    assert process.wait() == 0
    return out.decode()


COLOUR = re.compile(r"\x1b\[[0-9;]*\b(?:3[0-9]|4[0-9]|9[0-7])\b")
