// Everything a page shows of a text, as docs/page.md has it and explain/picture.py makes it: a header and arrays.

import { estimatedCells } from "./backward.js";
import { baselinesOf } from "./baselines.js";
import { deletions, edgesCut, headsOff, inLayers, masks, mlpsOff, unseen, withoutParts, worthMeasuring } from "./effects.js";
import { pathOf, readoutOf } from "./path.js";
import { toldInLike, toldOf } from "./telling.js";
import { dots, mapped, mixtures, softmax } from "./tensor.js";

const OF_ALL = ["embed.pieces", "embed.places", "embed.stream", "final", "pooled", "shares", "logits"];
const OF_A_LAYER = ["attention.q", "attention.k", "attention.v", "attention.mixed", "between", "mlp.out", "stream"];
const THUMB = 32; // rows of a small picture,
const LONG = 64; // and pieces from which on there is one
const NEAR_ENOUGH = 1e-4; // what follows from others differs by rounding only

/** The picture of a trial.  companions: readers beside it; rest: called between two steps, so that the page stays alive.
 *
 * What is not needed at once is left for `completed`.
 */
export async function pictureOf(trial, companions, rest) {
  const chosen = worthMeasuring(trial);
  const mask = masks(trial, chosen);
  await rest();
  const edges = await edgesCut(trial, rest);
  const effects = {
    words: { mask, delete: null, unseen: null },
    edges,
    edges_of: trial.layers ? trial.pairs.length : 0,
    heads: { zero: headsOff(trial, "zero"), mean: null, uniform: null, exact: inLayers(trial, () => true) },
    mlps: { zero: mlpsOff(trial, "zero"), mean: null, exact: trial.reader.model.layers.map(() => true) },
    without: null,
  };
  await rest();
  const told = toldOf(trial, edges);
  return { ...headerOf(trial), views: viewsOf(trial, mask, companions, chosen), effects, told, readout: readoutOf(trial), baselines: null, partial: true, arrays: arraysOf(trial, true) };
}

/** The same with all that was left out: words deleted or unseen, other baselines, sentences alike. */
export async function completed(trial, picture, companions, rest) {
  const chosen = worthMeasuring(trial);
  const words = { ...picture.effects.words, delete: deletions(trial, chosen), unseen: unseen(trial, chosen) };
  await rest();
  const heads = { ...picture.effects.heads, mean: headsOff(trial, "mean"), uniform: headsOff(trial, "uniform") };
  await rest();
  const mlps = { ...picture.effects.mlps, mean: mlpsOff(trial, "mean") };
  const without = trial.layers ? withoutParts(trial) : null;
  await rest();
  const told = picture.told && (await toldInLike(trial, picture.told, rest));
  await rest();
  const baselines = baselinesOf(trial, companions);
  return { ...picture, effects: { ...picture.effects, words, heads, mlps, without }, told, baselines, partial: false };
}

/** With switches on every value is what they make of it, and no effect is measured.  trial: before; seen: with them. */
export function switchedPicture(trial, seen, switches) {
  const nothing = { views: null, effects: null, told: null, readout: null, baselines: null, partial: false };
  return { ...headerOf(seen), metric: trial.metric, before: trial.before, ...nothing, switches, arrays: arraysOf(seen, false) };
}

function headerOf(trial) {
  const { pieces, words } = trial;
  return {
    schema: 1,
    kind: "picture",
    text: pieces.text,
    second: null,
    read: "",
    left_out: pieces.left_out,
    unread: pieces.unread,
    pieces: pieces.names,
    word_of: pieces.ids.map((_, k) => words.findIndex((word) => word.pieces.includes(k))),
    words: trial.texts,
    word_pieces: words.map((word) => word.pieces),
    specials: [],
    special_pieces: [],
    second_from: 0,
    model: modelFacts(trial.reader),
    answer: trial.answer,
    metric: trial.metric,
    before: trial.before,
    take: trial.layers ? { words: [], weight: 0, mixture: 0, told_weight: null, told_mixture: null } : null,
    path: pathOf(trial),
    switches: [],
    cells: { exact: inLayers(trial, () => false) },
    left: null,
    whatifs: null,
  };
}

function modelFacts(reader) {
  const { config, model } = reader;
  const some = model.layers.length > 0;
  return {
    name: reader.name,
    given: reader.given,
    what: reader.what,
    family: some ? "classifier" : "bag of words",
    layers: model.layers.length,
    heads: model.layers.map(({ attention }) => attention.heads),
    width: config.width ?? null,
    head_width: some ? config.width / config.heads : null,
    hidden: config.hidden ?? null,
    activation: some ? "relu" : null,
    block: config.block ?? null,
    positions: config.positions ?? null,
    pool: config.pool ?? null,
    labels: reader.labels,
    parameters: reader.parameters,
  };
}

