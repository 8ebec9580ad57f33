// A drawing is a list of shapes without colours: boxes with a share, words and lines with a tone.  It becomes an SVG of the
// page, a canvas where it has too many shapes for one, or a figure that base/figure.js makes a file of.

import { css, diverging, ink, scheme, sequential } from "../../base/colour.js";
import { h, safe, sized } from "../../base/dom.js";
import { framedFigure } from "../../base/figure.js";
import { cellText } from "../../base/format.js";

const MOST_NODES = 900; // shapes of one SVG
const TONES = { ink: "var(--ink)", quiet: "var(--quiet)", line: "var(--line)", accent: "var(--accent)", above: "var(--above)", below: "var(--below)" };
const ON_WHITE = { ink: "#1b1d22", quiet: "#5c6370", line: "#c5c9d0", accent: "#1d4fa3", above: "#145ab4", below: "#ba5008" };

/** Words at a place. */
export function drawnWords(text, x, y, { size = 13, anchor = "start", tone = "ink", weight = 400, turn = 0 } = {}) {
  return { text: safe(text), x, y, size, anchor, tone, weight, turn };
}

/** A line, with a point at its end where `pointed`. */
export function drawnLine(x1, y1, x2, y2, { tone = "quiet", pointed = false } = {}) {
  const line = { line: [x1, y1, x2, y2], tone };
  if (!pointed) return [line];
  const turn = Math.atan2(y2 - y1, x2 - x1);
  const wing = (angle) => ({ line: [x2, y2, x2 - 7 * Math.cos(turn + angle), y2 - 7 * Math.sin(turn + angle)], tone });
  return [line, wing(0.45), wing(-0.45)];
}

/** An empty box. */
export function drawnFrame(x, y, width, height, tone = "quiet") {
  const corners = [[x, y], [x + width, y], [x + width, y + height], [x, y + height], [x, y]];
  return corners.slice(1).flatMap(([a, b], k) => drawnLine(corners[k][0], corners[k][1], a, b, { tone }));
}

/** Rows of numbers as cells: {shapes, width, height}.  both: around zero; numbers: written into the cells. */
export function drawnCells(rows, { x, y, wide = 44, tall = 24, largest = null, both = true, numbers = true, speak = null }) {
  const most = largest ?? Math.max(1e-30, ...rows.flat().map((value) => (Number.isFinite(value) ? Math.abs(value) : 0)));
  const shapes = rows.flatMap((row, i) =>
    row.flatMap((value, j) => {
      const share = Number.isFinite(value) ? value / most : 0;
      const box = { box: [x + j * wide, y + i * tall, wide > 8 ? wide - 1 : wide + 0.4, tall > 8 ? tall - 1 : tall + 0.4], share, both, title: speak ? speak(i, j, value) : null };
      if (!numbers) return [box];
      return [box, { text: cellText(value), x: x + (j + 0.5) * wide - 0.5, y: y + (i + 0.5) * tall, size: Math.min(13, wide / 3.4), anchor: "middle", over: box, weight: 400, turn: 0 }];
    }),
  );
  return { shapes, width: wide * (rows[0]?.length ?? 0), height: tall * rows.length };
}

/** A bar from `x` to the right, as long as the share of `length`. */
export function drawnBar(value, largest, { x, y, length, tall = 14 }) {
  return { box: [x, y, Math.max(0.5, (length * Math.abs(value)) / Math.max(1e-30, largest)), tall], tone: value < 0 ? "below" : "above" };
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
