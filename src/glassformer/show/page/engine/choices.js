// What can be switched, as it is written: off:L0.H3:mean, cut:4>3, word:3:delete …; each with its controls, as in
// explain/choices.py and placed.py.  Numbers are of words, in a cell and an address of positions.

import { parse, text } from "../base/address.js";
import { headSwitch, mlpSwitch, nearestKey, nearestOther, unseenOf } from "./effects.js";
import { cutOf, put, stretch, without } from "./switching.js";
import { quotedText } from "./tokens.js";

const HOW = "off:L0.H3:zero, cut:4>3, cell:L0.H3[4,3], word:3:mask, without:scaling, set:L0.H3.z[4,2]=0.5 or patch:L0.H3";
const FORMS_OF_CHOICES = [
  [/^off:L(\d+)\.H(\d+)(?::(\w+))?$/, chooseHead],
  [/^off:L(\d+)\.mlp(?::(\w+))?$/, chooseMlp],
  [/^cut:(\d+)>(\d+)(?:@L(\d+)(?:\.H(\d+))?)?$/, chooseCut],
  [/^cell:L(\d+)\.H(\d+)(?:\.weights)?\[(\d+),(\d+)\]$/, chooseCell],
  [/^word:(\d+):(\w+)$/, chooseWord],
  [/^without:(\w+)$/, chooseWithout],
  [/^set:(.+)=([^=]+)$/, chooseValue],
  [/^patch:(.+)$/, choosePatch],
];

/** {chosen, controls}: the switch that `text` names, and the same used elsewhere; other: the trial that values are
 *  patched from.  Throws where it names none.
 */
export function choose(trial, text, other = null) {
  for (const [form, make] of FORMS_OF_CHOICES) {
    const match = form.exec(text.trim());
    if (match) return make(trial, match.slice(1), other);
  }
  throw new Error(`'${text.slice(0, 60)}' is no switch; write ${HOW}`);
}

/** A word by name; one that stands there several times with its turn. */
export function turnedName(trial, word) {
  const known = trial.texts.map((each) => each.toLowerCase());
  const times = (some) => some.filter((each) => each === known[word]).length;
  return times(known) > 1 ? `${trial.texts[word]}#${1 + times(known.slice(0, word))}` : trial.texts[word];
}

function needAttention(trial) {
  if (!trial.layers) throw new Error(`${trial.reader.name} has no attention: no position looks at another; look at another model`);
}

function among(what, given, table) {
  if (!table.includes(given)) throw new Error(`there is no ${what} '${given}'; choose ${table.join(", ")}`);
}

function headThere(trial, layer, head = 0) {
  if (!trial.heads.some(([l, h]) => l === layer && h === head)) throw new Error(`there is no L${layer}.H${head}: this model has layers 0 to ${trial.layers - 1} of ${trial.reader.config.heads} heads`);
}

function wordThere(trial, word) {
  const last = trial.words.length - 1;
  if (word > last) throw new Error(`there is no word ${word}; the sentence has words 0 (${trial.texts[0]}) to ${last} (${trial.texts[last]})`);
  return word;
}

function chooseHead(trial, [layer, head, baseline = "zero"]) {
  needAttention(trial);
  among("baseline", baseline, ["zero", "mean", "uniform"]);
  headThere(trial, Number(layer), Number(head));
  const others = trial.heads.filter(([l, h]) => l !== Number(layer) || h !== Number(head));
  return { chosen: headSwitch(trial, Number(layer), Number(head), baseline), controls: others.map(([l, h]) => headSwitch(trial, l, h, baseline)) };
}

function chooseMlp(trial, [layer, baseline = "zero"]) {
  needAttention(trial);
  among("baseline of an MLP", baseline, ["zero", "mean"]);
  if (Number(layer) >= trial.layers) throw new Error(`there is no L${layer}.mlp: this model has layers 0 to ${trial.layers - 1}`);
  const all = trial.reader.model.layers.map((_, k) => mlpSwitch(trial, k, baseline));
  return { chosen: all[Number(layer)], controls: all.filter((_, k) => k !== Number(layer)) };
}

