"""Texts written step by step, held against the model asked for everything at once, and against the search itself."""

import numpy as np
import pytest
import torch

from glassformer.errors import UsageError
from glassformer.explain.decoded import MOST, SEARCHED, SHOWN, TRANSLATED, decoded, search, translation
from glassformer.explain.reader import read
from glassformer.models.beams import Search, beams
from glassformer.models.decoding import Until
from glassformer.tape import listen

DIGITS = ["3 1 4 1 5 9 2 6", "0 0 7 7 1 2 8 0"]


@pytest.fixture(scope="module", params=DIGITS)
def written(request):
    """The fields and arrays of one text, and what the tape hears where the decoder is given all of it at once."""
    reader = read("reverse")
    fields, arrays = translation(reader, request.param)
    source = torch.tensor([[reader.tokens.id(each) for each in fields["read"]]])
    asked = torch.tensor([[reader.tokens.id(each) for each in (fields["begin"], *fields["written"][:-1])]])
    with torch.no_grad(), listen(reader.model) as tape:
        reader.model(asked, memory=reader.model.read(source))
    return reader, request.param, fields, arrays, tape


def test_it_is_the_translation(written):
    reader, text, fields, _, _ = written
    found = reader.translate(text)
    assert fields["written"] == [each.piece for each in found.pieces]
    assert " ".join(fields["written"][:-1]) == " ".join(reversed(text.split()))
    assert fields["ended"] and fields["text"] == text and fields["model"] == "reverse"
    assert fields["vocabulary"][reader.config.start] == fields["begin"] and len(fields["vocabulary"]) == 14


def test_every_value_is_that_of_the_text_at_once(written):
    _, _, _, arrays, tape = written
    for name, array in arrays.items():
        if name.endswith("weights"):
            heard = tape[name][0].transpose(0, 1)  # t h n
        elif name in ("vectors", "bias"):
            continue
        else:
            heard = tape[name][0]
        np.testing.assert_allclose(array, heard.numpy(), atol=2e-5, err_msg=name)
        assert array.dtype == np.float32


def test_keys_and_values_are_made_of_the_top_output(written):
    reader, _, _, arrays, _ = written
    top = torch.from_numpy(arrays["encoder.final"])
    for layer, block in enumerate(reader.model.layers):
        for name in ("k", "v"):
            made = getattr(block.cross, name)(top).detach().numpy()
            np.testing.assert_allclose(arrays[f"layers.{layer}.cross.{name}"][0], made, atol=1e-5)


def test_logits_are_the_last_vector_and_what_predicts(written):
    _, _, _, arrays, _ = written
    np.testing.assert_allclose(arrays["final"] @ arrays["vectors"].T + arrays["bias"], arrays["logits"], atol=1e-5)


def test_weights_sum_to_one_and_none_is_on_what_comes_later(written):
    _, _, _, arrays, _ = written
    for name in (name for name in arrays if name.endswith("weights")):
        np.testing.assert_allclose(arrays[name].sum(-1), 1, atol=1e-6)
        if "attention" in name:
            assert (np.triu(arrays[name][:, 0], 1) == 0).all()


@pytest.mark.parametrize(("prompt", "width", "most"), [(SEARCHED[1], 2, 4), ("she had ", 3, 3), ("to be or ", 1, 5)])
def test_a_search_is_that_of_beams_and_of_greedy(prompt, width, most):
    reader, how = read("characters"), Search(width, length_penalty=0.0)
    found = search(reader, prompt, how, most)
    ids = torch.tensor([reader.tokens.begun(prompt)])
    best = beams(reader.model, ids, search=how, until=Until(most))[0]
    shown = reader.writer.kind.shown
    assert [each["pieces"] for each in found["beams"]] == [list(map(shown, beam.ids)) for beam in best]
    assert [each["score"] for each in found["beams"]] == [beam.score for beam in best]
    assert found["kept"][-1] == [each["pieces"] for each in found["beams"]]
    greedy = reader.generate(prompt, most=most)
    assert found["greedy"] == [each.piece for each in greedy.pieces]
    assert [len(some[0]) for some in found["kept"]] == list(range(1, most + 1))


@pytest.mark.parametrize(("prompt", "width", "most"), [(SEARCHED[1], 2, 4), ("she had ", 3, 3)])
def test_what_is_kept_follows_from_the_ways_on(prompt, width, most):
    """The sums of log-probabilities alone say which texts a beam keeps, and how likely they are."""
    found = search(read("characters"), prompt, Search(width, length_penalty=0.0), most)
    ways = {tuple(each["after"]): each["next"] for each in found["ways"]}
    assert all(len(each) == SHOWN and each == sorted(each, key=lambda way: -way[1]) for each in ways.values())
    kept = {(): 0.0}
    for length in range(most):
        more = {(*text, piece): total + one for text, total in kept.items() for piece, one in ways[text]}
        kept = dict(sorted(more.items(), key=lambda each: -each[1])[:width])
        assert [list(text) for text in kept] == found["kept"][length]
    assert list(kept.values()) == pytest.approx([each["score"] for each in found["beams"]], abs=1e-4)


@pytest.mark.parametrize(("model", "text"), [("characters", "3 1"), ("sentiment", "good"), ("reverse", "  ")])
def test_what_cannot_be_translated_is_said(model, text):
    with pytest.raises(UsageError):
        translation(read(model), text)


def test_a_translator_continues_no_text():
    with pytest.raises(UsageError):
        search(read("reverse"), "3 1", Search(2), 2)


def test_the_shipped_ones_differ():
    """What the gallery shows: two beams find a likelier text than greedy decoding."""
    both = decoded()
    assert both["translation"]["text"] == TRANSLATED[1] and both["search"]["prompt"] == SEARCHED[1]
    assert both["search"]["greedy"] != both["search"]["beams"][0]["pieces"]
    assert len(both["search"]["greedy"]) == MOST and both is decoded()
