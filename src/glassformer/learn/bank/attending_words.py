"""Sentences about attention, of the learner's own numbers: each makes a `says` of what is wrong and what to do."""

from glassformer.learn.bank.words import first_column, first_row, number, numbers, rows_apart
from glassformer.learn.exercise import Evidence


def scaled(how: str, repair: str):
    def says(e: Evidence) -> str:
        score, theirs, right = (first_row(x)[0] for x in (e.right["scores"], e.wrong["scaled"], e.right["scaled"]))
        return (
            f"{how}: a score of {number(score)} becomes {number(theirs)}, it should become {number(right)}; {repair}."
        )

    return says


def sums(before: str, after: str):
    """The sum of a row, where it is not 1; else the row beside the right one."""

    def says(e: Evidence) -> str:
        row, total = first_row(e.wrong["weights"]), float(first_row(e.wrong["weights"]).sum())
        theirs, right = rows_apart(e.wrong["weights"], e.right["weights"])
        if abs(total - 1) > 5e-3:
            return f"{before} (your first row is {numbers(row)}, its sum {number(total)}, it should be 1.00): {after}."
        return f"{before} (a row of yours is {numbers(theirs)}, it should be {numbers(right)}): {after}."

    return says


def queries(e: Evidence) -> str:
    rows, columns = first_row(e.wrong["weights"]).sum(), first_column(e.wrong["weights"]).sum()
    return (
        f"your rows do not sum to 1 (the first sums to {number(rows)}) but your columns do ({number(columns)}): "
        "softmax runs over the queries, dim −2; it should run over the keys, dim −1."
    )


def at(stage: str, what: str, repair: str):
    def says(e: Evidence) -> str:
        theirs, right = rows_apart(e.wrong[stage], e.right[stage])
        return f"{what}: a row of your {stage} is {numbers(theirs)}, it should be {numbers(right)}; {repair}."

    return says


def scores(what: str, repair: str):
    return at("scores", what, repair)


def answer(what: str, repair: str):
    def says(e: Evidence) -> str:
        theirs, right = rows_apart(e.wrong["mixture"], e.right["mixture"])
        return f"{what}: a row of yours is {numbers(theirs)}, it should be {numbers(right)}; {repair}."

    return says


def masked(what: str, repair: str):
    def says(e: Evidence) -> str:
        mask = e.right["weights"] == 0
        if e.wrong["weights"].shape != mask.shape or not mask.any():
            return f"{what}; {repair}."
        most = e.wrong["weights"][mask].max()
        return f"{what}: a word that may not be looked at has the weight {number(most)}, it should have 0.00; {repair}."

    return says


def given(stage: str, repair: str):
    def says(e: Evidence) -> str:
        return f"you give back the {stage} (the first row {numbers(first_row(e.wrong[stage]))}); {repair}: weights @ v."

    return says
