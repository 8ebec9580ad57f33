"""Files are whole or not there, whatever happens while they are written; and what is read is what was written."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from glassformer.errors import CheckpointError, MissingError, WriteError
from glassformer.hub import files
from glassformer.hub.files import MANIFEST, check_folder, read_folder, write_folder

OLD = {"a": b"old a", "b": b"old b" * 1000}
NEW = {"a": b"new a", "b": b"new b" * 1000}


@pytest.fixture
def place(tmp_path):
    write_folder(tmp_path / "place", OLD)
    return tmp_path / "place"


def content(place):
    return read_folder(place, ("a", "b"))


def alone(place):
    """Nothing was left beside it."""
    return [path.name for path in place.parent.iterdir()] == [place.name]


def test_what_was_written_is_read_back(place):
    assert content(place) == OLD and alone(place)
    write_folder(place, NEW)
    assert content(place) == NEW and alone(place)
    assert sorted(path.name for path in place.iterdir()) == ["a", "b", MANIFEST]
    assert place.stat().st_mode & 0o777 == 0o755


def test_a_folder_may_have_a_folder_and_is_checked_with_it(tmp_path):
    write_folder(tmp_path / "m", {"a": b"a", "1_Pooling/config.json": b"{}"})
    write_folder(tmp_path / "m", {"a": b"a", "1_Pooling/config.json": b"{}"})
    check_folder(tmp_path / "m")
    (tmp_path / "m" / "1_Pooling" / "config.json").write_bytes(b"[]")
    with pytest.raises(CheckpointError, match=r"1_Pooling/config\.json is not what was saved"):
        check_folder(tmp_path / "m")
    (tmp_path / "m" / MANIFEST).unlink()
    check_folder(tmp_path / "m")  # nothing is known of it


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b/c", "", ".", "..", "a\x00"], ids=ascii)
def test_a_manifest_names_only_files_inside(place, name):
    (place / MANIFEST).write_text(json.dumps({name: "0" * 64}))
    with pytest.raises(CheckpointError, match="which is no file of a model"):
        check_folder(place)


def test_parents_are_made(tmp_path):
    write_folder(tmp_path / "x" / "y" / "z", OLD)
    assert content(tmp_path / "x" / "y" / "z") == OLD


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("there", [True, False])
def test_a_full_disk_leaves_what_was_there_and_no_litter(place, monkeypatch, at, there):
    target = place if there else place.with_name("other")
    write, calls = Path.write_bytes, []

    def full(path, data):
        calls.append(path)
        if len(calls) > at:
            write(path, data[: len(data) // 2])
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(WriteError, match=r"cannot write .*No space left on device; choose another folder"):
        write_folder(target, NEW)
    assert content(place) == OLD and alone(place)


def test_a_move_that_fails_puts_the_old_one_back_and_says_why_it_failed(place, monkeypatch):
    moves, replace = [], os.replace

    def stubborn(source, target):
        moves.append(Path(target))
        if Path(target) == place and "old" not in Path(source).name:
            raise OSError(13, "Permission denied")
        replace(source, target)

    monkeypatch.setattr(os, "replace", stubborn)
    monkeypatch.setattr(files, "_exchanged", lambda one, other: False)
    with pytest.raises(WriteError, match="Permission denied; choose another folder"):
        write_folder(place, NEW)
    assert moves[1:] == [place, place] and content(place) == OLD and alone(place)


def test_without_an_exchange_a_folder_is_still_replaced(place, monkeypatch):
    monkeypatch.setattr(files, "_exchanged", lambda one, other: False)
    write_folder(place, NEW)
    assert content(place) == NEW and alone(place)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the call")
def test_linux_exchanges_two_folders_in_one_step(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    write_folder(one, OLD)
    write_folder(other, NEW)
    assert files._exchanged(one, other)
    assert (content(one), content(other)) == (NEW, OLD)
    assert not files._exchanged(one, tmp_path / "nowhere")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_place_that_may_not_be_written_is_an_error_of_one_line(place):
    place.parent.chmod(0o555)
    try:
        with pytest.raises(WriteError, match="Permission denied"):
            write_folder(place, NEW)
        assert content(place) == OLD
    finally:
        place.parent.chmod(0o755)


def test_a_place_that_cannot_be_is_an_error_of_one_line(tmp_path):
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file" / "below", Path("/proc/nowhere/model"), tmp_path / ("x" * 300)):
        with pytest.raises(WriteError, match="cannot write"):
            write_folder(place, NEW)
    assert (tmp_path / "file").read_text() == "mine"


def test_nothing_but_an_older_model_is_ever_replaced(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("mine")
    with pytest.raises(WriteError, match="is a file; choose another"):
        write_folder(tmp_path / "file", NEW)
    with pytest.raises(WriteError, match=r"holds 'thesis.tex', which is no part of a model and would be lost"):
        write_folder(tmp_path / "folder", NEW)
    assert (tmp_path / "file").read_text() == (tmp_path / "folder" / "thesis.tex").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    write_folder(tmp_path / "empty", NEW)
    assert content(tmp_path / "empty") == NEW


def test_a_link_to_a_folder_stays_one(place):
    link = place.with_name("link")
    link.symlink_to(place)
    write_folder(link, NEW)
    assert link.is_symlink() and content(place) == content(link) == NEW


KILLED = """
import sys
from pathlib import Path
from glassformer.hub.files import write_folder
print("ready", flush=True)
k = 0
while True:
    k += 1
    write_folder(Path(sys.argv[1]), {name: f"{k} ".encode() * 20_000 for name in ("a", "b")})
    print(k, flush=True)
