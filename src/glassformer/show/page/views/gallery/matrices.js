// The matrix form of one head, and basic self-attention, which has no parameters, beside it.

import { short } from "../../base/dom.js";
import { number } from "../../base/format.js";
import { descriptiveOf } from "../steps/drawn.js";
import { dotOf, largestAt, sharesOf } from "../steps/focus.js";
import { drawnCells, drawnFrame, drawnWords, rowsOfMatrix } from "./shapes.js";

const MOST_ROWS = 12;

export const FIGURE_MATRICES = {
  id: "matrix-form",
  title: "The same as matrices",
  source: "Alammar 2018, “Matrix Calculation of Self-Attention”; Vaswani et al. 2017, equation 1; rows IT-17, IT-18",
  heads: true,
  async make({ picture, source, layer, head }) {
    const values = await source.head(picture, layer, head);
    if (!values.q) throw new Error("this file holds no q, k and v of this text; open it with glassformer open");
    const x = picture.arrays[layer ? `layers.${layer - 1}.stream` : "embed.stream"];
    const top = x ? projections(picture, x, values) : { shapes: [], width: 0, height: 0 };
    const bottom = softmaxRow(picture, values, top.height + 40);
    const shapes = [...top.shapes, ...bottom.shapes];
    return { drawing: { shapes, width: Math.max(top.width, bottom.width), height: bottom.height }, caption: matrixCaption(picture, x, values), badge: descriptiveOf(picture) };
  },
};

function matrixCaption(picture, x, { q }) {
  const [n, d] = q.shape;
  const few = n > MOST_ROWS ? ` ${MOST_ROWS} of ${n} rows are drawn.` : "";
  return `A row is a piece. X (${n} × ${x ? x.shape[1] : picture.model.width}) times three learned matrices gives Q, K and V (${n} × ${d}); softmax(Q Kᵀ ÷ √${d}), ${n} × ${n}, times V gives Z. W_Q, W_K and W_V (with their biases) are weights, not values of this text, so only their shapes are drawn.${few}`;
}

/** A matrix with its name above and its shape below: {shapes, right, bottom}. */
export function namedMatrix(rows, { name, shape, x, y, cell = 14, wide = null, both = true, largest = null, tone = "ink" }) {
  const cells = drawnCells(rows, { x, y: y + 22, wide: wide ?? cell, tall: cell, both, largest, numbers: false, speak: (i, j, value) => `${name}[${i},${j}] = ${number(value)}` });
  const words = [drawnWords(name, x + cells.width / 2, y + 10, { anchor: "middle", weight: 650, tone }), drawnWords(shape, x + cells.width / 2, y + 36 + cells.height, { anchor: "middle", size: 11, tone: "quiet" })];
  return { shapes: [...cells.shapes, ...words, ...drawnFrame(x - 1, y + 21, cells.width + 1, cells.height + 1, "line")], right: x + cells.width, bottom: y + 44 + cells.height };
}

function projections(picture, x, { q, k, v }) {
  const shapes = [];
  const across = Math.min(14, 260 / x.shape[1]);
  const narrow = Math.min(14, 120 / q.shape[1]);
  const [n, w] = x.shape;
  const d = q.shape[1];
  const rows = Math.min(n, MOST_ROWS);
  let y = 0;
  let right = 0;
  for (const [name, matrix] of [["Q", q], ["K", k], ["V", v]]) {
    const left = namedMatrix(rowsOfMatrix(x, MOST_ROWS), { name: "X", shape: `${n} × ${w}`, x: 120, y, wide: across });
    shapes.push(...picture.pieces.slice(0, rows).map((piece, i) => drawnWords(short(piece, 14), 112, y + 29 + 14 * i, { anchor: "end", size: 11 })));
    const at = left.right + 46;
    const box = Math.max(34, narrow * d);
    shapes.push(...left.shapes, drawnWords("×", left.right + 22, y + 50, { anchor: "middle", size: 18 }), ...drawnFrame(at, y + 21, box, 70), drawnWords(`W_${name}`, at + box / 2, y + 10, { anchor: "middle", weight: 650 }), drawnWords("learned", at + box / 2, y + 56, { anchor: "middle", size: 10, tone: "quiet" }), drawnWords(`${w} × ${d}`, at + box / 2, y + 105, { anchor: "middle", size: 11, tone: "quiet" }));
    const result = namedMatrix(rowsOfMatrix(matrix, MOST_ROWS), { name, shape: `${n} × ${d}`, x: at + box + 46, y, wide: narrow });
    shapes.push(drawnWords("=", at + box + 22, y + 50, { anchor: "middle", size: 18 }), ...result.shapes);
    y = Math.max(left.bottom, y + 118) + 12;
    right = result.right;
  }
  return { shapes, width: right + 30, height: y };
}

