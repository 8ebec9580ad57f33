"""The nine steps in a browser: walked by Space alone, every number and every answer held against Python's."""

import math

import pytest

from glassformer.explain.reader import read
from tests import made
from tests.show.page import whole

NAMES = [
    "pieces",
    "vectors",
    "q, k, v",
    "one score by hand",
    "scaling",
    "softmax",
    "the mixture",
    "heads",
    "the answer",
]
LOOK = {"light": {}, "dark": {"color_scheme": "dark"}, "phone": {"viewport": {"width": 390, "height": 800}}}


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """The steps on a small model; the same text through `sentiment` is in the file too."""
    pictures = [with_cell(whole.small()), with_cell(whole.shipped())]
    with whole.opened(tmp_path_factory.mktemp("steps"), pictures, {"view": "steps", "step": 0}) as tab:
        tab.wait_for_selector(".opening")
        yield tab


def with_cell(x):
    """The picture, with the one switch that the steps ask for beside its effects, run beforehand."""
    looks, at, layer, head = focus(x)
    i, j = (x._trial.words[word].pieces[0] for word in (looks, at))
    text = f"cell:L{layer}.H{head}[{i},{j}]"
    found = x.what_if(x.switch(text))
    told = {"after": found.after, "baseline": found.baseline, "controls": list(found.controls.items())}
    return {**x.picture(), "whatifs": {text: told}}


def go(tab, step, shown=True):
    """To a step, as it is before or after its reveal."""
    tab.locator(".step-progress button").nth(step - 1).click()
    whole.until(tab, "name => document.querySelector('.one-step h2')?.textContent.endsWith(name)", NAMES[step - 1])
    if shown and tab.locator(".guess-because").count() == 0:
        tab.keyboard.press("Space")
        tab.wait_for_selector(".guess-because")


def focus(x):
    """The word that looks, the word that is looked at, and the head where the cut of that edge changes most."""
    told = x.picture()["told"]
    by_head = {(k, h): abs(c or 0.0) for k, row in enumerate(told["by_head"]) for h, c in enumerate(row)}
    layer, head = max(by_head, key=by_head.get)
    return told["looks"], told["at"], layer, head


def rows(tab, caption):
    """A table of numbers whose caption has these words: {row: [cells]}."""
    table = tab.locator("table", has=tab.locator("caption", has_text=caption)).first
    lines = table.locator("tr").all()
    cells = [(line.locator("th[scope=row]"), line.locator("td")) for line in lines]
    return {name.inner_text(): [each.inner_text() for each in of.all()] for name, of in cells if name.count()}


def answered(tab):
    return [each.inner_text().lstrip("✓").strip() for each in tab.locator(".guess-choice.is-right").all()]


def test_space_alone_walks_from_the_question_to_the_verdict(tmp_path):
    with whole.opened(tmp_path, [whole.shipped().picture()], {"view": "steps", "step": 0}) as tab:
        tab.wait_for_selector(".opening")
        assert "Who told “terrible” about “not”?" in tab.inner_text(".opening")
        seen = []
        for _ in NAMES:
            tab.keyboard.press("Space")
            tab.wait_for_selector(".step-guess:not(.is-shown)")
            assert tab.locator(".step-switch").count() == 0
            seen.append(tab.inner_text(".one-step h2").split(" · ")[1])
            tab.keyboard.press("Space")
            tab.wait_for_selector(".step-guess.is-shown")
            tab.wait_for_selector(".step-switch .change-line")
            assert "causal" in tab.inner_text(".step-switch .badge")
        assert seen == NAMES
        assert "uses the edge from “not” to “terrible”" in tab.inner_text(".step-verdict")
        tab.keyboard.press("Space")
        assert tab.inner_text(".one-step h2").endswith("the answer")
        whole.until(tab, "() => location.hash.includes('step=9') && location.hash.includes('view=steps')")
        for name in NAMES[-2::-1]:
            tab.keyboard.press("Backspace")
            whole.until(tab, "n => document.querySelector('.one-step h2').textContent.endsWith(n)", name)
        tab.keyboard.press("PageUp")
        tab.wait_for_selector(".opening")


