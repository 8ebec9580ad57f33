"""The six steps, and the soft dictionary."""

import torch
from torch import Tensor

from glassformer.claims.claim import Verdict, alammar, bloem, claim, judged
from glassformer.claims.drawn import SAME, apart
from glassformer.parts.attention import attend, dot, plain, scaled_dot
from glassformer.parts.mask import softmax

STUDY = "The study plan, self-attention"
PRINTED = (
    (0.01, 0.02, 0.93, 0.01, 0.03, 0.01),
    (0.01, 0.8, 0.1, 0.05, 0.01, 0.03),
    (0.99, 0.001, 0.001, 0.001, 0.002, 0.001),
    (0.001, 0.002, 0.001, 0.02, 0.94, 0.01),
    (0.01, 0.01, 0.001, 0.001, 0.001, 0.98),
)


@claim("IT-12 IT-13", "Scores of 112 and 96, with keys 64 wide, become 14 and 12", alammar("step 3"), {"width": 256})
def scores_become_fourteen_and_twelve(width: int = 64) -> Verdict:
    q, k = torch.ones(1, width), torch.tensor([112.0, 96.0])[:, None].expand(-1, width) / width
    scores, scaled = dot(q, k)[0], scaled_dot(q, k)[0]
    off = apart(scaled, torch.tensor([14.0, 12.0]))
    figure = f"q·k = {scores[0]:g}, {scores[1]:g}; divided by √{width} they are {scaled[0]:g}, {scaled[1]:g}"
    return judged(off < SAME, figure, f"true within {SAME}", {"first": scaled[0], "second": scaled[1]}, 2)


@claim("IT-14", "The softmax of 14 and 12 is 0.88 and 0.12", alammar("step 4"), {"printed": (0.78, 0.22)})
def softmax_of_fourteen_and_twelve(printed: tuple[float, ...] = (0.88, 0.12)) -> Verdict:
    found = softmax(torch.tensor([[14.0, 12.0]]))[0]
    off = apart(found, torch.tensor(printed))
    figure = f"softmax(14, 12) = {found[0]:.3f}, {found[1]:.3f}; printed: {printed[0]}, {printed[1]}"
    return judged(off < 0.005, figure, "true where it rounds to what is printed", {"off by": off}, 2)


@claim(
    "IT-11 IT-15 IT-16 IT-17 IT-18",
    "Six steps, word by word, give what the matrix form softmax(QKᵀ/√d)V gives",
    alammar("steps 1 to 6, and the matrix form"),
    {"divided": False},
)
def six_steps_are_the_matrix_form(divided: bool = True) -> Verdict:
    off = 0.0
    for _ in range(20):
        x, to_q, to_k, to_v = torch.randn(2, 4), *(torch.randn(4, 3) for _ in range(3))
        z = torch.stack([_word_by_word(i, x @ to_q, x @ to_k, x @ to_v, divided) for i in range(2)])
        off = max(off, apart(z, attend(x @ to_q, x @ to_k, x @ to_v)))
    figure = f"20 draws of two words, 4 wide, keys 3 wide: the two ways are apart by {off:.1e} at most"
    return judged(off < SAME, figure, f"true within {SAME}", {"apart": off}, 20)


def _word_by_word(i: int, q: Tensor, k: Tensor, v: Tensor, divided: bool) -> Tensor:
    scores = [sum(a * b for a, b in zip(q[i].tolist(), key, strict=True)) for key in k.tolist()]
    raised = [torch.tensor(score / (3**0.5 if divided else 1.0)).exp() for score in scores]
    return sum((one / sum(raised)) * value for one, value in zip(raised, v, strict=True))  # type: ignore[return-value]


@claim(
    "SP-02 IT-12",
    "Word 1's scores are its own query against the key of every word",
    alammar("step 2"),
    {"asks": "key"},
)
def scores_are_a_query_against_every_key(asks: str = "query") -> Verdict:
    q, k = torch.randn(1, 2, 5, 8), torch.randn(1, 2, 5, 8)
    own = q[0, 0, 0] if asks == "query" else k[0, 0, 0]
    by_hand = torch.stack([(own * k[0, 0, j]).sum() for j in range(5)])
    off = apart(dot(q, k)[0, 0, 0], by_hand)
    figure = f"5 scores beside sums done by hand of word 1's {asks}: apart by {off:.1e}"
    return judged(off < SAME, figure, f"true within {SAME}", {"apart": off}, 5)


@claim(
    "BL-01 BL-07",
    "Basic self-attention is two matrix products and one softmax, over the words looked at",
    bloem("Self-attention"),
    {"axis": -2},
)
def two_products_and_a_softmax(axis: int = -1) -> Verdict:
    x = torch.randn(3, 6, 4)
    w = (x @ x.mT).exp()
    loops = torch.stack([_mixed_by_loops(sentence, weights) for sentence, weights in zip(x, w, strict=True)])
    short = (x @ x.mT).softmax(dim=axis) @ x
    off, ours = apart(short, loops), apart(plain(x), loops)
    figure = f"y_i = Σ_j w_ij x_j in loops beside the three operations: apart by {off:.1e} (our `plain`: {ours:.1e})"
    return judged(off < SAME * 10, figure, "true within 1e-4; parameters: none", {"apart": off, "plain": ours}, 3)


