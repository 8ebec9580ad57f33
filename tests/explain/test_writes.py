"""A model that writes, explained: beside its forward pass by hand, in float64, with −∞ where it may not look."""

from dataclasses import asdict

import pytest
import torch

from glassformer.errors import UsageError
from glassformer.explain.classifies import OneLabel
from glassformer.explain.effects import estimated, measured
from glassformer.explain.like import alike
from glassformer.explain.path import path, readout
from glassformer.explain.slope import answered
from glassformer.explain.story import story
from glassformer.explain.trial import Trial
from glassformer.models.gpt2 import Gpt2Classifier
from tests import made
from tests.explain import by_hand

LONGER = "we were not nice but this restaurant was not terrible"
CLOSE = 1e-5


def odds(logits, piece):
    """ln(p ÷ (1 − p)) of a piece."""
    p = logits.double().softmax(-1)[..., piece]
    return torch.log(p / (1 - p)).item()


@pytest.fixture(params=made.WRITERS)
def x(request):
    return made.writer(request.param).explain(made.SENTENCE)


@pytest.fixture
def trial(x):
    return x._trial


def last(trial, **how):
    return by_hand.writer(trial.reader.model, trial.ids[0], **how)[-1]


def cut(trial, looks, at, layer=None, head=None):
    """Who may look where one word may no longer look at another, in every head or in one."""
    n, config = trial.ids.size(1), trial.reader.config
    look = torch.ones(config.layers, config.heads, n, n, dtype=torch.bool)
    where = (slice(None), slice(None)) if layer is None else (layer, head)
    for i in trial.words[looks].pieces:
        for j in trial.words[at].pieces:
            look[(*where, i, j)] = False
    return look


# the answer


def test_it_says_what_is_likeliest_after_the_last_piece(trial):
    by_likelihood = last(trial).softmax(-1).sort(descending=True)
    answer = trial.answer
    assert [each.probability for each in answer.candidates] == pytest.approx(by_likelihood[0][:5].tolist(), abs=1e-6)
    names = [trial.kind.shown(id) for id in by_likelihood[1][:5].tolist()]
    assert [each.piece for each in answer.candidates] == names and answer.says == names[0] == trial.metric.of
    assert answer.share == answer.candidates[0].probability
    assert answer.value == pytest.approx(odds(last(trial), by_likelihood[1][0]), abs=CLOSE)
    assert trial.before == pytest.approx(answer.value, abs=CLOSE) and trial.metric.sides is None
    assert trial.metric.address == f"logits[{trial.ids.size(1) - 1},{by_likelihood[1][0]}]"


def test_texts_side_by_side_are_answered_as_each_alone(x):
    reader, texts = x.reader, [LONGER, "nice", made.SENTENCE]
    together = reader._answer_all([reader.cut(text) for text in texts])
    for text, answer in zip(texts, together, strict=True):
        alone = reader(text)
        assert answer.says == alone.says and answer.value == pytest.approx(alone.value, abs=CLOSE)


def test_what_would_end_a_text_is_not_read():
    decoder = made.writer("bert decoder").cut(made.SENTENCE)
    assert decoder.names[0] == "[CLS]" and decoder.names[-1] == "terrible" and decoder.specials == {0}
    with pytest.raises(UsageError, match="made continues a text: give one text, there are two"):
        made.writer().cut("one", "two")
    with pytest.raises(UsageError, match="made continues a text: explain, why and generate take it, classify does not"):
        next(made.writer().stream(["one"]))


def test_spaces_are_shown():
    x = made.writer().explain("was  not\nit")
    assert "".join(x.pieces) == "was␣␣not⏎it" and "⏎" in x.words


def test_another_piece_can_be_asked_about(x):
    reader, trial = x.reader, x._trial
    for id in (5, 40, trial.reader.config.vocabulary - 1):
        about = reader.explain(made.SENTENCE, of=reader.tokens.name(id))
        assert about._trial.before == pytest.approx(odds(last(trial), id), abs=CLOSE)
        assert about.answer == x.answer and about.story.metric.address.endswith(f",{id}]")


def test_a_piece_is_known_by_how_it_is_called_written_or_shown():
    kind = made.writer().kind
    id = kind.tokens.id("Ġwas")
    assert {kind.piece("Ġwas"), kind.piece(" was"), kind.piece("␣was")} == {id} and kind.shown(id) == "␣was"
    with pytest.raises(UsageError, match=r"'␣was not' is 2 pieces \(␣was ␣not\); ask about one piece"):
        made.writer().explain("it", of="␣was not")
    with pytest.raises(UsageError, match="'家' is no piece that it knows"):
        made.writer("generator").explain("it", of="家")
    with pytest.raises(UsageError, match="made puts a label on a text: only a model that continues a text is asked"):
        made.reader().explain("it was", of="was")


# effects


def test_every_edge_is_cut_as_by_hand(trial):
    pairs = trial.pairs()
    assert pairs and all(i > j for i, j in pairs)
    piece = trial.measure.piece
    for edge in measured(trial, pairs):
        after = odds(last(trial, look=cut(trial, edge.looks, edge.at)), piece)
        assert trial.before + edge.change == pytest.approx(after, abs=CLOSE)


