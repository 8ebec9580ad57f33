// What a number is made of: the tables of its arithmetic, site by site as explain/inside.py and ends.py lay them out.
// Only base columns are filled in where the page computes the rest: `evaluate` does, before anybody reads them.

import { written } from "./written.js";

// What each step of a block reads: the order of operations in parts/block.py, as data.
const FEEDS = {
  post: { attention: ["before"], attention_norm: ["before", "attention.mixed"], between: ["attention_norm.out"], mlp: ["between"], mlp_norm: ["between", "mlp.out"], stream: ["mlp_norm.out"] },
  pre: { attention: ["attention_norm.out"], attention_norm: ["before"], between: ["before", "attention.mixed"], mlp: ["mlp_norm.out"], mlp_norm: ["between"], stream: ["between", "mlp.out"] },
};
const NORMED = ["centred", "normalised", "out"];
const EPSILON = 1e-5;
const OVER_POSITIONS = { mean: "the mean over positions", max: "the largest over positions" };

/** {parts, operands} of what is asked: {picture, site, layer, kind, index, at, model}. */
export function partsOf(asked) {
  const inside = asked.layer === null ? null : asked.site.split(".").slice(2).join(".");
  const make = inside === null ? OF_A_MODEL[asked.site] : (OF_A_BLOCK[inside] ?? (/_norm\.(centred|normalised|out)$/.test(inside) ? blockNorm : null));
  if (!make) throw new Error(`there is no arithmetic of ${asked.site} in the page; open it with: glassformer open`);
  checkIndex(asked);
  return make(asked);
}

/** An index of a head that is there, and of positions. */
function checkIndex({ picture, site, layer, kind, index }) {
  const n = picture.pieces.length;
  const inHead = site.includes(".attention.") && kind !== "mixed";
  const matrix = ["scores", "scaled", "weights"].includes(kind) && inHead;
  if (layer !== null && layer >= picture.model.layers) throw new Error(`there is no ${written(site, index)}: this model has ${picture.model.layers ? `layers 0 to ${picture.model.layers - 1}` : "no layers"}`);
  const most = inHead ? [picture.model.heads[layer] ?? 0, n, matrix ? n : picture.model.head_width] : ["pooled", "logits"].includes(site) ? [Infinity] : [n, Infinity];
  if (index.length !== most.length) throw new Error(`${written(site, index)} is not one number; give ${most.length} indices`);
  const axis = index.findIndex((each, k) => each >= most[k]);
  if (axis >= 0) throw new Error(`there is no ${written(site, index)}: ${index[axis]}, but only 0 to ${most[axis] - 1}`);
}

// tables

function table(title, columns, rows, how, result, at = 0) {
  return { title, how, at, columns, rows, result };
}

/** Σ left · right; the product and the running total are filled in by `evaluate`. */
function products(title, names, columns, left, right) {
  return table(title, [...columns, "product", "total"], names.map((name, k) => [name, [left[k], right[k]]]), "products", "sum 0");
}

function plusOf(name, more, before) {
  return table(`plus ${name}`, ["value"], [["sum", [before]], [name, [more]]], "sum", "= 0");
}

function dotOf(left, right) {
  let sum = 0;
  for (let k = 0; k < left.length; k += 1) sum += left[k] * right[k];
  return sum;
}

function counted(x) {
  return Array.from(x, (_, k) => String(k));
}

/** Row `index` of a value whose other indices are given: (n, w) and [4] → (w). */
function rowAt({ shape, data }, index) {
  const size = shape.slice(index.length).reduce((product, each) => product * each, 1);
  const from = index.reduce((at, each, k) => at * shape[k] + each, 0) * size;
  return Float64Array.from(data.subarray(from, from + size));
}

function weightOf({ model, picture }, name) {
  const found = model?.weight(name);
  if (!found) throw new Error(`the weights of ${picture.model.name} are not in this file, so that ${name} is not known; open it with: glassformer open`);
  return found;
}

/** Σ x · weight + bias, of one feature. */
function linearOf(asked, path, feature, x, what, operand) {
  const weight = rowAt(weightOf(asked, `${path}.weight`), [feature]);
  const bias = weightOf(asked, `${path}.bias`).data[feature];
  const first = products(`${what} · row ${feature} of the weight matrix`, counted(x), ["x", "weight"], x, weight);
  return { parts: [first, plusOf("bias", bias, dotOf(x, weight))], operands: [operand] };
}

function linearAt(asked, path, feature, source, position) {
  const where = written(source, [position]);
  return linearOf(asked, path, feature, rowAt(asked.at.need(source), [position]), where, where);
}

// inside a block

