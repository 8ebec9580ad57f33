// The source of a served page: it asks the server on this machine.

import { GIVEN_UP } from "../base/ask.js";
import { store } from "../base/store.js";
import { unpack } from "../base/unpack.js";
import { headOf } from "./heads.js";

const PATIENCE = 400; // ms; whoever waits longer is told what for
const ADDING = new Set(["more", "head"]); // routes
const EXAMPLES_AT_HAND = ["this restaurant was not terrible", "Thinking Machines"];
const SMALL_MODEL = "tiny";

/** held: {pictures, live: {text, second, joint, model}}. */
export class LiveSource {
  name = "live";
  can = { type: true, combine: true, values: true, compare: true, load: true };
  #page = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  #running = new Map(); // topic → what aborts its request
  #beside = new Set(); // what aborts each request that only adds to a picture
  #known = null;
  #listing = null;
  #heads = new WeakMap();

  constructor({ pictures, live }) {
    this.pictures = [...pictures];
    this.first = live?.model ?? null;
  }

  texts() {
    const read = this.pictures.map(({ text, second, model }) => ({ text, second, model: model.given }));
    const small = this.#known?.some(({ id }) => id === SMALL_MODEL) ?? false;
    const now = store.get("picture");
    const more = [...EXAMPLES_AT_HAND, ...(now && !now.second ? [now.text] : [])].flatMap((text) => [small && SMALL_MODEL, this.first].filter(Boolean).map((model) => ({ text, second: null, model })));
    const seen = new Set();
    return [...read, ...more].filter((each) => !seen.has(keyOf(each)) && seen.add(keyOf(each)));
  }

  async models() {
    this.#listing ??= this.#json("models", {}).then(({ models }) => (this.#known = models));
    await this.#listing;
    return this.#known;
  }

  async picture({ model, text, second = null, joint = false, switches = [] }) {
    const question = { model: await this.#loaded(model), text, second, joint, switches };
    const topic = switches.length ? "edited" : "picture";
    const picture = await unpack(await this.#bytes("picture", question, topic));
    if (!switches.length) this.pictures = [...this.pictures.filter((each) => keyOf(nameOf(each)) !== keyOf(nameOf(picture))), picture].slice(-8);
    return picture;
  }

  /** The same picture with what was left for later: first the effects, where even they were. */
  async more(picture) {
    const first = picture.effects === null;
    const { arrays, ...rest } = await unpack(await this.#bytes("more", { ...asked(picture), first }, first ? "effects" : "more"));
    return { ...rest, arrays: { ...picture.arrays, ...arrays } };
  }

  /** Another text is asked about: nothing more is wanted of the one before. */
  leave() {
    for (const each of this.#beside) each.abort();
  }

  async whatIf(picture, switches) {
    const other = store.get("other")?.text ?? null;
    return this.#json("whatif", { ...asked(picture), switches, other });
  }

  async array(picture, name) {
    if (picture.arrays[name]) return picture.arrays[name];
    const { arrays } = await unpack(await this.#bytes("array", { ...asked(picture), name }));
    return (picture.arrays[name] = arrays[name]);
  }

  /** From the picture's own arrays where they are there; cells estimated until they were measured. */
  async head(picture, layer, head) {
    const known = this.#headsOf(picture).get(`${layer}.${head}`);
    if (known) return known;
    const path = `layers.${layer}.attention`;
    return picture.arrays[`${path}.q`] ? headOf(picture, layer, head) : this.measured(picture, layer, head);
  }

  /** The same with each cell measured, by cutting it. */
  async measured(picture, layer, head) {
    const kept = this.#headsOf(picture);
    const name = `${layer}.${head}`;
    if (!kept.has(name)) {
      const found = await unpack(await this.#bytes("head", { ...asked(picture), switches: picture.switches ?? [], layer, head }));
      kept.set(name, headOf(alone(picture, found), 0, 0));
    }
    return kept.get(name);
  }

  async worked(picture, address) {
    return this.#json("worked", { ...asked(picture), address });
  }

  #headsOf(picture) {
    if (!this.#heads.has(picture.arrays)) this.#heads.set(picture.arrays, new Map());
    return this.#heads.get(picture.arrays);
  }

  /** A model's id; one that is not known yet is loaded. */
  async #loaded(model) {
    if (!model || model === this.first || (await this.models()).some(({ id }) => id === model)) return model ?? this.first;
    const found = await this.#json("load", { name: model }, "load");
    this.#known = [...this.#known.filter(({ id }) => id !== found.id), found];
    return found.id;
  }

  async #bytes(route, body, topic) {
    return new Uint8Array(await (await this.#ask(route, body, topic)).arrayBuffer());
  }

  async #json(route, body, topic) {
    return (await this.#ask(route, body, topic)).json();
  }

  /** topic: of one, only the newest question counts; the one before is given up. */
  async #ask(route, body, topic = null) {
    const given = new AbortController();
    if (topic) {
      this.#running.get(topic)?.abort();
      this.#running.set(topic, given);
    }
    if (ADDING.has(route)) this.#beside.add(given);
    const told = setTimeout(() => this.#tell(), PATIENCE);
    try {
      const answer = await fetch(`api/${route}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ page: this.#page, topic, ...body }), signal: given.signal, credentials: "same-origin", cache: "no-store" });
      if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? `the server answered ${answer.status}`);
      return answer;
    } catch (error) {
      throw error instanceof TypeError ? new Error("the server does not answer; is glassformer open still running?") : error.name === "AbortError" ? new Error(GIVEN_UP) : error;
    } finally {
      clearTimeout(told);
      this.#beside.delete(given);
      if (this.#running.get(topic) === given) this.#running.delete(topic);
    }
  }

  /** What is waited for, for whoever waits long. */
  async #tell() {
    if (!store.get("busy")) return;
    const answer = await fetch("api/progress", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" }).catch(() => null);
    if (!answer?.ok || !store.get("busy")) return;
    const { waiting, running, seconds } = await answer.json();
    const queue = waiting ? `, ${waiting} waiting` : "";
    if (running) store.set({ busy: `${NAMES_OF_WORK[running] ?? running}, ${seconds.toFixed(0)} s${queue}` });
    setTimeout(() => this.#tell(), PATIENCE);
  }
}

const NAMES_OF_WORK = { picture: "reading the text and measuring effects", effects: "measuring effects", more: "measuring further baselines", whatif: "trying what changes", edited: "reading the text with the switches on", head: "cutting every cell of this head", load: "loading the model" };

function asked(picture) {
  return { model: picture.model.given, text: picture.text, second: picture.second ?? null, joint: picture.read === "together" };
}

function nameOf({ text, second, model }) {
  return { text, second, model: model.given };
}

function keyOf({ text, second, model }) {
  return JSON.stringify([text, second ?? null, model]);
}

/** A head that came alone, as a picture of one layer with one head. */
function alone(picture, found) {
  const arrays = Object.fromEntries(Object.entries(found.arrays).map(([name, each]) => [`layers.0.attention.${name}`, { ...each, shape: [1, ...each.shape] }]));
  if (picture.arrays.look) arrays.look = picture.arrays.look;
  return { ...picture, arrays, cells: { exact: [[found.exact]] }, model: { ...picture.model, layers: 1, heads: [1] } };
}
