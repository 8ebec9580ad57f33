"""Every tensor that is made is heard: whole, in place, inside a fused call; under another transform it is passed by."""

import torch
import torch.nn.functional as F

from glassformer.learn.record import Recorder


def heard(values, wanted):
    return any(value.shape == wanted.shape and torch.allclose(value, wanted) for value in values)


def test_what_is_made_is_heard_and_copied():
    x = torch.randn(3, 4)
    with Recorder() as made:
        y = x @ x.mT
        y += 1
        y.softmax(-1)
    for wanted in (x @ x.mT, x @ x.mT + 1, (x @ x.mT + 1).softmax(-1)):
        assert heard(made.values, wanted)
    assert "softmax" in made.calls


def test_a_buffer_counts_when_it_is_read_and_at_the_end():
    buffer = torch.zeros(3)
    with Recorder() as made:
        buffer[0] = 1.0
        buffer[1] = 2.0
        buffer.sum()
        buffer[2] = 3.0
    for wanted in ([1.0, 2.0, 0.0], [1.0, 2.0, 3.0]):
        assert heard(made.values, torch.tensor(wanted))


def test_what_a_fused_call_hides_is_heard():
    q, k, v = torch.randn(3, 2, 4, 5)
    mask = torch.ones(4, 4).tril().bool()
    with Recorder() as made:
        F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    weights = (q @ k.mT / 5**0.5).masked_fill(~mask, -torch.inf).softmax(-1)
    assert heard(made.values, q @ k.mT) and heard(made.values, weights)


def test_vmap_is_passed_by():
    with Recorder() as made:
        torch.func.vmap(lambda row: row * 2)(torch.ones(3, 2))
    assert all(value.shape == (3, 2) for value in made.values)
