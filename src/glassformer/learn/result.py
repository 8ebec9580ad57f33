"""What a check says, as plain data: it travels between processes as JSON.  Nothing here imports torch."""

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Picture:
    """A stage of theirs beside the right one: one matrix of it, and the cell that differs most."""

    stage: str
    where: str
    axes: tuple[str, str]
    theirs: list[list[float | None]]
    right: list[list[float | None]]
    cell: tuple[int, int] | None = None

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> "Picture":
        axes, cell = tuple(document["axes"]), document["cell"]
        sheets = (document["stage"], document["where"], axes, document["theirs"], document["right"])
        return cls(*sheets, tuple(cell) if cell else None)


@dataclass(frozen=True)
class Result:
    """passed · stage: the first that is wrong · mistake: its name, "unknown", or none where it did not run · message.

    kind: passed, wrong (numbers), form (type or shape), stopped (it did not run to its end).  broken: the properties
    that do not hold.  about: the case shown.  line: of the learner's file.  printed: what the code printed.
    """

    exercise: str
    passed: bool
    kind: str
    message: str
    stage: str | None = None
    mistake: str | None = None
    broken: tuple[str, ...] = ()
    about: str = ""
    line: int | None = None
    printed: str = ""
    remark: str = ""
    picture: Picture | None = None

    def as_dict(self) -> dict[str, Any]:
        return {"schema": 1, **asdict(self)}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> "Result":
        known = {each.name for each in fields(cls)}
        made = {key: value for key, value in document.items() if key in known}
        made["broken"] = tuple(made.get("broken", ()))
        if made.get("picture"):
            made["picture"] = Picture.from_dict(made["picture"])
        return cls(**made)

    def show(self, width: int | None = None, color: bool | None = None) -> None:
        """Draw it on standard output."""
        from glassformer.show.checked import print_checked

        print_checked(self, width, color)

    def _repr_html_(self) -> str:
        from glassformer.show.checked import html_checked

        return html_checked(self)