function streamSite(layer) {
  return layer ? `layers.${layer - 1}.stream` : "embed.stream";
}

/** The sites that a step of this block reads. */
function feeds({ picture, layer }, step) {
  return FEEDS[picture.model.block][step].map((name) => (name === "before" ? streamSite(layer) : `layers.${layer}.${name}`));
}

function ofHead(asked, kind, index = []) {
  const found = asked.at.head(asked.layer, asked.index[0])[kind];
  if (!found) throw new Error(`this file does not hold ${kind} of L${asked.layer}.H${asked.index[0]}; open it with: glassformer open`);
  return index.length ? rowAt(found, index) : found;
}

function projected(asked) {
  const [head, position, feature] = asked.index;
  return linearAt(asked, `layers.${asked.layer}.attention.${asked.kind}`, head * asked.picture.model.head_width + feature, feeds(asked, "attention")[0], position);
}

function scoresTable(asked) {
  const [head, i, j] = asked.index;
  const [q, k] = [ofHead(asked, "q", [i]), ofHead(asked, "k", [j])];
  const parts = [products("q · k, feature by feature", counted(q), ["q", "k"], q, k)];
  return { parts, operands: [written(`layers.${asked.layer}.attention.q`, [head, i]), written(`layers.${asked.layer}.attention.k`, [head, j])], value: dotOf(q, k) };
}

function scaledTable(asked) {
  const { parts, operands, value } = scoresTable(asked);
  const [head, i, j] = asked.index;
  const near = asked.picture.arrays[`layers.${asked.layer}.attention.near`];
  const more = near ? [["distance", [rowAt(near, [head, i])[j]]]] : [];
  const d = asked.picture.model.head_width;
  const rows = [["score", [value]], ...more, [`√${d}`, [Math.sqrt(d)]]];
  return { parts: [...parts, table("divided by √d", ["value"], rows, "divide", "= 0", rows.length - 1)], operands };
}

function weightsTable(asked) {
  const { parts, operands } = scaledTable(asked);
  const [, i, j] = asked.index;
  const look = asked.picture.arrays.look;
  const seen = asked.picture.pieces.map((_, at) => at).filter((at) => !look || look.data[i * asked.picture.pieces.length + at]);
  const row = ofHead(asked, "scaled", [i]);
  const largest = Math.max(...seen.map((at) => row[at]));
  const names = asked.picture.pieces;
  const title = `softmax over the row of ${names[i]}: exp(scaled − ${largest.toFixed(4)}), then its share of the sum`;
  const at = seen.indexOf(j);
  const result = at < 0 ? "may not look there: 0" : "= 0";
  return { parts: [...parts, table(title, ["scaled", "exp", "weight"], seen.map((each) => [names[each], [row[each]]]), "softmax", result, at)], operands };
}

function zTable(asked) {
  const [head, i, feature] = asked.index;
  const [a, v] = [ofHead(asked, "weights", [i]), ofHead(asked, "v")];
  const column = asked.picture.pieces.map((_, j) => v.data[j * v.shape[1] + feature]);
  const parts = [products("of each value as much as its weight", asked.picture.pieces, ["weight", "v"], a, column)];
  return { parts, operands: [written(`layers.${asked.layer}.attention.weights`, [head, i]), `L${asked.layer}.H${head}.v`] };
}

function mixedTable(asked) {
  const [position, feature] = asked.index;
  const heads = asked.picture.model.heads[asked.layer];
  const z = Array.from({ length: heads }, (_, head) => [...ofHead({ ...asked, index: [head] }, "z", [position])]).flat();
  return linearOf(asked, `layers.${asked.layer}.attention.out`, feature, z, `z[${position}] of all heads, one after the other`, written(`layers.${asked.layer}.attention.z`));
}

function hiddenTable(asked) {
  const [position, feature] = asked.index;
  const { parts, operands } = linearAt(asked, `layers.${asked.layer}.mlp.inward`, feature, feeds(asked, "mlp")[0], position);
  const name = asked.picture.model.activation;
  const x = parts[0].rows.reduce((sum, [, [left, right]]) => sum + left * right, 0) + parts[1].rows[1][1][0];
  return { parts: [...parts, table(name, ["value"], [["x", [x]]], `curve:${name}`, name === "relu" ? "max(0, x) = 0" : "= 0")], operands };
}

function outTable(asked) {
  const [position, feature] = asked.index;
  return linearAt(asked, `layers.${asked.layer}.mlp.outward`, feature, `layers.${asked.layer}.mlp.hidden`, position);
}

function blockNorm(asked) {
  const path = asked.site.slice(0, asked.site.lastIndexOf("."));
  return normOf(asked, path, feeds(asked, path.split(".").at(-1)));
}

