// From the last vector of the decoder to a piece: logits, softmax, log-probabilities, the largest.

import { safe, short } from "../../base/dom.js";
import { number } from "../../base/format.js";
import { sharePercent } from "../steps/drawn.js";
import { dotOf, largestAt, sharesOf } from "../steps/focus.js";
import { Drawing, rowsOfMatrix } from "./shapes.js";

const LEFT = 142;
const WIDE = 46;
const TALL = 28;

export const FIGURE_OUTPUT = {
  id: "output-step",
  title: "From a vector to a piece: logits, softmax, the largest",
  source: "Alammar 2018, “The Final Linear and Softmax Layer”; Vaswani et al. 2017, section 3.4; row IT-36",
  stages: (decoding) => decoding.translation.written.length,
  make({ state, decoding }) {
    const step = Math.min(state.stage, decoding.translation.written.length - 1);
    const shown = outputOf(decoding, step);
    const said = outputCaption(decoding.translation, shown, step);
    return { drawing: outputDrawing(shown), caption: said, said, see: shown.at / (shown.names.length - 1), badge: "descriptive; computed in this page from the last vector", tables: [outputTable(shown)] };
  },
};

/** What the page makes of the last vector of a step: {names, hidden, logits, held, shares, logs, at}. */
export function outputOf({ translation, arrays }, step) {
  const hidden = rowsOfMatrix(arrays.final)[step];
  const logits = rowsOfMatrix(arrays.vectors).map((vector, piece) => dotOf(hidden, vector) + arrays.bias.data[piece]);
  return { names: translation.vocabulary, hidden, logits, held: rowsOfMatrix(arrays.logits)[step], shares: sharesOf(logits), logs: logSharesOf(logits), at: largestAt(logits) };
}

/** log softmax: x − largest − log Σ exp(x − largest), which does not run out of numbers where a share is tiny. */
export function logSharesOf(row) {
  const most = Math.max(...row);
  const whole = most + Math.log(row.reduce((sum, each) => sum + Math.exp(each - most), 0));
  return row.map((each) => each - whole);
}

function outputCaption({ model, written }, { names, hidden, logits, held, shares, logs, at }, step) {
  const apart = Math.max(...logits.map((each, k) => Math.abs(each - held[k])));
  return [
    `Step ${step + 1} of ${written.length} of ${model}: the last vector of the decoder (${hidden.length} numbers) · the vector of each of the ${names.length} pieces gives its logit;`,
    `softmax makes shares of them that sum to ${number(shares.reduce((sum, each) => sum + each, 0))}; their logarithms; the largest is index ${at}, “${names[at]}” (${sharePercent(shares[at])}, log ${number(logs[at])}).`,
    `It is the largest in all three rows, so that the choice needs no softmax. Beside the model's own logits: apart by ${apart.toExponential(1)} at most.`,
  ].join(" ");
}

function outputDrawing({ names, hidden, logits, shares, logs, at }) {
  const pen = new Drawing();
  const middle = LEFT + (WIDE * names.length) / 2;
  const name = (text, what, y) => pen.words(text, LEFT - 10, y + 9, { anchor: "end", weight: 600 }).words(what, LEFT - 10, y + 24, { anchor: "end", size: 10, tone: "quiet" });
  const arrow = (y, what) => pen.line(middle, y, middle, y + 22, { pointed: true }).words(what, middle + 14, y + 10, { size: 12 });
  name("last vector", `${hidden.length} numbers`, 6);
  pen.cells([hidden], { x: LEFT, y: 6, wide: (WIDE * names.length) / hidden.length, tall: TALL, numbers: false, speak: (_, f, value) => `feature ${f}: ${number(value)}` });
  arrow(40, `linear: times the vector of each piece (${names.length} × ${hidden.length})`);
  names.forEach((piece, k) => pen.words(String(k), LEFT + (k + 0.5) * WIDE, 76, { anchor: "middle", size: 10, tone: "quiet" }).words(short(piece, 6), LEFT + (k + 0.5) * WIDE, 92, { anchor: "middle", weight: k === at ? 650 : 400, size: 12 }));
  const row = (values, y, how) => pen.cells([values], { x: LEFT, y, wide: WIDE, tall: TALL, ...how, speak: (_, k, value) => `“${names[k]}”: ${number(value)}` });
  name("logits", "any numbers", 104);
  row(logits, 104, {});
  arrow(138, "softmax");
  name("probabilities", "sum to 1", 164);
  row(shares, 164, { both: false, largest: 1 });
  arrow(198, "log");
  name("log-probabilities", "0 would be certain", 224);
  row(logs, 224, {});
  const x = LEFT + (at + 0.5) * WIDE;
  pen.frame(LEFT + at * WIDE - 1, 68, WIDE + 1, 187, "accent").line(x, 258, x, 284, { pointed: true });
  return pen.words(`argmax: index ${at}, “${names[at]}”`, x, 298, { anchor: at * 2 > names.length ? "end" : "start", weight: 650, size: 14 });
}

function outputTable({ names, logits, held, shares, logs }) {
  const rows = names.map((piece, k) => [`${k} ${safe(piece)}`, [logits[k], held[k], shares[k], logs[k]]]);
  return { caption: "every piece", columns: ["logit, computed here", "the model's own", "probability", "log-probability"], rows };
}
