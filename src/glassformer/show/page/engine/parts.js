// What a model is made of, as in parts/*.py: a linear map, a norm, attention, an MLP, two kinds of block, an embedding.
// One text at a time: x is (n, w), and there is no padding.

import { packed, product } from "./product.js";
import { centredRows, dividedRows, dots, headsApart, headsJoined, mapped, mixtures, softmax, stretchedRows, sumOf, tensor } from "./tensor.js";

/** x · Wᵀ + b. */
export class LinearMap {
  constructor(weights, path, ins, outs, sparse = false) {
    this.weight = weights.need(`${path}.weight`, [outs, ins]);
    this.bias = weights.need(`${path}.bias`, [outs]);
    this.outs = outs;
    this.matrix = packed({ weight: this.weight, bias: this.bias, sparse });
  }

  run(x, tape) {
    return tape.rows(x, this.outs, (data, count) => product(data, count, this.matrix));
  }
}

/** gain · (x − mean) / √(variance + ε) + shift.  Ba et al. 2016, section 3. */
export class LayerNorm {
  epsilon = 1e-5;

  constructor(weights, path, width) {
    this.gain = weights.need(`${path}.gain`, [width]);
    this.shift = weights.need(`${path}.shift`, [width]);
  }

  run(x, tape) {
    const { centred, spread } = centredRows(x, this.epsilon);
    const normalised = tape.note("normalised", dividedRows(tape.note("centred", centred), spread));
    return tape.note("out", stretchedRows(normalised, this.gain.data, this.shift.data));
  }
}

/** Soft dictionaries side by side: softmax(q·kᵀ / √d) · v.  Vaswani et al. 2017, section 3.2.2. */
export class Attention {
  constructor(weights, path, width, heads) {
    this.heads = heads;
    for (const name of ["q", "k", "v", "out"]) this[name] = new LinearMap(weights, `${path}.${name}`, width, width);
  }

  run(x, tape) {
    const [q, k, v] = ["q", "k", "v"].map((name) => tape.note(name, headsApart(this[name].run(x, tape.at(name)), this.heads)));
    const scores = tape.note("scores", dots(q, k)); // h i j
    const root = Math.sqrt(q.shape[2]);
    const scaled = tape.note("scaled", mapped(scores, (score) => score / root));
    const weights = tape.note("weights", softmax(scaled));
    const z = tape.note("z", mixtures(weights, v)); // h n d
    return tape.note("mixed", this.out.run(headsJoined(z), tape.at("out")));
  }
}

/** Out to `hidden`, through a ReLU, and back.  Vaswani et al. 2017, section 3.3. */
export class Mlp {
  constructor(weights, path, width, hidden) {
    this.inward = new LinearMap(weights, `${path}.inward`, width, hidden);
    this.outward = new LinearMap(weights, `${path}.outward`, hidden, width, true);
  }

  run(x, tape) {
    const hidden = tape.note("hidden", mapped(this.inward.run(x, tape.at("inward")), (value) => (value < 0 ? 0 : value)));
    return tape.note("out", this.outward.run(hidden, tape.at("outward")));
  }
}

class Block {
  constructor(weights, path, { width, heads, hidden }) {
    this.attention = new Attention(weights, `${path}.attention`, width, heads);
    this.attentionNorm = new LayerNorm(weights, `${path}.attention_norm`, width);
    this.mlp = new Mlp(weights, `${path}.mlp`, width, hidden);
    this.mlpNorm = new LayerNorm(weights, `${path}.mlp_norm`, width);
  }
}

/** Add, then normalise.  Vaswani et al. 2017, section 3.1. */
export class PostNormBlock extends Block {
  run(x, tape) {
    const between = tape.note("between", this.attentionNorm.run(sumOf(x, this.attention.run(x, tape.at("attention"))), tape.at("attention_norm")));
    return tape.note("stream", this.mlpNorm.run(sumOf(between, this.mlp.run(between, tape.at("mlp"))), tape.at("mlp_norm")));
  }
}

/** Normalise what is read, never the stream itself.  Xiong et al. 2020, figure 1b. */
export class PreNormBlock extends Block {
  run(x, tape) {
    const read = this.attentionNorm.run(x, tape.at("attention_norm"));
    const between = tape.note("between", sumOf(x, this.attention.run(read, tape.at("attention"))));
    return tape.note("stream", sumOf(between, this.mlp.run(this.mlpNorm.run(between, tape.at("mlp_norm")), tape.at("mlp"))));
  }
}

/** The vector of the piece + the vector of the position. */
export class Embed {
  constructor(weights, path, { vocabulary, width, length, positions }) {
    this.pieces = weights.need(`${path}.pieces.weight`, [vocabulary, width]);
    this.places = positions === "learned" ? weights.need(`${path}.positions.table`, [length, width]) : waves(positions, length, width);
  }

  run(ids, tape) {
    const pieces = tape.note("pieces", tableRows(this.pieces, ids));
    const places = tape.note("places", tableRows(this.places, ids.map((_, k) => k)));
    return tape.note("stream", sumOf(pieces, places));
  }
}

/** Rows of a table (m, w), by their numbers → (n, w). */
export function tableRows(table, numbers) {
  const width = table.shape[1];
  const y = tensor([numbers.length, width]);
  numbers.forEach((number, row) => y.data.set(table.data.subarray(number * width, (number + 1) * width), row * width));
  return y;
}

/** Sines and cosines, side by side (interleaved, as the paper has it) or one after the other (halves): (n, w). */
export function waves(layout, length, width) {
  const half = width / 2;
  const speed = layout === "interleaved" ? (f) => 10_000 ** ((-2 * f) / width) : (f) => 10_000 ** (-f / Math.max(half - 1, 1));
  const y = tensor([length, width]);
  for (let n = 0; n < length; n += 1) {
    for (let f = 0; f < half; f += 1) {
      const [sine, cosine] = layout === "interleaved" ? [2 * f, 2 * f + 1] : [f, half + f];
      y.data[n * width + sine] = Math.sin(n * speed(f));
      y.data[n * width + cosine] = Math.cos(n * speed(f));
    }
  }
  return y;
}
