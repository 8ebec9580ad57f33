"""Leftovers on either side are listed, both shapes are printed, and the field of config.json to look at is named."""

import pytest
import torch

from glassformer.errors import CheckpointError, UsageError
from glassformer.hub import matching, store
from glassformer.hub.matching import Wish, grouped
from glassformer.hub.weights import CheckpointWarning
from glassformer.models.heads import CausalLanguageModel, MaskedLanguageModel, SequenceClassification
from tests.hub import berts

LAYER = "bert.encoder.layer.1."
WORD = "bert.embeddings.word_embeddings.weight"


def refused(folder, line):
    with pytest.raises(CheckpointError, match=line) as raised:
        store.load(folder)
    text = str(raised.value)
    assert text.isprintable() and len(text) < 900 and raised.value.exit_code == 4
    return text


SHAPES = {
    "vocab_size": (WORD, lambda t: t[:-1], r"file \(18, 12\), model \(19, 12\); see vocab_size"),
    "hidden_size": (f"{LAYER}attention.self.query.weight", lambda t: t[:, :-1], r"model \(12, 12\); see hidden_size"),
    "intermediate_size": (f"{LAYER}intermediate.dense.weight", lambda t: t[:-1], r"\(20, 12\); see intermediate_size"),
    "intermediate bias": (f"{LAYER}intermediate.dense.bias", lambda t: t[:-1], r"\(20,\); see intermediate_size"),
    "intermediate back": (f"{LAYER}output.dense.weight", lambda t: t[:, :-1], r"\(12, 20\); see intermediate_size"),
    "positions": ("bert.embeddings.position_embeddings.weight", lambda t: t[:9], "see max_position_embeddings"),
    "types": ("bert.embeddings.token_type_embeddings.weight", lambda t: t[:1], "see type_vocab_size"),
    "pieces predicted": ("cls.predictions.bias", lambda t: t[:-1], r"file \(18,\), model \(19,\); see vocab_size"),
    "another rank": ("cls.predictions.bias", lambda t: t[None], r"file \(1, 19\), model \(19,\)"),
}


@pytest.mark.parametrize("kind", SHAPES)
def test_another_shape_prints_both_and_the_field(bert, kind):
    name, change, line = SHAPES[kind]
    weights = berts.tensors(bert)
    refused(berts.put(bert, weights | {name: change(weights[name]).contiguous()}), line)


