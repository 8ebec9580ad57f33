"""Attention otherwise, and masks that leave pairs out, by a field of the config: they learn, remember and are saved."""

import json

import pytest
import torch
import torch.nn.functional as F

from glassformer.errors import CheckpointError
from glassformer.hub import store
from glassformer.hub.files import write_folder
from glassformer.models.simple import PATTERNS, Classifier, ClassifierConfig, Generator, TransformerConfig, patterned
from glassformer.parts import sparse
from glassformer.parts.attention import Memory
from glassformer.parts.mask import causal
from glassformer.parts.variants import VARIANTS
from glassformer.tape import listen
from tests import made, small

close = torch.testing.assert_close
WAYS = {f"attention {name}": {"attention": name} for name in VARIANTS}
WAYS |= {f"pattern {name}": {"pattern": name, "stride": 2} for name in PATTERNS}
WAYS |= {"distances alone": {"attention": "relative", "positions": "none"}}
WAYS |= {"pre": {"attention": "wide", "block": "pre"}}
LEFT = torch.tensor([[True] * 5, [False] * 2 + [True] * 3])


@pytest.mark.parametrize("make", [small.classifier, small.generator])
@pytest.mark.parametrize("way", WAYS)
def test_each_learns_and_every_weight_with_it(ids, make, way):
    torch.manual_seed(0)
    model = make(**WAYS[way]).train()
    optimiser, losses = torch.optim.Adam(model.parameters(), 0.01), []
    for _ in range(12):
        optimiser.zero_grad()
        logits = model(ids)
        loss = F.cross_entropy(logits.flatten(0, -2), torch.arange(logits.shape[:-1].numel()) % 7)
        loss.backward()
        losses.append(loss.item())
        optimiser.step()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in model.parameters())
    assert losses[1] < losses[0] and losses[-1] < 0.9 * losses[0]
    assert all(weight.grad.any() for name, weight in model.named_parameters() if ".k.bias" not in name)


@pytest.mark.parametrize("make", [small.classifier, small.generator])
@pytest.mark.parametrize("way", WAYS)
def test_the_kernel_is_the_definition_and_a_padded_row_is_the_row_alone(ids, make, way):
    model, real = make(**WAYS[way]).double(), LEFT if make is small.generator else small.real()
    with listen(model, (), {"layers.*.attention.weights": lambda weights: weights}):
        seen = model(ids, real)
    for each in (seen, model(ids, real)):
        for row in range(2):
            alone = model(ids[row : row + 1, real[row]])[0]
            close(each[row][real[row]] if each.dim() == 3 else each[row], alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("way", WAYS)
def test_a_generator_remembers_and_does_not_look_ahead(ids, way):
    model, memory = small.generator(**WAYS[way]).double(), Memory()
    whole = model(ids)
    close(torch.cat([model(part, memory=memory) for part in ids.split([2, 1, 2], 1)], 1), whole, rtol=0, atol=1e-12)
    changed = ids.clone()
    changed[:, 3] = 10 - changed[:, 3]
    close(model(changed)[:, :3], whole[:, :3], rtol=0, atol=1e-12)
    memory = Memory()
    parts = [model(new, real, memory) for new, real in zip(ids.split([3, 2], 1), LEFT.split([3, 2], 1), strict=True)]
    close(torch.cat(parts, 1)[LEFT], model(ids, LEFT)[LEFT], rtol=0, atol=1e-12)


def test_the_kinds_are_those_of_parts_and_differ():
    models = {name: small.generator(attention=name) for name in VARIANTS}
    shapes = {name: {at: tuple(w.shape) for at, w in model.state_dict().items()} for name, model in models.items()}
    assert shapes["wide"]["layers.0.attention.q.weight"] == (36, 12)
    assert shapes["narrow"]["layers.0.attention.q.weight"] == (4, 4)
    assert "layers.0.attention.out.weight" not in shapes["narrow"]
    assert shapes["gpt2"]["layers.0.attention.readers.weight"] == (36, 12)
    assert shapes["relative"]["layers.0.attention.nearness.table"] == (17, 4)  # the distances of the config's length
    for name, kind in VARIANTS.items():
        found = small.generator(attention=name, dropout=0.25).layers[0].attention
        assert type(found) is type(kind(12, 3)) and found.dropout == 0.25


def test_the_patterns_are_those_of_parts():
    """In a generator, the paper's two; a classifier looks the other way too."""
    real = torch.ones(2, 7, dtype=torch.bool)
    for name, paper in (("strided", sparse.nearby_and_strided), ("fixed", sparse.nearby_and_summaries)):
        config = TransformerConfig(9, pattern=name, stride=3)
        assert torch.equal(patterned(config, causal(7), real, 7), paper(3, 7).expand(2, 1, 7, 7))
        assert torch.equal(patterned(config, None, real, 2) & causal(2, 7), paper(3, 2, 7).expand(2, 1, 2, 7))
    for name in PATTERNS:
        model = small.generator(pattern=name, stride=2)
        with listen(model, "layers.1.attention.weights") as tape:
            model(small.ids())
        looked = tape["layers.1.attention.weights"] > 0
        assert torch.equal(looked, (PATTERNS[name](2, 5) & causal(5)).expand(2, 3, 5, 5))


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("attention", "relativ", f"attention 'relativ' is not known; choose {', '.join(VARIANTS)}$"),
        ("pattern", "sparse", "pattern 'sparse' is not known; choose all, window, strided, fixed$"),
        ("stride", 0, "a stride of 0 leads nowhere: give 1 or more"),
    ],
)
def test_what_is_not_known_fails_at_once_and_lists_what_is(field, value, line):
    with pytest.raises(ValueError, match=line):
        TransformerConfig(11, **{field: value})


