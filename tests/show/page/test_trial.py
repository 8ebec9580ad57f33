"""What the page measures by itself, beside what Python measures: every number of a picture, every switch."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from glassformer.errors import UsageError
from glassformer.explain import baselines
from glassformer.explain.explanation import Explanation
from glassformer.explain.pack import models_pack
from glassformer.explain.reader import Reader, companion
from glassformer.show.modelpack import packed_models
from tests import made
from tests.show.page import modules

CLOSE = 1e-5
SURE = 0.98  # of a weight: behind that, the estimate of a cut divides by what rounding leaves of 1 − weight
SHIPPED = ("sentiment", "sentiment-plain", "bag-of-words")
TEXTS = (
    "this restaurant was not terrible",
    "the food wasn't good , but the service was very nice , and we like it",
    "good",
    "It was great great great",
)
OTHER = "this service was not good"
SWITCHES = (
    ["off:L0.H2:zero"],
    ["off:L1.H0:mean"],
    ["off:L1.H1:uniform"],
    ["off:L0.mlp:zero"],
    ["off:L1.mlp:mean"],
    ["cut:4>3"],
    ["cut:4>3@L1"],
    ["cut:4>3@L0.H1"],
    ["cell:L1.H2[4,3]"],
    ["word:3:mask"],
    ["word:3:delete"],
    ["word:3:unseen"],
    ["without:scaling"],
    ["without:positions"],
    ["without:heads"],
    ["set:L0.H1.z[4,2]=0.5"],
    ["set:L1.H0.scaled[4,2]=-1.25"],
    ["set:L0.stream[2,3]=2"],
    ["set:pooled[1]=0"],
    ["patch:L0.H2"],
    ["patch:L0.mlp"],
    ["patch:L0.stream[4]"],
    ["patch:L1.H0.weights[3]"],
    ["cut:4>3", "off:L0.H2:zero"],
    ["off:L0.H2:uniform", "without:heads", "off:L0.H0:uniform"],
    ["word:4:delete", "cut:3>1", "word:0:mask"],
)
REFUSED = {
    "cut:9>3": "there is no word 9",
    "off:L7.H0:zero": "there is no L7.H0",
    "off:L7.mlp:zero": "there is no L7.mlp",
    "off:L0.mlp:uniform": "choose zero, mean",
    "cell:L0.H0[40,3]": "there is no L0.H0.weights[40,3]",
    "word:1:eaten": "choose mask, delete, unseen",
    "without:heart": "choose scaling, positions, heads",
    "set:L0.H1.z[4]=0.5": "is not one number",
    "set:L0.H1.z[4,2]=much": "is no number to set",
    "set:L0.nothing[1,1]=1": "there is no L0.nothing[1,1]",
    "turn:everything": "is no switch",
}
OPEN = (
    "const { ModelSource } = await import('/sources/model.js');"
    "const bytes = new Uint8Array(await (await fetch('/held/pack')).arrayBuffer());"
    "globalThis.source ??= new ModelSource({ pictures: [], models: { all: bytes } });"
    "const plain = ({ arrays, ...rest }) => JSON.stringify({ ...rest, arrays:"
    " Object.fromEntries(Object.entries(arrays).map(([name, { shape, data }]) => [name, [shape, [...data]]])) });"
)
PICTURE = OPEN + "return plain(await source.more(await source.picture(given)));"
SWITCHED = OPEN + "return plain(await source.picture(given));"


@cache
def readers() -> dict[str, Reader]:
    """The shipped ones, and random ones of every kind."""
    kinds: dict[str, dict[str, Any]] = {
        "post": {},
        "pre": {"block": "pre", "pool": "max", "positions": "interleaved"},
        "three": {"classes": 3, "positions": "halves", "layers": 3, "width": 16, "heads": 2, "pool": "max"},
        "long": {"length": 200, "block": "pre"},
    }
    found = {name: made.reader(made.classifier(**kind), name=name) for name, kind in kinds.items() if name != "three"}
    found["three"] = made.reader(made.classifier(**kinds["three"]), made.THREE, name="three")
    found["bag"] = made.reader(made.bag(), name="bag")
    return {name: companion(name) for name in SHIPPED} | found


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    content = packed_models(*models_pack(list(readers().values())))
    with modules.opened({"pack": content}) as opened:
        yield opened


@cache
def python(name: str, text: str) -> Explanation:
    return readers()[name].explain(text)


def plain(picture: dict[str, Any]) -> dict[str, Any]:
    """As the page has it."""
    arrays = {name: [list(each.shape), each.ravel().tolist()] for name, each in picture["arrays"].items()}
    return json.loads(json.dumps({**picture, "arrays": arrays}))


def unlike(mine: Any, theirs: Any, path: str = "") -> list[str]:
    """Where two things of JSON differ: numbers by more than 1e-5 of their size, or of one."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        missing = [f"{path}.{key} is in one only" for key in mine.keys() ^ theirs.keys()]
        return missing + [
            f for key in mine.keys() & theirs.keys() for f in unlike(mine[key], theirs[key], f"{path}.{key}")
        ]
    if isinstance(mine, list) and isinstance(theirs, list):
        if len(mine) != len(theirs):
            return [f"{path}: {len(mine)} and {len(theirs)}"]
        return [f for k, pair in enumerate(zip(mine, theirs, strict=True)) for f in unlike(*pair, f"{path}[{k}]")]
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (mine, theirs))
    same = abs(mine - theirs) <= CLOSE * max(1.0, abs(theirs)) if numbers else mine == theirs
    return [] if same else [f"{path}: {mine!r} and {theirs!r}"]


