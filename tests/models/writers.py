"""Models that write, beside the reference's with the same weights, and prompts of different length for them."""

import torch
from torch import nn

from glassformer.models.gpt2 import Gpt2Writer
from glassformer.models.heads import CausalLanguageModel
from tests import small
from tests.models import reference, test_gpt2, test_seq2seq

PROMPTS = torch.randint(0, 10, (100, 6), generator=torch.Generator().manual_seed(1))
REAL = torch.arange(6) >= torch.randint(0, 6, (100, 1), generator=torch.Generator().manual_seed(2))
SOURCES = torch.randint(1, 10, (100, 7), generator=torch.Generator().manual_seed(3))
SOURCES_REAL = torch.arange(7) < torch.randint(1, 8, (100, 1), generator=torch.Generator().manual_seed(4))
PLAIN = {"bad_words_ids": None, "forced_eos_token_id": None, "do_sample": False, "pad_token_id": 10}


def gpt2(**changes):
    """Ours, and the reference's `generate` as a function from options to what is written (texts, pieces)."""
    ours = small.gpt2(Gpt2Writer, length=40, **changes)
    given = {"inputs": PROMPTS, "attention_mask": REAL.long()}
    return ours, (PROMPTS, REAL), lambda: None, _written(test_gpt2.twin(ours, eos_token_id=None), given, 6)


def bert():
    """Whose reference has no notion of padding on the left: all prompts are whole."""
    ours = small.bert(CausalLanguageModel, decoder=True, length=40)
    theirs = reference.twin(ours, bos_token_id=None, eos_token_id=None)
    return ours, (PROMPTS, None), lambda: None, _written(theirs, {"inputs": PROMPTS}, 6)


def marian():
    ours, theirs = test_seq2seq.marian()
    for name, weight in ours.named_parameters():  # so that what is written hangs on what was read and written before
        nn.init.normal_(weight, float(name.endswith("gain")), 1.0 if weight.dim() == 2 else 0.1)
    state = {test_seq2seq.renamed(name): weight for name, weight in ours.state_dict().items()}
    theirs.load_state_dict(state | {"final_logits_bias": state["final_logits_bias"][None]}, strict=False)
    start = torch.full((100, 1), 10)
    given = {"inputs": SOURCES, "attention_mask": SOURCES_REAL.long()}
    return ours, (start, None), lambda: ours.read(SOURCES, SOURCES_REAL), _written(theirs, given, 1)


def _written(theirs, given, prompt):
    def generate(stop, **options):
        with torch.inference_mode():
            found = theirs.eval().generate(**given, **PLAIN, eos_token_id=list(stop) or None, **options)
        return (found.sequences if options.get("return_dict_in_generate") else found)[:, prompt:], found

    return generate
