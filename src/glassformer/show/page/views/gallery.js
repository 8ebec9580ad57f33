// What the study's sources draw, rebuilt from the numbers of the model at hand, one figure at a time.

import { cell } from "../base/address.js";
import { fill, h, safe } from "../base/dom.js";
import { placeOf } from "../base/facts.js";
import { saveFigure } from "../base/figure.js";
import { bindKeys } from "../base/keys.js";
import { Panel, say, store } from "../base/store.js";
import { FIGURE_BASIC } from "./gallery/basic.js";
import { FIGURE_BEAMS } from "./gallery/beams.js";
import { FIGURE_EIGHT, FIGURE_OWN_WORD, FIGURE_PRINTED } from "./gallery/claims.js";
import { FIGURE_LOOP } from "./gallery/loop.js";
import { FIGURE_MATRICES } from "./gallery/matrices.js";
import { FIGURE_OUTPUT } from "./gallery/output.js";
import { FIGURE_PLACE_DOTS, FIGURE_PLACES } from "./gallery/places.js";
import { FIGURE_POSTER } from "./gallery/poster.js";
import { FIGURE_REASONS } from "./gallery/reasons.js";
import { FIGURE_RESIDUAL } from "./gallery/residual.js";
import { drawingElement, figureOfDrawing } from "./gallery/shapes.js";
import { FIGURE_SIX_STEPS } from "./gallery/sixsteps.js";
import { FIGURE_TARGET } from "./gallery/target.js";
import { Walk } from "./gallery/walk.js";
import { badgeLine, numbersTable } from "./steps/drawn.js";
import { rowToShow } from "./steps/focus.js";

export const GALLERY = [
  FIGURE_SIX_STEPS,
  FIGURE_MATRICES,
  FIGURE_POSTER,
  FIGURE_REASONS,
  FIGURE_PLACES,
  FIGURE_PLACE_DOTS,
  FIGURE_RESIDUAL,
  FIGURE_BASIC,
  FIGURE_OWN_WORD,
  FIGURE_EIGHT,
  FIGURE_LOOP,
  FIGURE_OUTPUT,
  FIGURE_TARGET,
  FIGURE_PRINTED,
  FIGURE_BEAMS,
];

export class GalleryView extends Panel {
  static reads = ["picture", "source", "decoding", "address", "exact", "figure"];
  #states = new Map();
  #texts = new Map();
  #asked = 0;
  #scheme = globalThis.matchMedia("(prefers-color-scheme: dark)");
  #again = () => this.#make();
  #walk = new Walk((stages) => this.#goOn(stages));

  connectedCallback() {
    super.connectedCallback();
    this.#scheme.addEventListener("change", this.#again);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#scheme.removeEventListener("change", this.#again);
    this.#walk.stop();
  }

  draw(changed) {
    if (!this.stage) this.#build();
    else if (changed.has("figure")) this.#list();
    this.#make();
  }

