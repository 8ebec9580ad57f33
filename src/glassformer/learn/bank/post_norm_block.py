"""Attention, added, normalised; the MLP, added, normalised."""

import torch
from torch import Tensor

from glassformer.learn.bank.blocks import AXES, STAGES, Function, cases, silent, through
from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.exercise import Exercise, Stages
from glassformer.parts.block import PostNormBlock


def key(x: Tensor, attention: Function, attention_norm: Function, mlp: Function, mlp_norm: Function) -> Stages:
    between, stream = through(PostNormBlock, x, attention, attention_norm, mlp, mlp_norm)
    return Stages(attended=attention(x), between=between, changed=mlp(between), stream=stream)


FIRST = "between = attention_norm(x + attention(x))"
SECOND = "the answer is mlp_norm(between + mlp(between))"
READS = "attention reads x as it came: attention(x)"
MLP_READS = "the MLP reads what attention has made: mlp(between)"

BOARD = Board(
    "x attention attention_norm mlp mlp_norm",
    Step(
        "attended",
        lambda s: s.attention(s.x),
        Wrong("attention reads a normalised x", lambda s: s.attention(s.attention_norm(s.x)), READS),
        Wrong("attention reads x normalised by the MLP's norm", lambda s: s.attention(s.mlp_norm(s.x)), READS),
        Wrong("the MLP comes first", lambda s: s.mlp(s.x), READS, "attention and MLP are exchanged at the start"),
        Wrong("attention twice", lambda s: s.attention(s.attention(s.x)), READS),
        Wrong("attention is left out", lambda s: torch.zeros_like(s.x), FIRST),
    ),
    Step(
        "between",
        lambda s: s.attention_norm(s.x + s.attended),
        Wrong("x is not added to attention", lambda s: s.attention_norm(s.attended), FIRST),
        Wrong("the sum with attention is not normalised", lambda s: s.x + s.attended, FIRST),
        Wrong("neither added nor normalised after attention", lambda s: s.attended, FIRST),
        Wrong("x is added after the norm", lambda s: s.x + s.attention_norm(s.attended), FIRST),
        Wrong("only x is normalised", lambda s: s.attention_norm(s.x) + s.attended, FIRST),
        Wrong(
            "x and attention are normalised apart",
            lambda s: s.attention_norm(s.x) + s.attention_norm(s.attended),
            FIRST,
        ),
        Wrong("the MLP's norm after attention", lambda s: s.mlp_norm(s.x + s.attended), FIRST),
        Wrong(
            "normalised twice after attention", lambda s: s.attention_norm(s.attention_norm(s.x + s.attended)), FIRST
        ),
        Wrong("both norms after attention", lambda s: s.mlp_norm(s.attention_norm(s.x + s.attended)), FIRST),
        Wrong("attention is subtracted", lambda s: s.attention_norm(s.x - s.attended), FIRST),
        Wrong("attention is multiplied", lambda s: s.attention_norm(s.x * s.attended), FIRST),
        Wrong("attention is added twice", lambda s: s.attention_norm(s.x + 2 * s.attended), FIRST),
        Wrong("x is added twice", lambda s: s.attention_norm(2 * s.x + s.attended), FIRST),
        Wrong("x is added again after the norm", lambda s: s.x + s.attention_norm(s.x + s.attended), FIRST),
    ),
    Step(
        "changed",
        lambda s: s.mlp(s.between),
        Wrong("the MLP reads x", lambda s: s.mlp(s.x), MLP_READS),
        Wrong("the MLP reads attention alone", lambda s: s.mlp(s.attended), MLP_READS),
        Wrong("the MLP reads the sum before its norm", lambda s: s.mlp(s.x + s.attended), MLP_READS),
        Wrong("the MLP reads what is normalised again", lambda s: s.mlp(s.mlp_norm(s.between)), MLP_READS),
        Wrong("the MLP twice", lambda s: s.mlp(s.mlp(s.between)), MLP_READS),
        Wrong("attention again instead of the MLP", lambda s: s.attention(s.between), MLP_READS),
        Wrong("the MLP is left out", lambda s: torch.zeros_like(s.x), SECOND),
    ),
    Step(
        "stream",
        lambda s: s.mlp_norm(s.between + s.changed),
        Wrong("nothing is added to the MLP", lambda s: s.mlp_norm(s.changed), SECOND),
        Wrong("the sum with the MLP is not normalised", lambda s: s.between + s.changed, SECOND),
        Wrong("neither added nor normalised after the MLP", lambda s: s.changed, SECOND),
        Wrong("added after the norm, at the MLP", lambda s: s.between + s.mlp_norm(s.changed), SECOND),
        Wrong("x is added to the MLP, not what it read", lambda s: s.mlp_norm(s.x + s.changed), SECOND),
        Wrong("attention is added to the MLP, not what it read", lambda s: s.mlp_norm(s.attended + s.changed), SECOND),
        Wrong("the sum before the norm is added", lambda s: s.mlp_norm(s.x + s.attended + s.changed), SECOND),
        Wrong("x is added once more", lambda s: s.mlp_norm(s.x + s.between + s.changed), SECOND),
        Wrong("attention's norm after the MLP", lambda s: s.attention_norm(s.between + s.changed), SECOND),
        Wrong("normalised twice after the MLP", lambda s: s.mlp_norm(s.mlp_norm(s.between + s.changed)), SECOND),
        Wrong("the MLP is subtracted", lambda s: s.mlp_norm(s.between - s.changed), SECOND),
        Wrong("the MLP is added twice", lambda s: s.mlp_norm(s.between + 2 * s.changed), SECOND),
        Wrong(
            "what the MLP read is added after the norm too",
            lambda s: s.between + s.mlp_norm(s.between + s.changed),
            SECOND,
        ),
        Wrong("it ends after attention", lambda s: s.between, SECOND),
    ),
)
MORE = (
    BOARD.across(
        "a pre-norm block",
        f"normalise the sums, not what is read: {FIRST}",
        attended=lambda s: s.attention(s.attention_norm(s.x)),
        between=lambda s: s.x + s.attended,
        changed=lambda s: s.mlp(s.mlp_norm(s.between)),
        stream=lambda s: s.between + s.changed,
    ),
    BOARD.across(
        "the two norms are exchanged",
        FIRST,
        between=lambda s: s.mlp_norm(s.x + s.attended),
        stream=lambda s: s.attention_norm(s.between + s.changed),
    ),
    BOARD.across(
        "attention and MLP are exchanged",
        "attention first, then the MLP",
        attended=lambda s: s.mlp(s.x),
        changed=lambda s: s.attention(s.between),
    ),
    BOARD.across(
        "the MLP comes first, with its norm",
        "attention first, then the MLP",
        attended=lambda s: s.mlp(s.x),
        between=lambda s: s.mlp_norm(s.x + s.attended),
        changed=lambda s: s.attention(s.between),
        stream=lambda s: s.attention_norm(s.between + s.changed),
    ),
    BOARD.across(
        "nothing is normalised",
        f"normalise each sum: {FIRST}",
        between=lambda s: s.x + s.attended,
        stream=lambda s: s.between + s.changed,
    ),
    BOARD.across(
        "nothing is added",
        f"add what was read: {FIRST}",
        between=lambda s: s.attention_norm(s.attended),
        stream=lambda s: s.mlp_norm(s.changed),
    ),
    BOARD.across(
        "only the parts, one after the other",
        f"add what was read, and normalise: {FIRST}",
        between=lambda s: s.attended,
        stream=lambda s: s.changed,
    ),
    BOARD.across(
        "what is said is normalised, not the sum",
        f"the norm takes the sum: {FIRST}",
        between=lambda s: s.x + s.attention_norm(s.attended),
        stream=lambda s: s.between + s.mlp_norm(s.changed),
    ),
    BOARD.across(
        "attention and MLP side by side",
        f"one after the other: {MLP_READS}",
        changed=lambda s: s.mlp(s.x),
        stream=lambda s: s.mlp_norm(s.x + s.attended + s.changed),
    ),
    BOARD.across(
        "normalised with nothing learned",
        f"use the norms that are given: {FIRST}",
        between=lambda s: torch.nn.functional.layer_norm(s.x + s.attended, s.x.shape[-1:]),
        stream=lambda s: torch.nn.functional.layer_norm(s.between + s.changed, s.x.shape[-1:]),
    ),
)


