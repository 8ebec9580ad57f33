"""A picture holds what docs/page.md says, of every kind of model; its numbers are those of the other questions."""

import json
import math
from itertools import chain

import numpy as np
import pytest
import torch

import glassformer as gf
from glassformer.errors import UsageError
from glassformer.explain.address import parse
from glassformer.explain.choices import choose
from glassformer.explain.explanation import Explanation
from glassformer.explain.picture import head_picture, picture
from glassformer.explain.sheet import sheet
from glassformer.explain.story import story
from glassformer.explain.whatif import what_if
from glassformer.models import heads
from tests import made
from tests.explain.many import SENTENCE, TRIALS, begun, drawn

CLOSE = 1e-5
FIELDS = set(
    "schema kind text second read left_out unread model pieces word_of words word_pieces specials special_pieces "
    "second_from answer views metric before effects told take path readout baselines left partial switches cells "
    "whatifs arrays".split()
)


@pytest.fixture(params=TRIALS)
def trial(request):
    return begun(request.param)


@pytest.fixture
def whole(request, trial):
    """The picture of the trial, which nobody changes."""
    return drawn(request.node.callspec.params["trial"])


def plain(drawn):
    """JSON, and back."""
    header = {name: value for name, value in drawn.items() if name != "arrays"}
    again = json.loads(json.dumps(header, allow_nan=False))
    assert again == header
    return again


def test_a_picture_has_all_fields_and_they_are_plain(trial, whole):
    assert set(whole) == FIELDS
    header = plain(whole)
    assert header["schema"] == 1 and header["kind"] == "picture" and not header["partial"] and not header["switches"]
    n, words = len(header["pieces"]), len(header["words"])
    assert len(header["word_of"]) == n and sorted(chain(*header["word_pieces"])) == list(range(n))
    assert all(k in header["word_pieces"][word] for k, word in enumerate(header["word_of"]))
    assert header["answer"]["value"] == header["before"] == trial.before
    assert header["model"]["layers"] == 2 and sum(header["model"]["heads"]) == len(trial.heads)
    effects = header["effects"]
    assert {name: len(each) for name, each in effects["words"].items()} == dict.fromkeys(effects["words"], words)
    for table in (effects["heads"][name] for name in ("zero", "mean", "uniform", "exact")):
        assert list(map(len, table)) == header["model"]["heads"]
    assert len(header["path"]["terms"]) == len(trial.heads) + 6
    assert [each["after"] for each in header["readout"]] == ["embed", "L0", "L1"]
    assert len(header["baselines"]) == 4


def test_effects_are_those_of_the_single_switches(trial, whole):
    effects = whole["effects"]
    for text in ("off:L0.H1:zero", "off:L1.H0:mean", "off:L1.H1:uniform"):
        layer, head, baseline = int(text[5]), int(text[8]), text[10:]
        change = what_if(trial, [choose(trial, text)]).change
        assert effects["heads"][baseline][layer][head] == pytest.approx(change, abs=CLOSE)
    for how, changes in effects["words"].items():
        k = trial.spoken[0]
        assert changes[k] == pytest.approx(what_if(trial, [choose(trial, f"word:{k}:{how}")]).change, abs=CLOSE)
        assert all(changes[k] is None for k in trial.specials)
    for looks, at, change, attention in effects["edges"][:2]:
        assert change == pytest.approx(what_if(trial, [choose(trial, f"cut:{looks}>{at}")]).change, abs=CLOSE)
        assert attention == pytest.approx(trial.mean_attention()[looks, at].item(), abs=1e-6)
    for part, change in effects["without"].items():
        assert change == pytest.approx(what_if(trial, [choose(trial, f"without:{part}")]).change, abs=CLOSE)


