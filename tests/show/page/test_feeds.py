"""What a number feeds, told in the page, is the other way round what Python says a number is computed of."""

import pytest

from glassformer.explain.address import Address, parse
from glassformer.show.packed import pack
from tests import made
from tests.show.page.modules import opened, run

ASKED = """
const { unpack } = await import("/base/unpack.js");
const { feedsOf } = await import("/base/feeds.js");
const picture = await unpack(new Uint8Array(await (await fetch("/held/" + given.model)).arrayBuffer()));
return JSON.stringify(given.addresses.map((each) => feedsOf(picture, each, 1)));
"""
INSIDE = ("attention_norm.out", "attention.mixed", "between", "mlp.hidden", "mlp.out", "mlp_norm.out", "stream")
HEAD = ("q", "k", "v", "scores", "scaled", "weights", "z")
OUTSIDE = ("embed.pieces[2,3]", "embed.places[2,3]", "embed.stream[2,3]", "final[2,3]", "pooled[3]")


@pytest.fixture(scope="module")
def explained():
    models = {block: made.reader(made.classifier(block=block)) for block in ("post", "pre")}
    return {block: model.explain("the food was good", beside=()) for block, model in models.items()}


@pytest.fixture(scope="module")
def page(explained):
    with opened({block: pack(x.picture(full=False)) for block, x in explained.items()}) as page:
        yield page


def one_of(address: Address, x) -> str:
    """One number of what may be a vector."""
    missing = len(x._trial.shapes[address.site]) - len(address.index)
    return str(Address(address.site, (*address.index, *([1] * missing))))


def covers(operand: str, address: Address) -> bool:
    """`operand` names `address`, or a vector or matrix it is in."""
    named = parse(operand)
    short = Address(address.site, address.index[1:]) if operand.endswith("attention.z") else address
    return named.site == short.site and named.index == short.index[: len(named.index)]


@pytest.mark.parametrize("block", ["post", "pre"])
def test_each_is_an_operand_of_what_it_feeds(page, explained, block):
    x = explained[block]
    layers = [f"L{layer}.{kind}[2,3]" for layer in (0, 1) for kind in INSIDE]
    heads = [f"L{layer}.H1.{kind}[2,2]" for layer in (0, 1) for kind in HEAD]
    finish = ["finish.out[2,3]"] if block == "pre" else []
    addresses = [*OUTSIDE, *finish, *layers, *heads]
    told = run(page, ASKED, {"model": block, "addresses": addresses})
    for text, feeds in zip(addresses, told, strict=True):
        assert feeds, text
        for each in feeds:
            worked = x.why(one_of(x.at(each), x))
            same = {str(x.at(text)), *worked.operands} if ".sca" in each or ".weights" in each else worked.operands
            assert any(covers(operand, x.at(text)) for operand in same), (text, each, worked.operands)


def test_the_last_number_feeds_nothing_and_no_address_is_no_mistake(page):
    assert run(page, ASKED, {"model": "post", "addresses": ["logits[1]", "?", "L0.H1", "L0.stream"]}) == [
        [],
        [],
        [],
        [],
    ]
