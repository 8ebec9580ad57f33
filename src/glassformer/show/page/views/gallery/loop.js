// A translation as it runs: the encoder once, its top output as keys and values, then the decoder's loop until the end.

import { safe, short } from "../../base/dom.js";
import { number } from "../../base/format.js";
import { sharePercent } from "../steps/drawn.js";
import { largestAt, largestFew, sharesOf } from "../steps/focus.js";
import { Drawing, rowsOfMatrix } from "./shapes.js";

const MOST_NUMBERS = 6; // of a vector that are drawn
const BEFORE = 2; // stages in which nothing is written: the encoder reads, its output becomes keys and values
const CANDIDATES = 3;
const SIDE = 26; // of a piece that is read
const WIDE = 34; // of a weight
const READS = 98; // where the columns of the encoder begin
const WRITES = 404; // and those of the decoder
const FIRST = 218; // where the decoder's first layer begins
const TALL = 166; // of a layer of the decoder

export const FIGURE_LOOP = {
  id: "encoder-decoder-loop",
  title: "Read once, then write in a loop",
  source: "Alammar 2018, “The Decoder Side” (two animations); Vaswani et al. 2017, sections 3.1 and 3.2.3; rows IT-33, IT-34",
  stages: (decoding) => BEFORE + decoding.translation.written.length,
  make({ state, decoding }) {
    const loop = new Loop(decoding);
    const stage = Math.min(state.stage, BEFORE + loop.written.length - 1);
    const said = loop.caption(stage);
    return { drawing: loop.drawn(stage), caption: `${said} ${loop.about()}`, said, see: stage < BEFORE ? 0 : 1, badge: "descriptive", tables: [loop.table()] };
  },
};

/** Row `step` of weights {shape: [steps, heads, m], data}, the mean over heads. */
export function meanOfHeads({ shape, data }, step) {
  const [, heads, m] = shape;
  const at = (head, j) => data[(step * heads + head) * m + j];
  return Array.from({ length: m }, (_, j) => Array.from({ length: heads }, (_, head) => at(head, j)).reduce((sum, each) => sum + each, 0) / heads);
}

class Loop {
  constructor({ translation, arrays }) {
    Object.assign(this, translation, { arrays });
    this.inputs = [translation.begin, ...translation.written];
    this.top = rowsOfMatrix(arrays["encoder.final"]);
    this.shares = rowsOfMatrix(arrays.logits).map(sharesOf);
  }

  /** How likely the piece was that a step chose. */
  chosen(step) {
    return this.shares[step][this.vocabulary.indexOf(this.written[step])];
  }

  looks(layer, what, step) {
    return meanOfHeads(this.arrays[`layers.${layer}.${what}.weights`], step);
  }

  // ------------------------------------------------------------------ in words

  caption(stage) {
    const [below, above] = this.layers;
    if (stage === 0) return `The ${below} encoder layers of ${this.model} read “${this.text}” once, all pieces at the same time; of each piece comes a vector of ${this.top[0].length} numbers.`;
    if (stage === 1) return `Times W_K and W_V of each of the ${above} decoder layers, the top output becomes that layer's keys and values. They stay as they are for every step.`;
    return this.#written(stage - BEFORE);
  }

