// Step 9: from the last stream to the answer, and the answer to the question of the beginning.

import { h, safe } from "../../base/dom.js";
import { answered, number, signed } from "../../base/format.js";
import { arcOver } from "./arc.js";
import { sentenceInLarge } from "./beginning.js";
import { badgeLine, barsOf, formula, sharePercent } from "./drawn.js";
import { quotedWord, spokenWords } from "./focus.js";
import { answerText } from "./switched.js";

const POOLED = {
  mean: "The vectors of all positions are averaged into one",
  max: "Of all positions' vectors the largest number of each feature is taken",
  cls: "The vector of the first, special piece is taken",
};

export const STEP_ANSWER = {
  name: "the answer",
  says: ({ picture }) => `${POOLED[picture.model.pool] || "The last vectors are read out"}; ${lastly(picture)} ${safe(picture.metric.name)}${picture.metric.of ? ` of ${safe(picture.metric.of)}` : ""}.`,
  formula: ({ picture }) => (picture.answer.probability ? formula("*logits", " = ", "*pooled", " ", "*W", " + ", "*b", "   log-odds = ln ", "*p", " ÷ (1 − ", "*p", ")") : formula("*value", " = ", picture.metric.name)),
  guess: (facts) => {
    const { picture, looks, at } = facts;
    const change = edgeChange(picture, looks, at);
    const turned = change !== null && picture.metric.sides && picture.before * (picture.before + change) < 0;
    const labels = picture.metric.sides ? ["the same, nothing changes much", "the same, but less or more sure", "another answer"] : ["nothing changes much", "something else"];
    const right = change === null ? 1 : turned ? 2 : Math.abs(change) < 0.1 * Math.abs(picture.before) ? 0 : 1;
    return {
      question: `Cut one edge everywhere: ${quotedWord(picture, looks)} may not look at ${quotedWord(picture, at)}. What does the model say now?`,
      choices: labels.map((label, k) => ({ label, right: k === right })),
      because: change === null ? "" : `${picture.metric.name} ${signed(picture.before)} becomes ${signed(picture.before + change)}${picture.metric.sides ? `: ${answered(picture.metric, picture.before + change)}` : ""}.`,
    };
  },
  figure: (facts, { shown }) => [shown && verdictOf(facts), answerFigure(facts.picture), shown && pathBars(facts.picture)],
  panel: () => h("gf-path", { bare: true }),
  switches: ({ picture, looks, at }) => {
    const control = picture.told && picture.told.control;
    const other = control ? control.at : spokenWords(picture).find((word) => word !== looks && word !== at);
    const edges = [{ label: `${quotedWord(picture, looks)} may not look at ${quotedWord(picture, at)}`, switches: [`cut:${looks}>${at}`] }];
    if (other !== undefined) edges.push({ label: `control: not at ${quotedWord(picture, other)} instead`, switches: [`cut:${looks}>${other}`] });
    return edges;
  },
};

/** What is done with the one vector. */
function lastly({ answer }) {
  return answer.probability ? "a last matrix makes of it what is measured here, the" : "that is the answer. What is measured of it: the";
}

/** The change of the measure when the edge is cut, where it was measured. */
function edgeChange({ told, effects }, looks, at) {
  if (told && told.looks === looks && told.at === at) return told.change;
  const edge = effects && effects.edges.find(([i, j]) => i === looks && j === at);
  return edge ? edge[2] : null;
}

function answerFigure(picture) {
  const { probability } = picture.answer;
  if (!probability) return h("p", { class: "answer-large" }, answerText(picture));
  const rows = Object.entries(probability).slice(0, 9).map(([name, value]) => ({ name, value, marked: name === picture.answer.says }));
  return barsOf({ caption: "the answer", most: 1, text: sharePercent, rows });
}

/** What each part brought to the measure: the largest, and the rest together, with their sum. */
function pathBars(picture) {
  if (!picture.path) return null;
  const terms = [...picture.path.terms].sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  const [most, rest] = [terms.slice(0, 6), terms.slice(6)];
  const rows = most.map(({ name, value }) => ({ name, value }));
  if (rest.length) rows.push({ name: `${rest.length} others`, value: rest.reduce((total, each) => total + each.value, 0) });
  const sum = terms.reduce((total, each) => total + each.value, 0);
  return barsOf({ caption: `what each part brings to ${safe(picture.path.of || picture.metric.name)}; together exactly ${number(sum)}`, text: signed, rows });
}

/** “Uses” is said only where the cut, a control and sentences alike bear it out. */
function verdictOf({ picture, looks, at }) {
  const { told } = picture;
  const [who, whom] = [quotedWord(picture, looks), quotedWord(picture, at)];
  if (!told || told.looks !== looks || told.at !== at) return h("p", { class: "step-verdict" }, `Whether ${who} was told by ${whom} has not been tried on other sentences here.`);
  const like = told.like ? ` In ${told.like.agree} of ${told.like.n} sentences of the same kind the cut pushes the same way.` : "";
  const control = told.control ? ` The control cut, ${who} not looking at ${quotedWord(picture, told.control.at)}, changes ${signed(told.control.change)}.` : "";
  const line = told.clear
    ? `Who told ${who} about ${whom}? Attention did: this model uses the edge from ${whom} to ${who}. Cut it and the ${picture.metric.name} changes by ${signed(told.change)}.`
    : told.clear === null && !told.doubt
      ? `The largest change comes from ${who} not looking at ${whom} (${signed(told.change)}); sentences of the same kind are still being asked.`
      : `The largest change comes from ${who} not looking at ${whom} (${signed(told.change)}), but it is not clear that this is the reason (${DOUBTS[told.doubt] || told.doubt}).`;
  const arc = arcOver(sentenceInLarge({ picture, looks, at }), { from: at, to: looks, label: `cut: ${signed(told.change)}` });
  return h("div", { class: "step-verdict" }, picture.words.length <= 30 && arc, line, control, like, " ", badgeLine(`causal (−∞ before softmax, ${picture.metric.name}, n = ${told.like ? told.like.n : 1})`));
}

const DOUBTS = {
  small: "the change is small",
  "no control": "there is nothing to hold it against",
  "like the control": "another cut changes about as much",
  alike: "sentences of the same kind do not agree",
};
