// A guess before the reveal: a question, up to nine answers, and afterwards which was right.

import { h } from "../../base/dom.js";

/** guess: {question, choices: [{label, right}], because}, null where the numbers are not held; state: {chosen, shown}; choose(k) is told what was chosen. */
export function guessBox(guess, { chosen, shown }, choose) {
  if (!guess) return h("p", { class: shown ? "step-guess is-shown" : "step-guess" }, "Nothing to guess here: the numbers are not in this file; open it with glassformer open.");
  const right = guess.choices.filter((choice) => choice.right).map((choice) => choice.label);
  const said = chosen === null ? "Here it is: " : guess.choices[chosen].right ? "Right: " : "Not here: ";
  return h(
    "fieldset",
    { class: shown ? "step-guess is-shown" : "step-guess" },
    h("legend", {}, h("span", { class: "guess-word" }, "Guess"), guess.question),
    h("div", { class: "guess-choices" }, guess.choices.map((choice, k) => choiceButton(choice, k, { chosen, shown }, choose))),
    shown && h("p", { class: "guess-because" }, h("strong", {}, `${said}${right.join(" or ")}. `), guess.because),
  );
}

function choiceButton({ label, right }, k, { chosen, shown }, choose) {
  const mark = shown && right ? "✓" : shown && chosen === k ? "✗" : String(k + 1);
  const kind = shown && right ? "guess-choice is-right" : shown && chosen === k ? "guess-choice is-wrong" : "guess-choice";
  const spoken = shown && right ? "right: " : shown && chosen === k ? "your guess: " : "";
  return h(
    "button",
    { type: "button", class: kind, "aria-disabled": shown ? "true" : null, "aria-pressed": String(chosen === k), "aria-label": `${spoken}${label}`, onclick: () => choose(k) },
    h("span", { class: "guess-key", "aria-hidden": "true" }, mark),
    label,
  );
}

/** Choices out of numbers or words, of which one is right. */
export function choicesOf(labels, right) {
  return labels.map((label, k) => ({ label: String(label), right: k === right }));
}

/** `right` among numbers like it, smallest first: [{label, right}]. */
export function numbersAround(right, others) {
  const all = [...new Set([right, ...others])].filter((each) => each > 0).sort((a, b) => a - b);
  return choicesOf(all, all.indexOf(right));
}
