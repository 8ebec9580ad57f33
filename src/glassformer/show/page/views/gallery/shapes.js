// A drawing is a list of shapes without colours: boxes with a share, words and lines with a tone.  It becomes an SVG of the
// page, a canvas where it has too many shapes for one, or a figure that base/figure.js makes a file of.

import { css, diverging, ink, scheme, sequential } from "../../base/colour.js";
import { h, safe, short, sized } from "../../base/dom.js";
import { framedFigure } from "../../base/figure.js";
import { cellText, number } from "../../base/format.js";

const MOST_NODES = 900; // shapes of one SVG
const TONES = { ink: "var(--ink)", quiet: "var(--quiet)", line: "var(--line)", accent: "var(--accent)", above: "var(--above)", below: "var(--below)" };
const ON_WHITE = { ink: "#1b1d22", quiet: "#5c6370", line: "#c5c9d0", accent: "#1d4fa3", above: "#145ab4", below: "#ba5008" };

/** Shapes below and beside each other; how large it is follows from what was drawn. */
export class Drawing {
  shapes = [];
  width = 0;
  height = 0;

  words(text, x, y, { size = 13, anchor = "start", tone = "ink", weight = 400, turn = 0 } = {}) {
    const shown = safe(text);
    this.shapes.push({ text: shown, x, y, size, anchor, tone, weight, turn });
    const long = turn ? 0 : shown.length * size * 0.58;
    this.#reach(x + { start: long, middle: long / 2, end: 0 }[anchor], y + size);
    return this;
  }

  /** A line, with a point at its end where `pointed`. */
  line(x1, y1, x2, y2, { tone = "quiet", pointed = false } = {}) {
    this.shapes.push({ line: [x1, y1, x2, y2], tone });
    this.#reach(Math.max(x1, x2), Math.max(y1, y2));
    const turn = Math.atan2(y2 - y1, x2 - x1);
    for (const angle of pointed ? [0.45, -0.45] : []) this.line(x2, y2, x2 - 7 * Math.cos(turn + angle), y2 - 7 * Math.sin(turn + angle), { tone });
    return this;
  }

  /** An empty box. */
  frame(x, y, width, height, tone = "quiet") {
    const corners = [[x, y], [x + width, y], [x + width, y + height], [x, y + height], [x, y]];
    corners.slice(1).forEach(([a, b], k) => this.line(...corners[k], a, b, { tone }));
    return this;
  }

  /** A bar from `x` to the right, as long as the share of `length`; its end. */
  bar(value, largest, { x, y, length, tall = 14, tone = value < 0 ? "below" : "above" }) {
    const long = Math.max(0.5, (length * Math.abs(value)) / Math.max(1e-30, largest));
    this.shapes.push({ box: [x, y, long, tall], tone });
    this.#reach(x + long, y + tall);
    return x + long;
  }

  /** Rows of numbers as cells; {right, bottom}.  both: around zero; numbers: written into the cells; speak: a cell in words. */
  cells(rows, { x, y, wide = 44, tall = 24, largest = null, both = true, numbers = true, speak = null }) {
    const sizes = rows.flat().map((value) => (Number.isFinite(value) ? Math.abs(value) : 0));
    const most = largest ?? sizes.reduce((best, each) => Math.max(best, each), 1e-30);
    const [width, height] = [wide, tall].map((size) => (size > 8 ? size - 1 : size + 0.4)); // small ones leave no gap
    rows.forEach((row, i) =>
      row.forEach((value, j) => {
        const [left, top] = [x + j * wide, y + i * tall];
        const cell = { box: [left, top, width, height], share: Number.isFinite(value) ? value / most : 0, both, title: speak ? safe(speak(i, j, value)) : null };
        this.shapes.push(cell);
        if (numbers) this.shapes.push({ text: cellText(value), x: left + width / 2, y: top + height / 2, size: Math.min(13, wide / 3.4), anchor: "middle", over: cell, weight: 400, turn: 0 });
      }),
    );
    const end = { right: x + wide * (rows[0]?.length ?? 0), bottom: y + tall * rows.length };
    this.#reach(end.right, end.bottom);
    return end;
  }

  /** A matrix with its name above and its shape below; {left, right, middle, bottom}. */
  matrix(rows, { name = "", shape = "", x, y, wide = 14, tall = 14, both = true, largest = null }) {
    const top = y + 22;
    const speak = (i, j, value) => `${name || shape}[${i},${j}] = ${number(value)}`;
    const { right, bottom } = this.cells(rows, { x, y: top, wide, tall, both, largest, numbers: false, speak });
    const center = (x + right) / 2;
    this.frame(x - 1, top - 1, right - x + 1, bottom - top + 1, "line");
    this.words(name, center, y + 10, { anchor: "middle", weight: 650 });
    this.words(shape, center, bottom + 14, { anchor: "middle", size: 11, tone: "quiet" });
    return { left: x, right, middle: (top + bottom) / 2, bottom: bottom + 22 };
  }

  /** Labels at the left of rows. */
  labels(names, x, y, step, { size = 11, most = 14 } = {}) {
    names.forEach((name, k) => this.words(short(name, most), x, y + (k + 0.5) * step, { anchor: "end", size }));
    return this;
  }

