"""The arithmetic inside a block, site by site as parts/attention.py and parts/block.py have it."""

import math
from typing import Any

import torch
from torch import Tensor

from glassformer.explain.address import Address
from glassformer.explain.sides import looked_at, looking, may_look
from glassformer.explain.sums import (
    Arithmetic,
    Part,
    added,
    curved,
    linear,
    linear_of,
    normed,
    numbers,
    part,
    products,
    rows,
    short,
    stream,
)
from glassformer.explain.trial import Trial
from glassformer.models.gpt2 import Louder
from glassformer.parts.attention import RelativeKey, RelativeKeyQuery

# What each step of a block reads: the order of operations in parts/block.py, as data.
FEEDS = {
    "post": {
        "attention": ("before",),
        "attention_norm": ("before", "attention.mixed"),
        "between": ("attention_norm.out",),
        "mlp": ("between",),
        "mlp_norm": ("between", "mlp.out"),
        "stream": ("mlp_norm.out",),
    },
    "pre": {
        "attention": ("attention_norm.out",),
        "attention_norm": ("before",),
        "between": ("before", "attention.mixed"),
        "mlp": ("mlp_norm.out",),
        "mlp_norm": ("between",),
        "stream": ("between", "mlp.out"),
    },
}
CROSSED = {  # the same of a block that looks at a source between the two, where it is otherwise
    "post": {
        "cross": ("between",),
        "cross_norm": ("between", "cross.mixed"),
        "crossed": ("cross_norm.out",),
        "mlp": ("crossed",),
        "mlp_norm": ("crossed", "mlp.out"),
    },
    "pre": {
        "cross": ("cross_norm.out",),
        "cross_norm": ("between",),
        "crossed": ("between", "cross.mixed"),
        "mlp_norm": ("crossed",),
        "stream": ("crossed", "mlp.out"),
    },
}
NORMED = ("centred", "normalised", "out")


def projected(trial: Trial, address: Address) -> Arithmetic:
    head, position, feature = address.index
    crossed = ".cross." in address.site
    given = crossed and address.kind in ("k", "v")
    source = "encoder.final" if given else feeds(trial, address, "cross" if crossed else "attention")[0]
    row = head * trial.tape[address.site].size(-1) + feature
    return louder(part(trial, address.site), linear(trial, address.site, row, source, position))


def louder(module: Any, arithmetic: Arithmetic) -> Arithmetic:
    """A query that is so many times as long."""
    if not isinstance(module, Louder):
        return arithmetic
    tables, value, operands = arithmetic
    scale = 1 / module.times
    lines = [("sum", [value]), (f"1 ÷ {module.times:.6g}", [scale])]
    longer = value / scale
    return [*tables, Part("so many times as long", ["value"], lines, f"= {longer:.6f}", "divide", 1)], longer, operands


def scores(trial: Trial, address: Address) -> Arithmetic:
    head, i, j = address.index
    q, k = _row(trial, address, "q", head, i), _row(trial, address, "k", head, j)
    table, total = products("q · k, feature by feature", numbers(q), ("q", "k"), q, k)
    return [table], total, [_operand(address, "q", head, i), _operand(address, "k", head, j)]


def scaled(trial: Trial, address: Address) -> Arithmetic:
    tables, score, operands = scores(trial, address)
    near, more = _nearness(trial, address)
    width = trial.tape[_sibling(address, "q")].size(-1)
    root = math.sqrt(width)
    lines = [("score", [score]), *([("distance", [near])] if more else []), (f"√{width}", [root])]
    value = (score + near) / root
    divided = Part("divided by √d", ["value"], lines, f"= {value:.6f}", "divide", len(lines) - 1)
    return [*tables, *more, divided], value, operands


