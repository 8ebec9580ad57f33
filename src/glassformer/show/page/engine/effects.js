// What really changes: each word taken away, each edge cut, each part off.  As in explain/effects.py and ablations.py.

import { estimatedEdges, estimatedWords } from "./backward.js";
import { cutOf, headOff, mlpOff, without } from "./switching.js";
import { shorter } from "./trial.js";

const VERIFIED = 24; // words or edges measured where not all can be; fewer of the longest texts,
const AT_LEAST = 8; // but never less
const PARTS = ["scaling", "positions", "heads"];

/** How many effects are measured where not all can be. */
function verified(trial) {
  return Math.max(AT_LEAST, Math.min(VERIFIED, Math.floor(trial.exact / trial.n)));
}

/** The words to measure: all, or those of a long text that are estimated to add most. */
export function worthMeasuring(trial) {
  const all = trial.words.map((_, k) => k);
  if (all.length * trial.n <= trial.exact || !trial.layers) return all;
  const size = estimatedWords(trial).map(Math.abs);
  return all.sort((a, b) => size[b] - size[a]).slice(0, verified(trial)).sort((a, b) => a - b);
}

/** The change for each word that is masked; null for words that are not among the chosen. */
export function masks(trial, chosen) {
  return ofWords(trial, chosen, (k) => trial.afterIds(trial.masked(k)));
}

/** The change for each word that is taken out of the text. */
export function deletions(trial, chosen) {
  return ofWords(trial, trial.words.length > 1 ? chosen : [], (k) => trial.afterIds(shorter(trial.pieces, [k]).ids));
}

/** The change for each word that nobody else may look at. */
export function unseen(trial, chosen) {
  return ofWords(trial, trial.layers ? chosen : [], (k) => trial.after(unseenOf(trial, k)));
}

function ofWords(trial, chosen, after) {
  return trial.words.map((_, k) => (chosen.includes(k) ? after(k) - trial.before : null));
}

/** Nobody else may look at a word. */
export function unseenOf(trial, word, said = {}) {
  const own = trial.words[word].pieces;
  const others = trial.pieces.ids.map((_, k) => k).filter((k) => !own.includes(k));
  return cutOf(others.flatMap((i) => own.map((j) => [i, j])), said);
}

/** Edges between two different words, each cut for real, the largest change first: [[looks, at, change, attention], …].
 *  rest: called after each, so that the page stays alive.
 */
export async function edgesCut(trial, rest) {
  const edges = [];
  for (const [looks, at] of worthCutting(trial)) {
    edges.push(edgeCutFor(trial, looks, at));
    await rest();
  }
  return edges.sort((one, other) => Math.abs(other[2]) - Math.abs(one[2]));
}

/** All pairs of words; of a long text those whose cut is estimated to change most. */
function worthCutting(trial) {
  const pairs = trial.layers ? trial.pairs : [];
  if (pairs.length * trial.n <= trial.exact) return pairs;
  const estimate = estimatedEdges(trial);
  return pairs.sort(([i, j], [k, l]) => Math.abs(estimate[k][l]) - Math.abs(estimate[i][j])).slice(0, verified(trial));
}

/** An edge, cut for real: [looks, at, change, attention]. */
export function edgeCutFor(trial, looks, at) {
  return [looks, at, trial.after(cutOf(trial.edges(looks, at))) - trial.before, trial.meanAttention(looks, at)];
}

/** The word that `looks` looks at most nearly as much as at `at`, by the mean weight; null in a text of two words. */
export function nearestOther(trial, looks, at, layer = null, head = null) {
  const weight = (k) => trial.meanAttention(looks, k, layer, head);
  return nearest(trial.words.map((_, k) => k).filter((k) => k !== looks && k !== at), weight, weight(at));
}

/** The position that i looks at most nearly as much as at j, in one head. */
export function nearestKey(trial, layer, head, i, j) {
  const { data, shape } = trial.weights(layer);
  const weight = (k) => data[(head * shape[1] + i) * shape[2] + k];
  return nearest(trial.pieces.ids.map((_, k) => k).filter((k) => k !== i && k !== j), weight, weight(j));
}

function nearest(others, weight, wanted) {
  return others.reduce((best, k) => (best === null || Math.abs(weight(k) - wanted) < Math.abs(weight(best) - wanted) ? k : best), null);
}

/** The change when an edge is cut in one head only: a row a layer. */
export function byHead(trial, looks, at) {
  const pairs = trial.edges(looks, at);
  return inLayers(trial, (layer, head) => trial.after(cutOf(pairs, { layer, head })) - trial.before);
}

/** The change with each head off: a row a layer. */
export function headsOff(trial, baseline) {
  return inLayers(trial, (layer, head) => trial.after(headSwitch(trial, layer, head, baseline)) - trial.before);
}

export function headSwitch(trial, layer, head, baseline) {
  return headOff(layer, head, baseline, baseline === "mean" ? trial.reader.reference.head(layer, head) : null);
}

/** The change with each MLP off, layer by layer. */
export function mlpsOff(trial, baseline) {
  return trial.reader.model.layers.map((_, layer) => trial.after(mlpSwitch(trial, layer, baseline)) - trial.before);
}

export function mlpSwitch(trial, layer, baseline) {
  return mlpOff(layer, baseline, baseline === "mean" ? trial.reader.reference.mlps[layer] : null);
}

/** The change of the whole model without a part of it. */
export function withoutParts(trial) {
  return Object.fromEntries(PARTS.map((part) => [part, trial.after(without(part, trial.headWidth)) - trial.before]));
}

/** A table with a row a layer. */
export function inLayers(trial, of) {
  return trial.reader.model.layers.map(({ attention }, layer) => Array.from({ length: attention.heads }, (_, head) => of(layer, head)));
}

/** The change when each cell of one head is cut: (i, j); null where there are too many to measure. */
export async function cellsCut(trial, layer, head, rest) {
  const { n } = trial;
  if (n ** 3 > trial.exact) return null;
  const changes = new Float32Array(n * n);
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < n; j += 1) changes[i * n + j] = trial.after(cutOf([[i, j]], { layer, head })) - trial.before;
    await rest();
  }
  return changes;
}
