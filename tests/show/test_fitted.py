"""As much of a picture as its bytes have room for, in the order it is missed, and what is left out is said."""

import numpy as np
import pytest

from glassformer.show import fitted
from glassformer.show.packed import unpack
from tests.show.pictures import minilm, picture


def fit(made, budget):
    content = fitted.fitted(made, budget)
    assert len(content) <= budget
    return unpack(content)


def softmax(q, k):
    scaled = np.einsum("hid,hjd->hij", q.astype(np.float64), k.astype(np.float64)) / np.sqrt(q.shape[-1])
    powers = np.exp(scaled - scaled.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def test_what_fits_is_exact_and_nothing_is_said_to_be_left_out():
    made = picture()
    back = fit(made, 200_000)
    assert back["left"] is None and back["effects"]["edges"] == unpack(fitted.joined(made, {}))["effects"]["edges"]
    assert all((back["arrays"][name] == array).all() for name, array in made["arrays"].items())


def test_eleven_pieces_keep_every_head_exact():
    made = minilm(11)
    back = fit(made, 520_000)
    for k in range(6):
        for kind in ("q", "k", "v", "brought", "cells"):
            name = f"layers.{k}.attention.{kind}"
            assert (back["arrays"][name] == made["arrays"][name]).all()
    assert back["left"]["exact_heads"] is None and back["left"]["out"]


def test_128_pieces_keep_rounded_weights_of_all_heads_and_exact_vectors_of_those_that_matter():
    made = minilm(128)
    back = fit(made, 1_200_000)
    for k in range(6):
        q, key = (made["arrays"][f"layers.{k}.attention.{kind}"] for kind in "qk")
        weights = back["arrays"][f"layers.{k}.attention.weights"]
        assert np.abs(weights - softmax(q, key)).max() < 0.04
    heads = {tuple(head) for head in back["left"]["exact_heads"]}
    order = fitted.by_effect(made)
    assert heads == set(order[: len(heads)]) and 0 < len(heads) < 72
    for layer, head in heads:
        name = f"layers.{layer}.attention.q"
        assert (back["arrays"][name][head] == made["arrays"][name][head]).all()
    layer, head = order[-1]
    assert np.isnan(back["arrays"].get(f"layers.{layer}.attention.q", np.full((12, 1), np.nan))[head]).all()


def test_512_pieces_keep_a_small_map_of_every_head():
    made = minilm(512)
    back = fit(made, 520_000)
    for k in range(6):
        name = f"layers.{k}.attention.thumb"
        assert np.abs(back["arrays"][name] - made["arrays"][name]).max() < 0.02
    assert any("small maps" in each for each in back["left"]["rounded"])
    assert any(each.startswith("weights of") for each in back["left"]["out"])


@pytest.mark.parametrize("budget", [4_000, 20_000, 60_000, 300_000])
def test_no_budget_is_passed_and_all_that_is_missing_is_named(budget):
    made = picture(24, 3, 4, 64)
    back = fit(made, budget)
    missing = set(made["arrays"]) - set(back["arrays"])
    assert bool(missing) <= bool(back["left"]["out"]) if back["left"] else not missing
    assert back["effects"]["edges_of"] == 24 * 23 >= len(back["effects"]["edges"]) > 0


def test_too_few_bytes_even_for_the_names_are_an_error():
    with pytest.raises(ValueError, match="may have 500"):
        fitted.fitted(picture(), 500)


def test_weights_follow_from_vectors_masks_and_distances():
    made = picture(6, 1, 2, 8)
    arrays = made["arrays"]
    q, k = arrays["layers.0.attention.q"], arrays["layers.0.attention.k"]
    assert np.allclose(fitted.weights_of(made)["layers.0.attention.weights"], softmax(q, k), atol=1e-6)
    arrays["look"] = np.tril(np.ones((6, 6), np.float32))
    arrays["look"][0] = 0
    weights = fitted.weights_of(made)["layers.0.attention.weights"]
    assert np.allclose(weights[:, 1:].sum(-1), 1) and (weights[:, 0] == 0).all() and (np.triu(weights[0], 1) == 0).all()


def test_a_picture_without_attention_fits_too():
    made = picture(5, 0)
    assert fit(made, 50_000)["left"] is None
