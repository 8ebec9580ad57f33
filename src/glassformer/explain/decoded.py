"""Texts as they are written, a step at a time, for the gallery of the page: a translation, and a search beside greedy.

    translation   an encoder reads, and a decoder is given back what it wrote, until the text ends
    search        every text that greedy decoding or beam search kept, and its likeliest ways to go on

What is chosen, kept and heard is that of `decoding.write` and `beams.beams` while they run.  docs/page.md has fields.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from glassformer.explain.reader import Reader, read
from glassformer.models.beams import Beam, Search, Text, beams
from glassformer.models.decoding import Step, Until, write
from glassformer.tape import Tape, listen

TRANSLATED = "reverse", "3 1 4 1 5 9 2 6"
SEARCHED = "characters", "I "
WIDTH, MOST = 2, 4  # beams, and pieces that are written
SHOWN = 3  # ways to go on that are told of each text
ONCE = ("encoder.final", "layers.*.cross.k", "layers.*.cross.v")  # of the source
EACH = ("layers.*.attention.weights", "layers.*.cross.weights", "final", "logits")  # of a step
Arrays = dict[str, np.ndarray]


@cache
def decoded() -> dict[str, Any]:
    """Both, of shipped models: JSON-ready, but for `arrays`, which are float32 and have no axis of the batch."""
    (translator, text), (writer, prompt) = TRANSLATED, SEARCHED
    fields, arrays = translation(read(translator), text)
    found = search(read(writer), prompt, Search(WIDTH, length_penalty=0.0), MOST)
    return {"schema": 1, "kind": "decoding", "translation": fields, "search": found, "arrays": arrays}


def translation(reader: Reader, text: str) -> tuple[dict[str, Any], Arrays]:
    """A text through `write`, greedily: its pieces, and what each of t steps made of the piece it was given.

    arrays, m pieces read: encoder.final (m, w); layers.K.cross.k and .v (h, m, d); layers.K.cross.weights (t, h, m);
    layers.K.attention.weights (t, h, t), 0 for what was not written yet; final (t, w); logits (t, v); and what pieces
    are predicted with, vectors (v, w) and bias (v,).  Raises UsageError for an empty text,
    and for a model that does not translate.
    """
    pieces = reader.interpreter.reads.read(text, reader.longest)
    tapes, ids = zip(*_steps(reader, torch.tensor([pieces.ids])), strict=True)
    once = [name for name in tapes[0] if name == "encoder.final" or name.endswith((".cross.k", ".cross.v"))]
    arrays = {name: tapes[0][name][0].numpy() for name in once}
    arrays |= {name: _stacked([tape[name] for tape in tapes]) for name in tapes[0] if name not in once}
    fields = {
        "model": reader.name,
        "text": text,
        "read": list(pieces.names),
        "begin": reader.tokens.name(reader.config.start),
        "written": [reader.tokens.name(each) for each in ids],
        "vocabulary": [reader.tokens.name(each) for each in range(reader.config.vocabulary)],
        "layers": [reader.config.encoder_layers, reader.config.layers],
        "ended": ids[-1] in reader.interpreter.stops,
    }
    return fields, arrays | _predicts(reader.model)


@torch.inference_mode()
def _steps(reader: Reader, source: Tensor) -> Iterator[tuple[Tape, int]]:
    """What is heard of each step, of the first also what was read, and the piece it chose."""
    model, start = reader.model, torch.tensor([[reader.config.start]])
    until = Until(reader.longest - 1, reader.interpreter.stops)
    with listen(model, (*ONCE, *EACH)) as tape:
        steps = write(model, start, memory=model.read(source), until=until)  # type: ignore[operator]
        first = next(steps)
    yield tape, _only(first)
    while True:
        with listen(model, EACH) as tape:
            step = next(steps, None)
        if step is None:
            return
        yield tape, _only(step)


def _only(step: Step) -> int:
    return int(step.ids.item())


def _stacked(values: list[Tensor]) -> np.ndarray:
    """Values of one step each, (1, …, 1, n): (t, …, n), the short ones filled up with zeros."""
    most = max(value.size(-1) for value in values)
    rows = [nn.functional.pad(value[0, ..., 0, :], (0, most - value.size(-1))) for value in values]
    return torch.stack(rows).numpy()


def _predicts(model: Any) -> Arrays:
    """Logits are final · vectorsᵀ + bias."""
    own, bias = model.predict.weight, model.predict.bias
    vectors = (model.embed.pieces.weight if own is None else own).detach()  # v w
    return {"vectors": vectors.numpy(), "bias": (torch.zeros(len(vectors)) if bias is None else bias.detach()).numpy()}


@torch.inference_mode()
def search(reader: Reader, prompt: str, how: Search, most: int) -> dict[str, Any]:
    """A prompt through `beams` and `write`, after each of `most` pieces: what was kept, and how it could go on.

    greedy: the pieces it took; beams: [{pieces, score}] at the end, the best first; kept: of each length the texts that
    the beam kept; ways: [{after, next: [[piece, log-probability], …]}] of all these texts, the likeliest first.  A text
    is a list of pieces.  The score is the log-probability where `how` has no length penalty.  Raises UsageError for
    a model that does not continue texts.
    """
    shown, ids = reader.writer.kind.shown, torch.tensor([reader.tokens.begun(prompt)])
    kept = [beams(reader.model, ids, search=how, until=Until(length))[0] for length in range(1, most + 1)]
    greedy = tuple(_only(step) for step in write(reader.model, ids, until=Until(most)))
    return {
        "model": reader.name,
        "prompt": prompt,
        "width": how.width,
        "greedy": [shown(each) for each in greedy],
        "beams": [{"pieces": [shown(each) for each in beam.ids], "score": beam.score} for beam in kept[-1]],
        "kept": [[[shown(each) for each in beam.ids] for beam in some] for some in kept],
        "ways": [_ways(reader, ids, text) for text in _texts(kept[:-1], greedy)],
    }


def _texts(kept: list[list[Beam]], greedy: Text) -> list[Text]:
    """Every text that was gone on from, the shortest first."""
    own = [greedy[:length] for length in range(len(kept) + 1)]
    return sorted({*own, *(beam.ids for some in kept for beam in some)}, key=lambda text: (len(text), text))


def _ways(reader: Reader, ids: Tensor, text: Text) -> dict[str, Any]:
    whole = torch.cat([ids, torch.tensor([text], dtype=torch.long)], dim=1)  # 1 n
    best = reader.model(whole)[0, -1].float().log_softmax(dim=-1).topk(SHOWN)
    shown, each = reader.writer.kind.shown, zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return {"after": [shown(id) for id in text], "next": [[shown(id), value] for id, value in each]}
