"""A translator learns word by word what can be learned so; its score is what BLEU's definition says."""

import gzip
import math
import sys
from collections import Counter
from dataclasses import replace

import pytest
import torch

from glassformer.errors import CheckpointError, MissingError
from glassformer.hub import store
from glassformer.hub.tokens import Tokens
from glassformer.models.beams import Beam
from glassformer.train import bleu, pairs, run
from glassformer.train.recipes import RECIPES
from glassformer.train.task import Ran
from glassformer.train.translate import Translate
from tests.train import small

RECIPE = small.RECIPES["translate"]


@pytest.fixture
def task(data, tmp_path):
    return Translate(RECIPE, data, 0, tmp_path)


def test_what_can_be_learned_word_by_word_is_learned(data, tmp_path, monkeypatch, capsys):
    longer = replace(RECIPE, steps=250, look=125, rate=1e-2, warmup=20, width=32, dropout=0.0, batch=400)
    monkeypatch.setitem(RECIPES, "translate", longer)
    model = run.train("translate", data, tmp_path)
    assert model is not None and "BLEU of 200" in capsys.readouterr().err
    card = store.card(model)
    assert float(card.split("## BLEU\n\nvalidation ")[1].split(" ")[0]) > 90
    assert "Signature: `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:" in card


def test_the_loss_is_the_smoothed_one_of_every_piece_and_of_the_end(task):
    """Against PyTorch's own, one pair at a time."""
    task.recipe = replace(RECIPE, dropout=0.0)
    torch.manual_seed(0)
    model = task.model()
    loss, total, asked = task.loss(model, 2).item(), 0.0, 0
    with torch.no_grad():
        for k in task.batches[2]:
            answer = torch.tensor(task.answers[k])
            memory = model.read(torch.tensor([task.sources[k]]))
            logits = model(torch.tensor([[1, *task.answers[k][:-1]]]), memory=memory)[0]
            total += torch.nn.functional.cross_entropy(logits, answer, label_smoothing=0.1, reduction="sum").item()
            asked += len(answer)
    assert loss == pytest.approx(total / asked, rel=1e-5)


def test_no_answer_is_seen_before_it_is_written(task):
    model = task.model().eval()
    source = torch.tensor([task.sources[0]])
    ids = torch.tensor([[1, *task.answers[0][:-1]]])
    other = ids.clone()
    other[0, 3:] = 5
    with torch.no_grad():
        one, two = (model(each, memory=model.read(source))[0, :3] for each in (ids, other))
    assert torch.allclose(one, two, atol=1e-6)


def test_translations_come_in_the_order_of_the_texts_with_and_without_a_beam(task, monkeypatch):
    """Padding beside a longer text changes nothing, in a model whose weights are so large that everything matters."""
    monkeypatch.setattr("glassformer.train.translate.TOGETHER", 3)
    monkeypatch.setattr("glassformer.train.translate.LONGER", 0)
    torch.manual_seed(0)
    model = task.model()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.mul_(6.0 if weight.dim() > 1 and "pieces" not in name else 1.0)
    texts = ["Hund", *(pair.de for pair in task.held["validation"]), "Der Baum fällt. Der Mann steht.", "Der"]
    said = [task.translated(model, texts, beam) for beam in (1, 3)]
    assert said == [[task.translated(model, [text], beam)[0] for text in texts] for beam in (1, 3)]
    assert said[0] != said[1] and len(set(said[0])) > 5


def test_a_text_is_cut_to_what_the_model_reads(task):
    (row,) = task._cut(["Hund " * 200])
    assert len(row) == RECIPE.length and row[-1] == pairs.END


def test_both_languages_share_pieces_that_give_the_text_back(task):
    tokens = Tokens(task.definition, needs=pairs.NEEDS)
    assert [tokens.name(k) for k in range(4)] == pairs.SPECIAL
    for text in ("Der Hund schläft.", "The dog sleeps.", "Der Baum fällt. Der Mann steht."):
        ids = tokens.encode_many([text], 1000)[0]
        assert ids[-1] == pairs.END and tokens.decode(ids[:-1]) == text
    composed, apart = "schläft", "schla\u0308ft"
    assert tokens.encode_many([composed], 1000)[0] == tokens.encode_many([apart], 1000)[0]


def test_missing_and_broken_data_are_named(tmp_path):
    with pytest.raises(MissingError, match=r"there is no .*multi30k_de_en/train\.jsonl\.gz; point --data"):
        pairs.read(tmp_path, "train")
    (tmp_path / "multi30k_de_en").mkdir()
    (tmp_path / "multi30k_de_en/train.jsonl.gz").write_bytes(gzip.compress(b'{"de": "a"}\n'))
    with pytest.raises(CheckpointError, match="a JSON object with de and en was expected"):
        pairs.read(tmp_path, "train")


