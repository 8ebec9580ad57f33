// Steps 5 and 6: scores divided by √d, and what softmax makes of them.

import { cell } from "../../base/address.js";
import { h } from "../../base/dom.js";
import { number } from "../../base/format.js";
import { nothingHeld, scoreRow } from "./asking.js";
import { barsOf, formula, numbersTable, sharePercent } from "./drawn.js";
import { largestFew, matrixRow, quotedPiece, seenRow, sharesOf } from "./focus.js";

export const STEP_SCALING = {
  name: "scaling",
  says: ({ d }) => `A sum of ${d} products grows with ${d}. Divided by √${d} = ${number(Math.sqrt(d))}, it stays small enough that softmax does not give everything to one word.`,
  formula: ({ d }) => formula("*scaled", "_ij", " = ", "*score", "_ij", ` ÷ √${d}`),
  guess: (facts) => {
    if (!facts.scores) return null;
    const { soft, hard } = bothRows(facts);
    const [a, b] = [Math.max(...soft), Math.max(...hard)];
    const right = b > a + 0.005 ? 0 : b < a - 0.005 ? 2 : 1;
    return {
      question: `Without the division, the largest weight of ${quotedPiece(facts.picture, facts.i)} becomes …`,
      choices: ["larger", "the same", "smaller"].map((label, k) => ({ label, right: k === right })),
      because: `${sharePercent(a)} with it, ${sharePercent(b)} without. How far a weight can still be moved, weight · (1 − weight), is ${number(a * (1 - a))} with it and ${number(b * (1 - b))} without: where softmax is sure, it learns slowly.`,
    };
  },
  figure: (facts, { shown }) => {
    if (!facts.scores) return nothingHeld("scores");
    const { soft, hard } = bothRows(facts);
    const few = largestFew(soft, 10, [facts.i, facts.j]);
    const bars = (caption, row, hidden) =>
      barsOf({ caption, most: 1, hidden, text: sharePercent, rows: few.map((at) => ({ name: facts.picture.pieces[at], value: row[at], marked: at === facts.j })) });
    return [
      h("div", { class: "step-pair" }, bars(`softmax(score ÷ ${number(Math.sqrt(facts.d))})`, soft, false), bars("softmax(score): scaling off", hard, !shown)),
      shown && saturationOf(facts),
    ];
  },
  panel: ({ layer, head }) => h("gf-sheet", { matrices: "scores scaled", layer, head, bare: true }),
  switches: () => [{ label: "scaling off in the whole model", switches: ["without:scaling"] }],
};

/** The weights of the row that is looked at, with and without the division. */
function bothRows(facts) {
  const seen = (row) => sharesOf(seenRow(facts.picture, facts.i, row));
  const scores = scoreRow(facts);
  return { soft: seen(facts.scaled ? matrixRow(facts.scaled, facts.i) : scores), hard: seen(scores) };
}

/** The largest weight of every row of this head, on average, with the scores times 1, 2, 4 … instead. */
function saturationOf(facts) {
  const rows = Array.from({ length: facts.scores.shape[0] }, (_, i) => seenRow(facts.picture, i, matrixRow(facts.scaled, i)));
  const factors = [0.25, 0.5, 1, Math.sqrt(facts.d), 2 * facts.d];
  const mean = (factor) => rows.reduce((total, row) => total + Math.max(...sharesOf(row.map((each) => each * factor))), 0) / rows.length;
  return barsOf({
    caption: "the largest weight of a row, mean over all rows of this head, when its scaled scores are multiplied",
    most: 1,
    text: sharePercent,
    rows: factors.map((factor) => ({ name: `× ${number(factor)}`, value: mean(factor), marked: factor === 1, note: factor === 1 ? "as trained" : factor === Math.sqrt(facts.d) ? "without the division" : "" })),
  });
}

export const STEP_SOFTMAX = {
  name: "softmax",
  says: () => "Softmax makes shares of them: e to the power of each score, divided by the sum of all. Every word gets some, and together they are 100 %.",
  formula: () => formula("*weight", "_ij", " = ", "*e", "^scaled_ij", " ÷ Σ", "_j′", " ", "*e", "^scaled_ij′"),
  guess: (facts) => {
    const weight = weightRow(facts)[facts.j];
    if (weight === undefined) return null;
    const edges = [0.1, 0.3, 0.6];
    const right = edges.filter((edge) => weight >= edge).length;
    return {
      question: `How much of its looking does ${quotedPiece(facts.picture, facts.i)} give to ${quotedPiece(facts.picture, facts.j)} in this head?`,
      choices: ["less than 10 %", "10 to 30 %", "30 to 60 %", "more than 60 %"].map((label, k) => ({ label, right: k === right })),
      because: `The weight is ${number(weight)}. It says where the head looks, not yet whether that matters.`,
    };
  },
  figure: (facts, { shown }) => softmaxTable(facts, shown),
  panel: ({ layer, head }) => h("gf-sheet", { matrices: "weights effect", layer, head, bare: true }),
  switches: ({ layer, head, i, j, picture }) => [
    { label: `head L${layer}.H${head} looks everywhere alike`, switches: [`off:L${layer}.H${head}:uniform`] },
    { label: `${quotedPiece(picture, i)} may not look at ${quotedPiece(picture, j)} in this head`, switches: [`cell:L${layer}.H${head}[${i},${j}]`] },
  ],
  address: ({ layer, head, i, j }) => cell(layer, head, "weights", i, j),
};

export function weightRow(facts) {
  const exact = facts.scaled && !facts.scaled.rounded && facts.weights && facts.weights.rounded; // a file may hold both
  if (exact) return sharesOf(seenRow(facts.picture, facts.i, matrixRow(facts.scaled, facts.i)));
  return facts.weights ? matrixRow(facts.weights, facts.i) : [];
}

function softmaxTable(facts, shown) {
  if (!facts.scaled) return nothingHeld("scores");
  const scaled = seenRow(facts.picture, facts.i, matrixRow(facts.scaled, facts.i));
  const most = Math.max(...scaled);
  const powers = scaled.map((each) => Math.exp(each - most));
  const sum = powers.reduce((total, each) => total + each, 0);
  const few = largestFew(powers, 12, [facts.i, facts.j]);
  const row = (at) => [facts.picture.pieces[at], [scaled[at], powers[at], powers[at] / sum], at === facts.j];
  const left = powers.length - few.length;
  const others = left ? [[`${left} others`, ["", sum - few.reduce((total, at) => total + powers[at], 0), 1 - few.reduce((total, at) => total + powers[at] / sum, 0)]]] : [];
  return numbersTable({
    caption: `the row of ${quotedPiece(facts.picture, facts.i)}; the largest, ${number(most)}, is taken off first, which changes no share`,
    columns: ["scaled", "e^(scaled − largest)", "weight"],
    rows: [...few.map(row), ...others],
    foot: ["sum", ["", sum, 1]],
    hidden: shown ? [] : [2],
    shade: "each",
  });
}
