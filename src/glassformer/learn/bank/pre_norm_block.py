"""Attention reads the stream normalised and adds to it; the MLP does the same."""

import torch
from torch import Tensor

from glassformer.learn.bank.blocks import AXES, STAGES, Function, cases, silent, through
from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.exercise import Exercise, Stages
from glassformer.parts.block import PreNormBlock


def key(x: Tensor, attention: Function, attention_norm: Function, mlp: Function, mlp_norm: Function) -> Stages:
    between, stream = through(PreNormBlock, x, attention, attention_norm, mlp, mlp_norm)
    return Stages(attended=attention(attention_norm(x)), between=between, changed=mlp(mlp_norm(between)), stream=stream)


READS = "attention reads x normalised: attention(attention_norm(x))"
FIRST = "between = x + attention(attention_norm(x))"
MLP_READS = "the MLP reads the stream normalised: mlp(mlp_norm(between))"
SECOND = "the answer is between + mlp(mlp_norm(between))"

BOARD = Board(
    "x attention attention_norm mlp mlp_norm",
    Step(
        "attended",
        lambda s: s.attention(s.attention_norm(s.x)),
        Wrong("attention reads x as it came", lambda s: s.attention(s.x), READS),
        Wrong("attention is normalised, not what it reads", lambda s: s.attention_norm(s.attention(s.x)), READS),
        Wrong(
            "normalised before attention and behind it",
            lambda s: s.attention_norm(s.attention(s.attention_norm(s.x))),
            READS,
        ),
        Wrong("the MLP's norm before attention", lambda s: s.attention(s.mlp_norm(s.x)), READS),
        Wrong(
            "normalised twice before attention", lambda s: s.attention(s.attention_norm(s.attention_norm(s.x))), READS
        ),
        Wrong("both norms before attention", lambda s: s.attention(s.mlp_norm(s.attention_norm(s.x))), READS),
        Wrong("the MLP reads first", lambda s: s.mlp(s.attention_norm(s.x)), READS, "attention comes first"),
        Wrong("attention is left out", lambda s: torch.zeros_like(s.x), FIRST),
    ),
    Step(
        "between",
        lambda s: s.x + s.attended,
        Wrong("x is not added to attention", lambda s: s.attended, FIRST),
        Wrong("the normalised x is added", lambda s: s.attention_norm(s.x) + s.attended, FIRST),
        Wrong("the sum with attention is normalised", lambda s: s.attention_norm(s.x + s.attended), FIRST),
        Wrong("attention is subtracted", lambda s: s.x - s.attended, FIRST),
        Wrong("attention is multiplied", lambda s: s.x * s.attended, FIRST),
        Wrong("the mean instead of the sum, after attention", lambda s: (s.x + s.attended) / 2, FIRST),
        Wrong("attention is added twice", lambda s: s.x + 2 * s.attended, FIRST),
        Wrong("x is added twice", lambda s: 2 * s.x + s.attended, FIRST),
    ),
    Step(
        "changed",
        lambda s: s.mlp(s.mlp_norm(s.between)),
        Wrong("the MLP reads the stream as it is", lambda s: s.mlp(s.between), MLP_READS),
        Wrong("the MLP is normalised, not what it reads", lambda s: s.mlp_norm(s.mlp(s.between)), MLP_READS),
        Wrong("normalised before the MLP and behind it", lambda s: s.mlp_norm(s.mlp(s.mlp_norm(s.between))), MLP_READS),
        Wrong("attention's norm before the MLP", lambda s: s.mlp(s.attention_norm(s.between)), MLP_READS),
        Wrong("normalised twice before the MLP", lambda s: s.mlp(s.mlp_norm(s.mlp_norm(s.between))), MLP_READS),
        Wrong("the MLP reads x", lambda s: s.mlp(s.mlp_norm(s.x)), MLP_READS, "attention and MLP stand side by side"),
        Wrong("the MLP reads x as it came", lambda s: s.mlp(s.x), MLP_READS),
        Wrong("the MLP reads attention alone", lambda s: s.mlp(s.mlp_norm(s.attended)), MLP_READS),
        Wrong("the MLP reads attention alone, not normalised", lambda s: s.mlp(s.attended), MLP_READS),
        Wrong("the MLP reads what attention read", lambda s: s.mlp(s.attention_norm(s.x)), MLP_READS),
        Wrong("attention again instead of the MLP", lambda s: s.attention(s.mlp_norm(s.between)), MLP_READS),
        Wrong("the MLP is left out", lambda s: torch.zeros_like(s.x), SECOND),
    ),
    Step(
        "stream",
        lambda s: s.between + s.changed,
        Wrong("nothing is added to the MLP", lambda s: s.changed, SECOND),
        Wrong("the normalised stream is added", lambda s: s.mlp_norm(s.between) + s.changed, SECOND),
        Wrong("the sum with the MLP is normalised", lambda s: s.mlp_norm(s.between + s.changed), SECOND),
        Wrong(
            "x is added to the MLP, not the stream", lambda s: s.x + s.changed, SECOND, "what attention said is lost"
        ),
        Wrong("attention is added to the MLP, not the stream", lambda s: s.attended + s.changed, SECOND),
        Wrong("x is added once more", lambda s: s.x + s.between + s.changed, SECOND),
        Wrong("the MLP is subtracted", lambda s: s.between - s.changed, SECOND),
        Wrong("the mean instead of the sum, after the MLP", lambda s: (s.between + s.changed) / 2, SECOND),
        Wrong("the MLP is added twice", lambda s: s.between + 2 * s.changed, SECOND),
        Wrong("attention's norm at the end", lambda s: s.attention_norm(s.between + s.changed), SECOND, rare=True),
    ),
)
MORE = (
    BOARD.across(
        "a post-norm block",
        f"normalise what is read, not the sums: {FIRST}",
        attended=lambda s: s.attention(s.x),
        between=lambda s: s.attention_norm(s.x + s.attended),
        changed=lambda s: s.mlp(s.between),
        stream=lambda s: s.mlp_norm(s.between + s.changed),
    ),
    BOARD.across(
        "the two norms are exchanged",
        FIRST,
        attended=lambda s: s.attention(s.mlp_norm(s.x)),
        changed=lambda s: s.mlp(s.attention_norm(s.between)),
    ),
    BOARD.across(
        "attention and MLP are exchanged",
        "attention first, then the MLP",
        attended=lambda s: s.mlp(s.attention_norm(s.x)),
        changed=lambda s: s.attention(s.mlp_norm(s.between)),
    ),
    BOARD.across(
        "the MLP comes first, with its norm",
        "attention first, then the MLP",
        attended=lambda s: s.mlp(s.mlp_norm(s.x)),
        changed=lambda s: s.attention(s.attention_norm(s.between)),
    ),
    BOARD.across(
        "nothing is normalised",
        f"normalise what is read: {FIRST}",
        attended=lambda s: s.attention(s.x),
        changed=lambda s: s.mlp(s.between),
    ),
    BOARD.across(
        "what is said is normalised, not what is read",
        READS,
        attended=lambda s: s.attention_norm(s.attention(s.x)),
        changed=lambda s: s.mlp_norm(s.mlp(s.between)),
    ),
    BOARD.across(
        "nothing is added",
        f"add to the stream: {FIRST}",
        between=lambda s: s.attended,
        stream=lambda s: s.changed,
    ),
    BOARD.across(
        "the stream itself is normalised",
        f"the norm is for what is read, the stream stays: {FIRST}",
        between=lambda s: s.attention_norm(s.x) + s.attended,
        stream=lambda s: s.mlp_norm(s.between) + s.changed,
    ),
    BOARD.across(
        "normalised before and after",
        f"leave the norms of the sums away: {FIRST}",
        between=lambda s: s.attention_norm(s.x + s.attended),
        stream=lambda s: s.mlp_norm(s.between + s.changed),
    ),
    BOARD.across(
        "normalised with nothing learned",
        f"use the norms that are given: {FIRST}",
        attended=lambda s: s.attention(torch.nn.functional.layer_norm(s.x, s.x.shape[-1:])),
        changed=lambda s: s.mlp(torch.nn.functional.layer_norm(s.between, s.x.shape[-1:])),
    ),
)


