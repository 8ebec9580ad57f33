// What attention gives is added to what was there, and brought to one scale.

import { number } from "../../base/format.js";
import { descriptiveOf } from "../steps/drawn.js";
import { matrixRow } from "../steps/focus.js";
import { Drawing, streamBefore } from "./shapes.js";

const MOST_NUMBERS = 16; // that are written into their cells
const NAMES = 188; // where the names end
const STEP = 52;

export const FIGURE_RESIDUAL = {
  id: "residual",
  title: "Added, then normalised",
  source: "Alammar 2018, “The Residuals”; Vaswani et al. 2017, section 3.1; Ba et al. 2016, section 3; rows IT-30, IT-31",
  heads: true,
  positions: true,
  make({ picture, layer, row }) {
    const arrays = [streamBefore(picture, layer), picture.arrays[`layers.${layer}.attention.mixed`], picture.arrays[`layers.${layer}.between`]];
    if (arrays.some((each) => !each)) throw new Error("this file does not hold the stream of this text; open it with glassformer open");
    const [x, mixed, between] = arrays.map((array) => matrixRow(array, row));
    const sum = x.map((each, f) => each + mixed[f]);
    const facts = momentsOf(sum);
    const normalised = sum.map((each) => (each - facts.mean) / Math.sqrt(facts.variance));
    const rows = { x, mixed, sum, normalised, between, facts, post: picture.model.block !== "pre" };
    return { drawing: drawResidual(rows), caption: residualCaption(picture, rows, layer, row), badge: descriptiveOf(picture) };
  },
};

/** Mean and variance of a vector, the variance over all of its numbers. */
export function momentsOf(vector) {
  const mean = vector.reduce((total, each) => total + each, 0) / vector.length;
  return { mean, variance: vector.reduce((total, each) => total + (each - mean) ** 2, 0) / vector.length };
}

function drawResidual({ x, mixed, sum, normalised, between, facts, post }) {
  const rows = [["x", x, "what the layer reads"], ["z", mixed, "what attention adds"], ["x + z", sum, post ? "" : "handed on as it is"]];
  if (post) rows.push(["(x + z − mean) ÷ √variance", normalised, ""], ["LayerNorm(x + z)", between, "then × gain + shift, learned"]);
  const wide = x.length <= MOST_NUMBERS ? 44 : Math.max(0.5, 704 / x.length);
  const pen = new Drawing();
  rows.forEach(([name, row, what], k) => {
    const y = 6 + STEP * k;
    pen.cells([row], { x: NAMES + 8, y, wide, tall: 26, numbers: x.length <= MOST_NUMBERS });
    pen.words(name, NAMES, y + 9, { anchor: "end", weight: 600, size: 12 }).words(what, NAMES, y + 24, { anchor: "end", size: 9.5, tone: "quiet" });
  });
  return pen.words(`x + z: mean ${number(facts.mean)}, variance ${number(facts.variance)}`, NAMES + 8, 16 + STEP * rows.length);
}

function residualCaption(picture, { facts, normalised, between, post }, layer, row) {
  const head = `“${picture.pieces[row]}”, layer ${layer} of ${picture.model.name}: what attention gives is added to what was there, so nothing is lost on the way.`;
  if (!post) return `${head} This model normalises what is read instead of the stream (pre-norm), so x + z goes on as it is.`;
  const [after, own] = [momentsOf(normalised), momentsOf(between)];
  return [
    `${head} Then every position is brought to one scale: mean ${number(facts.mean)} and variance ${number(facts.variance)}`,
    `become ${number(after.mean)} and ${number(after.variance)}; with the learned gain and shift ${number(own.mean)} and ${number(own.variance)}.`,
  ].join(" ");
}
