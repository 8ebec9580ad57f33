// The recap of multi-head attention on one page, and what is added and normalised after it.

import { short } from "../../base/dom.js";
import { number } from "../../base/format.js";
import { descriptiveOf } from "../steps/drawn.js";
import { largestFew, matrixRow } from "../steps/focus.js";
import { namedMatrix } from "./matrices.js";
import { drawnBar, drawnCells, drawnFrame, drawnLine, drawnWords, rowsOfMatrix } from "./shapes.js";

const ROWS_OF_POSTER = 8;
const HEADS_OF_POSTER = 4;

export const FIGURE_POSTER = {
  id: "poster",
  title: "Multi-head attention on one page",
  source: "Alammar 2018, “The Beast With Many Heads”, recap; Vaswani et al. 2017, section 3.2.2; rows IT-20 to IT-22",
  heads: true,
  async make({ picture, source, layer }) {
    const x = picture.arrays[layer ? `layers.${layer - 1}.stream` : "embed.stream"];
    const mixed = picture.arrays[`layers.${layer}.attention.mixed`];
    const count = Math.min(HEADS_OF_POSTER, picture.model.heads[layer]);
    const heads = await Promise.all(Array.from({ length: count }, (_, head) => source.head(picture, layer, head)));
    if (!x || heads.some(({ weights, z }) => !weights || !z)) throw new Error("this file does not hold what all heads of this text make; open it with glassformer open");
    return { drawing: posterDrawing(picture, { x, heads, mixed, layer }), caption: posterCaption(picture, layer, count), badge: descriptiveOf(picture) };
  },
};

function posterCaption(picture, layer, count) {
  const heads = picture.model.heads[layer];
  const more = count < heads ? ` ${count} of ${heads} heads are drawn.` : "";
  return `1 the text; 2 its vectors X (in layer ${layer} what the layer before hands on); 3 for each head its own q, k and v; 4 its weights and its mixture z; 5 all z one after the other, times W_O, is what attention adds to the stream.${more} Colours are real values of ${picture.model.name}, each matrix on its own scale.`;
}

function posterDrawing(picture, { x, heads, mixed, layer }) {
  const n = Math.min(picture.pieces.length, ROWS_OF_POSTER);
  const cell = 13;
  const width = (columns) => Math.min(cell, 104 / columns);
  const block = n * cell + 62;
  const middle = (heads.length * block) / 2 - block / 2 + 26;
  const shapes = [["1 the text", 0], ["2 X", 118], ["3 q, k, v", 270], ["4 weights, z", 452], ["5 all z", 640], ["× W_O", 800]].map(([text, at]) => drawnWords(text, at, 10, { weight: 650 }));
  shapes.push(...picture.pieces.slice(0, n).map((piece, i) => drawnWords(short(piece, 13), 106, middle + 29 + cell * i, { anchor: "end", size: 11 })));
  const from = namedMatrix(rowsOfMatrix(x, n), { name: "", shape: x.shape.join(" × "), x: 118, y: middle, cell, wide: width(x.shape[1]) });
  shapes.push(...from.shapes);
  const d = heads[0].z.shape[1];
  heads.forEach(({ q, weights, z }, head) => {
    const y = head * block + 26;
    const center = y + 22 + (n * cell) / 2;
    shapes.push(...drawnLine(from.right + 6, middle + 22 + (n * cell) / 2, 262, center, { tone: "quiet", pointed: true }));
    shapes.push(...drawnFrame(270, y + 20, 118, n * cell + 4, "line"), drawnWords(`head ${head}`, 329, center - 14, { anchor: "middle", weight: 600 }), drawnWords("own W_Q, W_K, W_V", 329, center + 4, { anchor: "middle", size: 10, tone: "quiet" }), drawnWords(`${x.shape[1]} × ${d} each`, 329, center + 19, { anchor: "middle", size: 10, tone: "quiet" }));
    const one = namedMatrix(rowsOfMatrix(weights, n, n), { name: q ? "" : "", shape: "weights", x: 420, y, cell, both: false, largest: 1 });
    const two = namedMatrix(rowsOfMatrix(z, n), { name: "", shape: `z${head}`, x: one.right + 14, y, cell, wide: width(d) / 1.6 });
    shapes.push(...drawnLine(392, center, 414, center, { tone: "quiet", pointed: true }), ...one.shapes, ...two.shapes, ...drawnLine(two.right + 4, center, 632, middle + 22 + (n * cell) / 2, { tone: "quiet", pointed: true }));
  });
  const all = Array.from({ length: n }, (_, i) => heads.flatMap(({ z }) => matrixRow(z, i)));
  const joined = namedMatrix(all, { name: "", shape: `${picture.pieces.length} × ${picture.model.heads[layer] * d}`, x: 640, y: middle, cell, wide: Math.min(9, 110 / all[0].length) });
  shapes.push(...joined.shapes);
  if (mixed) {
    const last = namedMatrix(rowsOfMatrix(mixed, n), { name: "", shape: `mixed, ${mixed.shape.join(" × ")}`, x: 800, y: middle, cell, wide: width(mixed.shape[1]) });
    shapes.push(...drawnLine(joined.right + 6, middle + 22 + (n * cell) / 2, 792, middle + 22 + (n * cell) / 2, { tone: "quiet", pointed: true }), ...last.shapes);
  }
  return { shapes, width: 930, height: heads.length * block + 40 };
}

