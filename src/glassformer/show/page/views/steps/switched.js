// The causal switch of a step: what the answer was, what it is with something switched, and the same switch elsewhere.

import { h, safe } from "../../base/dom.js";
import { answered, badge, number, signed } from "../../base/format.js";
import { badgeLine, sharePercent } from "./drawn.js";

/** switches: [{label, switches}] of which number `on` is shown; facts.results keeps what was measured. */
export function switchBox(facts, switches, on, choose) {
  const chosen = switches[Math.min(on, switches.length - 1)];
  return h(
    "section",
    { class: "step-switch", "aria-label": "A switch, and what it changes" },
    h("h3", {}, "Switch it, and see"),
    h("div", { class: "switch-choices" }, switches.map((each, k) => switchButton(each, k === on, () => choose(k)))),
    h("div", { class: "switch-result" }, resultOf(facts, chosen)),
  );
}

function switchButton({ label }, on, press) {
  return h("button", { type: "button", class: "switch-toggle", "aria-pressed": String(on), onclick: press }, label);
}

/** Measure a switch through the source, once; `then` is called when it is there. */
export function measureSwitch(facts, { switches }, then) {
  const key = switches.join(" ");
  if (facts.results.has(key)) return;
  facts.results.set(key, { waiting: true });
  facts.source
    .whatIf(facts.picture, switches)
    .then((result) => facts.results.set(key, { result }))
    .catch((error) => facts.results.set(key, { error: error.message }))
    .finally(then);
}

function resultOf(facts, chosen) {
  const { result, error } = facts.results.get(chosen.switches.join(" ")) || {};
  if (error) return h("p", { class: "aside" }, `Not measured here: ${safe(error)}`);
  if (!result) return h("p", { class: "aside" }, "measuring …");
  return [changeLine(facts.picture, result), changeFigure(facts.picture, result), controlLine(result), badgeOf(facts.picture, result)];
}

function changeLine(picture, { before, after, change, flips }) {
  const { metric } = picture;
  const small = Math.abs(change) < metric.least;
  const [was, is] = [answered(metric, before), answered(metric, after)];
  const verdict = flips ? `the answer turns from ${safe(was)} to ${safe(is)}` : small ? "next to nothing changes" : is ? `the answer stays ${safe(is)}` : "";
  return h(
    "p",
    { class: "change-line" },
    `${metric.name}: `,
    h("span", { class: "change-value" }, signed(before)),
    " → ",
    h("span", { class: "change-value" }, signed(after)),
    h("span", { class: change < 0 ? "change-delta is-below" : "change-delta is-above" }, ` (${signed(change)})`),
    verdict && ", ",
    verdict && h(flips ? "strong" : "span", {}, verdict),
    ".",
  );
}

/** Before and after on the scale of the measure, with zero and, behind, the controls. */
function changeFigure(picture, { before, after, controls }) {
  const all = [before, after, 0, ...controls.map(([, value]) => value)];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const at = (value) => 20 + (560 * (value - low)) / Math.max(1e-9, high - low);
  const [x0, x1] = [at(before), at(after)];
  const tip = x1 < x0 ? 7 : -7;
  const label = `from ${number(before)} to ${number(after)}`;
  return h(
    "svg",
    { class: "change-figure", viewBox: "0 0 600 46", role: "img", "aria-label": label },
    h("line", { class: "change-axis", x1: 20, x2: 580, y1: 22, y2: 22 }),
    h("line", { class: "change-zero", x1: at(0), x2: at(0), y1: 8, y2: 30 }),
    h("text", { class: "change-tick", x: at(0), y: 44 }, "0"),
    controls.slice(0, 40).map(([name, value]) => h("line", { class: "named-control", x1: at(value), x2: at(value), y1: 15, y2: 29 }, h("title", {}, safe(name)))),
    h("line", { class: after < before ? "change-arrow is-below" : "change-arrow is-above", x1: x0, x2: x1, y1: 22, y2: 22 }),
    Math.abs(x1 - x0) > 8 && h("path", { class: after < before ? "change-tip is-below" : "change-tip is-above", d: `M${x1} 22l${tip} -6v12z` }),
    h("circle", { class: "change-from", cx: x0, cy: 22, r: 5 }),
  );
}

function controlLine({ controls, change, before }) {
  if (!controls.length) return null;
  const moved = controls.map(([, value]) => Math.abs(value - before));
  const mean = moved.reduce((total, each) => total + each, 0) / moved.length;
  const one = controls.length === 1 ? `${safe(controls[0][0])}: ${signed(controls[0][1] - before)}` : `mean of ${controls.length} others: ${number(mean)}`;
  return h("p", { class: "aside" }, `Control, the same switch elsewhere: ${one}; here ${signed(change)}.`);
}

function badgeOf(picture, { baseline, n = 1, exact = true }) {
  return badgeLine(badge(picture, baseline, n, exact));
}

/** p of the answer, in words: “positive, 97 %”. */
export function answerText(picture) {
  const { says, probability, share } = picture.answer;
  const mine = probability && probability[says] !== undefined ? probability[says] : share;
  return mine === null || mine === undefined ? safe(says) : `${safe(says)}, ${sharePercent(mine)}`;
}
