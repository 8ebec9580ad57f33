"""The same question in sentences alike: twenty of them, all different, the edge where it was."""

import pytest

from glassformer.explain import effects
from glassformer.explain.like import COMPANY, HOW_MANY, KINDS, alike
from glassformer.models import heads
from tests import made


def told(trial):
    edge = effects.edges_cut(trial)[0]
    return edge, effects.control_of(trial, edge)


def like(text, model=None):
    trial = made.trial(text, model)
    return trial, alike(trial, *told(trial))


@pytest.mark.parametrize(
    "text",
    [
        made.SENTENCE,
        "The filming, wasn't (very) terrible!",
        "it is what it is",
        "one two three",
        "We hated it",
        "l’été n'était pas terrible",
    ],
)
def test_there_are_twenty_different_ones_and_none_is_the_sentence_itself(text):
    _trial, result = like(text)
    assert result.n == HOW_MANY == len(result.texts) == len(result.changes) == len(result.control_changes)
    lower = {each.lower() for each in result.texts}
    assert len(lower) == HOW_MANY and text.lower() not in lower
    assert 0 <= result.agree <= HOW_MANY and 0 <= result.flips <= HOW_MANY


def test_words_of_a_known_kind_are_exchanged_and_nothing_else():
    trial, result = like("This restaurant was not terrible, 10/10!")
    things, bad = (next(kind for kind in KINDS if word in kind) for word in ("restaurant", "terrible"))
    for text in result.texts:
        words = [word.text for word in trial.reader.cut(text).words]
        assert len(words) == len(trial.words)
        assert words[1] in things and words[4] in bad
        assert text == f"This {words[1]} was not {words[4]}, 10/10!"


def test_where_no_word_is_known_the_sentence_stands_in_other_company():
    _trial, result = like("one was not two")
    assert all("one was not two" in text for text in result.texts)
    assert len(COMPANY) == HOW_MANY


def test_where_few_words_are_known_company_makes_up_the_number():
    _, result = like("it was hated")
    exchanged = [text for text in result.texts if "hated" not in text]
    assert 0 < len(exchanged) < HOW_MANY == result.n


@pytest.mark.parametrize("text", [made.SENTENCE, "one was not two"])
def test_each_change_is_the_cut_made_in_that_sentence_alone(text):
    trial, result = like(text)
    edge, control = told(trial)
    agree = flips = 0
    for other, change, aside in zip(result.texts, result.changes, result.control_changes, strict=True):
        single = made.trial(other)
        shift = next(k for k in range(9) if single.words[k].text == trial.words[0].text)
        cut = [single.edges([(each.looks + shift, each.at + shift)]) for each in (edge, control)]
        expected = [single.after_cuts(each).item() - single.before for each in cut]
        assert [change, aside] == pytest.approx(expected, abs=1e-5)
        agree += expected[0] * edge.change > 0 and abs(expected[0]) > abs(expected[1])
        flips += single.before * (single.before + expected[0]) < 0
    assert (result.agree, result.flips) == (agree, flips)


@pytest.mark.parametrize("extra", [0, 2, 20])
@pytest.mark.parametrize("word", ["one", "terrible", "bad"])
def test_a_text_that_fills_the_model_does_not_run_over(word, extra):
    """Longer words, or words put before, push the last ones out: the edge must not be looked for there."""
    text = " ".join([word] * (40 + extra))
    trial = made.trial(text)
    last = effects.Edge(len(trial.words) - 1, len(trial.words) - 2, 0.1, 0.5)
    result = alike(trial, last, effects.control_of(trial, last))
    assert result.n == len(result.texts) <= HOW_MANY


def test_a_sentence_whose_words_are_all_exchanged_for_unknown_ones_is_still_told():
    known = made.definition(["good", "film"]).replace('"g"', '"§"').replace('"f"', '"¤"')
    reader = made.reader(made.classifier())
    reader.tokens = type(reader.tokens)(known)
    x = reader.explain("good film", beside=())
    assert x.story.told.like.n > 0


@pytest.mark.parametrize("joint", [True, False])
def test_of_two_texts_both_are_exchanged_and_the_edge_stays_where_it_was(joint):
    trial = made.bert_trial("the filming was not terrible", "it was good food", joint=joint)
    edge, control = told(trial)
    result = alike(trial, edge, control)
    assert result.n == HOW_MANY and all(text.count(" | ") == 1 for text in result.texts)
    terrible, good = (next(kind for kind in KINDS if word in kind) for word in ("terrible", "good"))
    for text, change in list(zip(result.texts, result.changes, strict=True))[::4]:
        first, second = text.split(" | ")
        assert first.split()[-1] in terrible and second.split()[2] in good
        single = made.bert_trial(first, second, joint=joint)
        after = single.after_cuts(single.edges([(edge.looks, edge.at)])).item()
        assert change == pytest.approx(after - single.before, abs=1e-5)


def test_in_company_the_special_pieces_stay_outside():
    trial = made.bert_trial("one was not two", kind=heads.SequenceClassification)
    edge, control = told(trial)
    result = alike(trial, edge, control)
    assert result.n == HOW_MANY and all("one was not two" in text for text in result.texts)
    for text, change in list(zip(result.texts, result.changes, strict=True))[::4]:
        single = made.bert_trial(text, kind=heads.SequenceClassification)
        shift = next(k for k in range(9) if single.words[k].text == "one") - 1
        after = single.after_cuts(single.edges([(edge.looks + shift, edge.at + shift)])).item()
        assert change == pytest.approx(after - single.before, abs=1e-5)


def test_an_edge_to_a_special_piece_is_found_in_sentences_alike_too():
    trial = made.bert_trial("the food was good", kind=heads.SequenceClassification)
    last = effects.measured(trial, [(4, 5)])[0]  # good looks at [SEP]
    result = alike(trial, last, effects.control_of(trial, last))
    assert result.n == HOW_MANY


def test_two_texts_that_fill_the_model_do_not_run_over():
    trial = made.bert_trial("the food was good " * 12, "we were terrible " * 9, kind=heads.SequenceClassification)
    edge, control = told(trial)
    assert alike(trial, edge, control).n <= HOW_MANY
