"""Sentences about attention, of the learner's own numbers: each makes a `says` of what is wrong and what to do."""

from glassformer.learn.bank.words import first_column, first_row, number, numbers
from glassformer.learn.exercise import Evidence


def scaled(how: str, repair: str):
    def says(e: Evidence) -> str:
        score, theirs, right = (first_row(x)[0] for x in (e.right["scores"], e.wrong["scaled"], e.right["scaled"]))
        return (
            f"{how}: a score of {number(score)} becomes {number(theirs)}, it should become {number(right)}; {repair}."
        )

    return says


def sums(before: str, after: str):
    def says(e: Evidence) -> str:
        return f"{before} (your first row is {numbers(first_row(e.wrong['weights']))}, its sum {_sum(e)}, which should be 1.00): {after}."

    return says


def _sum(e: Evidence) -> str:
    return number(first_row(e.wrong["weights"]).sum())


def queries(e: Evidence) -> str:
    rows, columns = first_row(e.wrong["weights"]).sum(), first_column(e.wrong["weights"]).sum()
    return (
        f"your rows do not sum to 1 (the first sums to {number(rows)}) but your columns do ({number(columns)}): "
        "softmax runs over the queries, dim −2; it should run over the keys, dim −1."
    )


def scores(what: str, repair: str):
    def says(e: Evidence) -> str:
        theirs, right = first_row(e.wrong["scores"])[0], first_row(e.right["scores"])[0]
        return f"{what}: your first score is {number(theirs)}, it should be {number(right)}; {repair}."

    return says


def answer(what: str, repair: str):
    def says(e: Evidence) -> str:
        theirs, right = first_row(e.wrong["mixture"]), first_row(e.right["mixture"])
        return f"{what}: your first row is {numbers(theirs)}, it should be {numbers(right)}; {repair}."

    return says


def masked(what: str, repair: str):
    def says(e: Evidence) -> str:
        mask = e.right["weights"] == 0
        if e.wrong["weights"].shape != mask.shape or not mask.any():
            return f"{what}; {repair}."
        most = e.wrong["weights"][mask].max()
        return f"{what}: a word that may not be looked at has the weight {number(most)}, it should have 0; {repair}."

    return says


def given(stage: str, repair: str):
    def says(e: Evidence) -> str:
        return f"you give back the {stage} (the first row {numbers(first_row(e.wrong[stage]))}); {repair}: weights @ v."

    return says
