"""Switches by name: each string against the same change made by hand, and back to the string."""

import json
from dataclasses import replace

import pytest
import torch

from glassformer.errors import UsageError
from glassformer.explain.choices import choose, choose_cut, choose_head
from glassformer.explain.reference import reference
from glassformer.explain.whatif import what_if
from glassformer.models import heads
from glassformer.tape import listen
from tests import made
from tests.explain.many import begun

CLOSE = 1e-5
STRINGS = (
    "off:L0.H1:zero",
    "off:L1.H2:mean",
    "off:L0.H0:uniform",
    "off:L1.mlp:zero",
    "off:L0.mlp:mean",
    "cut:4>3",
    "cut:4>3@L1",
    "cut:0>2@L0.H1",
    "cell:L1.H0[4,2]",
    "word:1:mask",
    "word:1:delete",
    "word:1:unseen",
    "without:scaling",
    "without:positions",
    "without:heads",
    "set:L0.H1.z[4,2]=0.5",
    "set:L1.stream[0,3]=-2.0",
    "set:L0.H2.scores[4,1]=1e-07",
    "set:L1.mlp.out[2,2]=3.25",
    "set:logits[1]=7.0",
)
PATCHES = ("patch:L0.H1", "patch:L1.mlp", "patch:L0.stream[4]", "patch:L0.H1.v", "patch:embed.stream", "patch:final")
OTHER = "the filming was very good"


@pytest.fixture(params=["post mean", "pre max", "labels", "two texts together", "mask", "vector", "relative key"])
def trial(request):
    return begun(request.param)


@pytest.mark.parametrize("text", STRINGS)
def test_a_string_names_a_switch_that_is_written_the_same_way(trial, text):
    if text == "set:logits[1]=7.0" and len(trial.shapes.get("logits", (0, 0))) != 1:
        return
    choice = choose(trial, text)
    assert str(choice) == text and str(choose(trial, str(choice))) == text
    result = what_if(trial, [choice])
    again = what_if(trial, [choose(trial, str(choice))])
    assert result.after == again.after and result.controls == again.controls
    assert result.what == choice.switch.name and result.baseline
    assert list(result.controls) == [each.name for each in choice.controls]


def after(trial, edit, batch=None, measure=None):
    with torch.no_grad(), listen(trial.reader.model, keep=(), edit=edit):
        batch = batch or trial.batch
        return (measure or trial.measure)(trial.kind.run(batch), batch).item()


def changed(index, value):
    """An edit of a value with a batch axis of one."""

    def edit(x):
        x = x.clone()
        x[(0, *index)] = value
        return x

    return edit


def test_each_does_what_its_name_says(trial):
    n = trial.ids.size(1)
    four, three, one = (list(trial.words[k].pieces) for k in (4, 3, 1))
    edges = torch.zeros(n, n, dtype=torch.bool)
    edges[torch.tensor(four)[:, None], three] = True
    unseen = torch.zeros(n, n, dtype=torch.bool)
    unseen[:, one] = True
    unseen[one] = False
    cell = torch.zeros(n, n, dtype=torch.bool)
    cell[4, 2] = True
    mean = reference(trial.reader).heads[1, 2]
    mlp = reference(trial.reader).mlps[0]
    mask = trial.reader.model.embed.pieces.weight[trial.reader.tokens.mask].detach()
    everywhere = "layers.*.attention.scaled"
    one_head = lambda h, c: lambda x: x.masked_fill((torch.arange(3) == h)[:, None, None] & c, -torch.inf)  # noqa: E731
    expected = {
        "off:L0.H1:zero": {"layers.0.attention.z": changed((1,), 0.0)},
        "off:L1.H2:mean": {"layers.1.attention.z": changed((2,), mean)},
        "off:L1.mlp:zero": {"layers.1.mlp.out": torch.zeros_like},
        "off:L0.mlp:mean": {"layers.0.mlp.out": lambda out: mlp.expand_as(out)},
        "cut:4>3": {everywhere: lambda x: x.masked_fill(edges, -torch.inf)},
        "cut:4>3@L1": {"layers.1.attention.scaled": lambda x: x.masked_fill(edges, -torch.inf)},
        "cut:4>3@L1.H2": {"layers.1.attention.scaled": one_head(2, edges)},
        "cell:L1.H0[4,2]": {"layers.1.attention.scaled": one_head(0, cell)},
        "word:1:mask": {"embed.pieces": changed((one,), mask)},
        "word:1:unseen": {everywhere: lambda x: x.masked_fill(unseen, -torch.inf)},
        "set:L0.H1.z[4,2]=0.5": {"layers.0.attention.z": changed((1, 4, 2), 0.5)},
        "set:L1.stream[0,3]=-2.0": {"layers.1.stream": changed((0, 3), -2.0)},
    }
    for text, edit in expected.items():
        assert what_if(trial, [choose(trial, text)]).after == pytest.approx(after(trial, edit), abs=CLOSE), text