def test_one_score_by_hand_is_pythons_score(steps):
    go(steps, 4)
    steps.keyboard.press("=")
    x = whole.small()
    i, j, layer, head = focus(x)
    q, k = (x[f"L{layer}.H{head}.{kind}"].double() for kind in "qk")
    table = rows(steps, "computed here")
    total = 0.0
    for feature in range(4):
        written = [whole.number(cell) for cell in table[str(feature)]]
        total += (q[i, feature] * k[j, feature]).item()
        expected = [q[i, feature].item(), k[j, feature].item(), (q[i, feature] * k[j, feature]).item(), total]
        assert written == pytest.approx(expected, abs=1e-6)
    assert whole.number(table["score"][3]) == pytest.approx(x[f"L{layer}.H{head}.scores"][i, j].item(), abs=1e-5)
    best = x[f"L{layer}.H{head}.scores"][i].argmax().item()
    assert answered(steps) == [x.pieces[best]]
    steps.keyboard.press("=")


def test_softmax_and_mixture_are_pythons(steps):
    x = whole.small()
    i, j, layer, head = focus(x)
    weights, z = x[f"L{layer}.H{head}.weights"][i], x[f"L{layer}.H{head}.z"][i]
    go(steps, 6)
    steps.keyboard.press("=")
    table = rows(steps, "is taken off first")
    assert [whole.number(table[piece][2]) for piece in x.pieces] == pytest.approx(weights.tolist(), abs=1e-6)
    share = ["less than 10 %", "10 to 30 %", "30 to 60 %", "more than 60 %"]
    assert answered(steps) == [share[sum(weights[j].item() >= edge for edge in (0.1, 0.3, 0.6))]]
    go(steps, 7)
    table = rows(steps, "below, their sum z")
    assert [whole.number(cell) for cell in table["z"][1:]] == pytest.approx(z.tolist(), abs=1e-6)
    steps.keyboard.press("=")


def test_vectors_are_pythons(steps):
    x = whole.small()
    i = focus(x)[0]
    go(steps, 2)
    steps.keyboard.press("=")
    table = rows(steps, "all 8 numbers")
    named = {"what it is": "embed.pieces", "where it stands": "embed.places", "x": "embed.stream"}
    for name, site in named.items():
        row = x[site][min(i, len(x[site]) - 1)]
        assert [whole.number(cell) for cell in table[name]] == pytest.approx(row.tolist(), abs=1e-6)
    steps.keyboard.press("=")
    what, where = x["embed.pieces"][i].norm().item(), x["embed.places"][i].norm().item()
    right = "what it is" if what > 1.25 * where else "where it stands" if where > 1.25 * what else "about the same"
    assert answered(steps)[0].startswith(right)


def test_without_scaling_softmax_saturates(steps):
    x = whole.small()
    i, _, layer, head = focus(x)
    scores = x[f"L{layer}.H{head}.scores"][i].double()
    go(steps, 5)
    steps.keyboard.press("=")
    soft, hard = (scores / math.sqrt(4)).softmax(-1), scores.softmax(-1)
    off = rows(steps, "softmax(score): scaling off")
    assert [whole.number(off[piece][0]) for piece in x.pieces] == pytest.approx(hard.tolist(), abs=1e-6)
    steps.keyboard.press("=")
    assert answered(steps) == ["larger" if hard.max() > soft.max() + 0.005 else "the same"]


SWITCHED = {1: "word:{at}:mask", 2: "without:positions", 4: "cell:{head}[{i},{j}]", 5: "without:scaling"} | {
    3: "off:{head}:zero",
    6: "off:{head}:uniform",
    7: "off:{head}:mean",
    8: "without:heads",
    9: "cut:{looks}>{at}",
}


@pytest.mark.parametrize("step", sorted(SWITCHED))
def test_each_step_ends_with_a_switch_that_python_measures_alike(steps, step):
    x = whole.small()
    looks, at, layer, head = focus(x)
    i, j = (x._trial.words[word].pieces[0] for word in (looks, at))
    text = SWITCHED[step].format(looks=looks, at=at, i=i, j=j, head=f"L{layer}.H{head}")
    found = x.what_if(x.switch(text))
    go(steps, step)
    steps.wait_for_selector(".step-switch .change-line")
    before, after = [whole.number(each.lstrip("+")) for each in steps.locator(".change-value").all_inner_texts()]
    assert (before, after) == pytest.approx((found.before, found.after), rel=6e-3, abs=6e-3)
    assert f"n = {1}" in steps.inner_text(".step-switch .badge")
    assert ("turns from" in steps.inner_text(".change-line")) == found.flips


