// Which attention a picture holds, by type, and its weights: who looks (rows) at whom (columns), head by head.

import { headEffect } from "../../base/facts.js";
import { dotOf, matrixRow, sharesOf } from "../steps/focus.js";

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
  return Array.from({ length: matrix.shape[0] }, (_, i) => matrixRow(matrix, i));
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

/** Rows of several heads, averaged over those that are on. */
export function meanOfHeads(matrices, on) {
  const some = matrices.filter((_, k) => on[k]);
  if (!some.length) return null;
  return some[0].map((row, i) => row.map((_, j) => some.reduce((total, each) => total + each[i][j], 0) / some.length));
}