/** One feature of the norm at `path`, of the sum of `sources`. */
function normOf(asked, path, sources) {
  const [position, feature] = asked.index;
  const values = sources.map((source) => rowAt(asked.at.need(source), [position]));
  const x = values.reduce((sum, each) => sum.map((one, k) => one + each[k]));
  const mean = x.reduce((sum, each) => sum + each, 0) / x.length;
  const root = Math.sqrt(x.reduce((sum, each) => sum + (each - mean) ** 2, 0) / x.length + EPSILON);
  const [gain, shift] = ["gain", "shift"].map((name) => weightOf(asked, `${path}.${name}`).data[feature]);
  const facts = { x: x[feature], mean, "√(variance + ε)": root, gain, shift, centred: 0, normalised: 0, out: 0 };
  const rows = Object.entries(facts).map(([name, number]) => [name, [number]]);
  const part = table("gain · (x − mean) ÷ √(variance + ε) + shift", ["value"], rows, "norm", "= 0", 5 + NORMED.indexOf(asked.kind));
  return { parts: [part], operands: sources.map((source) => written(source, [position])) };
}

function cellOf({ at, index }, source) {
  at.need(source);
  return at.number(source, index);
}

/** The sum of the same cell of several values: a residual, or one value handed on. */
function added(asked, sources) {
  const names = sources.map((source) => written(source, asked.index));
  const rows = sources.map((source, k) => [names[k], [cellOf(asked, source)]]);
  return { parts: [table(sources.length > 1 ? "added to the stream" : "handed on as it is", ["value"], rows, "sum", "= 0")], operands: names };
}

const OF_A_BLOCK = {
  "attention.q": projected,
  "attention.k": projected,
  "attention.v": projected,
  "attention.scores": scoresTable,
  "attention.scaled": scaledTable,
  "attention.weights": weightsTable,
  "attention.z": zTable,
  "attention.mixed": mixedTable,
  "mlp.hidden": hiddenTable,
  "mlp.out": outTable,
  between: (asked) => added(asked, feeds(asked, "between")),
  stream: (asked) => added(asked, feeds(asked, "stream")),
};

// before and after the blocks

function lookedUp(asked) {
  const [position, feature] = asked.index;
  const { row, values } = asked.model?.row?.(asked.kind, position) ?? { row: null, values: null };
  if (values === null) throw new Error(`the tables of ${asked.picture.model.name} are not in this file; open it with: glassformer open`);
  const title = `looked up for '${asked.picture.pieces[position]}' at position ${position}: nothing is computed`;
  return { parts: [table(title, ["value"], [[`row ${row}`, [values[feature]]]], "lookup", "= 0")], operands: [] };
}

function finalTable(asked) {
  return added(asked, [asked.picture.model.block === "pre" ? "finish.out" : streamSite(asked.picture.model.layers)]);
}

function pooledTable(asked) {
  const how = asked.picture.model.pool;
  const { shape, data } = asked.at.need("final");
  if (!OVER_POSITIONS[how] || asked.picture.model.family === "bert") throw new Error("there is no arithmetic of pooled in this file; open it with: glassformer open");
  const rows = asked.picture.pieces.map((name, k) => [name, [data[k * shape[1] + asked.index[0]]]]);
  return { parts: [table(OVER_POSITIONS[how], ["value"], rows, how, "= 0")], operands: ["final"] };
}

function logitsTable(asked) {
  const [label] = asked.index;
  if (asked.picture.model.layers) return linearOf(asked, "head", label, rowAt(asked.at.need("pooled"), []), "pooled", "pooled");
  const { shape, data } = asked.at.need("shares");
  const rows = asked.picture.pieces.map((name, k) => [name, [data[k * shape[1] + label]]]);
  const part = table("what every piece says, whatever stands around it", ["share"], [...rows, ["bias", [weightOf(asked, "bias").data[label]]]], "sum", "sum 0");
  return { parts: [part], operands: ["shares"] };
}

const OF_A_MODEL = {
  "embed.pieces": lookedUp,
  "embed.places": lookedUp,
  shares: lookedUp,
  "embed.stream": (asked) => added(asked, asked.picture.model.family === "bert" ? ["embed.norm.out"] : ["embed.pieces", "embed.places"]),
  "finish.centred": (asked) => normOf(asked, "finish", [streamSite(asked.picture.model.layers)]),
  "finish.normalised": (asked) => normOf(asked, "finish", [streamSite(asked.picture.model.layers)]),
  "finish.out": (asked) => normOf(asked, "finish", [streamSite(asked.picture.model.layers)]),
  final: finalTable,
  pooled: pooledTable,
  logits: logitsTable,
};
