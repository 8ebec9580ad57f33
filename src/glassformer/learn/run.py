"""A checker that stays: one process with torch loaded, asked for one file after another.  This one never loads it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from glassformer.errors import GlassformerError, MissingError
from glassformer.learn.order import entry
from glassformer.learn.result import Result

SECONDS = 5.0  # for all questions of one exercise, when torch is loaded


class Checker:
    """`with Checker() as checker: checker.check(Path("06_attention.py"), "attention")`."""

    def __init__(self, seconds: float = SECONDS):
        self.seconds = seconds
        self._process: subprocess.Popen[str] | None = None

    def check(self, file: Path, name: str) -> Result:
        """Raises MissingError where the file is not there, UsageError where there is no such exercise."""
        if not file.is_file():
            raise MissingError(f"{file} is not there; `glassformer learn start` makes it")
        asked = json.dumps({"file": str(file.resolve()), "name": entry(name).name, "seconds": self.seconds})
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(asked + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self.close()
            raise GlassformerError("the process that checks has ended before it answered; run the command again")
        return Result.from_dict(json.loads(line))

    def warm(self) -> None:
        """Begin to load torch, so that the first check need not wait."""
        self._running()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            command = [sys.executable, "-P", "-m", "glassformer.learn.child"]
            one = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=one, text=True, encoding="utf-8")
        return self._process

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def __enter__(self) -> "Checker":
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()
