"""Before and after, with controls; two sentences side by side; words named by hand."""

import pytest
import torch

from glassformer.errors import UsageError
from glassformer.explain import whatif
from glassformer.explain.choices import choose_cut, choose_head, choose_without
from glassformer.explain.named import edge, word_number
from glassformer.explain.reference import REFERENCE, reference
from glassformer.explain.whatif import against, what_if
from glassformer.hub.tokens import pad
from glassformer.models import heads
from glassformer.tape import listen
from tests import made

CLOSE = 1e-5  # the same number by two ways through float32


@pytest.fixture
def plain():
    return made.trial("the food was the good food")


def test_a_cut_is_held_beside_the_same_word_not_looking_elsewhere(trial):
    result = what_if(trial, [choose_cut(trial, "terrible", "not")])
    assert result.what == "terrible may not look at not"
    assert result.after == pytest.approx(trial.after_cuts(trial.edges([(4, 3)])).item(), abs=CLOSE)
    assert result.change == result.after - result.before and result.flips == (result.before * result.after < 0)
    ((name, odds),) = result.controls.items()
    other = name.removeprefix("terrible may not look at ")
    at = [word.text for word in trial.words].index(other)
    assert other not in ("not", "terrible")
    assert odds == pytest.approx(trial.after_cuts(trial.edges([(4, at)])).item(), abs=CLOSE)


@pytest.mark.parametrize("baseline", ["zero", "mean", "uniform"])
def test_a_head_off_is_held_beside_every_other_head_off(trial, baseline):
    result = what_if(trial, [choose_head(trial, "L1.H2", baseline)])
    others = {f"L{layer}.H{head} off ({baseline})" for layer in range(2) for head in range(3)}
    assert {result.what, *result.controls} == others and len(result.controls) == 5
    alone = what_if(trial, [choose_head(trial, "L0.H1", baseline)])
    assert result.controls[f"L0.H1 off ({baseline})"] == pytest.approx(alone.after, abs=1e-5)


def test_the_mean_of_a_head_is_over_all_words_of_twenty_sentences(model):
    reader = made.reader(model)
    total = torch.zeros(2, 3, 4)
    count = 0
    for text in REFERENCE:
        ids, _ = pad([reader.cut(text).ids], 0)
        with torch.inference_mode(), listen(model, "*.attention.z") as tape:
            model(ids)
        total += torch.stack([z[0].sum(1) for z in tape.values()])
        count += ids.size(1)
    means = reference(reader).heads
    assert len(REFERENCE) == len(set(REFERENCE)) == 20 and not any(" not " in text for text in REFERENCE)
    for (layer, head), mean in means.items():
        torch.testing.assert_close(mean, total[layer, head] / count, rtol=0, atol=1e-5)


def test_several_switches_have_no_control(trial):
    chosen = [choose_cut(trial, 4, 3), choose_without(trial, "positions")]
    result = what_if(trial, chosen)
    assert result.what == "terrible may not look at not + no positions"
    assert result.controls == {}
    assert result.after == trial.after(*(choice.switch for choice in chosen)).item()
    assert what_if(trial, []).change == pytest.approx(0, abs=1e-5)


def test_a_word_may_be_kept_from_itself_and_two_words_have_no_control():
    trial = made.trial("good food")
    assert what_if(trial, [choose_cut(trial, "good", "good")]).controls != {}
    assert what_if(trial, [choose_cut(trial, "good", "food")]).controls == {}


@pytest.mark.parametrize(
    ("word", "number"),
    [("the", 0), ("THE", 0), ("the#1", 0), ("the#2", 3), (" food ", 1), ("food#2", 5), (4, 4), ("4", 4), ("0", 0)],
)
def test_words_are_found_by_name_number_and_turn(plain, word, number):
    assert word_number(plain, word) == number


def test_words_that_look_the_same_are_told_apart(plain):
    result = what_if(plain, [choose_cut(plain, "the#2", "food")])
    assert result.what == "the#2 may not look at food#1"
    assert all(name.startswith("the#2 may not look at ") for name in result.controls)


def test_a_number_that_is_a_word_is_the_word():
    trial = made.trial("3 of 5 # stars")
    for word, number in (("5", 2), ("3", 0), ("1", 1), ("#", 3)):
        assert word_number(trial, word) == number


@pytest.mark.parametrize(
    ("word", "repair"),
    [
        ("foot", "did you mean food"),
        ("the#3", "the stands there 2 times"),
        ("the#0", "the stands there 2 times"),
        ("the#²", None),
        ("²", "there is no word '²'"),
        ("--5", "there is no word"),
        ("9" * 5000, "there is no word"),
        ("6", r"there is no word 6; the sentence has words 0 \(the\) to 5 \(food\)"),
        (-1, "there is no word -1"),
        ("", "there is no word"),
        ("\x1b[31m", "its words: the food was"),
    ],
)
def test_a_word_that_is_not_there_gets_a_line_that_says_what_is(plain, word, repair):
    if repair is None:
        assert word_number(plain, word) == 0
        return
    with pytest.raises(UsageError, match=repair):
        word_number(plain, word)


