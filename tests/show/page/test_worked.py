"""The arithmetic of a number, done again in the page: of Python's tables, and of the page's own."""

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from typing import Any

import numpy as np
import pytest

from glassformer.explain.address import Address
from glassformer.explain.explanation import Explanation
from glassformer.explain.pack import models_pack
from glassformer.explain.picture import picture
from glassformer.explain.reader import Reader
from glassformer.explain.sums import CURVES
from glassformer.explain.trial import Trial
from glassformer.explain.worked import worked
from glassformer.show.modelpack import packed_models
from glassformer.show.packed import pack
from tests import made
from tests.explain.test_worked import MODELS
from tests.show.page import modules
from tests.show.page.test_trial import unlike

TEXT = "the filming was not terrible"
DERIVED = {"products": 2, "softmax": 1}  # base columns, behind which everything follows
KINDS: dict[str, dict[str, Any]] = {
    "post": {},
    "pre": {"block": "pre", "pool": "max", "positions": "interleaved"},
}
OPEN = (
    "const { ModelSource } = await import('/sources/model.js');"
    "const { evaluate } = await import('/sources/worked.js');"
    "const bytes = new Uint8Array(await (await fetch('/held/pack')).arrayBuffer());"
    "const source = new ModelSource({ pictures: [], models: { all: bytes } });"
)
FILE = (
    "const { FileSource } = await import('/sources/file.js'); const { evaluate } = await import('/sources/worked.js');"
    "const { unpack } = await import('/base/unpack.js');"
    "const bytes = new Uint8Array(await (await fetch('/held/picture')).arrayBuffer());"
    "const picture = await unpack(bytes); const source = new FileSource({ pictures: [picture] });"
)


@cache
def trial(kind: str) -> Trial:
    return MODELS[kind]()


def somewhere(asked: Trial, seed: int = 0) -> list[Address]:
    """One number of every site."""
    chance = np.random.default_rng(seed)
    shapes = {site: value.shape[1:] for site, value in asked.values.items()}
    return [Address(site, tuple(int(chance.integers(size)) for size in shape)) for site, shape in shapes.items()]


def emptied(part: dict[str, Any]) -> dict[str, Any]:
    """A table with nothing in it but its base columns, and no result."""
    how, last = part["how"].partition(":")[0], len(part["columns"]) - 1
    base = DERIVED.get(how, last if how == "curve" and last else len(part["columns"]))
    rows = [[name, numbers[:base] + [0.0] * (len(numbers) - base)] for name, numbers in part["rows"]]
    if how == "norm":
        rows[5:] = [[name, [0.0]] for name, _ in rows[5:]]
    return {**part, "rows": rows}


def unsigned(result: str) -> str:
    """Zero is written with a sign or without."""
    return result.replace("-0.000000", "0.000000")


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    with modules.opened() as opened:
        yield opened


@pytest.mark.parametrize("kind", MODELS)
def test_every_table_of_every_model_is_done_again_from_its_base_columns(page, kind):
    body = "const { evaluate } = await import('/sources/worked.js'); return JSON.stringify(given.map(evaluate));"
    asked = [json.loads(json.dumps(asdict(worked(trial(kind), each)))) for each in somewhere(trial(kind))]
    bare = [{**each, "parts": [emptied(part) for part in each["parts"]]} for each in asked]
    for python, done in zip(asked, modules.run(page, body, bare), strict=True):
        assert done["recomputed"] == pytest.approx(python["recomputed"], rel=1e-9, abs=1e-9), python["address"]
        for part, again in zip(python["parts"], done["parts"], strict=True):
            assert [name for name, _ in again["rows"]] == [name for name, _ in part["rows"]]
            columns = [np.array([numbers for _, numbers in each["rows"]]) for each in (again, part)]
            np.testing.assert_allclose(*columns, rtol=1e-9, atol=1e-9, err_msg=f"{python['address']}: {part['title']}")
            assert unsigned(again["result"]) == unsigned(part["result"])


def test_another_operand_gives_another_number(page):
    body = (
        "const { evaluate } = await import('/sources/worked.js'); const before = evaluate(given).recomputed;"
        "given.parts[0].rows[0][1][0] += 1; given.parts[1].rows[0][1][0] += given.parts[0].rows[0][1][1];"
        "return JSON.stringify([before, evaluate(given).recomputed, given.parts[0].rows[0][1][1]]);"
    )
    given = json.loads(json.dumps(asdict(worked(trial("post mean"), Address("layers.0.mlp.out", (2, 3))))))
    before, after, weight = modules.run(page, body, given)
    assert after - before == pytest.approx(weight, abs=1e-9)


