"""The project's own code as `peers.py` calls it, through the doors a user has.

    python peers.py --model DIR --candidate fp32=bench.beside:encode --candidate bf16=bench.beside:encode_bfloat16 \
        --candidate-attention fp32=bench.beside:attention --candidate-train fp32=bench.beside:train
"""

from collections.abc import Callable
from dataclasses import replace

import torch

from glassformer.explain.encoder import Encoder
from glassformer.hub.store import Checkpoint, load
from glassformer.models.heads import SequenceClassification
from glassformer.parts.kernels.prepared import prepare
from glassformer.tape import listen


def encode(model_dir: str, threads: int, dtype: torch.dtype = torch.float32) -> Callable:
    """Texts to vectors, not normalised."""
    checkpoint = _prepared(model_dir, threads, dtype)
    encoder = Encoder(checkpoint, normalised=False, most=checkpoint.model.config.longest)
    return lambda texts: encoder.encode(texts).numpy()


def encode_bfloat16(model_dir: str, threads: int) -> Callable:
    return encode(model_dir, threads, torch.bfloat16)


def attention(model_dir: str, threads: int) -> Callable:
    """Every attention weight of one text: (layers, heads, n, n)."""
    checkpoint = _prepared(model_dir, threads)

    def weights(text: str, most: int):
        ids = torch.tensor(checkpoint.tokens.encode_many([text], most))
        with torch.inference_mode(), listen(checkpoint.model, "*.attention.weights") as tape:
            checkpoint.model(ids)
        return torch.cat(list(tape.values())).numpy()

    return weights


def train(model_dir: str, threads: int) -> Callable:
    """A step of a classifier of two classes: forward, backward, AdamW."""
    torch.set_num_threads(threads)
    checkpoint = load(model_dir)

    def start(texts: list[str], dropout: float) -> Callable[[], float]:
        torch.manual_seed(0)
        model = _classifier(checkpoint, dropout)
        optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5, fused=True)
        rows = checkpoint.tokens.encode_many(texts, model.config.longest)
        lengths = torch.tensor([len(row) for row in rows])
        ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
        real, labels = torch.arange(ids.size(1)) < lengths[:, None], torch.arange(len(texts)) % 2

        def step() -> float:
            loss = model.loss(model(ids, real), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            return loss.item()

        return step

    return start


def _prepared(model_dir: str, threads: int, dtype: torch.dtype = torch.float32) -> Checkpoint:
    torch.set_num_threads(threads)
    checkpoint = load(model_dir)
    assert prepare(checkpoint.model, dtype), "this build of PyTorch has no prepared kernels"
    return checkpoint


@torch.no_grad()
def _classifier(checkpoint: Checkpoint, dropout: float) -> SequenceClassification:
    """The checkpoint with the head that every peer makes for itself."""
    config = replace(checkpoint.model.config, dropout=dropout, attention_dropout=dropout, classes=2)
    model = SequenceClassification(config).train()
    model.load_state_dict(checkpoint.model.state_dict(), strict=False)
    weight = model.classifier.weight
    weight.copy_(torch.linspace(-0.05, 0.05, weight.numel()).view_as(weight))
    return model
