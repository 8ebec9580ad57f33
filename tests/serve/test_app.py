"""What the routes answer: the same numbers as Python, and one line with the right status for everything else."""

import json

import numpy as np
import pytest

from glassformer.serve import app as room
from glassformer.show.packed import unpack
from tests import made
from tests.serve.asked import GOOD, HERE, answer, ask, done, guarded, post, told
from tests.serve.test_live import Gate, begun

TEXT = made.SENTENCE


@pytest.fixture(scope="module")
def guard():
    return guarded()[1]


@pytest.fixture(scope="module")
def x():
    return made.reader().explain(TEXT)


def test_the_page_has_its_policy(guard):
    response = answer(guard, "GET", "/")
    assert response.status_code == 200 and "<title>page</title>" in response.text
    assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_a_picture_is_what_python_has(guard, x):
    response = post(guard, "picture", text=TEXT)
    assert response.headers["content-type"] == "application/octet-stream" and response.content[:4] == b"GFP1"
    found, wanted = unpack(response.content), x.picture(full=False, cells=False)
    assert found["partial"] is True and found["before"] == pytest.approx(wanted["before"], abs=1e-7)
    assert set(found["arrays"]) == set(wanted["arrays"])
    for name, array in wanted["arrays"].items():
        assert np.allclose(found["arrays"][name], array, atol=1e-6), name


def test_more_is_the_rest_and_of_the_arrays_those_that_were_measured(guard, x):
    found = unpack(post(guard, "more", text=TEXT).content)
    cells = {name: each for name, each in x.picture(full=True)["arrays"].items() if name.endswith(".cells")}
    assert found["partial"] is False and found["arrays"].keys() == cells.keys() != set()
    for name, each in cells.items():
        np.testing.assert_allclose(found["arrays"][name], each, atol=1e-5)
    assert all(map(all, found["cells"]["exact"]))
    mean = x.picture(full=True)["effects"]["heads"]["mean"]
    assert found["effects"]["heads"]["mean"] == [pytest.approx(row, abs=1e-5) for row in mean]


def test_a_picture_with_switches_is_of_the_edited_run(guard):
    found = unpack(post(guard, "picture", text=TEXT, switches=["off:L0.H1:zero"]).content)
    assert found["switches"] == ["off:L0.H1:zero"] and not found["partial"]


def test_what_if_is_what_python_says(guard, x):
    found = post(guard, "whatif", text=TEXT, switches=["cut:4>3"]).json()
    wanted = x.cut("terrible", "not")
    assert found["after"] == wanted.after and found["before"] == wanted.before and found["change"] == wanted.change
    assert dict(found["controls"]) == wanted.controls and found["what"] == wanted.what and found["n"] == 1


def test_several_switches_at_once(guard, x):
    found = post(guard, "whatif", text=TEXT, switches=["cut:4>3", "off:L1.H0:uniform", "without:scaling"]).json()
    wanted = x.what_if(x.choose_cut(4, 3), x.choose_head("L1.H0", "uniform"), x.choose_without("scaling"))
    assert found["after"] == wanted.after and found["baseline"] == wanted.baseline and found["controls"] == []


@pytest.mark.parametrize("joint", [True, False])
def test_two_texts_are_read_as_the_page_says(joint):
    reader = made.bert_reader()
    _, guard = guarded(reader=reader)
    found = unpack(post(guard, "picture", text=TEXT, second="it was good", joint=joint).content)
    assert (found["read"], found["second"]) == ("together" if joint else "apart", "it was good")
    assert found["before"] == pytest.approx(reader.explain(TEXT, "it was good", joint).picture()["before"], abs=1e-6)


def test_a_head_comes_with_its_cells_measured(guard, x):
    found = unpack(post(guard, "head", text=TEXT, layer=1, head=2).content)
    assert found["kind"] == "head" and found["exact"] is True
    assert np.allclose(found["arrays"]["q"], x["L1.H2.q"], atol=1e-6)
    assert np.allclose(found["arrays"]["cells"], x.sheet("L1.H2").effects, atol=1e-5)


def test_a_number_is_worked_out_in_every_digit(guard, x):
    found, wanted = post(guard, "worked", text=TEXT, address="L0.H1.weights[4,3]").json(), x.why("L0.H1.weights[4,3]")
    assert found["recomputed"] == wanted.recomputed and found["model"] == wanted.model
    assert found["operands"] == wanted.operands and len(found["parts"]) == len(wanted.parts)


def test_any_value_comes_whole(guard, x):
    found = unpack(post(guard, "array", text=TEXT, name="layers.1.mlp.hidden").content)["arrays"]
    assert (found["layers.1.mlp.hidden"] == x["L1.mlp.hidden"].numpy()).all()


def test_of_a_large_picture_only_what_is_drawn_first_comes_at_once(guard, monkeypatch):
    monkeypatch.setattr(room, "HEAVY", 1000)
    found = unpack(post(guard, "picture", text=TEXT).content)
    assert {name.split(".")[-1] for name in found["arrays"]} <= set(room.FIRST)
    assert found["effects"]["heads"]["zero"]


def test_models_are_listed_and_loaded(guard, tmp_path):
    folder = str(made.folder(tmp_path / "mine"))
    listed = post(guard, "models").json()["models"]
    assert listed[0]["id"] == "made" and {"id", "name", "what"} <= set(listed[0])
    assert {"sentiment", "bag-of-words"} <= {each["id"] for each in listed}
    assert post(guard, "picture", text=TEXT, model=folder).status_code == 400
    loaded = post(guard, "load", name=folder).json()
    assert loaded["name"] == "mine"
    assert unpack(post(guard, "picture", text=TEXT, model=loaded["id"]).content)["model"]["name"] == "mine"
    assert loaded["id"] in {each["id"] for each in post(guard, "models").json()["models"]}


