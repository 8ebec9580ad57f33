// How a cell is drawn: a colour from one of two scales and a number where it fits.  Under forced colours, and for eyes
// that see no difference between blue and orange, the size of a square says how much, and its outline that it is below zero.

import { css, diverging, ink, scheme, sequential } from "./colour.js";

const STEPS = 256;
const ramps = new Map();

/** A scale as a table: {colours: css strings, inks, bytes}, from −1 to 1 when `both`, else from 0 to 1. */
export function ramp(both, theme = scheme()) {
  const key = `${both} ${theme}`;
  if (!ramps.has(key)) ramps.set(key, madeRamp(both, theme));
  return ramps.get(key);
}

function madeRamp(both, theme) {
  const shares = Array.from({ length: STEPS + 1 }, (_, k) => (both ? (2 * k) / STEPS - 1 : k / STEPS));
  const colours = shares.map((share) => (both ? diverging(share, theme) : sequential(share, theme)));
  return { colours: colours.map(css), inks: colours.map((each) => css(ink(each))), bytes: colours.map((each) => each.map(Math.round)) };
}

/** Where a share stands in a ramp. */
export function stepOf(share, both) {
  const place = both ? (share + 1) / 2 : share;
  return Math.round(Math.min(1, Math.max(0, place || 0)) * STEPS);
}

/** What the page looks like here: its colours, its font, whether the reader has forced other colours. */
export function skinOf(element) {
  const style = getComputedStyle(element);
  const forced = Boolean(globalThis.matchMedia?.("(forced-colors: active)").matches);
  const value = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  return {
    forced,
    theme: scheme(),
    text: style.color,
    quiet: forced ? style.color : value("--quiet", style.color),
    line: forced ? style.color : value("--line", "#ccc"),
    paper: forced ? "Canvas" : value("--paper", "#fff"),
    family: style.fontFamily,
    size: Number.parseFloat(style.fontSize) || 14,
  };
}

/** Draw the cells of `view`: {left, top, width, height, first, last (row, column), x(column), y(row)}. */
export function paintCells(context, view, matrix, skin) {
  const colours = ramp(matrix.both, skin.theme);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = `${view.letters}px ${skin.family}`;
  for (let i = view.firstRow; i <= view.lastRow; i += 1) {
    for (let j = view.firstColumn; j <= view.lastColumn; j += 1) paintCell(context, { i, j, x: view.x(j), y: view.y(i) }, { view, matrix, skin, colours });
  }
}

function paintCell(context, { i, j, x, y }, { view, matrix, skin, colours }) {
  const mark = matrix.mark?.(i, j) ?? "";
  const [width, height] = [view.width - view.gap, view.height - view.gap];
  if (mark === "none" || mark === "forbidden") return paintEmpty(context, { x, y, width, height }, mark, skin);
  const share = matrix.share(i, j);
  const step = stepOf(share, matrix.both);
  const thumb = matrix.thumb?.(i, j);
  if (thumb) return paintThumb(context, { x, y, width, height }, { thumb, share, text: matrix.text(i, j), step }, { view, skin, colours });
  if (skin.forced) paintPattern(context, { x, y, width, height }, share, view.letters > 0, skin);
  else {
    context.fillStyle = colours.colours[step];
    context.fillRect(x, y, width, height);
  }
  if (mark === "est" && width > 12) hatch(context, { x, y, width, height }, skin.forced ? skin.text : colours.inks[step]);
  if (view.letters) {
    context.fillStyle = skin.forced ? skin.text : colours.inks[step];
    context.fillText(matrix.text(i, j), x + width / 2, y + height / 2 + 0.5);
  } else if (!skin.forced && matrix.both && share < -0.12 && width > 8) paintMinus(context, { x, y, width, height }, colours.inks[step]);
}

/** A small picture of the whole head, and its effect at the foot. */
function paintThumb(context, { x, y, width, height }, { thumb, text, step }, { view, skin, colours }) {
  const foot = Math.min(height * 0.32, 15);
  context.imageSmoothingEnabled = false;
  context.drawImage(thumb, x, y, width, height - foot - 1);
  context.fillStyle = skin.forced ? skin.paper : colours.colours[step];
  context.fillRect(x, y + height - foot, width, foot);
  if (!view.letters) return;
  context.font = `${Math.min(foot * 0.85, view.letters)}px ${skin.family}`;
  context.fillStyle = skin.forced ? skin.text : colours.inks[step];
  context.fillText(text, x + width / 2, y + height - foot / 2 + 0.5);
}

