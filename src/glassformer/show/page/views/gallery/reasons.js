// Two heads on one word, and all heads of its layer, with what changes when each is off.

import { short } from "../../base/dom.js";
import { number, signed } from "../../base/format.js";
import { largestAt, largestFew, matrixRow } from "../steps/focus.js";
import { Drawing } from "./shapes.js";

const MOST_TOKENS = 20;
const TALL = 22;
const BAR = 110;
const RIGHT = 480; // where the figure of all heads begins

export const FIGURE_REASONS = {
  id: "reasons",
  title: "Two heads on one word, and all of them",
  source: "Alammar 2018, “The Beast With Many Heads”, figures of “it”; rows IT-10, IT-23, IT-24, SP-05",
  heads: true,
  positions: true,
  async make({ picture, source, layer, head, row }) {
    const all = await Promise.all(Array.from({ length: picture.model.heads[layer] }, (_, each) => source.head(picture, layer, each)));
    if (all.some(({ weights }) => !weights)) throw new Error("this file does not hold the weights of all heads; open it with glassformer open");
    const rows = all.map(({ weights }) => matrixRow(weights, row));
    const shown = { rows, layer, head, other: mostUnlike(rows, head), row };
    const badge = `weights: descriptive; change with a head off: causal (zero, ${picture.metric.name}, n = 1)`;
    return { drawing: drawReasons(picture, shown), caption: reasonsCaption(picture, shown), badge };
  },
};

/** The head of this layer whose row is most unlike that of `head`. */
function mostUnlike(rows, head) {
  const apart = rows.map((row) => row.reduce((total, each, j) => total + Math.abs(each - rows[head][j]), 0));
  return apart[largestAt(apart)] > 0 ? largestAt(apart) : head;
}

function drawReasons(picture, shown) {
  const { rows, head, other, row } = shown;
  const few = largestFew(rows[head].map((each, j) => each + rows[other][j]), MOST_TOKENS, [row]);
  const pen = new Drawing();
  drawTwoHeads(pen, picture, shown, few);
  drawAllHeads(pen, picture, shown, few);
  return pen;
}

function drawTwoHeads(pen, picture, { rows, head, other, row }, few) {
  const columns = [[head, 130, "above"], [other, 290, "below"]];
  pen.words(`${short(picture.pieces[row], 14)} looks at`, 0, 10, { weight: 650 });
  for (const [each, x, tone] of columns) pen.words(`head ${each}`, x, 10, { weight: 600, tone });
  few.forEach((at, k) => {
    const y = 30 + k * TALL;
    pen.words(short(picture.pieces[at], 14), 112, y + 8, { anchor: "end", weight: at === row ? 700 : 400 });
    for (const [each, x, tone] of columns) {
      const end = pen.bar(rows[each][at], 1, { x, y, length: BAR, tone });
      pen.words(number(rows[each][at]), end + 6, y + 8, { size: 11, tone: "quiet" });
    }
  });
}

function drawAllHeads(pen, picture, { rows, layer, head }, few) {
  const side = Math.max(10, Math.min(26, 300 / rows.length));
  const speak = (i, j, value) => `head ${i} to ${picture.pieces[few[j]]}: ${number(value)}`;
  pen.words("all heads of the layer; right, the change with it off", RIGHT, 10, { weight: 650 });
  const cells = { x: RIGHT + 40, y: 70, wide: TALL, tall: side, both: false, largest: 1, numbers: false, speak };
  const { right } = pen.cells(rows.map((each) => few.map((at) => each[at])), cells);
  few.forEach((at, j) => pen.words(short(picture.pieces[at], 8), RIGHT + 40 + (j + 0.6) * TALL, 64, { size: 10, turn: -60 }));
  const effects = picture.effects?.heads?.zero?.[layer] ?? [];
  const most = Math.max(1e-12, ...effects.map((each) => Math.abs(each ?? 0)));
  rows.forEach((_, k) => {
    const y = 70 + k * side;
    pen.words(`H${k}`, RIGHT + 32, y + side / 2, { anchor: "end", size: 11, weight: k === head ? 700 : 400 });
    if (typeof effects[k] !== "number") return;
    const end = pen.bar(effects[k], most, { x: right + 8, y: y + 2, length: 60, tall: Math.max(4, side - 5) });
    pen.words(signed(effects[k]), end + 6, y + side / 2, { size: 11 });
  });
}

function reasonsCaption(picture, { rows, layer, head, other, row }) {
  const most = (each) => `“${picture.pieces[largestAt(rows[each])]}”`;
  const two = `Head ${head} looks most at ${most(head)}, head ${other}, the most unlike, at ${most(other)}.`;
  return [
    `Layer ${layer} of ${picture.model.name}, the row of “${picture.pieces[row]}”. ${head === other ? "There is one head only." : two}`,
    "That heads look at different things is seen here; whether that matters to the answer the change beside them says.",
  ].join(" ");
}
