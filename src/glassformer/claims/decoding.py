"""How a model writes: greedy, beams, temperature, step by step."""

import math

import torch
from torch import Tensor, nn

from glassformer.claims.claim import Verdict, alammar, bloem, claim, former, judged
from glassformer.claims.drawn import apart
from glassformer.explain.reader import Reader, read
from glassformer.models.beams import Search, beams
from glassformer.models.decoding import Until, greedy, probabilities, sample
from glassformer.train.compression import compressed
from glassformer.train.reverse import backwards, drawn, framed

PROMPTS = (
    "the king",
    "my lord, ",
    "ROMEO:\nI",
    "what is",
    "she had ",
    "come to",
    "no more of",
    "and so wi",
    "O, that th",
)
PROMPTS += (
    "the que",
    "when I am",
    "speak, s",
    "he was a b",
    "to be or ",
    "good nig",
    "our cr",
    "if you d",
    "where is t",
)
PROMPTS += ("a horse! a", "thou art m")


def _prompts(reader: Reader) -> list[Tensor]:
    return [torch.tensor([reader.tokens.encode_many([text], 128)[0]]) for text in PROMPTS]


@torch.no_grad()
def _likeliest(model: nn.Module, ids: Tensor, length: int) -> tuple[float, tuple[int, ...]]:
    """log p of the likeliest continuation of one or two pieces, found by trying all of them; and that continuation."""
    first = model(ids)[0, -1].log_softmax(-1)  # v
    if length == 1:
        return first.max().item(), (int(first.argmax()),)
    pieces = torch.arange(len(first))[:, None]
    every = torch.cat([ids.expand(len(first), -1), pieces], dim=1)
    both = first[:, None] + model(every)[:, -1].log_softmax(-1)  # v v
    best = int(both.argmax())
    return both.max().item(), (best // len(first), best % len(first))


@torch.no_grad()
def _greedily(model: nn.Module, ids: Tensor, length: int) -> tuple[int, ...]:
    for _ in range(length):
        ids = torch.cat([ids, greedy(model(ids)[:, -1])[:, None]], dim=1)
    return tuple(ids[0, -length:].tolist())


@claim(
    "IT-42", "Taking the likeliest piece each time gives the likeliest text", alammar("Greedy decoding"), {"length": 1}
)
def greedy_finds_the_likeliest_text(length: int = 2) -> Verdict:
    reader = read("characters")
    found = [
        _greedily(reader.model, ids, length) == _likeliest(reader.model, ids, length)[1] for ids in _prompts(reader)
    ]
    figure = f"`characters`, {len(found)} prompts, all texts of {length} more tried: greedy has the likeliest "
    figure += f"{sum(found)} times"
    return judged(all(found), figure, "true where always", {"found": sum(found)}, len(found))


@claim("IT-43", "A beam of two finds the likeliest text", alammar("Beam search"), {"width": 66})
def two_beams_find_the_likeliest_text(width: int = 2) -> Verdict:
    reader = read("characters")
    search, until = Search(width, length_penalty=0.0), Until(most=2)
    found = [
        beams(reader.model, ids, search=search, until=until)[0][0].ids == _likeliest(reader.model, ids, 2)[1]
        for ids in _prompts(reader)
    ]
    figure = f"`characters`, {len(found)} prompts, all {66**2:,} texts of 2 more tried: {width} beams have the "
    figure += f"likeliest {sum(found)} times"
    return judged(all(found), figure, "true where always", {"found": sum(found)}, len(found))


@claim("IT-43", "Two beams write texts at least as likely as greedy's", alammar("Beam search"), {"widths": (1, 2)})
def two_beams_are_no_worse_than_greedy(widths: tuple[int, int] = (2, 1)) -> Verdict:
    reader = read("characters")
    scores = [
        [
            beams(reader.model, ids, search=Search(width, 0.0), until=Until(most=12))[0][0].score
            for ids in _prompts(reader)
        ]
        for width in widths
    ]
    worse = sum(a < b - 1e-4 for a, b in zip(*scores, strict=True))
    better = sum(a > b + 1e-4 for a, b in zip(*scores, strict=True))
    figure = f"`characters`, {len(PROMPTS)} prompts, 12 more: {widths[0]} beams beside {widths[1]}: likelier "
    figure += f"{better} times, less likely {worse} times"
    return judged(worse <= 1, figure, "true up to one less likely", {"better": better, "worse": worse}, len(PROMPTS))


@claim(
    "BL-25 FO-10",
    "A temperature of 0.5 squares the probabilities (and brings them to sum 1); of 0 it takes the likeliest",
    bloem("Generating text; and sample() in former"),
    {"temperature": 2.0},
)
def temperature_is_a_power(temperature: float = 0.5) -> Verdict:
    logits = torch.randn(50, 20)
    squared = logits.softmax(-1) ** 2
    off = apart(probabilities(logits, temperature), squared / squared.sum(-1, keepdim=True))
    likeliest = (sample(temperature=0)(logits) == logits.argmax(-1)).all().item()
    figure = f"50 rows at {temperature}: beside the squares apart by {off:.1e}; at 0 "
    figure += f"{'always' if likeliest else 'not always'} the likeliest"
    return judged(off < 1e-5 and bool(likeliest), figure, "true within 1e-5", {"apart": off}, 50)


@claim(
    "BL-30 IT-33 IT-34",
    "A decoder that is given the right text so far, all at once, says what it says step by step",
    bloem("Historical baggage: teacher forcing"),
    {"given": "another text"},
)
@torch.no_grad()
def all_at_once_is_step_by_step(given: str = "the same text") -> Verdict:
    model, (source, asked, _) = read("reverse").model, framed(drawn(8, 8, apart=True))
    memory = model.read(source)  # type: ignore[operator]
    steps = torch.cat([model(piece, memory=memory) for piece in asked.split(1, dim=1)], dim=1)
    whole = asked if given == "the same text" else asked.flip(0)
    off = apart(model(whole, memory=model.read(source)), steps)  # type: ignore[operator]
    return judged(
        off < 1e-3,
        f"`reverse`, 8 texts of 9, given {given}: logits apart by {off:.1e}",
        "true within 1e-3",
        {"apart": off},
        72,
    )


@claim(
    "IT-01 IT-34 IT-45",
    "Fed with its own output, a decoder writes until it says <end>",
    alammar("The decoder side"),
    {"length": 12},
)
def a_decoder_writes_to_its_end(length: int = 8) -> Verdict:
    model, digits = read("reverse").model, drawn(200, length, apart=True)
    written = backwards(model, digits)
    right = (written == digits.flip(1)).all(dim=1).double().mean().item()
    figure = f"`reverse`, 200 texts of {length} digits it has not seen: {right:.1%} written whole, by itself"
    return judged(right >= 0.95, figure, "true from 95 %", {"share": right}, 200)


@claim(
    "FO-10",
    "Compression estimated from some windows is near the exact one",
    former("util.estimate_compression"),
    {"within": 0.001},
)
@torch.no_grad()
def sampled_compression_is_near(within: float = 0.1) -> Verdict:
    reader, windows = read("characters"), 60
    ids = torch.tensor(reader.tokens.encode_many(["\n".join(PROMPTS * 2)], 4096)[0])
    exact = compressed(reader.model, ids, 32, 66) / len(ids)
    starts = torch.randint(len(ids) - 32, (windows,))[:, None] + torch.arange(33)
    rows = ids[starts]
    cost = -reader.model(rows[:, :-1]).log_softmax(-1).gather(-1, rows[:, 1:, None])[:, 15:].mean().item() / math.log(2)
    figure = f"{len(ids)} characters: exact {exact:.2f} bits each, from {windows} windows {cost:.2f}"
    return judged(
        abs(cost - exact) < within * exact,
        figure,
        f"true within {within:.1%}",
        {"exact": exact, "estimated": cost},
        windows,
    )
