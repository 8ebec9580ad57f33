"""The command asked in this process, and folders of models."""

import pytest

from tests import command, made


@pytest.fixture
def ask(monkeypatch, capsys):
    """Ask `main` in this process."""
    return command.asking(monkeypatch, capsys)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return made.folder(tmp_path_factory.mktemp("models") / "mine")
