"""What a model is, as plain data: its sizes, what it answers, and which verbs take it."""

from typing import Any

from glassformer.explain.embeds import can_embed
from glassformer.explain.reader import Reader

SIZES = ("layers", "heads", "width", "hidden", "vocabulary", "activation", "positions", "pool")


def facts(reader: Reader) -> dict[str, Any]:
    """A table of name → fact, in the order a person reads it."""
    config, checkpoint = reader.config, reader.checkpoint
    known = {name: getattr(config, name) for name in SIZES if hasattr(config, name)}
    vector = f"{checkpoint.pooling} of its positions" + (", brought to length 1" if checkpoint.normalised else "")
    return {
        "name": reader.name,
        "what": f"{reader.kind.what} ({type(reader.model).__name__})",
        "weights": sum(weight.numel() for weight in reader.model.parameters()),
        "reads": f"at most {reader.longest} pieces",
        **known,
        **({"labels": list(reader.labels)} if reader.labels and "classify" in reader.kind.verbs else {}),
        **({"vector": vector} if can_embed(reader.model) else {}),
        "mask": reader.kind.blank,
        "verbs": list(verbs(reader)),
        **({"unused": list(checkpoint.unused)} if checkpoint.unused else {}),
    }


def verbs(reader: Reader) -> tuple[str, ...]:
    """The commands that take this model."""
    also = ("embed",) if can_embed(reader.model) and "embed" not in reader.kind.verbs else ()
    return reader.kind.verbs + also