def test_what_is_told_is_the_story(trial, whole):
    told, tale = whole["told"], story(trial)
    assert told["before"] == tale.told.before and told["after"] == pytest.approx(tale.told.after, abs=1e-6)
    assert (told["looks"], told["at"]) == (tale.told.edge.looks, tale.told.edge.at)
    for name in ("flips", "clear", "doubt"):
        assert told[name] == getattr(tale.told, name)
    assert told["like"]["n"] == tale.told.like.n and told["like"]["texts"] == tale.told.like.texts
    assert whole["take"]["words"] == tale.specials.words


def test_what_is_not_needed_at_once_is_left_out(trial, whole):
    quick = picture(trial, full=False)
    assert quick["partial"] and plain(quick)
    assert quick["effects"]["heads"]["mean"] is quick["effects"]["heads"]["uniform"] is None
    assert quick["effects"]["mlps"]["mean"] is quick["effects"]["without"] is quick["told"]["like"] is None
    assert quick["effects"]["words"]["delete"] is quick["effects"]["words"]["unseen"] is None
    for name in ("views", "readout", "path", "answer", "before", "take"):
        assert quick[name] == whole[name]
    for one, other in zip(quick["effects"]["heads"]["zero"], whole["effects"]["heads"]["zero"], strict=True):
        assert one == pytest.approx(other, abs=CLOSE)
    same = [name for name in whole["arrays"] if not name.endswith(".cells")]  # estimated at first, then measured
    assert {name: quick["arrays"][name].tobytes() for name in same} == {
        name: whole["arrays"][name].tobytes() for name in same
    }
    assert quick["arrays"].keys() == whole["arrays"].keys() and not any(map(any, quick["cells"]["exact"]))
    assert quick["told"]["clear"] in (None, False)


# arrays


def test_arrays_are_the_tapes_without_the_batch(trial):
    arrays = picture(trial, full=False)["arrays"]
    assert all(value.dtype == np.float32 and value.flags["C_CONTIGUOUS"] for value in arrays.values())
    n, width = trial.ids.size(1), 12
    for layer in range(2):
        own = {name.split(".", 2)[2]: value for name, value in arrays.items() if name.startswith(f"layers.{layer}.")}
        count = sum(k == layer for k, _ in trial.heads)
        expected = {f"attention.{kind}": (count, n, 4) for kind in ("q", "k", "v")}
        expected |= {"attention.brought": (count, n), "attention.cells": (count, n, n)}
        expected |= {kind: (n, width) for kind in ("attention.mixed", "between", "mlp.out", "stream")}
        if "relative" in getattr(trial.reader.config, "positions", ""):
            expected["attention.near"] = (count, n, n)
        assert {name: value.shape for name, value in own.items()} == expected
    for name, value in arrays.items():
        if name in trial.tape:
            assert torch.equal(torch.from_numpy(value), trial.tape[name][0])
    assert ("look" in arrays) == (not trial.may_look.all())
    assert {"embed.pieces", "embed.places", "embed.stream", "final"} <= set(arrays)
    assert all(name not in arrays for name in ("embed.norm.out", "layers.0.attention.weights"))
    assert arrays.get("logits", np.zeros(0)).ndim == 1 or arrays["logits"].shape[-1] < 10


def test_a_browser_can_make_the_weights_of_what_it_gets(trial):
    """What the page computes: scores, scaled, weights and z of q, k, v, near and look."""
    arrays = picture(trial, full=False)["arrays"]
    for layer in range(2):
        q, k, v = (arrays[f"layers.{layer}.attention.{kind}"].astype(np.float64) for kind in "qkv")
        scaled = (q @ k.swapaxes(1, 2) + arrays.get(f"layers.{layer}.attention.near", 0.0)) / math.sqrt(q.shape[-1])
        raised = np.exp(scaled - scaled.max(-1, keepdims=True)) * arrays.get("look", 1.0)
        weights = raised / raised.sum(-1, keepdims=True)
        np.testing.assert_allclose(weights, trial.tape[f"layers.{layer}.attention.weights"][0], atol=1e-5)
        np.testing.assert_allclose(weights @ v, trial.tape[f"layers.{layer}.attention.z"][0], atol=1e-5)
        mixture = weights * arrays[f"layers.{layer}.attention.brought"][:, None]
        mixture = (mixture / mixture.sum(-1, keepdims=True)).mean(0)
        if not trial.pieces.specials and all(len(word.pieces) == 1 for word in trial.words):
            np.testing.assert_allclose(mixture, trial.mixture()[layer].mean(0), atol=1e-5)


