// Position encodings in the two layouts that the sources mix up, computed here from the two formulas.

import { number } from "../../base/format.js";
import { dotOf } from "../steps/focus.js";
import { Drawing } from "./shapes.js";

const PLACES_LEFT = 46;

/** sin and cos side by side, frequencies 10000^(−2f/w): Vaswani et al. 2017, section 3.5.  → [position][feature] */
export function interleavedPlaces(length, width) {
  return placesOf(length, width, (f) => 10_000 ** ((-2 * f) / width), (f) => [2 * f, 2 * f + 1]);
}

/** All sines, then all cosines, frequencies 10000^(−f/(w/2−1)): Tensor2Tensor's get_timing_signal_1d. */
export function halvedPlaces(length, width) {
  const half = width / 2;
  return placesOf(length, width, (f) => 10_000 ** (-f / Math.max(half - 1, 1)), (f) => [f, half + f]);
}

function placesOf(length, width, frequency, where) {
  return Array.from({ length }, (_, position) => {
    const row = new Array(width);
    for (let f = 0; f < width / 2; f += 1) {
      const angle = position * frequency(f);
      const [sine, cosine] = where(f);
      [row[sine], row[cosine]] = [Math.sin(angle), Math.cos(angle)];
    }
    return row;
  });
}

const LAYOUTS = { halves: halvedPlaces, interleaved: interleavedPlaces };

export const FIGURE_PLACES = {
  id: "positions",
  title: "Where a piece stands: two layouts of sines and cosines",
  source: "Alammar 2018, “Representing The Order of The Sequence Using Positional Encoding”, and its update of July 2020; Vaswani et al. 2017, section 3.5; rows IT-26 to IT-29",
  controls: [
    { name: "layout", label: "layout", options: [["halves", "halves (Tensor2Tensor)"], ["interleaved", "interleaved (the paper)"], ["difference", "their difference"]], value: "halves" },
    { name: "length", label: "positions", least: 2, most: 200, step: 1, value: 20 },
    { name: "width", label: "numbers each", least: 2, most: 1024, step: 2, value: 512 },
  ],
  presets: [
    ["20 × 512, as the post draws", { layout: "halves", length: 20, width: 512 }],
    ["10 × 64, as its update draws", { layout: "interleaved", length: 10, width: 64 }],
    ["3 × 4, the toy", { layout: "halves", length: 3, width: 4 }],
  ],
  make({ state }) {
    const { layout, length } = state;
    const width = state.width - (state.width % 2);
    const rows = layout === "difference" ? minus(halvedPlaces(length, width), interleavedPlaces(length, width)) : LAYOUTS[layout](length, width);
    return { drawing: placesDrawing(rows, layout), caption: placesCaption(layout, length, width), badge: "computed in this page", tables: width <= 8 ? [placesTable(rows, layout)] : [] };
  },
};

function minus(one, other) {
  return one.map((row, i) => row.map((each, j) => each - other[i][j]));
}

const COLUMNS_SAY = {
  halves: [[0.25, "sines"], [0.75, "cosines"]],
  interleaved: [[0.5, "sine, cosine, sine, cosine …"]],
  difference: [[0.5, "halves − interleaved"]],
};

function placesDrawing(rows, layout) {
  const [length, width] = [rows.length, rows[0].length];
  const wide = Math.min(44, 720 / width);
  const tall = Math.max(2, Math.min(24, 420 / length));
  const pen = new Drawing().words("position", 0, 10, { size: 11, tone: "quiet" });
  const { right } = pen.cells(rows, { x: PLACES_LEFT, y: 28, wide, tall, largest: layout === "difference" ? null : 1, numbers: wide >= 44 });
  for (let i = 0; i < length; i += Math.ceil(length / 20)) pen.words(String(i), PLACES_LEFT - 8, 28 + (i + 0.5) * tall, { anchor: "end", size: 11 });
  for (const [at, text] of COLUMNS_SAY[layout]) pen.words(text, PLACES_LEFT + at * (right - PLACES_LEFT), 14, { anchor: "middle", size: 12 });
  return pen;
}

const LAYOUT_SAYS = {
  halves: "All sines stand first, then all cosines, with frequencies 10000^(−f ÷ (w/2 − 1)): Tensor2Tensor's code, and so the post's first pictures.",
  interleaved: "Sine and cosine of a frequency stand side by side, with frequencies 10000^(−2f ÷ w): the paper's formula.",
  difference: "The two differ in more than order: the frequencies run from 1 to 1/10000 in one, and stop one step short of it in the other. So no shuffling of columns makes one of the other.",
};

function placesCaption(layout, length, width) {
  return `${LAYOUT_SAYS[layout]} ${length} positions, ${width} numbers each; blue above 0, orange below.`;
}

function placesTable(rows, layout) {
  const toy = rows.length === 3 && rows[0].length === 4 && layout === "halves" ? " The post's toy has Je [0, 0, 1, 1], suis [0.84, 0.0001, 0.54, 1], étudiant [0.91, 0.0002, −0.42, 1] (the source's own figures): these." : "";
  return { caption: `the numbers.${toy}`, columns: rows[0].map((_, j) => String(j)), rows: rows.map((row, i) => [`position ${i}`, row]), open: true };
}

export const FIGURE_PLACE_DOTS = {
  id: "position-products",
  title: "How alike two places are",
  source: "Vaswani et al. 2017, section 3.5 (“for any fixed offset k, PE(pos+k) can be represented as a linear function of PE(pos)”); rows IT-28, IT-29",
  controls: [
    { name: "layout", label: "layout", options: [["halves", "halves (Tensor2Tensor)"], ["interleaved", "interleaved (the paper)"]], value: "interleaved" },
    { name: "length", label: "positions", least: 2, most: 100, step: 1, value: 32 },
    { name: "width", label: "numbers each", least: 2, most: 1024, step: 2, value: 64 },
  ],
  make({ state }) {
    const width = state.width - (state.width % 2);
    const rows = LAYOUTS[state.layout](state.length, width);
    const products = rows.map((one) => rows.map((other) => dotOf(one, other)));
    return { drawing: productsDrawing(products, width / 2), caption: dotsCaption(products, width), badge: "computed in this page" };
  },
};

function productsDrawing(products, largest) {
  const side = Math.max(3, Math.min(24, 460 / products.length));
  const pen = new Drawing();
  pen.cells(products, { x: PLACES_LEFT, y: 24, wide: side, tall: side, numbers: false, largest });
  for (let i = 0; i < products.length; i += Math.ceil(products.length / 16)) {
    const middle = (i + 0.5) * side;
    pen.words(String(i), PLACES_LEFT - 8, 24 + middle, { anchor: "end", size: 11 }).words(String(i), PLACES_LEFT + middle, 12, { anchor: "middle", size: 11 });
  }
  return pen;
}

/** Along each diagonal the product is the same: measured here, not claimed. */
function dotsCaption(products, width) {
  let most = 0;
  products.forEach((row, i) => row.forEach((each, j) => (most = Math.max(most, Math.abs(each - products[0][Math.abs(i - j)])))));
  return [
    `The dot product of the vectors of two places depends on their distance alone (largest departure here: ${most.toExponential(1)});`,
    `each with itself gives w/2 = ${number(width / 2)}. That holds in both layouts: of each frequency the sine and the cosine are both there.`,
  ].join(" ");
}
