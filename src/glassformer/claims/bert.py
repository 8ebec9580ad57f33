"""Facts of the BERT code, each of our own model."""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor

from glassformer.claims.claim import Verdict, bert, bloem, claim, judged
from glassformer.claims.drawn import SAME, apart, loud, small
from glassformer.claims.drawn import bert as drawn
from glassformer.hub.wordpiece import WordPiece
from glassformer.models.heads import (
    CausalLanguageModel,
    MaskedLanguageModel,
    MultipleChoice,
    Pooled,
    TokenClassification,
)
from glassformer.models.surgery import prune
from glassformer.parts.attention import Attention, Memory
from glassformer.parts.block import ACTIVATIONS, MLP
from glassformer.tape import listen


def _ids(rows: int = 3, length: int = 9) -> Tensor:
    return torch.randint(1, 50, (rows, length))


@claim(
    "HB-f HB-03 HB-15",
    "With keys and values kept, a decoder says what it says without (absolute positions)",
    bert("BertSelfAttention, past_key_value"),
    {"counted": False},
)
@torch.no_grad()
def kept_keys_change_nothing(counted: bool = True) -> Verdict:
    model, ids, memory = loud(CausalLanguageModel(small(decoder=True))), _ids(), Memory()
    places = [None if counted else torch.zeros(3, 1, dtype=torch.long) for _ in range(9)]
    steps = [model(piece, positions=at, memory=memory) for piece, at in zip(ids.split(1, dim=1), places, strict=True)]
    off = apart(torch.cat(steps, dim=1), model(ids))
    figure = f"9 steps of 3 texts{'' if counted else ', each step at place 0'}: logits apart by {off:.1e}"
    return judged(off < 1e-3, figure, "true within 1e-3", {"apart": off}, 27)


@claim(
    "HB-f HB-13 HB-15",
    "A decoder's answer does not change with what comes later: the leak is 0",
    bert("get_extended_attention_mask"),
    {"decoder": False},
)
@torch.no_grad()
def nothing_leaks_back(decoder: bool = True) -> Verdict:
    model, ids = loud(MaskedLanguageModel(small(decoder=decoder))), _ids()
    other = torch.cat([ids[:, :5], _ids(3, 4)], dim=1)
    leak = apart(model(ids)[:, :5], model(other)[:, :5])
    return judged(
        leak == 0,
        f"4 later words of 3 texts are others: logits before move by {leak:.1e}",
        "true where it is 0",
        {"leak": leak},
        15,
    )


@claim(
    "HB-f HB-06 HB-24",
    "A head that is pruned and a head that is masked are the same",
    bert("BertAttention.prune_heads, head_mask"),
    {"silenced": 2},
)
@torch.no_grad()
def pruned_is_masked(silenced: int = 1) -> Verdict:
    model, ids = drawn(), _ids()
    pruned = copy.deepcopy(model)
    prune(pruned, {0: [1]})
    mask = (torch.arange(4) != silenced).float().view(1, 4, 1, 1)
    with listen(model, (), {"layers.0.attention.z": lambda z: z * mask}):
        off = apart(model(ids), pruned(ids))
    return judged(
        off < 1e-4,
        f"head 1 of layer 0 pruned beside head {silenced} silenced: apart by {off:.1e}",
        "true within 1e-4",
        {"apart": off},
        27,
    )


@claim(
    "HB-f HB-08",
    "A feed-forward layer may be computed a few positions at a time, with the same numbers",
    bert("BertLayer, apply_chunking_to_forward"),
    {"part": "attention"},
)
@torch.no_grad()
def chunks_change_nothing(part: str = "MLP") -> Verdict:
    f, x = (MLP(32, 64) if part == "MLP" else Attention(32, 4)), torch.randn(2, 8, 32)
    whole, parts = f(x), torch.cat([f(piece) for piece in x.split(3, dim=1)], dim=1)
    off = apart(whole, parts)
    figure = f"{part}, 8 positions in chunks of 3, 3 and 2: apart by {off:.1e}"
    return judged(off < SAME, figure, f"true within {SAME}", {"apart": off}, 16)


@claim(
    "HB-08",
    "The length has to be a multiple of the chunk",
    bert("apply_chunking_to_forward raises ValueError"),
    {"rule": True},
)
@torch.no_grad()
def lengths_have_to_be_multiples(rule: bool = False) -> Verdict:
    mlp, x = MLP(32, 64, chunk=3), torch.randn(2, 8, 32)
    plain = copy.deepcopy(mlp)
    plain.chunk = 0
    off = torch.inf if rule and x.size(1) % mlp.chunk else apart(mlp(x), plain(x))
    figure = (
        f"8 positions in chunks of 3, ours: apart by {off:.1e}" if off < 1 else "8 positions in chunks of 3 are refused"
    )
    return judged(
        off > SAME, figure, "false where 8 positions in chunks of 3 give the plain numbers", {"apart": off}, 1
    )


@claim(
    "HB-f HB-11 HB-24",
    "Pieces are predicted with the very vectors that embed them",
    bert("BertLMPredictionHead; tie_weights"),
    {"tied": False},
)
@torch.no_grad()
def one_table_embeds_and_predicts(tied: bool = True) -> Verdict:
    model = loud(MaskedLanguageModel(small(tied=tied)))
    ids = torch.tensor([[3, 4, 5]])  # 7 is not among them
    before = model(ids)
    model.embed.pieces.weight[7] += torch.randn(32)  # type: ignore[index]
    moved = (model(ids) - before).abs().amax(dim=(0, 1))
    figure = f"piece 7's vector is moved: its logit moves by {moved[7]:.2f}, the others by "
    figure += f"{moved[torch.arange(50) != 7].max():.1e}"
    return judged(moved[7].item() > SAME, figure, "true where its logit moves", {"its own": moved[7]}, 50)


