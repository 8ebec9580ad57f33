"""The model card: what a model was made from, how, and how good it is, with every seed and every phenomenon."""

from collections.abc import Sequence

from glassformer.train.evaluate import Result
from glassformer.train.recipes import VOCABULARY, VOCABULARY_TEXTS, Recipe

LICENCES = """\
## Licences

The weights are part of Glassformer and under its licence.  They were learned from: SST-2 (Socher et al. 2013; the GLUE
release; research use, no licence stated in the origin repository) and, where the table above names them,
customer reviews (Hu and Liu 2004; research use) and 1,000 restaurant sentences (no licence stated; probably
Kotzias et al. 2015).  The vocabulary and the first vectors were counted from these and from
15,000 unlabelled IMDb reviews (Maas et al. 2011; research use).  None of that text is in the package."""

LIMITS = """\
## Limits

- Two classes: it cannot say "neutral" or "mixed"; a sentence that judges nothing gets an answer all the same.
- English, lower-cased; sentences rather than essays: positions beyond the longest training sentence were never trained.
- Film reviews above all.  Irony, comparisons and world knowledge are beyond it; names and groups of people may carry
  a polarity that the reviews gave them.  Do not judge people with it.
- A denied negative ("not terrible") counts as positive, as the suites label it; many readers would say "so-so"."""

TAUGHT = """\
Negation was taught with sentences from a grammar written for this project (`train/negation.py`, `lexicon.py`,
`constructions.py`): affirmed, turned round by a negator, and with a negator that turns nothing round; equal numbers of
either label.  Every fifth polar word is never denied by the grammar ("held-out words"; the reviews deny one now and
then), and 17 of its patterns are not used in training ("held-out constructions").  No sentence or pattern was taken
from the suites that measure negation; families of constructions such as "not only", "neither … nor" or a negation out
of scope are English grammar and occur in both.  The developers saw scores per phenomenon on the developers' half of
the suites while they chose the recipe, so these scores are a little kinder than those on unseen suites."""

CUTS = """\
Sentences such as "this restaurant was not terrible", and how many of those read as positive turn negative when one edge
is forbidden (−∞ before the softmax, in all layers and heads).  Reverse: `not` may not look at the word.  Control: the
word may not look at the subject."""

LESSON = """\
This model was made to deny through that edge: one step in twelve is a lesson in which the denied word may not look at
its negator, and the label is that of the word alone; in three of ten such sentences it may not look at what stands
before the negator instead, and the label stays (`train/lesson.py`; Geiger et al.  2022).  So both the cut and the
control show what the model was built to do.{trials}  No lesson holds a sentence of the suites or one of those cut
below."""

TRIALS = {  # what the same recipe does without the lesson
    "sentiment": """\
  Of five trials without the lesson, the three that denied best turned 0, 0
and 2 of about 80 answers, the two others 52 and 66.""",
    "tiny": """\
  Without the lesson the same recipe denies as well (seeds 0, 1, 2:
94.4, 95.3 and 95.8 % of negation/templates), and the cut turns 0 of 70 answers, each time.""",
}

PURPOSE = {  # where the first line does not say it
    "tiny": """

It is for looking at: vectors of 8 numbers, two heads of 4, one layer, an MLP of 16, at most 64 pieces, so that every
sum of it fits a screen.  It is not for relying on: on reviews it is less often right than `sentiment`, and on words
that it never saw denied ("held-out words") much less often; the card of `sentiment` has the same table.""",
}

FAR = """\
- A negator far from its word ("i do not think , whatever they say , that …") is mostly read wrongly: see the rows
  `long` and `think`.  Idioms with a negator ("can not wait") are read word by word."""


