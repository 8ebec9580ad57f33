import { parse } from "../base/address.js";
import { toggle } from "../base/ask.js";
import { fill, h, safe } from "../base/dom.js";
import { feedsOf } from "../base/feeds.js";
import { placeOf } from "../base/facts.js";
import { number } from "../base/format.js";
import { Framed, tool } from "../base/frame.js";
import { goBack, visit } from "../base/keys.js";
import { store } from "../base/store.js";
import { evaluate } from "../sources/worked.js";

const ENDS = 8; // rows shown at either end of a long sum
const LONG = 40; // rows of a sum that is shown whole
const LISTED = 96; // numbers of a vector shown at once

/** The arithmetic of one number, done again here. */
export class CardPanel extends Framed {
  static title = "One number";
  static what = "";
  static reads = ["picture", "address", "exact", "edited", "source"];
  static observedAttributes = ["address"];
  #asked = "";
  #whole = new Set();
  #worked = null;

  attributeChangedCallback() {
    if (this.body) this.draw(new Set(["address"]));
  }

  draw(changed) {
    const picture = store.get("picture");
    const address = this.getAttribute("address") ?? store.get("address");
    this.hidden = !picture || !address;
    if (this.hidden) return;
    this.setBadge("descriptive");
    if (changed.size === 1 && changed.has("address")) this.soon(() => this.#load(store.get("picture"), this.getAttribute("address") ?? store.get("address")));
    else if (changed.has("address") || changed.has("picture") || changed.has("source")) this.#load(picture, address);
    else if (this.#worked) this.#show(picture, this.#worked);
  }

  async #load(picture, address) {
    const question = (this.#asked = {});
    try {
      const worked = await store.get("source").worked(picture, address);
      if (question !== this.#asked) return;
      this.#whole.clear();
      this.#worked = { worked, done: evaluate(worked) };
      this.#show(picture, this.#worked);
    } catch (error) {
      if (question === this.#asked) await this.#list(picture, address, question, error);
    }
  }

  /** An address of many numbers: the numbers themselves, each a link to its own sum. */
  async #list(picture, address, question, error) {
    this.#worked = null;
    const values = await valuesAt(picture, address).catch(() => null);
    if (question !== this.#asked) return;
    this.heading.textContent = address;
    if (values?.alone) return this.#alone(address, values.data[0], error);
    const links = values && Array.from(values.data.slice(0, LISTED), (value, k) => this.#link(`${address.replace(/\]$/, "")}${address.includes("[") ? "," : "["}${k}]`, number(value, store.get("exact")), `${k}`));
    const more = values && values.data.length > LISTED ? `the first ${LISTED} of ${values.data.length} numbers` : "";
    this.keepingFocus(() => {
      this.#drawTools();
      fill(this.body, values ? [h("p", { class: "note" }, `${values.data.length} numbers. ${more}`), h("ol", { class: "vector", start: 0 }, links.map((link) => h("li", {}, link)))] : h("p", { class: "why" }, error.message));
    });
    fill(this.foot);
  }

  /** A number whose operands are not at hand. */
  #alone(address, found, error) {
    this.keepingFocus(() => {
      this.#drawTools();
      fill(this.body, h("p", { class: "asked" }, value(long(found))), h("p", { class: "why" }, error.message), this.#feeds(store.get("picture"), { address }));
    });
    fill(this.foot);
  }

  #show(picture, { worked, done }) {
    this.heading.textContent = worked.address;
    const parts = worked.parts.map((part, k) => this.#part(part, done.parts?.[k] ?? {}, k, worked));
    this.keepingFocus(() => {
      this.#drawTools();
      fill(this.body, worked.question && h("p", { class: "asked" }, safe(worked.question)), h("div", { class: "sums" }, parts[0], h("div", {}, parts.slice(1))), this.#operands(worked), this.#feeds(picture, worked), this.#setting(worked));
    });
    this.#compare(worked, done);
  }

  #drawTools() {
    fill(this.tools, tool("Back", "back", goBack, { title: "Backspace" }), tool("every digit", "exact", () => store.set({ exact: !store.get("exact") }), { pressed: store.get("exact") }));
  }

  /** recomputed here: 0.0374503 · model: 0.0374503 · difference 2e-9 */
  #compare({ model }, { recomputed }) {
    const known = typeof model === "number";
    const words = [h("span", {}, "recomputed here: ", value(long(recomputed))), known ? h("span", {}, "model: ", value(long(model))) : h("span", {}, "the model's own value is not in this file"), known && h("span", {}, "difference ", value(Math.abs(recomputed - model).toExponential(0).replace("e-", "e−").replace("e+0", "")))];
    fill(this.foot, h("span", { class: "compared" }, words));
  }

  #part(part, done, index, worked) {
    const rows = done.rows ?? part.rows;
    const whole = rows.length <= LONG || this.#whole.has(index);
    const shown = whole ? rows.map((row, k) => [row, k]) : [...rows.slice(0, ENDS).map((row, k) => [row, k]), null, ...rows.slice(-ENDS).map((row, k) => [row, rows.length - ENDS + k])];
    const line = (entry) => (entry ? this.#row(part, entry, worked) : this.#gap(part, rows, index));
    const head = h("tr", {}, h("td"), part.columns.map((name) => h("th", { scope: "col" }, safe(name))));
    return h("div", { class: "sum" }, h("table", {}, h("caption", {}, safe(part.title)), h("thead", {}, head), h("tbody", {}, shown.map(line))), h("p", { class: "result value" }, safe(done.result ?? part.result).replaceAll("-", "−")));
  }

  #row(part, [[name, numbers], k], worked) {
    const here = part.how === "softmax" && k === part.at;
    const cells = numbers.map((each, column) => {
      const address = part.how === "products" ? operandOf(worked, column, k) : null;
      return h("td", { class: "value" }, address ? this.#link(address, shownNumber(each), `${part.title}:${k}:${column}`) : shownNumber(each));
    });
    return h("tr", { class: here ? "here" : null }, h("th", { scope: "row" }, safe(name)), cells);
  }

  /** What is left out in the middle of a long sum, counted and added up. */
  #gap(part, rows, index) {
    const hidden = rows.slice(ENDS, -ENDS);
    const product = part.columns.indexOf("product");
    const sum = product < 0 ? "" : `, together ${shownNumber(hidden.reduce((total, [, numbers]) => total + numbers[product], 0))}`;
    const open = tool(`${hidden.length} rows between${sum}: show`, `gap:${index}`, () => (this.#whole.add(index), this.#show(store.get("picture"), this.#worked)), { kind: "quiet" });
    return h("tr", { class: "gap" }, h("td", { colspan: part.columns.length + 1 }, open));
  }

  #operands(worked) {
    if (!worked.operands?.length) return null;
    return h("p", { class: "operands" }, "computed of ", worked.operands.map((each) => this.#link(each, each, `operand:${each}`)));
  }

  #feeds(picture, { address }) {
    const head = placeOf(picture, store.get("address"))?.head ?? 0;
    const feeds = feedsOf(picture, address, head);
    return feeds.length ? h("p", { class: "feeds" }, "feeds ", feeds.map((each) => this.#link(each, each, `feeds:${each}`))) : null;
  }

  #link(address, label, key) {
    return h("button", { type: "button", class: "link", "data-rove": true, "data-key": key, title: address, onclick: () => visit(address) }, label);
  }

  /** One value set, where the source can run the model. */
  #setting({ address, model }) {
    if (!store.get("source")?.can.values || this.bare) return null;
    const set = (event) => {
      event.preventDefault();
      const wanted = Number(event.target.elements.value.value.replace("−", "-").replace(",", "."));
      if (Number.isFinite(wanted)) toggle(`set:${address}=${wanted}`);
    };
    const field = h("input", { name: "value", class: "text small", inputmode: "decimal", "aria-label": `a value for ${address}`, placeholder: number(model ?? 0), "data-key": "set" });
    return h("form", { class: "typing setting", onsubmit: set }, h("span", {}, "what if it were"), field, h("button", { type: "submit", class: "tool" }, "Set"));
  }
}

function value(text) {
  return h("b", { class: "value" }, text);
}

function long(each) {
  return store.get("exact") ? number(each, true) : Number(each.toPrecision(7)).toString().replace("-", "−");
}

function shownNumber(each) {
  if (store.get("exact")) return number(each, true);
  if (typeof each !== "number" || !Number.isFinite(each)) return number(each);
  return (Math.abs(each) >= 1e5 ? each.toExponential(4) : each.toFixed(6)).replace("-", "−");
}

/** The address of a factor: operand `column`, at feature k. */
function operandOf({ operands }, column, k) {
  const operand = operands?.[column];
  return operand && column < 2 && operands.length === 2 && /\[\d+\]$/.test(operand) ? operand.replace("]", `,${k}]`) : null;
}

async function valuesAt(picture, address) {
  const where = parse(address);
  const source = store.get("source");
  const inHead = where.head !== null;
  const found = inHead ? (await source.head(picture, where.layer, where.head))[where.kind] : await source.array(picture, where.site);
  let { shape, data } = found;
  let start = 0;
  for (const index of where.index) {
    const size = shape.slice(1).reduce((product, each) => product * each, 1);
    start += index * size;
    shape = shape.slice(1);
  }
  return shape.length > 1 ? null : { data: data.slice(start, start + (shape[0] ?? 1)), alone: !shape.length };
}

customElements.define("gf-card", CardPanel);
