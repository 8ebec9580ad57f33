// What a number feeds: the next numbers that are computed of it, as parts/attention.py and parts/block.py have them.

import { parse } from "./address.js";

/** Addresses, of one number or of a vector, that `address` goes into at once; head: which head to point to. */
export function feedsOf(picture, address, head = 0) {
  const where = parse(address);
  if (!where) return [];
  const { layer, index, site } = where;
  if (where.head !== null) return inHead(where, `L${layer}.H${where.head}`);
  if (layer === null) return outside(picture, site, index, head);
  const inside = site.replace(`layers.${layer}.`, "");
  return inLayer(picture, { layer, inside, index, head });
}

function inHead({ kind, layer, index: [i, j] }, name) {
  const feeds = {
    q: [`${name}.scores[${i}]`],
    k: [`${name}.scores[${i},${i}]`],
    v: [`${name}.z[${i}]`],
    scores: [`${name}.scaled[${i},${j}]`],
    scaled: [`${name}.weights[${i}]`],
    weights: [`${name}.z[${i}]`],
    z: [`L${layer}.mixed[${i}]`],
  };
  return j === undefined ? [] : (feeds[kind] ?? []);
}

function inLayer(picture, { layer, inside, index, head }) {
  const [n, f] = index;
  if (f === undefined) return [];
  const at = (name) => `L${layer}.${name}[${n},${f}]`;
  const all = (name) => `L${layer}.${name}[${n}]`; // a norm, or a linear map, mixes the features
  const next = layer + 1 < picture.model.layers ? read(picture, layer + 1, [n, f], head) : behind(picture, n, f);
  const post = {
    "attention.mixed": [all("attention_norm.out")],
    "attention_norm.out": [at("between")],
    between: [all("mlp.hidden"), all("mlp_norm.out")],
    "mlp.out": [all("mlp_norm.out")],
    "mlp_norm.out": [at("stream")],
  };
  const pre = {
    "attention_norm.out": vectors(layer, n, head),
    "attention.mixed": [at("between")],
    between: [all("mlp_norm.out"), at("stream")],
    "mlp_norm.out": [all("mlp.hidden")],
    "mlp.out": [at("stream")],
  };
  const feeds = { ...(picture.model.block === "pre" ? pre : post), "mlp.hidden": [all("mlp.out")], stream: next };
  return feeds[inside] ?? [];
}

/** What reads the last stream: a pre-norm model has one more norm. */
function behind(picture, n, f) {
  return picture.model.block === "pre" ? [`finish.out[${n}]`] : [`final[${n},${f}]`];
}

/** What reads the stream in front of a layer: q, k and v of every head, of which one is named, and the sum behind it. */
function read(picture, layer, [n, f], head) {
  const norm = `L${layer}.attention_norm.out[${n}]`;
  return picture.model.block === "pre" ? [norm, `L${layer}.between[${n},${f}]`] : [...vectors(layer, n, head), norm];
}

function vectors(layer, n, head) {
  return ["q", "k", "v"].map((kind) => `L${layer}.H${head}.${kind}[${n}]`);
}

function outside(picture, site, [n, f], head) {
  if (f !== undefined && /^embed\.(pieces|places|types)$/.test(site)) return [`embed.stream[${n},${f}]`];
  if (f !== undefined && site === "embed.stream" && picture.model.layers) return read(picture, 0, [n, f], head);
  if (site === "finish.out" && f !== undefined) return [`final[${n},${f}]`];
  if (site === "final" && f !== undefined) return picture.arrays.pooled ? ["pooled"] : [];
  return site === "pooled" && n !== undefined && picture.arrays.logits ? ["logits"] : [];
}
