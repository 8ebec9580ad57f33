"""Every claim: run, decided by its numbers, the same whatever is drawn, and not true whatever it says."""

import ast
import itertools
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from glassformer.claims.claim import CLAIMS, VERDICTS, Causal, claim, judged
from glassformer.claims.ledger import chosen, document, every, ledger, tried
from glassformer.errors import UsageError

ROOT = Path(__file__).parents[2]
NAMES = list(every())
FALSE = """printed-rows-sum-to-one halves-are-the-paper-in-another-order two-bytes-halve-the-memory
    greedy-finds-the-likeliest-text two-beams-find-the-likeliest-text four-copies-of-each-matrix
    lengths-have-to-be-multiples a-masked-row-is-uniform computed-again-with-a-past pretraining-needs-both-labels
    a-wrong-shape-is-named relative-attention-is-relative unfilled-memory-is-a-beginning what-was-written-is-given-back
    compression-is-per-byte an-unknown-type-is-named padding-may-be-read early-windows-ask-for-text
    fromstring-reads-bytes own-word-is-highest weights-tell-effects baselines-rank-heads-alike heads-agree-on-it
    weights-say-how-much-arrives""".split()
DEPENDS = """every-key-matches-a-little not-divided-it-begins-saturated toy-positions sines-reach-unseen-lengths
    variants-are-one-function w-o-can-be-removed the-stream-is-a-sum any-order-of-norms-keeps-one-scale
    distributions-are-subtracted two-bytes-lose-small-gradients twice-as-long-needs-four-times activations-agree
    longest-first-is-fewest kept-keys-with-distances distances-reach-any-length kinds-of-labels-may-change
    unknown-positions-are-noticed clamping-leaves-out-what-is-outside nothing-asked-costs-nothing
    shuffled-words-same-answer""".split()
IN_WORDS = """softmax-of-fourteen-and-twelve halves-are-the-paper-in-another-order learned-positions-end
    one-matrix-is-64-megabytes walking-is-cut longest-first-is-fewest distances-reach-any-length
    kinds-of-labels-may-change a-wrong-shape-is-named an-unknown-type-is-named fromstring-reads-bytes
    only-learned-weights-are-sharp""".split()  # their sentences say what the numbers follow from


def says_its_numbers(found):
    """Whether every number that decided is in the sentence of the figure, in one notation or another."""
    said = set(re.findall(r"[\d,.]*\d(?:e[-+]\d+)?%?|nan", found.figure))
    ways = (".0%", ".1%", ".1f", ".2f", ".3f", ".4f", ".1e", ".2e", "g", ",.0f", ",.2f")
    return all(said & {f"{abs(value):{way}}" for way in ways} for value in found.numbers.values())


@pytest.mark.parametrize("name", NAMES)
def test_the_same_verdict_whatever_is_drawn_and_another_one_of_another_statement(name):
    """Seeds draw other tensors and models; `restated` says something else, so no claim holds whatever happens."""
    claim, left = every()[name], []
    other = tried(claim, restated=True)  # first: it loads the models, whose first weights are drawn
    found = tried(replace(claim, test=lambda: (claim.test(), left.append(torch.get_rng_state()))[0]))
    assert found.verdict == ("false" if name in FALSE else "depends" if name in DEPENDS else "true")
    assert found.figure and found.rule and found.n >= 1 and (name in IN_WORDS or says_its_numbers(found))
    assert found.numbers and all(isinstance(value, float) for value in found.numbers.values())
    assert bool(found.on) == (found.verdict == "depends")
    if not torch.equal(left[0], torch.Generator().manual_seed(0).get_state()):  # else nothing is drawn by the seed
        assert tried(claim, seed=1).verdict == found.verdict == tried(claim, seed=2).verdict
    assert other.verdict != found.verdict


def test_there_are_at_least_sixty_of_every_verdict_some():
    assert len(NAMES) >= 60
    missing = set(VERDICTS)
    for each in itertools.takewhile(lambda _: missing, every().values()):
        missing.discard(tried(each).verdict)
    assert not missing


@pytest.mark.parametrize("name", NAMES)
def test_each_says_what_in_one_sentence_whose_and_which_code_runs_it(name):
    each = every()[name]
    assert each.rows and each.source and not each.says.endswith(".")
    assert "\n" not in each.says and len(each.says) < 160
    file, function = each.code.split("::")
    defined = {
        node.name for node in ast.parse((ROOT / file).read_text("utf-8")).body if isinstance(node, ast.FunctionDef)
    }
    assert function in defined and function.replace("_", "-") == name


def test_one_seed_gives_the_same_figures_and_leaves_the_callers_draws_alone():
    each = every()["saturation-kills-gradients"]
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    assert tried(each, 3) == tried(each, 3) != tried(each, 4)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_claim_about_what_is_needed_says_its_baseline_metric_and_number():
    for name in ("terrible-uses-not", "weights-tell-effects", "most-heads-can-go", "baselines-rank-heads-alike"):
        causal = tried(every()[name]).causal
        assert isinstance(causal, Causal) and causal.baseline and causal.metric


def test_a_verdict_is_true_false_or_names_what_it_depends_on():
    assert judged(True, "", "", {}).verdict == "true" and judged(False, "", "", {}).verdict == "false"
    assert judged({"a": True, "b": True}, "", "", {}).verdict == "true"
    assert judged({"a": False, "b": False}, "", "", {}).verdict == "false"
    both = judged({"a": True, "b": False, "c": True}, "", "", {"x": 1})
    assert (both.verdict, both.on) == ("depends", "it holds for: a, c; it does not for: b")
    assert both.kind == "descriptive" and judged(True, "", "", {}, causal=Causal("zero", "odds")).kind == "causal"


def test_two_claims_of_one_name_are_refused():
    def softmax_of_fourteen_and_twelve():
        pass

    with pytest.raises(ValueError, match="two claims"):
        claim("IT-14", "", "", {})(softmax_of_fourteen_and_twelve)
    assert list(CLAIMS) == NAMES


def test_they_are_chosen_by_name_by_row_or_all():
    assert len(chosen([])) == len(NAMES)
    assert [each.name for each in chosen(["toy-positions", "it-26", "Toy-Positions"])] == ["toy-positions"]
    assert {"own-word-is-highest", "distributions-are-subtracted"} < {each.name for each in chosen(["IT-46"])}
    with pytest.raises(UsageError, match=r"no claim 'toy-position'; did you mean toy-positions"):
        chosen(["toy-position"])
    with pytest.raises(UsageError, match="--list names all"):
        chosen(["qqqq"])


def test_the_ledger_tells_each_before_it_runs_and_is_a_document():
    told = []
    entries = list(ledger(chosen(["IT-14", "IT-41"]), begun=lambda each: told.append(each.name)))
    assert told == [entry.claim.name for entry in entries]
    whole = document(entries)
    assert whole["counts"] == {"true": 1, "false": 1, "depends": 0} and whole["kind"] == "claims"
    first = whole["claims"][0]
    assert {"id", "rows", "says", "source", "code", "kind", "verdict", "figure", "rule", "numbers", "n", "on"} <= set(
        first
    )
    assert math.isfinite(first["numbers"]["off by"])
