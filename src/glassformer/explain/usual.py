"""What is told of attention otherwise (`parts.variants`) and of masks that leave pairs out (`parts.sparse`): what a cut
changes always; the sum behind a number where it is the usual one; a page where all of them are.
"""

from typing import Any

from glassformer.errors import UsageError
from glassformer.explain.address import Address

TOLD = ("default", "wide", "relative")  # of which every number is the sum that `why` and the page know
UNTOLD = {
    "narrow": ("q", "k", "v", "mixed"),
    "alternative": ("q", "k", "v"),
    "gpt2": ("q", "k", "v"),
    "normed": ("q", "k"),
    "transformer-xl": ("scaled", "weights"),
}


def kind_of(config: Any) -> tuple[str, str]:
    """The attention of a model, and its pattern: the usual ones where its config has no such fields."""
    return getattr(config, "attention", TOLD[0]), getattr(config, "pattern", "all")


def summed(config: Any, address: Address) -> None:
    """Raises UsageError where the number at `address` is another sum than `why` knows."""
    (attention, _), site = kind_of(config), address.inside or ""
    if site.startswith("attention.") and address.kind in UNTOLD.get(attention, ()):
        others = ", ".join(kind for kind in ("scores", "z", "mixed") if kind not in UNTOLD[attention])
        made = f"how {attention!r} attention makes its {address.kind} is not told as a sum"
        raise UsageError(f"{address}: {made}; x[...] has the value, why tells its {others}")


def drawn(name: str, config: Any) -> None:
    """Raises UsageError where a page would do other sums than the model."""
    attention, pattern = kind_of(config)
    if attention not in TOLD or pattern != "all":
        has = f"{name} has attention {attention!r} and pattern {pattern!r}"
        does = f"a page does the sums of {', '.join(TOLD)} with pattern all"
        raise UsageError(f"{has}: {does}; explain and why tell of this one")


def carried(config: Any) -> bool:
    """Whether a page that runs models can run one of this config."""
    usual = kind_of(config) == (TOLD[0], "all")
    return usual and getattr(config, "positions", "") != "none"