function chooseCut(trial, [looks, at, layer, head]) {
  needAttention(trial);
  const [i, j] = [looks, at].map((word) => wordThere(trial, Number(word)));
  const place = { layer: layer === undefined ? null : Number(layer), head: head === undefined ? null : Number(head) };
  if (place.layer !== null) headThere(trial, place.layer, place.head ?? 0);
  const other = nearestOther(trial, i, j, place.layer, place.head);
  return { chosen: edgeCut(trial, i, j, place), controls: other === null ? [] : [edgeCut(trial, i, other, place)] };
}

function edgeCut(trial, looks, at, { layer, head }) {
  const where = layer === null ? "" : head === null ? `L${layer}` : `L${layer}.H${head}`;
  const name = `${turnedName(trial, looks)} may not look at ${turnedName(trial, at)}${where && ` in ${where}`}`;
  return cutOf(trial.edges(looks, at), { layer, head, name, text: `cut:${looks}>${at}${where && `@${where}`}` });
}

function chooseCell(trial, match) {
  needAttention(trial);
  const [layer, head, i, j] = match.map(Number);
  headThere(trial, layer, head);
  if (Math.max(i, j) >= trial.n) throw new Error(`there is no L${layer}.H${head}.weights[${i},${j}]: position ${Math.max(i, j)}, but only 0 to ${trial.n - 1}`);
  const other = nearestKey(trial, layer, head, i, j);
  const { names } = trial.pieces;
  const cell = (key) => cutOf([[i, key]], { layer, head, name: `${names[i]} at ${i} may not look at ${names[key]} at ${key} in L${layer}.H${head}`, text: `cell:L${layer}.H${head}[${i},${key}]` });
  return { chosen: cell(j), controls: other === null ? [] : [cell(other)] };
}

function chooseWord(trial, [word, how]) {
  among("way to take a word away", how, ["mask", "delete", "unseen"]);
  const number = wordThere(trial, Number(word));
  const others = trial.words.map((_, k) => k).filter((k) => k !== number);
  return { chosen: wordOff(trial, number, how), controls: others.map((k) => wordOff(trial, k, how)) };
}

function wordOff(trial, word, how) {
  const [name, text, places] = [turnedName(trial, word), `word:${word}:${how}`, trial.words[word].pieces];
  const reach = places.at(-1) + 1;
  if (how === "delete") return { name: `${name} taken out`, text, sites: "", edit: null, baseline: "a text without it", reach: 0, gone: [word] };
  if (how === "mask") return { ...masked(trial, places), name: `${name} masked`, text, baseline: trial.metric.blank, reach };
  needAttention(trial);
  return { ...unseenOf(trial, word, { name: `nobody else may look at ${name}`, text }), reach };
}

/** The vector of the model's mask where these pieces become numbers. */
function masked(trial, places) {
  const { model, tokens } = trial.reader;
  const table = model.embed ? model.embed.pieces : model.weight;
  const width = table.shape[1];
  const vector = table.data.subarray(tokens.mask * width, (tokens.mask + 1) * width);
  const puts = places.map((place) => put("", [place], () => vector));
  return { ...puts[0], sites: model.embed ? "embed.pieces" : "shares", edit: (value) => puts.reduce((now, { edit }) => edit(now), value) };
}

function chooseWithout(trial, [part]) {
  needAttention(trial);
  among("part to go without", part, ["scaling", "positions", "heads"]);
  return { chosen: without(part, trial.headWidth), controls: [] };
}

/** {site, index, layer} of an address that the model computes on its way; the head is the first index. */
function heard(trial, written) {
  const where = parse(written);
  const site = where?.site;
  if (!where || !trial.values.has(site)) throw new Error(`there is no ${written} on the way to the answer; it goes by ${[...trial.values.keys()].slice(0, 8).join(", ")} …`);
  const index = where.head === null ? where.index : [where.head, ...where.index];
  const { shape } = trial.values.get(site);
  if (index.length > shape.length || index.some((each, axis) => each >= shape[axis])) throw new Error(`there is no ${written}: ${site} is (${shape})`);
  return { site, index, layer: where.layer, shape };
}

function shown({ site, index, layer }) {
  const head = layer !== null && site.includes(".attention.") && !site.endsWith(".mixed") && index.length > 0;
  return text({ site, layer, head: head ? index[0] : null, index: head ? index.slice(1) : index });
}

