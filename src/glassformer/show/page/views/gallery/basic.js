// Basic self-attention, which has no parameters, beside a head that has learned.

import { short } from "../../base/dom.js";
import { number } from "../../base/format.js";
import { descriptiveOf } from "../steps/drawn.js";
import { dotOf, largestAt, sharesOf } from "../steps/focus.js";
import { Drawing, rowsOfMatrix } from "./shapes.js";

const MOST_PIECES = 24;
const MOST_IN_TABLE = 12;

export const FIGURE_BASIC = {
  id: "basic",
  title: "Basic self-attention: no parameters at all",
  source: "Bloem 2019, Transformers from scratch, “Self-attention”; rows BL-01, SP-02",
  heads: true,
  async make({ picture, source, layer, head }) {
    const x = picture.arrays["embed.stream"];
    const { weights } = await source.head(picture, layer, head);
    if (!x || !weights) throw new Error("this file holds no vectors of this text; open it with glassformer open");
    const [plain, divided] = [1, Math.sqrt(x.shape[1])].map((by) => basicWeights(rowsOfMatrix(x), by));
    const learned = rowsOfMatrix(weights);
    const drawing = besideEachOther(picture, [["x·x, softmax", plain], ["x·x ÷ √w, softmax", divided], [`learned: L${layer}.H${head}`, learned]]);
    return { drawing, caption: basicCaption(picture, plain, learned), badge: descriptiveOf(picture), tables: [weightsTable(picture, plain)] };
  },
};

/** w_ij = softmax of x_i · x_j (÷ by), row by row. */
export function basicWeights(rows, by = 1) {
  return rows.map((one) => sharesOf(rows.map((other) => dotOf(one, other) / by)));
}

/** In how many rows the piece itself has the largest weight. */
export function ownFirst(rows) {
  return rows.filter((row, i) => largestAt(row) === i).length;
}

function basicCaption(picture, plain, learned) {
  return [
    "y_i = Σ_j w_ij x_j with w = softmax(x_i · x_j): nothing is learned but the vectors of the pieces,",
    `here those of ${picture.model.name}. A vector tends to fit itself: the piece itself comes first in ${ownFirst(plain)} of ${plain.length} rows;`,
    `in the learned head in ${ownFirst(learned)}. With q, k and v a word may ask for something other than itself.`,
  ].join(" ");
}

function weightsTable(picture, rows) {
  const names = picture.pieces.slice(0, MOST_IN_TABLE);
  return { caption: "basic self-attention: weights", columns: names, rows: names.map((name, i) => [name, rows[i].slice(0, MOST_IN_TABLE)]) };
}

/** Square matrices in a row, the pieces at the left of the first and above each. */
function besideEachOther(picture, named) {
  const names = picture.pieces.slice(0, MOST_PIECES);
  const side = Math.max(9, Math.min(30, 260 / names.length));
  const speak = (i, j, value) => `${names[i]} to ${names[j]}: ${number(value)}`;
  const pen = new Drawing().labels(names, 102, 86, side, { size: 12 });
  let x = 110;
  for (const [name, rows] of named) {
    const shown = rows.slice(0, names.length).map((row) => row.slice(0, names.length));
    const { right } = pen.cells(shown, { x, y: 86, wide: side, tall: side, both: false, largest: 1, numbers: side >= 30, speak });
    pen.words(name, x, 10, { weight: 650 });
    names.forEach((piece, j) => pen.words(short(piece, 10), x + (j + 0.5) * side, 80, { size: 11, turn: -60 }));
    x = right + 46;
  }
  return pen;
}
