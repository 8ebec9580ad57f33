"""A real checkpoint of 6 layers and 12 heads: its vectors against the reference, all views, and how long they take."""

import time

import pytest
import torch

from glassformer.explain.address import Address
from glassformer.explain.reader import read
from glassformer.show.terminal import print_story
from tests.models import reference
from tests.show.conftest import too_wide

ELEVEN = "the quick brown fox jumps over the lazy dog and ran"
TEXTS = [
    ELEVEN,
    "Good.",
    "The café’s naïve façade — 東京 — was n't unbelievably antidisestablishmentarian!",
    "this restaurant was not terrible " * 40,
    "🙂 [MASK] [SEP]",
]


@pytest.fixture(scope="module")
def reader():
    return read(reference.checkpoint())


@pytest.fixture(scope="module")
def x(reader):
    return reader.explain(ELEVEN)


def test_vectors_are_those_of_mean_pooling_over_the_reference(reader):
    """As sentence-transformers has it: the mean over all pieces, special ones too, brought to length 1."""
    folder = reference.checkpoint()
    theirs = reference.library().AutoModel.from_pretrained(folder).eval()
    cut = reference.library().AutoTokenizer.from_pretrained(folder)
    for text, ours in zip(TEXTS[:4], reader.embed(TEXTS[:4]), strict=True):
        given = cut(text, truncation=True, max_length=256, return_tensors="pt")
        with torch.inference_mode():
            stream = theirs(**given).last_hidden_state
        expected = torch.nn.functional.normalize(stream.mean(dim=1), dim=-1)[0]
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-5)


def test_special_pieces_that_are_typed_are_text(reader):
    assert reader.cut(TEXTS[4]).ids.count(reader.tokens.mask) == 0


def test_every_site_is_worked_out(x):
    values = x._trial.values
    assert len(values) > 6 * 19
    torch.manual_seed(0)
    for site, value in values.items():
        index = tuple(int(torch.randint(size, ())) for size in value.shape[1:])
        result = x.why(str(Address(site, index)))
        assert result.difference <= 1e-4, (result.address, result.difference)


def test_it_is_explained_in_seconds(reader):
    start = time.perf_counter()
    story = reader.explain(ELEVEN).story
    assert time.perf_counter() - start < 30  # 1.4 s on one quiet core
    assert story.edges == story.edges_measured == 110 and story.told.like.n == 20
    assert [len(row) for row in story.told.by_head] == [12] * 6 and len(story.attention[5]) == 12
    assert story.specials.mixture < 0.3 < 0.5 < story.specials.weight  # the sinks


def test_a_pair_is_explained_by_its_cosine(reader):
    x = reader.explain("a man eats food", "a person is eating a meal")
    one, other = reader.embed(["a man eats food", "a person is eating a meal"]).double()
    assert x.answer.cosine == pytest.approx((one @ other).item(), abs=1e-5)
    assert x.why("similarity").difference < 1e-5
    assert x.story.read == "apart" and x.story.views[-1].adds[2] > 0.1  # man


@pytest.mark.parametrize("width", [60, 80, 120])
def test_seventy_two_heads_are_legible(x, capsys, width):
    print_story(x.story, width=width)
    lines = capsys.readouterr().out.split("\n")
    assert not too_wide(lines, width)
    start = next(k for k, line in enumerate(lines) if line.split()[:1] == ["[CLS]"])
    assert [line.split()[0] for line in lines[start : start + 13]] == x.words  # a line each, none wrapped
    titles = [k for k, line in enumerate(lines) if line.strip().startswith("H") and set(line) <= set(" H0123456789")]
    assert len(titles) == (2 if width == 60 else 1)
    assert [line.split()[0] for line in lines[titles[0] + 1 : titles[0] + 7]] == [f"L{k}" for k in range(6)]
    if width == 80:
        assert lines[titles[0]].split() == [f"H{k}" for k in range(12)]
    assert "[CLS], [SEP]:" in " ".join(lines) and "Nothing is renormalised" in " ".join(" ".join(lines).split())


def test_a_head_can_be_switched_off_beside_all_others(x):
    result = x.off("L5.H11", baseline="mean")
    assert len(result.controls) == 71 and result.change < 0
    assert x.without("positions").change < -0.01 and x.cut("[CLS]", "fox").change < 0
