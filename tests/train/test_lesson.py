"""The lesson cuts what it says, and its label is what the cut leaves."""

import random

import pytest
import torch

from glassformer.train import lexicon, vocabulary
from glassformer.train.data import normalised
from glassformer.train.lesson import Lesson

WORDS = "not n't nt was is are were wo would s"


@pytest.fixture(scope="module")
def tokenizer():
    domains = lexicon.DOMAINS.values()
    adjectives = [w for t in (lexicon.ADJECTIVES, *(d.adjectives for d in domains)) for w in (*t.good, *t.bad)]
    return vocabulary.build([*adjectives * 5, *(n for d in domains for n in d.one + d.many), WORDS * 5], 900)


def test_a_batch_is_a_pure_function_of_seed_and_step(tokenizer):
    one, two = Lesson(tokenizer, 8, 0)(5), Lesson(tokenizer, 8, 0)(5)
    assert torch.equal(one.ids, two.ids)
    assert not torch.equal(one.labels, Lesson(tokenizer, 8, 1)(5).labels)


def test_what_follows_the_negator_may_not_look_at_it_or_at_what_stands_before(tokenizer):
    batch = Lesson(tokenizer, 64, 0)(0)
    assert batch.cut is not None
    for ids, real, cut in zip(batch.ids, batch.real, batch.cut, strict=True):
        names = [tokenizer.id_to_token(id) for id in ids.tolist()]
        at = next(k for k, name in enumerate(names) if name in ("not", "n't", "nt"))
        lookers = cut.any(1).nonzero().flatten().tolist()
        hidden = cut.any(0).nonzero().flatten().tolist()
        assert lookers == list(range(at + 1, int(real.sum())))
        assert hidden in ([at], list(range(at)))


def test_the_label_of_a_control_is_the_sentences_and_of_the_others_the_words(tokenizer):
    good = {w for t in (lexicon.ADJECTIVES, *(d.adjectives for d in lexicon.DOMAINS.values())) for w in t.good}
    batch = Lesson(tokenizer, 64, 3)(0)
    assert batch.cut is not None
    for ids, label, cut in zip(batch.ids, batch.labels, batch.cut, strict=True):
        words = tokenizer.decode([id for id in ids.tolist() if id])
        polarity = any(words.endswith(f" {tokenizer.decode(tokenizer.encode(word).ids)}") for word in good)
        control = len(cut.any(0).nonzero()) > 1
        assert label == (polarity ^ control)


def test_no_lesson_holds_a_sentence_kept_apart(tokenizer):
    def texts(lesson):
        rng = random.Random(0)
        return {normalised(lesson._sentence(rng)[0]) for _ in range(100)}

    apart = frozenset(texts(Lesson(tokenizer, 64, 0)))
    assert len(apart) > 90 and not apart & texts(Lesson(tokenizer, 64, 0, apart))