def _mixed_by_loops(x: Tensor, raised: Tensor) -> Tensor:
    rows = [[raised[i, j] / raised[i].sum() for j in range(len(x))] for i in range(len(x))]
    return torch.stack([sum(w * each for w, each in zip(row, x, strict=True)) for row in rows])  # type: ignore[misc]


@claim(
    "SP-04",
    "Every key matches a query to some extent: no weight is exactly 0",
    STUDY,
    {"spans": (2.0, 20.0)},
)
def every_key_matches_a_little(spans: tuple[float, ...] = (20.0, 200.0)) -> Verdict:
    least = {span: softmax(torch.tensor([[0.0, span]]))[0, 0].item() for span in spans}
    figure = "; ".join(f"scores {span:g} apart: the smaller weight is {weight:.1e}" for span, weight in least.items())
    cases = {f"scores {span:g} apart": weight > 0 for span, weight in least.items()}
    return judged(
        cases, f"{figure} (float32)", "a weight counts where it is above 0", {"least": min(least.values())}, 2
    )


@claim(
    "SP-04 BL-29",
    "Where a query is loud, the soft dictionary is an ordinary one: it gives the value of the key that fits best",
    bloem("Historical baggage"),
    {"times": 1.0},
)
def a_loud_query_looks_up(times: float = 1e4) -> Verdict:
    q, k, v = torch.randn(50, 8), torch.randn(10, 8), torch.randn(10, 8)
    best = v[(q @ k.T).argmax(dim=-1)]
    near = ((attend(times * q, k, v) - best).abs().amax(dim=-1) < 0.01).float().mean().item()
    figure = f"50 queries × {times:g}: {near:.0%} of the answers are the best key's value within 0.01"
    return judged(near >= 0.95, figure, "true from 95 %", {"share": near}, 50)


@claim(
    "IT-41 IT-40",
    "The five rows shown as a trained model's probabilities are distributions",
    alammar("The loss function"),
    {"within": 0.05},
)
def printed_rows_sum_to_one(within: float = 0.0005) -> Verdict:
    sums = torch.tensor(PRINTED, dtype=torch.float64).sum(dim=1)
    wrong = int(((sums - 1).abs() > within).sum())
    listed = ", ".join(f"{value:.3f}" for value in sums.tolist())
    figure = f"the rows sum to {listed}; {wrong} of 5 are not 1"
    return judged(wrong == 0, figure, f"true where all are 1 within {within}", {"wrong rows": wrong}, 5)


@claim(
    "IT-38",
    "The untrained model's answer, .2 .2 .1 .2 .2 .1, is a distribution",
    alammar("The loss function"),
    {"row": (0.2, 0.2, 0.1, 0.2, 0.2, 0.2)},
)
def untrained_row_sums_to_one(row: tuple[float, ...] = (0.2, 0.2, 0.1, 0.2, 0.2, 0.1)) -> Verdict:
    total = sum(row)
    return judged(abs(total - 1) < 1e-9, f"it sums to {total:.3f}", "true where it is 1 within 1e-9", {"sum": total}, 6)


@claim(
    "BL-03",
    "A feature adds to the score where both signs agree and takes away where they do not, by its magnitude",
    bloem("Why does it work: films and users"),
    {"magnitude": False},
)
def signs_and_magnitudes(magnitude: bool = True) -> Verdict:
    user, film = torch.randn(200, 5), torch.randn(200, 5)
    by_features = torch.where(user.sign() == film.sign(), 1.0, -1.0) * ((user * film).abs() if magnitude else 1.0)
    off = apart(
        by_features.sum(dim=-1), torch.stack([dot(u[None], f[None])[0, 0] for u, f in zip(user, film, strict=True)])
    )
    figure = f"200 pairs of 5 features: the signed magnitudes add up to the dot product within {off:.1e}"
    return judged(off < SAME, figure, f"true within {SAME}", {"apart": off}, 200)


@claim(
    "BL-04 BL-05",
    "Nobody has to choose the features: they can be learned from known matches, and foretell unknown ones",
    bloem("Why does it work: learned features"),
    {"known": 0.03},
)
def features_are_learned_from_ratings(known: float = 0.5) -> Verdict:
    ratings = torch.randn(80, 2) @ torch.randn(2, 60)
    seen = torch.rand(80, 60) < known
    users, films = torch.randn(80, 2), torch.randn(60, 2)
    for _ in range(100):  # alternating least squares
        users = _fitted(ratings, seen, films)
        films = _fitted(ratings.T, seen.T, users)
    pair = torch.stack([(users @ films.T)[~seen], ratings[~seen]])
    right = torch.corrcoef(pair)[0, 1].item()
    figure = (
        f"80 users, 60 films, {known:.0%} of the ratings known: the others are foretold with correlation {right:.2f}"
    )
    return judged(right > 0.9, figure, "true above 0.9", {"correlation": right}, int((~seen).sum()))


def _fitted(ratings: Tensor, seen: Tensor, other: Tensor) -> Tensor:
    """For each row the features that fit its known ratings best."""
    weighed = seen[..., None] * other  # rows columns features
    square = weighed.mT @ weighed + 1e-3 * torch.eye(other.size(1))
    return torch.linalg.solve(square, (weighed.mT @ (ratings * seen)[..., None]))[..., 0]