def test_a_long_text_has_small_pictures_too():
    model = made.classifier(length=200)
    trial = made.trial(" ".join(["the food was not good"] * 14), model)
    arrays = picture(trial, full=False)["arrays"]
    thumb, weights = arrays["layers.1.attention.thumb"], trial.tape["layers.1.attention.weights"][0].numpy()
    assert thumb.shape == (3, 32, 32) and len(trial.pieces.ids) == 70
    edges = [(math.floor(k * 70 / 32), math.ceil((k + 1) * 70 / 32)) for k in range(32)]
    for i, (top, bottom) in enumerate(edges):
        for j, (left, right) in enumerate(edges):
            assert thumb[1, i, j] == weights[1, top:bottom, left:right].max()
    assert "layers.1.attention.thumb" not in picture(made.trial(), full=False)["arrays"]


# switches


@pytest.mark.parametrize(
    "switches",
    [
        ["cut:4>3"],
        ["off:L0.H1:zero", "word:1:mask"],
        ["off:L1.H0:uniform", "off:L0.mlp:mean"],
        ["set:L0.H1.scores[1,0]=3.0", "set:L1.H0.z[0,1]=2.0"],
        ["word:1:delete", "without:scaling"],
        ["set:L1.stream[0,3]=-2.0"],
    ],
)
def test_with_switches_every_value_is_what_they_make_of_it(trial, switches):
    chosen = [choose(trial, text) for text in switches]
    drawn, result = picture(trial, choices=chosen), what_if(trial, chosen)
    header = plain(drawn)
    assert header["switches"] == switches and header["before"] == trial.before and not header["partial"]
    assert header["answer"]["value"] == pytest.approx(result.after, abs=CLOSE)
    assert all(header[name] is None for name in ("effects", "told", "views", "readout", "baselines", "whatifs"))
    arrays, n = drawn["arrays"], len(header["pieces"])
    assert not any(name.endswith("cells") for name in arrays)
    seen = trial.switched(*(choice.switch for choice in chosen))
    for layer in range(2):
        path = f"layers.{layer}.attention"
        q, k, v = (arrays[f"{path}.{kind}"].astype(np.float64) for kind in "qkv")
        scores = arrays.get(f"{path}.scores", q @ k.swapaxes(1, 2))
        scaled = arrays.get(f"{path}.scaled", (scores + arrays.get(f"{path}.near", 0.0)) / math.sqrt(q.shape[-1]))
        raised = np.exp(scaled - scaled.max(-1, keepdims=True)) * arrays.get("look", 1.0)
        weights = arrays.get(f"{path}.weights", raised / raised.sum(-1, keepdims=True))
        np.testing.assert_allclose(weights, seen.tape[f"{path}.weights"][0], atol=2e-4)
        np.testing.assert_allclose(arrays.get(f"{path}.z", weights @ v), seen.tape[f"{path}.z"][0], atol=2e-4)
        assert arrays[f"layers.{layer}.stream"].shape == (n, 12)
    deleted = "word:1:delete" in switches
    assert (len(header["words"]) == len(trial.words) - 1) == deleted


def test_only_what_a_switch_changed_stands_there_again():
    trial = TRIALS["post mean"]()

    def attention(text):
        arrays = picture(trial, choices=[choose(trial, text)])["arrays"]
        found = {name.rsplit(".", 1)[-1] for name in arrays if ".attention." in name}
        return found - {"q", "k", "v", "brought", "mixed"}

    assert attention("cut:4>3") == {"scaled"}
    assert attention("off:L0.H1:zero") == {"z"} and attention("off:L0.H1:uniform") == {"weights"}
    assert attention("set:L0.H1.scores[1,0]=3.0") == {"scores"} and attention("word:1:mask") == set()


