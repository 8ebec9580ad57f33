"""Claims about what attention shows, tried on many sentences with the models of the package."""

import torch
from torch import Tensor

from glassformer.claims.claim import Causal, Verdict, alammar, bloem, claim, judged
from glassformer.claims.sentences import (
    BECAUSE,
    NOT_BAD,
    NOT_GOOD,
    mean,
    rank_correlation,
    reader,
    trials,
)
from glassformer.explain.ablations import heads
from glassformer.explain.baselines import drawn, shuffled
from glassformer.explain.effects import measured, nearest_other
from glassformer.explain.reference import REFERENCE
from glassformer.explain.switches import without
from glassformer.explain.trial import Trial
from glassformer.tape import listen

ODDS = "log-odds of positive, sentiment"
CUT = Causal("−∞ before the softmax, in all heads and layers", ODDS)
ORDERS = 4
OWN = ("sentiment", "sentiment-plain", "characters")
EXPLANATION = "Jain & Wallace 2019, Attention is not explanation"


@claim(
    "IT-46 SP-05",
    "The word at a position has the highest weight there, clearly",
    alammar("step 4; and multi-head: z1 may be dominated by the word itself"),
    {"at_least": 0.05},
)
def own_word_is_highest(at_least: float = 0.9) -> Verdict:
    shares, rows = {}, 0
    for name in OWN:
        own = [_own_first(trial) for trial in trials(name=name)]
        shares[name], rows = mean([each for row in own for each in row]), rows + sum(map(len, own))
    chance = mean([1 / trial.ids.size(1) for trial in trials(name="sentiment")])
    figure = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    figure = f"20 sentences, every head and position: {figure} of the rows ({chance:.0%} by chance in sentiment)"
    return judged(
        {name: share >= at_least for name, share in shares.items()}, figure, f"true from {at_least:.0%}", shares, rows
    )


def _own_first(trial: Trial) -> list[float]:
    """1 for each row of weights in which the position itself has most, else 0; rows of one choice left out."""
    weights = torch.cat([trial.tape[f"layers.{k}.attention.weights"][0] for k in range(trial.layers)])  # h i j
    chosen = trial.may_look.sum(dim=1) > 1
    return (weights.argmax(-1) == torch.arange(weights.size(1)))[:, chosen].float().flatten().tolist()


@claim(
    "SP-01",
    "A bag of words reads terrible in “not terrible” and says negative; self-attention says positive",
    "The study plan, why self-attention",
    {"models": ("bag-of-words", "bag-of-words")},
)
def attention_reads_not_terrible(models: tuple[str, str] = ("bag-of-words", "sentiment")) -> Verdict:
    said = {name: [answer.label for answer in reader(name).answer_all([*NOT_BAD, *NOT_GOOD])] for name in models}
    right = {
        name: mean([each == ("positive" if k < 20 else "negative") for k, each in enumerate(labels)])
        for name, labels in said.items()
    }
    figure = ", ".join(f"{name} {share:.0%} right" for name, share in right.items())
    figure = f"20 sentences “… was not terrible”, 20 “… was not wonderful”: {figure}"
    good = right[models[0]] <= 0.5 and right[models[1]] >= 0.9
    return judged(good, figure, "true where the first is right in half at most, the second in 90 %", right, 40)


@claim(
    "SP-01 IT-09",
    "It is by looking at “not” that “terrible” changes: cut the look, and the answer goes back",
    "The study plan, why self-attention",
    {"at": "another word"},
)
def terrible_uses_not(at: str = "not") -> Verdict:
    changes, others = [], []
    for trial in trials(NOT_BAD):
        looks, negation = len(trial.words) - 1, trial.texts.index("not")
        control = nearest_other(trial, looks, negation)
        assert control is not None
        pair = measured(trial, [(looks, negation if at == "not" else control), (looks, control)])
        changes, others = [*changes, pair[0].change], [*others, pair[1].change]
    figure = f"the adjective may not look at {at}: {mean(changes):+.2f} on average; at the word next in weight: "
    figure += f"{mean(others):+.2f}"
    numbers = {"cut": mean(changes), "control": mean(others)}
    good = mean(changes) < -1 and abs(mean(changes)) > 3 * abs(mean(others))
    return judged(good, figure, "true below −1 and three times the control", numbers, len(changes), CUT)


