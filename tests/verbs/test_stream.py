"""classify, embed, fill: a line in, an answer out, in order, as they arrive, in bounded memory."""

import json
import select
import shutil
import signal
import subprocess

import pytest
import torch

import glassformer as gf
from glassformer.models import heads
from tests import made
from tests.command import COMMAND, UTF8, lines, peak, told


def test_an_answer_a_line_in_order(ask):
    texts = ["this restaurant was terrible", "", "this restaurant was not terrible", "  ", "家", "a\tb"]
    rows = [line.split("\t") for line in lines(ask("classify", stdin="\r\n".join(texts).encode()))]
    assert [row[0] for row in rows][:5] == ["negative", "-", "positive", "-", "-"]
    assert [row[1] for row in rows][1] == "-" and 0 <= float(rows[0][1]) < 0.5 < float(rows[2][1]) <= 1
    assert [row[2] for row in rows] == [*texts[:5], "a␉b"]


def test_an_answer_as_json_has_three_fields(ask):
    stdin = b"this restaurant was not terrible\n\n\xff\xfe bad\n"
    first, empty, broken = (json.loads(line) for line in lines(ask("classify", "--json", stdin=stdin)))
    assert set(first) == {"text", "label", "p_positive"}
    assert first["label"] == "positive" and 0.5 < first["p_positive"] <= 1
    assert empty == {"text": "", "label": None, "p_positive": None}
    assert broken["text"] == "\ufffd\ufffd bad" and broken["label"] in made.TWO


def test_a_line_longer_than_the_model_says_what_was_left_out(ask):
    (line,) = lines(ask("classify", "--json", stdin=b"good " * 600))
    assert json.loads(line)["left_out"] == 88


