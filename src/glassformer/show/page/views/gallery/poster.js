// The recap of multi-head attention on one page.

import { descriptiveOf } from "../steps/drawn.js";
import { matrixRow } from "../steps/focus.js";
import { Drawing, rowsOfMatrix, streamBefore } from "./shapes.js";

const ROWS = 8;
const HEADS = 4;
const TALL = 13; // of a row
const AT = { x: 118, head: 270, weights: 420, all: 640, out: 800 };
const TITLES = [["1 the text", 0], ["2 X", AT.x], ["3 q, k, v", AT.head], ["4 weights, z", AT.weights + 30], ["5 all z", AT.all], ["× W_O", AT.out]];

export const FIGURE_POSTER = {
  id: "poster",
  title: "Multi-head attention on one page",
  source: "Alammar 2018, “The Beast With Many Heads”, recap; Vaswani et al. 2017, section 3.2.2; rows IT-20 to IT-22",
  heads: true,
  async make({ picture, source, layer }) {
    const x = streamBefore(picture, layer);
    const count = Math.min(HEADS, picture.model.heads[layer]);
    const heads = await Promise.all(Array.from({ length: count }, (_, head) => source.head(picture, layer, head)));
    const held = x && heads.every(({ weights, z }) => weights && z);
    if (!held) throw new Error("this file does not hold what all heads of this text make; open it with glassformer open");
    const drawing = drawPoster(picture, { x, heads, layer, mixed: picture.arrays[`layers.${layer}.attention.mixed`] });
    return { drawing, caption: posterCaption(picture, layer, count), badge: descriptiveOf(picture) };
  },
};

function posterCaption(picture, layer, count) {
  const heads = picture.model.heads[layer];
  return [
    "1 the text; 2 its vectors X (in a higher layer what the layer before hands on); 3 for each head its own q, k and v;",
    `4 its weights and its mixture z; 5 all z one after the other, times W_O, is what attention adds to the stream of layer ${layer}.`,
    count < heads ? `${count} of ${heads} heads are drawn.` : "",
    `Colours are real values of ${picture.model.name}, each matrix on its own scale.`,
  ].join(" ");
}

/** How wide a number is drawn in a matrix of so many columns. */
function widthOf(columns, room) {
  return Math.min(TALL, room / columns);
}

function drawPoster(picture, { x, heads, mixed, layer }) {
  const n = Math.min(picture.pieces.length, ROWS);
  const block = n * TALL + 62; // of one head
  const pen = new Drawing();
  for (const [text, at] of TITLES) pen.words(text, at, 10, { weight: 650 });
  const y = 26 + ((heads.length - 1) * block) / 2;
  pen.labels(picture.pieces.slice(0, n), AT.x - 12, y + 22, TALL, { most: 13 });
  const from = pen.matrix(rowsOfMatrix(x, n), { shape: x.shape.join(" × "), x: AT.x, y, tall: TALL, wide: widthOf(x.shape[1], 104) });
  const all = drawAll(pen, { picture, heads, mixed, layer, n, y });
  heads.forEach((values, head) => {
    const one = drawHeadOfPoster(pen, values, { head, n, y: 26 + head * block, width: x.shape[1] });
    pen.line(from.right + 6, from.middle, AT.head - 8, one.middle, { pointed: true }).line(one.right + 4, one.middle, AT.all - 8, all.middle, { pointed: true });
  });
  return pen;
}

/** A head: what it owns, its weights, its mixture; {right, middle}. */
function drawHeadOfPoster(pen, { weights, z }, { head, n, y, width }) {
  const d = z.shape[1];
  const looks = pen.matrix(rowsOfMatrix(weights, n, n), { shape: "weights", x: AT.weights, y, tall: TALL, wide: TALL, both: false, largest: 1 });
  const mixture = pen.matrix(rowsOfMatrix(z, n), { shape: `z${head}`, x: looks.right + 14, y, tall: TALL, wide: widthOf(d, 65) });
  const { middle } = looks;
  pen.frame(AT.head, y + 20, 118, n * TALL + 4, "line").words(`head ${head}`, AT.head + 59, middle - 16, { anchor: "middle", weight: 600 });
  pen.words("own W_Q, W_K, W_V", AT.head + 59, middle + 2, { anchor: "middle", size: 10, tone: "quiet" });
  pen.words(`${width} × ${d} each`, AT.head + 59, middle + 17, { anchor: "middle", size: 10, tone: "quiet" });
  pen.line(AT.head + 122, middle, AT.weights - 6, middle, { pointed: true });
  return { right: mixture.right, middle };
}

/** All mixtures one after the other, and what W_O makes of them. */
function drawAll(pen, { picture, heads, mixed, layer, n, y }) {
  const rows = Array.from({ length: n }, (_, i) => heads.flatMap(({ z }) => matrixRow(z, i)));
  const whole = picture.model.heads[layer] * heads[0].z.shape[1];
  const all = pen.matrix(rows, { shape: `${picture.pieces.length} × ${whole}`, x: AT.all, y, tall: TALL, wide: Math.min(9, 110 / rows[0].length) });
  if (!mixed) return all;
  pen.line(all.right + 6, all.middle, AT.out - 8, all.middle, { pointed: true });
  pen.matrix(rowsOfMatrix(mixed, n), { shape: `mixed, ${mixed.shape.join(" × ")}`, x: AT.out, y, tall: TALL, wide: widthOf(mixed.shape[1], 104) });
  return all;
}
