// The newcomer's nine steps: from the text to the answer, each with a guess before it and a switch after it.

import { cell, parse } from "../base/address.js";
import { ask } from "../base/ask.js";
import { fill, h, safe } from "../base/dom.js";
import { Panel, say, store } from "../base/store.js";
import { STEP_QKV, STEP_SCORE } from "./steps/asking.js";
import { openingOf, STEP_PIECES, STEP_VECTORS } from "./steps/beginning.js";
import { badgeLine, descriptiveOf } from "./steps/drawn.js";
import { STEP_ANSWER } from "./steps/ending.js";
import { stepFacts } from "./steps/focus.js";
import { guessBox } from "./steps/guess.js";
import { STEP_HEADS, STEP_MIXTURE } from "./steps/mixing.js";
import { modelsAtHand, nextModel } from "./steps/onwards.js";
import { STEP_SCALING, STEP_SOFTMAX } from "./steps/softening.js";
import { measureSwitch, switchBox } from "./steps/switched.js";

export const NINE_STEPS = [STEP_PIECES, STEP_VECTORS, STEP_QKV, STEP_SCORE, STEP_SCALING, STEP_SOFTMAX, STEP_MIXTURE, STEP_HEADS, STEP_ANSWER];

/** store.step: 0 is the opening, 1 to 9 are the steps.  What was guessed and shown of each is kept here. */
export class StepsView extends Panel {
  static reads = ["picture", "source", "step", "address", "exact"];
  #facts = null;
  #models = [];
  #begun = false;
  #fresh = false; // of a model that was not looked at yet: where its own story is, not where the last one was
  #stages = new Map();
  #asked = 0;
  #keys = (event) => this.#key(event);

