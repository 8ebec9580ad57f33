"""The hub: from its cache at once, from the network if there is one, and an answer within two seconds in any case.

A small hub on 127.0.0.1 stands for the real one.  Each case runs in a Python of its own, as a user's would, because
`huggingface_hub` reads its settings when it is first imported.
"""

import hashlib
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from urllib.parse import unquote

import pytest
import torch

from glassformer.errors import MissingError
from glassformer.hub import fetch, store
from glassformer.hub.weights import SINGLE
from tests.hub import berts

COMMIT = "a" * 40
SECONDS = 2.0
ASK = """
import json, sys, time, warnings
from glassformer.hub import store
import huggingface_hub.file_download
for asked in sys.argv[1:]:
    began = time.monotonic()
    try:
        found = store.load(asked.removeprefix("pickle:"), allow_pickle=asked.startswith("pickle:"))
        said = [found.name, str(found.folder), 0]
    except Exception as error:
        said = [type(error).__name__, str(error), getattr(error, "exit_code", -1)]
    print(json.dumps([*said, time.monotonic() - began]), flush=True)
"""


class Hub(http.server.BaseHTTPRequestHandler):
    """What the real one answers to the few questions that are asked of it.  `models`: id → folder."""

    protocol_version = "HTTP/1.1"
    models: dict = {}  # noqa: RUF012
    asked: list = []  # noqa: RUF012

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = unquote(self.path.split("?")[0])
        self.asked.append(f"{self.command} {path}")
        parts = path.strip("/").split("/")
        if parts[0] == "api":
            self.describe("/".join(parts[2:4]), parts[5] if "revision" in parts else "main")
        elif parts[2:3] == ["resolve"]:
            self.send_file(self.models.get("/".join(parts[:2])), "/".join(parts[4:]))
        else:
            self.say(404)

    def describe(self, id, revision):
        refusals = {"some/gated": (403, "GatedRepo"), "some/broken": (500, "")}
        if id not in self.models:
            self.say(*refusals.get(id, (401, "RepoNotFound")))
        elif revision not in ("main", "v1"):
            self.say(404, "RevisionNotFound")
        else:
            folder = self.models[id]
            names = [{"rfilename": str(file.relative_to(folder))} for file in folder.rglob("*") if file.is_file()]
            self.say(200, body=json.dumps({"id": id, "sha": COMMIT, "siblings": names}).encode())

    def send_file(self, folder, name):
        if folder is None or not (folder / name).is_file():
            self.say(404, "EntryNotFound")
        else:
            body = (folder / name).read_bytes()
            self.say(200, body=body, ETag=f'"{hashlib.sha256(body).hexdigest()}"', X_Repo_Commit=COMMIT)

    def say(self, status, code="", body=b"{}", **headers):
        self.send_response(status)
        for name, value in ({"X_Error_Code": code, "Content_Type": "application/json"} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *said):
        pass


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """Its address.  It has a BERT, one in shards, one that is pickled, and one for TensorFlow only."""
    place = tmp_path_factory.mktemp("hub")
    for name in ("bert", "shards", "pickled", "tensorflow"):
        folder = Hub.models[f"some/{name}"] = berts.folder(place / name)
        (folder / "README.md").write_text("# A card")
        (folder / "secret.py").write_text("raise SystemExit('never fetched')")
    berts.shards(Hub.models["some/shards"])
    (Hub.models["some/tensorflow"] / SINGLE).rename(Hub.models["some/tensorflow"] / "tf_model.h5")
    pickled = Hub.models["some/pickled"]
    torch.save(berts.tensors(pickled), pickled / "pytorch_model.bin")
    (pickled / SINGLE).unlink()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def ask(endpoint, cache, *names, **settings):
    """What `store.load` says of each: (name or error, folder or message, exit code, seconds)."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "TRANSFORMERS_", "GLASS"))}
    own = {"HF_ENDPOINT": endpoint, "HF_HUB_CACHE": str(cache), "HF_HUB_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-c", ASK, *names]
    done = subprocess.run(command, capture_output=True, text=True, env=plain | own | settings, timeout=120)
    assert not done.stderr, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def cache(hub, tmp_path_factory):
    """A cache that has some/bert."""
    place = tmp_path_factory.mktemp("cache")
    ((name, folder, code, _),) = ask(hub, place, "some/bert")
    assert (name, code) == ("some/bert", 0) and str(place) in folder
    return place


def test_a_model_is_fetched_whole_and_nothing_beside_it(hub, cache):
    fetched = next(cache.rglob("snapshots")) / COMMIT
    assert {file.name for file in fetched.iterdir()} == {
        "config.json", "README.md", SINGLE, "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip


def test_each_form_of_weights_is_fetched_and_each_refusal_says_why(hub, cache):
    names = ["some/shards", "some/bert@v1", "some/bert@nope", "some/none", "some/gated", "some/broken"]
    said = ask(hub, cache, *names, "some/pickled", "some/tensorflow", "pickle:some/pickled")
    assert [each[2] for each in said] == [0, 0, 3, 3, 3, 3, 4, 4, 0]
    lines = ["has no revision nope", "no such model on the hub", "is gated: accept its terms", "the hub answers: .*500"]
    lines += ["--allow-pickle-weights", "only for TensorFlow"]
    for (kind, message, *_), line in zip(said[2:8], lines, strict=True):
        assert re.search(line, message) and message.isprintable() and len(message) < 500, (kind, message)
    assert all(seconds < SECONDS for *_, seconds in said[2:6])


def test_what_is_in_the_cache_asks_nobody(hub, cache):
    Hub.asked.clear()
    ((name, *_),) = ask(hub, cache, "some/bert")
    assert name == "some/bert" and not Hub.asked


@pytest.mark.parametrize("switch", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "GLASSFORMER_OFFLINE"])
def test_told_to_stay_offline_it_asks_nobody(hub, cache, switch):
    Hub.asked.clear()
    there, (kind, message, code, seconds) = ask(hub, cache, "some/bert", "some/other", **{switch: "1"})
    assert there[0] == "some/bert"
    assert (kind, code) == ("MissingError", 3) and f"{switch} forbids to fetch it" in message
    assert seconds < 1.0 and not Hub.asked


@pytest.fixture
def nobody():
    """An address that refuses."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    return address