# right, each in another way


def by_one_line(x, attention, attention_norm, mlp, mlp_norm):
    return mlp_norm((y := attention_norm(attention(x) + x)) + mlp(y))


def by_pairs(x, attention, attention_norm, mlp, mlp_norm):
    for part, norm in ((attention, attention_norm), (mlp, mlp_norm)):
        x = norm(x + part(x))
    return x


def in_place(x, attention, attention_norm, mlp, mlp_norm):
    stream = x.clone()
    stream += attention(x)
    stream = attention_norm(stream)
    said = mlp(stream)
    said += stream
    return mlp_norm(said)


def by_sentences(x, *functions):
    return torch.cat([by_one_line(sentence, *functions) for sentence in x.split(1)])


def by_stacking(x, attention, attention_norm, mlp, mlp_norm):
    between = attention_norm(torch.stack([x, attention(x)]).sum(dim=0))
    return mlp_norm(torch.einsum("kbnw->bnw", torch.stack([between, mlp(between)])))


def by_positions(x, attention, attention_norm, mlp, mlp_norm):
    summed = torch.add(x, attention(x))
    rows = [attention_norm(summed[:, i : i + 1]) for i in range(x.size(1))]
    return torch.cat([mlp_norm(row + mlp(row)) for row in rows], dim=1)


def in_doubles(x, attention, attention_norm, mlp, mlp_norm):
    between = attention_norm((x.double() + attention(x).double()).float())
    return mlp_norm((between.double() + mlp(between).double()).float())


EXERCISE = Exercise(
    name="post-norm-block",
    cases=cases,
    key=key,
    switchboard=BOARD,
    stages=STAGES,
    mistakes=(*MORE, *BOARD.mistakes),
    right=(by_one_line, by_pairs, in_place, by_sentences, by_stacking, by_positions, in_doubles),
    properties=(
        silent(
            lambda x, first, second: second(first(x)),
            "Where attention and MLP say nothing, x passes both norms and nothing else",
        ),
    ),
    learned=(0,),
    axes=AXES,
    hints=(
        "Twice the same: let a part read, add what it read, normalise the sum.  First attention, then the MLP.",
        "between = attention_norm(x + attention(x)); the MLP reads `between`, not x.",
        "return mlp_norm(between + mlp(between)).",
    ),
    explanation="Each part only adds to what it read, and every sum is brought to one scale before it is read.",
)