@pytest.mark.parametrize(
    ("choose", "repair"),
    [
        (lambda t: choose_head(t, "L1.H2", "zeros"), "there is no baseline 'zeros'; did you mean zero"),
        (lambda t: choose_head(t, "L1.H9", "zero"), "head 9, but only 0 to 2"),
        (lambda t: choose_head(t, "L1.stream", "zero"), r"L1\.stream is no head; write L0\.H0 to L1\.H2"),
        (lambda t: choose_head(t, "L1", "zero"), "is no head"),
        (lambda t: choose_without(t, "position"), "did you mean positions.*choose scaling, positions, heads"),
    ],
)
def test_what_cannot_be_switched_names_what_can(trial, choose, repair):
    with pytest.raises(UsageError, match=repair):
        choose(trial)


@pytest.mark.parametrize(
    "choose",
    [
        lambda t: choose_cut(t, 0, 1),
        lambda t: choose_head(t, "L0.H0", "zero"),
        lambda t: choose_without(t, "scaling"),
    ],
)
def test_a_bag_of_words_has_nothing_to_switch(choose):
    with pytest.raises(UsageError, match="has no attention"):
        choose(made.trial(model=made.bag()))


def test_two_sentences_stand_word_beside_word():
    reader = made.reader()
    result = against(reader, "this Film was terrible", "the film was not terrible")
    words = [tuple(cell and cell[0] for cell in row) for row in result.rows]
    assert words == [("this", "the"), ("Film", "film"), ("was", "was"), (None, "not"), ("terrible", "terrible")]
    assert [answer.text for answer in result.answers] == ["this Film was terrible", "the film was not terrible"]
    adds = [row[1][1] for row in result.rows]
    assert adds == [each for each in whatif.words_add(made.trial("the film was not terrible"))]
    with pytest.raises(UsageError):
        against(reader, "good", " ")


# BERTs


def test_special_pieces_are_cut_by_their_names_beside_another_special_one():
    trial = made.bert_trial("the food was good", "it was good", kind=heads.SequenceClassification)
    result = what_if(trial, [choose_cut(trial, "[CLS]", "good#2")])
    assert result.what == "[CLS] may not look at good#2" and result.metric.of == "positive" and result.second
    assert word_number(trial, "[SEP]") == 5 and word_number(trial, "[sep]#2") == 9
    sink = what_if(trial, [choose_cut(trial, "good", "[CLS]")])
    (control,) = sink.controls
    assert control.startswith("good#1 may not look at [SEP]")


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("<s>>terrible", ("<s>", "terrible")),
        ("terrible></s>", ("terrible", "</s>")),
        ("</s>><s>", ("</s>", "<s>")),
        ("terrible > not", ("terrible ", " not")),
        ("6>5", ("6", "5")),
        ("odd>one>out", ("odd", "one>out")),
    ],
)
def test_an_edge_is_read_even_where_a_name_holds_its_sign(text, sides):
    assert edge(made.bert_trial(style="roberta"), text) == sides


@pytest.mark.parametrize("text", ["", ">", "terrible", "terrible> ", " >not"])
def test_what_is_no_edge_says_how_one_is_written(text):
    with pytest.raises(UsageError, match='names no edge; write "terrible>not"'):
        edge(made.bert_trial(), text)


@pytest.mark.parametrize("positions", ["relative_key", "relative_key_query"])
def test_without_positions_of_a_relative_model_no_distance_counts(positions):
    trial = made.bert_trial("the food was good", positions=positions)
    result = what_if(trial, [choose_without(trial, "positions")])
    zeroed = made.bert_trial("the food was good", positions=positions)
    with torch.no_grad():
        for block in zeroed.reader.model.layers:
            block.attention.nearness.table.zero_()
    output = zeroed.kind.run(zeroed.batch)
    assert result.after == pytest.approx(trial.measure(output, trial.batch).item(), abs=1e-6)
    assert abs(result.change) > 1e-6


def test_two_texts_of_an_embedder_stand_beside_each_other_with_their_cosine():
    reader = made.bert_reader()
    result = against(reader, "the food was good", "the food was not good")
    assert result.cosine == pytest.approx(reader("the food was good", "the food was not good").cosine, abs=1e-6)
    assert [row[0] and row[0][0] for row in result.rows] == ["the", "food", "was", None, "good"]
    assert against(made.reader(), "good", "food").cosine is None
