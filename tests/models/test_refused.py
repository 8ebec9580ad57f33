"""What a model cannot read: one line that says what, what it could read, and what to do; and nothing has changed."""

import itertools

import pytest
import torch

from glassformer.models.gpt2 import Gpt2Classifier, Gpt2Writer
from glassformer.models.heads import CausalLanguageModel
from glassformer.parts.attention import Memory
from glassformer.parts.mask import Runs
from tests import small

SOURCE = torch.tensor([[3, 1, 4, 2]])


def translator():
    model = small.translator()
    return lambda ids: model(ids, memory=model.read(SOURCE))


READS = {
    "bag of words": small.bag,
    "classifier": small.classifier,
    "generator": small.generator,
    "gpt2": small.gpt2,
    "gpt2 writer": lambda: small.gpt2(Gpt2Writer),
    "gpt2 classifier": lambda: small.gpt2(Gpt2Classifier),
    "bert": small.bert,
    "bert decoder": lambda: small.bert(CausalLanguageModel, decoder=True),
    "bert, packed": lambda: lambda ids: small.bert().read_packed(ids[0], Runs((2, 1))),
    "translator, what it reads": lambda: small.translator().read,
    "translator, what it wrote": translator,
}


@pytest.mark.parametrize("wrong", [11, 50_000, -1, -11])
@pytest.mark.parametrize("reads", READS)
def test_a_piece_outside_the_vocabulary_is_named_with_those_there_are(reads, wrong):
    model = READS[reads]()
    line = f"^piece {wrong} was asked for, the model knows 0 to 10: cut the text with the model's own tokenizer$"
    with pytest.raises(ValueError, match=line):
        model(torch.tensor([[3, wrong, 10]]))
    model(torch.tensor([[3, 0, 10]]))


@pytest.mark.parametrize("wrong", [2, -1])
def test_a_type_that_is_not_there_is_named_too(wrong):
    with pytest.raises(
        ValueError, match=f"^type {wrong} was asked for, the model knows 0 to 1: number the texts from 0$"
    ):
        small.bert()(SOURCE, types=torch.tensor([[0, 1, wrong, 0]]))


@pytest.mark.parametrize(("places", "told"), [([0, 1, 2, 9], "0 to 9"), ([-1, 0, 1, 2], "-1 to 2")], ids=str)
def test_positions_that_are_told_and_not_there_are_named(places, told):
    line = f"^positions {told} were told, the model knows 0 to 8: leave `positions` out to count them$"
    with pytest.raises(ValueError, match=line):
        small.bert()(SOURCE, positions=torch.tensor([places]))


# what was refused is not remembered


FIRST, LAST = torch.tensor([[3, 1, 4, 1], [2, 7, 1, 8]]), torch.tensor([[5, 9], [2, 8]])
MANY, OTHERS, NONE_SUCH = torch.zeros(2, 6, dtype=torch.long), FIRST[:1, :2], torch.tensor([[5, 11], [2, 8]])
REFUSED = {
    "too long": (MANY, "10 positions asked for, the model knows 9: cut the text"),
    "too long at once": (MANY.repeat(1, 2), "positions asked for, the model knows 9: cut the text"),
    "no such piece": (NONE_SUCH, "piece 11 was asked for, the model knows 0 to 10"),
    "another number of texts": (OTHERS, "1 texts (go on, it has read 2|are written, 2 were read): `choose` which, or "),
}


def begun(model):
    return model.read(FIRST) if hasattr(model, "read") else Memory()


@pytest.mark.parametrize("refused", REFUSED)
@pytest.mark.parametrize("kind", small.WRITERS)
def test_a_call_that_is_refused_leaves_the_memory_as_it_was(kind, refused):
    model, (ids, line) = small.WRITERS[kind](), REFUSED[refused]
    untouched, memory = begun(model), begun(model)
    for each in (untouched, memory):
        model(FIRST, memory=each)
    before, known = memory.real, dict(memory.known)
    for _ in range(2):
        with pytest.raises(ValueError, match=line):
            model(ids, memory=memory)
        assert torch.equal(memory.real, before) and memory.length == 4 and memory.known == known
    torch.testing.assert_close(model(LAST, memory=memory), model(LAST, memory=untouched), rtol=0, atol=0)
    assert memory.length == 6


@pytest.mark.parametrize("inference", [False, True], ids=["learning", "inference"])
@pytest.mark.parametrize("refused", ["too long at once", "no such piece"])
@pytest.mark.parametrize("kind", small.WRITERS)
def test_a_memory_whose_first_call_is_refused_is_still_empty(kind, refused, inference):
    model, (ids, line) = small.WRITERS[kind](), REFUSED[refused]
    with torch.inference_mode(inference):
        memory = begun(model)
        with pytest.raises(ValueError, match=line):
            model(ids, memory=memory)
        assert memory.real is None and not memory.known
        alone = Memory(None if memory.source is None else memory.source[:1])
        found, expected = model(FIRST, memory=memory)[:1], model(FIRST[:1], memory=alone)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("kind", "other"), list(itertools.pairwise([*small.WRITERS, "generator"])))
def test_a_memory_of_another_model_is_refused_and_goes_on_with_its_own(kind, other):
    model, stranger = small.WRITERS[kind](), small.WRITERS[other]()
    memory, untouched = begun(model), begun(model)
    for each in (memory, untouched):
        model(FIRST, memory=each)
    lines = "of 4 positions in this memory the model read 0: each begins one of its own|looks at a source"
    with pytest.raises(ValueError, match=lines):
        stranger(LAST, memory=memory)
    torch.testing.assert_close(model(LAST, memory=memory), model(LAST, memory=untouched), rtol=0, atol=0)


# a translator's source


def test_what_one_translator_read_is_nothing_to_another():
    model, stranger = small.translator(), small.translator()
    memory = model.read(FIRST)
    with pytest.raises(ValueError, match=r"^another model read this source: give memory=model.read"):
        stranger(LAST, memory=memory)
    with pytest.raises(ValueError, match="another model read this source"):
        stranger(LAST, memory=memory.copy())
    assert memory.length == 0
    torch.testing.assert_close(model(LAST, memory=memory.copy()), model(LAST, memory=memory), rtol=0, atol=0)
    assert memory.copy().length == memory.length == 2


def test_as_many_texts_are_written_as_were_read_or_one_was():
    model = small.translator()
    with pytest.raises(ValueError, match=r"^3 texts are written, 2 were read: `choose` which, or read as many$"):
        model(FIRST[:1].expand(3, -1), memory=model.read(FIRST))
    memory = model.read(FIRST)
    memory.choose(torch.tensor([0, 1, 1]))
    assert model(FIRST[[0, 1, 1]], memory=memory).shape == (3, 4, 11)
    assert model(FIRST, memory=model.read(FIRST[:1])).shape == (2, 4, 11)
