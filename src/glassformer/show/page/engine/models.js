// Whole models, as in models/simple.py: a bag of words and a classifier.

import { tableRows, Embed, LayerNorm, LinearMap, PostNormBlock, PreNormBlock } from "./parts.js";
import { maximumOf, meanOf, tensor } from "./tensor.js";

const BLOCKS = { post: PostNormBlock, pre: PreNormBlock };
const POOLS = { mean: meanOf, max: maximumOf };
const POSITIONS = ["learned", "interleaved", "halves"];

/** Every piece has its say, whatever stands around it: logits = Σ_n weight[piece_n] + bias. */
export class BagOfWords {
  layers = [];

  constructor(config, weights) {
    this.config = config;
    this.weight = weights.need("weight.weight", [config.vocabulary, config.classes]);
    this.bias = weights.need("bias", [config.classes]);
  }

  /** ids [n] → logits (c). */
  run(ids, tape) {
    const shares = tape.note("shares", tableRows(this.weight, ids)); // n c
    const classes = this.config.classes;
    const total = Float64Array.from(this.bias.data);
    shares.data.forEach((share, k) => (total[k % classes] += share));
    return tape.note("logits", tensor([classes], Float32Array.from(total)));
  }
}

/** Embed, read in several blocks, pool the positions into one, answer. */
export class Classifier {
  constructor(config, weights) {
    for (const [field, table] of [["block", Object.keys(BLOCKS)], ["pool", Object.keys(POOLS)], ["positions", POSITIONS]]) {
      if (!table.includes(config[field])) throw new Error(`${field} ${config[field]} is not known in the page; it knows ${table.join(", ")}`);
    }
    this.config = config;
    this.embed = new Embed(weights, "embed", config);
    this.layers = Array.from({ length: config.layers }, (_, k) => new BLOCKS[config.block](weights, `layers.${k}`, config));
    this.finish = config.block === "pre" ? new LayerNorm(weights, "finish", config.width) : null;
    this.head = new LinearMap(weights, "head", config.width, config.classes);
  }

  /** ids [n] → logits (c). */
  run(ids, tape) {
    const last = this.layers.reduce((x, layer, k) => layer.run(x, tape.at(`layers.${k}`)), this.embed.run(ids, tape.at("embed")));
    return this.answer(last, tape);
  }

  /** From a stream (n, w) to logits (c): what stands after the blocks. */
  answer(stream, tape) {
    const final = tape.note("final", this.finish ? this.finish.run(stream, tape.at("finish")) : stream);
    const pooled = tape.note("pooled", POOLS[this.config.pool](final)); // w
    const logits = this.head.run(tensor([1, pooled.shape[0]], pooled.data), tape.at("head"));
    return tape.note("logits", tensor([this.config.classes], logits.data));
  }
}

const FAMILIES = { "bag-of-words": BagOfWords, classifier: Classifier };

/** config: of config.json; weights: from safetensors.js.  Throws for a family that is not known here. */
export function modelOf(config, weights) {
  const Family = FAMILIES[config.family];
  if (!Family) throw new Error(`the page runs ${Object.keys(FAMILIES).join(" and ")}, not ${config.family}; open the model with glassformer open`);
  return new Family(config, weights);
}
