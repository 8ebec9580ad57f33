import { toggle } from "../base/ask.js";
import { fill, h, safe, short } from "../base/dom.js";
import { placeOf, turns } from "../base/facts.js";
import { barsFigure, saveFigure } from "../base/figure.js";
import { answered, number, signed } from "../base/format.js";
import { choice, Framed, tool } from "../base/frame.js";
import { offSwitch } from "../base/keys.js";
import { linkHere } from "../base/link.js";
import { asPython, copyText } from "../base/python.js";
import { say, store } from "../base/store.js";
import { BASELINES, switchInWords } from "../base/switches.js";

/** What is switched off, what that changes, and what the same switch changes elsewhere. */
export class TrayPanel extends Framed {
  static title = "What if";
  static what = "Switch something off and see whether the answer needs it. Controls: the same switch elsewhere.";
  static reads = ["picture", "address", "switches", "result", "baseline", "other", "source", "exact"];
  static observedAttributes = ["offers"];

  attributeChangedCallback() {
    if (this.body) this.draw(new Set(["picture"]));
  }

  draw(changed) {
    const picture = store.get("picture");
    this.hidden = !picture;
    if (!picture) return;
    if ([...changed].every((name) => name === "address")) this.soon(() => this.#drawAll(store.get("picture")));
    else this.#drawAll(picture);
  }

  #drawAll(picture) {
    clearTimeout(this.waiting);
    this.keepingFocus(() => {
      fill(this.tools, this.bare ? null : this.#handing(picture));
      fill(this.body, h("div", { class: "offers", role: "group", "aria-label": "switches" }, this.#offers(picture)), this.#list(picture), this.#result(picture));
    });
    const result = store.get("result");
    this.setBadge(result ? `causal (${result.baseline}, ${picture.metric.name}, n = ${result.n ?? 1})${result.exact === false ? ", estimated" : ""}` : "");
  }

  #offers(picture) {
    if (this.hasAttribute("offers")) return this.getAttribute("offers").split(/\s+/).filter(Boolean).map((text) => this.#switch(text, picture));
    const place = placeOf(picture, store.get("address"));
    const here = place ? this.#here(picture, place) : [];
    const general = ["scaling", "positions", "heads"].map((part) => this.#switch(`without:${part}`, picture));
    const baselines = place ? choice("off means", BASELINES.map((each) => [each, each]), store.get("baseline"), (baseline) => store.set({ baseline })) : null;
    return [h("div", { class: "group" }, h("span", { class: "label" }, "here"), here), h("div", { class: "group" }, h("span", { class: "label" }, "the whole model"), place ? general : general.slice(1, 2)), baselines];
  }

  /** What can be switched at the cell that is looked at. */
  #here(picture, place) {
    const { layer, head, row, column } = place;
    const [looks, at] = [picture.word_of[row], picture.word_of[column]];
    const texts = [offSwitch(place, store.get("baseline")), `cell:L${layer}.H${head}[${row},${column}]`];
    if (looks !== at) texts.push(`cut:${looks}>${at}`);
    if (!picture.specials.includes(at)) texts.push(`word:${at}:mask`, `word:${at}:unseen`);
    const other = store.get("other");
    if (other && other.pieces.length === picture.pieces.length) texts.push(`patch:L${layer}.H${head}`, `patch:L${layer}.mlp`, `patch:L${layer}.stream[${row}]`);
    return texts.map((text) => this.#switch(text, picture));
  }

  #switch(text, picture) {
    return tool(safe(switchInWords(text, picture)), `switch:${text}`, () => toggle(text), { pressed: store.get("switches").includes(text), title: text });
  }

  #list(picture) {
    const switches = store.get("switches");
    if (!switches.length) return h("p", { class: "note" }, "Nothing is switched off.");
    const item = (text) => h("li", {}, h("span", {}, safe(switchInWords(text, picture))), h("code", {}, text), tool("×", `drop:${text}`, () => toggle(text), { kind: "quiet", title: `take back ${text}` }));
    const rest = [tool("Undo", "undo", () => store.set({ switches: switches.slice(0, -1) })), tool("Clear", "clear", () => store.set({ switches: [] }))];
    return h("div", { class: "switched" }, h("ul", {}, switches.map(item)), rest);
  }

  #handing(picture) {
    const copied = (words) => async (text) => say((await copyText(text())) ? `${words} copied` : this.#offer(text()));
    const python = () => asPython(picture, { switches: store.get("switches"), address: store.get("switches").length ? "" : store.get("address"), other: store.get("other")?.text ?? null });
    return [tool("Copy as Python", "python", () => copied("Python")(python), { kind: "quiet" }), tool("Copy link", "link", () => copied("link")(linkHere), { kind: "quiet" }), store.get("result") ? ["svg", "png"].map((kind) => tool(kind.toUpperCase(), `tray:${kind}`, () => saveFigure(this.figure(), "what-if", kind), { kind: "quiet" })) : null];
  }

  /** Where the clipboard is closed, the text stands in the page to be copied by hand. */
  #offer(text) {
    const field = h("textarea", { class: "copied", rows: Math.min(8, text.split("\n").length + 1), readonly: true, "aria-label": "text to copy" }, text);
    this.body.append(field);
    field.select();
    return "copy the selected text";
  }

  #result(picture) {
    const result = store.get("result");
    if (!result) return null;
    const exact = store.get("exact");
    const turned = result.flips ?? turns(picture, result.before, result.after);
    const side = (value) => (picture.metric.sides ? safe(answered(picture.metric, value)) : "");
    const ends = (value) => h("span", { class: "end" }, h("b", { class: "value" }, side(value) || safe(picture.metric.of)), h("span", { class: "value" }, signed(value, exact)));
    const words = turned ? "the answer turns" : Math.abs(result.change ?? result.after - result.before) < picture.metric.least ? "as good as nothing changes" : "the answer stays";
    const head = h("p", { class: `turning-point${turned ? " turned" : ""}` }, ends(result.before), h("span", { class: "arrow", "aria-hidden": "true" }, "→"), ends(result.after), h("span", { class: "change value" }, `${signed(result.after - result.before, exact)} ${picture.metric.name}: ${words}`));
    return h("div", { class: "result", role: "group", "aria-label": "before and after" }, head, this.#line(picture, result), this.#controls(picture, result), this.#direction());
  }

  /** Which way a patch goes, and what that can show. */
  #direction() {
    const other = store.get("other");
    if (!other || !store.get("switches").some((each) => each.startsWith("patch:"))) return null;
    return h("p", { class: "note" }, `B into A: a value of “${short(other.text, 60)}” (answer ${signed(other.before)}) stands in this sentence. If the answer moves to B's, that value is enough to carry it (denoising, where B is the sound one); whether it is needed, A into B says (noising).`);
  }

