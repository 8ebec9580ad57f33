"""Checkpoints as they come from the hub: the numbers of the reference, for each family and head."""

import json
import warnings

import pytest
import torch

import glassformer as gf
from glassformer.errors import CheckpointError, GlassformerError
from glassformer.hub import names, store
from glassformer.hub.weights import SINGLE, CheckpointWarning
from glassformer.models.bert import Bert
from glassformer.models.heads import CausalLanguageModel, MaskedLanguageModel, Pooled
from glassformer.parts.attention import Memory
from tests.hub import berts

BERTS = ("bert", "roberta", "distilbert")
MODELS = [
    (family, end)
    for family in BERTS
    for end, kind in names.FAMILIES[family].classes.items()
    if kind not in names.FAMILIES[family].lacks and (family, end) not in (("roberta", "LMHeadModel"),)
    and (family, end) != ("bert", "ForCausalLM")
]  # fmt: skip
OWN = {"bert": {}, "roberta": {"max_position_embeddings": 42}, "distilbert": {"sinusoidal_pos_embds": True}}
COMMON = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "max_position_embeddings": 40}


def theirs(reference, folder, family, end, **fields):
    """A random model of the reference, saved by it, with a vocabulary beside it."""
    start = names.FAMILIES[family].begins
    inner = {"hidden_dim" if family == "distilbert" else "intermediate_size": 20}
    decoder = {"is_decoder": True} if "LM" in end and "Masked" not in end else {}
    config = getattr(reference, f"{start}Config")(
        vocab_size=len(berts.WORDS), **COMMON | inner | OWN[family] | decoder | fields
    )
    torch.manual_seed(0)
    model = getattr(reference, start + end)(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0.0, 0.3)
    berts.tokens(folder)
    model.save_pretrained(folder)
    return model


def sentences(end, padding):
    """Two texts of different length, padded; pieces, what is real, and which text."""
    ids = torch.tensor([[2, 5, 6, 7, 3, 9, 3], [2, 8, 7, 3, padding, padding, padding]])
    real = torch.tensor([[True] * 7, [True] * 4 + [False] * 3])
    types = torch.tensor([[0, 0, 0, 0, 0, 1, 1], [0] * 7])
    return [each[None] for each in (ids, real, types)] if end == "ForMultipleChoice" else [ids, real, types]