  get #figure() {
    return GALLERY.find((figure) => figure.id === store.get("figure")) ?? GALLERY[0];
  }

  #stateOf(figure) {
    if (!this.#states.has(figure.id)) this.#states.set(figure.id, { stage: Math.min(figure.begins ?? 0, this.#lastOf(figure)), ...Object.fromEntries((figure.controls ?? []).map(({ name, value }) => [name, value])) });
    return this.#states.get(figure.id);
  }

  /** The last stage of a figure that has some. */
  #lastOf(figure) {
    const decoding = store.get("decoding");
    return figure.stages && decoding ? figure.stages(decoding) - 1 : 0;
  }

  #build() {
    this.list = h("nav", { class: "gallery-list", "aria-label": "Figures" });
    this.tools = h("div", { class: "gallery-tools" });
    this.stage = h("div", { class: "gallery-stage" });
    fill(this, h("div", { class: "gallery" }, this.list, h("div", { class: "gallery-main" }, this.tools, this.stage)));
    this.#list();
  }

  #choose(id) {
    store.set({ figure: id });
    say(`figure: ${this.#figure.title}`);
  }

  #list() {
    const id = this.#figure.id;
    const one = (figure, k) => h("li", {}, h("button", { type: "button", "aria-current": figure.id === id ? "true" : null, "data-figure": figure.id, onclick: () => this.#choose(figure.id) }, h("span", { class: "aside" }, `${k + 1} `), figure.title));
    const [focused, before] = [this.list.contains(document.activeElement), this.list.querySelector("ol")?.scrollLeft ?? 0];
    fill(this.list, h("ol", {}, GALLERY.map(one)));
    this.list.querySelector("ol").scrollLeft = before;
    if (focused) this.list.querySelector("[aria-current]").focus({ preventScroll: true });
    this.#walk.stop();
    bindKeys("gallery", this.#figure.stages ? this.#walk.keys : {});
    this.#offerTools();
  }

  // ------------------------------------------------------------------ what can be chosen in a figure

  #offerTools() {
    const figure = this.#figure;
    const state = this.#stateOf(figure);
    const presets = (figure.presets ?? []).map(([label, values]) => h("button", { type: "button", onclick: () => this.#change(values) }, label));
    const picture = store.get("picture");
    const place = placeOf(picture, store.get("address"));
    fill(this.tools, place && figure.heads && headChoice(picture, place), place && figure.positions && positionChoice(picture, this.#row(picture)), (figure.controls ?? []).map((control) => controlOf(control, state[control.name], (value) => this.#change({ [control.name]: value }))), presets, figure.stages && this.#walk.tools(state.stage, this.#lastOf(figure)));
  }

  #change(values) {
    Object.assign(this.#stateOf(this.#figure), values);
    for (const [name, value] of Object.entries(values)) {
      const input = this.tools.querySelector(`[name="${name}"]`);
      if (input && input !== document.activeElement) input.value = value;
    }
    return this.#make();
  }

  /** So many stages on; whether there are more behind. */
  #goOn(stages) {
    const [last, { stage }] = [this.#lastOf(this.#figure), this.#stateOf(this.#figure)];
    const next = Math.max(0, Math.min(last, stage + stages));
    if (next !== stage) this.#change({ stage: next }).then((made) => made && say(safe(`stage ${next} of ${last}: ${made.said}`)));
    return next < last;
  }

  /** The row that is looked at: the address's, where it names one, else that of the word that was told. */
  #row(picture) {
    return rowToShow(picture, store.get("address"));
  }

  // ------------------------------------------------------------------ the figure

  async #make() {
    const mine = (this.#asked += 1);
    const figure = this.#figure;
    this.#offerToolsAgain();
    try {
      const made = await this.#made(figure);
      if (mine !== this.#asked) return null;
      this.#put(figure, made);
      return made;
    } catch (error) {
      if (mine === this.#asked) fill(this.stage, h("figure", {}, h("h2", {}, figure.title), h("p", { class: "aside" }, `Not drawn here: ${safe(error.message)}`)));
      return null;
    }
  }

  /** Of a figure that is wider than its place, what is looked at stays in sight. */
  #put(figure, made) {
    const held = this.stage.querySelector(`[data-figure="${figure.id}"] .gallery-holder`);
    const [before, focused] = [held?.scrollLeft ?? 0, held !== null && held === document.activeElement];
    fill(this.stage, this.#framed(figure, made));
    const holder = this.stage.querySelector(".gallery-holder");
    holder.scrollLeft = made.see === undefined ? before : made.see * (holder.scrollWidth - holder.clientWidth);
    if (focused) holder.focus({ preventScroll: true });
  }

  #offerToolsAgain() {
    if (!this.tools.contains(document.activeElement)) this.#offerTools();
  }

  async #made(figure) {
    const state = this.#stateOf(figure);
    const free = (figure.controls || figure.stages) && !figure.heads;
    if (free || figure === FIGURE_PRINTED) return figure.make({ state, decoding: store.get("decoding") });
    const [picture, note] = await this.#pictureFor(figure);
    if (!picture) throw new Error("no text has been read yet");
    const place = placeOf(picture, store.get("address"));
    if (!place) throw new Error(`${picture.model.name} has no attention: no position looks at another; choose a model that has`);
    const made = await figure.make({ picture, source: store.get("source"), state, layer: place.layer, head: place.head, row: this.#row(picture) });
    return { ...made, caption: note ? `${made.caption} ${note}` : made.caption };
  }

  /** The picture at hand, or that of the figure's own text; where that cannot be had, the one at hand, and it is said. */
  async #pictureFor(figure) {
    const picture = store.get("picture");
    if (!picture || !figure.text || picture.text === figure.text) return [picture, ""];
    const key = `${picture.model.given} ${figure.text}`;
    if (!this.#texts.has(key)) this.#texts.set(key, await this.#asks(picture, figure.text));
    const own = this.#texts.get(key);
    return own ? [own, ""] : [picture, `(Drawn for this text: “${figure.text}” is not held here; open it with glassformer open "${figure.text}".)`];
  }

  #asks(picture, text) {
    return store
      .get("source")
      .picture({ model: picture.model.given, text, second: null, joint: false, switches: [] })
      .catch(() => null);
  }

  #framed(figure, { drawing, element, caption, badge, tables = [] }) {
    const save = (kind) => () => saveFigure(figureOfDrawing(drawing, { title: figure.title, caption: `${caption} Source: ${figure.source}.`, badge }), `glassformer-${figure.id}`, kind);
    return h(
      "figure",
      { "data-figure": figure.id },
      h("h2", {}, figure.title),
      h("div", { class: "gallery-holder", tabindex: "0", role: "group", "aria-label": "the figure" }, drawing ? drawingElement(drawing, `${figure.title}. ${caption}`) : element()),
      tables.map(tableBelow),
      h("figcaption", {}, h("p", { class: "gallery-caption" }, safe(caption)), h("p", { class: "aside" }, `After ${figure.source}.`), badgeLine(badge)),
      drawing && h("p", { class: "gallery-save" }, h("button", { type: "button", onclick: save("svg") }, "SVG"), h("button", { type: "button", onclick: save("png") }, "PNG")),
    );
  }
}

function tableBelow({ open = false, ...table }) {
  return h("details", { open }, h("summary", {}, "The numbers as a table"), numbersTable(table));
}

function headChoice(picture, place) {
  const names = picture.model.heads.flatMap((count, layer) => Array.from({ length: count }, (_, head) => [layer, head]));
  const change = (event) => {
    const [layer, head] = event.target.value.split(" ").map(Number);
    store.set({ address: cell(layer, head, "weights", place.row, place.column) });
  };
  return labelled("head", h("select", { name: "head", onchange: change }, names.map(([layer, head]) => h("option", { value: `${layer} ${head}`, selected: layer === place.layer && head === place.head }, `L${layer}.H${head}`))));
}

function positionChoice(picture, row) {
  const change = (event) => {
    const place = placeOf(picture, store.get("address"));
    store.set({ address: cell(place.layer, place.head, "weights", Number(event.target.value), place.column) });
  };
  const some = picture.pieces.slice(0, 200);
  return labelled("piece", h("select", { name: "piece", onchange: change }, some.map((piece, k) => h("option", { value: k, selected: k === row }, `${k} ${safe(piece)}`))));
}

function controlOf({ name, label, options, least, most, step }, value, change) {
  if (options) return labelled(label, h("select", { name, onchange: (event) => change(event.target.value) }, options.map(([id, text]) => h("option", { value: id, selected: id === value }, text))));
  const typed = (event) => {
    const given = Number(event.target.value);
    if (Number.isFinite(given) && event.target.value !== "") change(Math.min(most, Math.max(least, Math.round(given / step) * step)));
  };
  return labelled(label, h("input", { name, type: "number", min: least, max: most, step, value, oninput: typed }));
}

function labelled(text, control) {
  return h("label", { class: "named-control" }, h("span", {}, text), control);
}

customElements.define("gf-gallery", GalleryView);