/** softmax( Q × Kᵀ ÷ √d ) V = Z, and the weights that come of it. */
function softmaxRow(picture, { q, k, v, weights, z }, top) {
  const d = q.shape[1];
  const n = Math.min(q.shape[0], MOST_ROWS);
  const narrow = Math.min(14, 120 / d);
  const [asks, keys, values, mixed] = [q, k, v, z].map((each) => rowsOfMatrix(each, MOST_ROWS));
  const turned = keys[0].map((_, f) => keys.map((row) => row[f]));
  const shapes = [drawnWords("softmax(", 30, top + 60, { size: 18 })];
  const one = namedMatrix(asks, { name: "Q", shape: `${q.shape.join(" × ")}`, x: 112, y: top, wide: narrow });
  const two = namedMatrix(turned, { name: "Kᵀ", shape: `${d} × ${k.shape[0]}`, x: one.right + 44, y: top, wide: 14, cell: narrow });
  const three = namedMatrix(rowsOfMatrix(weights, MOST_ROWS, MOST_ROWS), { name: "weights", shape: `${q.shape[0]} × ${k.shape[0]}`, x: 112, y: Math.max(one.bottom, two.bottom) + 30, both: false, largest: 1 });
  const y = Math.max(one.bottom, two.bottom) + 30;
  const four = namedMatrix(values, { name: "V", shape: v.shape.join(" × "), x: three.right + 56, y, wide: narrow });
  const five = namedMatrix(mixed, { name: "Z", shape: z.shape.join(" × "), x: four.right + 56, y, wide: narrow });
  shapes.push(...one.shapes, drawnWords("×", one.right + 22, top + 60, { anchor: "middle", size: 18 }), ...two.shapes, drawnWords(`÷ √${d} )`, two.right + 14, top + 60, { size: 18 }));
  shapes.push(drawnWords("=", 60, y + 60, { size: 18, anchor: "middle" }), ...three.shapes, drawnWords("×", three.right + 28, y + 60, { anchor: "middle", size: 18 }), ...four.shapes, drawnWords("=", four.right + 28, y + 60, { anchor: "middle", size: 18 }), ...five.shapes);
  shapes.push(...picture.pieces.slice(0, n).map((piece, i) => drawnWords(short(piece, 14), 104, y + 29 + 14 * i, { anchor: "end", size: 11 })));
  return { shapes, width: Math.max(two.right + 90, five.right + 20), height: five.bottom + 10 };
}

export const FIGURE_BASIC = {
  id: "basic",
  title: "Basic self-attention: no parameters at all",
  source: "Bloem 2019, Transformers from scratch, “Self-attention”; rows BL-01, SP-02",
  heads: true,
  async make({ picture, source, layer, head }) {
    const x = picture.arrays["embed.stream"];
    const { weights } = await source.head(picture, layer, head);
    if (!x || !weights) throw new Error("this file holds no vectors of this text; open it with glassformer open");
    const basic = basicWeights(rowsOfMatrix(x));
    const learned = rowsOfMatrix(weights);
    const drawing = besideEachOther(picture, [["x·x, softmax", basic], ["x·x ÷ √w, softmax", basicWeights(rowsOfMatrix(x), Math.sqrt(x.shape[1]))], [`learned: L${layer}.H${head}`, learned]]);
    return { drawing, caption: basicCaption(picture, basic, learned), badge: descriptiveOf(picture), tables: [weightsTable(picture, basic)] };
  },
};

/** w′_ij = x_i · x_j (÷ by), softmax by rows. */
export function basicWeights(rows, by = 1) {
  return rows.map((one) => sharesOf(rows.map((other) => dotOf(one, other) / by)));
}

/** In how many rows the piece itself has the largest weight. */
export function ownFirst(rows) {
  return rows.filter((row, i) => largestAt(row) === i).length;
}

function basicCaption(picture, basic, learned) {
  return `y_i = Σ_j w_ij x_j with w = softmax(x_i · x_j): nothing is learned, the vectors of the pieces alone decide, here those of ${picture.model.name}. A vector fits itself best, so the piece itself comes first in ${ownFirst(basic)} of ${basic.length} rows; in the learned head in ${ownFirst(learned)}. What q, k and v add is that a word may ask for something other than itself.`;
}

function weightsTable(picture, rows) {
  return { caption: "basic self-attention: weights", columns: picture.pieces.slice(0, MOST_ROWS), rows: rows.slice(0, MOST_ROWS).map((row, i) => [picture.pieces[i], row.slice(0, MOST_ROWS)]) };
}

/** Square matrices in a row, each with the pieces at its left and its name above. */
export function besideEachOther(picture, named, { both = false, largest = 1 } = {}) {
  const n = Math.min(picture.pieces.length, 24);
  const side = Math.max(9, Math.min(30, 260 / n));
  const shapes = [];
  let x = 110;
  for (const [name, rows] of named) {
    const cells = drawnCells(rows.slice(0, n).map((row) => row.slice(0, n)), { x, y: 86, wide: side, tall: side, both, largest, numbers: side >= 30, speak: (i, j, value) => `${picture.pieces[i]} to ${picture.pieces[j]}: ${number(value)}` });
    shapes.push(...cells.shapes, drawnWords(name, x, 10, { weight: 650 }));
    shapes.push(...picture.pieces.slice(0, n).map((piece, j) => drawnWords(short(piece, 10), x + (j + 0.5) * side, 80, { size: 11, turn: -60 })));
    if (x === 110) shapes.push(...picture.pieces.slice(0, n).map((piece, i) => drawnWords(short(piece, 14), 102, 86 + (i + 0.5) * side, { anchor: "end", size: 12 })));
    x += cells.width + 46;
  }
  return { shapes, width: x + 10, height: 96 + side * n };
}