function chooseValue(trial, [written, number]) {
  const value = Number(number);
  if (!number.trim() || !Number.isFinite(value)) throw new Error(`'${number}' is no number to set; write set:L0.H3.z[4,2]=0.5`);
  const where = heard(trial, written);
  if (where.index.length !== where.shape.length) throw new Error(`${written} is not one number; give ${where.shape.length} indices`);
  const old = trial.values.get(where.site).data[stretch(where.shape, where.index)[0]];
  const baseline = `${short(value)} for ${short(old, 4)}`;
  const chosen = { name: `${shown(where)} set to ${short(value)}`, text: `set:${shown(where)}=${Number.isInteger(value) ? value.toFixed(1) : value}`, baseline };
  const more = value - old;
  const controls = elsewhere(where).map((each) => putAt(trial, each, (x) => x.map((one) => one + more), { name: `${shown(each)} ${more < 0 ? "" : "+"}${short(more, 4)}`, baseline }));
  return { chosen: putAt(trial, where, (x) => x.map(() => value), chosen), controls };
}

function short(value, digits = 6) {
  return String(Number(value.toPrecision(digits)));
}

function putAt(trial, where, numbers, said) {
  return { ...put(where.site, where.index, numbers, said), reach: reachOf(trial, where) };
}

/** Up to which position it counts. */
function reachOf(trial, { site, index, shape }) {
  const kind = site.split(".").at(-1);
  const ofHeads = shape.length === 3;
  const counted = !ofHeads ? (shape.length === 2 ? [0] : []) : ["scores", "scaled", "weights"].includes(kind) ? [1, 2] : [1];
  const given = counted.filter((axis) => axis < index.length).map((axis) => index[axis] + 1);
  return given.length === counted.length ? Math.max(0, ...given) : trial.n;
}

/** The same index in the other heads of the layer; of what has no heads, at the other positions. */
function elsewhere(where) {
  if (where.layer === null || !where.index.length) return [];
  return Array.from({ length: where.shape[0] }, (_, k) => ({ ...where, index: [k, ...where.index.slice(1)] })).filter(({ index }) => index[0] !== where.index[0]);
}

function choosePatch(trial, [place], other) {
  const address = place.trim().replace(/^(L\d+\.H\d+)$/, "$1.z").replace(/^(L\d+\.mlp)$/, "$1.out");
  const where = heard(trial, address);
  if (!other) throw new Error("a patch needs another sentence; hold one of as many pieces beside this one");
  const theirs = other.values.get(where.site);
  if (trial.n !== other.n || String(theirs?.shape) !== String(where.shape)) throw new Error(`'${other.pieces.text.slice(0, 40)}' has ${other.n} pieces, this sentence ${trial.n}; a patch needs as many`);
  const patch = (each) => {
    const [from, size] = stretch(each.shape, each.index);
    const written = shown(each).replace(/\.z$/, "").replace(/\.mlp\.out$/, ".mlp");
    const said = { name: `${written} of ${quotedText(other.pieces.text.slice(0, 60))} put in here`, text: `patch:${written}`, baseline: "values of the other sentence" };
    return putAt(trial, each, () => other.values.get(each.site).data.subarray(from, from + size), said);
  };
  return { chosen: patch(where), controls: patchedElsewhere(trial, where).map(patch) };
}

/** Where a patch of the same kind may be tried: every other head or MLP, every other position. */
function patchedElsewhere(trial, where) {
  if (where.layer === null) return [];
  const inLayer = (layer) => ({ ...where, layer, site: where.site.replace(`layers.${where.layer}.`, `layers.${layer}.`) });
  const layers = trial.reader.model.layers.map((_, layer) => inLayer(layer));
  if (!where.index.length) return where.site.endsWith(".out") ? layers.filter(({ layer }) => layer !== where.layer) : [];
  const ofHead = where.shape.length === 3 && !["scores", "scaled", "weights"].includes(where.site.split(".").at(-1));
  if (!ofHead) return elsewhere(where);
  const all = trial.heads.map(([layer, head]) => ({ ...layers[layer], index: [head, ...where.index.slice(1)] }));
  return all.filter(({ layer, index }) => layer !== where.layer || index[0] !== where.index[0]);
}
