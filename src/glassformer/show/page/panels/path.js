import { cell } from "../base/address.js";
import { fill, h, safe } from "../base/dom.js";
import { placeOf } from "../base/facts.js";
import { barsFigure, saveFigure } from "../base/figure.js";
import { number, percent, signed } from "../base/format.js";
import { Framed, tool } from "../base/frame.js";
import { visit } from "../base/keys.js";
import { store } from "../base/store.js";

const LIKELIEST = 3; // pieces after a layer
const SHOWN = 14; // terms drawn one by one; the rest are one bar

/** What every part adds to the answer: bars that begin where the last one ended, and end at the answer exactly. */
export class PathPanel extends Framed {
  static title = "The path to the answer";
  static what = "What each part hands to the answer directly. The bars add up to it.";
  static reads = ["picture", "address", "exact"];
  #every = false;

  draw(changed) {
    const picture = store.get("picture");
    const path = picture?.path;
    this.hidden = !path;
    if (!path) return;
    if (!changed.has("picture") && !changed.has("exact")) return this.#follow(picture);
    this.setBadge("descriptive");
    this.keepingFocus(() => {
      fill(this.tools, path.terms.length > SHOWN ? tool(this.#every ? "the largest" : `all ${path.terms.length}`, "every", () => ((this.#every = !this.#every), this.draw(new Set(["picture"]))), { pressed: this.#every }) : null, ["svg", "png"].map((kind) => tool(kind.toUpperCase(), `path:${kind}`, () => saveFigure(this.figure(), "path", kind), { kind: "quiet" })));
      fill(this.body, this.#waterfall(path), this.#readout(picture));
    });
    const sum = path.terms.reduce((total, term) => total + term.value, 0);
    fill(this.foot, `Sum of ${path.terms.length} terms ${signed(sum, store.get("exact"))}; ${safe(path.of)} ${signed(path.total, store.get("exact"))}; difference ${Math.abs(sum - path.total).toExponential(0).replace("e-", "e−").replace("e+0", "")}. Held as they are: ${safe(path.held)}. A part that adds little may still matter through later layers: the ladder says what is measured.`);
    this.#follow(picture);
  }

  /** The terms in the order of the model, those that are small together as one. */
  #rows(path) {
    if (this.#every || path.terms.length <= SHOWN + 1) return path.terms;
    const largest = new Set([...path.terms].sort((one, other) => Math.abs(other.value) - Math.abs(one.value)).slice(0, SHOWN));
    const rest = path.terms.filter((term) => !largest.has(term));
    const together = { name: `${rest.length} others`, kind: "rest", value: rest.reduce((total, { value }) => total + value, 0) };
    return [...path.terms.filter((term) => largest.has(term)), together];
  }

  #waterfall(path) {
    const rows = this.#rows(path);
    const ends = rows.reduce((totals, { value }) => [...totals, totals.at(-1) + value], [0]);
    const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)];
    const place = (value) => (value - low) / (high - low || 1);
    const bars = rows.map((term, k) => this.#bar(term, { from: place(ends[k]), to: place(ends[k + 1]), zero: place(0) }));
    const total = this.#bar({ name: "answer", kind: "total", value: path.total }, { from: place(0), to: place(path.total), zero: place(0) });
    return h("table", { class: "bars waterfall" }, h("caption", { class: "spoken" }, `what each part adds to ${safe(path.of)}`), h("tbody", {}, bars, total));
  }

  #bar(term, { from, to, zero }) {
    const style = { "--from": Math.min(from, to), "--wide": Math.abs(to - from), "--zero": zero };
    const name = term.kind === "head" ? tool(term.name, `term:${term.name}`, () => this.#open(term), { kind: "quiet" }) : safe(term.name);
    const properties = { class: term.kind, "data-layer": term.layer, "data-head": term.kind === "head" ? term.head : null };
    return h("tr", properties, h("th", { scope: "row" }, name), h("td", { class: "drawn", "aria-hidden": "true" }, h("span", { class: `fall ${term.value < 0 ? "below" : "above"}`, style })), h("td", { class: "value number" }, signed(term.value, store.get("exact"))));
  }

  #open({ layer, head }) {
    const place = placeOf(store.get("picture"), store.get("address"));
    visit(cell(layer, head, "weights", place.row, place.column));
  }

  /** What the answer would be, read off the stream after each layer. */
  #readout(picture) {
    if (!picture.readout?.length) return null;
    const largest = Math.max(1e-9, ...picture.readout.map((each) => Math.abs(each.value)));
    const rows = picture.readout.map((each) => h("tr", {}, h("th", { scope: "row" }, each.after === "embed" ? "embedding" : `after ${each.after}`), h("td", { class: "drawn", "aria-hidden": "true" }, h("span", { class: `zero ${each.value < 0 ? "below" : "above"}`, style: { "--share": Math.abs(each.value) / largest } })), h("td", { class: "value number" }, signed(each.value, store.get("exact"))), h("td", { class: "value" }, each.share === null ? "" : percent(each.share)), each.candidates && h("td", { class: "value likely" }, likeliest(each.candidates))));
    return h("table", { class: "bars readout" }, h("caption", {}, "read off after each layer"), h("tbody", {}, rows));
  }

  #follow(picture) {
    const place = placeOf(picture, store.get("address"));
    for (const row of this.body.querySelectorAll("tr[data-head]")) row.classList.toggle("here", place?.part === "head" && Number(row.dataset.layer) === place.layer && Number(row.dataset.head) === place.head);
  }

  figure() {
    const { path, text, model } = store.get("picture");
    const rows = this.#rows(path).map((term) => [term.name, term.value]);
    return barsFigure([...rows, ["sum: the answer", path.total]], { title: "The path to the answer", caption: `“${safe(text)}”, ${model.name}: what each part adds to ${path.of}; together ${number(path.total)}. Held: ${path.held}.`, badge: "descriptive" });
  }
}

/** "not 31 % · the 12 % · …" */
function likeliest(candidates) {
  return candidates.slice(0, LIKELIEST).map(({ piece, probability }) => `${safe(piece)} ${percent(probability)}`).join(" · ");
}

customElements.define("gf-path", PathPanel);
