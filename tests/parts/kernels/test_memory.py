"""What a memory promises: how much it has read, whose it is, and that rows, copies and another beginning are right."""

import copy
import itertools

import pytest
import torch

from glassformer.models.gpt2 import Gpt2Writer
from glassformer.models.heads import CausalLanguageModel
from glassformer.parts.attention import Memory
from tests import small

close = torch.testing.assert_close
IDS = torch.tensor([[3, 9, 1, 10, 4, 3, 7], [5, 2, 8, 6, 1, 1, 2], [4, 4, 4, 6, 5, 9, 3]])
LEFT = torch.tensor([[True] * 7, [False] * 3 + [True] * 4, [False] * 6 + [True]])
MODELS = {
    "gpt2": lambda: small.gpt2(Gpt2Writer),
    "bert": lambda: small.bert(CausalLanguageModel, decoder=True),
    "relative": lambda: small.bert(CausalLanguageModel, decoder=True, positions="relative_key_query"),
    "generator": small.generator,
    "translator": small.translator,
}


@pytest.fixture(params=MODELS)
def model(request):
    torch.manual_seed(0)
    return MODELS[request.param]()


def begun(model, rows=slice(None)):
    """A memory that has read nothing yet but what the model looks at."""
    source = torch.randint(0, 10, (3, 4), generator=torch.Generator().manual_seed(1))[rows]
    return model.read(source) if hasattr(model, "read") else Memory()


def read(model, memory, *cuts, rows=slice(None), mode=torch.no_grad):
    """Logits of the pieces between the cuts, a call each."""
    with mode():
        parts = itertools.pairwise(cuts)
        return torch.cat([model(IDS[rows, a:b], LEFT[rows, a:b], memory=memory) for a, b in parts], dim=1)


def same(answer, expected, mark=LEFT):
    close(answer[mark], expected[mark], rtol=0, atol=2e-5)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize("cuts", [(0, 7), (0, 1, 2, 3, 4, 5, 6, 7), (0, 3, 6, 7), (0, 6, 7)], ids=str)
def test_a_prompt_in_several_calls_is_the_prompt_in_one(model, cuts, mode):
    whole = read(model, begun(model), 0, 7)
    memory = begun(model)
    same(read(model, memory, *cuts, mode=mode), whole)
    assert memory.length == 7


def test_it_says_how_much_it_has_read(model):
    memory = begun(model)
    assert memory.length == 0
    for at in (2, 3, 7):
        read(model, memory, memory.length, at)
        assert memory.length == at
    memory.forget()
    assert memory.length == 0 and not memory.known


def test_forgotten_it_begins_again_with_the_same_source(model):
    memory = begun(model)
    read(model, memory, 0, 4)
    memory.forget()
    same(read(model, memory, 0, 2, 7), read(model, begun(model), 0, 7))


@pytest.mark.parametrize("rows", [[2, 0, 0, 1], [1], [0, 1, 2]], ids=str)
def test_rows_go_on_as_if_they_had_been_alone(model, rows):
    memory, rows = begun(model), torch.tensor(rows)
    read(model, memory, 0, 3, 4)
    memory.choose(rows)
    again = begun(model)
    again.choose(rows)
    read(model, again, 0, 4, rows=rows)
    same(read(model, memory, 4, 5, 7, rows=rows), read(model, again, 4, 7, rows=rows), LEFT[rows, 4:])


@pytest.mark.parametrize("copied", [Memory.copy, copy.deepcopy])
def test_copies_go_on_in_two_ways(model, copied):
    memory = begun(model)
    read(model, memory, 0, 3, 4)
    if copied is copy.deepcopy:
        memory.known = {at: tuple(each.clone() for each in pair) for at, pair in memory.known.items()}
        other = memory.copy()
    else:
        other = copied(memory)
    with torch.no_grad():
        for number, kept in ((1, memory), (2, other), (3, memory)):
            answer = model(torch.full((3, 1), number), memory=kept)
            afresh = begun(model)
            before = [1] if number == 3 else []
            ids = torch.cat([IDS[:, :4], torch.tensor([[*before, number]] * 3)], dim=1)
            real = torch.cat([LEFT[:, :4], torch.ones(3, 1 + len(before), dtype=torch.bool)], dim=1)
            close(answer[:, -1], model(ids, real, memory=afresh)[:, -1], rtol=0, atol=2e-5)
    assert (memory.length, other.length) == (6, 5)


def test_of_another_model_it_is_refused_and_goes_on_with_its_own(model):
    other, memory = copy.deepcopy(model), begun(model)
    expected = read(model, begun(model), 0, 7)
    read(model, memory, 0, 4)
    whose = "another model read this source" if memory.reader else "of 4 positions in this memory the model read 0"
    with pytest.raises(ValueError, match=f"^{whose}: (give|each)"):
        read(other, memory, 4, 5)
    assert memory.length == 4
    same(read(model, memory, 4, 7), expected[:, 4:], LEFT[:, 4:])


def test_other_texts_than_were_read_do_not_go_on(model):
    memory = begun(model)
    read(model, memory, 0, 3)
    with pytest.raises(ValueError, match=r"^1 texts (go on, it has|are written, 3 were) read( 3)?: `choose` which, or"):
        read(model, memory, 3, 4, rows=slice(0, 1))
    assert memory.length == 3


def test_after_a_call_that_broke_off_in_the_middle_it_says_so():
    """Some layers have read what others have not: nothing right can be made of that."""
    model, memory = small.gpt2(Gpt2Writer), Memory()
    read(model, memory, 0, 3)

    def stop(*given):
        raise KeyboardInterrupt

    handle = model.layers[1].register_forward_pre_hook(stop)
    with pytest.raises(KeyboardInterrupt):
        read(model, memory, 3, 4)
    handle.remove()
    with pytest.raises(ValueError, match="of 4 positions in this memory the model read 3"):
        read(model, memory, 4, 5)
