import { cell } from "../base/address.js";
import { download, fill, h, safe } from "../base/dom.js";
import { everyHead, headEffect, mlpEffect, placeOf, strongest } from "../base/facts.js";
import { matrixFigure, saveFigure, toCsv } from "../base/figure.js";
import { badge, cellText, number, placesFor, signed } from "../base/format.js";
import { choice, Framed, tool } from "../base/frame.js";
import { Grid, gridOrTable, tableOf } from "../base/grid.js";
import { attentionFacts, HEAD_FACTS, headFacts, SEEN_FACTS } from "../base/heads.js";
import { skinOf, thumbOf } from "../base/paint.js";
import { namesIn, question as questionOf } from "../base/query.js";
import { say, store } from "../base/store.js";
import { BASELINES } from "../base/switches.js";

const SHADES = [
  ["effect", "effect", "what changes when the head is off"],
  ["told", "told edge", "what changes when only this head may not look along the edge that told"],
  ["weight", "weight", "how much it looks at the word that was told"],
  ["mixture", "mixture", "how much of what it mixes comes from the word that was told"],
  ["sink", "special", "how much it looks at special pieces"],
];
const LISTED = 12;

/** Every head, MLP and the stream, layer by layer, shaded by what changes in the answer without it. */
export class LadderPanel extends Framed {
  static title = "Every head";
  static what = "Layer by layer. A cell shows what changes in the answer when that head is off.";
  static reads = ["picture", "other", "address", "shade", "baseline", "exact", "table", "difference", "sinks"];
  #weights = null;
  #query = "";
  #listed = false;
  #thumbs = null;

  draw(changed) {
    const picture = store.get("picture");
    this.hidden = !picture?.model.layers;
    if (this.hidden) return;
    if (!this.grid) this.#build();
    if (changed.has("picture")) this.#begin(picture);
    if ([...changed].some((name) => name !== "address")) this.#drawAll(picture);
    this.#follow(picture);
  }

