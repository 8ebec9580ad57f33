"""The forward pass in the page, held equal to PyTorch's, and its tokenizer to the one that Python uses."""

import json
import random

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors.numpy import save as save_arrays

from glassformer.errors import UsageError
from glassformer.hub.store import SHIPPED
from glassformer.hub.tokens import Tokens
from glassformer.tape import listen
from tests import made
from tests.show.page import modules

CLOSE = 1e-5
NAMES = ("sentiment", "sentiment-plain", "bag-of-words")
SENTENCES = (
    "this restaurant was not terrible",
    "the waiter told us that the food was n't as terrible as it looked",
    "good",
    "The food wasn’t good, but isn't it great? We'll see: they've cannot can't dont.",
    "Ünïcode  café e\u0301 naïve ﬁne Straße İstanbul ǅ Σας ＡＢＣ",
    "great \U0001f469\u200d\U0001f469\u200d\U0001f467 food 🎬🍿 ☕️",
    "good food שלום עולם مرحبا \u202eodd\u202c and 家族のための 餐厅 가나다",
    "good antidisestablishmentarianism" * 5,
    "a " + "b" * 101 + " not " + "c" * 100,
    "snake_case  3 > 2; rm -rf `x` $HOME \"quoted\" it's!  5% ½ x² n't² ª",
    "[MASK] was [UNK] ##ing [PAD] good",
    "tabs\tand\nlines\r\nand\u00a0blanks\u2003too\u200b\ufeff\u00ad\u0085 good",
    "wouldnt didnt hasnt isnt cannot canNOT caNT wont DOESNT",
    "good " * 30,
)
PARTS = (
    "good not terrible n't 's 're can cannot isnt wasn't ’s _ é e\u0301 İ ẞ ﬁ ש לום ب 가 家 ǅ Σ ς ª ² ½ ' - 🎬"
).split()
HARD = (
    "const { Tokens } = await import('/engine/tokens.js');"
    "const tokens = new Tokens(await (await fetch('/held/tokenizer')).json());"
    "const cut = (text) => { const p = tokens.cut(text, given.most); const of = ([a, b]) => text.slice(a, b);"
    " return [p.ids, p.names, p.words.map((w) => [w.text, w.pieces]), p.spans.map(of), p.left_out, p.unread]; };"
    "return JSON.stringify(given.texts.map((text) => { try { return cut(text); } catch (e) { return e.message; } }));"
)
OPEN = (
    "const { modelOf } = await import('/engine/models.js'); const { listening } = await import('/engine/tape.js');"
    "const { readWeights } = await import('/engine/safetensors.js');"
    "const bytes = new Uint8Array(await (await fetch('/held/weights')).arrayBuffer());"
    "const model = modelOf(given.config, readWeights(bytes));"
)
FORWARD = OPEN + "const tape = listening({ keep: true }); model.run(given.ids, tape);"
READ = (
    "const { readWeights } = await import('/engine/safetensors.js');"
    "try { const { tensors } = readWeights(Uint8Array.from(given));"
    " return JSON.stringify(Object.entries(tensors).map(([name, { shape, data }]) => [name, shape, [...data]])); }"
    "catch (error) { return JSON.stringify(error.message); }"
)


def definition() -> str:
    return (SHIPPED / "sentiment" / "tokenizer.json").read_text()


def by_python(tokens: Tokens, text: str, most: int) -> list | str:
    try:
        pieces = tokens.cut(text, most)
    except UsageError as error:
        return str(error)
    words = [[word.text, list(word.pieces)] for word in pieces.words]
    spans = [text[start:end] for start, end in pieces.spans]
    return [pieces.ids, pieces.names, words, spans, pieces.left_out, pieces.unread]


def assert_cut_alike(texts: list[str], most: int = 512) -> None:
    tokens = Tokens(definition())
    with modules.opened({"tokenizer": definition().encode()}) as page:
        for given, cut in zip(texts, modules.run(page, HARD, {"texts": texts, "most": most}), strict=True):
            assert cut == by_python(tokens, given, most), given


def test_texts_are_cut_as_python_cuts_them():
    assert_cut_alike(list(SENTENCES))


def test_what_does_not_fit_is_counted():
    assert_cut_alike(list(SENTENCES), most=5)


