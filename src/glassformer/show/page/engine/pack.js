// A model pack, as docs/page.md lays it down: models, their tokenizers, and the sentences and words that effects are
// measured on.

import { unpack } from "../base/unpack.js";
import { Reader } from "./reader.js";
import { Tokens } from "./tokens.js";

/** bytes of a pack → its models, each made when it is first asked for. */
export async function openPack(bytes) {
  const pack = await unpack(bytes);
  if (pack.kind !== "models") throw new Error(`these bytes hold a ${pack.kind}, not models; export the page again`);
  return new Pack(pack);
}

export class Pack {
  #readers = new Map();
  #tokens = new Map();

  constructor({ models, tokenizers, reference, kinds, company, companions, arrays }) {
    Object.assign(this, { models, tokenizers, reference, kinds, company, companions, arrays });
  }

  /** The reader of a model; null where the pack has none of that name. */
  reader(name) {
    const known = this.models.find((each) => each.given === name || each.name === name);
    if (!known) return null;
    if (!this.#readers.has(known)) this.#readers.set(known, new Reader(known, this.arrays[known.weights].data, this.#tokensOf(known.tokenizer), this));
    return this.#readers.get(known);
  }

  #tokensOf(number) {
    if (!this.#tokens.has(number)) this.#tokens.set(number, new Tokens(this.tokenizers[number]));
    return this.#tokens.get(number);
  }

  /** The models that stand beside a reader: of the same labels. */
  beside(reader) {
    const others = this.companions.filter((name) => name !== reader.name).map((name) => this.reader(name));
    return others.filter((other) => other && String(other.labels) === String(reader.labels));
  }
}
