// The six steps of self-attention for two words, as the Illustrated Transformer draws them, with real numbers.

import { safe, short } from "../../base/dom.js";
import { number } from "../../base/format.js";
import { descriptiveOf } from "../steps/drawn.js";
import { largestFew, matrixRow } from "../steps/focus.js";
import { drawnCells, drawnLine, drawnWords, rowsOfMatrix } from "./shapes.js";

const COLUMNS = 4; // words beside each other
const CELLS = 8; // numbers of a vector that are drawn
const LEFT = 170;
const CELL = { wide: 40, tall: 22 };

export const FIGURE_SIX_STEPS = {
  id: "six-steps",
  title: "Six steps for “Thinking Machines”",
  source: "Alammar 2018, The Illustrated Transformer, “Self-Attention in Detail”; rows IT-11 to IT-16",
  text: "Thinking Machines",
  heads: true,
  async make({ picture, source, layer, head }) {
    const values = await source.head(picture, layer, head);
    if (!values.q) throw new Error("this file holds no q, k and v of this text; open it with glassformer open");
    const x = picture.arrays[layer ? `layers.${layer - 1}.stream` : "embed.stream"];
    const block = sixStepsBlock({ picture, layer, head, x: x ? rowsOfMatrix(x) : null, ...rowsOfHead(values) });
    return { drawing: block, caption: sixCaption(picture, values), badge: descriptiveOf(picture) };
  },
};

function rowsOfHead({ q, k, v, scores, scaled, weights }) {
  return { q: rowsOfMatrix(q), k: rowsOfMatrix(k), v: rowsOfMatrix(v), scores, scaled, weights };
}

function sixCaption(picture, { q }) {
  const d = q.shape[1];
  const cells = d > CELLS ? ` Of ${d} numbers of each vector the ${CELLS} that vary most are drawn; sums are over all.` : "";
  const words = picture.pieces.length > COLUMNS ? ` The first ${COLUMNS} of ${picture.pieces.length} pieces are drawn; softmax and sum are over all.` : "";
  return `Each piece makes q, k and v (1); q of one · k of each (2); divided by √${d} (3); softmax (4); each v times its weight (5); their sum is z (6). Numbers of ${picture.model.name}, computed in this page.${cells}${words}`;
}

/** Everything below each other: vectors of each word, then for each word that asks the steps 2 to 6. */
function sixStepsBlock({ picture, layer, head, x, q, k, v, scores, scaled, weights }) {
  const n = picture.pieces.length;
  const columns = Math.min(n, COLUMNS);
  const features = variedFew(v);
  const width = CELL.wide * features.length;
  const gap = 36;
  const place = (j) => LEFT + j * (width + gap);
  const shapes = [];
  let y = 32;
  const label = (text, more = "") => shapes.push(drawnWords(text, 0, y + 11, { weight: 600 }), drawnWords(more, 0, y + 27, { size: 11, tone: "quiet" }));
  const vectors = (rows, largest) => rows.forEach((row, j) => shapes.push(...drawnCells([features.map((f) => row[f])], { x: place(j), y, ...CELL, largest, speak: (i, c, value) => `feature ${features[c]}: ${number(value)}` }).shapes));
  const next = (more = 34) => (y += more);

  shapes.push(...picture.pieces.slice(0, columns).map((piece, j) => drawnWords(short(piece, 18), place(j) + width / 2, y, { anchor: "middle", size: 16, weight: 650 })));
  next(24);
  if (x) {
    const few = largestFew(spreadOf(x), features.length);
    label("x", `what layer ${layer} reads`);
    x.slice(0, columns).forEach((row, j) => shapes.push(...drawnCells([few.map((f) => row[f])], { x: place(j), y, ...CELL }).shapes));
    next(44);
  }
  for (const [name, rows, what] of [["1  q", q, "what it asks for"], ["    k", k, "what it is found by"], ["    v", v, "what it hands over"]]) {
    label(name, what);
    vectors(rows.slice(0, columns), largestOf(rows));
    next(40);
  }
  for (let i = 0; i < Math.min(columns, 2); i += 1) y = askingRows({ shapes, y: y + 8, i, columns, place, width, picture, q, v, features, steps: [scores, scaled, weights] });
  return { shapes: [drawnWords(`${safe(picture.model.name)}, head L${layer}.H${head}`, place(columns) - gap, 8, { anchor: "end", size: 11, tone: "quiet" }), ...shapes], width: place(columns) - gap + 4, height: y + 14 };
}

/** Steps 2 to 6 for the word that asks; returns where the next may begin. */
function askingRows({ shapes, y, i, columns, place, width, picture, q, v, features, steps }) {
  const d = q[0].length;
  const [scores, scaled, weights] = steps.map((matrix) => matrixRow(matrix, i));
  const z = v[0].map((_, f) => weights.reduce((total, weight, j) => total + weight * v[j][f], 0));
  const name = short(picture.pieces[i], 10);
  shapes.push(...drawnLine(0, y - 6, place(columns) - 36, y - 6, { tone: "line" }));
  const row = (title, values, say) => {
    shapes.push(drawnWords(title, 0, y + 10, { weight: 600 }));
    values.slice(0, columns).forEach((value, j) => shapes.push(drawnWords(say(value, j), place(j) + width / 2, y + 10, { anchor: "middle" })));
    y += 24;
  };
  row(`2  score of ${name}`, scores, (value, j) => `q${i + 1} · k${j + 1} = ${number(value)}`);
  row(`3  ÷ √${d}`, scaled, (value) => number(value));
  row("4  softmax", weights, (value) => number(value));
  shapes.push(drawnWords("5  weight × v", 0, y + 11, { weight: 600 }));
  const most = largestOf(v);
  v.slice(0, columns).forEach((value, j) => shapes.push(...drawnCells([features.map((f) => weights[j] * value[f])], { x: place(j), y, ...CELL, largest: most }).shapes));
  y += 32;
  shapes.push(drawnWords(`6  sum: z${i + 1}`, 0, y + 11, { weight: 600 }));
  shapes.push(...drawnCells([features.map((f) => z[f])], { x: place(i), y, ...CELL, largest: most }).shapes);
  return y + 40;
}

function spreadOf(rows) {
  return rows[0].map((_, f) => Math.max(...rows.map((row) => row[f])) - Math.min(...rows.map((row) => row[f])));
}

/** Up to eight features: those in which the words differ most. */
function variedFew(rows) {
  return largestFew(spreadOf(rows), CELLS);
}

function largestOf(rows) {
  return rows.flat().reduce((most, each) => Math.max(most, Math.abs(each)), 1e-30);
}
