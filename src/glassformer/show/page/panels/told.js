import { toggle } from "../base/ask.js";
import { cell } from "../base/address.js";
import { fill, h, safe, short } from "../base/dom.js";
import { strongest, turns } from "../base/facts.js";
import { answered, percent, signed } from "../base/format.js";
import { Framed, tool } from "../base/frame.js";
import { visit } from "../base/keys.js";
import { store } from "../base/store.js";
import { switchInWords } from "../base/switches.js";

/** The answer, and the one question it raises: who told terrible about not? */
export class ToldPanel extends Framed {
  static title = "The answer";
  static reads = ["picture", "result", "switches", "exact", "other"];

  draw() {
    const picture = store.get("picture");
    this.hidden = !picture;
    if (!picture) return;
    this.keepingFocus(() => fill(this.body, this.#answer(picture), picture.crossed ? this.#across(picture) : null, picture.told ? this.#question(picture) : this.#nobody(picture)));
    const { told } = picture;
    this.setBadge(told || picture.crossed ? `causal (−∞ before softmax, ${picture.metric.name}, n = 1${told?.like?.n ? `, then ${told.like.n}` : ""})` : "descriptive");
  }

  #answer(picture) {
    const result = store.get("result");
    const exact = store.get("exact");
    const { share, says } = picture.answer;
    const name = picture.metric.sides || picture.answer.next ? `p(${picture.metric.of})` : picture.metric.name;
    const scale = share === null || share === undefined ? null : h("div", { class: "share", "aria-hidden": "true" }, h("span", { style: { "--share": share } }));
    const numbers = h("p", { class: "numbers value" }, share === null || share === undefined ? null : [name, " ", h("b", {}, percent(share)), " · "], picture.metric.name, " ", h("b", {}, signed(picture.before, exact)));
    const { next } = picture.answer;
    const lead = `${safe(picture.model.name)} ${picture.source_text ? `writes “${short(picture.written, 60)}”: ` : ""}${next ? (picture.source_text ? "here" : "goes on with") : "says"} `;
    return h("div", { class: "verdict" }, h("p", { class: "says" }, h("span", { class: "lead" }, lead), h("strong", { class: "value" }, safe(says))), next ? this.#next(next) : scale, numbers, result && this.#after(picture, result));
  }

  /** The pieces that may come next, the likeliest first. */
  #next(candidates) {
    const rows = candidates.map(({ piece, probability }) => h("tr", {}, h("th", { scope: "row" }, safe(piece)), h("td", { class: "drawn", "aria-hidden": "true" }, h("span", { class: "fall above", style: { "--from": 0, "--wide": probability, "--zero": 0 } })), h("td", { class: "value number" }, percent(probability))));
    return h("table", { class: "bars next" }, h("caption", {}, "what may come next"), h("tbody", {}, rows));
  }

  #after(picture, result) {
    const names = store.get("switches").map((each) => switchInWords(each, picture)).join(" + ");
    const turned = turns(picture, result.before, result.after);
    const to = picture.metric.sides ? answered(picture.metric, result.after) : "";
    return h("p", { class: `after${turned ? " turned" : ""}` }, `with ${safe(names)}: `, h("b", { class: "value" }, to && `${safe(to)} `, signed(result.after, store.get("exact"))), turned ? " — the answer turns" : "");
  }

