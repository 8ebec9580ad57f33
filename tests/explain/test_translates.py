"""A translator is explained: what is measured is what happens when it is run by hand with that one thing changed."""

import math

import pytest
import torch

import glassformer as gf
from glassformer.errors import UsageError
from glassformer.explain import ablations
from glassformer.explain.choices import choose
from glassformer.explain.crossed import crossed
from glassformer.explain.path import path, readout
from glassformer.explain.picture import picture
from glassformer.explain.sides import heads_of
from glassformer.explain.switches import LOOKS
from glassformer.explain.whatif import what_if
from glassformer.models.decoding import Until, write
from glassformer.parts.kernels.prepared import prepare
from glassformer.tape import listen
from tests import made

READ, WRITTEN = "the food was not terrible", "it was very good"
CLOSE = 1e-4
AT = 2


@pytest.fixture(scope="module", params=["post", "pre", "post, prepared", "pre, prepared"])
def trial(request):
    block, _, prepared = request.param.partition(", ")
    found = made.translate_trial(READ, WRITTEN, AT, block=block, encoder_heads=2, bias=block == "pre")
    if prepared and not prepare(found.reader.model):
        pytest.skip("this build of PyTorch has no oneDNN")
    return found


def by_hand(trial, edit=None):
    """The log-odds of the piece that stands there, of a model that is run by hand."""
    model, source = trial.reader.model, torch.tensor([trial.source.ids])
    with torch.no_grad(), listen(model, keep=(), edit=edit or {}):
        logits = model(trial.ids, memory=model.read(source))[0, AT].double()
    share = logits.softmax(0)[trial.ids[0, AT + 1]]
    return (share.log() - (1 - share).log()).item()


def test_what_is_measured_is_the_log_odds_of_the_piece_that_is_written(trial):
    assert trial.before == pytest.approx(by_hand(trial), abs=1e-5)
    assert trial.metric.address == f"logits[{AT},{trial.ids[0, AT + 1]}]"
    assert trial.texts == ["[PAD]", "it", "was", "very", "good"]
    assert [word.text for word in trial.source.words] == READ.split()


@pytest.mark.parametrize("kind", LOOKS)
@pytest.mark.parametrize("baseline", ["zero", "uniform"])
def test_every_head_off_is_the_model_run_with_that_head_off(trial, kind, baseline):
    site = {"zero": "z", "uniform": "weights"}[baseline]
    found = ablations.heads(trial, [baseline], kind)
    assert len(found.exact) == 2 * {"encoder": 2}.get(kind, 3) and all(found.exact)
    for (layer, head), change in zip(heads_of(trial, kind), found.changes[baseline], strict=True):

        def silenced(value, head=head):
            value = value.clone()
            row = torch.zeros_like(value[:, head])
            if baseline == "uniform":
                seen = (value[:, head] > 0).float()
                row = seen / seen.sum(-1, keepdim=True)
            value[:, head] = row
            return value

        after = by_hand(trial, {f"{LOOKS[kind][0].replace('*', str(layer))}.{site}": silenced})
        assert change == pytest.approx(after - trial.before, abs=CLOSE)
        called = LOOKS[kind][1].format(layer, head)
        assert what_if(trial, [choose(trial, f"off:{called}:{baseline}")]).change == pytest.approx(change, abs=CLOSE)


def test_a_mean_is_of_what_it_writes_of_other_texts(trial):
    for kind in LOOKS:
        changes = ablations.heads(trial, ["mean"], kind).changes["mean"]
        assert all(map(math.isfinite, changes)) and max(map(abs, changes)) > 0


def test_each_look_at_a_word_read_is_cut_in_every_layer_and_head(trial):
    told = crossed(trial)
    assert told.looks == AT and [edge.at for edge in sorted(told.edges, key=lambda e: e.at)] == list(range(5))
    for edge in told.edges:

        def away(scaled, edge=edge):
            scaled = scaled.clone()
            scaled[:, :, AT, edge.at] = -torch.inf
            return scaled

        assert edge.change == pytest.approx(by_hand(trial, {"layers.*.cross.scaled": away}) - trial.before, abs=CLOSE)
        weight = torch.cat([trial.tape[f"layers.{k}.cross.weights"][0] for k in range(2)])[:, AT, edge.at].mean()
        assert edge.attention == pytest.approx(weight.item(), abs=1e-6)
    assert told.edges == sorted(told.edges, key=lambda edge: -abs(edge.change))
    others = [edge for edge in told.edges if edge.at != told.edges[0].at]
    assert told.control == min(others, key=lambda edge: abs(edge.attention - told.edges[0].attention))


def test_a_look_is_cut_in_one_head(trial):
    told = crossed(trial)
    for layer, row in enumerate(told.by_head):
        for head, change in enumerate(row):

            def away(scaled, head=head):
                scaled = scaled.clone()
                scaled[:, head, AT, told.edges[0].at] = -torch.inf
                return scaled

            after = by_hand(trial, {f"layers.{layer}.cross.scaled": away})
            assert change == pytest.approx(after - trial.before, abs=CLOSE)
            text = f"cross:{AT}>{told.edges[0].at}@L{layer}.H{head}"
            done = what_if(trial, [choose(trial, text)])
            assert str(choose(trial, text)) == text and done.change == pytest.approx(change, abs=CLOSE)
            assert len(done.controls) == 1