def with_a_mask(trial, word):
    ids = trial.ids.clone()
    ids[0, list(trial.words[word].pieces)] = trial.reader.tokens.mask
    return trial.after(batch=replace(trial.batch, ids=ids)).item()


def test_a_masked_word_is_the_text_with_a_mask_in_its_place(trial):
    by_ids = with_a_mask(trial, 1)
    result = what_if(trial, [choose(trial, "word:1:mask")])
    assert result.after == pytest.approx(by_ids, abs=CLOSE) and result.baseline == trial.metric.blank
    assert len(result.controls) == len(trial.spoken) - 1
    others = [with_a_mask(trial, k) for k in trial.spoken if k != 1]
    assert list(result.controls.values()) == pytest.approx(others, abs=CLOSE)
    bag = made.trial("the food was good", made.bag())
    assert what_if(bag, [choose(bag, "word:3:mask")]).change == pytest.approx(-what_if(bag, []).adds[3], abs=1e-6)


def test_a_deleted_word_is_the_text_without_it():
    for make in (made.trial, lambda text: made.bert_trial(text, kind=heads.SequenceClassification)):
        whole, less = make("the filming was not terrible"), make("the filming was terrible")
        assert what_if(whole, [choose(whole, "word:not:delete")]).after == pytest.approx(less.before, abs=CLOSE)
    whole, less = made.trial("the filming was not terrible"), made.trial("the filming was terrible")
    result = what_if(whole, [choose(whole, "word:not:delete")])
    assert str(choose(whole, "word:not:delete")) == "word:3:delete" and result.what == "not taken out"
    assert result.after == pytest.approx(less.before, abs=CLOSE)
    both = what_if(whole, [choose(whole, "word:3:delete"), choose(whole, "word:1:delete")])
    assert both.after == pytest.approx(made.trial("the was terrible").before, abs=CLOSE)
    off = choose_head(less, "L0.H1", "zero")
    together = what_if(whole, [choose(whole, "word:3:delete"), choose(whole, "off:L0.H1:zero")])
    assert together.after == pytest.approx(what_if(less, [off]).after, abs=CLOSE)
    cut = what_if(whole, [choose(whole, "word:3:delete"), choose(whole, "cut:0>1"), choose(whole, "word:2:mask")])
    masked = what_if(less, [choose_cut(less, 0, 1), choose(less, "word:2:mask")])
    assert cut.after == pytest.approx(masked.after, abs=CLOSE)


def test_of_two_texts_each_may_lose_a_word():
    for joint in (False, True):
        whole = made.bert_trial("it was not good", "the food was good", joint)
        less = made.bert_trial("it was not good", "the food good", joint)
        result = what_if(whole, [choose(whole, "word:was#2:delete")])
        assert result.what == "was#2 taken out"
        if joint:  # its measure holds the unchanged vector; of two vectors it is their cosine
            vector, old = (t.values["sentence"][0].double() for t in (less, whole))
            expected = torch.cosine_similarity(vector, old, dim=0).item()
        else:
            expected = less.before
        assert result.after == pytest.approx(expected, abs=CLOSE)


def test_the_mask_that_is_asked_about_moves_with_its_text():
    whole = made.bert_trial("the food was [MASK]", kind=heads.MaskedLanguageModel)
    less = made.bert_trial("food was [MASK]", kind=heads.MaskedLanguageModel)
    piece, logits = whole.measure.piece, less.tape["logits"][0, 3].double()
    odds = logits[piece] - torch.cat([logits[:piece], logits[piece + 1 :]]).logsumexp(0)
    result = what_if(whole, [choose(whole, "word:1:delete")])
    assert result.after == pytest.approx(odds.item(), abs=CLOSE)
    assert "[MASK] taken out" not in result.controls and len(result.controls) == 2
    with pytest.raises(UsageError, match=r"\[MASK\] is what is asked about; delete another word"):
        choose(whole, "word:4:delete")


