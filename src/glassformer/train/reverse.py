"""The first lesson: eight digits come in, and are to be written backwards.

Whoever writes the first must look at the last that was read: the weights of the decoder's look at the source should
lie along the other diagonal.  There is no data, but for a seed.
"""

from collections.abc import Sequence
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from torch import Tensor, nn

from glassformer.models.decoding import Until, write
from glassformer.tape import listen
from glassformer.train.recipes import Reversal
from glassformer.train.report import report, shown_pair
from glassformer.train.task import Outcome, Ran, Writes

SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]  # ids 0 to 3
START, END = 1, 2
DIGITS = "0123456789"
APART = 10  # one sequence in so many is kept for measuring: its digits sum to a multiple of it
ASKED = 1000  # sequences that are measured
SHOWN = 3  # of these, on the card


class Reverse(Writes[Reversal]):
    """3 1 4 1 5 9 2 6 → 6 2 9 5 1 4 1 3."""

    score = "sequences never seen, percent right"

    def __init__(self, recipe: Reversal, seed: int):
        super().__init__(recipe, seed, tokenizer().to_str(), len(SPECIAL) + len(DIGITS), "digits")

    def batch(self, step: int) -> tuple[Tensor, ...]:
        """Digits are drawn by torch's generator, which the loop seeds for every step."""
        return framed(drawn(self.recipe.batch, self.recipe.pieces, apart=False))

    def logits(self, model: nn.Module, *read: Tensor) -> Tensor:
        source, asked = read
        return model(asked, memory=model.read(source))  # type: ignore[operator]

    def look(self, model: nn.Module) -> tuple[dict[str, float], str]:
        digits = self._asked()  # b n
        written = backwards(model, digits)  # b n
        sample = shown_pair(_read(digits[0]), _read(written[0]))
        return {"percent right": _percent((written == digits.flip(1)).all(1))}, sample

    def measure(self, model: nn.Module, ran: Ran) -> Outcome:
        digits = self._asked()  # b n
        written = backwards(model, digits)  # b n
        right = written == digits.flip(1)  # b n
        samples = [shown_pair(_read(digits[k]), _read(written[k])) for k in range(SHOWN)]
        figures: dict[str, Any] = {
            "right": int(right.all(1).sum()),
            "of": len(digits),
            "digits right": round(_percent(right), 2),
        }
        figures |= {f"layer {k}": round(share, 3) for k, share in enumerate(diagonal(model, digits))}
        figures |= {"evenly": 1 / (digits.size(1) + 1), **cut(model, digits)}
        return self.outcome(model, ran, _percent(right.all(1)), figures, samples)

    @staticmethod
    def card(recipe: Reversal, results: Sequence[Outcome], chosen: Outcome) -> str:
        return report(recipe, results, chosen, Reverse.score, [_figures(chosen), LIMITS])

    def _asked(self) -> Tensor:
        """Sequences that no step ever sees: (b, n)."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return drawn(ASKED, self.recipe.pieces, apart=True)


def tokenizer() -> Tokenizer:
    """Digits stand between spaces; a text that is read ends with </s>."""
    pieces = {piece: id for id, piece in enumerate([*SPECIAL, *DIGITS])}
    made = Tokenizer(models.WordLevel(pieces, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # type: ignore[assignment]
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", END)])  # type: ignore[assignment]
    made.decoder = decoders.WordPiece(prefix="##", cleanup=False)  # type: ignore[assignment]
    made.add_special_tokens([AddedToken(piece, special=True) for piece in SPECIAL[:3]])
    return made


def drawn(count: int, pieces: int, apart: bool) -> Tensor:
    """Sequences of digits, of those kept apart or of the others: (b, n), as ids.  Drawn by torch's generator."""
    digits = torch.randint(len(DIGITS), (count, pieces))  # b n
    over = digits.sum(1) % APART  # b
    last = digits[:, -1] - over if apart else digits[:, -1] + (over == 0)  # b
    digits[:, -1] = last % len(DIGITS)
    return digits + len(SPECIAL)