def test_the_story_is_of_the_last_word_with_its_control_and_each_head(trial):
    told, piece = story(trial).told, trial.measure.piece
    own = [edge for edge in measured(trial, trial.pairs()) if edge.looks == trial.spoken[-1]]
    assert told.edge == max(own, key=lambda edge: abs(edge.change))
    assert told.control.looks == told.edge.looks and told.control.at != told.edge.at
    for layer, row in enumerate(told.by_head):
        for head, change in enumerate(row):
            look = cut(trial, told.edge.looks, told.edge.at, layer, head)
            assert trial.before + change == pytest.approx(odds(last(trial, look=look), piece), abs=CLOSE)


def test_in_a_long_text_the_last_word_is_measured_too(monkeypatch):
    trial = made.writer_trial(LONGER)
    monkeypatch.setattr(Trial, "exact", 30)
    monkeypatch.setattr("glassformer.explain.effects.VERIFIED", 2)
    monkeypatch.setattr("glassformer.explain.effects.AT_LEAST", 2)
    assert story(trial).told.edge.looks == trial.asks == trial.spoken[-1]
    assert estimated(trial)[trial.asks].abs().max() > 0


@pytest.mark.parametrize("name", ["generator", "gpt2"])
def test_a_word_is_taken_away_by_the_mean_of_all_pieces(name):
    x = made.writer(name).explain(made.SENTENCE)
    trial, table = x._trial, x.reader.model.embed.pieces.weight
    assert trial.metric.blank == "mean of all pieces"
    for k, adds in enumerate(x.story.views[-1].adds):
        pieces = table[trial.ids[0]].detach().clone()
        pieces[list(trial.words[k].pieces)] = table.detach().mean(0)
        after = odds(last(trial, pieces=pieces), trial.measure.piece)
        assert trial.before - adds == pytest.approx(after, abs=CLOSE)
        assert x.what_if(x.switch(f"word:{k}:mask")).after == pytest.approx(after, abs=CLOSE)


def test_a_classifier_without_a_mask_uses_the_mean_too():
    reader = made.reader(made.gpt2(Gpt2Classifier))
    reader.tokens.mask = -1
    assert OneLabel(reader.checkpoint).blank == "mean of all pieces" and not reader.kind.looks_ahead


def test_only_the_last_position_is_computed_where_nobody_hears_the_others(trial):
    whole, few = trial.kind.run(trial.batch), trial.kind.ask(trial.batch)
    assert few.size(1) == 1 and few[0, 0].tolist() == pytest.approx(whole[0, -1].tolist(), abs=CLOSE)
    padded = trial.kind.ask(trial.batch.times(2))
    assert padded.shape[:2] == (2, 1)
    value = trial.output[0, -1, 3].item() + 2.0
    moved = trial.output[0, -1].double().clone()
    moved[3] = value
    x = trial.reader.explain(made.SENTENCE)
    after = x.what_if(x.switch(f"set:logits[{trial.ids.size(1) - 1},3]={value!r}")).after
    assert after == pytest.approx(odds(moved, trial.measure.piece), abs=CLOSE)


def test_sentences_alike_put_nothing_behind_what_is_asked(trial):
    found = alike(trial, *[story(trial).told.edge] * 2)
    assert found.n > 3 and all(
        text.split()[-1] in (*"awful horrible".split(), text.split()[-1]) for text in found.texts
    )
    behind = made.writer_trial("it was hot")
    own = alike(behind, *[story(behind).told.edge] * 2)
    assert own.n == 10 and all(text.endswith("it was hot") for text in own.texts)


# the way to the answer


def test_the_path_sums_to_the_logit(trial):
    found = path(trial)
    assert found.of == f"the logit of {trial.metric.of} after the last piece"
    logit = last(trial)[trial.measure.piece].item()
    assert sum(term.value for term in found.terms) == pytest.approx(logit, abs=CLOSE)
    assert answered(trial) == pytest.approx(logit, abs=CLOSE)


def test_layer_by_layer_it_says_what_it_would_say(trial):
    found = readout(trial)
    assert [each.after for each in found] == ["embed", "L0", "L1"]
    assert [each.piece for each in found[-1].candidates] == [each.piece for each in trial.answer.candidates]
    assert found[-1].value == pytest.approx(trial.before, abs=CLOSE)
    model, kind = trial.reader.model, type(trial.reader.model).__name__
    for each, stream in zip(found, trial.streams(), strict=True):
        with torch.no_grad():
            x = stream if kind == "CausalLanguageModel" else model.finish(stream)
            logits = model.head(x) if kind == "Generator" else model.predict(x, model.embed.pieces.weight)
        share = logits[0, -1].double().softmax(-1)
        assert each.share == pytest.approx(share[trial.measure.piece].item(), abs=CLOSE)
        assert [one.probability for one in each.candidates] == pytest.approx(share.topk(5)[0].tolist(), abs=CLOSE)


def test_the_picture_has_what_comes_next(x):
    picture = x.picture()
    assert picture["model"]["family"] in ("generator", "gpt2", "bert")
    assert picture["model"]["labels"] == [] and picture["model"]["pool"] is None
    assert picture["answer"]["next"] == [asdict(each) for each in x._trial.answer.candidates]
    assert picture["answer"]["masks"] is None and len(picture["readout"][0]["candidates"]) == 5
    assert (picture["arrays"]["look"] == torch.ones(len(x.pieces), len(x.pieces)).tril().numpy()).all()
    names = [each["name"] for each in picture["baselines"]]
    assert names == ["uniform attention", "average attention", "shuffled words", "random weights"]
    assert "logits" not in picture["arrays"] and picture["path"] is not None
