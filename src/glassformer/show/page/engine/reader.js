// A model and its tokenizer, asked about text; and the means of its parts over the reference sentences.

import { modelOf } from "./models.js";
import { readWeights } from "./safetensors.js";
import { listening } from "./tape.js";
import { tensor } from "./tensor.js";
import { Trial } from "./trial.js";

export class Reader {
  #reference = null;

  /** known: {name, config, labels, what, given} of a pack; bytes: its weights; pack: what all models of it share. */
  constructor(known, bytes, tokens, pack) {
    Object.assign(this, { name: known.name, given: known.given, what: known.what, config: known.config, labels: known.labels, tokens, pack });
    this.weights = readWeights(bytes);
    this.model = modelOf(this.config, this.weights);
  }

  get longest() {
    return this.config.length ?? 4096;
  }

  get parameters() {
    return Object.values(this.weights.tensors).reduce((total, { data }) => total + data.length, 0);
  }

  /** How many weights every position passes. */
  get weighed() {
    const used = Object.entries(this.weights.tensors).filter(([name, { shape }]) => shape.length > 1 && !name.includes("embed"));
    return used.reduce((total, [, { data }]) => total + data.length, 0);
  }

  /** Ask about a text.  Throws where there is nothing to read. */
  ask(text) {
    return new Trial(this, this.tokens.cut(text, this.longest));
  }

  get reference() {
    this.#reference ||= new Reference(this);
    return this.#reference;
  }
}

/** Means over all positions of the reference sentences, as in explain/reference.py. */
export class Reference {
  constructor(reader) {
    const texts = reader.pack.reference.map((text) => reader.tokens.cut(text, reader.longest).ids);
    this.furthest = Math.max(...texts.map((ids) => ids.length)) - 1;
    this.positions = 0;
    this.counts = new Float64Array(2 * this.furthest + 1);
    const { layers } = reader.model;
    const { width } = reader.config;
    this.z = layers.map(() => new Float64Array(width)); // all heads, one after the other
    this.mlps = layers.map(() => new Float64Array(width));
    this.looks = layers.map(({ attention }) => Array.from({ length: attention.heads }, () => new Float64Array(2 * this.furthest + 1)));
    for (const ids of texts) this.#read(reader.model, ids);
    for (const each of [...this.z, ...this.mlps]) each.forEach((total, k) => (each[k] = total / this.positions));
    for (const each of this.looks.flat()) each.forEach((total, k) => (each[k] = total / Math.max(1, this.counts[k])));
  }

  #read(model, ids) {
    const tape = listening({ keep: true });
    model.run(ids, tape);
    this.positions += ids.length;
    for (let i = 0; i < ids.length; i += 1) for (let j = 0; j < ids.length; j += 1) this.counts[this.#way(i, j)] += 1;
    model.layers.forEach((_, layer) => this.#add(tape.values, layer));
  }

  #add(values, layer) {
    const z = values.get(`layers.${layer}.attention.z`);
    const [heads, n, d] = z.shape;
    z.data.forEach((value, k) => (this.z[layer][Math.floor(k / (n * d)) * d + (k % d)] += value));
    values.get(`layers.${layer}.mlp.out`).data.forEach((value, k) => (this.mlps[layer][k % (heads * d)] += value));
    values.get(`layers.${layer}.attention.weights`).data.forEach((weight, k) => (this.looks[layer][Math.floor(k / (n * n))][this.#way(Math.floor(k / n) % n, k % n)] += weight));
  }

  /** How j stands to i: so far behind it, or before. */
  #way(i, j) {
    return Math.min(this.furthest, Math.max(-this.furthest, j - i)) + this.furthest;
  }

  /** The mean z of a head: (d). */
  head(layer, head) {
    const width = this.z[layer].length / this.looks[layer].length;
    return this.z[layer].subarray(head * width, (head + 1) * width);
  }

  /** The mean weights of a layer for a text of n pieces: (h, n, n), each row summing to one. */
  attention(layer, n) {
    const heads = this.looks[layer].length;
    const y = tensor([heads, n, n]);
    for (let row = 0; row < heads * n; row += 1) {
      const looks = Array.from({ length: n }, (_, j) => this.looks[layer][Math.floor(row / n)][this.#way(row % n, j)]);
      const total = Math.max(1e-30, looks.reduce((sum, each) => sum + each, 0));
      looks.forEach((each, j) => (y.data[row * n + j] = each / total));
    }
    return y;
  }
}
