// What the nine steps look at: two words, one head of the model, and that head's numbers.

import { parse } from "../../base/address.js";
import { safe } from "../../base/dom.js";
import { firstAddress } from "../../base/facts.js";

/** Everything a step needs of a picture: {picture, source, looks, at, i, j, layer, head, d, names, q, k, v, scores, …}. */
export async function stepFacts(source, picture, address = "") {
  const where = headToShow(picture, address);
  const [looks, at] = pairToShow(picture);
  const head = picture.model.layers ? await source.head(picture, where.layer, where.head).catch(() => ({})) : {};
  const d = head.q ? head.q.shape[1] : picture.model.head_width || 0;
  const [i, j] = where.index || [firstPiece(picture, looks), firstPiece(picture, at)];
  const words = picture.word_of ? [picture.word_of[i], picture.word_of[j]] : [looks, at];
  return { picture, source, ...head, layer: where.layer, head: where.head, d, i, j, looks: words[0], at: words[1], results: new Map() };
}

/** The words of the edge that was told; else of the largest edge; else the last word and the one before it. */
export function pairToShow(picture) {
  const { told, effects } = picture;
  if (told) return [told.looks, told.at];
  const edge = effects && effects.edges && effects.edges[0];
  if (edge) return [edge[0], edge[1]];
  const spoken = spokenWords(picture);
  return [spoken.at(-1), spoken.at(-2) ?? spoken.at(-1)];
}

/** The numbers of the words that somebody wrote. */
export function spokenWords(picture) {
  return picture.words.map((word, k) => k).filter((k) => !picture.specials.includes(k));
}

/** The head in the address; else the one in which the edge that was told matters most; else the one that matters most. */
function headToShow(picture, address) {
  const asked = address === firstAddress(picture) ? null : parse(address); // that one nobody chose
  const counts = picture.model.heads || [];
  if (asked && asked.head !== null && asked.head < (counts[asked.layer] ?? 0)) return { ...asked, index: cellOf(picture, asked) };
  const table = (picture.told && picture.told.by_head) || (picture.effects && picture.effects.heads && picture.effects.heads.zero) || [];
  const held = picture.left && picture.left.exact_heads; // of a long text a file holds a few heads whole
  return largestIn(held && held.length ? table.map((row, layer) => row.map((value, head) => (held.some(([l, h]) => l === layer && h === head) ? value ?? 0 : null))) : table);
}

/** Row and column of an address such as L0.H1.weights[4,3], where it is a cell of this text. */
function cellOf(picture, { kind, index }) {
  const cells = ["scores", "scaled", "weights"].includes(kind) && index.length === 2;
  return cells && Math.max(...index) < picture.pieces.length ? index : null;
}

function largestIn(table) {
  let best = { layer: 0, head: 0, size: -1 };
  table.forEach((row, layer) =>
    row.forEach((value, head) => {
      if (value !== null && Math.abs(value) > best.size) best = { layer, head, size: Math.abs(value) };
    }),
  );
  return { layer: best.layer, head: best.head, index: null };
}

function firstPiece(picture, word) {
  return picture.word_pieces[word] ? picture.word_pieces[word][0] : 0;
}

/** Row `i` of a matrix {shape, data}, as plain numbers. */
export function matrixRow(matrix, i) {
  const width = matrix.shape.at(-1);
  return Array.from(matrix.data.subarray(i * width, (i + 1) * width));
}

/** A row of scores as softmax takes it: −∞ where position `i` may not look. */
export function seenRow(picture, i, row) {
  const look = picture.arrays.look;
  return look ? row.map((each, j) => (look.data[i * look.shape[1] + j] ? each : -Infinity)) : row;
}

/** “terrible”, safe to show. */
export function quotedWord(picture, word) {
  return `“${safe(picture.words[word] ?? "?")}”`;
}

/** “terr”, the piece at a position. */
export function quotedPiece(picture, position) {
  return `“${safe(picture.pieces[position] ?? "?")}”`;
}

/** softmax of a row: shares of exp(x − largest), zeros where nothing may be looked at. */
export function sharesOf(row) {
  const most = Math.max(...row);
  if (most === -Infinity) return row.map(() => 0);
  const powers = row.map((each) => Math.exp(each - most));
  const sum = powers.reduce((total, each) => total + each, 0);
  return powers.map((each) => each / sum);
}

/** The numbers of the `most` largest of `values` by size, in their own order; `always` are among them. */
export function largestFew(values, most, always = []) {
  const order = values.map((value, k) => k).sort((a, b) => Math.abs(values[b]) - Math.abs(values[a]));
  const chosen = new Set(always);
  for (const k of order) if (chosen.size < Math.min(most, values.length)) chosen.add(k);
  return [...chosen].sort((a, b) => a - b);
}

/** Where the largest number stands. */
export function largestAt(values) {
  return values.reduce((best, value, k) => (value > values[best] ? k : best), 0);
}

/** Σ one · other. */
export function dotOf(one, other) {
  return one.reduce((total, each, k) => total + each * other[k], 0);
}

/** √ Σ x². */
export function lengthOf(vector) {
  return Math.sqrt(dotOf(vector, vector));
}

/** The row that an address names; where it names none, that of the word that was told. */
export function rowToShow(picture, address) {
  const where = parse(address || "");
  const last = picture.pieces.length - 1;
  return where && where.index.length ? Math.min(where.index[0], last) : firstPiece(picture, pairToShow(picture)[0]);
}
