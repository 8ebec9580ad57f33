"""What a model cannot read: one line that says what, what it could read, and what to do; and nothing has changed."""

import pytest
import torch

from glassformer.models.gpt2 import Gpt2Classifier, Gpt2Writer
from glassformer.models.heads import CausalLanguageModel
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