  connectedCallback() {
    super.connectedCallback();
    document.addEventListener("keydown", this.#keys, true);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    document.removeEventListener("keydown", this.#keys, true);
  }

  draw(changed) {
    const picture = store.get("picture");
    if (!picture) return fill(this, h("p", { class: "aside steps-empty" }, "No text has been read yet."));
    if (changed.has("picture") || changed.has("source") || !this.#facts || this.#elsewhere()) return void this.#look(picture);
    if (changed.has("step") || changed.has("exact")) this.#render(changed.has("step"));
  }

  /** Whether the address has moved to another head or cell than what is drawn. */
  #elsewhere() {
    const where = parse(store.get("address"));
    if (!where || where.head === null) return false;
    const moved = where.layer !== this.#facts.layer || where.head !== this.#facts.head;
    const [i, j] = where.index;
    return moved || (where.kind === "weights" && where.index.length === 2 && (i !== this.#facts.i || j !== this.#facts.j));
  }

  async #look(picture) {
    const mine = (this.#asked += 1);
    const source = store.get("source");
    if (!this.#begun && (await this.#beginSmall(source, picture))) return;
    const address = this.#fresh ? "" : store.get("address");
    const [facts, models] = await Promise.all([stepFacts(source, picture, address), modelsAtHand(source, picture)]);
    if (mine !== this.#asked) return;
    this.#fresh = false;
    [this.#facts, this.#models] = [facts, models];
    if (picture.model.layers) store.set({ address: cell(facts.layer, facts.head, "weights", facts.i, facts.j) });
    this.#render(false);
  }

  /** Begin on the model whose whole sums fit the screen, where this text is at hand for it. */
  async #beginSmall(source, picture) {
    this.#begun = true;
    const small = store.get("step") === 0 && picture.model.given !== "tiny" && source.texts().some(({ text, model }) => model === "tiny" && text === picture.text);
    this.#fresh = small;
    return small && (await ask({ model: "tiny" })) !== null;
  }

  get #step() {
    return Math.min(NINE_STEPS.length, Math.max(0, store.get("step")));
  }

  get #stage() {
    const step = this.#step;
    if (!this.#stages.has(step)) this.#stages.set(step, { shown: false, chosen: null, on: 0 });
    return this.#stages.get(step);
  }

  // ------------------------------------------------------------------ what is done

  /** Space: first show what was to be guessed, then go on. */
  forward() {
    if (this.#step > 0 && !this.#stage.shown && this.#facts.picture.model.layers) return this.#reveal(null);
    if (this.#step < NINE_STEPS.length) store.set({ step: this.#step + 1 });
  }

  back() {
    if (this.#step > 0) store.set({ step: this.#step - 1 });
  }

  #reveal(chosen) {
    Object.assign(this.#stage, { shown: true, chosen, arriving: true });
    this.#render(true);
    const guess = NINE_STEPS[this.#step - 1].guess(this.#facts);
    if (!guess) return;
    const { choices, because } = guess;
    const right = choices.filter((choice) => choice.right).map((choice) => choice.label);
    say(`${chosen === null ? "" : choices[chosen].right ? "Right. " : "No. "}${right.join(" or ")}. ${because}`);
  }

  #guess(k) {
    if (this.#step === 0 || this.#stage.shown || k >= (NINE_STEPS[this.#step - 1].guess(this.#facts)?.choices.length ?? 0)) return;
    this.#reveal(k);
  }

  async #sameOnNext() {
    const next = nextModel(this.#models, this.#facts.picture.model.given);
    if (!next) return say("no other model is at hand here");
    for (const stage of this.#stages.values()) stage.chosen = null;
    this.#fresh = true;
    if (await ask({ model: next.id, text: this.#facts.picture.text })) say(`the same on ${next.name}`);
  }

  // ------------------------------------------------------------------ keys

  #key(event) {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || !this.#facts) return;
    if (document.querySelector("dialog[open]") || typesIn(event.target)) return;
    const act = this.#action(event);
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  }

  #action({ key, target }) {
    const held = target.matches?.("button, summary, a") && target.matches(":focus-visible");
    if (key === " " && !held) return () => this.forward();
    if (key === "PageDown") return () => this.forward();
    if (key === "PageUp" || key === "Backspace") return () => this.back();
    if (key === "r") return () => this.#sameOnNext();
    return this.#step > 0 && /^[1-9]$/.test(key) ? () => this.#guess(Number(key) - 1) : null;
  }

  // ------------------------------------------------------------------ what is drawn

  #render(moved) {
    if (!this.#facts) return;
    const step = this.#step;
    fill(this, h("div", { class: "steps" }, this.#progress(step), step === 0 ? openingOf(this.#facts) : this.#oneStep(NINE_STEPS[step - 1], step), this.#foot(step)));
    if (moved) this.#arrive(step);
  }

  #arrive(step) {
    const heading = this.querySelector("h2, .opening-question");
    const inside = document.activeElement === document.body || this.contains(document.activeElement) || !document.activeElement;
    if (heading && inside) heading.focus({ preventScroll: true });
    if (!this.#stage.shown) {
      this.scrollIntoView({ block: "start" });
      if (step > 0) say(`Step ${step} of ${NINE_STEPS.length}: ${NINE_STEPS[step - 1].name}. ${NINE_STEPS[step - 1].says(this.#facts)}`);
    }
  }

  #progress(step) {
    const one = ({ name }, k) =>
      h(
        "li",
        {},
        h(
          "button",
          { type: "button", class: k + 1 < step ? "is-done" : null, "aria-current": k + 1 === step ? "step" : null, onclick: () => store.set({ step: k + 1 }) },
          h("span", { class: "step-number" }, String(k + 1)),
          h("span", { class: "step-name" }, name),
        ),
      );
    return h("nav", { class: "step-progress", "aria-label": "The nine steps" }, h("ol", {}, NINE_STEPS.map(one)));
  }

  #oneStep(step, number) {
    const facts = this.#facts;
    if (!facts.picture.model.layers) return h("section", { class: "one-step" }, h("h2", { tabindex: "-1" }, step.name), h("p", {}, `${safe(facts.picture.model.name)} has no attention: no position looks at another. Press r for a model that has.`));
    const stage = this.#stage;
    return h(
      "section",
      { class: "one-step", "aria-labelledby": "step-title" },
      h("header", {}, h("h2", { id: "step-title", tabindex: "-1" }, `${number} · ${step.name}`), this.#where()),
      h(
        "div",
        { class: "step-left" },
        h("p", { class: "step-says" }, step.says(facts)),
        step.formula(facts),
        guessBox(step.guess(facts), stage, (k) => this.#guess(k)),
        stage.shown && this.#switched(step, stage),
      ),
      h(
        "div",
        { class: "step-right" },
        h("div", { class: "step-figure" }, step.figure(facts, stage), !step.ownBadge && badgeLine(step.badge ? step.badge(facts) : descriptiveOf(facts.picture))),
        stage.shown && step.panel && h("details", { class: "same-panel" }, h("summary", {}, "The same in the panel where it lives"), step.panel(facts)),
      ),
    );
  }

  /** The sentence in small, with the two words and the head that are looked at. */
  #where() {
    const { picture, i, j, layer, head } = this.#facts;
    return h(
      "p",
      { class: "step-where" },
      h("span", { class: "step-model" }, safe(picture.model.name)),
      ` · head L${layer}.H${head} · `,
      h("mark", {}, safe(picture.pieces[i])),
      " looks at ",
      h("mark", {}, safe(picture.pieces[j])),
    );
  }

  #switched(step, stage) {
    const switches = step.switches(this.#facts);
    if (!switches.length) return null;
    const facts = this.#facts;
    const chosen = switches[Math.min(stage.on, switches.length - 1)];
    measureSwitch(facts, chosen, () => facts === this.#facts && this.#redrawSwitch(step, stage));
    return switchBox(facts, switches, stage.on, (k) => {
      stage.on = k;
      this.#redrawSwitch(step, stage);
      this.querySelectorAll(".step-switch .switch-toggle")[k]?.focus({ preventScroll: true });
    });
  }

  #redrawSwitch(step, stage) {
    if (NINE_STEPS[this.#step - 1] !== step) return;
    this.querySelector(".step-switch")?.replaceWith(this.#switched(step, stage));
    if (stage.arriving) this.#bringSwitchIntoView(stage);
  }

  /** What a switch changed may stand below the window: on a projector nobody scrolls. */
  #bringSwitchIntoView(stage) {
    stage.arriving = false;
    this.querySelector(".step-switch")?.scrollIntoView({ block: "nearest" });
  }

  #foot(step) {
    const next = nextModel(this.#models, this.#facts.picture.model.given);
    const last = step === NINE_STEPS.length && this.#stage.shown;
    const label = step === 0 ? "Begin" : this.#stage.shown ? "On" : "Show";
    return h(
      "footer",
      { class: "steps-foot" },
      h("button", { type: "button", disabled: step === 0, onclick: () => this.back() }, "Back", h("kbd", {}, "Backspace")),
      h("button", { type: "button", class: "primary", disabled: last, onclick: () => this.forward() }, label, h("kbd", {}, "Space")),
      next && h("button", { type: "button", onclick: () => this.#sameOnNext() }, `The same on ${safe(next.name)}`, h("kbd", {}, "r")),
    );
  }
}

/** Whether keys belong to what is typed in. */
function typesIn(target) {
  return Boolean(target.closest?.("input, textarea, select, [contenteditable]"));
}

customElements.define("gf-steps", StepsView);
