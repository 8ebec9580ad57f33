// How much of the answer survives where the attention patterns, the order of the words or the training are gone, as in
// explain/baselines.py.

import { Weights } from "./safetensors.js";
import { listening } from "./tape.js";
import { looksOf, uniformEverywhere } from "./switching.js";
import { shareOf } from "./trial.js";
import { modelOf } from "./models.js";

const ORDERS = 8;
const SEEDS = 3;
const twins = new WeakMap();

/** [{name, what, value, says, share, survives, n}], in the order of what they take away. */
export function baselinesOf(trial, companions) {
  const bags = companions.filter(({ config }) => config.family === "bag-of-words").flatMap((reader) => bag(trial, reader));
  const attention = trial.layers ? [uniform(trial), average(trial), ...(trial.words.length > 1 ? [shuffledWords(trial)] : [])] : [];
  return [...bags, ...attention, random(trial)];
}

/** answers: of each run, as answerOf gives them. */
function baseline(trial, name, what, answers, n = answers.length) {
  const value = answers.reduce((sum, each) => sum + each.value, 0) / answers.length;
  const times = (says) => answers.filter((each) => each.says === says).length;
  const { says } = answers.reduce((best, each) => (times(each.says) > times(best.says) ? each : best));
  return { name, what, value, says, share: shareOf(value), survives: says === trial.answer.says, n };
}

function bag(trial, reader) {
  try {
    const answer = reader.ask(trial.pieces.text).answer;
    return [baseline(trial, "bag of words", `the model ${reader.name}: every word for itself, whatever stands around it`, [answer])];
  } catch {
    return []; // nothing of it is known there
  }
}

function uniform(trial) {
  return baseline(trial, "uniform attention", "every head looks at everything alike", [trial.answerOf(trial.logits([uniformEverywhere()]))]);
}

/** Hassid et al. 2022, "How much does attention actually attend?", put constant matrices there. */
function average(trial) {
  const { reference, pack, model } = trial.reader;
  const switches = model.layers.map((_, layer) => looksOf(layer, reference.attention(layer, trial.n)));
  const what = "every head looks as it does on average at that distance, and at each special piece, in other sentences";
  return baseline(trial, "average attention", what, [trial.answerOf(trial.logits(switches))], pack.reference.length);
}

function shuffledWords(trial) {
  const orders = Array.from({ length: ORDERS }, (_, k) => shuffledIds(trial, k + 1));
  const answers = orders.map((ids) => trial.answerOf(trial.logits([], ids)));
  return baseline(trial, "shuffled words", `the mean over ${ORDERS} fixed orders of the words`, answers);
}

/** The words in another order, the same for every model. */
function shuffledIds(trial, seed) {
  const order = shuffledOrder(trial.words.length, mulberry32(seed));
  const ids = [...trial.pieces.ids];
  const places = trial.words.flatMap((word) => word.pieces);
  const moved = order.flatMap((k) => trial.words[k].pieces);
  places.forEach((to, k) => (ids[to] = trial.pieces.ids[moved[k]]));
  return ids;
}

/** Fisher and Yates, from the end: item k changes places with one of the items 0 … k. */
export function shuffledOrder(length, number) {
  const items = Array.from({ length }, (_, k) => k);
  for (let k = length - 1; k > 0; k -= 1) {
    const j = Math.floor(number() * (k + 1));
    [items[k], items[j]] = [items[j], items[k]];
  }
  return items;
}

/** Numbers in [0, 1), the same in Python, in 32-bit arithmetic (Tommy Ettinger 2017, public domain). */
export function mulberry32(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Adebayo et al. 2018, "Sanity checks for saliency maps".  Other numbers are drawn here than in Python. */
function random(trial) {
  const what = `the median of ${SEEDS} models with each weight matrix drawn anew, of its own mean and spread`;
  const answers = twinsOf(trial.reader).map((model) => trial.answerOf(model.run(trial.pieces.ids, listening())));
  const middle = answers.sort((one, other) => one.value - other.value)[Math.floor((SEEDS - 1) / 2)];
  return baseline(trial, "random weights", what, [middle], SEEDS);
}

function twinsOf(reader) {
  if (!twins.has(reader)) twins.set(reader, Array.from({ length: SEEDS }, (_, seed) => modelOf(reader.config, drawn(reader.weights, seed))));
  return twins.get(reader);
}

/** Each weight matrix drawn from a normal distribution of its own mean and standard deviation. */
function drawn(weights, seed) {
  const number = mulberry32(seed + 1);
  const tensors = Object.entries(weights.tensors).map(([name, { shape, data }]) => [name, { shape, data: shape.length > 1 ? normal(data, number) : data }]);
  return new Weights(Object.fromEntries(tensors));
}

function normal(data, number) {
  const mean = data.reduce((sum, each) => sum + each, 0) / data.length;
  const spread = Math.sqrt(data.reduce((sum, each) => sum + (each - mean) ** 2, 0) / Math.max(1, data.length - 1));
  const drawnAnew = new Float32Array(data.length);
  for (let k = 0; k < data.length; k += 2) {
    const [radius, angle] = [spread * Math.sqrt(-2 * Math.log(1 - number())), 2 * Math.PI * number()];
    drawnAnew[k] = mean + radius * Math.cos(angle);
    if (k + 1 < data.length) drawnAnew[k + 1] = mean + radius * Math.sin(angle);
  }
  return drawnAnew;
}