def test_random_mixtures_of_hard_parts_are_cut_alike():
    chance = random.Random(0)
    texts = ["good " + "".join(chance.choices([*PARTS, " "], k=chance.randint(1, 12))) for _ in range(3000)]
    assert_cut_alike(texts)


def test_nothing_to_read_is_said_in_the_same_words():
    assert_cut_alike(["", " \n", "家", "😀 😀"])


def test_another_kind_of_tokenizer_is_refused():
    body = (
        "const { Tokens } = await import('/engine/tokens.js');"
        "try { new Tokens(given); return '\"no error\"'; } catch (error) { return JSON.stringify(error.message); }"
    )
    wordpiece = json.loads(definition())
    lower = {"type": "Lowercase"}
    split = {"type": "Split", "pattern": {"Regex": r"(?i)\p{L}+"}, "behavior": "Isolated", "invert": False}
    cases = {
        "its model is BPE": {**wordpiece, "model": {"type": "BPE", "vocab": {}}},
        "its normalizer is Lowercase": {**wordpiece, "normalizer": lower},
        "around a text (TemplateProcessing)": json.loads(made.framed()),
        "pattern cannot be run in the page": {**wordpiece, "pre_tokenizer": split},
        "its pre-tokenizer is Whitespace": {**wordpiece, "pre_tokenizer": {"type": "Whitespace"}},
    }
    with modules.opened() as page:
        for said, given in cases.items():
            message = modules.run(page, body, given)
            assert said in message and "glassformer open" in message


def forward(model: torch.nn.Module, family: str, texts: list[list[int]], weights: bytes | None = None) -> None:
    """Every value on the page's tape beside PyTorch's, of each text, given as its ids."""
    config = {"family": family, **vars(model.config)}
    body = OPEN + (
        "const heard = (ids) => { const tape = listening({ keep: true }); model.run(ids, tape);"
        " return [...tape.values].map(([name, v]) => [name, v.shape, [...v.data]]); };"
        "return JSON.stringify(given.texts.map(heard));"
    )
    with modules.opened({"weights": weights or safetensors.torch.save(model.state_dict())}) as page:
        pages = modules.run(page, body, {"config": config, "texts": texts})
    for ids, heard in zip(texts, pages, strict=True):
        with torch.no_grad(), listen(model) as tape:
            model(torch.tensor([ids]))
        assert [name for name, _, _ in heard] == list(tape)
        for name, shape, data in heard:
            expected = tape[name][0].detach().numpy()
            assert tuple(shape) == expected.shape, name
            most = CLOSE * max(1.0, np.abs(expected).max())  # PyTorch adds up in float32
            np.testing.assert_allclose(np.reshape(data, shape), expected, atol=most, rtol=0, err_msg=name)


@pytest.mark.parametrize("name", NAMES)
def test_shipped_models_give_what_pytorch_gives(name):
    from glassformer.hub.store import load

    checkpoint = load(name)
    family = json.loads((SHIPPED / name / "config.json").read_text())["family"]
    texts = [checkpoint.tokens.cut(text, 512).ids for text in SENTENCES[:5]]
    forward(checkpoint.model, family, texts, (SHIPPED / name / "model.safetensors").read_bytes())


@pytest.mark.parametrize("block", ["post", "pre"])
@pytest.mark.parametrize("positions", ["learned", "interleaved", "halves"])
@pytest.mark.parametrize("pool", ["mean", "max"])
def test_every_kind_of_classifier_gives_what_pytorch_gives(block, positions, pool):
    ids = [7, 3, 3, 11, 20, 2, 9]
    forward(made.classifier(block=block, positions=positions, pool=pool, classes=3), "classifier", [ids])


def test_what_has_not_changed_is_not_computed_again_and_is_the_same_to_the_last_bit():
    model, ids = made.classifier(layers=3), [7, 3, 3, 11, 20, 2, 9]
    body = FORWARD + (
        "const cut = (s) => ({ ...s, data: s.data.map((x, k) => (k % 49 === 2 * 7 + 3 ? -Infinity : x)) });"
        "const edits = [{ sites: 'layers.1.attention.scaled', edit: cut }];"
        "const shorter = given.ids.slice(0, 5).map((id, k) => (k === 3 ? 2 : id));"
        "const heard = (ids, base, edits) => { const own = listening({ keep: true, edits, base });"
        " model.run(ids, own); return [...own.values].map(([name, v]) => [name, [...v.data]]); };"
        "const pairs = [[given.ids, edits], [shorter, []], [shorter, edits.slice(1)]];"
        "return JSON.stringify(pairs.map(([ids, edits]) => [heard(ids, tape, edits), heard(ids, null, edits)]));"
    )
    config = {"family": "classifier", **vars(model.config)}
    with modules.opened({"weights": safetensors.torch.save(model.state_dict())}) as page:
        for again, anew in modules.run(page, body, {"config": config, "ids": ids}):
            assert again == anew


