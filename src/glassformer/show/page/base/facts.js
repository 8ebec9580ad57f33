// What a picture says of a word, a position, a head: small questions that many panels ask.

import { MATRICES, parse } from "./address.js";

/** The label of a position; the second and later ones of the same piece keep their number. */
export function pieceAt(picture, position) {
  return picture.pieces[position] ?? String(position);
}

/** The label of a word, with its turn where it stands there several times: not, not#2. */
export function wordAt(picture, word) {
  const name = picture.words[word] ?? String(word);
  const same = (each) => each.toLowerCase() === name.toLowerCase();
  const turn = picture.words.slice(0, word).filter(same).length;
  return turn ? `${name}#${turn + 1}` : name;
}

/** Whether a position holds a special piece such as [CLS]. */
export function isSpecial(picture, position) {
  return picture.special_pieces.includes(position);
}

/** Whether its effects are on their way: of a long text the answer stands there first. */
export function pending(picture) {
  return picture.partial && picture.effects === null;
}

/** Every head: [[layer, head], …]. */
export function everyHead(picture) {
  return picture.model.heads.flatMap((heads, layer) => Array.from({ length: heads }, (_, head) => [layer, head]));
}

/** The change of the measure with a head off: {change, exact, baseline}, null where nothing was measured. */
export function headEffect(picture, layer, head, baseline) {
  const measured = picture.effects?.heads?.[baseline]?.[layer]?.[head];
  if (measured === null || measured === undefined) return null;
  return { change: measured, exact: baseline !== "zero" || picture.effects.heads.exact?.[layer]?.[head] !== false };
}

/** The change of the measure with an MLP off. */
export function mlpEffect(picture, layer, baseline) {
  const change = picture.effects?.mlps?.[baseline]?.[layer];
  return change === null || change === undefined ? null : { change, exact: true };
}

/** What a word adds: with it − without it, switched off in one of three ways. */
export function wordAdds(picture, word, way = "mask") {
  const change = picture.effects?.words?.[way]?.[word];
  return change === null || change === undefined ? null : -change;
}

/** Where to look first: the head through which a word was told, else the first number there is. */
export function firstAddress(picture) {
  if (!picture.model.layers) return picture.arrays.logits ? "logits[0]" : "";
  const { told } = picture;
  if (!told) return "L0.H0.weights[0,0]";
  const [layer, head] = strongest(picture, told.by_head);
  const [row, column] = [told.looks, told.at].map((word) => picture.word_pieces[word][0]);
  return `L${layer}.H${head}.weights[${row},${column}]`;
}

/** The head with the largest change in a table of layers of heads. */
export function strongest(picture, table) {
  const size = ([layer, head]) => Math.abs(table?.[layer]?.[head] ?? 0);
  return everyHead(picture).reduce((best, each) => (size(each) > size(best) ? each : best), [0, 0]);
}

let lastPlace = { layer: 0, head: 0, row: 0, column: 0 };

/**
 * {layer, head, row, column, kind, part} of what an address points at; part: head, mlp, stream or whole.  null without
 * attention.  An address that names no cell of a head leaves the cell that was looked at before where it is.
 */
export function placeOf(picture, address) {
  if (!picture?.model.layers) return null;
  const where = parse(address || "") ?? { site: "", layer: null, head: null, kind: "weights", index: [] };
  const part = where.head !== null ? "head" : where.layer === null ? "whole" : where.site.includes(".mlp.") ? "mlp" : "stream";
  const place = { ...lastPlace, layer: where.layer ?? lastPlace.layer, head: where.head ?? lastPlace.head };
  if (part === "head" && MATRICES.includes(where.kind)) [place.row = place.row, place.column = place.column] = where.index;
  const last = picture.pieces.length - 1;
  place.layer = Math.min(place.layer, picture.model.layers - 1);
  place.head = Math.min(place.head, picture.model.heads[place.layer] - 1);
  [place.row, place.column] = [Math.min(place.row, last), Math.min(place.column, last)];
  lastPlace = { ...place };
  return { ...place, kind: where.kind, part };
}

/** The answer turns round between two values of the measure. */
export function turns(picture, before, after) {
  return picture.metric.sides !== null && before * after < 0;
}
