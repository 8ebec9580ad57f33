"""What single switches do, as a file holds it: told from effects that are measured already, nothing is run again.

Heads, MLPs and the model without a part stand among the effects of a picture, each beside all others of its kind, and
need no second place.  Here is what they do not say: the controls of cuts and of words.
"""

from collections.abc import Mapping
from typing import Any

from glassformer.explain.choices import word_off
from glassformer.explain.effects import nearest_other
from glassformer.explain.named import named_edge
from glassformer.explain.switches import WORDS
from glassformer.explain.trial import Trial

CONTROLS = 24  # words beside one
CUT = "−∞ before softmax"
Told = dict[str, Any]  # after: the measure; baseline; controls: [[name, measure after], …]


def beforehand(trial: Trial, effects: Mapping[str, Any]) -> dict[str, Told]:
    """Switch, as it is written → {after, baseline, controls}; effects: those of a picture."""
    return {**_cuts(trial, effects["edges"]), **_words(trial, effects["words"])}


def _cuts(trial: Trial, edges: list[list[float]]) -> dict[str, Told]:
    after = {(int(looks), int(at)): trial.before + change for looks, at, change, _ in edges}
    told = {}
    for (looks, at), value in after.items():
        other = (looks, nearest_other(trial, looks, at))
        controls = [[named_edge(trial, looks, other[1]), after[other]]] if other in after else []
        told[f"cut:{looks}>{at}"] = {"after": value, "baseline": CUT, "controls": controls}
    return told


def _words(trial: Trial, words: Mapping[str, list[float | None] | None]) -> dict[str, Told]:
    told = {}
    for how in WORDS:
        after = {k: trial.before + each for k, each in enumerate(words[how] or ()) if each is not None}
        switches = {k: word_off(trial, k, how) for k in after}
        for k, switch in switches.items():
            others = [other for other in after if other != k]
            some = others[:: -(-len(others) // CONTROLS) or 1]
            controls = [[switches[other].name, after[other]] for other in some]
            told[switch.text] = {"after": after[k], "baseline": switch.baseline, "controls": controls}
    return told