  /** At least as large as up to here, so that the stages of a figure are of one size. */
  room(x, y) {
    this.#reach(x, y);
    return this;
  }

  #reach(x, y) {
    this.width = Math.max(this.width, Math.ceil(x + 8));
    this.height = Math.max(this.height, Math.ceil(y + 8));
  }
}

/** The drawing as an element of the page. */
export function drawingElement(drawing, label) {
  const theme = globalThis.matchMedia?.("(forced-colors: active)").matches ? "light" : scheme();
  const element = drawing.shapes.length > MOST_NODES ? canvasOf(drawing, theme) : svgOf(drawing, theme);
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", safe(label));
  return element;
}

function svgOf({ shapes, width, height }, theme) {
  return h("svg", { class: "gallery-drawing", viewBox: `0 0 ${width} ${height}`, width, height }, shapes.map((shape) => svgNode(shape, theme)));
}

function svgNode(shape, theme) {
  if (shape.box) {
    const [x, y, width, height] = shape.box;
    return h("rect", { x, y, width, height, style: { fill: fillOf(shape, theme) } }, shape.title && h("title", {}, shape.title));
  }
  if (shape.line) {
    const [x1, y1, x2, y2] = shape.line;
    return h("line", { x1, y1, x2, y2, style: { stroke: TONES[shape.tone] } });
  }
  const turn = shape.turn ? `rotate(${shape.turn} ${shape.x} ${shape.y})` : null;
  const style = { fill: shape.over ? inkOver(shape.over, theme) : TONES[shape.tone] };
  return h("text", { x: shape.x, y: shape.y, "font-size": shape.size, "font-weight": shape.weight, "text-anchor": shape.anchor, "dominant-baseline": "central", transform: turn, style }, shape.text);
}

function fillOf(shape, theme, tones = TONES) {
  return shape.tone ? tones[shape.tone] : css(shadeOf(shape, theme));
}

function shadeOf({ share, both }, theme) {
  return both ? diverging(share, theme) : sequential(share, theme);
}

function inkOver(box, theme) {
  return css(ink(shadeOf(box, theme)));
}

function canvasOf({ shapes, width, height }, theme) {
  const canvas = h("canvas", { class: "gallery-drawing" });
  const context = sized(canvas, width, height);
  const style = getComputedStyle(document.documentElement);
  const tones = Object.fromEntries(Object.keys(TONES).map((tone) => [tone, style.getPropertyValue(`--${tone}`).trim() || ON_WHITE[tone]]));
  for (const shape of shapes) penOn(context, shape, { theme, tones });
  return canvas;
}

function penOn(context, shape, { theme, tones }) {
  if (shape.box) {
    context.fillStyle = fillOf(shape, theme, tones);
    return context.fillRect(...shape.box);
  }
  context.fillStyle = context.strokeStyle = shape.over ? inkOver(shape.over, theme) : tones[shape.tone];
  if (shape.line) {
    context.beginPath();
    context.moveTo(shape.line[0], shape.line[1]);
    context.lineTo(shape.line[2], shape.line[3]);
    return context.stroke();
  }
  context.save();
  context.translate(shape.x, shape.y);
  context.rotate(((shape.turn ?? 0) * Math.PI) / 180);
  context.font = `${shape.weight} ${shape.size}px system-ui, sans-serif`;
  context.textAlign = shape.anchor === "middle" ? "center" : shape.anchor;
  context.textBaseline = "middle";
  context.fillText(shape.text, 0, 0);
  return context.restore();
}

const SHIFT = [24, 60]; // room for the title that framedFigure writes

/** The drawing as base/figure.js wants it, on white. */
export function figureOfDrawing({ shapes, width, height }, { title, caption, badge }) {
  const onWhite = shapes.map((shape) => {
    const title = shape.title ?? undefined;
    const [dx, dy] = SHIFT;
    if (shape.box) return { box: [shape.box[0] + dx, shape.box[1] + dy, shape.box[2], shape.box[3]], fill: fillOf(shape, "light", ON_WHITE), title };
    if (shape.line) return { line: shape.line.map((each, k) => each + SHIFT[k % 2]), stroke: ON_WHITE[shape.tone] };
    return { ...shape, x: shape.x + dx, y: shape.y + dy, fill: shape.over ? inkOver(shape.over, "light") : ON_WHITE[shape.tone] };
  });
  return framedFigure(onWhite, { title, caption, badge, width: width + 2 * SHIFT[0], height: height + SHIFT[1] });
}

/** Row after row of a matrix {shape: [n, m], data}, at most so many. */
export function rowsOfMatrix({ shape, data }, most = Infinity, across = Infinity) {
  const [n, m] = shape;
  return Array.from({ length: Math.min(n, most) }, (_, i) => Array.from(data.subarray(i * m, i * m + Math.min(m, across))));
}

/** What a layer reads: the stream of the layer before, or the vectors of the pieces; undefined where it is not held. */
export function streamBefore(picture, layer) {
  return picture.arrays[layer ? `layers.${layer - 1}.stream` : "embed.stream"];
}
