// Lines from each piece to those it looks at: by layer, by type of attention, a coloured box a head, as Tensor2Tensor's
// viewer draws them; beside the lines what changes when a head is off.

import { cell } from "../base/address.js";
import { fill, h, safe, short } from "../base/dom.js";
import { placeOf } from "../base/facts.js";
import { number } from "../base/format.js";
import { Panel, say, store } from "../base/store.js";
import { largestAt } from "./steps/focus.js";
import { ATTENTION_TYPES, cellsOfHead, hasSource, headsOfType, meanBetween, sidesOfType, weightsOfType, whyNotType } from "./viewer/attentions.js";
import { boxesLegend, effectText, headBox, weightsBeside } from "./viewer/boxes.js";
import { drawThreads } from "./viewer/threads.js";

const WINDOW = 40; // pieces of a column at once
const ROWS_OF_TABLE = 8;

export class ViewerView extends Panel {
  static reads = ["picture", "source", "present", "baseline", "exact"];
  #type = "all";
  #layer = 0;
  #on = [];
  #matrices = [];
  #cells = [];
  #from = { looks: 0, at: 0 };
  #active = null;
  #pinned = null;
  #asked = 0;
  #scheme = globalThis.matchMedia("(prefers-color-scheme: dark)");
  #again = () => this.#redraw();
  #resized = new ResizeObserver(() => this.#threads());

  connectedCallback() {
    super.connectedCallback();
    this.#scheme.addEventListener("change", this.#again);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#scheme.removeEventListener("change", this.#again);
    this.#resized.disconnect();
  }

  draw(changed) {
    const picture = store.get("picture");
    if (!picture) return fill(this, h("p", { class: "aside" }, "No text has been read yet."));
    if (!picture.model.layers) return fill(this, h("p", { class: "aside" }, `${safe(picture.model.name)} has no attention: no position looks at another.`));
    if (changed.has("picture") || changed.has("source") || !this.columns) this.#begin(picture);
    else this.#redraw();
  }

  #begin(picture) {
    if (whyNotType(picture, this.#type)) this.#type = "all";
    this.#layer = hasSource(picture) ? 0 : (placeOf(picture, store.get("address"))?.layer ?? 0);
    this.#forget();
    this.#on = [];
    this.#build();
    this.#load();
  }

  #forget() {
    [this.#active, this.#pinned, this.#from] = [null, null, { looks: 0, at: 0 }];
  }

  // ------------------------------------------------------------------ what is chosen

  get #heads() {
    return headsOfType(store.get("picture"), this.#type)[this.#layer] ?? 0;
  }

  #chooseType(type) {
    this.#type = type;
    const layers = headsOfType(store.get("picture"), type).length;
    this.#layer = Math.min(this.#layer, layers - 1);
    this.#forget();
    this.#build();
    this.#load();
    this.querySelector("[name=type]").focus();
  }

