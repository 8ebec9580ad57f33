"""Every line and every step of a key, worked out again from what is given: by reading its arithmetic, and by NumPy."""

import itertools
import math
import re
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glassformer as gf
from glassformer.learn.worksheet import parts
from glassformer.learn.worksheet.question import Of, shown
from glassformer.learn.worksheet.sheet import TOPICS, Sheet, sheet, topic

NAMES = [each.name for each in TOPICS]
SEEDS = range(100, 108)
BESIDE = {  # how a line begins that works out numbers, and which numbers of the key those are
    r"(?:row |q)(\d): ": lambda rows, i: rows[i - 1],
    r"place (\d): ": lambda rows, i: [rows[0][i - 1]],
    r"q·k(\d) = ": lambda rows, j: [rows[0][j - 1]] * 2,
    r"x(\d)·x(\d) = ": lambda rows, i, j: [rows[i - 1][j - 1], rows[j - 1][i - 1]],
    r"(?=\S+ ÷ \d+ = |\d+·\d+ = )": lambda rows: [],  # both sides stand in the line
}
LINES = {"dot-product": 3, "softmax": 2, "self-attention": 12, "scaling": 5, "queries-keys-values": 8, "attention": 6}
LINES |= {"causal": 6, "multi-head": 6, "layer-norm": 3, "cross-entropy": 5, "parameters": 6, "memory": 3}


@cache
def questions(name, seeds=SEEDS):
    return [sheet(seed, name, 1).questions[0] for seed in seeds]


def worked_out(arithmetic):
    """What a line says, read as exact arithmetic; words in it are what its numbers count."""
    line = re.sub(r"[a-zA-Z]+ ?", "", arithmetic).replace("·", "*").replace("−", "-").replace("÷", "/")
    line = re.sub(r"√(\d+)", lambda found: str(math.isqrt(int(found[1]))), line)
    return eval(re.sub(r"(\d+)", r"Fraction(\1)", line), {"Fraction": Fraction})


def read(line, step):
    """(what the line works out, what stands beside it in the key); two empty lists of a line that only says why."""
    rows = [[value.times if isinstance(value, Of) else value for value in row] for row in step.makes.rows]
    for begins, numbers in BESIDE.items():
        if found := re.match(begins, line):
            parts = re.split("; | = ", line[found.end() :])
            return [worked_out(each) for each in parts], numbers(rows, *map(int, found.groups()))
    single = step.makes.single and re.search(r"\d", line) and "ln" not in line
    return ([worked_out(line)], rows[0]) if single else ([], [])


@pytest.mark.parametrize("name", LINES)
def test_every_line_of_arithmetic_is_worth_the_number_it_stands_beside(name):
    for question in questions(name):
        lines = [read(line, step) for step in question.steps for line in step.says]
        assert sum(bool(worked) for worked, _ in lines) == LINES[name]
        for worked, beside in lines:
            assert worked == (beside or worked[-1:] * len(worked)), question.steps


def normal(powers):
    return powers / powers.sum(-1, keepdims=True)


def answers_of_heads(q, k, v, out):
    found = {"Z": []}
    for h in range(2):
        powers = np.exp(np.outer(q[:, h], k[:, h]))
        found |= {f"powers of head {h + 1}": powers, f"weights of head {h + 1}": normal(powers)}
        found[f"answers of head {h + 1}"] = normal(powers) @ v[:, h]
        found["Z"].append(normal(powers) @ v[:, h])
    return found | {"Z": np.stack(found["Z"], axis=1), "mixed": np.stack(found["Z"], axis=1) @ out}


def looked(powers, values):
    return {"powers": powers, "sums": powers.sum(-1), "weights": normal(powers), "Z": normal(powers) @ values}


def normalised(x, gain, shift):
    z = (x - x.mean()) / x.std()
    found = {"mean": x.mean(), "centred": x - x.mean(), "variance": x.var(), "standard deviation": x.std()}
    return found | {"normalised": z, "out": z * gain + shift}


def counted(sizes):
    width, hidden, layers, words, places = sizes[0]
    attention, mlp = 4 * width * (width + 1), (width + 1) * hidden + (hidden + 1) * width
    block, tables = attention + mlp + 4 * width, words * width + places * width
    found = {"attention": attention, "MLP": mlp, "norms": 4 * width, "block": block, "tables": tables}
    return found | {"all": layers * block + tables}


def weighed(sizes):
    """In bytes first: every number of every matrix."""
    length, heads, layers, texts, size = sizes[0]
    whole = texts * layers * heads * length**2 * size
    found = {"one in KiB": length**2 * size / 2**10, "matrices": texts * layers * heads, "all in MiB": whole / 2**20}
    return found | {"twice as long in MiB": texts * layers * heads * (2 * length) ** 2 * size / 2**20}


BY_NUMPY = {
    "softmax": lambda scores, values: {
        "mixture" if name == "Z" else name: each for name, each in looked(np.exp(scores), values.T).items()
    },
    "self-attention": lambda x: (
        {"Y" if name == "Z" else name: each for name, each in looked(2.0 ** (x @ x.T), x).items()} | {"scores": x @ x.T}
    ),
    "scaling": lambda d, q, k: {"scores": d / 2 * (q @ k.T), "√d": d**0.5, "scaled": d**0.5 / 2 * (q @ k.T)},
    "attention": lambda q, k, v: looked(np.exp(q @ k.T / 2), v) | {"scores": q @ k.T, "scaled": q @ k.T / 2},
    "causal": lambda scores, values: looked(np.tril(np.exp(scores)), values.T),
    "multi-head": answers_of_heads,
    "layer-norm": normalised,
    "parameters": counted,
    "memory": weighed,
}


