"""What may stand at a mask: however it is written, wherever it stands, one or several; and who told it."""

import math

import pytest
import torch

from glassformer.errors import UsageError
from glassformer.models import heads
from tests import made

TEXT = "the food was [MASK]"
KINDS = {
    "bert": (heads.MaskedLanguageModel, "bert", {}),
    "pretraining": (heads.PreTraining, "bert", {}),
    "roberta": (heads.MaskedLanguageModel, "roberta", {}),
    "untied": (heads.MaskedLanguageModel, "bert", {"tied": False, "activation": "silu"}),
}


@pytest.fixture(params=KINDS)
def reader(request):
    kind, style, changes = KINDS[request.param]
    return made.bert_reader(kind, style, **changes)


def shares(reader, ids):
    """Probabilities at the masks, by an ordinary call."""
    with torch.inference_mode():
        output = reader.model(torch.tensor([ids]))
    logits = output[0] if isinstance(output, tuple) else output
    at = [k for k, id in enumerate(ids) if id == reader.tokens.mask]
    return logits[0, at].double().softmax(-1)


def test_the_likeliest_pieces_come_first_with_their_probability(reader):
    filled = reader.fill(TEXT, top=3)
    ids = reader.cut(TEXT).ids
    (expected,) = shares(reader, ids)
    best = expected.topk(3)
    assert [each.piece for each in filled.masks[0]] == [reader.tokens.name(id) for id in best.indices.tolist()]
    assert [each.probability for each in filled.masks[0]] == pytest.approx(best.values.tolist(), abs=1e-6)
    p = best.values[0].item()
    assert filled.value == pytest.approx(math.log(p / (1 - p)), abs=1e-5) and filled.share == pytest.approx(p)
    assert filled.says == filled.masks[0][0].piece and filled == reader.fill(TEXT, top=3)


@pytest.mark.parametrize("mask", ["[MASK]", "<mask>"])
def test_a_mask_is_one_however_it_is_written_and_wherever_it_stands(reader, mask):
    for text, words in (("{} good", 2), ("good{}.", 3), ("{}", 1), ("the {}{} food", 4)):
        pieces = reader.cut(text.format(mask, mask))
        assert pieces.ids.count(reader.tokens.mask) == text.count("{}")
        assert len(pieces.words) - len([word for word in pieces.words if word.pieces[0] in pieces.specials]) == words


def test_several_masks_are_filled_each(reader):
    filled = reader.fill("the [MASK] was [MASK]", top=2)
    expected = shares(reader, reader.cut("the [MASK] was [MASK]").ids)
    assert [[each.probability for each in mask] for mask in filled.masks] == [
        pytest.approx(row.topk(2).values.tolist(), abs=1e-6) for row in expected
    ]


def test_other_special_pieces_that_a_person_types_stay_text(reader):
    pieces = reader.cut("good [SEP] [MASK] </s> [CLS] food")
    called = made.SPECIALS["roberta" if reader.tokens.mask_name == "<mask>" else "bert"]
    assert len(pieces.specials) == 2
    assert [pieces.names.count(called[role]) for role in ("first", "last", "mask", "pad")] == [1, 1, 1, 0]


def test_a_stream_fills_each_line_in_order_and_leaves_the_rest_empty(reader):
    texts = [TEXT, "no mask", "", "[MASK]", "the [MASK] [MASK] food " * 3, "\ud800 [MASK] good", "the [MASK]"]
    filled = list(reader.fills(texts, top=2))
    assert [len(each.masks) for each in filled] == [1, 0, 0, 1, 6, 1, 1]
    for text, answer in zip(texts, filled, strict=True):
        if answer.masks:
            alone = reader.fill(text.replace("\ud800", "\ufffd"), top=2)
            assert [each.piece for each in answer.masks[0]] == [each.piece for each in alone.masks[0]]
            assert answer.value == pytest.approx(alone.value, abs=1e-5)
    assert filled[1].text == "no mask" and filled[1].says == "–"


def test_without_a_mask_it_says_how_the_models_own_is_written(reader):
    mask = reader.tokens.mask_name
    with pytest.raises(UsageError, match="'the food' has no mask; write ") as raised:
        reader.fill("the food")
    assert f"write {mask} in it: 'the food was {mask}'" in str(raised.value)
    with pytest.raises(UsageError, match=r"stands beyond the (40|39) pieces"):
        reader.fill("good " * 50 + "[MASK]")


def test_a_model_that_does_not_fill_says_what_it_does():
    with pytest.raises(UsageError, match="puts a label on a text: explain, why and classify take it, fill does not"):
        made.bert_reader(heads.SequenceClassification).fill(TEXT)
    with pytest.raises(UsageError, match="is no BERT; embed needs one"):
        made.reader().embed(["good"])


def test_effects_are_on_the_likeliest_piece_at_the_first_mask(reader):
    x = reader.explain("the [MASK] was very [MASK]")
    trial, story = x._trial, x.story
    first = shares(reader, reader.cut("the [MASK] was very [MASK]").ids)[0]
    piece = int(first.argmax())
    assert story.metric.of == reader.tokens.name(piece) and story.metric.address == f"logits[2,{piece}]"
    cut = trial.edges([(story.told.edge.looks, story.told.edge.at)])
    assert story.told.after == pytest.approx(trial.after_cuts(cut).item(), abs=1e-5)
    p = first[piece].item()
    assert trial.before == pytest.approx(math.log(p / (1 - p)), abs=1e-5)
    assert story.views[-1].adds[2] == pytest.approx(0.0, abs=1e-5)  # the mask in the place of the mask
    assert x.why(story.metric.address).difference < 1e-5
    assert story.told.like.n == 20 and all("[MASK]" in text or "<mask>" in text for text in story.told.like.texts)


def test_without_a_mask_it_is_explained_by_its_vector(reader):
    assert reader.explain("the food was good").story.metric.name == "cosine"
    assert len(reader("the food was good").vector) == 12


def test_a_sheet_of_a_vocabulary_has_its_likeliest_pieces(reader):
    sheet = reader.explain(TEXT).sheet("logits[4]")
    assert len(sheet.columns) == 20 and sheet.values[0] == sorted(sheet.values[0], reverse=True)
    assert sheet.columns[0] == reader.fill(TEXT).says and "with the largest logit" in sheet.what
    assert len(reader.explain(TEXT).sheet("logits").rows) == 6