@torch.no_grad()
@pytest.mark.parametrize(("family", "end"), MODELS)
def test_its_answers_are_the_references(reference, tmp_path, family, end):
    fields = {"num_labels": 4} if end in ("ForSequenceClassification", "ForTokenClassification") else {}
    other = theirs(reference, tmp_path, family, end, **fields)
    checkpoint = store.load(tmp_path)
    expected_kind = Bert if (family, end) == ("distilbert", "Model") else names.FAMILIES[family].classes[end]
    assert type(checkpoint.model) is expected_kind and not checkpoint.model.training
    assert checkpoint.unused == checkpoint.fresh == ()
    assert len(checkpoint.labels) == (4 if fields else 0)
    ids, real, types = sentences(end, other.config.pad_token_id)
    typed = {} if family == "distilbert" else {"token_type_ids": types}
    answer = other(input_ids=ids, attention_mask=real.long(), **typed)
    expected = [value for key, value in answer.items() if key not in ("pooler_output", "past_key_values")]
    with gf.listen(checkpoint.model, "pooled") as tape:
        found = checkpoint.model(ids, real, types)
    for one, their in zip([found] if isinstance(found, torch.Tensor) else found, expected, strict=True):
        shown = real if their.shape[:2] == real.shape else ...
        assert torch.allclose(one[shown], their[shown], atol=1e-5, rtol=0)
    if "pooler_output" in answer:
        assert torch.allclose(tape["pooled"], answer["pooler_output"], atol=1e-5, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_a_decoder_looks_at_a_source_as_the_references_does(reference, tmp_path, family):
    end = "LMHeadModel" if family == "bert" else "ForCausalLM"
    other = theirs(reference, tmp_path, family, end, add_cross_attention=True)
    model = store.load(tmp_path).model
    assert type(model) is CausalLanguageModel and model.config.cross
    ids, source = torch.tensor([[2, 5, 6, 7]]), torch.randn(1, 3, 12)
    expected = other(input_ids=ids, encoder_hidden_states=source).logits
    assert torch.allclose(model(ids, memory=Memory(source)), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "activation", ["relu", "gelu_new", "quick_gelu", "silu", "swish", "mish", "tanh", "gelu_python"]
)
def test_every_activation_is_the_references(reference, tmp_path, activation):
    other = theirs(reference, tmp_path, "bert", "ForMaskedLM", hidden_act=activation)
    ids = torch.tensor([[2, 5, 6, 7]])
    with torch.no_grad():
        expected = other(input_ids=ids).logits
        assert torch.allclose(store.load(tmp_path).model(ids), expected, atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_head_and_a_body_read_each_others_checkpoints(reference, tmp_path):
    """The body of a language model, the language model of a body: as the reference reads them."""
    theirs(reference, tmp_path / "head", "bert", "ForPreTraining")
    with pytest.warns(CheckpointWarning, match="left aside"):
        body = store.load(tmp_path / "head", head="Pooled")
    other = reference.BertModel.from_pretrained(tmp_path / "head").eval()
    ids = torch.tensor([[2, 5, 6, 7]])
    assert torch.allclose(body.model(ids), other(input_ids=ids).last_hidden_state, atol=1e-5)
    other.save_pretrained(tmp_path / "body")
    berts.tokens(tmp_path / "body")
    with pytest.warns(CheckpointWarning):
        head = store.load(tmp_path / "body", head="TokenClassification", labels=("a", "b"))
    assert set(head.fresh) == {"classifier.weight", "classifier.bias"}
    assert all(name.startswith("pooler.") for name in head.unused)


OPTIONS = {
    "relative keys": {"positions": "relative_key"},
    "relative keys and queries": {"positions": "relative_key_query"},
    "one kind of text": {"types": 1},
    "pruned heads": {"pruned": ((0, (1,)), (1, (0, 2)))},
    "in chunks": {"chunk": 2},
    "an untied table": {"tied": False},
    "other norms": {"epsilon": 1e-5, "activation": "relu", "spread": 0.1},
}


@torch.no_grad()
@pytest.mark.parametrize("kind", OPTIONS)
def test_what_the_reference_has_given_up_is_written_and_read(tmp_path, kind):
    folder = berts.folder(tmp_path / "m", **OPTIONS[kind])
    before, found = berts.model(**OPTIONS[kind]), store.load(folder)
    assert found.model.config == before.config
    ids = torch.tensor([[2, 5, 6, 7]])
    assert torch.equal(found.model(ids), before(ids))


def test_a_table_of_positions_that_relative_ones_do_not_use_is_passed_over(tmp_path):
    """The reference made one all the same."""
    folder = berts.folder(tmp_path / "m", positions="relative_key")
    table = {"bert.embeddings.position_embeddings.weight": torch.zeros(40, 12)}
    assert store.load(berts.put(folder, berts.tensors(folder) | table)).unused == ()


def test_a_body_without_a_pooler_is_a_body(bert):
    weights = {name: value for name, value in berts.tensors(bert).items() if name.startswith("bert.")}
    berts.change(berts.put(bert, weights), architectures=["BertModel"])
    assert type(store.load(bert).model) is Bert


def test_an_old_roberta_classifier_with_a_pooler_it_does_not_use(reference, tmp_path):
    theirs(reference, tmp_path, "roberta", "ForSequenceClassification")
    expected = store.load(tmp_path).model.state_dict()
    pooler = {f"roberta.pooler.dense.{end}": torch.zeros(12, *more) for end, more in (("weight", (12,)), ("bias", ()))}
    berts.put(tmp_path, berts.tensors(tmp_path) | pooler)
    with pytest.warns(CheckpointWarning, match=r"roberta\.pooler\.dense"):
        found = store.load(tmp_path).model.state_dict()
    assert all(torch.equal(found[name], weight) for name, weight in expected.items())


# precision, odd values, ties


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_computed_in_float32(bert, kind):
    berts.put(bert, {name: value.to(kind) for name, value in berts.tensors(bert).items()})
    model = store.load(bert).model
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert all(weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_named_in_a_warning(bert, value):
    weights = berts.tensors(bert)
    weights["bert.encoder.layer.1.output.dense.weight"][3, 4] = value
    weights["cls.predictions.bias"][0] = value
    with pytest.warns(CheckpointWarning, match=r"2 weights hold NaN or infinity.*layers\.1\.mlp\.outward\.weight"):
        store.load(berts.put(bert, weights))


def test_large_weights_whose_sum_overflows_are_fine(bert):
    weights = berts.tensors(bert)
    weights["cls.predictions.bias"][:] = 3e38
    store.load(berts.put(bert, weights))


def test_a_tied_weight_that_is_another_one_in_the_file_is_kept_apart(bert):
    weights = berts.tensors(bert)
    weights["cls.predictions.decoder.weight"] = weights["bert.embeddings.word_embeddings.weight"].clone()
    assert store.load(berts.put(bert, weights)).model.config.tied
    weights["cls.predictions.decoder.weight"][0, 0] += 1
    with pytest.warns(CheckpointWarning, match="the two are kept apart"):
        model = store.load(berts.put(bert, weights)).model
    assert not model.config.tied
    assert torch.equal(model.predict.weight, weights["cls.predictions.decoder.weight"])


def test_nothing_is_made_that_the_file_does_not_fill(bert):
    """The model takes its weights from the file; none is made first, and none is left without a value."""
    model = store.load(bert).model
    assert not any(weight.is_meta for weight in (*model.parameters(), *model.buffers()))
    model.train()
    model.loss(model(torch.tensor([[2, 5, 3]])), torch.tensor([[2, 5, 3]])).backward()
    with torch.no_grad():
        model.embed.pieces.weight.add_(1.0)  # the file is not changed by it
    assert torch.equal(
        berts.tensors(bert)["bert.embeddings.word_embeddings.weight"], store.load(bert).model.embed.pieces.weight
    )


# the folder


def test_a_vocabulary_may_be_smaller_than_its_table_and_never_larger(bert):
    weights = berts.tensors(bert)
    padded = dict(weights)
    for name in ("bert.embeddings.word_embeddings.weight", "cls.predictions.bias"):
        padded[name] = torch.cat([weights[name], torch.zeros_like(weights[name][:5])])
    found = store.load(berts.change(berts.put(bert, padded), vocab_size=len(berts.WORDS) + 5))
    assert len(found.tokens) == len(berts.WORDS) and found.model.config.vocabulary == len(berts.WORDS) + 5
    fewer = dict(weights)
    for name in ("bert.embeddings.word_embeddings.weight", "cls.predictions.bias"):
        fewer[name] = weights[name][:-2].contiguous()
    berts.change(berts.put(bert, fewer), vocab_size=len(berts.WORDS) - 2)
    with pytest.raises(CheckpointError, match=r"the tokenizer has 19 pieces, vocab_size in config\.json is 17"):
        store.load(bert)


@pytest.mark.parametrize("name", ["config.json", SINGLE, "tokenizer.json"])
def test_a_file_that_is_gone_is_named(bert, name):
    (bert / name).unlink()
    with pytest.raises(CheckpointError, match=r"config\.json cannot be read|has no weights|has no tokenizer") as raised:
        store.load(bert)
    assert raised.value.exit_code == 4


def test_flipped_bits_never_crash_and_never_hang(bert):
    """Without a manifest most of them cannot be noticed: what is loaded is a model all the same."""
    import random

    chance, loaded = random.Random(0), 0
    whole = {name: (bert / name).read_bytes() for name in ("config.json", SINGLE, "tokenizer.json")}
    for k in range(200):
        name = list(whole)[k % 3]
        damaged = bytearray(whole[name])
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        (bert / name).write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CheckpointWarning)
            try:
                found = store.load(bert)
                found.model(torch.tensor([found.tokens.cut("the food was good", 20).ids]))
                loaded += 1
            except GlassformerError as error:
                assert str(error).isprintable() and len(str(error)) < 900
            (bert / name).write_bytes(whole[name])
    assert loaded > 60


def test_a_hundred_altered_configs_load_or_are_one_line(bert):
    import random

    chance, whole, refused = random.Random(1), json.loads((bert / "config.json").read_text()), 0
    odd = [None, -1, 0, 1, 1 << 40, 1.5, "x", [], {}, True, "gelu", "relative_key", ["BertModel"]]
    for _ in range(100):
        said = dict(whole)
        for _ in range(chance.randint(1, 2)):
            said[chance.choice(list(whole))] = chance.choice(odd)
        (bert / "config.json").write_text(json.dumps(said))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CheckpointWarning)
            try:
                found = store.load(bert)
                assert sum(weight.numel() for weight in found.model.parameters()) < 100_000
            except CheckpointError as error:
                assert str(error).isprintable() and len(str(error)) < 900
                refused += 1
    assert refused > 50


# a real checkpoint


@torch.no_grad()
def test_a_real_checkpoint_reads_pairs_as_the_reference_does(reference, minilm):
    checkpoint = store.load(minilm)
    assert (checkpoint.pooling, checkpoint.normalised, checkpoint.most) == ("mean", True, 256)
    assert type(checkpoint.model) is Pooled and checkpoint.tokens.types
    other, cutter = reference.AutoModel.from_pretrained(minilm).eval(), reference.AutoTokenizer.from_pretrained(minilm)
    asked = cutter("The filming wasn't good!", "It was, um, terrible…", return_tensors="pt")
    pieces = checkpoint.tokens.cut("The filming wasn't good!", 512, second="It was, um, terrible…")
    assert pieces.ids == asked["input_ids"][0].tolist() and pieces.types == asked["token_type_ids"][0].tolist()
    expected = other(**asked)
    with gf.listen(checkpoint.model, "pooled") as tape:
        stream = checkpoint.model(torch.tensor([pieces.ids]), types=torch.tensor([pieces.types]))
    assert torch.allclose(stream, expected.last_hidden_state, atol=1e-5, rtol=0)
    assert torch.allclose(tape["pooled"], expected.pooler_output, atol=1e-5, rtol=0)


def test_it_listens_like_any_other_model(minilm):
    checkpoint = store.load(minilm)
    ids = torch.tensor([checkpoint.tokens.cut("not good", 20).ids])
    with gf.listen(checkpoint.model, "*.weights") as tape:
        checkpoint.model(ids)
    assert [value.shape for value in tape.values()] == [(1, 12, 4, 4)] * 6
    assert MaskedLanguageModel is not type(checkpoint.model)
