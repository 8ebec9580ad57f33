"""All topics in the order of study, and the sheet that a seed makes.  Nothing here imports torch."""

from dataclasses import dataclass
from random import Random
from typing import Any

from glassformer.errors import UsageError, did_you_mean, one_line
from glassformer.learn.worksheet import attention, further
from glassformer.learn.worksheet.question import Matrix, Question, Topic, shown

TOPICS = [
    Topic("dot-product", "How well two words match", attention.dot_product),
    Topic("softmax", "From scores to shares", attention.softmax),
    Topic("self-attention", "Self-attention with nothing to learn", attention.plain),
    Topic("scaling", "Why the scores are divided by √d", attention.scaling),
    Topic("queries-keys-values", "Queries, keys and values", attention.queries_keys_values),
    Topic("attention", "softmax(q·kᵀ / √d) · v", attention.attention),
    Topic("causal", "Nobody looks ahead", attention.causal),
    Topic("multi-head", "Two heads side by side", attention.two_heads),
    Topic("positions", "Where a word stands", further.positions),
    Topic("layer-norm", "Every position brought to one scale", further.layer_norm),
    Topic("cross-entropy", "The loss, in bits", further.cross_entropy),
    Topic("beam-search", "Greedy, and with a beam of two", further.beam),
    Topic("parameters", "How many parameters", further.parameters),
    Topic("memory", "How much the weights of attention take", further.memory),
]
MOST = 10  # questions of a topic
OF_ONE = 4  # where a topic is named and no count


@dataclass(frozen=True)
class Sheet:
    """What a teacher hands out, and its key."""

    seed: int
    questions: tuple[Question, ...]

    def title(self, question: Question) -> str:
        return topic(question.topic).title

    def as_dict(self, answers: bool) -> dict[str, Any]:
        """Numbers as they are written: "3/4", "√2/2"."""
        return {"schema": 1, "seed": self.seed, "questions": [_question(each, answers) for each in self.questions]}


def _question(question: Question, answers: bool) -> dict[str, Any]:
    asked = {"topic": question.topic, "text": question.text, "given": [_matrix(each) for each in question.given]}
    asked["asks"] = question.asks
    if answers:
        asked["steps"] = [{"arithmetic": list(step.says), **_matrix(step.makes)} for step in question.steps]
    return asked


def _matrix(matrix: Matrix) -> dict[str, Any]:
    rows = [[shown(value) for value in row] for row in matrix.rows]
    return {"name": matrix.name, "rows": rows, "sides": list(matrix.sides), "columns": list(matrix.columns)}


def topic(name: str) -> Topic:
    """By its name.  Raises UsageError."""
    known = {each.name: each for each in TOPICS}
    if name not in known:
        close = did_you_mean(name, known) or f"; there are {', '.join(known)}"
        raise UsageError(f"there is no topic {one_line(name, 40)!r}{close}")
    return known[name]


def sheet(seed: int, name: str | None = None, count: int | None = None) -> Sheet:
    """count: of each topic; one of all, four of a topic that is named.  The same seed makes the same sheet.

    Raises UsageError for a topic or a count that there is not.
    """
    topics = TOPICS if name is None else [topic(name)]
    count = count if count is not None else 1 if name is None else OF_ONE
    if not 1 <= count <= MOST:
        raise UsageError(f"{count} questions of a topic cannot be made; give --count 1 to {MOST}")
    return Sheet(seed, tuple(question for each in topics for question in _different(each, seed, count)))


def _different(topic: Topic, seed: int, count: int) -> list[Question]:
    """No two alike.  A topic's questions are the same whatever else is on the sheet."""
    random, made = Random(f"{topic.name} {seed}"), []
    while len(made) < count:
        question = topic.question(random)
        if question not in made:
            made.append(question)
    return made