def assert_alike(mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    """A picture of the page, and one of Python's."""
    edges = [picture["effects"] and picture["effects"].pop("edges") for picture in (mine, theirs)]
    cells = [{k: p["arrays"].pop(k) for k in list(p["arrays"]) if k.endswith(".cells")} for p in (mine, theirs)]
    random = [[each for each in p["baselines"] or [] if each["name"] == "random weights"] for p in (mine, theirs)]
    for picture in (mine, theirs):
        picture["baselines"] = [e for e in picture["baselines"] or [] if e["name"] != "random weights"]
    assert unlike(mine, theirs) == []
    assert [len(each) for each in random] == [len(random[0])] * 2 and unlike(*map(named, random)) == []
    if edges[1] is not None:
        changes = [{(looks, at): rest for looks, at, *rest in each} for each in edges]
        assert changes[0].keys() == changes[1].keys()
        assert all(unlike(changes[0][pair], changes[1][pair]) == [] for pair in changes[1])
        sizes = [abs(edge[2]) for edge in edges[0]]
        assert sizes == sorted(sizes, reverse=True)
    for name, (shape, data) in cells[1].items():
        assert cells[0][name][0] == shape
        assert_cells_alike(cells[0][name][1], data, weights_of(theirs, name))


def named(random: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Other numbers are drawn in the page than in Python; all else is the same."""
    return [{key: each[key] for key in ("name", "what", "n")} for each in random]


def weights_of(picture: dict[str, Any], name: str) -> np.ndarray:
    q, k = (np.reshape(data, shape) for shape, data in (picture["arrays"][name.replace("cells", x)] for x in "qk"))
    scaled = q @ np.swapaxes(k, 1, 2) / np.sqrt(q.shape[-1])
    weights = np.exp(scaled - scaled.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def assert_cells_alike(mine: list, theirs: list, weights: np.ndarray) -> None:
    sure = weights.ravel() < SURE
    mine, theirs = np.array(mine)[sure], np.array(theirs)[sure]
    np.testing.assert_allclose(mine, theirs, atol=2e-4 * max(1.0, np.abs(theirs).max(initial=0.0)), rtol=1e-3)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", [*SHIPPED, "post", "pre", "three", "bag"])
def test_a_picture_is_pythons(page, name, text):
    found = modules.run(page, PICTURE, {"model": name, "text": text})
    assert_alike(found, whole(name, text))


def whole(name: str, text: str) -> dict:
    """Python's full picture, its cells estimated: the page measures those of a head once somebody stays on it."""
    x = python(name, text)
    first, full = plain(x.picture(full=False)), plain(x.picture())
    cells = {key: each for key, each in first["arrays"].items() if key.endswith(".cells")}
    return {**full, "cells": first["cells"], "arrays": {**full["arrays"], **cells}}


@pytest.mark.parametrize("count", [5, 24], ids=["edges estimated", "words estimated too"])
def test_of_a_long_text_the_largest_are_measured_as_in_python(page, count):
    text = "the food was not good and " * count
    found = modules.run(page, PICTURE, {"model": "long", "text": text})
    theirs = whole("long", text)
    assert len(theirs["effects"]["edges"]) == 24 < theirs["effects"]["edges_of"]
    assert any(each is None for each in theirs["effects"]["words"]["mask"]) == (count == 24)
    assert_alike(found, theirs)


def test_the_first_picture_leaves_for_later_what_python_leaves(page):
    body = OPEN + "return plain(await source.picture(given));"
    found = modules.run(page, body, {"model": "post", "text": TEXTS[1]})
    assert found["partial"]
    assert_alike(found, plain(python("post", TEXTS[1]).picture(full=False)) | {"baselines": None})


@pytest.mark.parametrize("switches", SWITCHES, ids=" ".join)
@pytest.mark.parametrize("name", ["sentiment", "post", "pre"])
def test_a_switch_does_what_it_does_in_python(page, name, switches):
    body = OPEN + (
        "const { store } = await import('/base/store.js'); const { other, switches, ...asked } = given;"
        "const picture = await source.picture(asked);"
        "store.set({ other: await source.picture({ ...asked, text: other }) });"
        "return JSON.stringify(await source.whatIf(picture, switches));"
    )
    given = {"model": name, "text": TEXTS[0], "other": OTHER, "switches": switches}
    found = modules.run(page, body, given)
    x = python(name, TEXTS[0])
    assert len(x.beside(OTHER).pieces) == len(x.pieces)
    theirs = x.what_if(*(x.switch(each, OTHER) for each in switches))
    what, controls = found.pop("what"), found.pop("controls")
    said = {each: getattr(theirs, each) for each in ("before", "after", "change", "flips", "baseline")}
    assert unlike(found, {**said, "n": 1, "exact": True}) == []
    assert what == theirs.what
    assert unlike([list(each) for each in controls], [list(each) for each in theirs.controls.items()]) == []


@pytest.mark.parametrize("switches", [s for s in SWITCHES if "patch" not in s[0]], ids=" ".join)
@pytest.mark.parametrize("name", ["sentiment", "pre"])
def test_values_under_switches_are_pythons(page, name, switches):
    found = modules.run(page, SWITCHED, {"model": name, "text": TEXTS[0], "switches": switches})
    theirs = plain(python(name, TEXTS[0]).picture(switches=switches))
    for picture in (found, theirs):  # −∞, which JSON writes in two ways
        for shape_and_data in picture["arrays"].values():
            shape_and_data[1] = [x if x is not None and abs(x) < 1e30 else -1e9 for x in shape_and_data[1]]
    assert unlike(found, theirs | {"baselines": None}) == []


def test_what_is_no_switch_is_refused_in_one_line(page):
    body = OPEN + (
        "const { tries, ...asked } = given; const picture = await source.picture(asked); const said = [];"
        "for (const each of tries) await source.whatIf(picture, each).catch((error) => said.push(error.message));"
        "return JSON.stringify(said);"
    )
    x, both = python("post", TEXTS[0]), ["word:1:delete", "cut:4>3"]
    tries = [*([switch] for switch in REFUSED), both]
    *messages, last = modules.run(page, body, {"model": "post", "text": TEXTS[0], "tries": tries})
    for (switch, said), message in zip(REFUSED.items(), messages, strict=True):
        assert said in message and "\n" not in message
        with pytest.raises(UsageError):
            x.switch(switch)
    with pytest.raises(UsageError) as refused:
        x.what_if(*map(x.switch, both))
    assert last == str(refused.value)


@pytest.mark.parametrize(("layer", "head"), [(0, 1), (1, 2)])
def test_every_cell_of_a_head_is_cut(page, layer, head):
    body = OPEN + (
        "const { layer, head, ...asked } = given; const picture = await source.picture(asked);"
        "const first = await source.head(picture, layer, head);"
        "const { cells } = await source.measured(picture, layer, head);"
        "const again = await source.head(picture, layer, head);"
        "return JSON.stringify([first.cells.exact, cells.exact, cells.shape, [...cells.data], again.cells === cells]);"
    )
    given = {"model": "post", "text": TEXTS[0], "layer": layer, "head": head}
    estimated, exact, shape, data, kept = modules.run(page, body, given)
    assert (estimated, exact, kept) == (False, True, True)
    effects = python("post", TEXTS[0]).sheet(f"L{layer}.H{head}").effects
    np.testing.assert_allclose(np.reshape(data, shape), effects, atol=CLOSE)


WORK = (
    "const { Tape } = await import('/engine/tape.js'); const { rows } = Tape.prototype; let done = 0;"
    "const counted = async (measure) => { done = 0; Tape.prototype.rows = function (x, width, compute) {"
    " return rows.call(this, x, width, (data, n) => ((done += n * width * x.shape[1]), compute(data, n))); };"
    " await measure(); Tape.prototype.rows = rows; return done; };"
)
TWELVE = "I would not say the food was as bad as it looked"


def test_what_a_switch_does_not_reach_is_not_computed(page):
    """Multiplications and additions in linear maps: a plain run of 12 pieces takes 4.7 million."""
    body = (
        OPEN
        + WORK
        + (
            "const picture = await source.picture(given);"
            "const sites = ['L0.stream[0,0]', 'L1.stream[0,0]', 'pooled[0]'];"
            "const set = (each) => counted(() => source.whatIf(picture, [`set:${each}=1`]));"
            "const work = [await counted(() => source.picture(given))];"
            "for (const each of sites) work.push(await set(each));"
            "return JSON.stringify(work);"
        )
    )
    n, layer = 12, 4 * 128 * 128 + 2 * 128 * 512
    whole, one, two, three = modules.run(page, body, {"model": "sentiment", "text": TWELVE})
    assert len(readers()["sentiment"].explain(TWELVE).pieces) == n
    assert one <= 12 * (n * layer + 128 * 4)  # the second layer of a switch and eleven controls, and the answer
    assert two <= 12 * 128 * 4 and three <= 128 * 4  # the answer alone
    assert whole <= 450e6, "0.3 s at 1.5 thousand million a second"


def test_fixed_orders_are_pythons(page):
    body = (
        "const { mulberry32, shuffledOrder } = await import('/engine/baselines.js');"
        "return JSON.stringify(given.map((seed) => { const number = mulberry32(seed);"
        " return [number(), number(), shuffledOrder(9, mulberry32(seed))]; }));"
    )
    seeds = [0, 1, 8, 2**31, 2**32 - 1]
    for seed, (first, second, order) in zip(seeds, modules.run(page, body, seeds), strict=True):
        number = baselines.mulberry32(seed)
        assert [first, second] == [next(number), next(number)]
        assert order == baselines.mixed(list(range(9)), baselines.mulberry32(seed))


def test_a_pair_is_refused_and_so_is_a_model_that_is_not_there(page):
    body = OPEN + "try { await source.picture(given); } catch (error) { return JSON.stringify(error.message); }"
    pair = modules.run(page, body, {"model": "post", "text": "good", "second": "bad"})
    assert pair.startswith("the models in this file read one text at a time")
    assert "cannot read another" in modules.run(page, body, {"model": "elsewhere", "text": "good"})
    assert "is in the vocabulary" in modules.run(page, body, {"model": "post", "text": "家"})