  #nobody(picture) {
    if (store.get("switches").length || !picture.effects || picture.crossed) return null;
    return h("p", { class: "reason" }, picture.model.layers ? "It read a single word: no word could tell another anything." : "This model has no attention: no word could tell another anything.");
  }

  /** Of a translator: which word that was read the piece came from, each look at one cut. */
  #across({ crossed, source_words: read, words, metric }) {
    const { edges, looks, control, before, adds } = crossed;
    const [piece, behind, at] = [safe(metric.of), safe(words[looks]), safe(read[edges[0][1]])];
    const moves = (change) => value(`${signed(before)} → ${signed(before + change)}`);
    const sure = crossed.doubt ? `No word read is clearly the one: ${doubts({ doubt: crossed.doubt }, metric)}. ` : "";
    const verdict = h("p", { class: "reason" }, sure, h("b", {}, `${piece} is written behind ${behind}. `), `When that place may not look at ${at}, the log-odds move: `, moves(edges[0][2]), control ? [`; when it may not look at ${safe(read[control.at])} instead, `, moves(control.change)] : null, ".");
    const largest = Math.max(1e-9, ...edges.map(([, , change]) => Math.abs(change)));
    const rows = [...edges].sort((one, other) => one[1] - other[1]).map(([, word, change]) => h("tr", {}, h("th", { scope: "row" }, short(read[word], 20)), h("td", { class: "drawn", "aria-hidden": "true" }, h("span", { class: `zero ${change < 0 ? "below" : "above"}`, style: { "--share": Math.abs(change) / largest } })), h("td", { class: "value number" }, signed(change)), h("td", { class: "value number" }, adds[word] === null ? "–" : signed(adds[word]))));
    const head = h("thead", {}, h("tr", {}, ["read", "", "look cut", "the word adds"].map((name) => h("th", { scope: "col" }, name))));
    return h("div", { class: "question" }, h("h3", {}, "Where did ", h("em", {}, piece), " come from?"), verdict, h("table", { class: "bars looked" }, head, h("tbody", {}, rows)));
  }

  #question(picture) {
    const { told } = picture;
    const [looks, at] = [told.looks, told.at].map((word) => h("em", {}, safe(picture.words[word])));
    return h("div", { class: "question" }, h("h3", {}, "Who told ", looks, " about ", at, "?"), this.#verdict(picture), this.#evidence(picture), this.bare ? null : this.#buttons(picture));
  }

  /** "Uses" only where the cut changes enough, far more than the control does, and in sentences alike too. */
  #verdict(picture) {
    const { told, metric } = picture;
    const [looks, at] = [told.looks, told.at].map((word) => safe(picture.words[word]));
    const moves = value(`${signed(told.before)} → ${signed(told.after)}`);
    if (!told.clear) return h("p", { class: "reason" }, `No word clearly told another. The cut that changes most is `, h("b", {}, `${looks} → ${at}`), " (", moves, `): ${doubts(told, metric)}.`);
    const first = [h("b", {}, `${looks} uses ${at}. `), `When ${looks} may not look at ${at}, `];
    if (!metric.sides) return h("p", { class: "reason" }, first, `the ${metric.name} of ${safe(metric.of)} moves: `, moves, ".");
    const [one, other] = [told.before, told.after].map((each) => safe(answered(metric, each)));
    const turned = told.flips ? ["turns from ", h("b", {}, one), " to ", h("b", {}, other)] : [`stays ${one} but moves`];
    const reading = told.reading ? [`what ${looks} adds goes from `, value(signed(told.reading[0])), " to ", value(signed(told.reading[1])), ", and "] : [];
    return h("p", { class: "reason" }, first, reading, "the answer ", turned, ": ", moves, ".");
  }

  #evidence(picture) {
    const { told } = picture;
    const [layer, head] = strongest(picture, told.by_head);
    const through = told.by_head?.[layer]?.[head];
    const looks = safe(picture.words[told.looks]);
    const rows = [];
    if (through !== null && through !== undefined) rows.push(["mostly through", `L${layer}.H${head}: ${signed(through)} when cut in this head only`]);
    if (told.control) rows.push(["control", `${looks} may not look at ${safe(picture.words[told.control.at])} instead: ${signed(told.before)} → ${signed(told.before + told.control.change)}`]);
    if (told.like?.n) rows.push([`n = ${told.like.n}`, `in sentences alike, ${told.like.agree} of ${told.like.n} agree${picture.metric.sides ? `; the cut turns ${told.like.flips ?? 0} answers, the control ${told.like.control_flips ?? 0}` : ""}`]);
    return h("dl", { class: "evidence" }, rows.map(([name, text]) => [h("dt", {}, name), h("dd", { class: "value" }, text)]));
  }

  #buttons(picture) {
    const { told } = picture;
    const cut = `cut:${told.looks}>${told.at}`;
    const [layer, head] = strongest(picture, told.by_head);
    const [row, column] = [told.looks, told.at].map((word) => picture.word_pieces[word][0]);
    const on = store.get("switches").includes(cut);
    const buttons = [
      tool(on ? "Take the cut back" : "Cut it and see", "cut", () => toggle(cut), { pressed: on, kind: "primary" }),
      tool("Show me in nine steps", "steps", () => store.set({ view: "steps", step: 0 })),
      tool(`See it in L${layer}.H${head}`, "see", () => visit(cell(layer, head, "weights", row, column))),
    ];
    return h("div", { class: "buttons" }, buttons);
  }
}

function value(text) {
  return h("span", { class: "value" }, text);
}

function doubts(told, metric) {
  const reasons = {
    small: `less than ${metric.least}`,
    "no control": "that word has no other edge to hold it against",
    "like the control": "not three times what a control cut changes",
    alike: `only ${told.like?.agree} of ${told.like?.n} sentences alike agree`,
  };
  return reasons[told.doubt] ?? "not measured well enough";
}

customElements.define("gf-told", ToldPanel);
