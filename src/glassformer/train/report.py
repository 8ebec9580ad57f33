"""The card of a model that writes: what it was made from, how, how good it is, and how it got there."""

from collections.abc import Sequence

from glassformer.train.how import How
from glassformer.train.recipes import RECIPES, Translation, Writing
from glassformer.train.task import Outcome

LICENCE = """\
## Licence

The weights are part of Glassformer and under its licence."""


def report(
    recipe: Writing, results: Sequence[Outcome], chosen: Outcome, score: str, parts: Sequence[str], needs: str = ""
) -> str:
    """Markdown.  results: all seeds; chosen: the one kept; score: what they are compared by; parts: what the task adds;
    needs: what the command that makes it again is to be given."""
    seeds = ", ".join(str(result.seed) for result in results)
    kept = f"seed {chosen.seed}, the median of seeds {seeds}" if len(results) > 1 else f"seed {seeds}"
    what = recipe.what[0].upper() + recipe.what[1:]
    numbers = "".join(f" {word}" for word in How(None, recipe.accumulate, recipe.precision).words)
    again = f"Made again by `glassformer train {recipe.name}{needs}{numbers} --seeds {seeds.replace(' ', '')}`."
    head = f"# {recipe.name}\n\n{what}.  These weights: {kept}.\n\n{again}{_paced(recipe)}"
    scores = "\n".join(f"- seed {result.seed}: {result.validation:.2f} ({score})" for result in results)
    samples = "## What it writes\n\n" + "\n\n".join(fenced(sample) for sample in chosen.samples)
    sections = head, *parts[:-1], f"## Seeds\n\n{scores}", samples, made(recipe, chosen), curve(chosen), parts[-1]
    return "\n\n".join(sections) + "\n"


def _paced(recipe: Writing) -> str:
    """What `--minutes` made of the steps; nothing where they are the recipe's own."""
    usual = RECIPES.get(recipe.name)
    if not isinstance(usual, Writing) or usual.steps == recipe.steps:
        return ""
    told = f"These took {recipe.steps:,} steps, as many as fitted the `--minutes` that they were given"
    return f"  {told}; by itself the command takes {usual.steps:,}."


def made(recipe: Writing, chosen: Outcome) -> str:
    """The recipe's numbers, as they were."""
    heads = "1 head" if recipe.heads == 1 else f"{recipe.heads} heads"
    sizes = f"{chosen.parameters:,} weights: width {recipe.width}, {heads}, {recipe.layers} layers"
    order = f", {recipe.block}-norm" if isinstance(recipe, Translation) else ""
    where = chosen.figures.get("device") or _threads(recipe.threads)
    fields = (
        f"{sizes}, an MLP of {recipe.hidden}{order}",
        f"{chosen.steps:,} steps, a batch of {recipe.batch:,}; {_spent(chosen.seconds)} on {where}",
        *_numbers(recipe),
        f"AdamW, rate {recipe.rate:g} after {recipe.warmup} steps, then a cosine to nothing, decay {recipe.decay:g}",
        f"label smoothing {recipe.smoothing:g}, dropout {recipe.dropout:g}",
        "weights averaged over the last steps (0.999 of the average is kept by a step, less at first), rounded to "
        "float16; all figures are of the rounded weights, but those of the curve",
    )
    return "## Recipe\n\n" + "\n".join(f"- {field}" for field in fields)


def _numbers(recipe: Writing) -> list[str]:
    """What was done for less memory."""
    parts = [] if recipe.accumulate == 1 else [f"each batch in {recipe.accumulate} parts (gradient accumulation)"]
    return parts if recipe.precision is None else [*parts, f"matrices multiplied in {recipe.precision}"]


def curve(chosen: Outcome) -> str:
    """What was seen at each look, of the average of the weights."""
    if not chosen.curve:
        return "## Curve\n\nNo look was due."
    names = list(chosen.curve[0])
    rows = [[_number(name, look[name]) for name in names] for look in chosen.curve]
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in [names, *rows]]
    return "## Curve\n\n" + fenced("\n".join(lines))


def fenced(text: str) -> str:
    """As it stands, in Markdown."""
    return f"```text\n{text}\n```"


def shown_pair(source: str, written: str) -> str:
    """What was read, and what was written."""
    return f"{source}\n→ {written}"


def _number(name: str, value: float) -> str:
    return f"{value:,.0f}" if name in ("step", "seconds") else f"{value:.3f}"


def _spent(seconds: float) -> str:
    return f"{seconds:.1f} seconds" if seconds < 100 else f"{seconds / 60:.1f} minutes"


def _threads(number: int) -> str:
    return "one thread" if number == 1 else f"{number} threads"
