"""The arithmetic of any number of any model is the model's own."""

import json
from dataclasses import asdict
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.errors import UsageError
from glassformer.explain.address import Address, parse
from glassformer.explain.worked import FEEDS, OF_A_BLOCK, OF_A_MODEL, worked
from tests import made
from tests.explain.conftest import KINDS

MODELS = {**{kind: lambda kind=kind: made.classifier(**KINDS[kind]) for kind in KINDS}, "bag of words": made.bag}


@cache
def trial(kind):
    return made.trial("the filming was not terrible", MODELS[kind]())


def cells(kind):
    """Any cell of any site of that model."""
    sites = trial(kind).tape
    return st.sampled_from(sorted(sites)).flatmap(
        lambda site: st.tuples(*(st.integers(0, size - 1) for size in sites[site].shape[1:])).map(
            lambda index: Address(site, index)
        )
    )


@pytest.mark.parametrize("kind", MODELS)
def test_every_site_of_every_model_can_be_worked_out(kind):
    for site, value in trial(kind).tape.items():
        last = tuple(size - 1 for size in value.shape[1:])
        for index in {(0,) * len(last), last}:
            result = worked(trial(kind), Address(site, index))
            assert result.model == value[0][index].item()
            assert result.difference <= 1e-5, result


@pytest.mark.parametrize("kind", MODELS)
def test_any_cell_is_recomputed(kind):
    @given(cells(kind))
    @settings(max_examples=60, deadline=None, derandomize=True)
    def holds(address):
        result = worked(trial(kind), address)
        assert result.difference <= 1e-5
        assert result.parts and all(
            len(numbers) == len(part.columns) for part in result.parts for _, numbers in part.rows
        )
        assert parse(result.address) == address
        json.dumps(asdict(result))

    holds()


@pytest.mark.parametrize("kind", MODELS)
def test_what_a_number_was_computed_of_exists_and_came_before_it(kind):
    sites = list(trial(kind).tape)
    for site, value in trial(kind).tape.items():
        for operand in worked(trial(kind), Address(site, (0,) * (value.dim() - 1))).operands:
            assert sites.index(parse(operand).site) < sites.index(site)


@pytest.mark.parametrize("kind", MODELS)
def test_the_arithmetic_notices_another_operand(kind):
    """Move each site a little behind the arithmetic's back: what is computed of it no longer agrees."""
    asked = made.trial("the filming was not terrible", MODELS[kind]())
    asked.tape  # noqa: B018  kept now
    for site, value in list(asked.tape._values.items()):
        largest = torch.unravel_index(value[0].argmax(), value.shape[1:])  # no ReLU hides it
        cell = Address(site, tuple(int(number) for number in largest))
        for operand in worked(asked, cell).operands:
            source = parse(operand).site
            kept = asked.tape._values[source]
            asked.tape._values[source] = kept + torch.randn_like(kept)
            assert worked(asked, cell).difference > 1e-4, (cell, operand)
            asked.tape._values[source] = kept


def test_the_last_line_of_a_product_is_its_sum():
    (part, *_), score = worked(trial("post mean"), parse("L0.H1.scores[2,3]")).parts, 3
    products, totals = [row[2] for _, row in part.rows], [row[score] for _, row in part.rows]
    assert totals[-1] == pytest.approx(sum(products)) and len(part.rows) == 4
    assert part.result == f"sum {totals[-1]:.6f}"


def test_a_weight_shows_the_whole_row_it_is_a_share_of():
    result = worked(trial("pre mean"), parse("L1.H2.weights[4,3]"))
    names, shares = zip(*((name, row[2]) for name, row in result.parts[-1].rows), strict=True)
    assert list(names) == trial("pre mean").pieces.names
    assert sum(shares) == pytest.approx(1.0) and shares[3] == result.recomputed
    assert result.question == f"{names[4]} looks at {names[3]}"
    assert result.operands == ["L1.H2.q[4]", "L1.H2.k[3]"]


def test_a_block_is_fed_as_its_kind_says():
    assert worked(trial("post mean"), parse("L1.attention_norm.out[0,0]")).operands == [
        "L0.stream[0]",
        "L1.attention.mixed[0]",
    ]
    assert worked(trial("pre mean"), parse("L1.attention_norm.out[0,0]")).operands == ["L0.stream[0]"]
    assert worked(trial("pre mean"), parse("final[1,2]")).operands == ["finish.out[1,2]"]
    assert set(FEEDS) == {"post", "pre"} and set(FEEDS["post"]) == set(FEEDS["pre"])


def test_no_site_is_known_that_no_model_has():
    every = {site for kind in MODELS for site in trial(kind).tape}
    inside = {site.split(".", 2)[2] for site in every if site.startswith("layers.")}
    assert inside == set(OF_A_BLOCK)
    assert set(OF_A_MODEL) <= every


@pytest.mark.parametrize(
    ("address", "repair"),
    [
        ("L1.H2", r"L1\.H2\.weights is not one number; give head, query, key, such as L1\.H2\.weights\[0,0\]"),
        ("logits", r"logits is not one number; give class, such as logits\[0\]"),
        ("L0.stream[2]", r"L0\.stream\[2\] is not one number; give position, feature, such as L0\.stream\[2,0\]"),
        ("L0.stream[9,0]", "position 9, but only 0 to 5"),
        ("L0.H0.weights[0,9]", "key 9, but only 0 to 5"),
        ("L0.strem[0,0]", "did you mean L0.stream"),
    ],
)
def test_what_is_not_one_number_says_how_one_is_written(address, repair):
    with pytest.raises(UsageError, match=repair):
        worked(trial("post mean"), parse(address))