def framed(digits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What is read, what has been written, and what is to be written next: (b, n + 1) each."""
    start, end = (digits.new_full((len(digits), 1), piece) for piece in (START, END))
    answer = torch.cat([digits.flip(1), end], 1)  # b n+1
    return torch.cat([digits, end], 1), torch.cat([start, answer[:, :-1]], 1), answer


def backwards(model: nn.Module, digits: Tensor) -> Tensor:
    """What the model writes, piece by piece: (b, n), 0 where it stopped sooner."""
    source, asked, _ = framed(digits)
    model.eval()
    with torch.inference_mode():
        memory = model.read(source)  # type: ignore[operator]
        until = Until(most=digits.size(1), stop=(END,))
        said = torch.stack([step.ids for step in write(model, asked[:, :1], memory=memory, until=until)], 1)  # b n
    return nn.functional.pad(said, (0, digits.size(1) - said.size(1)))


def diagonal(model: nn.Module, digits: Tensor) -> list[float]:
    """Of each layer's look at the source, the share that falls on the digit that is to be written; the mean."""
    source, asked, _ = framed(digits)
    pieces = digits.size(1)
    model.eval()
    with torch.inference_mode(), listen(model, keep=("layers.*.cross.weights",)) as tape:
        model(asked, memory=model.read(source))  # type: ignore[operator]
    layers = len(model.get_submodule("layers"))  # type: ignore[arg-type]
    looks = [tape[f"layers.{k}.cross.weights"][..., :pieces, :pieces] for k in range(layers)]  # b h i j
    return [float(look.flip(-1).diagonal(dim1=-2, dim2=-1).mean()) for look in looks]


def cut(model: nn.Module, digits: Tensor) -> dict[str, int]:
    """How many first digits turn where the first position may not look at the last digit; at the first instead."""
    before = _first(model, digits, None)  # b
    last, control = (_first(model, digits, at) for at in (digits.size(1) - 1, 0))  # b
    return {"turned": int((last != before).sum()), "turned by the control": int((control != before).sum())}


def _first(model: nn.Module, digits: Tensor, hidden: int | None) -> Tensor:
    """The piece written first, where the source's position `hidden` cannot be seen: (b,)."""
    source, asked, _ = framed(digits)
    edges = torch.zeros(1, source.size(1), dtype=torch.bool)  # i j
    edges[0, [] if hidden is None else hidden] = True
    edit = {"layers.*.cross.scaled": lambda scaled: scaled.masked_fill(edges, -torch.inf)}  # b h i j
    model.eval()
    with torch.inference_mode(), listen(model, keep=(), edit=edit):
        return model(asked[:, :1], memory=model.read(source))[:, 0].argmax(-1)  # type: ignore[operator]


def _read(row: Tensor) -> str:
    return " ".join(([*SPECIAL, *DIGITS])[id] for id in row.tolist())


def _percent(right: Tensor) -> float:
    return 100 * right.float().mean().item()


def _figures(chosen: Outcome) -> str:
    """Where the decoder looks, and whether it uses what it looks at."""
    told = chosen.figures
    layers = {name: share for name, share in told.items() if name.startswith("layer ")}
    shares = ", ".join(f"{share:.1%} in {name}" for name, share in layers.items())
    return (
        f"## What was measured\n\nOf {told['of']:,} sequences that no step saw, {told['right']:,} are written "
        f"backwards without a mistake ({told['digits right']} % of the digits).  Kept apart are those whose digits sum "
        f"to a multiple of {APART}.\n\n"
        "Where the decoder looks (descriptive): of the weights with which a position looks at the source, so much "
        f"falls on the digit it is to write, in the mean over positions and n = {told['of']:,}: {shares}.  Spread "
        f"evenly, it would be {told['evenly']:.1%}.\n\n"
        "What it uses (causal): where the first position may not look at the last digit (−∞ before the softmax, in "
        f"all layers), what it writes turns in {told['turned']:,} of {told['of']:,} sequences; where it may not look "
        f"at the first digit instead (a control), in {told['turned by the control']:,}."
    )


LIMITS = """\
## Limits

Eight digits, no more and no fewer: places beyond were never learned.  It is for looking at."""
