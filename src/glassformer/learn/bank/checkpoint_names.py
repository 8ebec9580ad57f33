"""The names of a checkpoint's tensors, turned into ours."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from glassformer.hub import names
from glassformer.hub.families.bert import BODY
from glassformer.learn.exercise import Case, Evidence, Exercise, Mistake, Property, Stages

Table = dict[str, str]
TABLE: Table = {row[0]: str(row[1]) for row in BODY if "distance" not in row[0] and "pooler" not in row[0]}
STRANGE = (
    "embeddings.position_ids",
    "cls.seq_relationship.weight",
    "encoder.layer.0.attention.self.rotary.weight",
    "encoder.layer.0.attention.self.query.scale",
)


def key(theirs: list[str], table: Table) -> Stages:
    """The hub's own table; what this exercise's has no row for is left out."""
    found = {}
    for name in theirs:
        place = names.place(name, "bert")
        if place and re.sub(r"\.(\d+)\.", ".{n}.", place.ours[0]).startswith(tuple(table.values())):
            found[name] = place.ours[0]
    return Stages(answer=found)


def cases(seed: int) -> list[Case]:
    draw = random.Random(7_000 + seed)
    found = []
    for prefix, old, layers in (
        ("", False, (0, 1)),
        ("bert.", False, (0, 3, 11)),
        ("bert.", True, (1, 10, 2)),
        ("", True, (21, 5)),
    ):
        theirs = [
            name
            for row, ours in TABLE.items()
            for layer in _numbers(row, layers)
            for name in _ended(row, ours, layer, old)
        ]
        theirs = [f"{prefix}{name}" for name in (*theirs, *STRANGE)]
        draw.shuffle(theirs)
        about = f"names {'with' if prefix else 'without'} bert. in front, norms with {'gamma' if old else 'weight'}"
        found.append(Case((theirs, dict(TABLE)), about))
    return found


def _numbers(row: str, layers: tuple[int, ...]) -> tuple[int, ...]:
    return layers if "{n}" in row else layers[:1]


def _ended(row: str, ours: str, layer: int, old: bool) -> list[str]:
    name = row.replace("{n}", str(layer))
    ends = ("gamma", "beta") if old and ours.endswith("norm") else ("weight", "bias")
    return [name] if row.endswith(".weight") else [f"{name}.{end}" for end in ends]


ENDINGS = {"weight": "weight", "bias": "bias"}
NORMS = {"weight": "gain", "bias": "shift", "gamma": "gain", "beta": "shift"}


@dataclass(frozen=True)
class Switches:
    """off: how the prefix is taken off; layer: the number of a layer, and what is said of it."""

    off: Callable[[str], str] = lambda name: name.removeprefix("bert.")
    layer: str = r"(?<=\.)\d+(?=\.)"
    number: Callable[[str], str] = lambda number: number
    norms: tuple[tuple[str, str], ...] = tuple(NORMS.items())
    plain: tuple[tuple[str, str], ...] = tuple(ENDINGS.items())
    is_norm: Callable[[str, str], bool] = lambda part, ours: ours.endswith("norm")
    strange: str = "left out"


def turned(theirs: list[str], table: Table, on: Switches = Switches()) -> Table:
    found: dict = {}
    for name in theirs:
        ours = _ours(on.off(name), table, on)
        if ours is not None:
            found[name] = ours
        elif on.strange != "left out":
            found[name] = {"kept": name, "empty": "", "none": None}[on.strange]
    return found


def _ours(bare: str, table: Table, on: Switches) -> str | None:
    layer = re.search(on.layer, bare)
    general = bare[: layer.start()] + "{n}" + bare[layer.end() :] if layer else bare
    number = on.number(layer[0]) if layer else "{n}"
    if general in table:
        return table[general].replace("{n}", number)
    part, _, ending = general.rpartition(".")
    endings = dict(on.norms if on.is_norm(part, table.get(part, "")) else on.plain)
    return f"{table[part]}.{endings[ending]}".replace("{n}", number) if part in table and ending in endings else None


def _by(**switches) -> Callable:
    return lambda theirs, table: turned(theirs, table, Switches(**switches))


def _by_ends(theirs: list[str], table: Table) -> Table:
    """The first row whose last two words are in the name."""
    short = {".".join(row.removesuffix(".weight").split(".")[-2:]): ours for row, ours in reversed(table.items())}
    found = turned(theirs, table)
    for name, ours in found.items():
        end = ".".join(name.rpartition(".")[0].split(".")[-2:])
        if end in short and "{n}" in short[end]:
            layer = re.search(r"(?<=\.)\d+(?=\.)", name)
            found[name] = f"{short[end]}.{ours.rpartition('.')[2]}".replace("{n}", layer[0] if layer else "0")
    return found


def _then(change: Callable[[Table], object]) -> Callable:
    return lambda theirs, table: change(turned(theirs, table))


def _only_one_digit(theirs: list[str], table: Table) -> Table:
    """str.replace of the first digit: layer 11 becomes {n}1."""
    return _by(layer=r"(?<=\.)\d(?=\.)")(theirs, table)


BOTH = "take off bert. where it stands in front: name.removeprefix('bert.')"
NUMBER = "look the name up without its number, and put the number back; it may have two digits"
GAIN = "of a norm, weight and gamma are the gain, bias and beta are the shift"
LEFT = "a name that is in no row has no place: leave it out"


def _mistake(name: str, repair: str, wrong: Callable) -> Mistake:
    def says(e: Evidence) -> str:
        told = _difference(e.wrong.answer, e.right.answer).replace("{n}", "‹n›")
        return f"{name}: {told}; {repair}."

    return Mistake(name, "answer", says, wrong=wrong)


def _difference(theirs: object, right: Table) -> str:
    """The first name that differs."""
    if not isinstance(theirs, dict):
        return f"yours is a {type(theirs).__name__}, a dict is wanted"
    for name, ours in right.items():
        if name not in theirs:
            return f"yours has nothing for {name}, it should be {ours}"
        if theirs[name] != ours:
            return f"{name} becomes {theirs[name]}, it should become {ours}"
    more = next((name for name in theirs if name not in right), "")
    return f"yours has {more or 'nothing'}, which should not be there"


def _norms(**changes: str) -> Callable:
    return _by(norms=tuple((NORMS | changes).items()))


MISTAKES = (
    _mistake("bert. is not taken off", BOTH, _by(off=lambda name: name)),
    _mistake("lstrip takes off letters, not a word", BOTH, _by(off=lambda name: name.lstrip("bert."))),
    _mistake(
        "names without bert. are left out", BOTH, _by(off=lambda name: name[5:] if name.startswith("bert.") else "")
    ),
    _mistake("layers of two digits are left out", NUMBER, _only_one_digit),
    _mistake("the number is not put back", NUMBER, _by(number=lambda number: "{n}")),
    _mistake("the layers are counted from 1", NUMBER, _by(number=lambda number: str(int(number) + 1))),
    _mistake("every layer is layer 0", NUMBER, _by(number=lambda number: "0")),
    _mistake("only the last digit of the number is kept", NUMBER, _by(number=lambda number: number[-1])),
    _mistake("only the first digit of the number is kept", NUMBER, _by(number=lambda number: number[0])),
    _mistake("layers are not recognised", NUMBER, _by(layer="never")),
    _mistake("gamma and beta are not known", GAIN, _by(norms=(("weight", "gain"), ("bias", "shift")))),
    _mistake("only gamma and beta are known of a norm", GAIN, _by(norms=(("gamma", "gain"), ("beta", "shift")))),
    _mistake(
        "a norm keeps weight and bias",
        GAIN,
        _by(norms=(("weight", "weight"), ("bias", "bias"), ("gamma", "weight"), ("beta", "bias"))),
    ),
    _mistake("a norm keeps its endings", GAIN, _by(norms=tuple((end, end) for end in NORMS))),
    _mistake(
        "weight and bias of a norm are not turned, gamma and beta are", GAIN, _norms(weight="weight", bias="bias")
    ),
    _mistake("gamma and beta stay as they are", GAIN, _norms(gamma="gamma", beta="beta")),
    _mistake("gamma and beta become weight and bias", GAIN, _norms(gamma="weight", beta="bias")),
    _mistake("gain and shift are exchanged", GAIN, _norms(weight="shift", bias="gain", gamma="shift", beta="gain")),
    _mistake("gamma and beta are exchanged", GAIN, _norms(gamma="shift", beta="gain")),
    _mistake("every weight becomes a gain", f"only those of norms do: {GAIN}", _by(is_norm=lambda part, ours: True)),
    _mistake("no part is taken for a norm", GAIN, _by(is_norm=lambda part, ours: False)),
    _mistake(
        "only the first norm of a layer is one", GAIN, _by(is_norm=lambda part, ours: ours.endswith("attention_norm"))
    ),
    _mistake(
        "weights only, no biases",
        "both endings are there",
        _by(plain=(("weight", "weight"),), norms=(("weight", "gain"), ("gamma", "gain"))),
    ),
    _mistake("unknown names are kept as they are", LEFT, _by(strange="kept")),
    _mistake("unknown names become empty ones", LEFT, _by(strange="empty")),
    _mistake("unknown names become None", LEFT, _by(strange="none")),
    _mistake(
        "parts with one ending are taken for each other",
        "look the whole name up: output.dense stands twice in a layer",
        _by_ends,
    ),
    _mistake(
        "the dict is turned round",
        "their name is the key, ours the value",
        _then(lambda found: {ours: name for name, ours in found.items()}),
    ),
    _mistake(
        "the keys have lost bert.",
        "the key is the name as it stands in the file",
        _then(lambda found: {name.removeprefix("bert."): ours for name, ours in found.items()}),
    ),
)


# right, each in another way


def by_patterns(theirs, table):
    found = {}
    for row, ours in table.items():
        pattern = re.escape(row).replace(re.escape("{n}"), r"(?P<n>\d+)")
        ends = {"": ""} if row.endswith(".weight") else {".weight": ".weight", ".bias": ".bias"}
        if ours.endswith("norm"):
            ends = {".weight": ".gain", ".gamma": ".gain", ".bias": ".shift", ".beta": ".shift"}
        for name in theirs:
            for their, our in ends.items():
                match = re.fullmatch(r"(?:bert\.)?" + pattern + re.escape(their), name)
                if match:
                    found[name] = (ours + our).replace("{n}", match.groupdict().get("n") or "")
    return found


def by_writing_all(theirs, table):
    """Every name there could be, then looked up."""
    known = {}
    for row, ours in table.items():
        for n in range(40) if "{n}" in row else [0]:
            a, b = row.replace("{n}", str(n)), ours.replace("{n}", str(n))
            norm = ours.endswith("norm")
            known[a] = b
            known[a + ".weight"] = known[a + ".gamma"] = b + (".gain" if norm else ".weight")
            known[a + ".bias"] = known[a + ".beta"] = b + (".shift" if norm else ".bias")
    whole = {name for name in known if name.rpartition(".")[2] in NORMS}
    bare = {name: name[5:] if name[:5] == "bert." else name for name in theirs}
    return {name: known[short] for name, short in bare.items() if short in whole}


def by_words(theirs, table):
    found = {}
    for name in theirs:
        words = name.split(".")
        words = words[1:] if words[0] == "bert" else words
        numbers = [word for word in words if word.isdigit()]
        general = ["{n}" if word.isdigit() else word for word in words]
        ours = table.get(".".join(general))
        if not ours and ".".join(general[:-1]) in table and general[-1] in NORMS:
            ours = table[".".join(general[:-1])]
            ours += "." + (NORMS[general[-1]] if ours.endswith("norm") else general[-1])
        if ours:
            found[name] = ours.format(n=numbers[0]) if numbers else ours
    return found


def by_substitution(theirs, table):
    found = {}
    for name in theirs:
        bare = re.sub(r"^bert\.", "", name)
        bare = re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", bare)
        bare = re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", bare)
        general, number = re.sub(r"layer\.\d+\.", "layer.{n}.", bare), "".join(re.findall(r"layer\.(\d+)\.", bare))
        part, end = general.rsplit(".", 1)
        if general in table:
            found[name] = table[general]
        elif part in table and end in ("weight", "bias"):
            norm = {"weight": "gain", "bias": "shift"}
            found[name] = f"{table[part]}.{norm[end] if 'LayerNorm' in part else end}"
        if name in found:
            found[name] = found[name].replace("{n}", number)
    return found


def by_the_longest_row(theirs: list[str], table: Table) -> Table:
    found = {}
    for name in theirs:
        bare = name.replace("bert.", "", 1) if name.startswith("bert.") else name
        for row in sorted(table, key=lambda row: -len(row)):
            before, marked, after = row.partition("{n}")
            if not bare.startswith(before):
                continue
            number, rest = "", bare[len(before) :]
            if marked:
                number, dot, rest = rest.partition(".")
                rest = dot + rest
            if rest == after and row.endswith("weight"):
                found[name] = table[row]
            elif rest.startswith(after + ".") and rest[len(after) + 1 :] in NORMS and not row.endswith("weight"):
                end = rest[len(after) + 1 :]
                ours = table[row] + "." + (NORMS[end] if table[row].endswith("norm") else end)
                found[name] = ours.replace("{n}", number)
    return found


def by_two_tables(theirs, table):
    norms = {row for row, ours in table.items() if ours.endswith("norm")}
    ends = {row: {"weight": "gain", "gamma": "gain", "bias": "shift", "beta": "shift"} for row in norms}
    return turned(
        theirs, table, Switches(is_norm=lambda part, ours: part in ends, norms=tuple(ends[sorted(norms)[0]].items()))
    )


def _different(function, case: Case) -> str:
    """No two tensors have one place."""
    found = function(*case.arguments)
    twice = [ours for ours in found.values() if list(found.values()).count(ours) > 1]
    return f"No two tensors have one place; {twice[0]} of yours is given twice." if twice else ""


EXERCISE = Exercise(
    name="checkpoint-names",
    cases=cases,
    key=key,
    mistakes=MISTAKES,
    right=(by_patterns, by_writing_all, by_words, by_substitution, by_the_longest_row, by_two_tables),
    properties=(Property("no place is given twice", _different),),
    hints=(
        "Four steps: take bert. off, put {n} for the number, look up the part, put number and ending back.",
        "re.search(r'(?<=\\.)\\d+(?=\\.)', name) finds the number between two dots, also one of two digits.",
        "general.rpartition('.') cuts the ending off; for norms a dict turns weight and gamma into gain, bias and beta "
        "into shift.",
    ),
    explanation="A name that is forgotten leaves a weight as it was drawn, and the model still answers: count what was "
    "loaded. Next: learning such weights yourself.",
)