@claim("HB-10", "The pooled vector is read off the first position alone", bert("BertPooler"), {"at": 1})
def the_pooler_reads_one_position(at: int = 0) -> Verdict:
    model = Pooled(small()).eval()
    stream = torch.randn(2, 6, 32, requires_grad=True)
    model.pooler(stream).sum().backward()
    reached = stream.grad.abs().amax(dim=(0, 2))  # type: ignore[union-attr]
    others = reached[torch.arange(6) != at].max().item()
    figure = f"gradient at position {at}: {reached[at]:.2e}; at the others at most {others:.1e}"
    return judged(
        reached[at].item() > 0 and others == 0,
        figure,
        "true where only this position has one",
        {"here": reached[at], "others": others},
        12,
    )


@claim("HB-07", "gelu, gelu_new and quick_gelu are one function within 0.001", bert("ACT2FN"), {"within": 0.05})
def activations_agree(within: float = 0.001) -> Verdict:
    x = torch.linspace(-6, 6, 1201)
    off = {name: apart(ACTIVATIONS[name](x), ACTIVATIONS["gelu"](x)) for name in ("gelu_new", "quick_gelu")}
    figure = ", ".join(f"{name} {each:.4f}" for name, each in off.items())
    return judged(
        {name: each <= within for name, each in off.items()},
        f"farthest from gelu on −6 to 6: {figure}",
        f"true within {within}",
        off,
        1201,
    )


@claim(
    "HB-19", "Multiple choice reads each choice as a text of its own", bert("BertForMultipleChoice"), {"together": True}
)
@torch.no_grad()
def choices_are_read_alone(together: bool = False) -> Verdict:
    model, ids = loud(MultipleChoice(small())), torch.randint(1, 50, (2, 3, 7))
    other = torch.randint(1, 50, (2, 3, 7))
    other[:, 0] = ids[:, 0] if not together else other[:, 0]
    off = apart(model(ids)[:, 0], model(other)[:, 0])
    return judged(
        off < 1e-5,
        f"the other choices are exchanged: the first one's logit moves by {off:.1e}",
        "true within 1e-5",
        {"moved": off},
        2,
    )


@claim("HB-20", "Labels at padding are not learned from", bert("BertForTokenClassification"), {"told": False})
@torch.no_grad()
def padding_is_not_learned(told: bool = True) -> Verdict:
    model, ids, real = loud(TokenClassification(small(classes=3))), _ids(2, 6), torch.ones(2, 6, dtype=torch.bool)
    real[1, 3:] = False
    labels = torch.randint(3, (2, 6))
    others = torch.where(real, labels, (labels + 1) % 3)
    logits = model(ids)  # padding is read as well, to have something to learn there
    losses = [model.loss(logits, each, real if told else None).item() for each in (labels, others)]
    figure = f"3 of 12 labels, at padding, are others: loss {losses[0]:.4f}, then {losses[1]:.4f}"
    return judged(
        losses[0] == losses[1], figure, "true where the loss is the same", {"before": losses[0], "after": losses[1]}, 12
    )


@claim(
    "BL-31 HB-22",
    "WordPiece cuts walking into walk and ##ing",
    bloem("Modern transformers: BERT"),
    {"vocabulary": ("walk", "##king", "##ing", "walki", "##ng")},
)
def walking_is_cut(vocabulary: tuple[str, ...] = ("walk", "##ing", "w", "##a")) -> Verdict:
    found = _cut("walking", vocabulary)
    return judged(
        found == ["walk", "##ing"],
        f"with {', '.join(vocabulary)}: {' '.join(found)}",
        "true where it is so",
        {"pieces": len(found)},
        1,
    )


@claim(
    "BL-31 HB-e",
    "Taking the longest piece first cuts a word into the fewest pieces",
    "transformers 4.16.2, tokenization_bert.py, longest match first; the claim is what it suggests",
    {"vocabularies": (("un", "##believ", "##able"),)},
)
def longest_first_is_fewest(
    vocabularies: tuple[tuple[str, ...], ...] = (
        ("un", "##believ", "##able"),
        ("unb", "un", "##e", "##li", "##ev", "##believable", "##able"),
    ),
) -> Verdict:
    cuts = {", ".join(each): (len(_cut("unbelievable", each)), _fewest("unbelievable", each)) for each in vocabularies}
    figure = "; ".join(f"of {name}: {greedy} pieces, {least} would do" for name, (greedy, least) in cuts.items())
    numbers: Mapping[str, float] = {name: greedy - least for name, (greedy, least) in cuts.items()}
    return judged(
        {name: greedy == least for name, (greedy, least) in cuts.items()},
        figure,
        "true where none is fewer",
        numbers,
        len(cuts),
    )


def _cut(word: str, vocabulary: tuple[str, ...]) -> list[str]:
    return [name for name, _ in WordPiece(dict.fromkeys(vocabulary, 0)).cut(word)]


def _fewest(word: str, vocabulary: tuple[str, ...], begin: int = 0) -> int:
    """The fewest pieces that make up the rest of a word."""
    if begin == len(word):
        return 0
    ends = [end for end in range(begin + 1, len(word) + 1) if ("##" if begin else "") + word[begin:end] in vocabulary]
    return 1 + min((_fewest(word, vocabulary, end) for end in ends), default=len(word))
