import { cell, MATRICES } from "../base/address.js";
import { download, fill, h, safe } from "../base/dom.js";
import { isSpecial, pieceAt, placeOf } from "../base/facts.js";
import { matrixFigure, saveFigure, toCsv } from "../base/figure.js";
import { badge, cellText, number, placesFor, signed } from "../base/format.js";
import { Framed, tool } from "../base/frame.js";
import { Grid, tableOf } from "../base/grid.js";
import { spokenCell } from "../base/keys.js";
import { cellRows, largestOf, specialShare, STAGES, stageArray } from "../base/stages.js";
import { say, store } from "../base/store.js";

const TABLED = 10; // rows and columns of each table when several stand side by side
const CLOSE = 64; // pieces up to which a sheet is shown whole

/** One head: from products to weights to what is mixed, and beside each weight what changes when it is cut. */
export class SheetPanel extends Framed {
  static title = "One head";
  static what = "";
  static reads = ["picture", "edited", "other", "address", "exact", "table", "difference", "sinks"];
  static observedAttributes = ["matrices", "layer", "head", "of"];
  #grids = new Map();
  #head = null;
  #before = null;
  #key = "";
  #whole = false;

  attributeChangedCallback() {
    if (this.body) this.draw(new Set(["picture"]));
  }

  get kinds() {
    return (this.getAttribute("matrices") ?? "scores scaled weights mixture effect").split(/\s+/).filter((kind) => kind in STAGES);
  }

  /** The picture that is shown: the one with switches on, or the other sentence, where that is asked for. */
  get shown() {
    return store.get({ edited: "edited", other: "other" }[this.getAttribute("of")] ?? "picture");
  }

  draw(changed) {
    const picture = this.shown;
    this.hidden = !picture?.model.layers;
    if (this.hidden) return;
    if (!this.flow) this.#build();
    const place = this.#place(picture);
    const after = this.#after();
    const key = `${place.layer}.${place.head}`;
    if (key !== this.#key || changed.has("picture") || changed.has("edited") || changed.has("difference") || changed.has("other")) this.#load(picture, place, after);
    else if ([...changed].some((name) => name !== "address")) this.#drawAll(picture);
    this.#follow(picture, place);
  }

  #build() {
    this.flow = h("div", { class: "flow" });
    this.readout = h("p", { class: "readout value" });
    this.note = h("p", { class: "note" });
    this.body.append(this.flow, this.readout, this.note);
  }