def test_the_path_is_shown_with_switches_on_while_it_sums_to_the_answer():
    trial = TRIALS["post mean"]()
    off = picture(trial, choices=[choose(trial, "off:L0.H1:zero")])["path"]
    values = {term["name"]: term["value"] for term in off["terms"]}
    assert values["L0.H1"] == 0.0 and off["total"] == pytest.approx(
        trial.switched(choose(trial, "off:L0.H1:zero").switch).before, abs=CLOSE
    )
    assert picture(trial, choices=[choose(trial, "set:L1.stream[0,3]=-50.0")])["path"] is None
    assert picture(trial, choices=[choose(trial, "set:logits[1]=-50.0")])["path"] is None


# one head


def test_cells_can_wait_and_then_the_told_edge_is_cut_in_the_heads_that_bring_most_of_it():
    reader = made.bert_reader(layers=3, width=48, heads=12)
    x = reader.explain("the food was good but the film was", beside=())
    first, whole = x.picture(full=False, cells=False), x.picture()
    assert not [name for name in first["arrays"] if name.endswith(".cells")] and first["partial"]
    told = first["told"]
    measured = [(k, h) for k, row in enumerate(told["by_head"]) for h, each in enumerate(row) if each is not None]
    brought = {(k, h): x._trial.mixture()[k][h, told["looks"], told["at"]].item() for k in range(3) for h in range(12)}
    assert sorted(measured) == sorted(sorted(brought, key=lambda at: -brought[at])[:12])
    for k, h in measured:
        assert told["by_head"][k][h] == pytest.approx(whole["told"]["by_head"][k][h], abs=CLOSE)
    assert all(each is not None for row in whole["told"]["by_head"] for each in row)


def test_a_full_picture_measures_the_cells_of_as_many_heads_as_there_is_time_for():
    """The head that the told edge runs through first; the others stay estimated, and are said to be."""
    trial = TRIALS["post mean"]()
    trial.__dict__["exact"] = trial.ids.size(1) ** 3
    drawn = picture(trial)
    exact, told = drawn["cells"]["exact"], drawn["told"]["by_head"]
    measured = [at for at in trial.heads if exact[at[0]][at[1]]]
    effects = drawn["effects"]["heads"]["zero"]
    order = sorted(trial.heads, key=lambda at: -max(abs(told[at[0]][at[1]]), abs(effects[at[0]][at[1]])))
    assert set(measured) == set(order[:2]) and len(trial.heads) > 2
    for layer, head in trial.heads:
        own = head_picture(trial, layer, head)["arrays"]["cells"]
        found = drawn["arrays"][f"layers.{layer}.attention.cells"][head]
        assert np.allclose(found, own, atol=CLOSE) == exact[layer][head]


def test_one_head_has_its_cells_measured(trial):
    drawn = head_picture(trial, 1, 0)
    assert drawn["exact"] is True and plain(drawn)["kind"] == "head"
    address = parse("L1.H0.weights")
    np.testing.assert_allclose(drawn["arrays"]["cells"], sheet(trial, address).effects, atol=CLOSE)
    assert {name: value.shape for name, value in drawn["arrays"].items() if name in "qkv"} == dict.fromkeys(
        "qkv", (trial.ids.size(1), 4)
    )
    cell = what_if(trial, [choose(trial, "cell:L1.H0[2,1]")]).change
    assert drawn["arrays"]["cells"][2, 1] == pytest.approx(cell, abs=CLOSE)