def test_every_activation_is_pythons(page):
    body = (
        "const { curveOf } = await import('/sources/curves.js');"
        "return JSON.stringify(given.names.map((name) => given.xs.map(curveOf(name))));"
    )
    xs = [-800.0, -30.0, -6.0, -2.6, -2.5, -0.7, -1e-9, 0.0, 1e-9, 0.3, 2.4, 2.6, 5.0, 30.0, 800.0]
    for name, values in zip(CURVES, modules.run(page, body, {"names": list(CURVES), "xs": xs}), strict=True):
        assert values == pytest.approx([CURVES[name][1](x) for x in xs], rel=1e-12, abs=1e-13), name


def test_the_error_function_is_exact(page):
    body = "const { erf } = await import('/sources/curves.js'); return JSON.stringify(given.map(erf));"
    xs = [k / 50 for k in range(-350, 351)]
    assert modules.run(page, body, xs) == pytest.approx([math.erf(x) for x in xs], rel=1e-14, abs=1e-15)


# of a model in the page


@cache
def reader(name: str) -> Reader:
    if name == "bag":
        return made.reader(made.bag(), name=name)
    return made.reader(made.classifier(**KINDS[name]), name=name)


@pytest.fixture(scope="module")
def packed() -> Iterator[Any]:
    content = packed_models(*models_pack([reader(name) for name in (*KINDS, "bag")]))
    with modules.opened({"pack": content}) as opened:
        yield opened


@pytest.mark.parametrize("name", [*KINDS, "bag"])
def test_the_page_lays_out_every_number_of_a_model_as_python_does(packed, name):
    body = OPEN + (
        "const picture = await source.picture(given.asked);"
        "const done = await Promise.all(given.addresses.map((address) => source.worked(picture, address)));"
        "return JSON.stringify(done.map((each) => ({ ...each, done: evaluate(each) })));"
    )
    asked = Trial(reader(name), reader(name).cut(TEXT))
    addresses = [*somewhere(asked), *somewhere(asked, seed=1)]
    given = {"asked": {"model": name, "text": TEXT}, "addresses": [str(each) for each in addresses]}
    for address, mine in zip(addresses, modules.run(packed, body, given), strict=True):
        theirs = json.loads(json.dumps(asdict(worked(asked, address))))
        done = mine.pop("done")
        assert mine["model"] == pytest.approx(theirs["model"], rel=1e-5, abs=1e-5)
        assert done["recomputed"] == pytest.approx(mine["model"], rel=1e-5, abs=1e-5), str(address)
        assert {key: mine[key] for key in ("address", "question", "operands")} == {
            key: theirs[key] for key in ("address", "question", "operands")
        }
        for part, again, python in zip(mine["parts"], done["parts"], theirs["parts"], strict=True):
            said = [{key: each[key] for key in ("title", "how", "at", "columns")} for each in (part, python)]
            assert said[0] == said[1]
            assert unlike([list(row) for row in again["rows"]], python["rows"]) == []


def explained(kind: str) -> Explanation:
    asked = trial(kind)
    return Explanation(asked.reader, asked.pieces)


def held(asked: Trial, **arrays: Any) -> dict[str, bytes]:
    found = picture(asked, full=False)
    return {"picture": pack({**found, "arrays": {**found["arrays"], **arrays}})}


# of a picture alone


@pytest.mark.parametrize("kind", ["post mean", "bert", "bert apart", "relative key", "relative key query", "decoder"])
def test_a_head_is_computed_from_its_q_k_and_v(kind):
    body = FILE + (
        "const of = async ([layer, head]) => Object.entries(await source.head(picture, layer, head))"
        " .map(([name, each]) => [name, each && each.shape, each && [...each.data]]);"
        "return JSON.stringify(await Promise.all(given.map(of)));"
    )
    asked = trial(kind)
    brought = [asked.brought(layer) for layer in range(asked.layers)]
    with modules.opened(held(asked)) as page:
        heads = modules.run(page, body, asked.heads)
    for (layer, head), found in zip(asked.heads, heads, strict=True):
        values = {name: np.reshape(data, shape) for name, shape, data in found}
        for name in ("q", "k", "v", "scores", "scaled", "weights", "z"):
            expected = asked.tape[f"layers.{layer}.attention.{name}"][0, head].numpy()
            np.testing.assert_allclose(values[name], expected, atol=1e-5, rtol=1e-5, err_msg=name)
        moved = values["weights"] * brought[layer][head].numpy()
        np.testing.assert_allclose(values["mixture"], moved / moved.sum(-1, keepdims=True), atol=1e-6)
        assert values["mixture"].sum(-1) == pytest.approx(1)


