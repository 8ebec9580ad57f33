"""A saved model, and the means to damage it so that its manifest agrees and only the deeper checks are left."""

import hashlib
import json

import pytest

from glassformer.hub.files import MANIFEST
from tests import made


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