@pytest.mark.parametrize("name", BY_NUMPY)
def test_every_step_on_the_way_is_what_numpy_finds_from_what_is_given(name):
    for question in questions(name):
        found = BY_NUMPY[name](*(parts.tensor(each).numpy() for each in question.given))
        for step in question.steps:
            exact = parts.tensor(step.makes).numpy().ravel()
            np.testing.assert_allclose(np.ravel(found.pop(step.makes.name)), exact, atol=1e-12, err_msg=step.makes.name)
        assert not found


def test_a_position_is_in_its_row_exactly_and_its_angles_are_said():
    for question in questions("positions", range(60)):
        where = question.given[0].rows[0][0]
        angles = [Fraction(each) for each in re.findall(r"(\S+) π and (\S+) π", question.steps[-1].says[0])[0]]
        assert angles == [where, where / 100]
        turned = [float(angle % 2) * math.pi for angle in angles]
        row = [each for angle in turned for each in (math.sin(angle), math.cos(angle))]
        assert list(map(float, question.steps[-1].makes.rows[0])) == pytest.approx(row, abs=1e-12)


def costs(question):
    """A function: what it costs to write a text, by the table that is given."""
    (given,) = question.given
    table = {side: dict(zip("abc", row, strict=True)) for side, row in zip(given.sides, given.rows, strict=True)}
    return lambda text: sum(table[before][piece] for before, piece in itertools.pairwise(["start", *text]))


def test_beams_are_those_of_a_search_that_writes_every_text_out():
    for question in questions("beam-search", range(20)):
        cost, kept = costs(question), [""]
        steps = {step.makes.name: step.makes for step in question.steps}
        for name in ("after one piece", "after two", "after three"):
            made = sorted(cost(text + piece) for text in kept for piece in "abc")
            assert [row[0] for row in steps[name].rows] == made and made[1] < made[2]
            texts = [side.replace("·", "") for side in steps[name].sides]
            assert [cost(text) for text in texts] == made and len(set(texts)) == len(made)
            assert {text[:-1] for text in texts} == set(kept)
            kept = texts[:2]
        (greedy,) = (side.replace("·", "") for side in steps["greedy"].sides)
        assert all(cost(greedy[:n]) == min(cost(greedy[: n - 1] + piece) for piece in "abc") for n in (1, 2, 3))
        assert steps["greedy"].rows == ((cost(greedy),),) and steps["cheapest"].rows == ((made[0],),)
        assert steps["cheapest"].sides == steps["after three"].sides[:1] and cost(greedy) > made[0]


def test_no_question_has_two_answers_or_teaches_nothing():
    for question in questions("dot-product", range(60)):
        (scores,), ((best,),) = (step.makes.rows for step in question.steps)
        assert scores.count(max(scores)) == 1 and scores[int(best) - 1] == max(scores)
    for question in questions("scaling", range(60)):
        assert 0 not in (scores := question.steps[0].makes.rows[0]) and scores[0] != scores[1]
    for question in questions("multi-head", range(12)):
        weights = [row for step in question.steps if step.makes.name.startswith("weights") for row in step.makes.rows]
        assert all(first != second for first, second in weights)
    for question in questions("queries-keys-values", range(60)):
        x, *maps = (each.rows for each in question.given)
        assert x[0] != x[1] and len(set(maps)) == 3 and all(any(row) for each in (x, *maps) for row in each)


def number_of(text):
    """What `shown` wrote, read back."""
    found = re.fullmatch(r"(−?)(\d*)(?:√(\d+))?(?:/(\d+))?(?: ?ln (\d+))?", text)
    minus, top, root, bottom, under = found.groups()
    value = float(top or 1) / float(bottom or 1) * math.sqrt(float(root or 1)) * math.log(float(under or math.e))
    return -value if minus else value


@given(st.fractions(-9, 9, max_denominator=12), st.sampled_from(["√", "ln "]), st.integers(2, 12))
@settings(max_examples=25)
def test_what_is_written_of_a_number_reads_back_as_it(times, sign, under):
    assert number_of(shown(times)) == pytest.approx(float(times))
    assert number_of(shown(Of(times, sign, under))) == pytest.approx(float(Of(times, sign, under)))


def test_as_data_a_sheet_has_every_number_and_what_rows_and_columns_are_called():
    whole = sheet(4)
    document = whole.as_dict(answers=True)
    for question, told in zip(whole.questions, document["questions"], strict=True):
        matrices = [*question.given, *(step.makes for step in question.steps)]
        for matrix, data in zip(matrices, [*told["given"], *told["steps"]], strict=True):
            assert [list(map(number_of, row)) for row in data["rows"]] == pytest.approx(parts.tensor(matrix).numpy())
            assert (data["name"], data["sides"]) == (matrix.name, list(matrix.sides))
            assert data["columns"] == list(matrix.columns) and len(data["columns"]) in (0, len(data["rows"][0]))
            assert len(data["sides"]) in (0, len(data["rows"]))
        assert [each["arithmetic"] for each in told["steps"]] == [list(step.says) for step in question.steps]
    assert all("steps" not in each for each in whole.as_dict(answers=False)["questions"])


def test_a_topic_that_is_like_none_is_answered_with_all_there_are():
    with pytest.raises(gf.UsageError, match=f"there is no topic 'zzzz'; there are {', '.join(NAMES)}"):
        topic("zzzz")
    assert [Sheet(1, ()).title(each) for each in sheet(2).questions] == [each.title for each in TOPICS]