const CELLS_OF_RESIDUAL = 16;

export const FIGURE_RESIDUAL = {
  id: "residual",
  title: "Added, then normalised",
  source: "Alammar 2018, “The Residuals”; Vaswani et al. 2017, section 3.1; Ba et al. 2016, section 3; rows IT-30, IT-31",
  heads: true,
  positions: true,
  make({ picture, layer, row }) {
    const names = [layer ? `layers.${layer - 1}.stream` : "embed.stream", `layers.${layer}.attention.mixed`, `layers.${layer}.between`];
    const arrays = names.map((name) => picture.arrays[name]);
    if (arrays.some((each) => !each)) throw new Error("this file does not hold the stream of this text; open it with glassformer open");
    const [x, mixed, between] = arrays.map((array) => matrixRow(array, row));
    const sum = x.map((each, f) => each + mixed[f]);
    const facts = momentsOf(sum);
    const normalised = sum.map((each) => (each - facts.mean) / Math.sqrt(facts.variance));
    const post = picture.model.block !== "pre";
    return { drawing: residualDrawing({ x, mixed, sum, normalised, between, post, facts }), caption: residualCaption(picture, { row, layer, post, facts, normalised, between }), badge: descriptiveOf(picture) };
  },
};

/** Mean and variance of a vector, the variance over all of its numbers. */
export function momentsOf(vector) {
  const mean = vector.reduce((total, each) => total + each, 0) / vector.length;
  return { mean, variance: vector.reduce((total, each) => total + (each - mean) ** 2, 0) / vector.length };
}

function residualDrawing({ x, mixed, sum, normalised, between, post, facts }) {
  const w = x.length;
  const numbers = w <= CELLS_OF_RESIDUAL;
  const wide = numbers ? 44 : Math.max(1.5, 704 / w);
  const rows = [["x", x, "what the layer reads"], ["z", mixed, "what attention adds"], ["x + z", sum, post ? "" : "handed on as it is"]];
  if (post) rows.push(["(x + z − mean) ÷ √variance", normalised, ""], ["LayerNorm(x + z)", between, "then × gain + shift, learned"]);
  const shapes = rows.flatMap(([name, row, what], k) => {
    const y = 6 + 52 * k;
    return [...drawnCells([row], { x: 196, y, wide, tall: 26, numbers }).shapes, drawnWords(name, 188, y + 9, { anchor: "end", weight: 600, size: 12 }), drawnWords(what, 188, y + 24, { anchor: "end", size: 9.5, tone: "quiet" })];
  });
  const y = 6 + 52 * rows.length;
  shapes.push(drawnWords(`x + z: mean ${number(facts.mean)}, variance ${number(facts.variance)}`, 196, y + 10));
  return { shapes, width: 210 + wide * w, height: y + 30 };
}

function residualCaption(picture, { row, layer, post, facts, normalised, between }) {
  const after = momentsOf(normalised);
  const own = momentsOf(between);
  const piece = picture.pieces[row];
  const head = `“${piece}”, layer ${layer} of ${picture.model.name}: what attention gives is added to what was there, so nothing is lost on the way.`;
  if (!post) return `${head} This model normalises what is read instead of the stream (pre-norm), so x + z goes on as it is.`;
  return `${head} Then every position is brought to one scale: mean ${number(facts.mean)} and variance ${number(facts.variance)} become ${number(after.mean)} and ${number(after.variance)}; with the learned gain and shift ${number(own.mean)} and ${number(own.variance)}.`;
}

