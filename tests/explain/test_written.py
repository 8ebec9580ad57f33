"""A text that goes on: the pieces are those of decoding called by hand, the text comes in whole characters."""

import pytest
import torch

from glassformer.errors import CheckpointError, UsageError
from glassformer.explain.written import How
from glassformer.models.beams import Search, beams
from glassformer.models.decoding import Until, sample, write
from tests import made
from tests.explain import by_hand

PROMPTS = ["this restaurant was", "it", "the food and the service were not nice"]


@pytest.fixture(params=made.WRITERS)
def reader(request):
    return made.writer(request.param)


def by_decoding(reader, prompt, most, **how):
    """The ids that `write` gives for one prompt."""
    steps = write(reader.model, torch.tensor([prompt]), until=Until(most, **how.pop("until", {})), **how)
    return [step.ids.item() for step in steps]


def ids(written):
    return [piece.id for piece in written.pieces]


@pytest.mark.parametrize("how", [{}, {"temperature": 0.7, "seed": 3}, {"top_k": 4}, {"top_p": 0.8, "seed": 1}])
def test_it_is_what_decoding_gives(reader, how):
    written = reader.generate(PROMPTS[0], most=12, **how)
    prompt = reader.tokens.begun(PROMPTS[0])
    drawn = {name: how.get(name) for name in ("top_k", "top_p")}
    generator = torch.Generator().manual_seed(how.get("seed", 0))
    pick = sample(how.get("temperature", 1.0), **drawn, generator=generator) if how else sample(0)
    found = by_decoding(reader, prompt, 12, pick=pick, until={"stop": reader.writer.stops})
    assert ids(written) == found
    whole, before = reader.tokens.decode([*prompt, *found]), reader.tokens.decode(prompt)
    assert whole == before + written.text
    assert written.stopped in ("most", "end") and written.prompt == PROMPTS[0] and written.model == "made"


def test_each_piece_says_how_likely_it_was(reader):
    written = reader.generate(PROMPTS[0], most=4, temperature=1.0, choices=3)
    read = reader.tokens.begun(PROMPTS[0])
    likely = 0.0
    for piece in written.pieces:
        share = by_hand.writer(reader.model, torch.tensor(read))[-1].softmax(-1)
        assert piece.probability == pytest.approx(share[piece.id].item(), abs=1e-5)
        assert [each.probability for each in piece.choices] == pytest.approx(share.topk(3)[0].tolist(), abs=1e-5)
        likely += share[piece.id].log().item()
        read.append(piece.id)
    assert written.log_probability == pytest.approx(likely, abs=1e-3)


def test_the_likeliest_of_several_beams(reader):
    written, prompt = reader.generate(PROMPTS[0], most=5, beams=3, choices=1), reader.tokens.begun(PROMPTS[0])
    until = Until(5, reader.writer.stops)
    best = beams(reader.model, torch.tensor([prompt]), search=Search(3), until=until)[0][0]
    assert tuple(ids(written)) == best.ids
    assert written.log_probability / len(best.ids) == pytest.approx(best.score, abs=1e-4)
    assert reader.generate(PROMPTS[0], most=5, beams=1).text == reader.generate(PROMPTS[0], most=5).text


def test_many_prompts_are_each_as_it_is_alone(reader):
    together = reader.generate(PROMPTS, most=8)
    alone = [reader.generate(prompt, most=8) for prompt in PROMPTS]
    assert [(each.text, ids(each), each.stopped) for each in together] == [
        (each.text, ids(each), each.stopped) for each in alone
    ]
    full = reader.generate(PROMPTS, most=100)  # no room for all of them side by side
    assert [len(each.pieces) for each in full] == [41 - len(reader.tokens.begun(prompt)) for prompt in PROMPTS]
    assert {each.stopped for each in full} == {"room"}


def test_it_comes_as_text_and_says_what_there_is_so_far(reader):
    writing, parts = reader.stream_text(PROMPTS[0], most=10), []
    for part in writing:
        parts.append(part)
        assert writing.written.text == "".join(parts)
        assert 1 <= len(writing.written.pieces) <= 10
        if len(writing.pieces) < 10:
            assert writing.written.stopped == "interrupted"
    assert writing.written == reader.generate(PROMPTS[0], most=10)
    writing = reader.stream_text(PROMPTS[0], most=10)
    next(iter(writing))
    assert len(writing.pieces) < 10  # no more is computed than was asked for