def test_what_a_picture_holds_is_worked_out_without_a_model():
    body = FILE + (
        "const of = (address) => source.worked(picture, address).then("
        " (each) => [evaluate(each).recomputed, each.model, each.parts.length], (error) => error.message);"
        "return JSON.stringify(await Promise.all(given.map(of)));"
    )
    asked = trial("post mean")
    addresses = [f"L{layer}.H{head}" for layer, head in asked.heads]
    known = [
        f"{head}.{rest}" for head in addresses for rest in ("scores[4,3]", "scaled[1,1]", "weights[2,4]", "z[3,1]")
    ]
    known += ["final[1,2]", "embed.stream[3,4]", "pooled[5]"]
    unknown = {
        "L0.H0.q[1,1]": "the weights of made are not in this file",
        "L0.mlp.out[1,1]": "this file does not hold layers.0.mlp.hidden",
        "embed.pieces[1,1]": "the tables of made are not in this file",
        "L0.H0.weights[1]": "L0.H0.weights[1] is not one number; give 3 indices",
        "L0.H0.weights[1,99]": "there is no L0.H0.weights[1,99]: 99, but only 0 to ",
        "L9.H0.weights[1,1]": "this model has layers 0 to 1",
        "elsewhere[1,1]": "there is no arithmetic of elsewhere in the page",
        "[1]": "'[1]' is no address",
    }
    with modules.opened(held(asked)) as page:
        answers = modules.run(page, body, [*known, *unknown])
    x = Explanation(asked.reader, asked.pieces)
    for address, (recomputed, model, tables) in zip(known, answers, strict=False):
        theirs = x.why(address)
        assert recomputed == pytest.approx(theirs.recomputed, rel=1e-5, abs=1e-5), address
        assert tables == len(theirs.parts) and (model is None or model == pytest.approx(theirs.model, abs=1e-6))
    for (address, said), message in zip(unknown.items(), answers[len(known) :], strict=True):
        assert said in message and "\n" not in message, address


def test_a_head_that_is_not_held_is_none():
    body = FILE + (
        "return JSON.stringify(Object.entries(await source.head(picture, 0, 1)).map(([name, each]) => [name, each]));"
    )
    asked = trial("post mean")
    found = picture(asked, full=False)["arrays"]
    gone = {
        name: np.where(np.arange(len(found[name]))[:, None, None] == 1, np.nan, found[name])
        for name in found
        if name.endswith((".q", ".k", ".v", ".cells"))
    }
    with modules.opened(held(asked, **{name: each.astype(np.float32) for name, each in gone.items()})) as page:
        values = dict(modules.run(page, body))
    assert [name for name, each in values.items() if each is None] == list(values)


def test_what_nobody_may_look_at_has_no_weight_and_says_so():
    body = FILE + (
        "const worked = await source.worked(picture, given);"
        "return JSON.stringify([worked.question, evaluate(worked).recomputed, worked.parts.at(-1).result]);"
    )
    asked = trial("bert apart")
    last = len(asked.pieces.ids) - 1
    with modules.opened(held(asked)) as page:
        question, recomputed, result = modules.run(page, body, f"L0.H0.weights[1,{last}]")
    assert question == f"{asked.pieces.names[1]} looks at {asked.pieces.names[last]}"
    assert (recomputed, result) == (0, "may not look there: 0")


def test_values_that_a_switch_has_changed_are_taken_as_they_are():
    body = FILE + (
        "const { weights, z } = await source.head(picture, 1, 0);"
        "return JSON.stringify([[...weights.data], [...z.data]]);"
    )
    x = explained("post mean")
    switch = x.switch("off:L1.H0:uniform")
    found = x.picture(switches=[str(switch)])
    with modules.opened({"picture": pack(found)}) as page:
        weights, z = modules.run(page, body)
    n = len(x.pieces)
    assert weights == pytest.approx([1 / n] * n * n)
    v = np.array(found["arrays"]["layers.1.attention.v"][0])
    assert z == pytest.approx(list(itertools.chain(*[v.mean(0).tolist()] * n)), abs=1e-5)