WRONG = {
    "no text": ("picture", {}, 400, ""),
    "empty": ("picture", {"text": ""}, 400, ""),
    "text is a list": ("picture", {"text": ["a"]}, 400, "text is text of at most"),
    "long text": ("picture", {"text": "a" * 100_001}, 400, "at most 100,000 characters"),
    "no model": ("picture", {"text": TEXT, "model": "nope"}, 400, "there is no model 'nope' here"),
    "a path": ("picture", {"text": TEXT, "model": "../../etc"}, 400, "there is no model"),
    "switch": ("whatif", {"text": TEXT, "switches": ["explode"]}, 400, ""),
    "switches": ("whatif", {"text": TEXT, "switches": "cut:4>3"}, 400, "switches is a list"),
    "many switches": ("whatif", {"text": TEXT, "switches": ["cut:4>3"] * 65}, 400, "at most 64"),
    "a word too far": ("whatif", {"text": TEXT, "switches": ["cut:4>99"]}, 400, "no word 99"),
    "layer": ("head", {"text": TEXT, "layer": -1, "head": 0}, 400, "layer is -1"),
    "layer is true": ("head", {"text": TEXT, "layer": True, "head": 0}, 400, "layer is True"),
    "head": ("head", {"text": TEXT, "layer": 0, "head": 99}, 400, ""),
    "address": ("worked", {"text": TEXT, "address": "L9.H9.weights[0,0]"}, 400, ""),
    "name": ("array", {"text": TEXT, "name": "secrets"}, 400, "secrets"),
    "load nothing": ("load", {}, 400, "name is text"),
    "load a folder that is not there": ("load", {"name": "/nowhere/at/all"}, 404, "there is no model"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_question_is_one_line(guard, case):
    route, body, status, message = WRONG[case]
    response = post(guard, route, **body)
    assert response.status_code == status, response.text
    assert message in told(response)


def test_a_broken_checkpoint_is_one_line(guard, tmp_path):
    folder = made.folder(tmp_path / "cut")
    (folder / "model.safetensors").write_bytes(b"\0" * 100)
    response = post(guard, "load", name=str(folder))
    assert response.status_code == 422 and json.loads(response.text)["error"]


@pytest.mark.parametrize(
    "body", [b"[]", b"1", b"{", b"\xff", b"[" * 100_000, b'{"text": ' + b"9" * 5000 + b"}", b"null"]
)
def test_what_is_no_object_is_refused(guard, body):
    response = answer(guard, "POST", "/api/picture", body=body)
    assert response.status_code == 400 and told(response)


@pytest.mark.parametrize(
    "text", ["\ud800 good", "good \x00 food", "\u202egood\u202c", "<script>alert(1)</script> good", "é" * 5000]
)
def test_any_text_is_answered(guard, text):
    response = answer(guard, "POST", "/api/picture", body=json.dumps({"text": text}).encode())
    assert response.status_code in (200, 400)
    assert response.content[:4] == b"GFP1" if response.status_code == 200 else told(response)


def test_when_too_many_wait_it_says_so_at_once():
    app, guard = guarded(most=1)

    async def asked():
        gate = Gate()
        app.worker.ask(gate)
        await begun(gate)
        app.worker.ask(lambda: 1)
        response = await ask(guard, "POST", "/api/picture", body={"text": TEXT})
        progress = (await ask(guard, "POST", "/api/progress", body={})).json()
        dropped = (await ask(guard, "POST", "/api/cancel", body={"page": "p"})).json()
        gate.let.set()
        return response, progress, dropped

    response, progress, dropped = done(asked())
    assert response.status_code == 503 and response.headers["retry-after"] == "1" and "waiting" in told(response)
    assert progress["waiting"] == 1 and progress["running"] == "" and dropped == {"dropped": 0}


def test_a_question_whose_page_has_gone_is_not_computed():
    app, guard = guarded()

    async def asked():
        gate, seen = Gate(), []
        app.desk.explanation = lambda *asked: seen.append("computed")
        first = app.worker.ask(gate)
        await begun(gate)
        messages = iter([{"type": "http.request", "body": json.dumps({"text": TEXT}).encode(), "more_body": False}])

        async def receive():
            return next(messages, {"type": "http.disconnect"})

        sent = []

        async def send(message):
            sent.append(message)

        headers = [(name.lower().encode(), value.encode()) for name, value in GOOD.items()]
        headers += [(b"host", HERE.removeprefix("http://").encode())]
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/api/picture",
            "raw_path": b"/api/picture",
            "query_string": b"",
        }
        await guard(scope | {"headers": headers, "root_path": "", "http_version": "1.1"}, receive, send)
        gate.let.set()
        await first.future
        await app.worker.ask(lambda: None).future
        return sent, seen

    sent, seen = done(asked())
    assert sent[0]["status"] == 409 and seen == []


def test_a_bug_says_nothing_of_the_machine(capsys):
    app, guard = guarded()
    app.desk = None
    response = post(guard, "picture", text=TEXT)
    assert response.status_code == 500 and "should not" in told(response)
    assert "Traceback" in capsys.readouterr().err