  #build() {
    this.grid = new Grid({ label: "heads: layers down, heads across", key: "ladder", first: true, squarest: 1.35, widest: 64, letters: 8, move: (row, column) => this.#move(row, column), open: () => this.#open(), hover: (row, column) => this.#hover(row, column) });
    this.place = h("div", { class: "place" });
    this.readout = h("p", { class: "readout value" });
    this.list = h("div", { class: "list" });
    this.body.append(this.place, this.readout, this.list);
    this.grid.cell.addEventListener("keydown", (event) => event.key === "Enter" && !store.get("hidden") && (event.preventDefault(), this.#open()));
  }

  /** A new picture; of a long text, which holds small patterns, these are shown at once. */
  #begin(picture) {
    [this.#weights, this.#thumbs] = [null, null];
    if (picture.arrays["layers.0.attention.thumb"] && !this.bare) this.#toggleThumbs(picture);
  }

  get shade() {
    return this.getAttribute("shade") ?? store.get("shade");
  }

  #drawAll(picture) {
    const baseline = store.get("baseline");
    Object.assign(this.grid.options, this.#thumbs ? { squarest: 0.8, highest: 76 } : { squarest: 1.35, highest: 34 });
    const needs = this.#listed || SEEN_FACTS.includes(this.shade) || namesIn(safeQuery(this.#query)).some((name) => SEEN_FACTS.includes(name));
    if (needs && !this.#weights) this.#gather(picture);
    this.matrix = this.#matrix(picture, baseline);
    this.grid.show(this.matrix);
    this.keepingFocus(() => {
      gridOrTable(this.place, this.grid, store.get("table"));
      this.#drawTools(picture);
      this.#drawList(picture);
    });
    const causal = ["effect", "told"].includes(this.shade);
    const exact = everyHead(picture).every(([layer, head]) => headEffect(picture, layer, head, baseline)?.exact !== false);
    this.setBadge(!causal ? "descriptive" : badge(picture, this.shade === "told" ? "−∞ before softmax" : baseline, 1, exact || this.shade === "told"));
    fill(this.foot, this.#caption(picture));
  }

  #caption(picture) {
    const estimated = everyHead(picture).filter(([layer, head]) => headEffect(picture, layer, head, store.get("baseline"))?.exact === false).length;
    const parts = [this.#difference(picture) ? "Other − this." : this.#largest() ? `Darkest: ${number(this.#largest())}.` : ""];
    parts.push("Blue: up, orange: down. Stream: the answer read off after each layer (descriptive).");
    const told = this.shade === "effect" && !this.#difference(picture) ? this.#through(picture) : "";
    if (told) parts.push(told);
    if (estimated && this.shade === "effect") parts.push(`Hatched: ${estimated} estimated ${picture.metric.estimate}; the others measured.`);
    return parts.join(" ");
  }

  /** A head off is not an edge cut: zeros in its place may change little where the wrong word in its place changes much. */
  #through(picture) {
    if (!picture.told?.by_head) return "";
    const [layer, head] = strongest(picture, picture.told.by_head);
    const [cut, off] = [picture.told.by_head[layer][head], headEffect(picture, layer, head, store.get("baseline"))?.change ?? 0];
    if (cut === null || Math.abs(cut) < 3 * Math.abs(off)) return "";
    return `L${layer}.H${head} off changes ${signed(off)}, but the told edge cut in it alone ${signed(cut)}: to say nothing is not to say something else. Shade by told edge.`;
  }

  #largest() {
    return this.matrix.largest;
  }

  #drawTools(picture) {
    if (this.bare) return fill(this.tools);
    const shades = SHADES.filter(([name]) => (name === "told" ? picture.told?.by_head : ["weight", "mixture"].includes(name) ? picture.told : name !== "sink" || picture.specials.length));
    const set = (name) => (value) => store.set({ [name]: value });
    fill(this.tools, choice("shaded by", shades, this.shade, set("shade")), this.shade === "effect" ? choice("off means", BASELINES.map((each) => [each, each]), store.get("baseline"), set("baseline")) : null, tool("patterns", "thumbs", () => this.#toggleThumbs(picture), { pressed: Boolean(this.#thumbs), title: "the weights of each head, small" }), tool("find", "find", () => this.#toggleList(), { pressed: this.#listed, title: "find heads: effect>0.01 and sink<0.5" }));
  }

  /** What the grid shows: heads, then the MLP, then the stream. */
  #matrix(picture, baseline) {
    const heads = Math.max(...picture.model.heads);
    const value = (i, j) => this.#value(picture, { layer: i, head: j, heads }, baseline);
    const facts = headFacts(picture, baseline, this.#weights);
    const passes = this.#test();
    const kept = new Set(facts.filter(passes).map(({ layer, head }) => `${layer}.${head}`));
    const both = ["effect", "told"].includes(this.shade);
    let largest = 0;
    for (const [layer, head] of everyHead(picture)) largest = Math.max(largest, Math.abs(value(layer, head)?.change ?? 0));
    if (both && this.shade === "effect") for (let layer = 0; layer < picture.model.layers; layer += 1) largest = Math.max(largest, Math.abs(value(layer, heads)?.change ?? 0));
    const read = Math.max(1e-9, ...(picture.readout ?? []).map((each) => Math.abs(each.value)));
    const places = placesFor(largest);
    const share = (i, j) => (value(i, j)?.change ?? 0) / (j === heads + 1 ? read : largest || 1);
    return {
      title: `heads shaded by ${this.shade}`,
      largest,
      rows: picture.model.layers,
      columns: heads + 2,
      both,
      letters: 2.1 + places / 2,
      rowLabel: (i) => `L${i}`,
      columnLabel: (j) => (j < heads ? `H${j}` : j === heads ? "MLP" : "stream"),
      share,
      text: (i, j) => (value(i, j) ? cellText(value(i, j).change, both, j === heads + 1 ? 2 : places) : ""),
      full: (i, j) => (value(i, j) ? signed(value(i, j).change, store.get("exact")) : "–"),
      speak: (i, j) => this.#speak(i, j, value(i, j), heads),
      thumb: (i, j) => this.#thumbs?.get(`${i}.${j}`) ?? null,
      mark: (i, j) => {
        const found = value(i, j);
        if (!found || (j < heads && !kept.has(`${i}.${j}`))) return "none";
        return found.exact ? "" : "est";
      },
    };
  }

  #value(picture, { layer, head, heads }, baseline) {
    if (head === heads + 1) return ["effect", "told"].includes(this.shade) && picture.readout?.[layer + 1] ? { change: picture.readout[layer + 1].value, exact: true } : null;
    if (head >= picture.model.heads[layer] && head !== heads) return null;
    const other = this.#difference(picture);
    const own = this.#own(picture, layer, head, heads, baseline);
    if (!other || !own) return own;
    const theirs = this.#own(other, layer, head, heads, baseline);
    return theirs && { change: theirs.change - own.change, exact: own.exact && theirs.exact };
  }

  #own(picture, layer, head, heads, baseline) {
    if (head === heads) return this.shade === "effect" ? mlpEffect(picture, layer, baseline) : null;
    if (this.shade === "effect") return headEffect(picture, layer, head, baseline);
    const change = this.shade === "told" ? picture.told?.by_head?.[layer]?.[head] : this.#weights?.[layer]?.[head]?.[this.shade];
    return change === null || change === undefined ? null : { change, exact: true };
  }

  /** The other picture, where the difference to it is asked for and it has the same heads. */
  #difference(picture) {
    const other = store.get("other");
    const same = other && String(other.model.heads) === String(picture.model.heads);
    return store.get("difference") && same && ["effect", "told"].includes(this.shade) ? other : null;
  }

  #speak(i, j, value, heads) {
    const name = j < heads ? `L${i} H${j}` : j === heads ? `MLP of layer ${i}` : `stream after layer ${i}`;
    if (!value) return `${name}, not measured`;
    const what = j === heads + 1 ? "read-out" : ["effect", "told"].includes(this.shade) ? "effect" : this.shade;
    return `${name}, ${what} ${signed(value.change, store.get("exact"))}${value.exact ? "" : ", estimated"}`;
  }