def test_a_missing_sacrebleu_is_said_before_the_training(data, tmp_path, monkeypatch):
    monkeypatch.setitem(RECIPES, "translate", RECIPE)
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingError, match=r"install glassformer\[train\]"):
        run.train("translate", data, tmp_path)


def test_the_card_tells_the_score_of_each_split_and_three_samples_of_the_test(task, monkeypatch):
    """The translator is a person for validation, and one who always says the same for the test."""
    beams = []

    def said(model, texts, beam):
        beams.append(beam)
        person = {pair.de: pair.en for pair in task.held["validation"]}
        return [person.get(text) for text in texts] if len(beams) == 1 else ["The dog."] * len(texts)

    monkeypatch.setattr(task, "translated", said)
    outcome = task.measure(task.model(), Ran(3, 24, 120.0))
    score = bleu.bleu(["The dog."] * 8, [pair.en for pair in task.held["test"]])[0]
    assert outcome.validation == 100.0 and outcome.figures["test"] == round(score, 2) < 60
    assert beams == [RECIPE.beam] * 2
    told = task.card(RECIPE, [outcome], outcome)
    assert f"validation 100.0 (8 sentences), test {score:.1f} (8 sentences); cased, a beam of 4." in told
    assert f"60 captions of pictures in English, and what translators made of them in German.  {task.pieces} " in told
    written = [f"{pair.de}\n→ The dog.\n(a person: {pair.en})" for pair in task.held["test"][:3]]
    assert "## What it writes\n\n" + "\n\n".join(f"```text\n{each}\n```" for each in written) in told


def test_a_look_translates_the_first_of_validation_without_a_beam(task, monkeypatch):
    task.held["validation"] = [pairs.Pair(f"Satz {k}", f"sentence number {k} is here") for k in range(230)]
    asked = []

    def right(model, texts, beam):
        asked.append((texts, beam))
        return [text.replace("Satz", "sentence number") + " is here" for text in texts]

    monkeypatch.setattr(task, "translated", right)
    figures, sample = task.look(None)
    assert asked == [([f"Satz {k}" for k in range(200)], 1)]
    assert figures == {"BLEU of 200": pytest.approx(100)} and sample == "Satz 0\n→ sentence number 0 is here"


def test_of_several_continuations_the_likeliest_is_said(task, monkeypatch):
    dog, house = (task.tokenizer.encode(word).ids for word in ("dog", "house"))
    found = [[Beam(tuple(dog), -1.0), Beam(tuple(house), -2.0)], [Beam(tuple(house), -1.0), Beam(tuple(dog), -2.0)]]
    monkeypatch.setattr("glassformer.train.translate.beams", lambda *given: found)
    assert task.translated(task.model(), ["Hund", "Der Mann schläft."], beam=2) == ["dog", "house"]


@pytest.mark.parametrize("beam", [1, 2])
def test_a_translation_that_does_not_end_is_cut_off(task, beam):
    """Half as long again as the longest source beside it and ten pieces more, or as many as the model reads."""
    model, end = task.model(), torch.tensor([pairs.END])
    model.predict.register_forward_hook(lambda part, given, logits: logits.index_fill(-1, end, -torch.inf))
    for lengths, most in (((4, 6), 19), ((8,), 22), ((20,), 23)):
        with torch.no_grad():
            written = task._written(model, [[5] * (length - 1) + [pairs.END] for length in lengths], beam)
        assert [len(ids) for ids in written] == [most] * len(lengths)


def grams(words, n):
    return Counter(tuple(words[k : k + n]) for k in range(len(words) - n + 1))


def by_definition(written, references):
    """Papineni et al. 2002, equations 1 to 3, over a corpus of words that stand between spaces."""
    logs = []
    for n in range(1, 5):
        both = [(grams(a.split(), n), grams(b.split(), n)) for a, b in zip(written, references, strict=True)]
        logs.append(math.log(sum((a & b).total() for a, b in both) / sum(a.total() for a, _ in both)))
    c, r = (sum(len(text.split()) for text in texts) for texts in (written, references))
    return 100 * min(1.0, math.exp(1 - r / c)) * math.exp(sum(logs) / 4)


def test_the_score_is_bleu_as_it_was_defined():
    references = ["a man in a red hat rides a horse", "The dog sleeps on the green grass now"]
    written = ["a man in a hat rides a horse", "The dog sleeps on the grass now"]
    score, signature = bleu.bleu(written, references)
    assert score == pytest.approx(by_definition(written, references), rel=1e-6)
    assert "case:mixed" in signature and "tok:13a" in signature
    assert bleu.bleu(references, references)[0] == pytest.approx(100)
    assert bleu.bleu([text.lower() for text in written], references)[0] < score
