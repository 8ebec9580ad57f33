"""The arithmetic before and after the blocks: parts/embed.py, parts/pool.py and what the models put on top."""

from collections.abc import Callable

import torch
from torch import Tensor

from glassformer.explain.address import Address
from glassformer.explain.embeds import Embeds
from glassformer.explain.inside import NORMED, norm_of
from glassformer.explain.sides import looking
from glassformer.explain.slope import pool_of, predictor
from glassformer.explain.sums import (
    Arithmetic,
    Part,
    added,
    curved,
    linear_of,
    normed,
    numbers,
    part,
    plus,
    products,
    rows,
    stream,
)
from glassformer.explain.trial import Trial
from glassformer.models.bert import Bert
from glassformer.models.gpt2 import Gpt2Writer
from glassformer.models.heads import Predicting, PreTraining
from glassformer.models.seq2seq import Translator, read_times
from glassformer.models.simple import BagOfWords, Generator
from glassformer.parts.embed import Nothing

EMBEDDED = ("pieces", "types", "places")


def looked_up(trial: Trial, address: Address) -> Arithmetic:
    """A row of a table: nothing is computed."""
    position, feature = address.index
    table, row = _entry(trial, address, position)
    value = 0.0 if table is None else table[row, feature].item()
    name = looking(trial, address).names[position]
    if address.kind == "pieces" and isinstance(trial.reader.model, Translator):
        return _lengthened(trial, value, f"looked up for {name!r}, and made longer", row)
    what = f"looked up for {name!r} at position {position}: nothing is computed"
    said = "the model has no such table" if table is None else f"= {value:.6f}"
    return [Part(what, ["value"], [(f"row {row}", [value])], said, "lookup")], value, []


def _lengthened(trial: Trial, value: float, title: str, row: int) -> Arithmetic:
    """A translator reads its vectors × √w."""
    part = 1 / read_times(trial.reader.model)
    lines = [(f"row {row}", [value]), (f"1 ÷ {1 / part:.6g}", [part])]
    return [Part(title, ["value"], lines, f"= {value / part:.6f}", "divide", 1)], value / part, []


def _entry(trial: Trial, address: Address, position: int) -> tuple[Tensor | None, int]:
    """The table that a vector is looked up in, and its row."""
    batch, model, kind = trial.batch, trial.reader.model, address.kind
    if address.side and kind == "pieces":
        assert batch.source is not None
        return model.get_parameter("embed.pieces.weight"), int(batch.source.ids[0, position])
    if kind == "shares":
        return model.get_parameter("weight.weight"), int(batch.ids[0, position])
    module = part(trial, f"{address.side}embed.{'positions' if kind == 'places' else kind}")
    if isinstance(module, Nothing):
        return None, 0
    if kind == "places":
        place = position if batch.positions is None else int(batch.positions[0, position])
        return module.table, place + getattr(module, "first", 0)
    chosen = batch.ids if kind == "pieces" else torch.zeros_like(batch.ids) if batch.types is None else batch.types
    return module.weight, int(chosen[0, position])


def embedded(trial: Trial, address: Address) -> Arithmetic:
    handed_on = isinstance(trial.reader.model, Bert)
    summed = [f"{address.side}embed.{kind}" for kind in ("pieces", "places")]
    return added(trial, address, ["embed.norm.out"] if handed_on else summed)


def embed_norm(trial: Trial, address: Address) -> Arithmetic:
    return norm_of(trial, address, "embed.norm", [f"embed.{kind}" for kind in EMBEDDED])


def finish(trial: Trial, address: Address) -> Arithmetic:
    return norm_of(trial, address, f"{address.side}finish", [_last(trial, address)])


def final(trial: Trial, address: Address) -> Arithmetic:
    normed = f"{address.side}finish.out"
    return added(trial, address, [normed if normed in trial.tape else _last(trial, address)])


def _last(trial: Trial, address: Address) -> str:
    """The stream behind the last layer."""
    layers = trial.reader.config.encoder_layers if address.side else trial.layers
    return stream(trial, layers, address.side)


def pooled(trial: Trial, address: Address) -> Arithmetic:
    (feature,) = address.index
    if isinstance(trial.reader.model, Bert):
        first = linear_of(trial.tape["final"][0, 0], part(trial, "pooler.linear"), feature, "final[0]", "final[0]")
        return curved(trial.reader.config.pooler, first)
    everything = list(range(trial.ids.size(1)))
    how = pool_of(trial.reader.model)
    return _over_positions(trial, feature, everything[-1:] if how == "last" else everything, how)


def _over_positions(trial: Trial, feature: int, positions: list[int], how: str) -> Arithmetic:
    """Many positions into one."""
    values = trial.tape["final"][0, positions, feature].double()
    value, what = {
        "mean": (values.mean(), "the mean over positions"),
        "max": (values.max(), "the largest over positions"),
        "cls": (values[0], "the first position"),
        "last": (values[-1], "the last position"),
    }[how]
    names = [trial.pieces.names[k] for k in positions]
    done = {"cls": "first", "last": "first"}.get(how, how)
    return [Part(what, ["value"], rows(names, values), f"= {value:.6f}", done)], value.item(), ["final"]