export const FIGURE_REASONS = {
  id: "reasons",
  title: "Two heads on one word, and all of them",
  source: "Alammar 2018, “The Beast With Many Heads”, figures of “it”; rows IT-10, IT-23, IT-24, SP-05",
  heads: true,
  positions: true,
  async make({ picture, source, layer, head, row }) {
    const count = picture.model.heads[layer];
    const all = await Promise.all(Array.from({ length: count }, (_, each) => source.head(picture, layer, each)));
    if (all.some(({ weights }) => !weights)) throw new Error("this file does not hold the weights of all heads; open it with glassformer open");
    const rows = all.map(({ weights }) => matrixRow(weights, row));
    const other = mostUnlike(rows, head);
    return { drawing: reasonsDrawing(picture, { rows, layer, head, other, row }), caption: reasonsCaption(picture, { layer, head, other, row, rows }), badge: `weights: descriptive; change with a head off: causal (zero, ${picture.metric.name}, n = 1)` };
  },
};

/** The head of this layer whose row is most unlike that of `head`. */
function mostUnlike(rows, head) {
  const apart = rows.map((row) => row.reduce((total, each, j) => total + Math.abs(each - rows[head][j]), 0));
  return apart.reduce((best, each, k) => (each > apart[best] ? k : best), head);
}

const MOST_TOKENS = 20;

function reasonsDrawing(picture, { rows, layer, head, other, row }) {
  const few = largestFew(rows[head].map((each, j) => each + rows[other][j]), MOST_TOKENS, [row]);
  const n = few.length;
  const tall = 22;
  const shapes = [drawnWords(`${short(picture.pieces[row], 14)} looks at`, 0, 10, { weight: 650 }), drawnWords(`head ${head}`, 130, 10, { weight: 600, tone: "above" }), drawnWords(`head ${other}`, 290, 10, { weight: 600, tone: "below" })];
  for (const [k, j] of few.entries()) {
    const y = 30 + k * tall;
    shapes.push(drawnWords(short(picture.pieces[j], 14), 112, y + 8, { anchor: "end", weight: j === row ? 700 : 400 }));
    shapes.push(drawnBar(rows[head][j], 1, { x: 130, y, length: 110 }), drawnWords(number(rows[head][j]), 136 + 110 * rows[head][j], y + 8, { size: 11, tone: "quiet" }));
    shapes.push({ ...drawnBar(rows[other][j], 1, { x: 290, y, length: 110 }), tone: "below" }, drawnWords(number(rows[other][j]), 296 + 110 * rows[other][j], y + 8, { size: 11, tone: "quiet" }));
  }
  const side = Math.max(10, Math.min(26, 300 / rows.length));
  const x = 480;
  const cells = drawnCells(rows.map((each) => few.map((j) => each[j])), { x: x + 40, y: 70, wide: tall, tall: side, both: false, largest: 1, numbers: false, speak: (i, j, value) => `head ${i} to ${picture.pieces[few[j]]}: ${number(value)}` });
  shapes.push(drawnWords("all heads of the layer; right, the change with it off", x, 10, { weight: 650 }), ...cells.shapes);
  shapes.push(...few.map((at, j) => drawnWords(short(picture.pieces[at], 8), x + 40 + (j + 0.6) * tall, 64, { size: 10, turn: -60 })));
  const effects = picture.effects?.heads?.zero?.[layer] ?? [];
  const most = Math.max(1e-12, ...effects.map((each) => Math.abs(each ?? 0)));
  rows.forEach((_, k) => {
    const y = 70 + k * side;
    shapes.push(drawnWords(`H${k}`, x + 32, y + side / 2, { anchor: "end", size: 11, weight: k === head ? 700 : 400 }));
    if (effects[k] === null || effects[k] === undefined) return;
    shapes.push(drawnBar(effects[k], most, { x: x + 48 + cells.width, y: y + 2, length: 60, tall: Math.max(4, side - 5) }), drawnWords(number(effects[k]), x + 56 + cells.width + 60 * (Math.abs(effects[k]) / most), y + side / 2, { size: 11 }));
  });
  return { shapes, width: Math.max(x + cells.width + 180, x + 370), height: Math.max(44 + n * tall, 84 + cells.height) };
}

function reasonsCaption(picture, { layer, head, other, row, rows }) {
  const most = (each) => picture.pieces[rows[each].indexOf(Math.max(...rows[each]))];
  const same = head === other ? "There is one head only." : `Head ${head} looks most at “${most(head)}”, head ${other}, the most unlike, at “${most(other)}”.`;
  return `Layer ${layer} of ${picture.model.name}, the row of “${picture.pieces[row]}”. ${same} That heads look at different things is seen here; that they do so for reasons that matter is what the change beside them says, or denies.`;
}
