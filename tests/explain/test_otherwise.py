"""What explain says of attention otherwise, and of masks that leave pairs out: one line where it cannot."""

import pytest
import torch

import glassformer as gf
from glassformer.errors import UsageError
from glassformer.explain.usual import TOLD, UNTOLD
from glassformer.hub import store
from glassformer.models.simple import PATTERNS, Classifier, ClassifierConfig, Generator, TransformerConfig
from glassformer.parts.variants import VARIANTS
from glassformer.tape import listen
from tests import made

TEXT, SIZES = "this restaurant was not terrible", {"width": 12, "heads": 3, "layers": 2, "hidden": 20, "length": 64}
KINDS = ("scores", "scaled", "weights", "q", "k", "v", "z")
WAYS = {name: {"attention": name} for name in VARIANTS} | {name: {"pattern": name, "stride": 2} for name in PATTERNS}


def explained(tmp_path, family, **how):
    torch.manual_seed(0)
    pieces = len(made.tokens())
    if family == "generator":
        model, labels = Generator(TransformerConfig(pieces, **SIZES, **how)), ()
    else:
        model, labels = Classifier(ClassifierConfig(pieces, **SIZES, **how)), ("negative", "positive")
    store.save(tmp_path / "made", model, made.tokens().definition, "# made\n", labels)
    return gf.load(tmp_path / "made").explain(TEXT)


@pytest.mark.parametrize("family", ["classifier", "generator"])
@pytest.mark.parametrize("way", WAYS)
def test_a_sum_that_is_told_is_the_models_number(tmp_path, family, way):
    x, attention = explained(tmp_path, family, **WAYS[way]), WAYS[way].get("attention", "default")
    assert x.story
    for kind in KINDS:
        address = f"L1.H2.{kind}[4,3]"
        if kind in UNTOLD.get(attention, ()):
            line = rf"how '{attention}' attention makes its {kind} is not told as a sum; x\["
            with pytest.raises(UsageError, match=line):
                x.why(address)
        else:
            told = x.why(address)
            assert told.recomputed == pytest.approx(told.model, abs=1e-5)
        assert x[address].shape == ()
    if "mixed" not in UNTOLD.get(attention, ()):
        told = x.why("L0.attention.mixed[4,3]")
        assert told.recomputed == pytest.approx(told.model, abs=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_a_cut_is_a_cut_whatever_the_attention(tmp_path, way):
    """The weight is gone, and the change is that of the model run by hand without it."""
    x = explained(tmp_path, "classifier", **WAYS[way])
    looks = x["L0.H0.weights"] > 0
    assert torch.equal(looks, PATTERNS[WAYS[way].get("pattern", "all")](2, len(looks)))
    model, ids = gf.load(tmp_path / "made").model, torch.tensor([gf.load(tmp_path / "made").cut(TEXT).ids])
    edge = torch.zeros(5, 5, dtype=torch.bool)
    edge[4, 3] = True
    with torch.no_grad():
        before = model(ids)[0]
        with listen(model, (), {"layers.*.attention.scaled": lambda scaled: scaled.masked_fill(edge, -torch.inf)}):
            after = model(ids)[0]
    by_hand = (after[1] - after[0]) - (before[1] - before[0])
    assert x.cut("terrible", "not").change == pytest.approx(by_hand.item(), abs=1e-5)


@pytest.mark.parametrize("way", sorted(set(WAYS) - {*TOLD, "all"}))
def test_a_page_says_that_it_cannot(tmp_path, way):
    x = explained(tmp_path, "classifier", **WAYS[way])
    line = r"made has attention '.*' and pattern '.*': a page does the sums of default, wide, relative with pattern all"
    for ask in (x.picture, lambda: x.head_picture(0, 1)):
        with pytest.raises(UsageError, match=line):
            ask()


@pytest.mark.parametrize("way", [*TOLD, "all"])
def test_a_page_draws_the_usual_ones(tmp_path, way):
    assert explained(tmp_path, "classifier", **WAYS[way]).picture(full=False, cells=False)["answer"]