def test_characters_come_whole():
    """Of a text whose pieces are bytes, what is no whole character yet is waited for."""
    reader = made.writer()
    euro, held = reader.tokens.begun("€"), []
    assert len(euro) == 3
    for part in reader.tokens.spoken(iter([*euro, *reader.tokens.begun(" was")]), reader.tokens.begun("it")):
        held.append(part)
    assert held == ["€", " was"]


def test_a_text_stops_before_what_is_to_stop_it(reader):
    whole = reader.generate(PROMPTS[0], most=12).text
    for stop in (whole[3:5], whole[-1], whole[:2]):
        written = reader.generate(PROMPTS[0], most=12, stop=stop)
        assert written.text == whole[: whole.index(stop)] and written.stopped == "stop"
    longer = whole[-2:] + "never"  # may begin, and does not go on
    assert reader.generate(PROMPTS[0], most=12, stop=[longer, "nowhere"]).text == whole


def test_an_end_ends_it(reader):
    free = ids(reader.generate(PROMPTS[0], most=12))
    stops = frozenset({free[4]})
    name = {"Generator": "generator", "Gpt2Writer": "gpt2"}.get(type(reader.model).__name__, "bert decoder")
    written = made.writer(name, stops=stops).generate(PROMPTS[0], most=12)
    assert ids(written) == free[: 1 + free.index(free[4])] and written.stopped == "end"
    assert reader.writer.stops == ({reader.tokens.end} if reader.tokens.end >= 0 else set())


def test_beyond_its_room_it_slides_only_when_asked(reader):
    long = "the food was very good and " * 12
    with pytest.raises(UsageError, match=r"the prompt has \d\d pieces, made reads 40; shorten it, or leave its oldest"):
        reader.generate(long)
    prompt = reader.tokens.begun(long)
    until = {"slide": True, "stop": reader.writer.stops}
    assert ids(reader.generate(long, most=50, slide=True)) == by_decoding(reader, prompt, 50, until=until)
    assert reader.generate(PROMPTS[0], most=60).stopped == "room"


def test_an_empty_prompt_needs_a_piece_that_begins_a_text():
    for name in ("generator", "gpt2"):
        with pytest.raises(UsageError, match="the prompt is empty, and made has no piece that begins a text"):
            made.writer(name).generate("")
    decoder = made.writer("bert decoder")
    assert ids(decoder.generate("", most=3)) == by_decoding(decoder, [decoder.tokens.id("[CLS]")], 3)


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ({"beams": 0}, "a beam of width 0 keeps nothing"),
        ({"beams": 2, "temperature": 1.0}, "nothing is drawn, and nothing left behind; choose one"),
        ({"beams": 2, "slide": True}, "nothing is drawn, and nothing left behind; choose one"),
        ({"temperature": -1.0}, "temperature -1.0 is no temperature"),
        ({"top_k": 0}, "top_k=0 leaves no piece"),
        ({"top_p": 1.5}, "top_p=1.5 is no share"),
        ({"most": -1}, "most is -1"),
        ({"stop": ""}, "a stop of no characters"),
        ({"choices": -1}, "-1 choices cannot be told"),
    ],
)
def test_what_cannot_be_asked_is_one_line(how, line):
    how = how if how.get("stop") is None else {"stop": [""]}
    with pytest.raises(UsageError, match=line):
        How.of(how)


def test_weights_that_are_no_numbers_are_the_checkpoints_fault(reader):
    with torch.no_grad():
        reader.model.embed.pieces.weight.fill_(float("nan"))
    with pytest.raises(CheckpointError, match=r"made: nothing can be picked from logits whose largest is \[nan\]"):
        reader.generate("it was")


def test_nothing_is_written_where_nothing_is_asked_for(reader):
    assert reader.generate("it was", most=0).text == "" == reader.generate("it was", most=0, beams=2).text


def test_a_model_that_does_not_write_says_what_it_does():
    with pytest.raises(
        UsageError, match="puts a label on a text: explain, why and classify take it, generate does not"
    ):
        made.reader().generate("it was")
