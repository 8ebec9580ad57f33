"""Order is a pure function of (seed, step)."""

import pytest

from glassformer.errors import UsageError
from glassformer.train.batches import Batches, Buckets

LENGTHS = [k * 7 % 31 + 1 for k in range(500)]


def test_an_epoch_holds_every_sentence_once_but_the_few_that_fill_no_batch():
    batches = Batches(LENGTHS, 8, seed=0)
    seen = [k for step in range(batches.an_epoch) for k in batches[step]]
    assert len(seen) == len(set(seen)) == 496


def test_any_step_can_be_asked_first():
    forward, backward = Batches(LENGTHS, 8, seed=3), Batches(LENGTHS, 8, seed=3)
    steps = range(200)
    assert [forward[s] for s in steps] == [backward[s] for s in reversed(steps)][::-1]


def test_seeds_and_epochs_differ():
    a, b = Batches(LENGTHS, 8, seed=0), Batches(LENGTHS, 8, seed=1)
    assert a[0] != b[0]
    assert [a[s] for s in range(a.an_epoch)] != [a[s + a.an_epoch] for s in range(a.an_epoch)]


def test_a_batch_holds_sentences_of_like_length():
    batches = Batches(LENGTHS, 8, seed=0)
    spread = [max(LENGTHS[k] for k in batches[s]) - min(LENGTHS[k] for k in batches[s]) for s in range(62)]
    assert sum(spread) / len(spread) < 2


def test_the_opening_comes_first_and_once_and_rises():
    batches = Batches(LENGTHS, 8, seed=0, opening=100)
    opening = [batches[step] for step in range(12)]
    assert {k for batch in opening for k in batch} <= set(range(400, 500))
    lengths = [LENGTHS[k] for batch in opening for k in batch]
    assert lengths == sorted(lengths)
    assert all(k < 400 for step in range(12, 120) for k in batches[step])


def test_too_few_sentences_say_what_would_fit():
    with pytest.raises(UsageError, match="3 sentences do not fill a batch of 4; give more, or a batch of 1 to 3"):
        Batches([1, 2, 3], 4, seed=0)
    with pytest.raises(UsageError, match="2 sentences do not fill a batch of 3"):
        Batches([1, 2, 3], 3, seed=0, opening=1)
    assert sorted(Batches([1, 2, 3], 3, seed=0)[7]) == [0, 1, 2]


def test_a_bucket_holds_as_many_pieces_as_it_may_and_no_more():
    buckets = Buckets(LENGTHS, 100, seed=0)
    for step in range(buckets.an_epoch):
        lengths = [LENGTHS[k] for k in buckets[step]]
        assert 0 < max(lengths) * len(lengths) <= 100
    padded = sum(max(LENGTHS[k] for k in buckets[s]) * len(buckets[s]) for s in range(buckets.an_epoch))
    assert padded < 1.1 * sum(LENGTHS)


def test_an_epoch_of_buckets_holds_every_text_once_and_the_next_holds_them_otherwise():
    buckets = Buckets(LENGTHS, 100, seed=0)
    epochs = [[buckets[step + e * buckets.an_epoch] for step in range(buckets.an_epoch)] for e in (0, 1)]
    assert all(sorted(k for batch in epoch for k in batch) == list(range(500)) for epoch in epochs)
    assert epochs[0] != epochs[1] != [Buckets(LENGTHS, 100, seed=1)[step] for step in range(buckets.an_epoch)]


def test_any_bucket_can_be_asked_first():
    forward, backward = Buckets(LENGTHS, 100, seed=3), Buckets(LENGTHS, 100, seed=3)
    assert [forward[s] for s in range(200)] == [backward[s] for s in reversed(range(200))][::-1]


def test_a_text_as_long_as_a_batch_is_a_batch():
    lengths = [100, 50, 50, 1]
    buckets = Buckets(lengths, 100, seed=0)
    assert sorted(sorted(lengths[k] for k in buckets[step]) for step in range(3)) == [[1, 50], [50], [100]]


@pytest.mark.parametrize("lengths", [[], [3, 101]])
def test_texts_that_fit_no_bucket_say_so(lengths):
    with pytest.raises(ValueError, match="do not fit batches of 100 pieces"):
        Buckets(lengths, 100, seed=0)
