// The arithmetic of one number, done again here from its operands, in float64.  `evaluate` follows a table's `how`, which
// docs/page.md lays down; `workedOf` lays the tables out, as explain/worked.py does.

import { curveOf } from "./curves.js";
import { partsOf } from "./sums.js";
import { written } from "./written.js";
import { parse } from "../base/address.js";
import { headOf } from "./heads.js";

const SAME = 1e-9; // of a number: a base number that an earlier table came to is taken from there

/** Every table of a Worked with its last columns computed from the first: {parts: [{rows, number, result}], recomputed}. */
export function evaluate({ parts }) {
  const done = [];
  for (const part of parts) done.push(evaluatePart(part, done.map(({ number }) => number)));
  return { parts: done, recomputed: done.at(-1)?.number ?? NaN };
}

/** One table.  before: the numbers that earlier ones came to. */
export function evaluatePart(part, before = []) {
  const [how, name] = (part.how ?? "").split(":");
  if (!HOWS[how]) return { rows: part.rows, number: NaN, result: part.result };
  const base = part.rows.map(([label, numbers]) => [label, numbers.map((each) => carried(each, before))]);
  return HOWS[how]({ ...part, rows: how === "products" || how === "softmax" ? part.rows : base }, name);
}

/** The number that an earlier table came to, where `value` is that, to the rounding of how it was written. */
function carried(value, before) {
  return before.find((each) => Math.abs(each - value) <= SAME * (1 + Math.abs(value))) ?? value;
}

function firsts({ rows }) {
  return rows.map(([, numbers]) => numbers[0]);
}

function total(numbers) {
  return numbers.reduce((sum, each) => sum + each, 0);
}

/** A table whose number is `value`, told in the words that it came with. */
function told({ rows, result }, value) {
  return { rows, number: value, result: result.replace(/(=|sum) −?-?[\d.]+(?:e[+-]?\d+)?$/, `$1 ${value.toFixed(6)}`) };
}

const HOWS = {
  products({ rows, result }) {
    let sum = 0;
    const done = rows.map(([label, [first, second]]) => [label, [first, second, first * second, (sum += first * second)]]);
    return told({ rows: done, result }, sum);
  },
  sum: (part) => told(part, total(firsts(part))),
  mean: (part) => told(part, total(firsts(part)) / part.rows.length),
  max: (part) => told(part, Math.max(...firsts(part))),
  first: (part) => told(part, firsts(part)[0]),
  lookup: (part) => told(part, firsts(part)[0]),
  divide(part) {
    const numbers = firsts(part);
    return told(part, numbers.slice(part.at).reduce((value, each) => value / each, total(numbers.slice(0, part.at))));
  },
  softmax(part) {
    const numbers = firsts(part);
    const largest = Math.max(...numbers);
    const exps = numbers.map((each) => (largest === -Infinity ? 0 : Math.exp(each - largest)));
    const sum = total(exps) || 1;
    const rows = part.rows.map(([label], k) => [label, [numbers[k], exps[k], exps[k] / sum]]);
    if (part.at < 0) return { rows, number: 0, result: part.result };
    const number = exps[part.at] / sum;
    return { rows, number, result: `${exps[part.at].toFixed(6)} ÷ ${sum.toFixed(6)} = ${number.toFixed(7)}` };
  },
  norm(part) {
    const [x, mean, root, gain, shift] = firsts(part);
    const steps = [x - mean, (x - mean) / root, ((x - mean) / root) * gain + shift];
    const rows = part.rows.map(([label, numbers], k) => [label, k < 5 ? numbers : [steps[k - 5]]]);
    return told({ rows, result: part.result }, steps[part.at - 5]);
  },
  curve(part, name) {
    const curve = curveOf(name);
    if (part.columns.length === 1) return told(part, curve(firsts(part)[0]));
    const rows = part.rows.map(([label, numbers]) => [label, [...numbers.slice(0, -1), curve(numbers.at(-2))]]);
    return { rows, number: NaN, result: part.result };
  },
};

/** The Worked of an address, from what a picture holds: {address, question, parts, model, operands}.
 *
 * model: {value(site), weight(name), row(table, position)} where the whole model is at hand, each giving null for what
 * is not.  Throws where `address` is not one number of this text, or an operand is not held.
 */
export function workedOf(picture, address, model = null) {
  const where = parse(address);
  if (!where) throw new Error(`'${address}' is no address; write L1.H2.weights[4,3], L1.stream[4,7] or logits[0]`);
  const index = where.head === null ? where.index : [where.head, ...where.index];
  const asked = { picture, site: where.site, layer: where.layer, kind: where.kind, index, at: valuesAt(picture, model), model };
  const { parts, operands } = partsOf(asked);
  const shown = written(where.site, index);
  return { address: shown, question: questionOf(asked), parts, model: asked.at.number(where.site, index), operands };
}

/** The same from what a picture holds, without a model. */
export async function workedInHead(picture, address) {
  return workedOf(picture, address);
}

function questionOf({ picture, kind, index, site }) {
  const names = picture.pieces;
  if (["scores", "scaled", "weights"].includes(kind) && index.length === 3) return `${names[index[1]]} looks at ${names[index[2]]}`;
  return ["pooled", "logits", "follows"].includes(site) ? "" : `at ${names[index.at(-2)]}`;
}

/** What can be read of a picture: the values of its sites, those of a head computed where they are not held. */
function valuesAt(picture, model) {
  const heads = new Map();
  const head = (layer, number) => {
    const key = `${layer}.${number}`;
    if (!heads.has(key)) heads.set(key, headOf(picture, layer, number));
    return heads.get(key);
  };
  const held = (site) => model?.value(site) ?? picture.arrays[site] ?? null;
  const need = (site) => {
    const found = held(site);
    if (!found) throw new Error(`this file does not hold ${site}; open it with: glassformer open`);
    return found;
  };
  return { head, need, number: (site, index) => numberOf(held(site), site, index) };
}

/** The model's own number there; null where it is not held. */
function numberOf(array, site, index) {
  if (!array) return null;
  const { shape, data } = array;
  if (index.length !== shape.length) throw new Error(`${written(site, index)} is not one number; give ${shape.length} indices`);
  const axis = index.findIndex((each, k) => each >= shape[k]);
  if (axis >= 0) throw new Error(`there is no ${written(site, index)}: ${index[axis]}, but only 0 to ${shape[axis] - 1}`);
  const value = data[index.reduce((at, each, k) => at * shape[k] + each, 0)];
  return Number.isNaN(value) ? null : value;
}