# in a folder


def saved(folder, **how):
    torch.manual_seed(0)
    sizes = {"width": 12, "heads": 3, "layers": 1, "hidden": 20, "length": 9}
    model = Classifier(ClassifierConfig(len(made.tokens()), **sizes, **how)).eval()
    store.save(folder, model, made.tokens().definition, "# made\n")
    return model


@pytest.mark.parametrize("way", WAYS)
def test_it_is_saved_and_loaded_as_it_is(tmp_path, way):
    model = saved(tmp_path / "made", **WAYS[way])
    found, ids = store.load(tmp_path / "made").model, torch.tensor([[3, 1, 4, 1, 5]])
    assert found.config == model.config
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(weight.half())
    close(found(ids), model(ids), rtol=0, atol=1e-6)


def test_a_config_of_before_is_read_and_written_as_before(tmp_path):
    saved(tmp_path / "made")
    fields = json.loads((tmp_path / "made" / "config.json").read_text())
    assert not {"attention", "pattern", "stride"} & fields.keys()
    assert store.load(tmp_path / "made").model.config.attention == "default"
    saved(tmp_path / "other", attention="narrow", pattern="window")
    fields = json.loads((tmp_path / "other" / "config.json").read_text())
    assert (fields["attention"], fields["pattern"]) == ("narrow", "window") and "stride" not in fields


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("attention", "quick", "attention 'quick' is not known; choose default, wide"),
        ("attention", ["wide"], "describes no model"),
        ("pattern", "none", "pattern 'none' is not known"),
        ("stride", -1, "stride of -1 leads nowhere"),
        ("stride", "2", "describes no model"),
        ("attention", "wide", "weights and config.json disagree"),
        ("width", 1 << 20, "its sizes ask for"),
    ],
)
def test_a_config_that_cannot_be_is_one_line(tmp_path, field, value, line):
    saved(tmp_path / "made", attention="alternative")
    contents = {file.name: file.read_bytes() for file in (tmp_path / "made").iterdir() if file.name != "manifest.json"}
    fields = json.loads(contents["config.json"]) | {field: value}
    write_folder(tmp_path / "other", contents | {"config.json": json.dumps(fields).encode()})
    with pytest.raises(CheckpointError, match=line) as found:
        store.load(tmp_path / "other")
    assert "\n" not in str(found.value)


def test_a_generator_of_each_kind_writes(ids):
    from glassformer.models.decoding import Until, write

    for how in WAYS.values():
        model = small.generator(**how)
        written = torch.stack([step.ids for step in write(model, ids[:, :3], until=Until(4))], 1)
        read = torch.cat([ids[:, :3], written], 1)
        assert isinstance(model, Generator) and torch.equal(model(read)[:, 2:-1].argmax(-1), written)
