"""The figures that claims stand on, found another way: by hand, by NumPy, by PyTorch's own modules, by transformers."""

import math
import random
import statistics

import numpy as np
import pytest
import torch
import transformers
from torch import nn

from glassformer.claims import arithmetic, sentences
from glassformer.claims.ledger import every, tried


def numbers(name, seed=0, **other):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return every()[name].test(**other).numbers


def test_softmax_of_fourteen_and_twelve_by_hand():
    share = 1 / (1 + math.exp(-2))
    assert numbers("softmax-of-fourteen-and-twelve", printed=(share, 1 - share))["off by"] < 1e-6
    assert f"{share:.2f}" == "0.88"


def test_the_printed_rows_by_hand():
    sums = [math.fsum(row) for row in arithmetic.PRINTED]
    assert [f"{each:.3f}" for each in sums] == ["1.010", "1.000", "0.996", "0.974", "1.003"]
    assert numbers("printed-rows-sum-to-one")["wrong rows"] == sum(f"{each:.3f}" != "1.000" for each in sums)


def test_the_toy_positions_by_hand():
    def table(layout):
        if layout == "halves":
            return [[math.sin(p), math.sin(p / 10_000), math.cos(p), math.cos(p / 10_000)] for p in range(3)]
        return [[math.sin(p), math.cos(p), math.sin(p / 100), math.cos(p / 100)] for p in range(3)]

    off = numbers("toy-positions")
    toy = ((0, 0, 1, 1), (0.84, 0.0001, 0.54, 1), (0.91, 0.0002, -0.42, 1))
    for name, layout in (("halves (Tensor2Tensor)", "halves"), ("interleaved (the paper's formula)", "interleaved")):
        worst = max(
            abs(a - b)
            for mine, theirs in zip(table(layout), toy, strict=True)
            for a, b in zip(mine, theirs, strict=True)
        )
        assert off[name] == pytest.approx(worst, abs=1e-6)


def test_dot_products_spread_like_root_d_in_numpy_too():
    rng = np.random.default_rng(0)
    for width in (16, 1024):
        q, k = rng.standard_normal((64, width)), rng.standard_normal((64, width))
        assert (q @ k.T).std() / math.sqrt(width) == pytest.approx(1, abs=0.15)


def test_a_saturated_softmax_by_finite_differences():
    scores = torch.randn(10, dtype=torch.float64)
    a = scores.softmax(-1)
    step = 1e-6
    slopes = [((scores + step * torch.eye(10)[k]).softmax(-1)[k] - a[k]) / step for k in range(10)]
    assert sum(slopes).item() == pytest.approx((a * (1 - a)).sum().item(), abs=1e-5)


def test_rank_correlation_is_that_of_mean_places():
    def places(values):
        order = sorted(values)
        return [statistics.fmean(k for k, each in enumerate(order) if each == value) for value in values]

    draw = random.Random(0)
    for _ in range(20):
        a, b = ([float(draw.randrange(8)) for _ in range(12)] for _ in range(2))
        ours = sentences.rank_correlation(torch.tensor(a), torch.tensor(b))
        assert ours == pytest.approx(statistics.correlation(places(a), places(b)), abs=1e-9)
    x = torch.randperm(9)
    by_squares = 1 - 6 * (x - torch.arange(9)).square().sum().item() / (9 * (81 - 1))  # Spearman's own, without ties
    assert sentences.rank_correlation(x.float(), torch.arange(9.0)) == pytest.approx(by_squares)
    assert sentences.rank_correlation(torch.ones(5), torch.arange(5.0)) == 0


def test_parameters_are_the_references():
    with torch.device("meta"):
        base = transformers.BertModel(transformers.BertConfig())
        large = transformers.BertConfig(
            hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096
        )
        sizes = {
            "parameters-of-bert-base": base.num_parameters(),
            "parameters-of-bert-large": transformers.BertModel(large).num_parameters(),
        }
    assert {name: numbers(name)["parameters"] for name in sizes} == sizes


def test_gpt2s_blocks_and_tables_are_counted_on_paper():
    w = 1600
    block = 4 * (w * w + w) + 2 * 4 * w * w + 4 * w + w + 2 * 2 * w  # attention, MLP, two norms
    told = numbers("parameters-of-gpt2", layers=2)
    assert told == {"parameters": 50_257 * w + 1024 * w + 2 * block + 2 * w}


def test_narrow_heads_are_as_many_as_pytorchs():
    theirs = nn.MultiheadAttention(256, 8).in_proj_weight.numel()
    assert numbers("narrow-heads-cost-as-one")["with 8"] == theirs == 3 * 256**2