# right, each in another way


def by_one_line(x, attention, attention_norm, mlp, mlp_norm):
    return (y := attention(attention_norm(x)) + x) + mlp(mlp_norm(y))


def by_pairs(x, attention, attention_norm, mlp, mlp_norm):
    for part, norm in ((attention, attention_norm), (mlp, mlp_norm)):
        x = x + part(norm(x))
    return x


def in_place(x, attention, attention_norm, mlp, mlp_norm):
    stream = x.clone()
    stream += attention(attention_norm(x))
    read = mlp_norm(stream.clone())
    stream += mlp(read)
    return stream


def by_sentences(x, *functions):
    return torch.cat([by_one_line(sentence, *functions) for sentence in x.split(1)])


def by_stacking(x, attention, attention_norm, mlp, mlp_norm):
    attended = attention(attention_norm(x))
    return torch.stack([x, attended, mlp(mlp_norm(torch.stack([x, attended]).sum(0)))]).sum(dim=0)


def by_positions(x, attention, attention_norm, mlp, mlp_norm):
    read = torch.cat([attention_norm(x[:, i : i + 1]) for i in range(x.size(1))], dim=1)
    between = torch.add(x, attention(read))
    return torch.cat([row + mlp(mlp_norm(row)) for row in between.split(1, dim=1)], dim=1)


def in_doubles(x, attention, attention_norm, mlp, mlp_norm):
    between = x.double() + attention(attention_norm(x)).double()
    return (between + mlp(mlp_norm(between.float())).double()).float()


EXERCISE = Exercise(
    name="pre-norm-block",
    cases=cases,
    key=key,
    switchboard=BOARD,
    stages=STAGES,
    mistakes=(*MORE, *BOARD.mistakes),
    right=(by_one_line, by_pairs, in_place, by_sentences, by_stacking, by_positions, in_doubles),
    properties=(silent(lambda x, first, second: x, "Where attention and MLP say nothing, the stream must stay x"),),
    learned=(0,),
    axes=AXES,
    hints=(
        "Twice the same: normalise, let a part read that, add what it says to the stream.  Attention, then MLP.",
        "between = x + attention(attention_norm(x)): x itself is added, not the normalised x.",
        "return between + mlp(mlp_norm(between)): no norm at the end.",
    ),
    explanation="What is read is normalised, the stream never is: a straight way through all blocks, for what is said "
    "and for its gradients.",
)
