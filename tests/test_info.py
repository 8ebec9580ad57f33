"""The block for a bug report: versions and whether the models are whole, and nothing that names a person."""

import os
import platform

import torch

from glassformer import info
from glassformer.hub import store
from tests import made


def test_facts_are_those_of_this_machine():
    facts = info.facts()
    assert facts["torch"] == torch.__version__ and platform.python_version() in facts["python"]
    assert facts["sentiment"] == facts["bag-of-words"] == "whole, sha256 as saved"
    home = os.path.expanduser("~")
    assert not any(home in fact or "/" in fact for name, fact in facts.items() if name != "cpu")


def test_a_broken_model_and_a_missing_package_are_facts_too(monkeypatch, tmp_path):
    folder = made.folder(tmp_path / "mine")
    (folder / "config.json").write_text("{}")
    monkeypatch.setattr(store, "SHIPPED", tmp_path)
    broken = info.facts()["mine"]
    assert broken.startswith("BROKEN: mine/config.json is not what was saved") and str(tmp_path) not in broken
    assert info._version("no-such-package") == "not installed"
