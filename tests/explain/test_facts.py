"""What a model is: its sizes, and the verbs that take it."""

import pytest

from glassformer.explain.facts import facts, verbs
from glassformer.models import heads
from tests import made


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (heads.Pooled, ("explain", "why", "embed")),
        (heads.MaskedLanguageModel, ("explain", "why", "fill", "embed")),
        (heads.SequenceClassification, ("explain", "why", "classify", "embed")),
        (heads.QuestionAnswering, ("explain", "why", "embed")),
    ],
)
def test_a_model_names_the_verbs_that_take_it(kind, expected):
    assert verbs(made.bert_reader(kind)) == expected
    assert verbs(made.reader()) == ("explain", "why", "classify")


def test_its_sizes_are_its_own():
    reader = made.bert_reader(heads.SequenceClassification, how={"normalised": True, "unused": ("a",), "most": 30})
    known = facts(reader)
    assert (known["layers"], known["heads"], known["width"], known["reads"]) == (2, 3, 12, "at most 30 pieces")
    assert known["weights"] == sum(weight.numel() for weight in reader.model.parameters())
    assert known["labels"] == list(made.TWO) and known["unused"] == ["a"]
    assert known["vector"] == "mean of its positions, brought to length 1"
    assert "labels" not in facts(made.bert_reader()) and "vector" not in facts(made.reader())
    assert repr(reader) == "<Reader made: puts a label on a text>"


def test_show_prints_them(capsys):
    made.bert_reader().show()
    out = capsys.readouterr().out
    assert "makes a vector of a text (Pooled)" in out and "explain, why, embed" in out