@claim(
    "BL-18 IT-07",
    "Shuffled words get the same answer",
    bloem("Classification transformer: without positions"),
    {"models": ("sentiment without positions",)},
)
def shuffled_words_same_answer(models: tuple[str, ...] = ("sentiment", "sentiment without positions")) -> Verdict:
    same, moved = {}, {}
    for name in models:
        told = enumerate(trials(NOT_BAD + NOT_GOOD + REFERENCE))
        pairs = [pair for k, trial in told for pair in _in_other_orders(trial, name, 1 + k * ORDERS)]
        same[name] = mean([(before > 0) == (after > 0) for before, after in pairs])
        moved[name] = mean([abs(before - after) for before, after in pairs])
    listed = (f"{name}: {same[name]:.0%} keep their class, log-odds move by {moved[name]:.2f}" for name in models)
    rule = "the same where all keep their class and log-odds move by less than 0.001"
    cases = {name: same[name] == 1 and moved[name] < 1e-3 for name in models}
    causal = Causal(f"the words in {ORDERS} other orders", ODDS)
    return judged(cases, f"60 sentences, {ORDERS} orders each. {'; '.join(listed)}", rule, same, 60 * ORDERS, causal)


def _in_other_orders(trial: Trial, model: str, first: int) -> list[tuple[float, float]]:
    """The log-odds as the words stand, and in each of a few other orders, of the seeds from `first` on."""
    off = [] if model == "sentiment" else [without("positions", trial.head_width)]
    before = Trial(trial.reader, trial.pieces, off).before
    return [(before, Trial(trial.reader, shuffled(trial, seed), off).before) for seed in range(first, first + ORDERS)]


def _effects(trial: Trial) -> tuple[Tensor, Tensor]:
    """Of every two words: the mean weight, and the size of the change when that look is cut."""
    edges = measured(trial, trial.pairs())
    return torch.tensor([edge.attention for edge in edges]), torch.tensor([abs(edge.change) for edge in edges])


@claim(
    "IT-10 IT-23 IT-24",
    "What is looked at most is what matters most",
    f"{EXPLANATION}; the claim is what pictures of weights suggest, as Alammar's of “it”",
    {"by": "effects"},
)
def weights_tell_effects(by: str = "weights") -> Verdict:
    found = [_effects(trial) for trial in trials()]
    shown = [(a if by == "weights" else e, e) for a, e in found]
    rank, first = mean([rank_correlation(*pair) for pair in shown]), mean([a.argmax() == e.argmax() for a, e in shown])  # type: ignore[misc]
    figure = f"20 sentences, every look cut: rank correlation of {by} with effects {rank:.2f}; the largest is "
    figure += f"the same in {first:.0%}"
    return judged(
        rank >= 0.8 and first >= 0.8, figure, "true from 0.8 and 80 %", {"rank": rank, "largest": first}, 20, CUT
    )


@claim(
    "SP-05 IT-19",
    "Which heads matter does not depend on what stands in for one that is off",
    "Michel et al. 2019, Are sixteen heads really better than one, ranks heads silenced by zeros",
    {"baselines": ("zero", "zero")},
)
def baselines_rank_heads_alike(baselines: tuple[str, str] = ("zero", "mean")) -> Verdict:
    ranks = []
    for trial in trials(NOT_BAD):
        off = heads(trial, tuple(dict.fromkeys(baselines))).changes
        ranks.append(rank_correlation(*(torch.tensor(off[each]).abs() for each in baselines)))
    figure = f"20 sentences, 8 heads: rank correlation of {baselines[0]} with {baselines[1]} {mean(ranks):.2f} "
    figure += f"on average, {min(ranks):.2f} at least"
    causal = Causal(f"each head off, by {' and by '.join(baselines)}", ODDS)
    return judged(mean(ranks) >= 0.8, figure, "true from 0.8", {"mean": mean(ranks), "least": min(ranks)}, 20, causal)


@claim(
    "SP-05 IT-19",
    "Most heads can be taken off alone without another answer",
    "Michel et al. 2019, Are sixteen heads really better than one; Voita et al. 2019",
    {"share": 1.0},
)
def most_heads_can_go(share: float = 0.75) -> Verdict:
    kept = []
    for trial in trials(NOT_BAD + NOT_GOOD):
        changes = heads(trial, ("mean",)).changes["mean"]
        kept += [(trial.before + change > 0) == (trial.before > 0) for change in changes]
    figure = f"40 negated sentences × 8 heads, each off alone: {mean(kept):.0%} keep their "  # type: ignore[arg-type]
    figure += "answer"
    causal = Causal("the head's mean over twenty sentences", ODDS)
    return judged(mean(kept) >= share, figure, f"true from {share:.0%}", {"kept": mean(kept)}, len(kept), causal)  # type: ignore[arg-type]