def card(recipe: Recipe, results: Sequence[Result], chosen: Result) -> str:
    """Markdown.  results: all seeds; chosen: the one that ships."""
    parts = (
        _head(recipe, results, chosen),
        _data(recipe, chosen),
        _recipe(recipe, chosen),
        _accuracy(results, chosen),
        _cuts(recipe, results),
        LIMITS + (f"\n{FAR}" if recipe.generated else ""),
        LICENCES,
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(recipe: Recipe, results: Sequence[Result], chosen: Result) -> str:
    seeds = ", ".join(str(result.seed) for result in results)
    kept = (
        f"seed {chosen.seed}, the median of seeds {seeds} by SST-2 validation" if len(results) > 1 else f"seed {seeds}"
    )
    what = recipe.what[0].upper() + recipe.what[1:]
    return (
        f"# {recipe.name}\n\n{what}.  Classes: negative, positive.  These weights: {kept}.\n\n"
        f"Made again by `glassformer train {recipe.name} --data DATA --seeds {seeds.replace(' ', '')}`."
        + PURPOSE.get(recipe.name, "")
    )


def _data(recipe: Recipe, chosen: Result) -> str:
    rows = [f"| {name} | {times} | {chosen.dropped.get(name, 0)} |" for name, times in recipe.sources]
    if recipe.generated:
        opening = f"{recipe.opening:,} once, first; {recipe.generated:,} 1"
        rows.append(f"| negation grammar | {opening} | {chosen.dropped.get('generated', 0)} |")
    table = "\n".join(["| data set | times an epoch | sentences dropped |", "|---|---|---|", *rows])
    dropped = (
        "Dropped: what equals, but for case and punctuation, a sentence of the suites, of SST-2 validation or test, or "
        "of the causal check."
    )
    texts = ", ".join(f"{name} ×{times}" for name, times in VOCABULARY_TEXTS)
    vectors = " and the pieces' first vectors (co-occurrence, no labels)" if recipe.meaning else ""
    words = f"{VOCABULARY:,} word pieces{vectors} come from: {texts}."
    return "\n\n".join(["## Data", table, dropped, words, *([TAUGHT] if recipe.generated else [])])


def _recipe(recipe: Recipe, chosen: Result) -> str:
    fields = (
        f"{chosen.steps:,} steps of {recipe.batch} sentences, {recipe.epochs:g} epochs",
        f"{chosen.seconds / 60:.1f} minutes on one thread",
        f"AdamW, rate {recipe.rate:g} after {recipe.warmup} steps, then a cosine to nothing, decay {recipe.decay:g}",
        f"label smoothing {recipe.smoothing:g}; pieces replaced by [MASK] {recipe.word_dropout:.0%}, never a negator",
        *(() if recipe.bag else (f"dropout {recipe.dropout:g}, none in the opening and the lessons",)),
        *((f"one step in {recipe.lesson} is a lesson with edges cut",) if recipe.lesson else ()),
        "weights averaged over about 1,000 steps, rounded to float16; all accuracies are of the rounded weights",
    )
    return "## Recipe\n\n" + "\n".join(f"- {field}" for field in fields)


def _accuracy(results: Sequence[Result], chosen: Result) -> str:
    """Percent right, with 95 % Wilson intervals, a column a seed."""
    columns = [f"seed {r.seed}{' (ships)' if r is chosen and len(results) > 1 else ''}" for r in results]
    lines = [f"| split, phenomenon | sentences | {' | '.join(columns)} |", "|---|---|" + "---|" * len(results)]
    for split, groups in chosen.scores.items():
        for group in ["all", *(name for name in groups if name != "all")]:
            cells = " | ".join(str(result.scores[split][group]) for result in results)
            name = f"**{split}**" if group == "all" else f"{split.split('/')[-1]}: {group}"
            lines.append(f"| {name} | {groups[group].total} | {cells} |")
    return "## Accuracy\n\nPercent right (95 % Wilson interval).\n\n" + "\n".join(lines)


def _cuts(recipe: Recipe, results: Sequence[Result]) -> str:
    """Whether `not` acts through attention."""
    lines = [
        "| seed | denied words | sentences | read as positive | word may not look at `not` | reverse | control |",
        "|---|---|---|---|---|---|---|",
    ]
    for result in results:
        for name, cuts in result.cuts.items():
            cells = (result.seed, name, cuts.asked, cuts.positive, cuts.word, cuts.back, cuts.control)
            lines.append(f"| {' | '.join(map(str, cells))} |")
    if len(lines) == 2:
        return ""
    lesson = [LESSON.format(trials=TRIALS.get(recipe.name, ""))] if recipe.lesson else []
    parts = ["## What `not` acts through", CUTS, *lesson, "\n".join(lines)]
    return "\n\n".join(parts)