  #written(step) {
    const [piece, given, last] = [this.written[step], this.inputs[step], this.layers[1] - 1];
    const weights = this.looks(last, "cross", step);
    const at = largestAt(weights);
    const fed = step ? `“${given}”, just written, is fed back` : `Nothing is written yet: the decoder is given ${given}`;
    const end = this.ended && step === this.written.length - 1 ? " That is the end: the loop stops." : "";
    return `Step ${step + 1}: ${fed}; layer ${last} looks most at “${this.read[at]}” (piece ${at}, ${number(weights[at])}); the likeliest of ${this.vocabulary.length} pieces is “${piece}” (${sharePercent(this.chosen(step))}).${end}`;
  }

  about() {
    const heads = this.arrays["layers.0.cross.weights"].shape[1];
    const mean = heads > 1 ? ` Weights are the mean over ${heads} heads; keys and values are those of the first.` : "";
    return `Of each vector the ${MOST_NUMBERS} numbers that vary most are drawn.${mean}`;
  }

  table() {
    const last = this.layers[1] - 1;
    const row = (piece, step) => [`step ${step + 1}`, [safe(this.inputs[step]), safe(this.read[largestAt(this.looks(last, "cross", step))]), safe(piece), this.chosen(step)]];
    return { caption: `what goes in and comes out: ${this.model}`, columns: ["goes in", `layer ${last} looks most at`, "comes out", "probability"], rows: this.written.map(row) };
  }

  // ------------------------------------------------------------------ as shapes

  drawn(stage) {
    this.pen = new Drawing();
    this.#encoder();
    for (let layer = 0; layer < this.layers[1]; layer += 1) this.#layer(layer, stage);
    this.#inputs(Math.max(-1, stage - BEFORE));
    this.#output(stage - BEFORE);
    return this.pen;
  }

  get #right() {
    return WRITES + WIDE * Math.max(this.read.length, this.written.length);
  }

  /** Pieces, each above its column. */
  #names(names, y, x, step, { size, ...how }) {
    names.forEach((name, j) => this.pen.words(short(name, 4), x + (j + 0.5) * step, y, { anchor: "middle", size: name.length > 2 ? Math.min(size, 11) : size, ...how }));
  }

  /** What a row of the encoder is called. */
  #called(name, y, how) {
    this.pen.words(name, READS - 18, y, { anchor: "end", size: 11, ...how });
  }

  #encoder() {
    const end = READS + SIDE * this.read.length;
    this.pen.words("encoder", READS, 10, { weight: 650 });
    this.#called("reads", 34, { tone: "quiet" });
    this.#names(this.read, 34, READS, SIDE, { size: 14, weight: 650 });
    for (let layer = 0; layer < this.layers[0]; layer += 1) {
      const y = 48 + 28 * layer;
      this.pen.frame(READS - 4, y, end - READS + 8, 20).words(`layer ${layer}`, (READS + end) / 2, y + 10, { anchor: "middle", size: 11 });
    }
    this.topAt = 58 + 28 * this.layers[0];
    this.#called("top output", this.topAt + 36, { size: 12, weight: 600 });
    this.#matrix(this.top, this.topAt, 12);
  }

  /** Vectors as columns below the pieces they are of. */
  #matrix(rows, y, tall) {
    const features = variedMost(rows);
    const speak = (f, j, value) => `“${this.read[j]}”, feature ${features[f]}: ${number(value)}`;
    this.pen.cells(features.map((f) => rows.map((row) => row[f])), { x: READS, y, wide: SIDE, tall, numbers: false, speak });
  }

  #layer(layer, stage) {
    const y = FIRST + TALL * layer;
    this.pen.frame(WRITES - 10, y, this.#right - WRITES + 20, TALL - 22, "line").words(`decoder layer ${layer}`, WRITES, y - 8, { size: 11, tone: "quiet" });
    if (stage >= 1) this.#keysAndValues(layer, y);
    if (stage >= BEFORE) this.#attends(layer, y, stage - BEFORE);
  }

  #keysAndValues(layer, y) {
    const [stem, end] = [READS - 12, READS + SIDE * this.read.length];
    ["k", "v"].forEach((name, row) => {
      const top = y + 8 + 66 * row;
      this.#called(`${name.toUpperCase()} of layer ${layer}`, top + 27, { weight: 600 });
      this.#matrix(headOf3(this.arrays[`layers.${layer}.cross.${name}`]), top, 9);
      this.pen.line(stem, top + 27, READS - 2, top + 27, { pointed: true }).line(end + 6, top + 27, WRITES - 14, y + 106 + 6 * row, { pointed: true });
    });
    this.pen.line(READS - 2, this.topAt + 36, stem, this.topAt + 36).line(stem, this.topAt + 36, stem, y + 101);
  }

  #attends(layer, y, step) {
    const seen = step + 1;
    this.#weights("what was written so far", y + 14, this.inputs.slice(0, seen), this.looks(layer, "attention", step).slice(0, seen));
    this.#weights("what was read: its query · these K, then these V", y + 80, this.read, this.looks(layer, "cross", step));
  }

  #weights(title, y, names, weights) {
    const speak = (_, j, value) => `to “${names[j]}”: ${number(value)}`;
    this.pen.words(title, WRITES, y, { size: 11, tone: "quiet" });
    this.#names(names, y + 16, WRITES, WIDE, { size: 12 });
    this.pen.cells([weights], { x: WRITES, y: y + 26, wide: WIDE, tall: 24, both: false, largest: 1, speak });
  }

  #inputs(step) {
    this.pen.words(step < 0 ? "decoder" : `decoder, step ${step + 1}`, WRITES, 10, { weight: 650 });
    if (step < 0) return;
    this.pen.words("goes in: one new piece; of the others K and V are remembered", WRITES, 88, { size: 11, tone: "quiet" });
    this.inputs.slice(0, step + 1).forEach((name, j) => this.pen.words(short(name, 4), WRITES + (j + 0.5) * WIDE, 152, { anchor: "middle", size: 14, weight: j === step ? 650 : 400, tone: j === step ? "ink" : "quiet" }));
    this.pen.frame(WRITES + step * WIDE, 140, WIDE, 24, "accent").line(WRITES + (step + 0.5) * WIDE, 168, WRITES + (step + 0.5) * WIDE, FIRST - 18, { pointed: true });
  }

  /** The likeliest pieces, and the way back of the one that is chosen, unless it ends the text. */
  #output(step) {
    const y = FIRST + TALL * this.layers[1] + 4;
    const [end, right] = [y + 22 * CANDIDATES, this.#right + 30];
    this.pen.room(right + 16, end);
    if (step < 0) return;
    largestFew(this.shares[step], CANDIDATES)
      .sort((a, b) => this.shares[step][b] - this.shares[step][a])
      .forEach((piece, k) => this.#candidate(piece, step, y + 22 * k, k));
    if (step + 1 === this.written.length) this.pen.words(this.ended ? "the end" : "no room for more", WRITES + 225, y + 9, { weight: 650 });
    else this.#back(WRITES + (step + 1.5) * WIDE, right, y);
  }

  #back(back, right, y) {
    this.pen.line(WRITES + 225, y + 9, right, y + 9).line(right, y + 9, right, 118).line(right, 118, back, 118).line(back, 118, back, 146, { pointed: true }).words("fed back", right - 6, 109, { anchor: "end", size: 11, tone: "quiet" });
  }

  #candidate(piece, step, y, place) {
    const share = this.shares[step][piece];
    this.pen.words(short(this.vocabulary[piece], 8), WRITES - 10, y + 9, { anchor: "end", size: 14, weight: place ? 400 : 650 });
    this.pen.bar(share, 1, { x: WRITES, y, length: 150, tall: 17 });
    this.pen.words(sharePercent(share), WRITES + 160, y + 9, { size: 12, weight: place ? 400 : 650 });
  }
}

function variedMost(rows) {
  const spread = rows[0].map((_, f) => Math.max(...rows.map((row) => row[f])) - Math.min(...rows.map((row) => row[f])));
  return largestFew(spread, MOST_NUMBERS);
}

/** The first head of {shape: [heads, m, d], data}, row by row. */
function headOf3({ shape: [, m, d], data }) {
  return rowsOfMatrix({ shape: [m, d], data: data.subarray(0, m * d) });
}
