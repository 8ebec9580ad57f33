// Claims of the sources, tried: on this text where they are about attention, and on their own printed figures.

import { number, percent } from "../../base/format.js";
import { descriptiveOf, numbersTable } from "../steps/drawn.js";
import { sharesOf } from "../steps/focus.js";
import { ownFirst } from "./basic.js";
import { Drawing, rowsOfMatrix } from "./shapes.js";

export const FIGURE_OWN_WORD = {
  id: "own-word",
  title: "Does a word look at itself most?",
  source: "Alammar 2018: “Clearly the word at this position will have the highest softmax score”; rows IT-46, SP-05",
  async make({ picture, source }) {
    const pairs = picture.model.heads.flatMap((count, layer) => Array.from({ length: count }, (_, head) => [layer, head]));
    const rows = [];
    for (const [layer, head] of pairs) {
      const { weights } = await source.head(picture, layer, head);
      if (weights) rows.push({ name: `L${layer}.H${head}`, own: ownFirst(rowsOfMatrix(weights)) });
    }
    if (!rows.length) throw new Error("this file holds no weights of this text; open it with glassformer open");
    const n = picture.pieces.length;
    return { drawing: ownDrawing(rows, n), caption: ownCaption(picture, rows, n), badge: `${descriptiveOf(picture)}, ${rows.length} heads × ${n} rows of one text` };
  },
};

const MOST_BARS = 24;

function ownDrawing(all, n) {
  const rows = [...all].sort((a, b) => b.own - a.own).slice(0, MOST_BARS);
  const pen = new Drawing();
  rows.forEach(({ name, own }, k) => {
    const y = 6 + 22 * k;
    pen.words(name, 70, y + 8, { anchor: "end" }).words(`${own} of ${n}`, 412, y + 8);
    pen.bar(own, n, { x: 80, y, length: 320, tall: 15 });
  });
  return pen;
}

function ownCaption(picture, rows, n) {
  const total = rows.reduce((sum, each) => sum + each.own, 0);
  const shown = rows.length > MOST_BARS ? `The ${MOST_BARS} heads with most are drawn.` : "";
  const every = rows.length * n;
  return [
    `In how many rows of each head of ${picture.model.name} the piece itself has the largest weight: ${total} of ${every} (${percent(total / every)}).`,
    `By chance it would be one in ${n}, ${percent(1 / n)}.`,
    total === every ? "Here the claim holds everywhere." : "So the claim does not hold in general; a head may look anywhere.",
    shown,
  ].join(" ");
}

// The rows that the post prints as a trained model's distributions, over its vocabulary of six: the source's own figures.
const PRINTED = {
  words: ["a", "am", "I", "thanks", "student", "<eos>"],
  rows: [
    [0.01, 0.02, 0.93, 0.01, 0.03, 0.01],
    [0.01, 0.8, 0.1, 0.05, 0.01, 0.03],
    [0.99, 0.001, 0.001, 0.001, 0.002, 0.001],
    [0.001, 0.002, 0.001, 0.02, 0.94, 0.01],
    [0.01, 0.01, 0.001, 0.001, 0.001, 0.98],
  ],
};

export const FIGURE_PRINTED = {
  id: "printed-rows",
  title: "Find the flaw: distributions that do not sum to 1",
  source: "Alammar 2018, “The Loss Function”, trained model probability distributions; row IT-41",
  make() {
    const rows = PRINTED.rows.map((row, k) => [`position ${k + 1}`, [...row.map(String), row.reduce((total, each) => total + each, 0).toFixed(3)]]);
    const table = () => numbersTable({ caption: "as printed (the source's own figures); the sum is computed here", columns: [...PRINTED.words, "sum"], rows });
    const off = rows.filter(([, row]) => Number(row.at(-1)) !== 1).length;
    return { element: table, caption: `A softmax gives shares that sum to 1. Of the five rows printed, ${off} do not: they were made up to show the idea. The right piece stands out all the same.`, badge: "the source's figures; sums computed in this page" };
  },
};

export const FIGURE_EIGHT = {
  id: "112-14-088",
  title: "112, 14, 0.88",
  source: "Alammar 2018, “Self-Attention in Detail”, steps 2 to 4: scores 112 and 96, d = 64 (the source's own figures); rows IT-12 to IT-14, SP-03",
  controls: [
    { name: "first", label: "q1 · k1", least: -200, most: 200, step: 1, value: 112 },
    { name: "second", label: "q1 · k2", least: -200, most: 200, step: 1, value: 96 },
    { name: "d", label: "d", least: 1, most: 1024, step: 1, value: 64 },
  ],
  make({ state }) {
    const scores = [state.first, state.second];
    const scaled = scores.map((score) => score / Math.sqrt(state.d));
    const [soft, hard] = [sharesOf(scaled), sharesOf(scores)];
    const rows = scores.map((score, k) => [`q1 · k${k + 1}`, [score, scaled[k], soft[k], hard[k]]]);
    const columns = ["score", `÷ √${state.d}`, "softmax", "softmax without ÷ √d"];
    return { element: () => numbersTable({ caption: "two scores, computed here", columns, rows }), caption: eightCaption(state.d, soft, hard), badge: "computed in this page" };
  },
};

function eightCaption(d, soft, hard) {
  const most = Math.max(...hard);
  return [
    `Divided by √${d} = ${number(Math.sqrt(d))}, the scores give ${number(soft[0])} and ${number(soft[1])}.`,
    `Not divided, what is left for the other word is ${number(1 - most)}, and the slope of softmax there, weight · (1 − weight),`,
    `is ${number(most * (1 - most))} instead of ${number(soft[0] * soft[1])}: the steeper a softmax, the less it still learns.`,
  ].join(" ");
}