def _nearness(trial: Trial, address: Address) -> tuple[float, list[Part]]:
    """What the distance of two positions adds to their score, in models of relative positions."""
    head, i, j = address.index
    near = part(trial, address.looks).nearness
    if not isinstance(near, RelativeKey):
        return 0.0, []
    r = near.table[i - j + (len(near.table) - 1) // 2]
    q, k = _row(trial, address, "q", head, i), _row(trial, address, "k", head, j)
    asked = [("q", q), ("k", k)] if isinstance(near, RelativeKeyQuery) else [("q", q)]
    titles = [f"{name} · the vector of the distance {i - j}" for name, _ in asked]
    done = [products(t, numbers(x), (name, "r"), x, r) for t, (name, x) in zip(titles, asked, strict=True)]
    return sum(total for _, total in done), [table for table, _ in done]


def weights(trial: Trial, address: Address) -> Arithmetic:
    _, i, j = address.index
    tables, _, operands = scaled(trial, address)
    seen = may_look(trial, address)[i].nonzero()[:, 0].tolist()
    looks, names = looking(trial, address).names[i], looked_at(trial, address).names
    row = _scaled_row(trial, address, seen)
    exps = (row - row.max()).exp()
    shares = exps / exps.sum()
    title = f"softmax over the row of {looks}: exp(scaled − {row.max():.4f}), then its share of the sum"
    table = rows([names[at] for at in seen], row, exps, shares)
    if j not in seen:
        away = Part(title, ["scaled", "exp", "weight"], table, "may not look there: 0", "softmax", -1)
        return [*tables, away], 0.0, operands
    at = seen.index(j)
    result = f"{exps[at]:.6f} ÷ {exps.sum():.6f} = {shares[at]:.7f}"
    softmax = Part(title, ["scaled", "exp", "weight"], table, result, "softmax", at)
    return [*tables, softmax], shares[at].item(), operands


def _scaled_row(trial: Trial, address: Address, seen: list[int]) -> Tensor:
    """Row i of the scaled scores, computed again, of the positions that are looked at."""
    head, i, _ = address.index
    q, k = _row(trial, address, "q", head, i), _row(trial, address, "k", head)
    near = [_nearness(trial, Address(address.site, (head, i, j)))[0] for j in seen]
    return (k[seen] @ q + torch.tensor(near, dtype=torch.float64)) / math.sqrt(len(q))


def z(trial: Trial, address: Address) -> Arithmetic:
    head, i, feature = address.index
    a, v = _row(trial, address, "weights", head, i), _row(trial, address, "v", head)[:, feature]
    names = looked_at(trial, address).names
    table, total = products("of each value as much as its weight", names, ("weight", "v"), a, v)
    return [table], total, [_operand(address, "weights", head, i), _operand(address, "v", head)]


def mixed(trial: Trial, address: Address) -> Arithmetic:
    position, feature = address.index
    out = part(trial, f"{address.looks}.out")
    x = trial.tape[_sibling(address, "z")][0, :, position].flatten()
    return linear_of(x, out, feature, f"z[{position}] of all heads, one after the other", short(_sibling(address, "z")))


def hidden(trial: Trial, address: Address) -> Arithmetic:
    position, feature = address.index
    path = f"{address.block}.mlp.inward"
    name = getattr(trial.reader.config, "activation", "relu")
    return curved(name, linear(trial, path, feature, feeds(trial, address, "mlp")[0], position))


def mlp_out(trial: Trial, address: Address) -> Arithmetic:
    position, feature = address.index
    path = f"{address.block}.mlp"
    return linear(trial, f"{path}.outward", feature, f"{path}.hidden", position)


def block_norm(trial: Trial, address: Address) -> Arithmetic:
    path = address.site.rsplit(".", 1)[0]
    sources = feeds(trial, address, path.rsplit(".", 1)[-1])
    return norm_of(trial, address, path, sources)


def norm_of(trial: Trial, address: Address, path: str, sources: list[str]) -> Arithmetic:
    """One feature of the norm at `path`, of the sum of `sources`."""
    position, feature = address.index
    x = torch.stack([trial.tape[source][0, position].double().expand(_width(trial)) for source in sources]).sum(dim=0)
    table, value = normed(x, part(trial, path), feature, address.kind)
    return [table], value, [f"{short(source)}[{position}]" for source in sources]


def _width(trial: Trial) -> int:
    return trial.reader.config.width


def residual(trial: Trial, address: Address) -> Arithmetic:
    return added(trial, address, feeds(trial, address, address.kind))


def feeds(trial: Trial, address: Address, step: str) -> list[str]:
    """The sites that a step of this block reads."""
    table = FEEDS[trial.block]
    if f"{address.block}.cross.mixed" in trial.tape:
        table = table | CROSSED[trial.block]
    before = stream(trial, address.layer or 0, address.side)
    return [before if name == "before" else f"{address.block}.{name}" for name in table[step]]


def _sibling(address: Address, kind: str) -> str:
    return f"{address.looks}.{kind}"


def _operand(address: Address, kind: str, *index: int) -> str:
    return str(Address(_sibling(address, kind), index))


def _row(trial: Trial, address: Address, kind: str, *index: int) -> Tensor:
    return trial.tape[_sibling(address, kind)][0][index].double()


OF_ATTENTION = {
    **dict.fromkeys("qkv", projected),
    "scores": scores,
    "scaled": scaled,
    "weights": weights,
    "z": z,
    "mixed": mixed,
}
OF_A_BLOCK = {
    **{f"{looks}.{kind}": made for looks in ("attention", "cross") for kind, made in OF_ATTENTION.items()},
    "mlp.hidden": hidden,
    "mlp.out": mlp_out,
    **{f"{norm}.{kind}": block_norm for norm in ("attention_norm", "cross_norm", "mlp_norm") for kind in NORMED},
    "between": residual,
    "crossed": residual,
    "stream": residual,
}