def test_a_guess_is_made_by_a_number_and_told_whether_it_was_right(steps):
    steps.reload()
    steps.wait_for_selector("html[data-ready]")
    go(steps, 1, shown=False)
    choices = [each.get_attribute("aria-label") for each in steps.locator(".guess-choice").all()]
    right = choices.index(str(len(whole.small().pieces)))
    wrong = (right + 1) % len(choices)
    steps.keyboard.press(str(wrong + 1))
    assert "Not here" in steps.inner_text(".guess-because")
    assert steps.locator(".guess-choice.is-wrong").count() == 1
    go(steps, 3, shown=False)
    steps.locator(".guess-choice", has_text="4").first.click()
    assert "Right: 4" in steps.inner_text(".guess-because")
    steps.keyboard.press("Space")  # after a click Space goes on
    whole.until(steps, "() => document.querySelector('.one-step h2').textContent.endsWith('one score by hand')")


def test_r_walks_the_same_step_on_the_next_model(steps):
    go(steps, 6)
    steps.keyboard.press("r")
    whole.until(steps, "() => document.querySelector('.step-model').textContent === 'sentiment'")
    assert steps.inner_text(".one-step h2").endswith("softmax")
    x = whole.shipped()
    i, j, layer, head = focus(x)
    weight = x[f"L{layer}.H{head}.weights"][i, j].item()
    assert whole.number(rows(steps, "is taken off first")[x.pieces[j]][2]) == pytest.approx(weight, rel=6e-3)
    steps.keyboard.press("r")
    whole.until(steps, "() => document.querySelector('.step-model').textContent === 'small'")


def test_the_steps_begin_on_tiny_whose_whole_sums_are_shown(tmp_path):
    tiny = read("tiny").explain(whole.SENTENCE, beside=())
    pictures = [whole.shipped().picture(), with_cell(tiny)]
    with whole.opened(tmp_path, pictures, {"view": "steps", "step": 0}) as tab:
        whole.until(tab, "() => document.querySelector('.opening')?.textContent.includes('tiny says')")
        assert "every sum fits on this screen" in tab.inner_text(".opening")
        go(tab, 4)
        table = rows(tab, "computed here")
        assert list(table) == ["0", "1", "2", "3", "score"]
        looks, at, layer, head = focus(tiny)
        i, j = (tiny._trial.words[word].pieces[0] for word in (looks, at))
        expected = tiny[f"L{layer}.H{head}.scores"][i, j].item()
        assert whole.number(table["score"][3]) == pytest.approx(expected, rel=6e-3)
        for step in range(1, 10):
            go(tab, step)
            tab.wait_for_selector(".step-switch .change-line")
            box = tab.locator(".step-switch").bounding_box()
            assert box["y"] >= 0 and box["y"] + box["height"] <= 800, f"the switch of step {step} is not in sight"


def test_a_switch_that_a_keyboard_is_on_is_pressed_by_space(steps):
    go(steps, 1)
    steps.wait_for_selector(".step-switch .change-line")
    steps.locator(".one-step h2").focus()
    while not steps.evaluate("document.activeElement.textContent.endsWith('taken out')"):
        steps.keyboard.press("Tab")
    steps.keyboard.press("Space")
    steps.wait_for_selector(".switch-toggle[aria-pressed=true]:has-text('taken out')")
    assert steps.inner_text(".one-step h2").endswith("pieces")


def test_labels_do_nothing_and_a_long_text_stays_small(tmp_path):
    text = "<img src=x onerror=alert(1)> \u202e not " + "good food " * 60
    x = made.reader(made.classifier(length=200)).explain(text, beside=())
    with whole.opened(tmp_path, [x.picture()], {"view": "steps", "step": 0}) as tab:
        tab.wait_for_selector(".opening")
        for _ in range(2 * len(NAMES)):
            tab.keyboard.press("Space")
            tab.wait_for_timeout(30)
            assert whole.nodes(tab) < 1500
        assert tab.locator("main img, main script").count() == 0


@pytest.mark.parametrize("look", LOOK)
def test_axe_finds_nothing_serious_and_nothing_is_wider_than_the_window(tmp_path, look):
    with whole.opened(tmp_path, [whole.shipped().picture()], {"view": "steps", "step": 0}, **LOOK[look]) as tab:
        tab.wait_for_selector(".opening")
        for press in range(2 * len(NAMES)):
            if press in (0, 1, 2, 8, 12, 18):
                assert whole.violations(tab) == []
            tab.keyboard.press("Space")
            tab.wait_for_timeout(30)
            assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_model_without_attention_is_told_so(tmp_path):
    x = read("bag-of-words").explain(whole.SENTENCE, beside=())
    with whole.opened(tmp_path, [x.picture()], {"view": "steps", "step": 4}) as tab:
        tab.wait_for_selector(".one-step")
        assert "has no attention" in tab.inner_text(".one-step")
