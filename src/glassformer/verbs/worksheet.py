"""`glassformer worksheet`: questions for hand arithmetic, and their key, from a seed."""

from functools import partial
from typing import TYPE_CHECKING

from glassformer.verbs.options import Flag
from glassformer.verbs.printed import Printed, Printeds

if TYPE_CHECKING:
    from glassformer.learn.worksheet.sheet import Sheet


def worksheet(
    topic: str | None = None,
    /,
    *,
    seed: int = 1,
    count: int | None = None,
    answers: Flag = False,
    look: Printeds = None,
) -> None:
    """A worksheet for hand arithmetic: whole numbers and simple fractions, and a key with every step.

    Parameters
    ----------
    topic
        Only this topic, such as softmax; all of them in the order of study when left out.
    seed
        Which sheet: the same seed makes the same sheet.
    count
        How many questions of each topic: 1 of all, 4 of one that is named, when left out.
    answers
        The key too; on paper it begins on a page of its own.
    """
    from glassformer.learn.worksheet.sheet import sheet
    from glassformer.show.worksheet import html_worksheet, print_worksheet

    look = look or Printed()
    look.file()
    made = sheet(seed, topic, count)
    if answers:
        _prove(made)
    look.show(made.as_dict(answers), partial(print_worksheet, made, answers), partial(html_worksheet, made, answers))


def _prove(made: "Sheet") -> None:
    """No key leaves here that our own parts do not find too."""
    from glassformer.learn.worksheet.parts import disagreements

    for question in made.questions:
        wrong = disagreements(question)
        if wrong:
            raise RuntimeError(f"seed {made.seed}, {question.topic}: the key and the parts differ in {wrong}")