def sentence(trial: Trial, address: Address) -> Arithmetic:
    """One feature of the vector of a text."""
    assert isinstance(trial.kind, Embeds)
    positions, (feature,) = _own(trial, address.site), address.index
    tables, value, operands = _over_positions(trial, feature, positions, trial.kind.pooling)
    if not trial.kind.normalised:
        return tables, value, operands
    length = _vector(trial, address.site).norm().item()
    lines = [("value", [value]), ("length", [length])]
    title = f"divided by the length of the vector, of {trial.reader.config.width} such numbers"
    divided = Part(title, ["value"], lines, f"= {value / length:.6f}", "divide", 1)
    return [*tables, divided], value / length, operands


def _own(trial: Trial, site: str) -> list[int]:
    """The positions of one of two texts that are read apart, or of all that is read."""
    n = trial.ids.size(1)
    if trial.batch.look is None:
        return list(range(n))
    return [k for k in range(n) if int(trial.batch.which[0, k]) == (site == "sentence2")]


def _vector(trial: Trial, site: str) -> Tensor:
    """The vector of a text before it is brought to length 1, in float64: (w,)."""
    assert isinstance(trial.kind, Embeds)
    x = trial.tape["final"][0, _own(trial, site)].double()
    return {"mean": x.mean(dim=0), "max": x.amax(dim=0), "cls": x[0]}[trial.kind.pooling]


def similarity(trial: Trial, address: Address) -> Arithmetic:
    one, other = (trial.values[site][0].double() for site in ("sentence", "sentence2"))
    table, total = products("sentence · sentence2, feature by feature", numbers(one), ("first", "second"), one, other)
    lengths = one.norm().item(), other.norm().item()
    lines = [("sum", [total]), *(("length", [each]) for each in lengths)]
    value = total / (lengths[0] * lengths[1])
    part = Part("divided by both lengths", ["value"], lines, f"= {value:.6f}", "divide", 1)
    return [table, part], value, ["sentence", "sentence2"]


def logits(trial: Trial, address: Address) -> Arithmetic:
    model, last = trial.reader.model, address.index[-1]
    if isinstance(model, BagOfWords):
        return bag(trial, address)
    if isinstance(model, Predicting | PreTraining | Gpt2Writer | Translator):
        return predicted(trial, address)
    if isinstance(model, Generator):
        position = f"final[{address.index[0]}]"
        return linear_of(trial.tape["final"][0, address.index[0]], model.head, last, position, position)
    if len(address.index) == 2:
        position = f"final[{address.index[0]}]"
        return linear_of(trial.tape["final"][0, address.index[0]], part(trial, "classifier"), last, position, position)
    path = "classifier" if hasattr(model, "classifier") else "follows" if isinstance(model, Bert) else "head"
    return linear_of(trial.tape["pooled"][0], part(trial, path), last, "pooled", "pooled")


def follows(trial: Trial, address: Address) -> Arithmetic:
    return linear_of(trial.tape["pooled"][0], part(trial, "follows"), address.index[0], "pooled", "pooled")


def predicted(trial: Trial, address: Address) -> Arithmetic:
    """How well a piece fits a position: what stands there, turned in a BERT, against the vector of the piece."""
    position, piece = address.index
    source = "predict.norm.out" if "predict.norm.out" in trial.tape else "final"
    (vectors, biases), where = predictor(trial.reader.model), f"{source}[{position}]"
    x = trial.tape[source][0, position]
    title = f"{where} · the vector of {trial.reader.tokens.name(piece)!r}"
    table, total = products(title, numbers(x), ("x", "piece"), x, vectors[piece])
    if biases is None:
        return [table], total, [where]
    bias = biases[piece].item()
    return [table, plus(total, "bias", bias)], total + bias, [where]


def predict_norm(trial: Trial, address: Address) -> Arithmetic:
    """What stands at a position, turned and bent for predicting, brought to one scale."""
    position, feature = address.index
    predict, config = part(trial, "predict"), trial.reader.config
    x, where = trial.tape["final"][0, position].double(), f"final[{position}]"
    turned = predict.transform.weight.detach().double() @ x + predict.transform.bias.detach().double()
    name = config.predict or config.activation
    bent = torch.tensor([curved(name, ([], each, []))[1] for each in turned.tolist()], dtype=torch.float64)
    title = f"{where}, turned by a matrix W and bent by {name}"
    table = Part(title, ["x", "W x + b", name], rows(numbers(x), x, turned, bent), f"{len(x)} numbers", f"curve:{name}")
    scaled, value = normed(bent, predict.norm, feature, address.kind)
    return [table, scaled], value, [where]


def bag(trial: Trial, address: Address) -> Arithmetic:
    shares = trial.tape["shares"][0, :, address.index[0]].double()
    bias = trial.reader.model.get_parameter("bias")[address.index[0]].item()
    table = rows([*trial.pieces.names, "bias"], torch.cat([shares, torch.tensor([bias]).double()]))
    value = shares.sum().item() + bias
    title = "what every piece says, whatever stands around it"
    return [Part(title, ["share"], table, f"sum {value:.6f}", "sum")], value, ["shares"]


OF_A_MODEL: dict[str, Callable[[Trial, Address], Arithmetic]] = {
    **{f"embed.{kind}": looked_up for kind in EMBEDDED},
    "shares": looked_up,
    **{f"embed.norm.{kind}": embed_norm for kind in NORMED},
    "embed.stream": embedded,
    **{f"finish.{kind}": finish for kind in NORMED},
    "final": final,
    **{f"predict.norm.{kind}": predict_norm for kind in NORMED},
    "pooled": pooled,
    "logits": logits,
    "follows": follows,
    "sentence": sentence,
    "sentence2": sentence,
    "similarity": similarity,
}