def test_a_value_set_is_held_beside_the_same_difference_elsewhere(trial):
    old = trial.tape["layers.0.attention.z"][0, 1, 4, 2].item()
    result = what_if(trial, [choose(trial, "set:L0.H1.z[4,2]=0.5")])
    assert list(result.controls) == [f"L0.H{h}.z[4,2] {0.5 - old:+.4g}" for h in (0, 2)]
    for head, value in zip((0, 2), result.controls.values(), strict=True):
        there = trial.tape["layers.0.attention.z"][0, head, 4, 2].item() + 0.5 - old
        expected = after(trial, {"layers.0.attention.z": changed((head, 4, 2), there)})
        assert value == pytest.approx(expected, abs=CLOSE)
    places = what_if(trial, [choose(trial, "set:L1.stream[0,3]=-2.0")]).controls
    assert len(places) == trial.ids.size(1) - 1


@pytest.mark.parametrize("text", PATCHES)
def test_a_patch_puts_in_what_stands_there_in_the_other_sentence(text):
    trial, other = made.trial("the film was not terrible"), made.trial("the film was very good")
    choice = choose(trial, text, other)
    assert str(choice) == text and str(choose(trial, str(choice), other)) == text
    where = {
        "patch:L0.H1": ("layers.0.attention.z", (1,)),
        "patch:L1.mlp": ("layers.1.mlp.out", ()),
        "patch:L0.stream[4]": ("layers.0.stream", (4,)),
        "patch:L0.H1.v": ("layers.0.attention.v", (1,)),
        "patch:embed.stream": ("embed.stream", ()),
        "patch:final": ("final", ()),
    }
    site, index = where[text]
    result = what_if(trial, [choice])
    assert result.after == pytest.approx(after(trial, {site: changed(index, other.tape[site][0][index])}), abs=CLOSE)
    assert "of 'the film was very good' put in" in result.what and "other" in result.baseline
    counts = {"patch:L0.H1": 5, "patch:L1.mlp": 1, "patch:L0.stream[4]": 4, "patch:L0.H1.v": 5}
    assert len(result.controls) == counts.get(text, 0)
    if text in ("patch:embed.stream", "patch:final"):
        assert result.after == pytest.approx(other.before, abs=CLOSE)


def test_controls_of_a_patch_are_the_same_patch_elsewhere():
    trial, other = made.trial("the film was not terrible"), made.trial("the film was very good")
    controls = what_if(trial, [choose(trial, "patch:L0.H1", other)]).controls
    alone = {f"patch:L{k}.H{h}": choose(trial, f"patch:L{k}.H{h}", other) for k in (0, 1) for h in (0, 1, 2)}
    del alone["patch:L0.H1"]
    expected = {choice.switch.name: what_if(trial, [choice]).after for choice in alone.values()}
    assert controls == pytest.approx(expected, abs=CLOSE)


def test_the_control_of_a_cell_is_the_key_of_nearest_weight(trial):
    choice = choose(trial, "cell:L1.H0[4,2]")
    (control,) = choice.controls
    row = trial.tape["layers.1.attention.weights"][0, 0, 4]
    specials = trial.pieces.specials
    fits = [k for k in range(len(row)) if k not in (4, 2) and k not in specials]
    nearest = min(fits, key=lambda k: abs(row[k] - row[2]).item())
    assert control.text == f"cell:L1.H0[4,{nearest}]"


def test_the_control_of_a_cut_in_one_head_is_nearest_in_that_head():
    trial = made.trial("the food was not so good")
    for where, weights in (
        ("L1.H2", trial.tape["layers.1.attention.weights"][0, 2]),
        ("L0", trial.tape["layers.0.attention.weights"][0].mean(0)),
    ):
        row = weights[5]
        nearest = min((k for k in (0, 1, 2, 4)), key=lambda k: abs(row[k] - row[3]).item())
        assert choose(trial, f"cut:5>3@{where}").controls[0].text == f"cut:5>{nearest}@{where}"


