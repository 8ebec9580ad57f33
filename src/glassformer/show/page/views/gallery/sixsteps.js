// The six steps of self-attention for two words, as the Illustrated Transformer draws them, with real numbers.

import { safe, short } from "../../base/dom.js";
import { number } from "../../base/format.js";
import { descriptiveOf } from "../steps/drawn.js";
import { largestFew, matrixRow } from "../steps/focus.js";
import { Drawing, rowsOfMatrix, streamBefore } from "./shapes.js";

const MOST_COLUMNS = 4; // words beside each other
const MOST_CELLS = 8; // numbers of a vector that are drawn
const ASKING = 2; // words whose steps are drawn
const LEFT = 170;
const GAP = 36;
const CELL = { wide: 34, tall: 22 };

export const FIGURE_SIX_STEPS = {
  id: "six-steps",
  title: "Six steps for “Thinking Machines”",
  source: "Alammar 2018, The Illustrated Transformer, “Self-Attention in Detail”; rows IT-11 to IT-16",
  text: "Thinking Machines",
  heads: true,
  async make({ picture, source, layer, head }) {
    const values = await source.head(picture, layer, head);
    if (!values.q) throw new Error("this file holds no q, k and v of this text; open it with glassformer open");
    const drawing = new SixSteps(picture, values, streamBefore(picture, layer)).drawn(`${safe(picture.model.name)}, head L${layer}.H${head}`);
    return { drawing, caption: sixCaption(picture, values), badge: descriptiveOf(picture) };
  },
};

function sixCaption(picture, { q }) {
  const d = q.shape[1];
  return [
    `Each piece makes q, k and v (1); q of one · k of each (2); divided by √${d} (3); softmax (4); each v times its weight (5); their sum is z (6).`,
    `Numbers of ${picture.model.name}, computed in this page.`,
    d > MOST_CELLS ? `Of ${d} numbers of each vector the ${MOST_CELLS} that vary most are drawn; sums are over all.` : "",
    picture.pieces.length > MOST_COLUMNS ? `The first ${MOST_COLUMNS} of ${picture.pieces.length} pieces are drawn; softmax and sum are over all.` : "",
  ]
    .filter(Boolean)
    .join(" ");
}

/** Everything below each other: the vectors of each word, then for each word that asks the steps 2 to 6. */
class SixSteps {
  constructor(picture, values, x) {
    Object.assign(this, { picture, values, x, pen: new Drawing(), y: 32 });
    [this.q, this.k, this.v] = [values.q, values.k, values.v].map((matrix) => rowsOfMatrix(matrix));
    this.features = variedFew(this.v);
    this.columns = Math.min(picture.pieces.length, MOST_COLUMNS);
    this.ofX = x ? variedFew(rowsOfMatrix(x)) : [];
    this.span = CELL.wide * Math.max(this.features.length, this.ofX.length);
  }

  drawn(name) {
    this.pen.words(name, this.place(this.columns) - GAP, 8, { anchor: "end", size: 11, tone: "quiet" });
    this.#vectors();
    for (let i = 0; i < Math.min(this.columns, ASKING); i += 1) this.#asking(i);
    return this.pen;
  }

  place(column) {
    return LEFT + column * (this.span + GAP);
  }

  #vectors() {
    for (let j = 0; j < this.columns; j += 1) this.#middle(short(this.picture.pieces[j], 18), j, { size: 16, weight: 650 });
    this.y += 24;
    if (this.x) this.#row("x", "what the layer reads", rowsOfMatrix(this.x), this.ofX);
    this.#row("1  q", "what it asks for", this.q, this.features);
    this.#row("    k", "what it is found by", this.k, this.features);
    this.#row("    v", "what it hands over", this.v, this.features);
    this.y += 8;
  }

  /** One vector of each word, all on one scale. */
  #row(title, what, rows, features) {
    this.pen.words(title, 0, this.y + 11, { weight: 600 }).words(what, 0, this.y + 27, { size: 11, tone: "quiet" });
    const largest = largestOf(rows);
    rows.slice(0, this.columns).forEach((row, j) => this.#cells(row, j, features, largest));
    this.y += 40;
  }

  #cells(row, column, features, largest) {
    const speak = (_, c, value) => `feature ${features[c]}: ${number(value)}`;
    const x = this.place(column) + (this.span - CELL.wide * features.length) / 2;
    this.pen.cells([features.map((f) => row[f])], { x, y: this.y, ...CELL, largest, speak });
  }

  #middle(text, column, how = {}) {
    this.pen.words(text, this.place(column) + this.span / 2, this.y, { anchor: "middle", ...how });
  }

  /** Steps 2 to 6 for the word that asks. */
  #asking(i) {
    const [scores, scaled, weights] = [this.values.scores, this.values.scaled, this.values.weights].map((matrix) => matrixRow(matrix, i));
    const name = short(this.picture.pieces[i], 10);
    this.pen.line(0, this.y - 2, this.place(this.columns) - GAP, this.y - 2, { tone: "line" });
    this.y += 14;
    this.#numbers(`2  score of ${name}`, scores, (value, j) => `q${i + 1} · k${j + 1} = ${number(value)}`);
    this.#numbers(`3  ÷ √${this.q[0].length}`, scaled, (value) => number(value));
    this.#numbers("4  softmax", weights, (value) => number(value));
    this.y -= 10;
    this.#mixture(i, weights);
  }

  #numbers(title, values, say) {
    this.pen.words(title, 0, this.y, { weight: 600 });
    values.slice(0, this.columns).forEach((value, j) => this.#middle(say(value, j), j));
    this.y += 24;
  }

  #mixture(i, weights) {
    const largest = largestOf(this.v);
    this.pen.words("5  weight × v", 0, this.y + 11, { weight: 600 });
    this.v.slice(0, this.columns).forEach((value, j) => this.#cells(value.map((each) => weights[j] * each), j, this.features, largest));
    this.y += 32;
    const z = this.v[0].map((_, f) => weights.reduce((total, weight, j) => total + weight * this.v[j][f], 0));
    this.pen.words(`6  sum: z${i + 1}`, 0, this.y + 11, { weight: 600 });
    this.#cells(z, i, this.features, largest);
    this.y += 44;
  }
}

/** Up to eight features: those in which the words differ most. */
function variedFew(rows) {
  const spread = rows[0].map((_, f) => Math.max(...rows.map((row) => row[f])) - Math.min(...rows.map((row) => row[f])));
  return largestFew(spread, MOST_CELLS);
}

function largestOf(rows) {
  return rows.flat().reduce((most, each) => Math.max(most, Math.abs(each)), 1e-30);
}
