"""What there is: models, and the machine they run on."""

from glassformer.verbs.asking import as_json, reader_of
from glassformer.verbs.options import Flag, Source


def models(name: str | None = None, /, *, json: Flag = False, allow_pickle_weights: Flag = False) -> None:
    """The models in the package; with NAME, what one is: its card, or its sizes and which verbs take it.

    Parameters
    ----------
    name
        A shipped model, the folder of one, or an id of the Hugging Face hub: owner/name.
    json
        Print one JSON document instead.
    allow_pickle_weights
        Read an old pytorch_model.bin too: tensors only, no code is run.
    """
    from glassformer.hub.store import shipped, summary

    if name is not None:
        return _one(name, json, allow_pickle_weights)
    rows = [summary(each) for each in shipped()]
    if json:
        return print(as_json({"schema": 1, "kind": "models", "models": rows}, indent=1))
    for row in rows:
        print(f"{row['name']:17} {row['parameters']:>11,} weights  {row['bytes'] / 1e6:4.1f} MB  {row['what']}")


def _one(name: str, json: bool, allow_pickle: bool) -> None:
    from glassformer.explain.facts import facts
    from glassformer.hub.store import card, find
    from glassformer.show.facts import print_facts
    from glassformer.show.text import safe

    if (find(name, allow_pickle) / "config.json").is_file() and not (find(name, allow_pickle) / "CARD.md").is_file():
        known = facts(reader_of(Source(name, allow_pickle)))
        return print(as_json({"schema": 1, "kind": "model", **known}, indent=1)) if json else print_facts(known)
    page = card(name)
    if json:
        return print(as_json({"schema": 1, "kind": "card", "name": name, "card": page}, indent=1))
    print("\n".join(safe(line) for line in page.splitlines()))


def info() -> None:
    """A block to paste into a bug report."""
    from glassformer.info import facts

    for name, fact in facts().items():
        print(f"{name:16} {fact}")