@claim(
    "IT-19 IT-23 BL-10",
    "Several heads look at several things: one pattern for all of them would not do",
    alammar("Multi-head, the first reason"),
    {"sentences": REFERENCE},
)
def heads_need_their_own_patterns(sentences: tuple[str, ...] = NOT_BAD + NOT_GOOD) -> Verdict:
    flipped, moved = [], []
    for trial in trials(sentences):
        after = trial.after(without("heads", trial.head_width)).item()
        flipped, moved = [*flipped, (after > 0) != (trial.before > 0)], [*moved, abs(after - trial.before)]
    figure = f"all heads of a layer look as their mean does: {mean(flipped):.0%} of {len(sentences)} sentences "
    figure += f"get another answer, log-odds move by {mean(moved):.2f}"
    causal = Causal("the mean of a layer's heads", ODDS)
    return judged(
        mean(flipped) >= 0.1,
        figure,
        "true from 10 %",
        {"another": mean(flipped), "moved": mean(moved)},
        len(sentences),
        causal,
    )


@claim(
    "IT-09 IT-10 IT-23 IT-24 IT-45",
    "Heads show what “it” refers to: they look from it at the same word",
    alammar("Self-attention at a high level; the pictures of one, two and eight heads"),
    {"at_least": 0.0},
)
def heads_agree_on_it(at_least: float = 0.8) -> Verdict:
    agree = []
    for trial in trials(BECAUSE):
        weights = torch.cat(trial.attention())[:, trial.texts.index("it")]  # h words
        most = weights[:, trial.spoken].argmax(dim=-1)
        agree.append((most == most.mode().values).float().mean().item())
    figure = f"8 sentences “… because it was too …”, `sentiment`: on average {mean(agree):.0%} of its 8 heads "
    figure += "look from “it” most at one and the same word"
    return judged(mean(agree) >= at_least, figure, f"true from {at_least:.0%}", {"agree": mean(agree)}, len(agree))


@claim(
    "IT-15 SP-04",
    "A weight says how much of a word arrives",
    f"{alammar('step 5')}; Kobayashi et al. 2020, Attention is not only a weight",
    {"by": "what is brought"},
)
def weights_say_how_much_arrives(by: str = "weights") -> Verdict:
    off, first = [], []
    for trial in trials():
        weights, brought = torch.cat(trial.attention()), torch.cat(trial.mixture())
        shown = weights if by == "weights" else brought
        off.append((shown - brought).abs().sum(-1).mean().item() / 2)
        first.append((shown.argmax(-1) == brought.argmax(-1)).float().mean().item())
    figure = f"20 sentences: {by} beside ‖weight · value · W_O‖, as shares: {mean(off):.0%} of a row is "
    figure += f"elsewhere; the largest is the same in {mean(first):.0%}"
    return judged(
        mean(first) >= 0.95,
        figure,
        "true where the largest is the same in 95 %",
        {"elsewhere": mean(off), "largest": mean(first)},
        20,
    )


@claim(
    "IT-10 IT-24",
    "Only a model that has learned has words it looks at much: pictures of weights show what was learned",
    "Adebayo et al. 2018, Sanity checks for saliency maps; the claim is what such pictures suggest",
    {"least": 4.0},
)
@torch.no_grad()
def only_learned_weights_are_sharp(least: float = 1.5) -> Verdict:
    learned, random = [], []
    for trial in trials():
        twin = drawn(trial.reader.model, 0)
        with listen(twin, "*.weights") as tape:
            twin(trial.ids)
        for found, kept in ((trial.tape, learned), (tape, random)):
            each = torch.cat([found[f"layers.{k}.attention.weights"][0] for k in range(trial.layers)])
            kept.append((each.amax(-1) * each.size(-1)).mean().item())
    ratio = mean(learned) / mean(random)
    figure = f"20 sentences: the largest weight of a row is {mean(learned):.1f} times the even share; with "
    figure += f"weights drawn anew {mean(random):.1f} times"
    return judged(ratio >= least, figure, f"true from {least:g} times as much", {"ratio": ratio}, 20)
