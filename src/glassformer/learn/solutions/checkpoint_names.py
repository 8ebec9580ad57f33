"""A checkpoint's names in ours"""

import re

ENDINGS = {"weight": "weight", "bias": "bias"}
NORM_ENDINGS = {"weight": "gain", "bias": "shift", "gamma": "gain", "beta": "shift"}


def our_names(theirs: list[str], table: dict[str, str]) -> dict[str, str]:
    """theirs: names in a file; table: their part → our part → their name → our name, of those that have one."""
    found = {}
    for name in theirs:
        bare = name.removeprefix("bert.")
        layer = re.search(r"(?<=\.)\d+(?=\.)", bare)
        general = bare.replace(f".{layer[0]}.", ".{n}.", 1) if layer else bare
        part, _, ending = general.rpartition(".")
        ours = table.get(general)
        if ours is None and part in table:
            endings = NORM_ENDINGS if table[part].endswith("norm") else ENDINGS
            ours = f"{table[part]}.{endings[ending]}" if ending in endings else None
        if ours is not None:
            found[name] = ours.replace("{n}", layer[0]) if layer else ours
    return found