  #chooseLayer(layer) {
    this.#layer = layer;
    this.#load();
  }

  #toggle(head, on) {
    this.#on[head] = on;
    this.#redraw();
    say(`head ${head} ${on ? "shown" : "hidden"}`);
  }

  /** Only this head; all of them again where it is the only one already. */
  #isolate(head) {
    const alone = this.#on.every((each, k) => each === (k === head));
    this.#on = this.#on.map((_, k) => alone || k === head);
    this.#redraw();
    say(alone ? "all heads shown" : `only head ${head} shown`);
  }

  /** Weights of every head of the layer. */
  async #load() {
    const mine = (this.#asked += 1);
    const [picture, source, count] = [store.get("picture"), store.get("source"), this.#heads];
    if (this.#on.length !== count) this.#on = new Array(count).fill(true);
    const wanted = Array.from({ length: count }, (_, head) => weightsOfType(source, picture, { type: this.#type, layer: this.#layer, head }));
    const cells = Array.from({ length: count }, (_, head) => cellsOfHead(source, picture, { layer: this.#layer, head }).catch(() => null));
    const [done, cut] = await Promise.all([Promise.allSettled(wanted), Promise.all(cells)]);
    if (mine !== this.#asked) return;
    this.#cells = cut;
    this.#matrices = done.map(({ value }) => value ?? null);
    this.missing = done.find(({ reason }) => reason)?.reason.message ?? "";
    this.#redraw();
  }

  // ------------------------------------------------------------------ what is drawn

  #build() {
    const picture = store.get("picture");
    const layers = headsOfType(picture, this.#type);
    this.boxes = h("div", { class: "head-boxes", role: "group", "aria-label": "Heads: a click turns one on or off, a double click or Enter leaves it alone" });
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.columns = { looks: this.#column("looks"), at: this.#column("at") };
    this.facts = h("div", { class: "viewer-facts", "aria-live": "off" });
    this.note = h("p", { class: "aside viewer-note" });
    const types = ATTENTION_TYPES.map(({ id, label }) => h("option", { value: id, selected: id === this.#type, disabled: Boolean(whyNotType(picture, id)) }, label));
    const numbers = layers.map((_, k) => h("option", { value: k, selected: k === this.#layer }, String(k)));
    fill(
      this,
      h(
        "div",
        { class: "viewer" },
        h(
          "div",
          { class: "viewer-tools" },
          h("label", { class: "named-control" }, h("span", {}, "layer"), h("select", { name: "layer", onchange: (event) => this.#chooseLayer(Number(event.target.value)) }, numbers)),
          h("label", { class: "named-control" }, h("span", {}, "attention"), h("select", { name: "type", onchange: (event) => this.#chooseType(event.target.value) }, types)),
          this.boxes,
        ),
        this.note,
        h("div", { class: "viewer-body" }, h("div", { class: "threads" }, this.columns.looks, h("div", { class: "canvas-holder" }, this.canvas), this.columns.at), this.facts),
      ),
    );
    this.#resized.disconnect();
    this.#resized.observe(this.canvas.parentElement);
  }

  #column(side) {
    const label = side === "looks" ? "Pieces that look" : "Pieces that are looked at";
    const column = h("div", { class: `token-column is-${side}`, role: "listbox", "aria-label": label, tabindex: "0", onkeydown: (event) => this.#walk(event, side), onfocus: () => this.#focusFirst(side) });
    column.addEventListener("pointerleave", () => this.#point(this.#pinned));
    return column;
  }

  #redraw() {
    if (!this.columns) return;
    this.#drawBoxes();
    this.#drawColumn("looks");
    this.#drawColumn("at");
    this.note.textContent = this.missing ? `Not all of it is held here: ${this.missing}` : this.#noteText();
    this.#point(this.#active);
  }

  #noteText() {
    const sides = { all: "Every piece; left who looks, right who is looked at.", "input-input": "Left the pieces that look, right those they look at: both of the input.", "input-output": "Left the output's pieces, which look; right the input's, which are looked at.", "output-output": "Left the output's pieces, right those they look at: themselves and what came before." };
    return `${sides[this.#type]} A line is as strong as its weight.`;
  }

  #drawBoxes() {
    const key = document.activeElement?.name;
    const where = { type: this.#type, layer: this.#layer, baseline: store.get("baseline") };
    const boxes = this.#on.map((on, head) => headBox({ head, on, text: effectText(store.get("picture"), { ...where, head }) }, (chosen) => this.#toggle(head, chosen), () => this.#isolate(head)));
    fill(this.boxes, boxes, boxesLegend(store.get("picture"), where.baseline));
    if (key?.startsWith("head-")) this.boxes.querySelector(`[name="${key}"]`)?.focus({ preventScroll: true });
  }

  #span(side) {
    const count = sidesOfType(store.get("picture"), this.#type)[side].length;
    const first = Math.max(0, Math.min(this.#from[side], count - WINDOW));
    return { first, last: Math.min(count, first + WINDOW) - 1, count };
  }

  #drawColumn(side) {
    const pieces = sidesOfType(store.get("picture"), this.#type)[side];
    const { first, last, count } = this.#span(side);
    const from = hasSource(store.get("picture")) && this.#type === "all" ? store.get("picture").source_pieces.length : -1;
    const options = pieces.slice(first, last + 1).map((piece, k) => this.#option(side, first + k, piece, first + k === from));
    const more = (label, by, off) => h("button", { type: "button", class: "more-tokens", disabled: off, tabindex: "-1", onclick: () => this.#scrollBy(side, by) }, label);
    const column = this.columns[side];
    column.style.setProperty("--token-row", count <= 8 ? "2.75rem" : count <= 16 ? "2.1rem" : "1.75rem");
    fill(column, options);
    column.querySelectorAll(".more-tokens").forEach((each) => each.remove());
    this.querySelector(`.token-pager.is-${side}`)?.remove();
    if (count > WINDOW) column.after(h("div", { class: `token-pager is-${side}` }, more("earlier", -WINDOW / 2, first === 0), h("span", { class: "aside" }, `${first}–${last} of ${count}`), more("later", WINDOW / 2, last === count - 1)));
  }

  #option(side, index, piece, begins) {
    const point = () => this.#point({ side, index });
    return h("div", { class: begins ? "token is-begins" : "token", role: "option", id: `viewer-${side}-${index}`, "aria-selected": "false", "data-index": index, onpointerenter: point, onclick: () => this.#pin({ side, index }) }, short(piece, 16));
  }

  #scrollBy(side, by) {
    const { count } = this.#span(side);
    this.#from[side] = Math.max(0, Math.min(count - WINDOW, this.#from[side] + by));
    this.#drawColumn(side);
    this.#point(this.#active);
  }

  // ------------------------------------------------------------------ pointing

  /** Draw what one piece looks at, or who looks at it; null: all lines. */
  #point(active) {
    this.#active = active;
    for (const side of ["looks", "at"]) {
      const column = this.columns[side];
      for (const each of column.children) {
        const chosen = active !== null && active.side === side && Number(each.dataset.index) === active.index;
        each.setAttribute("aria-selected", String(chosen));
      }
      if (active && active.side === side) column.setAttribute("aria-activedescendant", `viewer-${side}-${active.index}`);
      else column.removeAttribute("aria-activedescendant");
    }
    this.#threads();
    this.#drawFacts();
  }

  #pin(active) {
    const same = this.#pinned && this.#pinned.side === active.side && this.#pinned.index === active.index;
    this.#pinned = same ? null : active;
    this.#point(active);
    this.#tellAddress(active);
  }

  /** A piece that looks moves the cursor of all panels too, where the address can name it. */
  #tellAddress({ side, index }) {
    const picture = store.get("picture");
    const head = this.#on.indexOf(true);
    if (side !== "looks" || hasSource(picture) || head < 0 || !this.#matrices[head]) return;
    store.set({ address: cell(this.#layer, head, "weights", index, largestAt(this.#matrices[head][index])) });
  }

  #focusFirst(side) {
    if (!this.#active || this.#active.side !== side) this.#point({ side, index: this.#span(side).first });
  }

  #walk(event, side) {
    const { count, first, last } = this.#span(side);
    const now = this.#active?.side === side ? this.#active.index : first;
    const to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: count - 1, PageDown: now + 10, PageUp: now - 10 }[event.key];
    if (event.key === "Enter" || event.key === " ") this.#pin({ side, index: now });
    else if (event.key === "ArrowRight" || event.key === "ArrowLeft") this.columns[side === "looks" ? "at" : "looks"].focus();
    else if (event.key === "Escape") this.#point((this.#pinned = null));
    else if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (to === undefined) return;
    const index = Math.max(0, Math.min(count - 1, to));
    if (index < first || index > last) this.#scrollBy(side, index < first ? index - first : index - last);
    this.#point({ side, index });
    this.#speak();
  }

  #speak() {
    const best = this.#strongest(1)[0];
    if (best) say(`${this.#name(this.#active)} ${this.#active.side === "looks" ? "looks most at" : "is looked at most by"} ${best.name}, mean weight ${number(best.mean)}`);
  }

  #name({ side, index }) {
    return safe(sidesOfType(store.get("picture"), this.#type)[side][index]);
  }

  // ------------------------------------------------------------------ numbers

  #threads() {
    const holder = this.canvas?.parentElement;
    if (!holder || !holder.clientWidth) return;
    const [looks, at] = [this.#span("looks"), this.#span("at")];
    const row = this.columns.looks.firstElementChild?.getBoundingClientRect().height || 28;
    const tall = row * Math.max(looks.last - looks.first + 1, at.last - at.first + 1);
    drawThreads(this.canvas, { matrices: this.#matrices, on: this.#on, active: this.#active, looks, at, row, width: holder.clientWidth, height: tall });
  }

  /** The pieces on the other side with the largest mean weight. */
  #strongest(most) {
    if (!this.#active) return [];
    const values = meanBetween(this.#matrices.filter((rows, k) => rows && this.#on[k]), this.#active);
    const pieces = sidesOfType(store.get("picture"), this.#type)[this.#active.side === "looks" ? "at" : "looks"];
    const order = values.map((_, k) => k).sort((a, b) => values[b] - values[a]);
    return order.slice(0, most).map((k) => ({ name: pieces[k], k, mean: values[k] }));
  }

  #drawFacts() {
    const few = this.#strongest(ROWS_OF_TABLE);
    if (!few.length) return fill(this.facts, h("p", { class: "aside" }, this.#active ? "No head is on." : "Point at a piece, or walk with the arrow keys; a click keeps it. All lines are drawn until then."));
    const on = this.#on.map((each, k) => (each && this.#matrices[k] ? k : -1)).filter((k) => k >= 0);
    return fill(this.facts, weightsBeside({ name: this.#name(this.#active), ...this.#active, few, on, matrices: this.#matrices, cells: this.#cells[on[0]], metric: store.get("picture").metric }));
  }
}

customElements.define("gf-viewer", ViewerView);