/** What each model says, this one last, and what each word adds. */
function viewsOf(trial, mask, companions, chosen) {
  const others = companions.flatMap((reader) => {
    try {
      return [reader.ask(trial.pieces.text)];
    } catch {
      return []; // nothing of it is known there
    }
  });
  const same = (other) => String(other.texts) === String(trial.texts);
  return [...others.map((other) => view(other, masks(other, same(other) ? chosen : worthMeasuring(other)))), view(trial, mask)];
}

function view(trial, mask) {
  const { says, share } = trial.answer;
  return { model: trial.reader.name, says, share, value: trial.before, adds: mask.map((change) => change && -change) };
}

/** The numbers of a picture by the tape's names.  effects: with the change for each cell, estimated. */
function arraysOf(trial, effects) {
  const found = {};
  const keep = (name, shape, data) => (found[name] = { shape, data, rounded: false });
  const cells = effects && trial.layers ? estimatedCells(trial) : [];
  const sites = [...OF_ALL, ...trial.reader.model.layers.flatMap((_, k) => OF_A_LAYER.map((name) => `layers.${k}.${name}`))];
  for (const site of sites) if (trial.values.has(site)) keep(site, trial.values.get(site).shape, trial.values.get(site).data);
  trial.reader.model.layers.forEach((_, layer) => {
    const weights = trial.weights(layer);
    const path = `layers.${layer}.attention`;
    keep(`${path}.brought`, weights.shape.slice(0, 2), brought(trial, layer));
    if (cells.length) keep(`${path}.cells`, weights.shape, cells[layer]);
    if (trial.n > LONG) keep(`${path}.thumb`, [weights.shape[0], THUMB, THUMB], thumb(weights));
    if (trial.switches.length) for (const [kind, { shape, data }] of editedValues(trial, layer)) keep(`${path}.${kind}`, shape, data);
  });
  return found;
}

/** How much each position would bring at weight 1: ‖value · output matrix‖, (h, n). */
export function brought(trial, layer) {
  const v = trial.values.get(`layers.${layer}.attention.v`);
  const { weight, outs } = trial.reader.model.layers[layer].attention.out;
  const [, n, d] = v.shape;
  return Float32Array.from({ length: v.data.length / d }, (_, row) => {
    const head = Math.floor(row / n);
    let total = 0;
    for (let o = 0; o < outs; o += 1) {
      let brings = 0;
      for (let f = 0; f < d; f += 1) brings += v.data[row * d + f] * weight.data[o * weight.shape[1] + head * d + f];
      total += brings * brings;
    }
    return Math.sqrt(total);
  });
}

/** Scores, scaled, weights and z where a switch has changed them: else they follow from what stands before. */
function editedValues(trial, layer) {
  const at = (kind) => trial.values.get(`layers.${layer}.attention.${kind}`);
  const [scores, scaled, weights, z] = ["scores", "scaled", "weights", "z"].map(at);
  const root = Math.sqrt(at("q").shape[2]);
  const pairs = [
    ["scores", scores, dots(at("q"), at("k"))],
    ["scaled", scaled, mapped(scores, (score) => score / root)],
    ["weights", weights, softmax(scaled)],
    ["z", z, mixtures(weights, at("v"))],
  ];
  return pairs.filter(([, value, made]) => !alikeNumbers(value.data, made.data));
}

function alikeNumbers(one, other) {
  return one.every((value, k) => value === other[k] || Math.abs(value - other[k]) <= NEAR_ENOUGH * (1 + Math.abs(other[k])));
}

/** The largest weights of 32 × 32 stretches of a picture (h, n, n), as torch's adaptive_max_pool2d cuts them. */
function thumb({ data, shape: [heads, n] }) {
  const [from, to] = [(k) => Math.floor((k * n) / THUMB), (k) => Math.ceil(((k + 1) * n) / THUMB)];
  return Float32Array.from({ length: heads * THUMB * THUMB }, (_, k) => {
    const [head, row, column] = [Math.floor(k / THUMB / THUMB), Math.floor(k / THUMB) % THUMB, k % THUMB];
    let most = -Infinity;
    for (let i = from(row); i < to(row); i += 1) for (let j = from(column); j < to(column); j += 1) most = Math.max(most, data[(head * n + i) * n + j]);
    return most;
  });
}
