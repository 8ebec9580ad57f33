// The source of a file with models in it: whatever is not there yet is computed here.

import { store } from "../base/store.js";
import { choose } from "../engine/choices.js";
import { cellsCut } from "../engine/effects.js";
import { openPack } from "../engine/pack.js";
import { completed, pictureOf, switchedPicture } from "../engine/picture.js";
import { FileSource } from "./file.js";
import { headOf } from "./heads.js";
import { workedOf } from "./worked.js";

const KEPT_TRIALS = 12; // texts whose values are kept
const RARELY = 30; // ms of computing, after which the page may draw

/** held: {pictures, models: {name: bytes of a model pack}}. */
export class ModelSource {
  name = "model";
  can = { type: true, combine: true, values: true, compare: true, load: false };
  #packs;
  #trials = new Map();
  #cells = new WeakMap();

  constructor(held) {
    this.file = new FileSource(held);
    this.pictures = [...held.pictures];
    this.#packs = Promise.all(Object.values(held.models).map(openPack));
  }

  texts() {
    return this.file.texts();
  }

  async models() {
    const inside = (await this.#packs).flatMap((pack) => pack.models.map(({ given, name, what }) => ({ id: given, name, what })));
    const also = (await this.file.models()).filter(({ id }) => !inside.some((each) => each.id === id));
    return [...inside, ...also];
  }

  async picture({ model = null, text, second = null, switches = [] }) {
    const held = switches.length ? null : this.pictures.find((each) => each.text === text && (each.second ?? null) === (second ?? null) && (!model || each.model.given === model));
    if (held) return held;
    const reader = await this.#reader(model);
    if (!reader) return this.file.picture({ model, text, second, switches });
    if (second !== null) throw new Error("the models in this file read one text at a time; take the second one away, or open it with: glassformer open");
    const trial = this.#trialOf(reader, text);
    if (switches.length) return this.#switched(trial, switches);
    return pictureOf(trial, reader.pack.beside(reader), resting());
  }

  /** The same picture with what was left for later. */
  async more(picture) {
    const trial = await this.#trial(picture);
    return trial ? completed(trial, picture, trial.reader.pack.beside(trial.reader), resting()) : picture;
  }

  async #switched(trial, switches) {
    const chosen = this.#chosen(trial, switches).map((each) => each.chosen);
    return switchedPicture(trial, trial.switched(...chosen), chosen.map((each) => each.text));
  }

  #chosen(trial, switches) {
    const text = store.get("other")?.text ?? null;
    const other = text !== null && switches.some((each) => each.startsWith("patch:")) ? this.#trialOf(trial.reader, text) : null;
    return switches.map((each) => choose(trial, each, other));
  }

  async whatIf(picture, switches) {
    const trial = await this.#trial(picture);
    if (!trial) return this.file.whatIf(picture, switches);
    const chosen = this.#chosen(trial, switches);
    const after = trial.after(...chosen.map((each) => each.chosen));
    const { before } = trial;
    const controls = chosen.length === 1 ? chosen[0].controls : [];
    return {
      what: chosen.map((each) => each.chosen.name).join(" + "),
      before,
      after,
      change: after - before,
      flips: trial.turns(before, after),
      baseline: [...new Set(chosen.map((each) => each.chosen.baseline))].join(", "),
      controls: controls.map((each) => [each.name, trial.after(each)]),
      n: 1,
      exact: true,
    };
  }

  async array(picture, name) {
    if (picture.arrays[name]) return picture.arrays[name];
    const trial = picture.switches.length ? null : await this.#trial(picture);
    const found = trial?.values.get(name);
    return found ? { shape: found.shape, data: found.data, rounded: false } : this.file.array(picture, name);
  }

  /** From the picture's own arrays; cells estimated until they were measured. */
  async head(picture, layer, head) {
    const cells = this.#cells.get(picture.arrays)?.get(`${layer}.${head}`);
    const found = headOf(picture, layer, head);
    return cells ? { ...found, cells } : found;
  }

  /** The same with each cell measured, by cutting it, where the text is short enough. */
  async measured(picture, layer, head) {
    if (!this.#cells.has(picture.arrays)) this.#cells.set(picture.arrays, new Map());
    const known = this.#cells.get(picture.arrays);
    const key = `${layer}.${head}`;
    const trial = picture.switches.length || known.has(key) ? null : await this.#trial(picture);
    const data = trial && (await cellsCut(trial, layer, head, resting()));
    if (data) known.set(key, { shape: [trial.n, trial.n], data, rounded: false, exact: true });
    return this.head(picture, layer, head);
  }

  async worked(picture, address) {
    const trial = picture.switches.length ? null : await this.#trial(picture);
    return workedOf(picture, address, trial && partsOfModel(trial));
  }

  async #trial(picture) {
    const reader = picture.second === null || picture.second === undefined ? await this.#reader(picture.model.given) : null;
    return reader && this.#trialOf(reader, picture.text);
  }

  async #reader(model) {
    const packs = await this.#packs;
    const wanted = model ?? this.pictures[0]?.model.given ?? packs[0].models[0].given;
    return packs.map((pack) => pack.reader(wanted)).find(Boolean) ?? null;
  }

  /** The trial of a text, kept for a while. */
  #trialOf(reader, text) {
    const key = JSON.stringify([reader.given, text]);
    const trial = this.#trials.get(key) ?? reader.ask(text);
    this.#trials.delete(key);
    this.#trials.set(key, trial);
    if (this.#trials.size > KEPT_TRIALS) this.#trials.delete(this.#trials.keys().next().value);
    return trial;
  }
}

/** Waits, now and then, so that the page can draw and answer. */
function resting() {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < RARELY) return;
    await new Promise((done) => setTimeout(done));
    since = performance.now();
  };
}

/** What the arithmetic of a number reads of a model. */
function partsOfModel(trial) {
  const { weights, model } = trial.reader;
  const tables = { pieces: [model.embed?.pieces, (k) => trial.pieces.ids[k]], places: [model.embed?.places, (k) => k], shares: [model.weight, (k) => trial.pieces.ids[k]] };
  return {
    value: (site) => trial.values.get(site) ?? null,
    weight: (name) => weights.tensors[name] ?? null,
    row(kind, position) {
      const [table, number] = tables[kind];
      const [row, width] = [number(position), table.shape[1]];
      return { row, values: table.data.subarray(row * width, (row + 1) * width) };
    },
  };
}