def test_the_number_of_labels_is_named(tmp_path):
    folder = berts.folder(tmp_path / "m", SequenceClassification, ("a", "b", "c"), classes=3)
    berts.change(folder, id2label={"0": "a", "1": "b"}, label2id=None)
    refused(folder, r"classifier\.weight: file \(3, 12\), model \(2, 12\); see num_labels")


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"num_hidden_layers": 1}, r"no place in the model for bert\.encoder\.layer\.1\..*; see num_hidden_layers"),
        ({"num_hidden_layers": 3}, r"not in the files: bert\.encoder\.layer\.2\..* and 11 more; see num_hidden_layers"),
        ({"hidden_size": 24}, r"file \(19, 12\), model \(19, 24\); see hidden_size; .*and \d+ more of another shape"),
        (
            {"position_embedding_type": "relative_key"},
            r"not in the files: .*distance_embedding\.weight \(2\); see position",
        ),
        ({"vocab_size": 10}, "see vocab_size"),
        ({"tie_word_embeddings": False}, r"not in the files: cls\.predictions\.decoder\.weight"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_config_that_does_not_fit_is_named(bert, fields, line):
    refused(berts.change(bert, **fields), line)


def test_a_size_that_no_file_can_fill_is_refused_before_anything_is_made(bert):
    refused(
        berts.change(bert, hidden_size=1 << 20, num_attention_heads=1), r"its sizes ask for [\d,]+ weights, the files"
    )
    refused(berts.change(bert, hidden_size=12, num_hidden_layers=1024, num_attention_heads=3), "its sizes ask for")


def test_cross_attention_that_the_config_denies_is_named(tmp_path):
    folder = berts.folder(tmp_path / "m", CausalLanguageModel, decoder=True, cross=True)
    assert store.load(folder).model.config.cross
    refused(berts.change(folder, add_cross_attention=False), "crossattention.*; see add_cross_attention")


def test_a_weight_that_is_missing_is_an_error_whatever_it_is(bert):
    weights = berts.tensors(bert)
    for name in weights:
        folder = berts.put(bert, {key: value for key, value in weights.items() if key != name})
        refused(folder, f"not in the files: {name.replace('.layer.0.', '.layer..*').replace('.layer.1.', '.layer..*')}")


def test_a_weight_nobody_knows_is_an_error(bert):
    weights = berts.tensors(bert)
    refused(berts.put(bert, weights | {"adapter.weight": torch.zeros(2)}), "no place in the model for adapter.weight")
    hostile = {"\x1b[31m<img onerror=x>../../etc/passwd": torch.zeros(2)} | {
        f"x{k}": torch.zeros(1) for k in range(2000)
    }
    refused(berts.put(bert, weights | hostile), "and 1996 more")


@pytest.mark.parametrize("kind", [torch.int64, torch.uint8, torch.bool])
def test_whole_numbers_are_no_weights(bert, kind):
    weights = berts.tensors(bert)
    name = "cls.predictions.bias"
    refused(
        berts.put(bert, weights | {name: weights[name].to(kind)}), "cls.predictions.bias is stored as .*; F16, BF16"
    )


def test_buffers_of_old_files_are_passed_over(bert):
    buffers = {"bert.embeddings.position_ids": torch.arange(40)[None]}
    buffers |= {"bert.embeddings.token_type_ids": torch.zeros(1, 40, dtype=torch.int64)}
    assert store.load(berts.put(bert, berts.tensors(bert) | buffers)).unused == ()


def test_two_different_tensors_for_one_weight_are_refused(bert):
    weights = berts.tensors(bert)
    twin = {"cls.predictions.decoder.bias": weights["cls.predictions.bias"].clone()}
    assert store.load(berts.put(bert, weights | twin)).unused == ()
    twin["cls.predictions.decoder.bias"][0] += 1
    refused(berts.put(bert, weights | twin), r"holds two different tensors for predict\.bias")


def test_a_checkpoint_with_and_without_the_name_of_its_body_is_the_same(bert):
    expected = store.load(bert).model.state_dict()
    bare = {name.removeprefix("bert."): value for name, value in berts.tensors(bert).items()}
    found = store.load(berts.put(bert, bare)).model.state_dict()
    assert all(torch.equal(found[name], weight) for name, weight in expected.items())


def test_the_names_of_2018_are_read(bert):
    def old(name):
        return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")

    expected = store.load(bert).model.state_dict()
    found = store.load(berts.put(bert, {old(name): value for name, value in berts.tensors(bert).items()}))
    assert all(torch.equal(found.model.state_dict()[name], weight) for name, weight in expected.items())
    assert "bert.embeddings.LayerNorm.gamma" in found.origin.places


# another head


def test_a_head_that_a_body_has_no_place_for_is_left_aside_aloud(bert):
    with pytest.warns(CheckpointWarning, match=r"no place for cls\.predictions\.bias, .*left aside"):
        found = store.load(bert, head="Bert")
    assert len(found.unused) == 5 and all(name.startswith("cls.") for name in found.unused)


def test_a_new_head_begins_anew_only_when_asked_for(bert):
    berts.change(bert, architectures=["BertForSequenceClassification"])
    text = refused(bert, r"not in the files: bert\.pooler\.dense\.\w+, .*classifier")
    assert text.endswith("for a new head, to be trained, ask for it: head='SequenceClassification'")
    with pytest.warns(CheckpointWarning) as warned:
        found = store.load(bert, head="SequenceClassification", labels=("sad", "plain", "glad"))
    assert [str(each.message).split(": ")[1].split()[0] for each in warned] == ["the", "pooler.linear.weight,"]
    assert set(found.fresh) == {"classifier.weight", "classifier.bias", "pooler.linear.weight", "pooler.linear.bias"}
    assert found.labels == ("sad", "plain", "glad") and found.model.classifier.weight.shape == (3, 12)
    assert found.model.classifier.bias.tolist() == [0, 0, 0]
    assert 0.005 < found.model.pooler.linear.weight.std() < 0.05


def test_new_labels_ask_for_a_new_classifier(tmp_path):
    folder = berts.folder(tmp_path / "m", SequenceClassification, ("a", "b", "c"), classes=3)
    with pytest.warns(CheckpointWarning):
        found = store.load(folder, labels=("x", "y"))
    assert set(found.fresh) == set(found.unused) == {"classifier.weight", "classifier.bias"}
    same = store.load(folder, labels=("x", "y", "z"))  # as many: new names for the old ones
    assert same.fresh == () and same.labels == ("x", "y", "z")


def test_a_body_never_begins_anew(bert):
    weights = berts.tensors(bert)
    berts.put(bert, {name: value for name, value in weights.items() if name != WORD})
    with pytest.raises(CheckpointError, match=f"not in the files: {WORD}"):
        store.load(bert, head="SequenceClassification")


def test_a_head_that_is_none_is_a_usage_error(bert):
    with pytest.raises(UsageError, match="there is no head 'MaskedLanguageModl'; did you mean MaskedLanguageModel"):
        store.load(bert, head="MaskedLanguageModl")
    assert Wish(head="MaskedLanguageModel").checked("bert") is MaskedLanguageModel and Wish().checked("bert") is None


@pytest.mark.parametrize(
    "labels", [(), ("a", "a"), ("a", 5), "ab", ("a",) * 70_000], ids=lambda labels: str(labels)[:9]
)
def test_labels_are_different_names(bert, labels):
    with pytest.raises(UsageError, match="labels"):
        store.load(bert, head="SequenceClassification", labels=labels)


def test_names_are_grouped_by_layer_and_bounded():
    names = [f"bert.encoder.layer.{k}.output.dense.weight" for k in range(12)] + [f"x{k}" for k in range(9)]
    assert grouped(["h.3.ln_1.weight"]) == "h.3.ln_1.weight"
    assert grouped(names) == "bert.encoder.layer.*.output.dense.weight (12), x0, x1, x2, x3 and 5 more"


def test_labels_are_as_many_as_a_head_may_have_and_a_head_no_larger_than_memory(bert, monkeypatch):
    assert Wish(labels=tuple(map(str, range(1 << 16)))).checked("bert") is None
    with pytest.raises(UsageError, match="labels is"):
        Wish(labels=tuple(map(str, range((1 << 16) + 1)))).checked("bert")
    new = 12 * 12 + 12 + 12 * 3 + 3  # the pooler and the classifier
    for most in (new, new - 1):
        monkeypatch.setattr(matching, "MOST_FRESH", most)
        if most == new:
            with pytest.warns(CheckpointWarning):
                store.load(bert, head="SequenceClassification", labels=("a", "b", "c"))
        else:
            with pytest.raises(CheckpointError, match=f"a new head of more than {most} weights is not made"):
                store.load(bert, head="SequenceClassification", labels=("a", "b", "c"))


@pytest.mark.parametrize(
    ("family", "head"),
    [("roberta", "NextSentence"), ("roberta", "PreTraining"), ("distilbert", "CausalLanguageModel"), ("bert", "Gpt2")],
)
def test_a_head_that_the_family_has_no_name_for_is_refused_before_it_is_trained(family, head):
    """What could be loaded could not be saved."""
    with pytest.raises(UsageError, match=f"there is no head '{head}' of the family {family}(;|$)"):
        Wish(head=head).checked(family)
    with pytest.raises(UsageError, match="there is no head 'xyzzy'; known: Bert, Pooled, "):
        Wish(head="xyzzy").checked("bert")
