// What is known of each head of a picture, as a list of records: for the ladder, its query box and its CSV.

import { everyHead, headEffect } from "./facts.js";

export const HEAD_FACTS = ["layer", "head", "effect", "change", "zero", "mean", "uniform", "told", "weight", "mixture", "sink"];
export const SEEN_FACTS = ["weight", "mixture", "sink"]; // those that need the attention of every head
const seen = new WeakMap();

/** One record a head.  effect: the size of the change with the head off; change: with its sign. */
export function headFacts(picture, baseline, weights = null) {
  return everyHead(picture).map(([layer, head]) => {
    const of = (each) => headEffect(picture, layer, head, each)?.change ?? null;
    const change = of(baseline);
    const more = weights?.[layer]?.[head] ?? {};
    const told = picture.told?.by_head?.[layer]?.[head] ?? null;
    return { layer, head, effect: change === null ? null : Math.abs(change), change, zero: of("zero"), mean: of("mean"), uniform: of("uniform"), told, exact: headEffect(picture, layer, head, baseline)?.exact ?? null, weight: null, mixture: null, sink: null, ...more };
  });
}

/** Of every head: the weight and the share of the mixture on the told word, and what special pieces take. */
export function attentionFacts(source, picture, progress = () => {}) {
  if (!seen.has(picture)) seen.set(picture, gathered(source, picture, progress).catch((error) => (seen.delete(picture), Promise.reject(error))));
  return seen.get(picture);
}

async function gathered(source, picture, progress) {
  const facts = picture.model.heads.map(() => []);
  const heads = everyHead(picture);
  let since = performance.now();
  for (const [k, [layer, head]] of heads.entries()) {
    facts[layer][head] = factsOf(picture, await source.head(picture, layer, head));
    if (performance.now() - since < 30) continue;
    progress(k + 1, heads.length);
    await new Promise((done) => setTimeout(done));
    since = performance.now();
  }
  return facts;
}

function factsOf(picture, { weights, mixture }) {
  const spoken = picture.pieces.map((_, position) => position).filter((position) => !picture.special_pieces.includes(position));
  const told = picture.told;
  const rows = told ? picture.word_pieces[told.looks] : [];
  const columns = told ? picture.word_pieces[told.at] : [];
  return {
    weight: told ? share(weights, rows, columns) : null,
    mixture: told && mixture ? share(mixture, rows, columns) : null,
    sink: weights ? share(weights, spoken, picture.special_pieces) : null,
  };
}

/** The mean over `rows` of the sum over `columns`. */
function share(matrix, rows, columns) {
  if (!matrix || !rows.length) return null;
  const width = matrix.shape[1];
  let sum = 0;
  for (const row of rows) for (const column of columns) sum += matrix.data[row * width + column];
  return sum / rows.length;
}
