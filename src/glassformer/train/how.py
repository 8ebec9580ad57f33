"""What a run is told beside its recipe: how long, in how many parts, and with numbers of how many bytes."""

import dataclasses
from dataclasses import dataclass

from glassformer.errors import UsageError, one_line
from glassformer.train.recipes import PRECISIONS, Recipe, Writing


@dataclass(frozen=True)
class How:
    """minutes: as many steps as fit in them; accumulate, precision: as in `recipes.Writing`.

    Raises UsageError for what is no number of parts, and for a precision that is not known.
    """

    minutes: float | None = None
    accumulate: int = 1
    precision: str | None = None

    def __post_init__(self):
        if self.accumulate < 1:
            raise UsageError(f"--accumulate {self.accumulate} is no number of parts; give 1 (all at once) or more")
        if self.precision is not None and self.precision not in PRECISIONS:
            asked = one_line(self.precision, 40)
            raise UsageError(f"--precision {asked!r} is not known; choose {' or '.join(PRECISIONS)}")

    def of(self, recipe: Recipe | Writing) -> Recipe | Writing:
        """The recipe, learned so.  Raises UsageError where it cannot be."""
        if not self.words:
            return recipe
        if not isinstance(recipe, Writing):
            told = f"{' '.join(self.words)}: in what numbers {recipe.name} is learned is part of how it is made"
            raise UsageError(f"{told}; leave it out")
        if self.accumulate > recipe.batch:
            raise UsageError(f"--accumulate {self.accumulate}: {recipe.name} has a batch of {recipe.batch}; give less")
        return dataclasses.replace(recipe, accumulate=self.accumulate, precision=self.precision)

    @property
    def words(self) -> list[str]:
        """What to type for the same numbers; nothing where they are the recipe's own."""
        parts = [] if self.accumulate == 1 else ["--accumulate", str(self.accumulate)]
        return parts if self.precision is None else [*parts, "--precision", self.precision]

    @property
    def typed(self) -> list[str]:
        """What to type for all of it."""
        return [*([] if self.minutes is None else ["--minutes", f"{self.minutes:g}"]), *self.words]
