"""Pieces that keep the same company get like vectors."""

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
