"""One name for every number: parsed, printed, checked, and corrected."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.errors import UsageError
from glassformer.explain.address import Address, check, looks_like_one, parse
from tests import made

SHAPES = {site: tuple(value.shape[1:]) for site, value in made.trial("the filming was not bad").tape.items()}


@st.composite
def addresses(draw):
    """Any address that exists, as far as any axis."""
    site = draw(st.sampled_from(sorted(SHAPES)))
    index = [draw(st.integers(0, size - 1)) for size in SHAPES[site]]
    return Address(site, tuple(index[: draw(st.integers(0, len(index)))]))


@given(addresses())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_what_is_printed_is_parsed_back(address):
    assert parse(str(address)) == address
    assert looks_like_one(str(address)) or "." not in address.site
    check(address, SHAPES)


@given(addresses(), st.text(" ", max_size=2))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_spaces_around_brackets_and_commas_do_not_matter(address, space):
    shown = str(address)
    for sign in "[],":
        shown = shown.replace(sign, f"{space}{sign}{space}")
    assert parse(shown) == address


@pytest.mark.parametrize(
    ("written", "site", "index"),
    [
        ("L1.H2", "layers.1.attention.weights", (2,)),
        ("L1.H2.weights[4,3]", "layers.1.attention.weights", (2, 4, 3)),
        ("L1.H2.q[4]", "layers.1.attention.q", (2, 4)),
        ("L1.weights", "layers.1.attention.weights", ()),
        ("L1.mixed[4]", "layers.1.attention.mixed", (4,)),
        ("L1", "layers.1.stream", ()),
        ("L01.stream[4]", "layers.1.stream", (4,)),
        ("L1.mlp.hidden[0,19]", "layers.1.mlp.hidden", (0, 19)),
        ("layers.1.attention.weights", "layers.1.attention.weights", ()),
        ("layers.1.attention.weights[2,4,3]", "layers.1.attention.weights", (2, 4, 3)),
        ("embed.stream[0]", "embed.stream", (0,)),
        ("logits[1]", "logits", (1,)),
        (" logits [ 1 ] ", "logits", (1,)),
        ("logits[]", "logits", ()),
    ],
)
def test_long_and_short_forms_name_the_same(written, site, index):
    assert parse(written) == Address(site, index)


NONE = ["", "   ", "[1]", "a[b]", "L1.H2[", "L1.H2]", "\x1b[31m[0", "logits[٣]", f"logits[{'9' * 5000}]"]
NONE += [f"L1.H2.weights{index}" for index in ("[1 2]", "[-1]", "[1,,2]", "[1][2]", "[1.5]")]


@pytest.mark.parametrize("written", NONE)
def test_what_is_no_address_is_said_to_be_none(written):
    with pytest.raises(UsageError, match=r"is no address; write L1\.H2, ") as raised:
        parse(written)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    ("written", "repair"),
    [
        ("L9.H1", "there is no L9.H1.weights: this model has layers 0 to 1"),
        ("L1.H9", "there is no L1.H9.weights: head 9, but only 0 to 2"),
        ("L1.H2.wieghts", "did you mean L1.H2.weights"),
        ("L1.H2.stream", "there is no L1.H2.stream"),
        ("L1.H2.weights[0,0,0]", r"layers.1.attention.weights has 3 axes \(head, query, key\), not 4"),
        ("logit", "did you mean logits"),
        ("layers.x.y", "there is no layers.x.y"),
        ("layers", "there is no layers"),
        ("layers.1", "there is no layers.1"),
        (f"L{'9' * 5000}", "there is no"),
        ("L1.H2.mixed[0]", "mixed is what all heads give together; write L1.mixed"),
    ],
)
def test_what_does_not_exist_names_the_nearest_that_does(written, repair):
    with pytest.raises(UsageError, match=repair):
        check(parse(written), SHAPES)


@given(st.text(max_size=30))
@settings(max_examples=500, deadline=None, derandomize=True)
def test_no_text_breaks_it(text):
    looks_like_one(text)
    try:
        check(parse(text), SHAPES)
    except UsageError as error:
        assert "\n" not in str(error) or "\n" in text


@pytest.mark.parametrize("text", ["was", "terrible", "not terrible", "restaurant!", "5 stars"])
def test_a_word_is_not_taken_for_an_address(text):
    assert not looks_like_one(text)


def test_axes_count_what_they_say():
    for site, shape in SHAPES.items():
        assert len(Address(site).axes) == len(shape)
    assert Address("layers.0.attention.mixed").axes == ("position", "feature")
    assert Address("layers.0.attention.z").axes == ("head", "position", "feature")
    assert Address("logits").at(1) == Address("logits", (1,))
