// The matrix form of one head: X times three matrices, then softmax(Q Kᵀ ÷ √d) V.

import { descriptiveOf } from "../steps/drawn.js";
import { Drawing, rowsOfMatrix, streamBefore } from "./shapes.js";

const MOST_ROWS = 12;
const NAMES_END = 112; // where the names of the rows end
const LARGE = { anchor: "middle", size: 18 };

export const FIGURE_MATRICES = {
  id: "matrix-form",
  title: "The same as matrices",
  source: "Alammar 2018, “Matrix Calculation of Self-Attention”; Vaswani et al. 2017, equation 1; rows IT-17, IT-18",
  heads: true,
  async make({ picture, source, layer, head }) {
    const values = await source.head(picture, layer, head);
    if (!values.q) throw new Error("this file holds no q, k and v of this text; open it with glassformer open");
    const x = streamBefore(picture, layer);
    const pen = new Drawing();
    let y = 0;
    for (const name of x ? ["q", "k", "v"] : []) y = drawProjection(pen, y, { picture, x, name: name.toUpperCase(), result: values[name] });
    drawSoftmax(pen, y ? y + 20 : 0, picture, values);
    return { drawing: pen, caption: matrixCaption(picture, values), badge: descriptiveOf(picture) };
  },
};

function matrixCaption(picture, { q }) {
  const [n, d] = q.shape;
  const w = picture.model.width;
  return [
    `A row is a piece. X (${n} × ${w}) times three learned matrices gives Q, K and V (${n} × ${d});`,
    `softmax(Q Kᵀ ÷ √${d}), ${n} × ${n}, times V gives Z.`,
    "W_Q, W_K and W_V (with their biases) are weights, not values of this text, so only their shapes are drawn.",
    n > MOST_ROWS ? `${MOST_ROWS} of ${n} rows are drawn.` : "",
  ].join(" ");
}

/** X × W = Q: {where the next may begin}. */
function drawProjection(pen, y, { picture, x, name, result }) {
  const [n, w] = x.shape;
  const d = result.shape[1];
  const narrow = Math.min(14, 120 / d);
  pen.labels(picture.pieces.slice(0, MOST_ROWS), NAMES_END, y + 22, 14);
  const left = pen.matrix(rowsOfMatrix(x, MOST_ROWS), { name: "X", shape: `${n} × ${w}`, x: NAMES_END + 8, y, wide: Math.min(14, 260 / w) });
  const box = Math.max(44, narrow * d);
  const at = left.right + 46;
  pen.words("×", left.right + 22, y + 50, LARGE);
  pen.frame(at, y + 21, box, 70).words(`W_${name}`, at + box / 2, y + 10, { anchor: "middle", weight: 650 });
  pen.words("learned", at + box / 2, y + 56, { anchor: "middle", size: 10, tone: "quiet" });
  pen.words(`${w} × ${d}`, at + box / 2, y + 105, { anchor: "middle", size: 11, tone: "quiet" });
  pen.words("=", at + box + 22, y + 50, LARGE);
  pen.matrix(rowsOfMatrix(result, MOST_ROWS), { name, shape: `${n} × ${d}`, x: at + box + 46, y, wide: narrow });
  return Math.max(left.bottom, y + 118) + 10;
}

/** softmax(Q × Kᵀ ÷ √d), then the weights × V = Z. */
function drawSoftmax(pen, top, picture, { q, k, v, weights, z }) {
  const d = q.shape[1];
  const narrow = Math.min(14, 120 / d);
  const keys = rowsOfMatrix(k, MOST_ROWS);
  const turned = keys[0].map((_, f) => keys.map((row) => row[f]));
  const shape = (matrix) => matrix.shape.join(" × ");
  pen.words("softmax(", 30, top + 60, { size: 18 });
  const asks = pen.matrix(rowsOfMatrix(q, MOST_ROWS), { name: "Q", shape: shape(q), x: NAMES_END, y: top, wide: narrow });
  const found = pen.matrix(turned, { name: "Kᵀ", shape: `${d} × ${k.shape[0]}`, x: asks.right + 44, y: top, tall: narrow });
  pen.words("×", asks.right + 22, top + 60, LARGE).words(`÷ √${d} )`, found.right + 14, top + 60, { size: 18 });
  const y = Math.max(asks.bottom, found.bottom) + 20;
  pen.words("=", 24, y + 60, LARGE).labels(picture.pieces.slice(0, MOST_ROWS), NAMES_END - 8, y + 22, 14);
  const looks = pen.matrix(rowsOfMatrix(weights, MOST_ROWS, MOST_ROWS), { name: "weights", shape: shape(weights), x: NAMES_END, y, both: false, largest: 1 });
  const values = pen.matrix(rowsOfMatrix(v, MOST_ROWS), { name: "V", shape: shape(v), x: looks.right + 56, y, wide: narrow });
  pen.words("×", looks.right + 28, y + 60, LARGE).words("=", values.right + 28, y + 60, LARGE);
  pen.matrix(rowsOfMatrix(z, MOST_ROWS), { name: "Z", shape: shape(z), x: values.right + 56, y, wide: narrow });
}