def test_a_row_that_may_look_at_nothing_gets_zeros():
    body = (
        "const { softmax, tensor } = await import('/engine/tensor.js');"
        "const scores = tensor([2, 2], Float32Array.of(-Infinity, -Infinity, 0, Math.log(3)));"
        "return JSON.stringify([...softmax(scores).data]);"
    )
    with modules.opened() as page:
        assert modules.run(page, body) == pytest.approx([0, 0, 0.25, 0.75])


def test_an_edit_that_changes_a_shape_is_refused():
    body = FORWARD + (
        "const edits = [{ sites: 'layers.*.attention.z', edit: (z) => ({ shape: [1], data: z.data.slice(0, 1) }) }];"
        "try { model.run(given.ids, listening({ edits })); } catch (error) { return JSON.stringify(error.message); }"
    )
    model = made.classifier()
    config = {"family": "classifier", **vars(model.config)}
    with modules.opened({"weights": safetensors.torch.save(model.state_dict())}) as page:
        said = modules.run(page, body, {"config": config, "ids": [3, 4]})
    assert said == "the edit of layers.0.attention.z must give back (3,2,4), as it was given; it gave (1)"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_weights_are_read_from_every_precision(dtype):
    numbers = torch.tensor([[0.0, -0.0, 1.5, -2.25, 65504.0, 6e-8, 6.1e-5, torch.inf, -1e-7, 0.1]]).to(dtype)
    with modules.opened() as page:
        ((name, shape, data),) = modules.run(page, READ, list(safetensors.torch.save({"a.weight": numbers})))
    assert (name, shape) == ("a.weight", [1, 10])
    finite = [-1.0 if value is None else value for value in data]  # JSON has no infinity
    assert finite == [-1.0 if value == torch.inf else value for value in numbers[0].float().tolist()]


def test_broken_weights_are_refused_in_one_line():
    whole = save_arrays({"a": np.arange(4, dtype=np.float32)})
    head, length = whole[8 : 8 + whole[0]], whole[0]

    def with_header(text: bytes) -> bytes:
        return len(text).to_bytes(8, "little") + text + whole[8 + length :]

    cases = {
        "3 bytes are no safetensors file": whole[:3],
        "a header of 18446744073709552000 bytes": b"\xff" * 8 + whole[8:],
        "its header is no JSON": with_header(b"{" * length),
        "needs 16 bytes, at 0 to 16 of 8": whole[:-8],
        "a is I64, not F32, F16, BF16": with_header(head.replace(b"F32", b"I64")),
        "a (5) in F32 needs 20 bytes": with_header(head.replace(b"[4]", b"[5]")),
        "a has no shape or place": with_header(head.replace(b"[4]", b"[-4]")),
    }
    with modules.opened() as page:
        for said, given in cases.items():
            message = modules.run(page, READ, list(given))
            assert said in message and message.startswith("the weights cannot be read: "), (said, message)


def test_a_model_that_does_not_fit_its_config_is_refused():
    body = FORWARD.partition("const model")[0] + (
        "try { modelOf(given, readWeights(bytes)); } catch (error) { return JSON.stringify(error.message); }"
    )
    model = made.classifier()
    config = {"family": "classifier", **vars(model.config)}
    cases = {
        "the weights hold no layers.2.attention.q.weight": {"layers": 3},
        "the weight head.weight is (2,12), where the config says (5,12)": {"classes": 5},
        "the page runs bag-of-words and classifier, not generator": {"family": "generator"},
        "block sideways is not known in the page": {"block": "sideways"},
    }
    with modules.opened({"weights": safetensors.torch.save(model.state_dict())}) as page:
        for said, changes in cases.items():
            assert said in modules.run(page, body, {**config, **changes})