  #place(picture) {
    const place = placeOf(picture, store.get("address"));
    const given = (name, otherwise) => (this.hasAttribute(name) ? Number(this.getAttribute(name)) : otherwise);
    return { ...place, layer: given("layer", place.layer), head: given("head", place.head) };
  }

  #after() {
    return store.get("difference") && !this.hasAttribute("of") ? store.get("edited") : null;
  }

  /** Ask for the head that is looked at; what arrives too late is dropped. */
  async #load(picture, place, after) {
    const key = (this.#key = `${place.layer}.${place.head}`);
    this.heading.textContent = `Head L${place.layer}.H${place.head}`;
    try {
      const source = store.get("source");
      const [head, then] = await Promise.all([source.head(picture, place.layer, place.head), after && source.head(after, place.layer, place.head)]);
      if (key !== this.#key || picture !== this.shown || after !== this.#after()) return;
      [this.#head, this.#before] = then ? [then, head] : [head, null];
      this.#drawAll(picture);
      this.#follow(picture, this.#place(picture));
    } catch (error) {
      if (key === this.#key) fill(this.flow, h("p", { class: "why" }, error.message));
    }
  }

  #drawAll(picture) {
    if (!this.#head) return;
    const kinds = this.kinds.filter((kind) => this.#array(kind));
    this.positions = picture.pieces.map((_, k) => k).filter((k) => store.get("sinks") || !isSpecial(picture, k));
    this.keepingFocus(() => {
      this.#drawTools(picture);
      for (const kind of kinds) this.#gridOf(kind).show(this.#matrix(kind, picture));
      fill(this.flow, kinds.map((kind) => this.#stage(kind, picture)));
    });
    this.flow.style.setProperty("--stages", kinds.length);
    this.flow.classList.toggle("large", this.positions.length > CLOSE);
    const cells = this.#head.cells;
    this.setBadge(cells ? `weights descriptive · effects ${badge(picture, "−∞ before softmax", 1, cells.exact)}` : "descriptive");
    this.badge.classList.toggle("causal", Boolean(cells));
    fill(this.note, specialShare(picture, this.#head, store.get("sinks") ? null : this.positions), this.#missing(kinds));
  }

  #array(kind) {
    return stageArray(this.#head, kind);
  }

  #missing(kinds) {
    const missing = this.kinds.filter((kind) => !kinds.includes(kind)).map((kind) => STAGES[kind].says);
    return missing.length ? ` Not held here: ${missing.join(", ")}.` : "";
  }

  #drawTools(picture) {
    if (this.bare) return fill(this.tools);
    const large = picture.pieces.length > CLOSE;
    const set = (name) => () => store.set({ [name]: !store.get(name) });
    fill(
      this.tools,
      picture.special_pieces.length ? tool("special pieces", "sinks", set("sinks"), { pressed: store.get("sinks"), title: "show rows and columns of special pieces" }) : null,
      large ? tool("whole", "whole", () => this.#zoom(picture), { pressed: this.#whole, title: "the whole matrix at once" }) : null,
      store.get("edited") ? tool("after − before", "difference", set("difference"), { pressed: store.get("difference") }) : null,
      tool("table", "table", set("table"), { pressed: store.get("table"), title: "real tables (t)" }),
      tool("CSV", "sheet:csv", () => this.#csv(picture), { kind: "quiet" }),
      ["svg", "png"].map((kind) => tool(kind.toUpperCase(), `sheet:${kind}`, () => saveFigure(this.figure(), "head", kind), { kind: "quiet" })),
    );
  }

  #csv(picture) {
    const place = this.#place(picture);
    const rows = cellRows(picture, this.#head, { kinds: this.kinds, positions: this.positions });
    download(`L${place.layer}.H${place.head}.csv`, toCsv([[`# ${this.badge.textContent}; ${picture.model.name}: ${picture.text}`], ...rows]), "text/csv");
  }

  #zoom(picture) {
    this.#whole = !this.#whole;
    for (const grid of this.#grids.values()) grid.options.whole = this.#whole;
    this.#drawAll(picture);
  }

  #gridOf(kind) {
    if (!this.#grids.has(kind)) {
      const grid = new Grid({ label: STAGES[kind].title, key: `sheet:${kind}`, first: kind === "weights", whole: this.#whole, move: (row, column) => this.#move(kind, row, column), open: () => document.querySelector("gf-card")?.scrollIntoView({ block: "nearest" }), hover: (row, column) => this.#hover(row, column), scrolled: (left, top) => this.#together(left, top) });
      this.#grids.set(kind, grid);
    }
    return this.#grids.get(kind);
  }

  #together(left, top) {
    for (const grid of this.#grids.values()) if (grid.element.isConnected) grid.scrollTo(left, top);
  }

  #stage(kind, picture) {
    const grid = this.#gridOf(kind);
    const { title, step } = STAGES[kind];
    const shown = store.get("table") ? tableOf(grid.matrix, grid.cursor, TABLED) : grid.element;
    const exact = kind === "effect" && !this.#head.cells.exact ? " (est.)" : "";
    const words = kind === "scaled" ? `÷ √${picture.model.head_width}` : title;
    const head = h("figcaption", {}, step && h("span", { class: "step", "aria-hidden": "true" }, "→"), h("b", {}, `${words}${exact}`), h("span", { class: "scale" }, this.#scale(grid.matrix)));
    return h("figure", { class: `stage ${kind}` }, head, shown);
  }

  #scale({ both, largest }) {
    const ends = both ? [`−${number(largest)}`, `+${number(largest)}`] : ["0", number(largest)];
    return [h("span", { class: "value" }, ends[0]), h("span", { class: `ramp ${both ? "both" : "one"}`, "aria-hidden": "true" }), h("span", { class: "value" }, ends[1])];
  }

  #matrix(kind, picture) {
    const array = this.#array(kind);
    const earlier = this.#before && kind !== "effect" ? this.#before[kind] : null;
    const both = STAGES[kind].both || Boolean(earlier);
    const width = array.shape[1];
    const positions = this.positions;
    const value = (i, j) => {
      const at = positions[i] * width + positions[j];
      return earlier ? array.data[at] - earlier.data[at] : array.data[at];
    };
    const largest = largestOf(value, positions.length);
    const exact = store.get("exact");
    const places = placesFor(largest);
    const forbidden = (i, j) => !Number.isFinite(value(i, j)) || this.#unseen(picture, positions[i], positions[j]);
    const rounded = array.rounded ? "≈" : "";
    return {
      title: STAGES[kind].title,
      largest,
      rows: positions.length,
      columns: positions.length,
      both,
      letters: (both ? 2.1 : 1.7) + places / 2,
      rowLabel: (i) => pieceAt(picture, positions[i]),
      columnLabel: (j) => pieceAt(picture, positions[j]),
      quietRow: (i) => isSpecial(picture, positions[i]),
      quietColumn: (j) => isSpecial(picture, positions[j]),
      share: (i, j) => value(i, j) / largest,
      text: (i, j) => cellText(value(i, j), kind === "effect" || Boolean(earlier), places),
      full: (i, j) => rounded + (both ? signed(value(i, j), exact) : number(value(i, j), exact)),
      speak: (i, j) => this.#speak(picture, positions[i], positions[j]),
      mark: (i, j) => (forbidden(i, j) ? "forbidden" : ""),
    };
  }

  #unseen(picture, row, column) {
    const { look } = picture.arrays;
    return look ? !look.data[row * look.shape[1] + column] : false;
  }

  /** "terrible to not, weight 0.42, effect 0.044" */
  #speak(picture, row, column) {
    return spokenCell(picture, row, column, this.#facts(row, column).map(([name, text]) => `${name} ${text}`));
  }

  #facts(row, column) {
    const exact = store.get("exact");
    return this.kinds.flatMap((kind) => {
      const array = this.#array(kind);
      if (!array || (kind === "scores" && this.kinds.length > 3)) return [];
      const value = array.data[row * array.shape[1] + column];
      const text = kind === "effect" ? `${signed(value, exact)}${array.exact ? "" : ", estimated"}` : (array.rounded ? "≈" : "") + number(value, exact);
      return [[STAGES[kind].says, text]];
    });
  }

  #move(kind, row, column) {
    const place = this.#place(this.shown);
    const named = MATRICES.includes(kind) ? kind : "weights";
    store.set({ address: cell(place.layer, place.head, named, this.positions[row], this.positions[column]) });
    this.#moved = true;
  }
  #moved = false;

  #hover(row, column) {
    const picture = this.shown;
    const [i, j] = row === null ? this.#here : [this.positions[row], this.positions[column]];
    this.#read(picture, i, j);
  }
  #here = [0, 0];

  #follow(picture, place) {
    if (!this.#head || !this.positions) return;
    this.#here = [place.row, place.column];
    const [row, column] = this.#here.map((position) => Math.max(0, this.positions.indexOf(position)));
    for (const [kind, grid] of this.#grids) {
      grid.at(row, column);
      grid.element.classList.toggle("active", kind === place.kind);
    }
    this.#read(picture, place.row, place.column);
    if (this.#moved) say(this.#speak(picture, place.row, place.column));
    this.#moved = false;
    if (store.get("table")) this.#retable();
  }

  #retable() {
    this.keepingFocus(() => {
      for (const stage of this.flow.querySelectorAll(".stage")) {
        const grid = this.#grids.get([...stage.classList].find((name) => name in STAGES));
        stage.lastElementChild.replaceWith(tableOf(grid.matrix, grid.cursor, TABLED));
      }
    });
  }

  #read(picture, row, column) {
    const facts = this.#facts(row, column).map(([name, text]) => [h("span", { class: "fact" }, `${name} `, h("b", {}, text))]);
    fill(this.readout, h("span", {}, h("b", {}, safe(pieceAt(picture, row))), " looks at ", h("b", {}, safe(pieceAt(picture, column)))), facts);
  }

  figure() {
    const picture = this.shown;
    const place = this.#place(picture);
    const kinds = this.kinds.filter((kind) => this.#array(kind));
    const kind = kinds.includes(place.kind) ? place.kind : kinds.includes("weights") ? "weights" : kinds[0];
    const beside = this.#head.cells && kind !== "effect" ? ` Largest effect of cutting a cell here: ${signed(this.#strongestCut())}.` : "";
    const caption = `L${place.layer}.H${place.head} of ${picture.model.name}, “${safe(picture.text)}”: ${STAGES[kind].title}.${beside} ${this.note.textContent}`;
    return matrixFigure(this.#matrix(kind, picture), { title: `L${place.layer}.H${place.head}: ${STAGES[kind].title}`, caption, badge: this.badge.textContent, cursor: this.#gridOf(kind).cursor });
  }

  #strongestCut() {
    return this.#head.cells.data.reduce((best, each) => (Math.abs(each) > Math.abs(best) ? each : best), 0);
  }
}

customElements.define("gf-sheet", SheetPanel);
