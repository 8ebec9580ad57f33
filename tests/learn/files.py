"""A learner's files: the solution, changed in one place, or something that does not run at all."""

from glassformer.learn import order

HEAD = "import math\nimport os\nimport sys\nimport time\n\nimport torch\n\n\n"


def solution(name="attention"):
    return order.entry(name).solution.read_text("utf-8")


def changed(old, new, name="attention"):
    text = solution(name)
    assert text.count(old) >= 1, old
    return text.replace(old, new)


def body(*lines, head=HEAD):
    """`attention` with these lines in it."""
    return f"{head}def attention(q, k, v, mask=None):\n" + "".join(f"    {line}\n" for line in lines)
