import { fill, h, safe } from "../base/dom.js";
import { pending } from "../base/facts.js";
import { badge, percent, signed } from "../base/format.js";
import { barsFigure, saveFigure } from "../base/figure.js";
import { Framed, tool } from "../base/frame.js";
import { store } from "../base/store.js";

/** How much of the answer survives in five simpler models. */
export class StripPanel extends Framed {
  static title = "What survives without it";
  static what = "The same question put to simpler models. An answer that survives there needs no attention to explain it.";
  static reads = ["picture", "exact"];

  draw() {
    const picture = store.get("picture");
    if (!picture) return;
    const rows = baselineRows(picture);
    fill(this.body, h("table", { class: "bars" }, h("caption", { class: "spoken" }, "baselines"), h("tbody", {}, rows.map((row) => this.#row(row, picture)))), rows.length > 1 ? null : h("p", { class: "note" }, pending(picture) ? "Baselines are being measured." : "The baselines were not measured for this picture."));
    this.setBadge(badge(picture, "each as named", howMany(rows.map((row) => row.n ?? 1))));
    this.keepingFocus(() => fill(this.foot, `${picture.metric.name} of ${safe(picture.metric.of)}${picture.metric.sides ? "; zero is the border between the answers" : ""}. `, ["svg", "png"].map((kind) => tool(kind.toUpperCase(), kind, () => saveFigure(this.figure(), "baselines", kind), { kind: "quiet" }))));
  }

  #row(row, picture) {
    const largest = Math.max(1e-9, ...baselineRows(picture).map((each) => Math.abs(each.value)));
    const bar = h("span", { class: `zero ${row.value < 0 ? "below" : "above"}`, style: { "--share": Math.abs(row.value) / largest } });
    const mark = row.own ? "" : row.survives ? "survives" : "lost";
    return h("tr", { class: row.own ? "own" : null, title: safe(row.what ?? "") }, h("th", { scope: "row" }, safe(row.name), row.n > 1 && h("small", {}, ` n = ${row.n}`)), h("td", { class: "drawn", "aria-hidden": "true" }, bar), h("td", { class: "value number" }, signed(row.value, store.get("exact"))), h("td", { class: "value answered" }, picture.metric.sides || picture.answer.next ? safe(row.says) : "", row.share === null || row.share === undefined ? "" : h("small", {}, ` ${percent(row.share)}`)), h("td", {}, mark && h("span", { class: `mark ${mark}` }, mark)));
  }

  figure() {
    const picture = store.get("picture");
    const rows = baselineRows(picture).map((row) => [row.name, row.value, `${signed(row.value)}  ${row.says}${row.own ? "" : row.survives ? ", survives" : ", lost"}`]);
    return barsFigure(rows, { title: "What survives without it", caption: `“${safe(picture.text)}”: ${picture.metric.name} of ${picture.metric.of} in ${picture.model.name} and in simpler models.`, badge: this.badge.textContent });
  }
}

function baselineRows(picture) {
  const own = { name: picture.model.name, value: picture.before, says: picture.answer.says, share: picture.answer.share, own: true, n: 1 };
  return [own, ...(picture.baselines ?? [])];
}

/** 1, or "1 to 20". */
function howMany(counts) {
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  return least === most ? least : `${least} to ${most}`;
}

customElements.define("gf-strip", StripPanel);
