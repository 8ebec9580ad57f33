// Small figures of numbers: tables with shaded cells, bars, formulas, heat maps on a canvas.

import { css, diverging, sequential } from "../../base/colour.js";
import { h, safe, short, sized } from "../../base/dom.js";
import { number, percent, signed } from "../../base/format.js";
import { store } from "../../base/store.js";

/** A table of real numbers: rows [[name, [numbers], whether it is looked at]…]; hidden: columns to guess. */
export function numbersTable({ caption, columns, rows, hidden = [], foot = null, shade = null, changes = false, exact = store.get("exact") }) {
  const largest = columns.map((column, c) => Math.max(1e-30, ...rows.map(([, values]) => sizeOf(values[c]))));
  const shared = Math.max(...largest);
  const one = ([name, values, marked = false], summed = false) =>
    h(
      "tr",
      { class: marked ? "is-marked" : null },
      h("th", { scope: "row" }, short(name, 16)),
      values.map((value, c) => numberCell(value, hidden.includes(c), sizeOf(value) / (shade === "each" ? largest[c] : shared), { shade: summed ? null : shade, exact, changes })),
    );
  return h(
    "div",
    { class: "shown-holder", tabindex: "0", role: "group", "aria-label": caption },
    h(
      "table",
      { class: columns.length > 6 ? "shown-numbers is-wide" : "shown-numbers" },
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, h("td", {}), columns.map((column) => h("th", { scope: "col" }, column)))),
      h("tbody", {}, rows.map((row) => one(row))),
      foot && h("tfoot", {}, one(foot, true)),
    ),
  );
}

function sizeOf(value) {
  return Number.isFinite(value) ? Math.abs(value) : 0;
}

function numberCell(value, hidden, share, { shade, exact, changes }) {
  if (hidden) return h("td", { class: "to-guess" }, h("span", { "aria-label": "to guess" }, "?"));
  const text = typeof value === "string" ? value : (changes ? signed : number)(value, exact);
  if (!shade || typeof value !== "number") return h("td", {}, text);
  return h("td", { class: value < 0 ? "shaded is-below" : "shaded is-above", style: { "--share": share.toFixed(3) } }, text);
}

/** A share in percent, neither nothing nor everything called so where it only comes near. */
export function sharePercent(share) {
  if (share > 0 && share < 1e-4) return "< 0.01 %";
  if (share > 0.9995 && share < 1) return "> 99.95 %";
  return share > 0.995 && share < 1 ? `${(100 * share).toFixed(1)} %` : percent(share);
}

/** One bar a row: [{name, value, note, marked}], all on the scale of `most`; values that are to be guessed are hidden. */
export function barsOf({ caption, rows, most = null, hidden = false, text = number }) {
  const largest = most ?? Math.max(1e-30, ...rows.map(({ value }) => sizeOf(value)));
  return h(
    "table",
    { class: "shown-bars" },
    h("caption", {}, caption),
    h(
      "tbody",
      {},
      rows.map(({ name, value, note = "", marked = false }) =>
        h(
          "tr",
          { class: marked ? "is-marked" : null },
          h("th", { scope: "row" }, short(name, 18)),
          h("td", { class: "bar-number" }, hidden ? "?" : store.get("exact") ? number(value, true) : text(value)),
          h("td", { class: "bar-line" }, h("span", { class: value < 0 ? "shown-bar is-below" : "shown-bar is-above", style: { "--share": hidden ? 0 : (sizeOf(value) / largest).toFixed(4) } })),
          h("td", { class: "bar-note" }, note),
        ),
      ),
    ),
  );
}

/** What kind of figure it is. */
export function badgeLine(text) {
  return h("p", { class: text.startsWith("causal") ? "badge causal" : "badge" }, safe(text));
}

/** "descriptive", and whether some values of the picture were rounded to fit a file. */
export function descriptiveOf(picture) {
  return picture.left && picture.left.rounded.length ? "descriptive, of values rounded to fit this file (≈)" : "descriptive";
}

/** A formula out of plain strings: "_x" at the start of a part is a subscript, "^x" a superscript, "*x" a variable. */
export function formula(...parts) {
  const tags = { _: "sub", "^": "sup", "*": "var" };
  return h(
    "p",
    { class: "step-formula" },
    parts.map((part) => (typeof part === "string" && part.length > 1 && tags[part[0]] ? h(tags[part[0]], {}, part.slice(1)) : part)),
  );
}

/** A matrix as colours on a canvas: {shape, data}; signed values diverge around zero. */
export function heatCanvas({ matrix, label, width = 640, height = null, signed = true, most = null, mark = null }) {
  const canvas = h("canvas", { class: "step-heat", role: "img", "aria-label": safe(label) });
  const [rows, columns] = matrix.shape.length > 1 ? matrix.shape : [1, matrix.shape[0]];
  const tall = height ?? Math.max(12, Math.min(22, 320 / rows)) * rows;
  paintHeat(sized(canvas, width, tall), { matrix, rows, columns, width, height: tall, signed, most, mark });
  return canvas;
}

function paintHeat(context, { matrix, rows, columns, width, height, signed, most, mark }) {
  const largest = most ?? matrix.data.reduce((best, each) => Math.max(best, sizeOf(each)), 1e-30);
  const image = new OffscreenCanvas(columns, rows);
  const small = image.getContext("2d");
  const pixels = small.createImageData(columns, rows);
  for (let at = 0; at < rows * columns; at += 1) {
    const colour = signed ? diverging(matrix.data[at] / largest) : sequential(matrix.data[at] / largest);
    pixels.data.set([...colour, 255], 4 * at);
  }
  small.putImageData(pixels, 0, 0);
  context.imageSmoothingEnabled = columns > width;
  context.drawImage(image, 0, 0, width, height);
  if (mark !== null) frameRow(context, mark, rows, width, height);
}

function frameRow(context, row, rows, width, height) {
  context.strokeStyle = css(diverging(1));
  context.lineWidth = 2;
  context.strokeRect(1, (row * height) / rows + 1, width - 2, height / rows - 2);
}