def test_the_gradient_of_cross_entropy_is_autograds():
    logits = torch.tensor((0.2, 0.2, 0.1, 0.2, 0.2, 0.1)).log().requires_grad_()
    nn.functional.cross_entropy(logits[None], torch.tensor([3])).backward()
    expected = torch.tensor((0.2, 0.2, 0.1, -0.8, 0.2, 0.1))
    torch.testing.assert_close(logits.grad, expected, atol=1e-6, rtol=0)
    assert abs(numbers("distributions-are-subtracted")["sum"]) < 1e-12


def test_own_words_are_counted_by_loops():
    trial = sentences.trials()[0]
    own = rows = 0
    for layer in range(trial.layers):
        for head in trial.tape[f"layers.{layer}.attention.weights"][0].tolist():
            for i, row in enumerate(head):
                own, rows = own + (row.index(max(row)) == i), rows + 1
    from glassformer.claims.shipped import _own_first

    assert sum(_own_first(trial)) == own and len(_own_first(trial)) == rows


def test_not_terrible_is_asked_of_the_readers_themselves():
    for name, least, most in (("bag-of-words", 0.0, 0.5), ("sentiment", 0.9, 1.0)):
        reader = sentences.reader(name)
        right = [reader(text).label == "positive" for text in sentences.NOT_BAD]
        right += [reader(text).label == "negative" for text in sentences.NOT_GOOD]
        assert numbers("attention-reads-not-terrible")[name] == pytest.approx(sum(right) / 40)
        assert least <= sum(right) / 40 <= most


def test_cutting_not_is_what_an_explanation_says_of_it():
    changes = []
    for text in sentences.NOT_BAD:
        x = sentences.reader("sentiment").explain(text, beside=())
        changed = x.cut(text.split()[-1], "not")
        changes.append(changed.change)
    assert numbers("terrible-uses-not")["cut"] == pytest.approx(sum(changes) / len(changes), abs=1e-3)


def test_the_reference_shows_a_masked_row_everything_and_so_does_the_claim():
    scores = torch.randn(1, 1, 1, 7)
    lowered, bare = (scores - 10_000.0).softmax(-1), scores.softmax(-1)
    assert (lowered - bare).abs().max() < 1e-3
    assert numbers("a-masked-row-is-uniform")["from unmasked"] < 1e-3


def test_greedy_is_beaten_by_a_text_that_is_really_likelier():
    from glassformer.claims.decoding import _greedily, _likeliest, _prompts

    reader = sentences.reader("characters")

    def likelihood(ids, more):
        total = 0.0
        for piece in more:
            total += reader.model(ids)[0, -1].double().log_softmax(-1)[piece].item()
            ids = torch.cat([ids, torch.tensor([[piece]])], dim=1)
        return total

    with torch.no_grad():
        beaten = 0
        for ids in _prompts(reader)[:8]:
            best, text = _likeliest(reader.model, ids, 2)
            greedy = likelihood(ids, _greedily(reader.model, ids, 2))
            assert likelihood(ids, text) == pytest.approx(best, abs=1e-3) and greedy <= best + 1e-3
            beaten += greedy < best - 1e-3
    assert beaten and tried(every()["greedy-finds-the-likeliest-text"]).verdict == "false"


def test_alternating_least_squares_finds_what_a_decomposition_finds():
    ratings = torch.randn(30, 2) @ torch.randn(2, 20)
    assert torch.linalg.matrix_rank(ratings) == 2
    assert numbers("features-are-learned-from-ratings")["correlation"] > 0.9


def test_the_row_of_the_table_that_former_takes():
    """Its slice of row i begins at column i: what stands there is i + j, which a loop finds as well."""
    length, table = 5, torch.arange(9)
    used = torch.stack([table.expand(length, -1)[i, i : i + length] for i in range(length)])
    assert used[0].tolist() == [0, 1, 2, 3, 4] and used[4].tolist() == [4, 5, 6, 7, 8]
    assert numbers("relative-attention-is-relative")["one row"] == 2


def test_every_room_of_the_ledger_is_read():
    from pathlib import Path

    from glassformer.claims import ledger

    files = {file.stem for file in Path(ledger.__file__).parent.glob("*.py")}
    assert files - set(ledger.ROOMS) == {"__init__", "claim", "drawn", "ledger", "sentences"}
    assert {each.code.split("/")[-1].split(".")[0] for each in every().values()} == set(ledger.ROOMS)
