"""What is wrong in the BERT code, acted again in a few lines of our own, beside what our model does instead."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from glassformer.claims.claim import Verdict, bert, claim, judged
from glassformer.claims.drawn import apart, loud, small, stack
from glassformer.models.bert import Bert
from glassformer.models.heads import CausalLanguageModel, Pretrained, PreTraining
from glassformer.models.losses import IGNORED, LOSSES, cross_entropy, inside, problem
from glassformer.parts.attention import Memory, RelativeKey
from glassformer.parts.embed import Nothing
from glassformer.parts.mask import softmax
from glassformer.parts.variants import transformer_xl


@claim(
    "HB-c HB-13",
    "A row that may look at nothing looks everywhere alike",
    bert("the mask adds −10,000 to every score"),
    {"spread": 0.0},
)
def a_masked_row_is_uniform(spread: float = 1.0) -> Verdict:
    scores = spread * torch.randn(20, 7)
    masked, bare = (scores - 10_000).softmax(-1), scores.softmax(-1)
    off, unmasked = (masked - 1 / 7).abs().max().item(), apart(masked, bare)
    nothing = softmax(scores, torch.zeros(20, 7, dtype=torch.bool)).abs().max().item()
    figure = f"with −10,000 on every score weights are {off:.2f} from uniform, {unmasked:.1e} from unmasked; "
    figure += f"ours are {nothing:g}"
    return judged(off < 0.01, figure, "true within 0.01", {"from uniform": off, "from unmasked": unmasked}, 20)


@claim(
    "HB-a HB-04 HB-15",
    "With relative positions keys and values may be kept as well",
    bert("relative_key with past_key_values; transformers issue 19045"),
    {"ways": ("distances among all that was read (ours)",)},
)
@torch.no_grad()
def kept_keys_with_distances(
    ways: tuple[str, ...] = ("distances among all that was read (ours)", "distances among the queries (4.16.2)"),
) -> Verdict:
    seed = int(torch.randint(1000, ()))
    off = {way: _remembered_apart(way == "distances among the queries (4.16.2)", seed) for way in ways}
    figure = "; ".join(f"{way}: logits apart by {each:.1e}" for way, each in off.items())
    return judged(
        {way: each < 1e-3 for way, each in off.items()},
        f"9 steps beside one pass. {figure}",
        "true within 1e-3",
        off,
        27,
    )


def _remembered_apart(of_queries: bool, seed: int) -> float:
    torch.manual_seed(seed)  # both ways ask the same model
    model, ids, memory = (
        loud(CausalLanguageModel(small(decoder=True, positions="relative_key"))),
        torch.randint(1, 50, (3, 9)),
        Memory(),
    )
    whole = model(ids)
    if of_queries:  # one query: every key is at distance 0
        for block in model.get_submodule("layers"):  # type: ignore[not-iterable]
            block.attention.nearness = _QueriesOnly(block.attention.nearness)  # type: ignore[union-attr, arg-type]
    return apart(torch.cat([model(piece, memory=memory) for piece in ids.split(1, dim=1)], dim=1), whole)


class _QueriesOnly(nn.Module):
    """Distances counted among the queries alone, as the old code does."""

    def __init__(self, right: RelativeKey):
        super().__init__()
        self.right = right

    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        return self.right(q, k[..., -q.size(-2) :, :])[..., -1:].expand(*q.shape[:-1], k.size(-2))


@claim(
    "HB-b HB-09",
    "Blocks that are computed again on the way back have the right gradients with kept keys too",
    bert("BertEncoder: gradient checkpointing and past_key_values"),
    {"bound": True},
)
def computed_again_with_a_past(bound: bool = False) -> Verdict:
    layers, pasts, x = stack(3), [torch.randn(2, 5, 32) for _ in range(3)], torch.randn(2, 5, 32)
    plain = _gradients(layers, lambda: _through(layers, pasts, x))
    again = _gradients(layers, lambda: _through_again(layers, pasts, x, bound))
    off = ((again - plain).norm() / plain.norm()).item()
    how = "each closure keeps its own past" if bound else "the closures see the loop's variable"
    return judged(
        off < 1e-4,
        f"3 blocks, {how}: gradients off by {off:.1e} of their length",
        "true within 1e-4",
        {"off": off},
        len(plain),
    )


def _through(layers: nn.ModuleList, pasts: list[Tensor], x: Tensor) -> Tensor:
    for layer, past in zip(layers, pasts, strict=True):
        x = layer(x + past)
    return x


def _through_again(layers: nn.ModuleList, pasts: list[Tensor], x: Tensor, bound: bool) -> Tensor:
    for layer, past in zip(layers, pasts, strict=True):
        late = lambda x, layer=layer: layer(x + past)  # noqa: B023, E731  the mistake: `past` is the last one by then
        early = lambda x, layer=layer, past=past: layer(x + past)  # noqa: E731
        x = checkpoint(early if bound else late, x, use_reentrant=False)
    return x


def _gradients(layers: nn.ModuleList, run: Callable[[], Tensor]) -> Tensor:
    layers.zero_grad()
    (run() * torch.linspace(-1, 1, 32)).sum().backward()
    return torch.cat([w.grad.flatten() for w in layers.parameters() if w.grad is not None])


@claim(
    "HB-d HB-04 BL-33",
    "With relative positions a model reads texts longer than its table",
    "transformers 4.16.2, issue 17026",
    {"kinds": ("sines of distances (Transformer-XL)",)},
)
@torch.no_grad()
def distances_reach_any_length(
    kinds: tuple[str, ...] = ("a learned table (relative_key)", "sines of distances (Transformer-XL)"),
) -> Verdict:
    def reads(kind: str) -> bool:
        try:
            if kind.startswith("sines"):
                return bool(transformer_xl(16, 2)(torch.randn(1, 40, 16)).isfinite().all())
            return bool(Bert(small(positions="relative_key"))(torch.ones(1, 40, dtype=torch.long)).isfinite().all())
        except ValueError:
            return False

    found = {kind: reads(kind) for kind in kinds}
    figure = "; ".join(f"{kind}: {'read' if each else 'refused'}" for kind, each in found.items())
    return judged(found, f"40 positions, with a table of 32. {figure}", "true where they are read", found, len(kinds))


@claim(
    "HB-14",
    "Pre-training needs the labels of both tasks",
    bert("BertForPreTraining: no loss unless both are given"),
    {"given": ()},
)
def pretraining_needs_both_labels(given: tuple[str, ...] = ("pieces",)) -> Verdict:
    model, ids = PreTraining(small()).eval(), torch.randint(1, 50, (2, 7))
    labels = Pretrained(**{name: ids for name in given})
    try:
        loss = float(torch.as_tensor(model.loss(model(ids), labels)).detach())
        figure = f"with labels of the pieces alone our loss is {loss:.2f}; in 4.16.2 there is none"
    except ValueError:
        loss, figure = torch.nan, "with no labels at all there is nothing to learn from: an error"
    return judged(loss != loss, figure, "false where one of them is enough", {"loss": loss}, 1)


@claim(
    "HB-18",
    "A classifier that has met labels of one kind can go on to another kind",
    bert("BertForSequenceClassification: problem_type is kept after the first call"),
    {"ways": ("read off the labels each time (ours)",)},
)
def kinds_of_labels_may_change(
    ways: tuple[str, ...] = ("read off the labels each time (ours)", "kept from the first call (4.16.2)"),
) -> Verdict:
    logits, first, second = torch.randn(4, 3), torch.tensor([0, 2, 1, 1]), torch.tensor([[0.0, 1.0, 1.0]]).expand(4, -1)

    def goes(way: str) -> bool:
        labels = second if way.startswith("read") else first
        return _learns(problem(logits, labels), logits, second)

    found = {way: goes(way) for way in ways}
    figure = "; ".join(f"{way}: {'a loss' if each else 'an error'}" for way, each in found.items())
    return judged(
        found, f"one class each, then yes or no for three. {figure}", "true where there is a loss", found, len(ways)
    )


def _learns(kind: str, logits: Tensor, labels: Tensor) -> bool:
    try:
        return bool(LOSSES[kind](logits, labels).isfinite())
    except (RuntimeError, ValueError, IndexError):
        return False


@claim(
    "HB-02",
    "A kind of positions that does not exist is noticed",
    bert("BertEmbeddings: any unknown position_embedding_type means none"),
    {"ways": ("the name is looked up (ours)",)},
)
@torch.no_grad()
def unknown_positions_are_noticed(
    ways: tuple[str, ...] = ("the name is looked up (ours)", "only `absolute` is asked for (4.16.2)"),
) -> Verdict:
    found, off = {}, torch.nan
    for way in ways:
        try:
            model = Bert(small(positions="none" if way.startswith("the name") else "absolute"))
            model.embed.positions = Nothing(32)  # what the old code does with a name it does not know
            ids, order = torch.randint(1, 50, (1, 9)), torch.randperm(9)
            off = apart(loud(model)(ids)[:, order], model(ids[:, order]))
            found[way] = off > 1e-4
        except ValueError:
            found[way] = True
    figure = f"positions “none”: ours refuses; without positions words in another order are apart by {off:.1e}: "
    figure += "nothing tells"
    return judged(found, figure, "noticed by an error, or by another answer", {"apart": off}, len(ways))


@claim(
    "HB-21 HB-16",
    "Labels of an answer that stand outside the text are left out by clamping them to its length",
    bert("BertForQuestionAnswering"),
    {"labels": (9,)},
)
def clamping_leaves_out_what_is_outside(labels: tuple[int, ...] = (9, -1)) -> Verdict:
    logits, found, ours = torch.randn(1, 7), {}, {}
    for label in labels:
        clamped = torch.tensor([label]).clamp(0, 7)
        loss = nn.functional.cross_entropy(logits, clamped, ignore_index=7, reduction="sum").item()
        found[f"label {label}"] = loss == 0
        ours[f"label {label}"] = cross_entropy(*inside(logits, torch.tensor([label]), None)).item()
    figure = "; ".join(f"{name}: {'left out' if each else 'learned as position 0'}" for name, each in found.items())
    return judged(
        found,
        f"7 positions. {figure}; ours: {sum(map(abs, ours.values())):g} in all",
        "left out where the loss is 0",
        ours,
        len(labels),
    )


@claim(
    "HB-16 HB-20",
    "Where every label is ignored, the loss is 0",
    bert("CrossEntropyLoss with ignore_index −100"),
    {"ways": ("ours",)},
)
def nothing_asked_costs_nothing(ways: tuple[str, ...] = ("ours", "PyTorch's mean (4.16.2)")) -> Verdict:
    logits, labels = torch.randn(4, 5), torch.full((4,), IGNORED)
    losses = {
        "ours": cross_entropy(logits, labels).item(),
        "PyTorch's mean (4.16.2)": nn.functional.cross_entropy(logits, labels).item(),
    }
    figure = ", ".join(f"{way}: {losses[way]}" for way in ways)
    return judged(
        {way: losses[way] == 0 for way in ways},
        f"4 labels of −100. {figure}",
        "true where it is 0",
        {way: losses[way] for way in ways},
        4,
    )


@claim(
    "HB-01",
    "A tensor of the wrong shape is named in the error",
    bert("load_tf_weights_in_bert: it raises ValueError and catches AssertionError"),
    {"caught": ValueError},
)
def a_wrong_shape_is_named(caught: type[Exception] = AssertionError) -> Verdict:
    try:
        try:
            raise ValueError("shapes (3, 4) and (4, 3) mismatched")
        except caught as error:
            error.args += ("bert/pooler/dense/kernel",)
            raise
    except ValueError as error:
        said = str(error.args)
    named = "pooler" in said
    return judged(named, f"what is said: {said}", "true where it names the tensor", {"named": named}, 1)
