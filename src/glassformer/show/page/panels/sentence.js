import { ask, compare, toggle } from "../base/ask.js";
import { fill, h, safe, short } from "../base/dom.js";
import { pending, placeOf, wordAdds } from "../base/facts.js";
import { badge, signed } from "../base/format.js";
import { barsFigure, saveFigure } from "../base/figure.js";
import { Framed, tool } from "../base/frame.js";
import { store } from "../base/store.js";
import { placeOfSwitch, switchInWords } from "../base/switches.js";

const EXAMPLES = ["this restaurant was not terrible", "the food was good but the service was not", "I would not say it was bad", "never a dull moment"];
const WAYS = [
  ["mask", "masked"],
  ["delete", "deleted"],
  ["unseen", "seen by nobody"],
];
const MOST_WORDS = 160; // shown at once; the rest on request
const ARCS = 5;
const ARCHED = 84; // pixels above the words

/** The text, its words as controls with what each adds, and who told whom as arcs. */
export class SentencePanel extends Framed {
  static title = "Sentence";
  static what = "Each word, and what it adds to the answer. Choose a word to switch it off.";
  static reads = ["picture", "other", "source", "switches", "address", "exact"];
  #chosen = null;
  #every = false;

  connectedCallback() {
    super.connectedCallback();
    document.addEventListener("gf-compare", this.#askForOther);
    this.resized = new ResizeObserver(() => this.#drawArcs());
    this.resized.observe(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    document.removeEventListener("gf-compare", this.#askForOther);
    this.resized?.disconnect();
  }

  draw(changed) {
    if (!this.form) this.#build();
    if (changed.has("picture")) this.#chosen = this.bare ? null : (store.get("picture")?.told?.at ?? null);
    if (changed.has("picture") || changed.has("source")) this.#drawForm();
    if (!store.get("picture")) return;
    const only = [...changed].every((name) => name === "address");
    if (only) return this.#markPlace();
    this.keepingFocus(() => this.#drawWords());
    this.#drawArcs();
  }

  #build() {
    this.form = h("form", { class: "asking", onsubmit: (event) => this.#ask(event) });
    this.arcs = h("svg", { class: "arcs", "aria-hidden": "true" });
    this.words = h("div", { class: "words", role: "group", "aria-label": "words of the sentence" });
    this.choices = h("div", { class: "choices" });
    this.beside = h("div", { class: "beside" });
    this.body.append(this.form, h("div", { class: "line" }, this.arcs, this.words), this.choices, this.beside);
  }

  #drawForm() {
    this.form.hidden = this.bare;
    const source = store.get("source");
    const [picture, can] = [store.get("picture"), source?.can ?? {}];
    if (this.bare || (this.form.contains(document.activeElement) && this.field?.value !== "")) return;
    this.field = this.#typed("text", picture?.text ?? "", "sentence", can.type);
    this.pair = picture?.second === null || picture?.second === undefined ? null : this.#typed("second", picture.second, "second text", can.type);
    const send = h("button", { class: "primary", type: "submit", disabled: !can.type }, "Ask");
    const texts = can.type ? EXAMPLES.map((text) => ({ text })) : (source?.texts?.() ?? []);
    const examples = texts.filter((each) => each.text !== picture?.text).slice(0, 4);
    const chips = examples.map((each) => tool(short(each.text, 42), `example:${each.text}`, () => ask({ second: null, ...each }), { kind: "chip", title: safe(each.text) }));
    const why = can.type ? null : h("p", { class: "why" }, "This file holds only the sentences below. To type your own: ", h("code", {}, "glassformer open"));
    fill(this.form, h("div", { class: "typing" }, this.field, this.pair, send, this.#models(source)), why, chips.length ? h("div", { class: "examples" }, chips) : null);
  }

  #typed(name, value, label, can) {
    return h("input", { class: "text", type: "text", name, value, "aria-label": label, autocomplete: "off", spellcheck: "false", disabled: !can, maxlength: 4000 });
  }

  /** A choice of models, where there is one. */
  #models(source) {
    const place = h("span", { class: "models" });
    if (!source) return place;
    Promise.resolve(source.models?.() ?? [])
      .then((models) => this.#drawModels(place, models, source))
      .catch(() => {});
    return place;
  }

  #drawModels(place, models, source) {
    const given = store.get("picture")?.model.given;
    const options = models.map((each) => h("option", { value: each.id, selected: each.id === given }, safe(each.name)));
    const list = models.length > 1 && h("select", { "aria-label": "model", onchange: (event) => ask({ model: event.target.value }) }, options);
    const load = source.can.load && h("input", { class: "load", type: "text", "aria-label": "load a model: its name, or a folder", placeholder: "load a model…", onkeydown: (event) => this.#load(event), onchange: (event) => this.#loaded(event.target) });
    fill(place, list, load);
  }

  /** Enter loads, and does not ask the text anew: the form's own answer would take the place of what is said of the model. */
  #load(event) {
    if (event.key !== "Enter") return;
    event.preventDefault();
    this.#loaded(event.target);
  }

  #loaded(field) {
    const model = field.value.trim();
    field.value = "";
    if (model) ask({ model });
  }

  #ask(event) {
    event.preventDefault();
    const text = this.field.value.trim();
    if (text) ask({ text, second: this.pair?.value.trim() || null });
  }

  #drawWords() {
    const picture = store.get("picture");
    const most = this.#every ? picture.words.length : MOST_WORDS;
    const adds = picture.words.map((_, word) => wordAdds(picture, word));
    const largest = Math.max(1e-9, ...adds.map((each) => Math.abs(each ?? 0)));
    const words = picture.words.slice(0, most).map((_, word) => this.#word(picture, word, adds[word] / largest));
    const more = picture.words.length > most && tool(`${picture.words.length - most} more words`, "more", () => ((this.#every = true), this.draw(new Set(["switches"]))));
    fill(this.words, picture.source_text ? h("span", { class: "aside" }, "written:") : null, words, more);
    this.words.classList.toggle("many", picture.words.length > 24);
    this.setBadge(this.hasAttribute("quiet") ? "" : pending(picture) ? badge(picture) : badge(picture, picture.metric.blank, 1));
    fill(this.foot, this.hasAttribute("quiet") ? [] : [this.#notes(picture, adds), tool("SVG", "svg", () => this.#save("svg"), { kind: "quiet" }), tool("PNG", "png", () => this.#save("png"), { kind: "quiet" })]);
    this.#drawChoices(picture);
    this.#drawBeside();
    this.#markPlace();
  }

  #word(picture, word, share) {
    const adds = wordAdds(picture, word);
    const off = store.get("switches").find((each) => placeOfSwitch(each) === `word:${word}`);
    const kind = [picture.specials.includes(word) && "special", off && "off"].filter(Boolean).join(" ");
    const properties = { type: "button", class: `word ${kind}`, "data-key": `word:${word}`, "data-rove": true, "data-word": word, "aria-expanded": String(this.#chosen === word) };
    const button = h("button", { ...properties, onclick: () => this.#choose(word) }, this.#named(picture, word), this.hasAttribute("quiet") ? null : this.#added(picture, adds, share), off && h("span", { class: "spoken" }, `, ${switchInWords(off, picture)}`));
    const begins = picture.second_from > 0 && word === picture.second_from;
    return begins ? [h("span", { class: "break" }), button] : button;
  }

  #named(picture, word) {
    const pieces = picture.word_pieces[word].map((position) => picture.pieces[position]);
    const below = pieces.length > 1 && h("span", { class: "pieces", "aria-hidden": "true" }, pieces.map((piece) => h("span", {}, short(piece, 12))));
    return [h("span", { class: "name" }, short(picture.words[word], 24)), below];
  }

  #added(picture, adds, share) {
    const bar = h("span", { class: `bar ${adds < 0 ? "below" : "above"}` }, h("span", { style: { "--share": Math.min(1, Math.abs(share || 0)) } }));
    if (adds === null) return [bar, h("span", { class: "value" })];
    return [bar, h("span", { class: "value" }, h("span", { class: "spoken" }, ", adds "), signed(adds, store.get("exact")))];
  }

  #choose(word) {
    this.#chosen = this.#chosen === word ? null : word;
    this.draw(new Set(["switches"]));
  }

  /** Three ways to switch the chosen word off, each with what it was measured to change. */
  #drawChoices(picture) {
    const word = this.#chosen;
    this.choices.hidden = word === null;
    if (word === null) return;
    const switches = store.get("switches");
    const ways = WAYS.map(([way, name]) => {
      const change = picture.effects?.words?.[way]?.[word];
      const label = [name, change === null || change === undefined ? null : h("span", { class: "value" }, ` ${signed(change)}`)];
      return tool(label, `way:${way}`, () => toggle(`word:${word}:${way}`), { pressed: switches.includes(`word:${word}:${way}`) });
    });
    const names = { mask: `${picture.metric.blank} stands in its place`, delete: "taken out of the text", unseen: "no other word may look at it (−∞ before softmax)" };
    const note = h("span", { class: "note" }, Object.values(names).join(" · "));
    fill(this.choices, h("span", { class: "label" }, h("b", {}, safe(picture.words[word])), " switched off:"), ways, note);
  }

  /** A second sentence, aligned below: the same words under each other. */
  #drawBeside() {
    const [picture, other] = [store.get("picture"), store.get("other")];
    if (!other && !this.comparing) return fill(this.beside);
    const source = store.get("source");
    const field = h("input", { type: "text", class: "text", name: "other", "aria-label": "another sentence", placeholder: "another sentence to compare", value: other?.text ?? "", list: "others", "data-key": "other" });
    const by = this.#otherModels(source);
    const known = h("datalist", { id: "others" }, (source?.texts?.() ?? []).map((each) => h("option", { value: each.text })));
    const form = h("form", { class: "typing", onsubmit: (event) => (event.preventDefault(), field.value.trim() && compare(field.value.trim())) }, field, known, h("button", { type: "submit", class: "tool" }, "Compare"), by, tool("Close", "uncompare", () => ((this.comparing = false), compare(null), this.#drawBeside())));
    const rows = other ? aligned(picture, other).map(([one, two]) => this.#pair(picture, other, one, two)) : [];
    const answer = other && h("p", { class: "answer" }, h("b", {}, safe(other.answer.says)), ` ${picture.metric.name} `, h("span", { class: "value" }, signed(other.before)), " beside ", h("b", {}, safe(picture.answer.says)), " ", h("span", { class: "value" }, signed(picture.before)));
    fill(this.beside, form, answer, h("div", { class: "pairs" }, rows));
  }

  /** The same sentence by another model. */
  #otherModels(source) {
    const place = h("span", { class: "models" });
    const list = (models) => h("select", { "aria-label": "the same sentence by another model", onchange: (event) => event.target.value && compare(store.get("picture").text, event.target.value) }, h("option", { value: "" }, "or by another model"), models.map((each) => h("option", { value: each.id }, safe(each.name))));
    Promise.resolve(source?.models?.() ?? [])
      .then((models) => models.length > 1 && fill(place, list(models)))
      .catch(() => {});
    return place;
  }

  #pair(picture, other, one, two) {
    const side = (from, word) => h("span", { class: "side" }, word === null ? "–" : [short(from.words[word], 18), " ", h("span", { class: "value" }, signed(wordAdds(from, word)))]);
    const same = one !== null && two !== null && picture.words[one].toLowerCase() === other.words[two].toLowerCase();
    return h("span", { class: same ? "pair" : "pair differs" }, side(picture, one), side(other, two));
  }

  #askForOther = () => {
    this.comparing = true;
    this.#drawBeside();
    this.beside.querySelector("input")?.focus();
  };

  /** Mark the two words of the cell that is looked at. */
  #markPlace() {
    const picture = store.get("picture");
    const place = placeOf(picture, store.get("address"));
    const [looks, at] = place ? [picture.word_of[place.row], picture.word_of[place.column]] : [null, null];
    for (const each of this.words.querySelectorAll(".looks, .at")) each.classList.remove("looks", "at");
    this.words.querySelector(`[data-word="${looks}"]`)?.classList.add("looks");
    this.words.querySelector(`[data-word="${at}"]`)?.classList.add("at");
  }

  /** Who told whom: an arc from each word that looks to the word it looks at, as wide as what its cut changes. */
  #drawArcs() {
    const picture = store.get("picture");
    const edges = this.hasAttribute("quiet") ? [] : (picture?.effects?.edges ?? []).filter(([, , change]) => Math.abs(change) >= picture.metric.least).slice(0, ARCS);
    const boxes = new Map([...this.words.querySelectorAll(".word")].map((each) => [Number(each.dataset.word), each.getBoundingClientRect()]));
    const frame = this.words.getBoundingClientRect();
    const oneLine = new Set([...boxes.values()].map((box) => Math.round(box.top))).size <= 1;
    this.arcs.toggleAttribute("hidden", !oneLine || !edges.length);
    this.words.parentElement.classList.toggle("arched", oneLine && edges.length > 0);
    if (!oneLine || !edges.length || !frame.width) return;
    const most = Math.abs(edges[0][2]);
    const height = ARCHED;
    this.arcs.setAttribute("viewBox", `0 0 ${frame.width} ${height}`);
    fill(this.arcs, edges.toReversed().filter(([looks, at]) => boxes.has(looks) && boxes.has(at)).map((edge) => this.#arc(edge, { boxes, frame, height, most, picture })));
  }

  #arc([looks, at, change], { boxes, frame, height, most, picture }) {
    const middle = (word) => boxes.get(word).left + boxes.get(word).width / 2 - frame.left;
    const [from, to] = [middle(looks), middle(at)];
    const lift = Math.min(height - 24, 18 + Math.abs(from - to) * 0.22);
    const share = Math.abs(change) / most;
    const words = `${safe(picture.words[looks])} told by ${safe(picture.words[at])}: ${signed(change)} when cut`;
    const tip = `${to - 4},${height - 9} ${to + 4},${height - 9} ${to},${height - 1}`;
    return h("g", { class: change < 0 ? "below" : "above", style: { opacity: 0.35 + 0.65 * share } }, h("title", {}, words), share === 1 && h("text", { x: (from + to) / 2, y: height - lift - 5, "text-anchor": "middle", class: "value" }, signed(change)), h("path", { d: `M ${from} ${height - 2} C ${from} ${height - lift * 1.3}, ${to} ${height - lift * 1.3}, ${to} ${height - 8}`, "stroke-width": 1 + 4 * share }), h("polygon", { points: tip }));
  }

  #notes(picture, adds) {
    const measured = adds.filter((each) => each !== null).length;
    const spoken = picture.words.length - picture.specials.length;
    if (pending(picture)) return h("span", {}, "Effects are being measured.");
    const parts = ["Number and bar: with the word − without it."];
    if (this.#arched(picture)) parts.push("Arcs: what changes when one word may not look at another (−∞ before softmax).");
    if (picture.source_text) parts.push("What is written later changes nothing.");
    else if (measured < spoken) parts.push(`${measured} of ${spoken} words were measured, those estimated to add most.`);
    if (picture.left_out) parts.push(`${picture.left_out} pieces at the end were not read.`);
    return h("span", {}, parts.join(" "));
  }

  #arched(picture) {
    return picture.words.length <= 16 && picture.effects?.edges?.some(([, , change]) => Math.abs(change) >= picture.metric.least);
  }

  figure() {
    const picture = store.get("picture");
    const rows = picture.words.map((word, k) => [word, wordAdds(picture, k)]).filter(([, value]) => value !== null);
    const caption = `What each word of “${safe(picture.text)}” adds to the ${picture.metric.name} of ${picture.metric.of}: with it − with ${picture.metric.blank} in its place. Model: ${picture.model.name}.`;
    return barsFigure(rows, { title: `${picture.answer.says} (${picture.metric.name} ${signed(picture.before)})`, caption, badge: badge(picture, picture.metric.blank) });
  }

  #save(kind) {
    saveFigure(this.figure(), "words", kind);
  }
}

/** Words of two sentences under each other: the longest common run of equal words, the rest side by side. */
function aligned(picture, other) {
  const spoken = (from) => from.words.map((_, k) => k).filter((k) => !from.specials.includes(k));
  const [ones, twos] = [spoken(picture).slice(0, 200), spoken(other).slice(0, 200)];
  const same = (i, j) => picture.words[ones[i]].toLowerCase() === other.words[twos[j]].toLowerCase();
  const best = Array.from({ length: ones.length + 1 }, () => new Int32Array(twos.length + 1));
  for (let i = ones.length - 1; i >= 0; i -= 1) for (let j = twos.length - 1; j >= 0; j -= 1) best[i][j] = same(i, j) ? best[i + 1][j + 1] + 1 : Math.max(best[i + 1][j], best[i][j + 1]);
  const pairs = [];
  let [i, j] = [0, 0];
  while (i < ones.length || j < twos.length) {
    const [more, other] = [i < ones.length, j < twos.length];
    if (more && other && (same(i, j) || (best[i + 1][j] === best[i][j] && best[i][j + 1] === best[i][j] && best[i + 1][j + 1] === best[i][j]))) pairs.push([ones[i++], twos[j++]]);
    else if (more && (!other || best[i + 1][j] >= best[i][j + 1])) pairs.push([ones[i++], null]);
    else pairs.push([null, twos[j++]]);
  }
  return pairs;
}

customElements.define("gf-sentence", SentencePanel);
