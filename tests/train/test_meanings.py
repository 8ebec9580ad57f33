"""Pieces that keep the same company get like vectors."""

import numpy as np
import torch

from glassformer.train import meanings, vocabulary

TEXTS = [f"the {a} was very {b} to eat" for a in ("soup", "stew") for b in ("good", "fine")] * 5
TEXTS += [f"my {a} can run fast {b}" for a in ("dog", "horse") for b in ("today", "daily")] * 5


def made():
    tokenizer = vocabulary.build(TEXTS, 140)
    return tokenizer, meanings.vectors(tokenizer, TEXTS, 8, 0.5)


def test_like_pieces_are_nearer_than_unlike_ones():
    tokenizer, vectors = made()
    soup, stew, dog = (vectors[tokenizer.token_to_id(word)] for word in ("soup", "stew", "dog"))
    near, far = torch.cosine_similarity(soup, stew, dim=0), torch.cosine_similarity(soup, dog, dim=0)
    assert near > far + 0.3


def test_vectors_have_the_scale_asked_for_and_nothing_was_learned_of_padding():
    tokenizer, vectors = made()
    seen = vectors[tokenizer.token_to_id("soup")]
    assert torch.isclose(seen.norm(), torch.tensor(0.5 * 8**0.5))
    assert vectors.shape == (tokenizer.get_vocab_size(), 8)


def test_the_same_texts_give_the_same_vectors_and_move_nobodys_generator():
    tokenizer, vectors = made()
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    again = meanings.vectors(tokenizer, TEXTS, 8, 0.5)
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(again, vectors)


WORDS = "soup stew dog horse was good".split()
COMPANY = ["soup was good", "stew was good good soup", "dog horse", "horse was", "was was soup good dog stew horse"]


def by_definition(ids, size):
    """Positive pointwise mutual information: of pairs up to five apart, each 1/distance; contexts to the power 0.75."""
    counts = np.zeros((size, size))
    for text in ids:
        for i, one in enumerate(text):
            for j in range(i + 1, min(i + 6, len(text))):
                counts[one, text[j]] += 1 / (j - i)
                counts[text[j], one] += 1 / (j - i)
    seen = counts.sum(1)
    context = seen**0.75 / (seen**0.75).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.maximum(0, np.log(counts / seen[:, None] / context)), nan=0.0, neginf=0.0)


def test_angles_between_vectors_are_those_of_the_counted_company():
    """With room for all singular values, rows U √S have the angles of √(M Mᵀ), whatever way they are turned."""
    tokenizer = vocabulary.blank({name: k for k, name in enumerate([*vocabulary.SPECIAL, *WORDS, *"abcdefghijk"])})
    found = meanings.vectors(tokenizer, COMPANY, 8, 0.5)[3:9].double().numpy()
    information = by_definition([encoding.ids for encoding in tokenizer.encode_batch(COMPANY)], 20)
    values, turns = np.linalg.eigh(information @ information.T)
    rows = ((turns * np.sqrt(values.clip(0))) @ turns.T)[3:9, 3:9]  # √(M Mᵀ): of every two rows U √S, the product
    lengths = np.sqrt(np.diag(rows))
    np.testing.assert_allclose(found @ found.T / (0.25 * 8), rows / np.outer(lengths, lengths), atol=1e-4)