def test_what_a_word_read_adds_is_the_change_when_the_mean_of_all_pieces_stands_there(trial):
    model = trial.reader.model
    mean = model.embed.pieces.weight.mean(0) * math.sqrt(model.config.width)
    for word, adds in enumerate(crossed(trial).adds):

        def blanked(pieces, word=word):
            pieces = pieces.clone()
            pieces[:, word] = mean
            return pieces

        after = by_hand(trial, {"encoder.embed.pieces": blanked})
        assert trial.before - after == pytest.approx(adds, abs=CLOSE)
        assert what_if(trial, [choose(trial, f"source:{word}:mask")]).after == pytest.approx(after, abs=CLOSE)


def test_the_terms_of_the_path_sum_to_the_logit(trial):
    found = path(trial)
    logit = trial.tape["logits"][0, AT, trial.ids[0, AT + 1]].item()
    assert sum(term.value for term in found.terms) == pytest.approx(logit, abs=1e-4)
    assert [term.name for term in found.terms if term.kind == "cross"] == [
        f"L{k}.cross.H{h}" for k in (0, 1) for h in range(3)
    ]


def test_the_last_reading_is_the_answer(trial):
    assert readout(trial)[-1].value == pytest.approx(trial.before, abs=CLOSE)


def test_taking_out_a_word_written_before_moves_the_question(trial):
    model, source = trial.reader.model, torch.tensor([trial.source.ids])
    ids = torch.cat([trial.ids[:, :1], trial.ids[:, 2:]], dim=1)
    with torch.no_grad():
        logits = model(ids, memory=model.read(source))[0, AT - 1].double()
    share = logits.softmax(0)[trial.ids[0, AT + 1]]
    after = what_if(trial, [choose(trial, "word:1:delete")]).after
    assert after == pytest.approx((share.log() - (1 - share).log()).item(), abs=CLOSE)


def test_what_is_written_behind_changes_nothing(trial):
    assert what_if(trial, [choose(trial, "word:4:mask")]).change == pytest.approx(0.0, abs=1e-5)
    assert what_if(trial, [choose(trial, f"cross:{AT + 1}>0")]).change == pytest.approx(0.0, abs=1e-5)


def test_the_model_writes_by_itself_what_decoding_writes():
    reader = made.translate_reader()
    model = reader.model
    memory = model.read(torch.tensor([reader.tokens.cut(READ, 48).ids]))
    start = torch.tensor([[model.config.start]])
    ids = [int(step.ids) for step in write(model, start, memory=memory, until=Until(47, {model.config.end}))]
    ids = ids[:-1] if ids[-1] == model.config.end else ids
    assert reader.cut(READ).ids == [model.config.start, *ids]
    assert reader.explain(READ).text == READ


def test_a_picture_holds_what_was_read_and_every_look(trial):
    found = picture(trial)
    assert found["text"] == found["source_text"] == READ and found["written"] == found["second"] == WRITTEN
    assert found["source_pieces"] == trial.source.names and found["pieces"] == trial.pieces.names
    assert found["model"]["encoder"] == {"layers": 2, "heads": [2, 2]} and found["model"]["cross_heads"] == [3, 3]
    for name in ("encoder.layers.1.attention.q", "layers.0.cross.k", "layers.1.attention.v"):
        torch.testing.assert_close(torch.tensor(found["arrays"][name]), trial.tape[name][0])
    for kind in ("encoder", "cross"):
        exact = ablations.heads(trial, ["zero"], kind).changes["zero"]
        told = [change for row in found["effects"][f"{kind}_heads"]["zero"] for change in row]
        assert told == pytest.approx(exact, abs=CLOSE)
    assert found["arrays"]["look"].tolist() == torch.ones(5, 5).tril().tolist()
    assert {each["name"] for each in found["baselines"]} >= {"uniform attention", "shuffled words"}


@pytest.mark.parametrize(
    ("text", "repair"),
    [
        ("cross:1>9", "there is no word 9; the sentence has words 0"),
        ("cross:1", "write cross:4>3"),
        ("cross:1>2@L9", "layers 0 to 1"),
        ("source:1:delete", "write source:3:mask"),
        ("off:encoder.L7.H0:zero", "this encoder has layers 0 to 1"),
        ("off:L0.cross.H7:zero", "head 7, but only 0 to 2"),
    ],
)
def test_what_is_not_there_is_said(trial, text, repair):
    with pytest.raises(UsageError, match=repair):
        choose(trial, text)


def test_only_a_translator_reads_a_source():
    with pytest.raises(UsageError, match="reads no source"):
        choose(made.trial(), "cross:1>2")
    with pytest.raises(UsageError, match="only a translator"):
        made.reader().explain("it was good", at=1)
    with pytest.raises(UsageError, match="there is no piece 9: 5 are written"):
        made.translate_reader().explain(READ, WRITTEN, at=9)


def test_the_shipped_reverse_uses_the_last_digit_for_the_first():
    told = gf.load("reverse").explain("3 1 4 1 5 9 2 6").story.crossed
    assert told.words[told.edges[0].at] == "6" and told.doubt is None
    assert told.edges[0].change < -5 and abs(told.control.change) < 1
