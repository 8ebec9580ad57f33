// A figure is a list of shapes with a caption and a badge; a pen draws it as SVG or on a canvas for PNG.  Always on white.

import { css, diverging, ink, sequential } from "./colour.js";
import { download, h, safe, short } from "./dom.js";
import { signed } from "./format.js";

const FAMILY = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";
const INK = "#1b1d22";
const QUIET = "#5c6370";
const MARGIN = 24;
const MOST_CELLS = 96; // rows or columns of a figure; of a larger matrix the part around the cursor

/** A figure of a matrix (as base/grid.js takes it), around `cursor`. */
export function matrixFigure(matrix, { title, caption, badge, cursor = [0, 0] }) {
  const rows = part(matrix.rows, cursor[0]);
  const columns = part(matrix.columns, cursor[1]);
  const side = columns.length > 40 ? 16 : columns.length > 16 ? 30 : 44;
  const [left, top] = [MARGIN + 96, MARGIN + 118];
  const shapes = [];
  rows.forEach((i, y) => shapes.push({ text: short(matrix.rowLabel(i), 13), x: left - 8, y: top + (y + 0.5) * side, anchor: "end", size: 12 }));
  columns.forEach((j, x) => shapes.push({ text: short(matrix.columnLabel(j), 12), x: left + (x + 0.5) * side, y: top - 8, anchor: "start", size: 12, turn: -90 }));
  rows.forEach((i, y) => columns.forEach((j, x) => shapes.push(...cellShapes(matrix, [i, j], { x: left + x * side, y: top + y * side, side }))));
  const leftOut = matrix.rows * matrix.columns - rows.length * columns.length;
  const told = leftOut ? `${caption} Shown: ${rows.length} × ${columns.length} of ${matrix.rows} × ${matrix.columns}.` : caption;
  return framedFigure(shapes, { title, caption: told, badge, width: left + columns.length * side + MARGIN, height: top + rows.length * side });
}

function cellShapes(matrix, [i, j], { x, y, side }) {
  const mark = matrix.mark?.(i, j) ?? "";
  if (mark === "forbidden" || mark === "none") return [{ text: mark === "none" ? "·" : "×", x: x + side / 2, y: y + side / 2, anchor: "middle", size: 11, fill: QUIET }];
  const colour = matrix.both ? diverging(matrix.share(i, j), "light") : sequential(matrix.share(i, j), "light");
  const box = { box: [x, y, side - 1, side - 1], fill: css(colour), title: matrix.speak(i, j) };
  if (side < 30) return [box];
  const words = `${mark === "est" ? "~" : ""}${matrix.text(i, j)}`;
  return [box, { text: words, x: x + side / 2 - 0.5, y: y + side / 2, anchor: "middle", size: side < 40 ? 10.5 : 13, fill: css(ink(colour)) }];
}

/** A figure of bars around zero: rows are [name, value, note]. */
export function barsFigure(rows, { title, caption, badge, largest = null }) {
  const most = largest ?? Math.max(1e-12, ...rows.map(([, value]) => Math.abs(value ?? 0)));
  const [left, middle, half, top, line] = [MARGIN + 170, MARGIN + 170 + 190, 180, MARGIN + 60, 22];
  const shapes = [{ line: [middle, top - 6, middle, top + rows.length * line + 2], stroke: QUIET }];
  rows.forEach(([name, value, note], k) => {
    const y = top + k * line;
    const width = (half * Math.abs(value ?? 0)) / most;
    shapes.push({ text: short(name, 28), x: left - 10, y: y + line / 2, anchor: "end", size: 13 });
    if (value) shapes.push({ box: [value < 0 ? middle - width : middle, y + 4, width, line - 8], fill: css(diverging(value < 0 ? -0.75 : 0.75, "light")) });
    shapes.push({ text: note ?? signed(value), x: middle + half + 16, y: y + line / 2, anchor: "start", size: 13 });
  });
  return framedFigure(shapes, { title, caption, badge, width: middle + half + 130, height: top + rows.length * line });
}