@pytest.fixture
def silence():
    """An address that takes a call and never says a word."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(50)
        yield f"http://127.0.0.1:{hole.getsockname()[1]}"


@pytest.mark.parametrize("network", ["nobody", "silence", "no such host"])
def test_without_a_network_it_says_so_at_once(request, cache, network):
    address = "http://nowhere.invalid" if network == "no such host" else request.getfixturevalue(network)
    there, (kind, message, code, seconds) = ask(address, cache, "some/bert", "some/other")
    assert there[0] == "some/bert"
    assert (kind, code) == ("MissingError", 3) and seconds < SECONDS + 0.5  # the import of the library among it
    assert "some/other is not in the cache, and the hub" in message and "give the path of a folder" in message


def damaged(cache, tmp_path):
    """A copy of the cache, and its folder."""
    shutil.copytree(cache, tmp_path / "cache", symlinks=True)
    return tmp_path / "cache", next((tmp_path / "cache").rglob("snapshots")) / COMMIT


def test_half_a_download_is_missing_and_is_fetched_where_that_can_be(hub, cache, nobody, tmp_path):
    place, folder = damaged(cache, tmp_path)
    blob = (folder / SINGLE).resolve()
    (folder / SINGLE).unlink()
    blob.rename(blob.with_name(f"{blob.name}.incomplete"))
    ((kind, message, code, _),) = ask(nobody, place, "some/bert", HF_HUB_OFFLINE="1")
    assert (kind, code) == ("MissingError", 3) and "the cache has only a part of it" in message
    assert ask(hub, place, "some/bert")[0][0] == "some/bert"


def test_a_file_of_the_cache_that_is_cut_short_is_missing(hub, cache, tmp_path):
    place, folder = damaged(cache, tmp_path)
    blob = (folder / SINGLE).resolve()
    blob.write_bytes(blob.read_bytes()[:-100])
    ((kind, message, code, _),) = ask(hub, place, "some/bert")
    assert (kind, code) == ("MissingError", 3)
    assert "is cut short" in message and "delete" in message and "only half of it was fetched" in message


# what never asks anybody


@pytest.mark.parametrize("name", ["some/bert", "bert-base-uncased", "a/b@main", "a/b@refs/pr/1", "A.b-c_d/e.f"])
def test_an_id(name):
    assert fetch.is_id(name)


NO_IDS = ["", "/", "a/", "/a", "a/b/c", "../a", "a/..", "./a", "~/a", "a b/c", "a/b@", "a/b@../c", "é/b", "a\x00/b"]
NO_IDS += ["x" * 999, "http://somewhere/a", "-a/b", ".a/b"]


@pytest.mark.parametrize("name", NO_IDS, ids=ascii)
def test_what_can_be_no_id_is_never_asked_about(name, monkeypatch):
    assert not fetch.is_id(name)
    monkeypatch.setattr(fetch, "folder", lambda *given: pytest.fail("asked"))
    with pytest.raises(MissingError, match=r"there is no model|manifest"):
        store.load(name)


def test_a_name_without_an_owner_is_never_asked_about_but_its_owner_is_known(monkeypatch):
    monkeypatch.setattr(fetch, "_asked", lambda *given: pytest.fail("asked"))
    with pytest.raises(MissingError, match="did you mean google-bert/bert-base-uncased"):
        store.load("bert-base-uncased")


def test_the_library_is_imported_only_when_it_is_needed():
    code = "import sys; from glassformer.hub import store; store.load('bag-of-words'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"huggingface_hub", "transformers", "httpx2"} & set(done.stdout.split())