/** A small canvas of a matrix, pooled to at most `most` pixels a side. */
export function thumbOf(matrix, skin, most = 32) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.min(most, matrix.columns), Math.min(most, matrix.rows)];
  paintWhole(canvas.getContext("2d"), { left: 0, top: 0, width: canvas.width, height: canvas.height }, matrix, skin);
  return canvas;
}

function paintEmpty(context, { x, y, width, height }, mark, skin) {
  context.strokeStyle = skin.line;
  context.lineWidth = 1;
  context.beginPath();
  if (mark === "forbidden") {
    context.moveTo(x + width * 0.3, y + height * 0.3);
    context.lineTo(x + width * 0.7, y + height * 0.7);
    context.moveTo(x + width * 0.7, y + height * 0.3);
    context.lineTo(x + width * 0.3, y + height * 0.7);
  } else context.rect(x + width / 2 - 0.5, y + height / 2 - 0.5, 1, 1);
  context.stroke();
}

/** Without colours: a square as large as the share, an outline below zero; a bar at the foot where a number stands. */
function paintPattern(context, { x, y, width, height }, share, lettered, skin) {
  const size = Math.sqrt(Math.min(1, Math.abs(share || 0)));
  if (size < 0.03) return;
  context.fillStyle = context.strokeStyle = skin.text;
  context.lineWidth = 1;
  const box = lettered
    ? [x + 1.5, y + height - 4.5, Math.max(1, (width - 3) * size), 3]
    : [x + (width * (1 - size)) / 2, y + (height * (1 - size)) / 2, width * size, height * size];
  if (share < 0) context.strokeRect(...box);
  else context.fillRect(...box);
}

/** An estimate, not measured: hatched in a corner. */
function hatch(context, { x, y, width, height }, colour) {
  const side = Math.min(width, height) * 0.4;
  context.save();
  context.strokeStyle = colour;
  context.globalAlpha = 0.55;
  context.lineWidth = 1;
  context.beginPath();
  for (let k = 0.25; k <= 1; k += 0.25) {
    context.moveTo(x + width - side * k, y);
    context.lineTo(x + width, y + side * k);
  }
  context.stroke();
  context.restore();
}

function paintMinus(context, { x, y, width, height }, colour) {
  const long = Math.min(width, height) * 0.34;
  context.save();
  context.globalAlpha = 0.5;
  context.fillStyle = colour;
  context.fillRect(x + (width - long) / 2, y + height / 2 - 0.75, long, 1.5);
  context.restore();
}

/** All cells at once, fewer pixels than cells where need be: each pixel shows the largest of those that fall on it. */
export function paintWhole(context, box, matrix, skin) {
  const [width, height] = [Math.max(1, Math.round(box.width)), Math.max(1, Math.round(box.height))];
  const most = pooled(matrix, width, height);
  const image = new ImageData(width, height);
  const { bytes } = ramp(matrix.both, skin.theme);
  for (let k = 0; k < most.length; k += 1) {
    const [r, g, b] = skin.forced ? grey(most[k], skin) : bytes[stepOf(most[k], matrix.both)];
    image.data.set([r, g, b, 255], 4 * k);
  }
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(canvas, box.left, box.top, box.width, box.height);
}

/** The largest share by size in each of width × height boxes. */
export function pooled(matrix, width, height) {
  const most = new Float32Array(width * height);
  const spread = (size, cells, k) => [Math.floor((k * size) / cells), Math.max(Math.floor((k * size) / cells) + 1, Math.ceil(((k + 1) * size) / cells))];
  for (let i = 0; i < matrix.rows; i += 1) {
    const [top, bottom] = spread(height, matrix.rows, i);
    for (let j = 0; j < matrix.columns; j += 1) {
      const share = matrix.share(i, j);
      if (!share || matrix.mark?.(i, j) === "forbidden") continue;
      const [left, right] = spread(width, matrix.columns, j);
      for (let y = top; y < Math.min(height, bottom); y += 1) for (let x = left; x < Math.min(width, right); x += 1) if (Math.abs(share) > Math.abs(most[y * width + x])) most[y * width + x] = share;
    }
  }
  return most;
}

function grey(share, skin) {
  const paper = skin.theme === "dark" ? 0 : 255;
  return [0, 0, 0].map(() => Math.round(paper + (255 - 2 * paper) * Math.sqrt(Math.min(1, Math.abs(share)))));
}