  /** Before, after and the controls on one line of numbers. */
  #line(picture, { before, after, controls }) {
    const values = [before, after, 0, ...controls.map(([, value]) => value)];
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const place = (value) => 24 + (552 * (value - low)) / (high - low || 1);
    const ticks = controls.map(([name, value]) => h("line", { class: "control", x1: place(value), x2: place(value), y1: 30, y2: 46 }, h("title", {}, `${safe(name)}: ${signed(value)}`)));
    const zero = low < 0 && high > 0 ? [h("line", { class: "border", x1: place(0), x2: place(0), y1: 14, y2: 52 }), h("text", { x: place(0), y: 68, "text-anchor": "middle" }, "0")] : [];
    const label = (value, text) => h("text", { x: Math.max(40, Math.min(560, place(value))), y: 12, "text-anchor": "middle" }, text);
    const close = Math.abs(place(before) - place(after)) < 90;
    return h("svg", { class: "numberline", viewBox: "0 0 600 74", role: "img", "aria-label": `before ${signed(before)}, after ${signed(after)}, ${controls.length} controls` }, h("line", { class: "axis", x1: 12, x2: 588, y1: 38, y2: 38 }), zero, ticks, h("circle", { class: "before", cx: place(before), cy: 38, r: 7 }), h("circle", { class: "afterwards", cx: place(after), cy: 38, r: 7 }), close ? h("text", { x: Math.max(90, Math.min(510, place((before + after) / 2))), y: 12, "text-anchor": "middle" }, `before ${number(before)} · after ${number(after)}`) : [label(before, `before ${number(before)}`), label(after, `after ${number(after)}`)]);
  }

  #controls(picture, { before, after, controls }) {
    if (!controls.length) return h("p", { class: "note" }, store.get("switches").length > 1 ? "Controls are run where one thing alone is switched." : "There is no control for this switch here.");
    const size = Math.abs(after - before);
    const as = controls.filter(([, value]) => Math.abs(value - before) >= size).length;
    const largest = controls.reduce((best, each) => (Math.abs(each[1] - before) > Math.abs(best[1] - before) ? each : best));
    return h("p", { class: "note" }, `Control: ${controls.length === 1 ? safe(controls[0][0]) : `the same switch in ${controls.length} other places`}; ${as} of ${controls.length} change as much. Largest: ${safe(largest[0])}, ${signed(largest[1] - before)}.`);
  }

  figure() {
    const [picture, result] = [store.get("picture"), store.get("result")];
    const names = store.get("switches").map((each) => switchInWords(each, picture)).join(" + ");
    const rows = [["before", result.before], [names, result.after], ...result.controls.slice(0, 20).map(([name, value]) => [`control: ${name}`, value])];
    return barsFigure(rows, { title: `What if ${names}?`, caption: `“${safe(picture.text)}”, ${picture.model.name}: ${picture.metric.name} of ${picture.metric.of}.`, badge: this.badge.textContent });
  }
}

customElements.define("gf-tray", TrayPanel);