def test_digits_are_numbers_of_words_whatever_the_words_are():
    trial = made.trial("3 of 5 # stars")
    assert str(choose(trial, "cut:4>3")) == "cut:4>3" and choose(trial, "cut:4>3").switch.name.endswith("look at #")
    assert str(choose(trial, "word:3:mask")) == "word:3:mask"
    assert str(choose(trial, "cut:stars>of @ L0")) == "cut:4>1@L0"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no switch; write off:L0.H3:zero"),
        ("of:L0.H0", "is no switch; did you mean off"),
        ("OFF", "is no switch; did you mean off"),
        ("off:L0.H9:zero", "head 9, but only 0 to 2"),
        ("off:L9.mlp:zero", r"no L9\.mlp: this model has layers 0 to 1"),
        ("off:L0.mlp:uniform", "there is no baseline of an MLP 'uniform'; choose zero, mean"),
        ("off:L0.H0:zeros", "no baseline 'zeros'; did you mean zero"),
        ("off:nothing", "is no head|is no address"),
        ("cut:9>1", "there is no word 9"),
        ("cut:4", "names no edge"),
        ("cut:4>3@L7", "this model has layers 0 to 1"),
        ("cut:4>3@L0.H7", "head 7, but only 0 to 2"),
        ("cell:L0.H1", "is no cell; write"),
        ("cell:L0.stream[1,2]", "is no cell; write"),
        ("cell:L0.H1[9,0]", "query 9, but only 0 to"),
        ("word:1:hide", "no way to take a word away 'hide'; choose mask, delete, unseen"),
        ("word:1", "no way to take a word away|there is no word"),
        ("word:99:mask", "there is no word 99"),
        ("without:scale", "did you mean scaling"),
        ("set:L0.H1.z[4,2]", "no number to set|is no address"),
        ("set:L0.H1.z[4,2]=nan", "'nan' is no number to set"),
        ("set:L0.H1.z[4,2]=1e999", "is no number to set"),
        ("set:L0.H1.z[4]=1", r"L0\.H1\.z\[4\] is not one number; set one, such as set:L0\.H1\.z\[4,0\]=1"),
        ("set:L0.H1.y[4,2]=1", "there is no"),
        ("patch:L0.H1", "a patch needs another sentence"),
        ("patch:L9.H1", "this model has layers 0 to 1"),
        ("\x1b[31m:\x00", "is no switch"),
        ("set:" + "9" * 5000 + "=1", "is no address|there is no"),
    ],
)
def test_what_is_no_switch_gets_one_line_that_says_what_is(text, said):
    trial = made.trial("the filming was not terrible")
    with pytest.raises(UsageError, match=said) as caught:
        choose(trial, text)
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value) and len(str(caught.value)) < 500


def test_what_does_not_fit_together_is_said():
    trial, other = made.trial("the filming was not terrible"), made.trial("the food was good")
    with pytest.raises(UsageError, match="'the food was good' has 4 pieces, this sentence 6; a patch needs as many"):
        choose(trial, "patch:L0.H1", other)
    for later in ("cut:4>0", "word:4:mask", "word:4:unseen", "cell:L0.H0[5,5]", "set:L0.stream[4,0]=1"):
        with pytest.raises(UsageError, match=f"not is taken out, and {later[:6]}.*counts what stands behind it"):
            what_if(trial, [choose(trial, "word:3:delete"), choose(trial, later)])
    one = made.trial("good")
    with pytest.raises(UsageError, match="nothing would be left to read of 'good'"):
        what_if(one, [choose(one, "word:0:delete")])
    vector = made.bert_trial("it was good")
    with pytest.raises(UsageError, match=r"\[CLS\] is put there by the model"):
        choose(vector, "word:0:delete")
    with pytest.raises(UsageError, match="is made of the answer, not on the way to it"):
        choose(vector, "set:sentence[0]=1")
    bag = made.trial("the food was good", made.bag())
    for text in ("off:L0.H0:zero", "off:L0.mlp:zero", "cut:1>0", "cell:L0.H0[1,0]", "word:1:unseen", "without:heads"):
        with pytest.raises(UsageError, match="has no attention"):
            choose(bag, text)


def test_an_explanation_takes_strings_and_another_sentence():
    x = made.reader().explain("the film was not terrible", beside=())
    choices = list(map(x.switch, ["cut:4>3", "off:L1.H2:zero"]))
    assert x.what_if(*choices).after == x.what_if(x.choose_cut(4, 3), x.choose_head("L1.H2")).after
    patched = x.what_if(x.switch("patch:final", other="the film was very good"))
    assert patched.after == pytest.approx(x.what_if(x.switch("patch:final", x.beside("the film was very good"))).after)
    with pytest.raises(UsageError, match=r"'too short' has .* pieces, this sentence 5; give one of as many"):
        x.switch("patch:final", other="too short")
    assert json.dumps([str(choice) for choice in choices]) == '["cut:4>3", "off:L1.H2:zero"]'
