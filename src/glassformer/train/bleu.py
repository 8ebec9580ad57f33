"""How near a translation comes to a person's: BLEU, as sacreBLEU counts it, so that figures can be compared.

Papineni et al. 2002, "BLEU: a method for automatic evaluation of machine translation"; Post 2018, "A call for clarity
in reporting BLEU scores".
"""

import importlib.util
from collections.abc import Sequence

from glassformer.errors import MissingError


def installed() -> None:
    """Raise MissingError where sacreBLEU is not there: said before a training, not after it."""
    if importlib.util.find_spec("sacrebleu") is None:
        raise MissingError("translations are measured with sacrebleu, which is not there; install glassformer[train]")


def bleu(written: Sequence[str], references: Sequence[str]) -> tuple[float, str]:
    """The score of a corpus, 0 to 100, cased, one reference a sentence; and the signature that says how."""
    installed()
    from sacrebleu.metrics import BLEU

    metric = BLEU()
    score = metric.corpus_score(list(written), [list(references)]).score
    return score, str(metric.get_signature())