@pytest.fixture
def asking():
    """`classify`, waiting for lines."""
    process = subprocess.Popen(
        [COMMAND, "classify"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=UTF8
    )
    yield process
    process.kill()
    process.communicate()


def test_an_answer_comes_before_the_next_line_is_asked_for(asking):
    for text in (b"this restaurant was terrible\n", b"this restaurant was not terrible\n"):
        asking.stdin.write(text)
        asking.stdin.flush()
        assert select.select([asking.stdout], [], [], 60)[0], "no answer came"
        assert asking.stdout.readline().endswith(b"\t" + text)


def test_an_interrupt_ends_it_in_one_line(asking):
    asking.stdin.write(b"good\n")
    asking.stdin.flush()
    asking.stdout.readline()
    asking.send_signal(signal.SIGINT)
    _, errors = asking.communicate(timeout=60)
    assert asking.returncode == 130 and errors == b"glassformer: interrupted\n"


def test_forty_thousand_lines_keep_their_order_and_memory_does_not_grow(tmp_path):
    asked = ("classify", "--model", "bag-of-words")
    few, _ = peak(b"the food was good\n" * 2_000, tmp_path, *asked)
    texts = [f"good {'very ' * (k % 7)}{k}" for k in range(40_000)]
    many, out = peak("\n".join(texts).encode(), tmp_path, *asked)
    assert [row.split("\t")[2] for row in out.decode().splitlines()] == texts
    assert many < few + 60_000


def test_a_line_without_end_is_cut_not_swallowed(ask):
    rows = lines(ask("classify", "--json", stdin=b"good\n" + b"x " * 3_000_000 + b"\ngood\n"))
    first, long, last = map(json.loads, rows)
    assert first["text"] == last["text"] == "good" and len(long["text"]) == 1 << 20 and long["left_out"] > 500_000


# BERTs


TEXTS = ["the food was good", "", "we were not terrible " * 2, "  ", "дом", "a\tb", "good"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder for each kind of answer."""
    at = tmp_path_factory.mktemp("models")
    kind = heads.SequenceClassification
    return {
        "vectors": made.bert_folder(at / "vectors"),
        "fills": made.bert_folder(at / "fills", heads.MaskedLanguageModel),
        "three": made.bert_folder(at / "three", kind, made.THREE),
        "several": made.bert_folder(at / "several", kind, made.THREE, problem="multi_label_classification"),
        "score": made.bert_folder(at / "score", kind, ("stars",), problem="regression"),
    }


@pytest.fixture
def of(ask, models):
    """Ask a verb of one of these models: `of("embed", "vectors", stdin=…)`."""
    return lambda verb, model, *arguments, stdin=b"": ask(verb, *arguments, "--model", str(models[model]), stdin=stdin)


def given(texts):
    return "\n".join(texts).encode()


def test_a_vector_a_line_in_order(of, models):
    rows = [line.split("\t") for line in lines(of("embed", "vectors", stdin=given(TEXTS)))]
    assert [len(row) for row in rows] == [12, 1, 12, 1, 1, 12, 12] and rows[1] == rows[3] == rows[4] == ["-"]
    expected = gf.load(models["vectors"]).embed(TEXTS)
    for row, vector in zip(rows, expected, strict=True):
        assert row == ["-"] or [float(number) for number in row] == pytest.approx(vector.tolist(), abs=1e-6)


def test_a_vector_as_json_has_the_digits_of_a_float32(of, models):
    rows = [json.loads(line) for line in lines(of("embed", "vectors", "--json", stdin=given(TEXTS)))]
    assert [row["text"] for row in rows] == TEXTS and {row["schema"] for row in rows} == {1}
    expected = gf.load(models["vectors"]).embed(TEXTS)
    for row, vector in zip(rows, expected, strict=True):
        assert row["embedding"] is None or row["embedding"] == pytest.approx(vector.tolist(), abs=1e-6)
        assert all(float(f"{number:.9g}") == number for number in row["embedding"] or [])
    assert [row["embedding"] is None for row in rows] == [False, True, False, True, True, False, False]


def test_one_text_is_embedded_from_the_command_line(of):
    (line,) = lines(of("embed", "vectors", "the food was good"))
    assert line == lines(of("embed", "vectors", stdin=given(TEXTS)))[0]
    assert told(of("embed", "vectors", "  ")).startswith("glassformer: the text is empty")


def test_lengths_are_one_unless_raw_vectors_are_asked_for(of, models, tmp_path):
    folder = shutil.copytree(models["vectors"], tmp_path / "normal")
    steps = ("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")
    modules = [{"idx": k, "name": str(k), "path": path, "type": f"x.{kind}"} for k, (kind, path) in enumerate(steps)]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    reader = gf.load(folder)
    assert reader.embed(["the food"]).norm().item() == pytest.approx(1.0) and reader.encoder.pooling == "cls"
    models["normal"] = folder
    raw, unit = (
        torch.tensor([float(number) for number in lines(of("embed", "normal", "the food", *how))[0].split("\t")])
        for how in (["--raw"], [])
    )
    assert raw.norm().item() > 1.1 and unit.norm().item() == pytest.approx(1.0, abs=1e-6)
    torch.testing.assert_close(raw / raw.norm(), unit, rtol=0, atol=1e-6)


def test_lines_longer_than_the_model_are_counted(of):
    done = of("embed", "vectors", stdin=given(["good " * 60, "good", "food " * 70]))
    assert done.returncode == 0 and len(done.stdout.split(b"\n")) == 4
    assert "2 lines were longer than the 40 pieces" in told(done)
    rows = [json.loads(line) for line in lines(of("embed", "vectors", "--json", stdin=given(["good " * 60, "good"])))]
    assert [row.get("left_out") for row in rows] == [22, None]
    assert "22 pieces at the end were NOT read" in told(of("embed", "vectors", "good " * 60))


MASKED = ["the food was [MASK]", "good", "", "<mask> and [MASK] .", "the [MASK]"]


def test_a_line_is_filled_with_its_likeliest_pieces(of, models):
    rows = [line.split("\t") for line in lines(of("fill", "fills", "--top", "2", stdin=given(MASKED)))]
    reader = gf.load(models["fills"])
    assert [len(row) for row in rows] == [2, 2, 2, 3, 2] and rows[1][1] == rows[2][1] == "-"
    for row, text in zip(rows, MASKED, strict=True):
        if "-" not in row:
            filled = reader.fill(text, top=2)
            expected = [", ".join(f"{each.piece} {each.probability:.4f}" for each in mask) for mask in filled.masks]
            assert row == [text.replace("<mask>", "[MASK]"), *expected]


def test_what_may_stand_at_a_mask_as_json_and_as_a_table(of):
    rows = [json.loads(line) for line in lines(of("fill", "fills", "--json", stdin=given(MASKED)))]
    assert [row["masks"] and len(row["masks"]) for row in rows] == [1, None, None, 2, 1] and rows[0]["schema"] == 1
    assert [len(mask) for mask in rows[3]["masks"]] == [5, 5]
    one = json.loads(of("fill", "fills", MASKED[0], "--json").stdout)
    assert (one["schema"], one["kind"]) == (1, "fill")
    assert [each["piece"] for each in one["masks"][0]] == [each["piece"] for each in rows[0]["masks"][0]]
    assert one["masks"][0][0]["piece"] in "\n".join(lines(of("fill", "fills", MASKED[0], "--width", "60")))
    (line,) = lines(of("fill", "fills", MASKED[0], "--top", "1", "--pair", "it was good"))
    assert line.split("\t")[:2] == [MASKED[0], "it was good"] and len(line.split("\t")) == 3


def test_labels_of_any_kind_are_a_line_each(of, models):
    for model, fields in (("three", "label"), ("several", "labels"), ("score", "scores")):
        reader = gf.load(models[model])
        rows = [json.loads(line) for line in lines(of("classify", model, "--json", stdin=given(TEXTS[:2]) + b"\n"))]
        assert rows[0]["schema"] == 1 and rows[1][fields] is None and rows[0]["text"] == TEXTS[0]
        answer = reader(TEXTS[0])
        expected = getattr(answer, fields)
        as_json = {"labels": list, "scores": pytest.approx}.get(fields, str)
        assert rows[0][fields] == as_json(expected)
        if fields != "scores":
            assert rows[0]["probability"] == pytest.approx(answer.probability, abs=1e-6)
        first, second = (line.split("\t") for line in lines(of("classify", model, stdin=given(TEXTS[:2]) + b"\n")))
        number = answer.value if fields == "scores" else answer.share
        assert first[0] == answer.says and float(first[1]) == pytest.approx(number, abs=1e-5) and first[2] == TEXTS[0]
        assert second == ["-", "-", ""]


def test_pairs_are_lines_with_a_tab(of, models):
    texts = ["the food\tit was good", "no tab", "\t", "good\t", "good\tbad\tworse"]
    rows = [json.loads(line) for line in lines(of("classify", "three", "--tab", "--json", stdin=given(texts)))]
    reader = gf.load(models["three"])
    assert [row["label"] is None for row in rows] == [False, True, True, True, False]
    assert rows[0]["label"] == reader("the food", "it was good").label and rows[0]["second"] == "it was good"
    assert rows[4]["second"] == "bad\tworse" and [row["text"] for row in rows[1:4]] == texts[1:4]
    tsv = [line.split("\t") for line in lines(of("classify", "three", "--tab", stdin=given(texts)))]
    assert tsv[0][2:] == ["the food", "it was good"] and tsv[1] == ["-", "-", "no tab"] and tsv[2] == ["-", "-", "␉"]
    (one,) = lines(of("classify", "three", "the food", "--pair", "it was good"))
    assert one.split("\t") == tsv[0]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["embed"], "embed needs a model: give --model the folder of a BERT, or its id on the hub"),
        (["fill", "the [MASK]"], "fill needs a model"),
        (["embed", "good", "--model", "sentiment"], "is no BERT; embed needs one"),
        (["fill", "the [MASK]", "--model", "sentiment"], "puts a label on a text: explain, why and classify take it"),
        (["classify", "--pair", "x"], "--pair gives TEXT a second one; of lines with two texts each, say --tab"),
        (["classify", "x", "--tab"], "--tab is for lines of two texts each"),
    ],
)
def test_misuse_is_one_line(ask, arguments, line):
    done = ask(*arguments)
    assert done.returncode == 2 and line in told(done) and done.stdout == b""


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["fill", "fills", "the food"], "'the food' has no mask; write [MASK] in it: 'the food was [MASK]'"),
        (["fill", "fills", "the [MASK]", "--top", "0"], "--top 0 pieces cannot be shown; give 1 to 1000"),
        (["fill", "vectors", "the [MASK]"], "makes a vector of a text: explain, why and embed take it, fill does not"),
        (["fill", "fills", "--pair", "x"], "lines have none"),
        (["classify", "fills"], "says which piece may stand at a mask"),
        (["classify", "vectors", "good"], "classify does not"),
    ],
)
def test_misuse_of_a_bert_is_one_line(of, arguments, line):
    done = of(*arguments)
    assert done.returncode == 2 and line in told(done) and done.stdout == b""


def test_ten_thousand_lines_are_embedded_in_order_in_bounded_memory(models, tmp_path):
    few, _ = peak(b"the food was good\n" * 500, tmp_path, "embed", "--model", str(models["vectors"]))
    texts = [f"{'very ' * (k % 7)}good {'food ' * (k % 5)}" for k in range(10_000)]
    many, out = peak(given(texts), tmp_path, "embed", "--model", str(models["vectors"]))
    rows = out.decode().split("\n")[:-1]
    assert many < few + 60_000 and len(rows) == 10_000
    first = {}  # lines repeat every 35: whoever reads them together with whatever else
    for text, row in zip(texts, rows, strict=True):
        numbers = [float(number) for number in row.split("\t")]
        assert numbers == pytest.approx(first.setdefault(text, numbers), abs=1e-5)
    assert len({tuple(numbers) for numbers in first.values()}) == 35
