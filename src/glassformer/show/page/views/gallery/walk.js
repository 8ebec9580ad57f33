// Buttons that walk through the stages of a figure.  Nothing moves by itself unless the reader asks for it.

import { h } from "../../base/dom.js";

const PACE = 1600; // ms on each stage

/** go(by): to a stage further on, or back; gives whether there is one behind it. */
export class Walk {
  #timer = 0;
  #play = null;

  constructor(go) {
    this.go = go;
    this.keys = { " ": () => this.by(1), PageDown: () => this.by(1), PageUp: () => this.by(-1) };
  }

  /** Who does not want motion is not offered any. */
  tools(stage, last) {
    const button = (text, act) => h("button", { type: "button", onclick: act }, text);
    const still = globalThis.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#play = still ? null : button("Play", () => this.#turn());
    const at = h("span", { class: "aside" }, "stage ", h("output", { name: "stage" }, String(stage)), ` of ${last}`);
    return [button("Back", () => this.by(-1)), button("Forward", () => this.by(1)), this.#play, at];
  }

  by(stages) {
    this.stop();
    this.go(stages);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#play?.replaceChildren("Play");
  }

  #turn() {
    if (this.#timer) return this.stop();
    this.#timer = setInterval(() => this.#onwards(), PACE);
    this.#play.replaceChildren("Stop");
    this.#onwards();
  }

  #onwards() {
    if (!this.go(1)) this.stop();
  }
}
