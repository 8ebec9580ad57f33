"""A label of several, several labels, a score: each answer, and what effects on it are measured on."""

import pytest
import torch

from glassformer.explain.answers import Answer, Score, Several
from glassformer.explain.classifies import FOLLOWS, OneLabel, Scores, SeveralLabels
from glassformer.models import heads
from tests import made

TEXT, SECOND = "the filming was not terrible", "it was good food"
KIND = heads.SequenceClassification


def logits(reader, text=TEXT, second=None):
    """The model's own, by an ordinary call."""
    pieces = reader.tokens.cut(text, 40, second)
    with torch.inference_mode():
        types = torch.tensor([pieces.types]) if reader.tokens.types else None
        return reader.model(torch.tensor([pieces.ids]), types=types)[0].double()


@pytest.mark.parametrize("style", ["bert", "roberta"])
@pytest.mark.parametrize("second", [None, SECOND])
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_one_label_is_the_likeliest_and_its_log_odds_are_asked_about(classes, second, style):
    reader = made.bert_reader(KIND, style, classes=classes)
    answer, found = reader(TEXT, second), logits(reader, TEXT, second)
    p = found.softmax(-1)
    asked = 1 if classes == 2 else int(p.argmax())
    assert isinstance(answer, Answer) and isinstance(reader.kind, OneLabel)
    assert list(answer.probability.values()) == pytest.approx(p.tolist(), abs=1e-6)
    assert answer.label == reader.labels[int(p.argmax())] and answer.second == second
    assert answer.value == pytest.approx(torch.log(p[asked] / (1 - p[asked])).item(), abs=1e-5)
    metric = reader.explain(TEXT, second).story.metric
    assert (metric.name, metric.of, metric.address) == ("log-odds", reader.labels[asked], f"logits[{asked}]")
    assert metric.sides == (reader.labels[0] if classes == 2 else f"not {metric.of}", metric.of)
    assert metric.blank == {"bert": "[MASK]", "roberta": "<mask>"}[style]


def test_several_labels_hold_each_for_itself():
    reader = made.bert_reader(KIND, problem="multi_label_classification", classes=5)
    answer, found = reader(TEXT), logits(reader)
    assert isinstance(answer, Several) and isinstance(reader.kind, SeveralLabels)
    assert list(answer.probability.values()) == pytest.approx(found.sigmoid().tolist(), abs=1e-6)
    assert answer.labels == tuple(label for label, x in zip(reader.labels, found, strict=True) if x > 0)
    assert answer.says == ", ".join(answer.labels) and answer.value == pytest.approx(found.max().item(), abs=1e-5)
    x = reader.explain(TEXT)
    assert x._trial.before == pytest.approx(found.max().item(), abs=1e-5)
    assert Several("", (), {"a": 0.2}, -1.0).says == "none" and Several("", None, {}, 0.0).says == "–"


@pytest.mark.parametrize("changes", [{"classes": 1}, {"classes": 3, "problem": "regression"}])
def test_a_score_is_a_number_and_no_probability(changes):
    reader = made.bert_reader(KIND, **changes)
    answer, found = reader(TEXT), logits(reader)
    assert isinstance(answer, Score) and isinstance(reader.kind, Scores) and answer.share is None
    assert list(answer.scores.values()) == pytest.approx(found.tolist(), abs=1e-6)
    assert answer.says == reader.labels[0] and answer.value == pytest.approx(found[0].item())
    story = reader.explain(TEXT).story
    assert story.metric.sides is None and story.metric.name == "score" and not story.told.flips
    assert story.told.before == pytest.approx(found[0].item(), abs=1e-6)


def test_next_sentence_says_whether_the_second_text_follows():
    reader = made.bert_reader(heads.NextSentence, how={"labels": ("a", "b", "c")})
    answer = reader(TEXT, SECOND)
    assert reader.labels == tuple(answer.probability) == FOLLOWS
    expected = logits(reader, TEXT, SECOND).softmax(-1).tolist()
    assert list(answer.probability.values()) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("changes", [{}, {"classes": 3}, {"classes": 1}, {"problem": "multi_label_classification"}])
def test_a_stream_says_what_each_text_says_alone(changes):
    reader = made.bert_reader(KIND, **changes)
    texts = [TEXT, "", "good", "дом", SECOND]
    pairs = [(TEXT, SECOND), ("good", "the film"), ("", "")]
    for given, single in ((texts, lambda text: reader(text)), (pairs, lambda pair: reader(*pair))):
        for text, answer in zip(given, reader.stream(given), strict=True):
            if text in ("", "дом", ("", "")):
                assert answer.says == "–"
            else:
                assert answer.says == single(text).says
                assert answer.value == pytest.approx(single(text).value, abs=2e-5)


def test_pairs_and_single_texts_do_not_mix():
    with pytest.raises(ValueError, match="some texts have a second one and some have none"):
        made.bert_reader(KIND).answer_all([("a", "good"), "good"])
