"""Texts side by side: padded, together, apart; and each says what it says alone."""

import pytest
import torch

from glassformer.explain.batch import Apart, apart, batch_of, run
from glassformer.models import heads
from tests import made

FIRST, SECOND = "the filming was not terrible", "food good"


@pytest.fixture(scope="module")
def reader():
    return made.bert_reader()


def test_two_texts_together_are_told_apart_by_their_type(reader):
    pieces = reader.tokens.cut(FIRST, 40, SECOND)
    batch = batch_of([pieces], reader.tokens)
    assert batch.types.tolist() == [[0] * 8 + [1] * 3] and batch.look is None and batch.real.all()
    roberta = made.bert_tokens("roberta")
    assert batch_of([roberta.cut(FIRST, 40, SECOND)], roberta).types is None


def test_two_texts_apart_say_in_one_row_what_each_says_alone(reader):
    cut = [reader.tokens.cut(text, 40) for text in (FIRST, SECOND)]
    both = apart(*cut)
    assert isinstance(both, Apart) and both.names == cut[0].names + cut[1].names
    assert [word.text for word in both.words] == ["[CLS]", *FIRST.split(), "[SEP]", "[CLS]", *SECOND.split(), "[SEP]"]
    assert sorted(both.specials) == [0, 7, 8, 11] and both.second == SECOND and both.types == [0] * 8 + [1] * 4
    batch = batch_of([both], reader.tokens)
    assert batch.positions.tolist() == [[*range(8), *range(4)]]
    stream = run(reader.model, batch)[0]
    alone = [run(reader.model, batch_of([each], reader.tokens))[0] for each in cut]
    torch.testing.assert_close(stream, torch.cat(alone), rtol=0, atol=2e-6)


@pytest.mark.parametrize("separately", [True, False])
@pytest.mark.parametrize("positions", ["absolute", "relative_key", "relative_key_query"])
def test_padding_changes_nothing(positions, separately):
    reader = made.bert_reader(positions=positions)
    cut = [reader.cut(first, second, joint=not separately) for first, second in ((FIRST, SECOND), ("good", FIRST))]
    together = run(reader.model, batch_of(cut, reader.tokens))
    for row, pieces in zip(together, cut, strict=True):
        alone = run(reader.model, batch_of([pieces], reader.tokens))[0]
        torch.testing.assert_close(row[: len(alone)], alone, rtol=0, atol=3e-6)


def test_rows_are_taken_repeated_and_split(reader):
    batch = batch_of([reader.cut(FIRST, SECOND)], reader.tokens)
    assert len(batch.times(5)) == 5 and batch.times(5).look.shape == (5, 12, 12)
    parts = list(batch.times(5).split(30))
    assert [len(part) for part in parts] == [2, 2, 1]
    assert len(list(batch.split(1))) == 1


def test_the_one_choice_of_multiple_choice_is_the_text():
    reader = made.bert_reader(heads.MultipleChoice)
    batch = batch_of([reader.tokens.cut(FIRST, 40)], reader.tokens)
    assert run(reader.model, batch).shape == (1, 1)


def test_a_decoder_does_not_look_ahead_in_texts_apart():
    reader = made.bert_reader(heads.CausalLanguageModel, decoder=True)
    cut = [reader.tokens.cut(text, 40) for text in (FIRST, SECOND)]
    both = run(reader.model, batch_of([apart(*cut)], reader.tokens))[0]
    alone = [run(reader.model, batch_of([each], reader.tokens))[0] for each in cut]
    torch.testing.assert_close(both, torch.cat(alone), rtol=0, atol=3e-6)