"""


def test_killed_at_any_moment_it_leaves_the_old_or_the_new(place):
    chance = random.Random(0)
    for _ in range(20):
        writer = subprocess.Popen([sys.executable, "-c", KILLED, place], stdout=subprocess.PIPE)
        for _ in range(chance.randint(1, 40)):  # after so many saves, somewhere in the next one
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        found = content(place)
        assert found["a"].split()[:1] == found["b"].split()[:1]
        assert len(set(found["a"].split())) == 1


@pytest.mark.parametrize(
    ("manifest", "line"),
    [
        (b"", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"[]", "is not a table"),
        (b'"a"', "is not a table"),
        (b"{}", "is not what was saved"),
        (b"[" * 100_000, "cannot be read"),
        (json.dumps({"a": 5, "b": None}).encode(), "is not what was saved"),
        (json.dumps({"a": "\x1b[31m" * 99, "b": []}).encode(), "is not what was saved"),
    ],
)
def test_a_manifest_that_is_none_is_a_checkpoint_error(place, manifest, line):
    (place / MANIFEST).write_bytes(manifest)
    with pytest.raises(CheckpointError, match=line) as raised:
        content(place)
    assert str(raised.value).isprintable()


def test_without_manifest_or_folder_there_is_no_model(place):
    (place / MANIFEST).unlink()
    for folder in (place, place / "nowhere"):
        with pytest.raises(MissingError, match=r"holds no model: neither config.json and weights nor manifest"):
            content(folder)


@pytest.mark.parametrize("swap", ["gone", "folder", "pipe", "endless"])
def test_a_file_that_is_none_is_a_checkpoint_error_at_once(place, swap):
    """A pipe would block for ever, /dev/zero would fill the memory."""
    (place / "b").unlink()
    make = {
        "gone": lambda path: None,
        "folder": Path.mkdir,
        "pipe": os.mkfifo,
        "endless": lambda path: path.symlink_to("/dev/zero"),
    }
    make[swap](place / "b")
    with pytest.raises(CheckpointError, match=r"(is no file|cannot be read: No such file).*again"):
        content(place)


def test_what_is_not_what_was_saved_says_both_sums_and_how_long_it_is(place):
    (place / "b").write_bytes(b"x" * 12_345)
    found, told = (hashlib.sha256(content).hexdigest()[:12] for content in (b"x" * 12_345, OLD["b"]))
    for read in (content, check_folder):
        with pytest.raises(CheckpointError) as raised:
            read(place)
        expected = f"12,345 bytes with sha256 {found}…, the manifest says {told}…; install or fetch the model again"
        assert str(raised.value) == f"{place / 'b'} is not what was saved: {expected}"


def test_the_manifest_is_one_that_sha256sum_would_give_and_is_the_same_whatever_the_order(place):
    told = json.loads((place / MANIFEST).read_text())
    assert told == {name: hashlib.sha256(content).hexdigest() for name, content in OLD.items()}
    before = (place / MANIFEST).read_bytes()
    write_folder(place, dict(reversed(OLD.items())))
    assert (place / MANIFEST).read_bytes() == before and before.endswith(b"\n")