def test_one_head_of_a_long_text_is_estimated_and_of_a_changed_one_not_asked():
    trial = TRIALS["post mean"]()
    trial.__dict__["exact"] = 100
    drawn = head_picture(trial, 1, 2)
    assert drawn["exact"] is False
    whole = picture(TRIALS["post mean"](), full=False)["arrays"]["layers.1.attention.cells"]
    np.testing.assert_allclose(drawn["arrays"]["cells"], whole[2], atol=1e-6)
    changed = head_picture(trial, 1, 2, [choose(trial, "off:L1.H2:uniform")])
    assert changed["exact"] is None and "cells" not in changed["arrays"]
    np.testing.assert_allclose(changed["arrays"]["weights"], np.full((6, 6), 1 / 6), atol=1e-6)
    with pytest.raises(UsageError, match="head 7, but only 0 to 2"):
        head_picture(trial, 1, 7)


# what is not ordinary


def test_a_bag_of_words_is_a_picture_too():
    drawn = picture(made.trial("the food was good", made.bag()))
    header = plain(drawn)
    assert header["model"]["layers"] == 0 and header["told"] is header["take"] is header["effects"]["without"] is None
    assert header["effects"]["edges"] == [] and header["effects"]["words"]["unseen"] == [None] * 4
    assert header["effects"]["words"]["mask"] == pytest.approx(
        [-each for each in header["views"][-1]["adds"]], abs=1e-9
    )
    assert [term["kind"] for term in header["path"]["terms"]] == ["embed"] * 4 + ["bias"]
    assert set(drawn["arrays"]) == {"shares", "logits"}


@pytest.mark.parametrize(
    "text", ["good", "<script>alert(1)</script> good", "a\u202e b\x00c \u0301 good \U0001f600", "good " * 200]
)
def test_hostile_and_strange_texts_are_plain_data(text):
    for reader in (made.reader(), made.bert_reader(kind=heads.SequenceClassification), made.bert_reader()):
        x = reader.explain(text, beside=())
        header = plain(x.picture())
        assert header["text"] == text and header["left_out"] == x.left_out
        assert len(header["pieces"]) <= 40


def test_an_explanation_draws_itself_beside_the_shipped_models():
    x = gf.load("sentiment").explain("this restaurant was not terrible")
    drawn = x.picture()
    assert [view["model"] for view in drawn["views"]] == ["bag-of-words", "sentiment-plain", "sentiment"]
    assert drawn["baselines"][0]["name"] == "bag of words"
    assert drawn["views"][0]["value"] == drawn["baselines"][0]["value"]
    assert drawn["told"]["like"]["n"] == 20 and drawn["effects"]["words"]["mask"][3] == pytest.approx(
        -x.story.views[-1].adds[3], abs=1e-9
    )
    switched = x.picture(switches=["cut:4>3"])
    assert switched["answer"]["value"] == pytest.approx(x.cut(4, 3).after, abs=1e-6)
    assert x.head_picture(0, 1)["arrays"]["cells"].shape == (5, 5)
    assert isinstance(x.beside("this restaurant was very good"), Explanation)


def test_what_a_file_holds_beforehand_is_what_if_without_running_anything():
    x = made.reader(made.classifier()).explain(SENTENCE, beside=())
    found = x.whatifs()
    kinds = {text.partition(":")[0] for text in found}
    assert kinds == {"cut", "word"} and len(found) == 20 + 3 * 5
    for text, told in found.items():
        result = x.what_if(x.switch(text))
        assert told["after"] == pytest.approx(result.after, abs=CLOSE) and told["baseline"] == result.baseline
        assert dict(told["controls"]) == pytest.approx(result.controls, abs=CLOSE)


def test_mlm_candidates_stand_in_the_answer():
    trial = made.bert_trial("the food was [MASK]", kind=heads.MaskedLanguageModel)
    answer = picture(trial, full=False)["answer"]
    assert answer["masks"][0][0]["piece"] == answer["says"] and len(answer["masks"][0]) == 5
    assert answer["probability"] is None and 0 < answer["share"] < 1
