"""Texts to vectors: as one by one, in their order, however they are packed, pooled and placed."""

import pytest
import torch

from glassformer.errors import UsageError
from glassformer.explain import encoder as module
from glassformer.explain.encoder import POOLS, Encoder, chunks
from glassformer.models import heads
from glassformer.models.bert import Bert
from tests import made

TEXTS = ["the filming was not terrible", "good", "", "we were " * 30, "the food", "it is very nice", "good"]


def alone(reader, text, pooling):
    """The vector by an ordinary forward pass of one text; zeros where there is nothing to read."""
    if not text:
        return torch.zeros(12)
    ids = torch.tensor([reader.tokens.encode_many([text], 40)[0]])
    with torch.inference_mode():
        stream = Bert.forward(reader.model, ids)
    return POOLS[pooling](stream)[0]


@pytest.mark.parametrize("together", [1, 20, 2048])
@pytest.mark.parametrize("pooling", POOLS)
@pytest.mark.parametrize("positions", ["absolute", "relative_key"])
def test_many_are_read_as_one_by_one_in_their_order(monkeypatch, positions, pooling, together):
    monkeypatch.setattr(module, "TOGETHER", together)
    reader = made.bert_reader(positions=positions, how={"pooling": pooling})
    vectors = reader.embed(TEXTS)
    assert vectors.shape == (7, 12) and vectors.dtype == torch.float32
    for text, vector in zip(TEXTS, vectors, strict=True):
        torch.testing.assert_close(vector, alone(reader, text, pooling), rtol=0, atol=2e-6)


ON_TOP = [heads.MaskedLanguageModel, heads.SequenceClassification, heads.TokenClassification, Bert]


@pytest.mark.parametrize("kind", ON_TOP)
def test_every_bert_has_a_vector_whatever_stands_on_top(kind):
    reader = made.bert_reader(kind)
    torch.testing.assert_close(reader.embed(["the food"])[0], alone(reader, "the food", "mean"), rtol=0, atol=2e-6)


def test_a_decoder_reads_padded_texts_and_does_not_look_ahead():
    reader = made.bert_reader(heads.CausalLanguageModel, decoder=True)
    for text, vector in zip(TEXTS, reader.embed(TEXTS), strict=True):
        torch.testing.assert_close(vector, alone(reader, text, "mean"), rtol=0, atol=2e-6)


def test_lengths_are_one_where_the_folder_says_so_unless_switched_off():
    checkpoint = made.bert_reader(how={"normalised": True}).checkpoint
    texts = list(filter(None, TEXTS))
    assert Encoder(checkpoint).encode(texts).norm(dim=-1).tolist() == pytest.approx([1.0] * 6, abs=1e-6)
    assert (Encoder(checkpoint, normalised=False).encode(texts).norm(dim=-1) > 1.1).all()


@pytest.mark.parametrize("nothing", ["", "   ", "🦖"])
def test_nothing_to_read_gives_zeros_also_where_lengths_are_one(nothing):
    checkpoint = made.bert_reader(how={"normalised": True}).checkpoint
    assert not Encoder(checkpoint).encode([nothing, "good"])[0].any()


def test_a_reader_is_taken_for_its_checkpoint_and_a_model_without_vectors_refused():
    reader = made.bert_reader()
    assert torch.equal(Encoder(reader).encode(TEXTS), reader.embed(TEXTS))
    with pytest.raises(UsageError, match="is no BERT and has no vectors of texts"):
        Encoder(made.reader())


@pytest.mark.parametrize("wrong", ["one text", [None], [["nested"]]])
def test_embed_takes_a_list_of_texts(wrong):
    with pytest.raises(UsageError, match=r"embed takes a list of texts: embed\(\[text\]\)"):
        made.bert_reader().embed(wrong)


def test_of_a_long_text_as_much_is_read_as_asked():
    reader = made.bert_reader(how={"most": 10})
    first = Encoder(reader.checkpoint).encode(["we were " * 30])
    assert torch.equal(first, Encoder(reader.checkpoint).encode(["we were we were we were we were"]))
    assert not torch.equal(first, Encoder(reader.checkpoint, most=40).encode(["we were " * 30]))


def test_no_text_and_no_piece_are_no_vector_and_a_vector_of_zeros():
    encoder = made.bert_reader().encoder
    assert encoder.encode([]).shape == (0, 12)
    assert encoder.encode_ids([[], [5], []]).abs().sum(dim=1).bool().tolist() == [False, True, False]


def test_chunks_are_of_like_length_and_of_few_pieces():
    lengths = [5, 3, 0, 5, 9, 3, 100]
    found = list(chunks(lengths, 12))
    assert found == [[1, 5], [0, 3], [4], [6]]
    assert list(chunks([], 5)) == [] == list(chunks([0, 0], 5))
