"""Print the README's table of the shipped models, from their cards.

python docs/figures.py
"""

import glassformer as gf
from glassformer.hub.store import card

ORDER = ("bag-of-words", "sentiment-plain", "sentiment", "tiny")
ROWS = (
    "sst2/validation",
    "sst2/test",
    "negation/templates",
    "templates: not_negative",
    "templates: not_positive",
    "templates: negation_out_of_scope",
)


def cells(text: str) -> dict[str, str]:
    """Percent right by split, of the seed that ships."""
    table = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    head = next(row for row in table if row[0] == "split, phenomenon")
    column = next((k for k, name in enumerate(head) if "ships" in name), 2)
    return {row[0]: row[column] for row in table if len(row) == len(head)}


def table() -> str:
    models = [cells(card(name)) for name in ORDER]
    answers = [gf.load(name)("this restaurant was not terrible") for name in ORDER]
    lines = [f"| percent right (95 % interval) | {' | '.join(ORDER)} |", "|---" * (1 + len(ORDER)) + "|"]
    lines += [f"| {row} | {' | '.join(model[row] for model in models)} |" for row in ROWS]
    said = [f"{answer.label} ({answer.p_positive:.2f})" for answer in answers]
    return "\n".join([*lines, f"| “this restaurant was not terrible” | {' | '.join(said)} |"])


if __name__ == "__main__":
    print(table())
