"""Every tensor that is made is heard: whole, in place, inside a fused call; under another transform it is passed by."""

import pytest
import torch
import torch.nn.functional as F

from glassformer.learn import record
from glassformer.learn.record import Recorder


def heard(values, wanted):
    return any(value.shape == wanted.shape and torch.allclose(value, wanted, atol=1e-6) for value in values)


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


def heard_in(call):
    with Recorder() as made:
        call()
    return made


@pytest.mark.parametrize(
    "given", [{"is_causal": True}, {"scale": 0.3}, {"attn_mask": "added"}, {"is_causal": True, "scale": 2.0}]
)
def test_a_fused_call_hides_what_its_own_arguments_ask_for(given):
    q, k, v = torch.randn(3, 2, 4, 5)
    added = torch.randn(4, 4)
    scaled = q @ k.mT * given.get("scale", 5**-0.5)
    masked = scaled + added if "attn_mask" in given else scaled
    masked = masked + torch.full((4, 4), -torch.inf).triu(1) if given.get("is_causal") else masked
    given = {name: added if value == "added" else value for name, value in given.items()}
    made = heard_in(lambda: F.scaled_dot_product_attention(q, k, v, **given))
    assert heard(made.values, scaled) and heard(made.values, masked.softmax(-1)) and "dropout" not in made.calls
    assert heard(made.values, masked.softmax(-1) @ v), "and its answer"


def test_dropout_inside_a_fused_call_is_told_by_position_too():
    q = torch.randn(2, 3, 4)
    assert "dropout" in heard_in(lambda: F.scaled_dot_product_attention(q, q, q, None, 0.5)).calls
    assert "dropout" not in heard_in(lambda: F.scaled_dot_product_attention(q, q, q, None, 0.0)).calls


def test_what_is_written_through_a_view_or_out_counts_with_its_last_value():
    whole, out = torch.zeros(2, 2), torch.zeros(2, 3)

    def fills():
        whole[0][1] = 5.0
        whole[1][:] = 7.0
        torch.add(torch.ones(3), 1.0, out=out[1])

    made = heard_in(fills)
    assert heard(made.values, torch.tensor([[0.0, 5.0], [7.0, 7.0]])) and heard(
        made.values, torch.tensor([[0.0] * 3, [2.0] * 3])
    )


def test_several_answers_at_once_are_all_heard():
    x = torch.randn(3, 4)
    made = heard_in(lambda: (x.split(2, -1), torch.stack([x, x + 2])))
    assert heard(made.values, x[:, 2:]) and heard(made.values, torch.stack([x, x + 2]))


def test_without_end_nothing_more_is_kept(monkeypatch):
    monkeypatch.setattr(record, "MOST", 3)
    monkeypatch.setattr(record, "LARGEST", 4)
    small = torch.ones(4)
    assert len(heard_in(lambda: [small * k for k in range(9)]).values) == 3
    assert [len(each) for each in heard_in(lambda: (torch.ones(5) * 2, small * 2)).values] == [4]
