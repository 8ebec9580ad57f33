// The things that can be changed in a forward pass, each a named edit of a tape, as in explain/switches.py.
//
// A switch is {name, text, sites, edit, baseline, reach, gone}: what it does in words, as it is written, a glob, from
// the value to its replacement, by what; it counts positions up to `reach`; the words that it takes out of the text.

import { tensor } from "./tensor.js";

const SCALED = "layers.*.attention.scaled";
const LOOKS = "layers.*.attention.weights";
const GIVES = "layers.*.attention.z";
const NOTHING = { name: "", text: "", reach: 0, gone: [] };

/** Positions may not look at others: −∞ before the softmax.  pairs: [[i, j], …], of a layer, or a head, or of all. */
export function cutOf(pairs, { layer = null, head = null, name = "", text = "" } = {}) {
  const edit = (scaled) => changed(scaled, (data, [heads, n]) => {
    for (let h = 0; h < heads; h += 1) if (head === null || h === head) for (const [i, j] of pairs) if (i < n && j < n) data[(h * n + i) * n + j] = -Infinity;
  });
  return { ...NOTHING, name, text, sites: inLayer(SCALED, layer), edit, baseline: "−∞ before softmax", reach: text ? 1 + Math.max(-1, ...pairs.flat()) : 0 };
}

/** One head gives no information: zeros; its mean (d) over other sentences; or a uniform mixture. */
export function headOff(layer, head, baseline, mean = null) {
  const said = { name: `L${layer}.H${head} off (${baseline})`, text: `off:L${layer}.H${head}:${baseline}`, baseline };
  const of = (change) => (value) => changed(value, (data, shape) => change(data.subarray(head * shape[1] * shape[2], (head + 1) * shape[1] * shape[2]), shape[2]));
  if (baseline === "uniform") return { ...NOTHING, ...said, sites: inLayer(LOOKS, layer), edit: of(flatten) };
  return { ...NOTHING, ...said, sites: inLayer(GIVES, layer), edit: of((own) => repeat(own, mean)) };
}

/** The MLP of a layer adds nothing: zeros, or its mean (w) over other sentences. */
export function mlpOff(layer, baseline, mean = null) {
  const said = { name: `L${layer}.mlp off (${baseline})`, text: `off:L${layer}.mlp:${baseline}`, baseline };
  return { ...NOTHING, ...said, sites: `layers.${layer}.mlp.out`, edit: (out) => changed(out, (data) => repeat(data, mean)) };
}

/** Numbers put in the place of others.  index: the first indices of the value; numbers: from the old ones to the new. */
export function put(sites, index, numbers, said = {}) {
  const edit = (value) => changed(value, (data, shape) => {
    const [from, size] = stretch(shape, index);
    data.set(numbers(data.subarray(from, from + size)), from);
  });
  return { ...NOTHING, baseline: "", ...said, sites, edit };
}

/** Where the numbers at these first indices stand: [from, how many]. */
export function stretch(shape, index) {
  const size = shape.slice(index.length).reduce((total, each) => total * each, 1);
  return [index.reduce((total, each, k) => total * shape[k] + each, 0) * size, size];
}

/** The whole model without scaling by √d, without positions, or with one attention pattern for all heads. */
export function without(part, headWidth) {
  const text = `without:${part}`;
  const root = Math.sqrt(headWidth);
  if (part === "scaling") return { ...NOTHING, name: "no scaling by √d", text, sites: SCALED, baseline: "q · k", edit: (scaled) => changed(scaled, (data) => data.forEach((x, k) => (data[k] = x * root))) };
  if (part === "positions") return { ...NOTHING, name: "no positions", text, sites: "embed.places", baseline: "zero", edit: (places) => tensor(places.shape) };
  return { ...NOTHING, name: "all heads look as their mean does", text, sites: LOOKS, baseline: "mean", edit: meanOfHeads };
}

/** Every head looks at everything alike. */
export function uniformEverywhere() {
  return { ...NOTHING, sites: LOOKS, baseline: "uniform", edit: (weights) => changed(weights, (data, shape) => flatten(data, shape[2])) };
}

/** The heads of a layer look as `weights` (h, i, j) says, whatever they read. */
export function looksOf(layer, weights) {
  return { ...NOTHING, sites: inLayer(LOOKS, layer), baseline: "mean", edit: () => weights };
}

/** The edits of several switches: those of the same sites one after the other, as Python's table has them. */
export function editsOf(switches) {
  const bySites = new Map();
  for (const each of switches) if (each.sites) bySites.set(each.sites, [...(bySites.get(each.sites) || []), each]);
  return [...bySites.values()].flat();
}

function inLayer(sites, layer) {
  return layer === null ? sites : sites.replace("*", layer);
}

function changed(value, change) {
  const done = tensor(value.shape, value.data.slice());
  change(done.data, done.shape);
  return done;
}

function repeat(own, mean) {
  if (mean === null) own.fill(0);
  else for (let from = 0; from < own.length; from += mean.length) own.set(mean, from);
}

/** The same weight for everything that had any, row by row. */
function flatten(own, width) {
  for (let from = 0; from < own.length; from += width) {
    const row = own.subarray(from, from + width);
    const seen = row.reduce((count, weight) => count + (weight > 0), 0);
    row.forEach((weight, j) => (row[j] = weight > 0 ? 1 / seen : 0));
  }
}

function meanOfHeads(weights) {
  const [heads, rows, columns] = weights.shape;
  const size = rows * columns;
  return tensor(weights.shape, weights.data.map((_, k) => {
    let total = 0;
    for (let h = 0; h < heads; h += 1) total += weights.data[h * size + (k % size)];
    return total / heads;
  }));
}
