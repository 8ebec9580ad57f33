"""Glassformer: a transformer you can see through.

    import glassformer as gf

    m = gf.load("sentiment")
    m("this restaurant was not terrible").label
    x = m.explain("this restaurant was not terrible")
    x.show()
    x["L0.H3.weights"]
    x.cut("terrible", "not")

    with gf.listen(m, "*.weights") as tape:
        m("this restaurant was not terrible")

Any BERT in the Hugging Face format is read the same way, by its folder or by its id on the hub: `gf.load(folder)`
has `embed`, `fill` and `explain(text, second)` as its head allows.

Names are imported when they are first used, so that `import glassformer` alone is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from glassformer.errors import CheckpointError, GlassformerError, MissingError, UsageError, WriteError
    from glassformer.explain.answers import Answer
    from glassformer.explain.encoder import Encoder
    from glassformer.explain.explanation import Explanation
    from glassformer.explain.reader import Reader
    from glassformer.explain.reader import export_of as export
    from glassformer.explain.reader import listen_to as listen
    from glassformer.explain.reader import read as load
    from glassformer.hub.store import save, shipped
    from glassformer.learn.bank import exercises
    from glassformer.learn.check import check
    from glassformer.tape import Tape, TapeError, fused, note

_WHERE = {
    "load": ("explain.reader", "read"),
    "listen": ("explain.reader", "listen_to"),
    "Reader": ("explain.reader", "Reader"),
    "Answer": ("explain.answers", "Answer"),
    "Encoder": ("explain.encoder", "Encoder"),
    "Explanation": ("explain.explanation", "Explanation"),
    "save": ("hub.store", "save"),
    "export": ("explain.reader", "export_of"),
    "shipped": ("hub.store", "shipped"),
    "check": ("learn.check", "check"),
    "exercises": ("learn.bank", "exercises"),
    "note": ("tape", "note"),
    "fused": ("tape", "fused"),
    "Tape": ("tape", "Tape"),
    "TapeError": ("tape", "TapeError"),
    "GlassformerError": ("errors", "GlassformerError"),
    "UsageError": ("errors", "UsageError"),
    "MissingError": ("errors", "MissingError"),
    "CheckpointError": ("errors", "CheckpointError"),
    "WriteError": ("errors", "WriteError"),
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'glassformer' has no attribute {name!r}")
    module, attribute = _WHERE[name]
    value = getattr(import_module(f"glassformer.{module}"), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*_WHERE, "__version__"]
