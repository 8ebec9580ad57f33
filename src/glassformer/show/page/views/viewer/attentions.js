// Which attention a picture holds, by type, and its weights: who looks (rows) at whom (columns), head by head.

import { headEffect } from "../../base/facts.js";
import { dotOf, sharesOf } from "../steps/focus.js";

export const ATTENTION_TYPES = [
  { id: "all", label: "All" },
  { id: "input-input", label: "Input-Input" },
  { id: "input-output", label: "Input-Output" },
  { id: "output-output", label: "Output-Output" },
];

/** Whether a picture is of a model with an encoder and a decoder. */
export function hasSource(picture) {
  return Array.isArray(picture.source_pieces);
}

/** Why a type cannot be shown; "" where it can. */
export function whyNotType(picture, type) {
  if (hasSource(picture) || ["all", "input-input"].includes(type)) return "";
  return `${picture.model.name} has no decoder that looks at a source`;
}

/** The layers of a type: [number of heads of each]. */
export function headsOfType(picture, type) {
  if (!hasSource(picture) || type === "output-output") return picture.model.heads;
  if (type === "input-input") return picture.model.encoder.heads;
  if (type === "input-output") return picture.model.cross_heads;
  const { heads, cross_heads: cross } = picture.model;
  return picture.model.encoder.heads.slice(0, heads.length).map((count, k) => Math.min(count, heads[k], cross[k]));
}

/** The pieces that look, and those that are looked at. */
export function sidesOfType(picture, type) {
  const { pieces, source_pieces: given = [] } = picture;
  if (!hasSource(picture)) return { looks: pieces, at: pieces };
  if (type === "input-input") return { looks: given, at: given };
  if (type === "output-output") return { looks: pieces, at: pieces };
  if (type === "input-output") return { looks: pieces, at: given };
  return { looks: [...given, ...pieces], at: [...given, ...pieces] };
}

/** Where the parts of a type stand: the tape's path, and of what effects its heads have. */
function placesOfType(picture, type, layer) {
  const inside = { site: `layers.${layer}.attention`, effects: "heads", look: "look" };
  if (!hasSource(picture)) return [inside];
  const encoder = { site: `encoder.layers.${layer}.attention`, effects: "encoder_heads", look: "encoder.look" };
  const cross = { site: `layers.${layer}.cross`, effects: "cross_heads", look: null };
  return { all: [encoder, cross, inside], "input-input": [encoder], "input-output": [cross], "output-output": [inside] }[type];
}

/** The weights of one head of a type: rows[i][j]. */
export async function weightsOfType(source, picture, { type, layer, head }) {
  const places = placesOfType(picture, type, layer);
  if (!hasSource(picture)) return rowsOfWeights((await source.head(picture, layer, head)).weights);
  const parts = [];
  for (const place of places) parts.push(await weightsAt(source, picture, place, head));
  return parts.length === 1 ? parts[0] : oneMatrix(parts);
}

function rowsOfWeights(matrix) {
  if (!matrix) throw new Error("the weights of this head are not held here; open the text with glassformer open");
  const [n, m] = matrix.shape;
  return Array.from({ length: n }, (_, i) => matrix.data.subarray(i * m, (i + 1) * m)); // views, no copies
}

/** Input rows look at the input; output rows at the input and at the output before them. */
function oneMatrix([encoder, cross, inside]) {
  const none = new Array(inside[0].length).fill(0);
  return [...encoder.map((row) => [...row, ...none]), ...cross.map((row, i) => [...row, ...inside[i]])];
}

/** softmax(q · k ÷ √d) of one head, from q and k as the picture holds them; −∞ where nobody may look. */
async function weightsAt(source, picture, { site, look }, head) {
  const [q, k] = await Promise.all([source.array(picture, `${site}.q`), source.array(picture, `${site}.k`)]);
  const [asks, keys] = [headRows(q, head), headRows(k, head)];
  const root = Math.sqrt(q.shape[2]);
  const may = look && picture.arrays[look] ? picture.arrays[look] : null;
  return asks.map((one, i) => sharesOf(keys.map((other, j) => (may && !may.data[i * may.shape[1] + j] ? -Infinity : dotOf(one, other) / root))));
}

/** The rows of one head of an array (h, n, d), as float64. */
function headRows({ shape: [, n, d], data }, head) {
  return Array.from({ length: n }, (_, i) => Array.from(data.subarray((head * n + i) * d, (head * n + i + 1) * d)));
}

/** What changes when a head is off: [{name, change, exact}], one for each part of the type; change null where not measured. */
export function effectsOfHead(picture, { type, layer, head, baseline }) {
  const names = { heads: "output", encoder_heads: "input", cross_heads: "cross" };
  return placesOfType(picture, type, layer).map(({ effects }) => {
    if (effects === "heads") return { name: names.heads, ...(headEffect(picture, layer, head, baseline) ?? { change: null, exact: true }) };
    const table = picture.effects?.[effects];
    return { name: names[effects], change: table?.[baseline]?.[layer]?.[head] ?? null, exact: table?.exact?.[layer]?.[head] !== false };
  });
}

/** What changes when each cell of a head is cut: {rows, exact}; null where that is not held, or of another type. */
export async function cellsOfHead(source, picture, { layer, head }) {
  if (hasSource(picture)) return null;
  const { cells } = await source.head(picture, layer, head);
  return cells ? { rows: rowsOfWeights(cells), exact: cells.exact } : null;
}

/** For each piece of the other side the mean weight, over the heads that are on, between it and piece `index` of `side`. */
export function meanBetween(matrices, { side, index }) {
  if (!matrices.length) return [];
  const count = side === "looks" ? matrices[0][index].length : matrices[0].length;
  const weight = (rows, k) => (side === "looks" ? rows[index][k] : rows[k][index]);
  return Array.from({ length: count }, (_, k) => matrices.reduce((total, rows) => total + weight(rows, k), 0) / matrices.length);
}