  #move(row, column) {
    const picture = store.get("picture");
    const place = placeOf(picture, store.get("address"));
    const heads = Math.max(...picture.model.heads);
    const kind = place.part === "head" ? place.kind : "weights";
    if (column < picture.model.heads[row]) store.set({ address: cell(row, column, kind, place.row, place.column) });
    else if (column >= heads) store.set({ address: `L${row}.${column === heads ? "mlp.out" : "stream"}[${place.row},0]` });
  }

  #open() {
    document.querySelector("gf-sheet")?.scrollIntoView({ block: "nearest" });
    document.querySelector("gf-sheet .ring")?.focus({ preventScroll: true });
  }

  #hover(row, column) {
    this.readout.textContent = row === null ? this.#here : this.matrix.speak(row, column);
  }

  #follow(picture) {
    const place = placeOf(picture, store.get("address"));
    const heads = Math.max(...picture.model.heads);
    const at = { head: place.head, mlp: heads, stream: heads + 1 }[place.part];
    if (at !== undefined) this.grid.at(place.layer, at);
    this.#here = at === undefined ? "" : this.matrix.speak(place.layer, at);
    this.readout.textContent = this.#here;
    if (document.activeElement === this.grid.cell) say(this.#here);
    if (store.get("table")) fill(this.place, tableOf(this.matrix, this.grid.cursor));
  }
  #here = "";

  async #gather(picture) {
    try {
      const weights = await attentionFacts(store.get("source"), picture, (done, all) => store.set({ busy: `weights of ${done} of ${all} heads` }));
      if (store.get("picture") !== picture) return;
      this.#weights = weights;
      store.set({ busy: null });
      this.draw(new Set(["shade"]));
    } catch (error) {
      store.set({ error: error.message, busy: null, shade: "effect" });
    }
  }

  #toggleList() {
    this.#listed = !this.#listed;
    if (!this.#listed) this.#query = "";
    this.draw(new Set(["shade"]));
    this.list.querySelector("input")?.focus();
  }

  #test() {
    try {
      return questionOf(this.#query, HEAD_FACTS);
    } catch {
      return () => true;
    }
  }

  /** Heads that answer the question, the largest effect first. */
  #drawList(picture) {
    if (!this.#listed) return fill(this.list);
    let trouble = "";
    try {
      questionOf(this.#query, HEAD_FACTS);
    } catch (error) {
      trouble = error.message;
    }
    const found = headFacts(picture, store.get("baseline"), this.#weights).filter(this.#test()).sort((one, other) => (other.effect ?? 0) - (one.effect ?? 0));
    const field = h("input", { class: "text", type: "text", value: this.#query, "aria-label": "question about heads", placeholder: "effect>0.01 and sink<0.5", "data-key": "query", "aria-invalid": trouble ? "true" : null, onchange: (event) => this.#ask(event.target.value) });
    const rows = found.slice(0, LISTED).map((each) => h("tr", {}, h("th", { scope: "row" }, tool(`L${each.layer}.H${each.head}`, `head:${each.layer}.${each.head}`, () => this.#move(each.layer, each.head), { kind: "quiet" })), ["change", "told", "weight", "sink"].map((name) => h("td", { class: "value number" }, name === "change" || name === "told" ? signed(each[name]) : number(each[name]))), h("td", {}, each.exact === false ? "est." : "exact")));
    const names = ["head", "effect", "told edge", "weight on told", "special", "measured"].map((name) => h("th", { scope: "col" }, name));
    fill(this.list, h("div", { class: "typing" }, field, tool("CSV", "csv", () => this.#csv(picture, found), { kind: "quiet" }), ["svg", "png"].map((kind) => tool(kind.toUpperCase(), `ladder:${kind}`, () => saveFigure(this.figure(), "heads", kind), { kind: "quiet" }))), trouble && h("p", { class: "why" }, trouble), h("p", { class: "note" }, `${found.length} of ${everyHead(picture).length} heads${found.length > LISTED ? `, the ${LISTED} largest shown` : ""}; ask of ${HEAD_FACTS.join(", ")}`), h("table", { class: "found" }, h("thead", {}, h("tr", {}, names)), h("tbody", {}, rows)));
  }

  #ask(text) {
    this.#query = text;
    this.draw(new Set(["shade"]));
    say(this.list.querySelector(".why, .note")?.textContent ?? "");
  }

  #csv(picture, found) {
    const names = [...HEAD_FACTS, "exact"];
    download("heads.csv", toCsv([[`# ${this.badge.textContent}; baseline ${store.get("baseline")}; ${picture.model.name}: ${picture.text}`], names, ...found.map((each) => names.map((name) => each[name]))]), "text/csv");
  }

  async #toggleThumbs(picture) {
    if (this.#thumbs) {
      this.#thumbs = null;
      return this.draw(new Set(["shade"]));
    }
    const thumbs = (this.#thumbs = new Map());
    const skin = skinOf(this);
    for (const [layer, head] of everyHead(picture)) {
      const made = await patternOf(store.get("source"), picture, layer, head).catch(() => null);
      if (this.#thumbs !== thumbs) return;
      if (made) thumbs.set(`${layer}.${head}`, thumbOf(made, skin));
      if (head === 0) this.grid.redraw();
    }
    this.draw(new Set(["shade"]));
  }

  figure() {
    const picture = store.get("picture");
    const caption = `“${safe(picture.text)}”, ${picture.model.name}. ${this.foot.textContent}`;
    return matrixFigure(this.matrix, { title: `Every head, shaded by ${this.shade}`, caption, badge: this.badge.textContent, cursor: this.grid.cursor });
  }
}

function safeQuery(text) {
  try {
    namesIn(text);
    return text;
  } catch {
    return "";
  }
}

/** The weights of a head as a matrix of shares, from the small ones in the picture where there are any. */
async function patternOf(source, picture, layer, head) {
  const small = picture.arrays[`layers.${layer}.attention.thumb`];
  const { shape, data } = small ?? (await source.head(picture, layer, head)).weights;
  const [rows, columns] = shape.slice(-2);
  const start = small ? head * rows * columns : 0;
  let largest = 1e-9;
  for (let k = 0; k < rows * columns; k += 1) largest = Math.max(largest, data[start + k]);
  return { rows, columns, both: false, share: (i, j) => data[start + i * columns + j] / largest };
}

customElements.define("gf-ladder", LadderPanel);