/** Title above, caption and badge below. */
export function framedFigure(shapes, { title, caption, badge, width, height }) {
  const wide = Math.max(width, 420);
  const lines = wrapped(caption, Math.floor((wide - 2 * MARGIN) / 6.1));
  const foot = height + 26;
  const words = [
    { text: safe(title), x: MARGIN, y: MARGIN + 6, anchor: "start", size: 17, weight: 600 },
    ...lines.map((line, k) => ({ text: line, x: MARGIN, y: foot + 17 * k, anchor: "start", size: 12, fill: QUIET })),
    { text: safe(badge), x: MARGIN, y: foot + 17 * lines.length + 4, anchor: "start", size: 12, weight: 600, fill: INK },
  ];
  return { shapes: [...shapes, ...words], title: safe(title), caption: safe(caption), badge: safe(badge), width: wide, height: foot + 17 * lines.length + 24 };
}

function wrapped(text, most) {
  const lines = [""];
  for (const word of safe(text).split(" ")) {
    if (lines.at(-1).length + word.length > most && lines.at(-1)) lines.push("");
    lines[lines.length - 1] += (lines.at(-1) ? " " : "") + word;
  }
  return lines;
}

function part(count, at) {
  const first = Math.max(0, Math.min(count - MOST_CELLS, at - MOST_CELLS / 2));
  return Array.from({ length: Math.min(count, MOST_CELLS) }, (_, k) => first + k);
}

/** The figure as the text of an SVG file. */
export function toSvg(figure) {
  const body = figure.shapes.map(svgShape).join("\n");
  const about = `<title>${escaped(figure.title)}</title>\n<desc>${escaped(`${figure.caption} ${figure.badge}`)}</desc>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${figure.width}" height="${figure.height}" viewBox="0 0 ${figure.width} ${figure.height}" role="img" font-family="${escaped(FAMILY)}">\n${about}\n<rect width="100%" height="100%" fill="#fff"/>\n${body}\n</svg>\n`;
}

function svgShape(shape) {
  if (shape.box) {
    const [x, y, width, height] = shape.box.map(tidy);
    const title = shape.title ? `<title>${escaped(shape.title)}</title>` : "";
    return `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${shape.fill}">${title}</rect>`;
  }
  if (shape.line) {
    const [x1, y1, x2, y2] = shape.line.map(tidy);
    return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${shape.stroke}"/>`;
  }
  const turn = shape.turn ? ` transform="rotate(${shape.turn} ${tidy(shape.x)} ${tidy(shape.y)})"` : "";
  return `<text x="${tidy(shape.x)}" y="${tidy(shape.y)}" font-size="${shape.size}" font-weight="${shape.weight ?? 400}" fill="${shape.fill ?? INK}" text-anchor="${shape.anchor}" dominant-baseline="central"${turn}>${escaped(shape.text)}</text>`;
}

function tidy(value) {
  return Math.round(value * 100) / 100;
}

function escaped(text) {
  const names = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return String(text).replace(/[&<>"']/g, (c) => names[c]);
}

/** The figure on a canvas, `scale` pixels to each of its own. */
export function toCanvas(figure, scale = 2) {
  const canvas = h("canvas");
  [canvas.width, canvas.height] = [Math.ceil(figure.width * scale), Math.ceil(figure.height * scale)];
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, figure.width, figure.height);
  for (const shape of figure.shapes) penShape(context, shape);
  return canvas;
}

function penShape(context, shape) {
  context.fillStyle = shape.fill ?? INK;
  if (shape.box) return context.fillRect(...shape.box);
  if (shape.line) {
    const [x1, y1, x2, y2] = shape.line;
    context.strokeStyle = shape.stroke;
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    return context.stroke();
  }
  context.save();
  context.translate(shape.x, shape.y);
  context.rotate(((shape.turn ?? 0) * Math.PI) / 180);
  context.font = `${shape.weight ?? 400} ${shape.size}px ${FAMILY}`;
  context.textAlign = shape.anchor === "middle" ? "center" : shape.anchor;
  context.textBaseline = "middle";
  context.fillText(shape.text, 0, 0);
  return context.restore();
}

/** Hand over a figure as a file: kind svg or png. */
export async function saveFigure(figure, name, kind) {
  if (kind === "svg") return download(`${name}.svg`, toSvg(figure), "image/svg+xml");
  const blob = await new Promise((done) => toCanvas(figure).toBlob(done, "image/png"));
  return download(`${name}.png`, blob);
}

/** Rows of values as the text of a CSV file; text that a spreadsheet would take for a formula is disarmed. */
export function toCsv(rows) {
  const field = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number" || typeof value === "boolean") return String(value);
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${rows.map((row) => row.map(field).join(",")).join("\r\n")}\r\n`;
}
