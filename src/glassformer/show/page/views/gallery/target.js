// What is wanted and what is said, over the post's six words: one-hot targets, their comparison, a few steps of learning.

import { safe } from "../../base/dom.js";
import { number } from "../../base/format.js";
import { largestAt, sharesOf } from "../steps/focus.js";
import { logSharesOf } from "./output.js";
import { Drawing } from "./shapes.js";

// The post's own: its vocabulary, its untrained distribution, and the words of its sentence.
const WORDS = ["a", "am", "I", "thanks", "student", "<eos>"];
const UNTRAINED = [0.2, 0.2, 0.1, 0.2, 0.2, 0.1];
const WANTED = ["I", "am", "a", "student", "<eos>"];
const LEFT = 176;
const WIDE = 70;
const TALL = 28;
const NUDGE = 1e-5; // of a logit, to measure a slope

export const FIGURE_TARGET = {
  id: "target",
  title: "What is wanted, what is said, and how far apart",
  source: "Alammar 2018, “Recap Of Training” and “The Loss Function” (six words, the untrained distribution: the source's own figures); rows IT-37 to IT-40",
  controls: [
    { name: "word", label: "wanted", options: WORDS.map((word) => [word, word]), value: "thanks" },
    { name: "smoothing", label: "smoothing", least: 0, most: 0.9, step: 0.1, value: 0 },
    { name: "updates", label: "updates", least: 0, most: 200, step: 1, value: 0 },
  ],
  presets: [
    ["“merci” → “thanks”, untrained", { word: "thanks", smoothing: 0, updates: 0 }],
    ["“am”, one-hot", { word: "am", smoothing: 0, updates: 0 }],
    ["after 20 updates", { updates: 20 }],
  ],
  make({ state }) {
    const compared = comparedOf(WORDS.indexOf(state.word), state.smoothing, state.updates);
    return { drawing: targetDrawing(compared, state), caption: targetCaption(compared, state), badge: "the source's figures; all else computed in this page", tables: [targetTable(compared)] };
  },
};

/** One-hot, or with some of it spread over all words evenly (Szegedy et al. 2016, section 7). */
export function targetOf(right, smoothing = 0) {
  return WORDS.map((_, k) => (k === right ? 1 - smoothing : 0) + smoothing / WORDS.length);
}

/** −Σ y log p, of logits. */
export function crossEntropyOf(y, logits) {
  return -logSharesOf(logits).reduce((sum, log, k) => sum + (y[k] ? y[k] * log : 0), 0);
}

/** Said and wanted, after so many steps of size 1 down the slope: {y, p, minus, slope, entropy, loss, divergence}. */
export function comparedOf(right, smoothing, updates) {
  const y = targetOf(right, smoothing);
  let logits = UNTRAINED.map(Math.log);
  for (let k = 0; k < updates; k += 1) {
    const said = sharesOf(logits);
    logits = logits.map((each, j) => each - (said[j] - y[j]));
  }
  const p = sharesOf(logits);
  const entropy = -y.reduce((sum, each) => sum + (each ? each * Math.log(each) : 0), 0);
  const divergence = y.reduce((sum, each, k) => sum + (each ? each * Math.log(each / p[k]) : 0), 0);
  return { y, p, minus: p.map((each, k) => each - y[k]), slope: slopeOf(y, logits), entropy, loss: crossEntropyOf(y, logits), divergence };
}

/** How the cross-entropy changes with each logit, measured: a nudge up, a nudge down. */
function slopeOf(y, logits) {
  const nudged = (at, by) => crossEntropyOf(y, logits.map((each, k) => (k === at ? each + by : each)));
  return logits.map((_, k) => (nudged(k, NUDGE) - nudged(k, -NUDGE)) / (2 * NUDGE));
}

function targetCaption({ p, minus, slope, entropy, loss, divergence }, { word, smoothing, updates }) {
  const apart = Math.max(...minus.map((each, k) => Math.abs(each - slope[k])));
  const spread = smoothing ? `, ${number(smoothing)} of it spread over all words` : ": one-hot";
  const after = updates ? `, after ${updates} updates (likeliest: “${WORDS[largestAt(p)]}”)` : "";
  const one = smoothing ? "." : `: of a one-hot target both are −log p of the word that is wanted, −log ${number(p[WORDS.indexOf(word)])}.`;
  return [
    `Wanted is “${word}”${spread}; said is what an untrained model says${after}.`,
    "“Subtract one from the other”: p − y is no number for how far apart they are, it is the slope of the cross-entropy by each logit,",
    `and so what an update takes away (measured here by nudging each: apart by ${apart.toExponential(1)} at most).`,
    `Cross-entropy −Σ y log p = ${number(loss)}, the entropy of what is wanted −Σ y log y = ${number(entropy)},`,
    `and Kullback–Leibler Σ y log (y ÷ p) = ${number(divergence)} is their difference${one}`,
  ].join(" ");
}

function targetDrawing({ y, p, minus, loss, entropy, divergence }, { word, updates }) {
  const pen = new Drawing();
  const heads = (at, marked) => WORDS.forEach((each, k) => pen.words(each, LEFT + (k + 0.5) * WIDE, at, { anchor: "middle", size: 13, weight: each === marked ? 650 : 400 }));
  const row = (name, what, values, at, how) => {
    pen.words(name, LEFT - 10, at + 9, { anchor: "end", weight: 600 }).words(what, LEFT - 10, at + 24, { anchor: "end", size: 10, tone: "quiet" });
    pen.cells([values], { x: LEFT, y: at, wide: WIDE, tall: TALL, largest: 1, speak: (_, k, value) => `“${WORDS[k]}”: ${number(value)}`, ...how });
  };
  heads(10, word);
  row("p", updates ? `said, after ${updates} updates` : "said, untrained", p, 24, { both: false });
  row("y", `wanted: “${word}”`, y, 62, { both: false });
  row("p − y", "subtracted: a slope", minus, 100, {});
  [["cross-entropy", loss], ["entropy of y", entropy], ["Kullback–Leibler", divergence]].forEach(([name, value], k) => {
    pen.words(name, LEFT - 10, 152 + 22 * k, { anchor: "end", weight: 600 }).words(number(value), LEFT, 152 + 22 * k);
    pen.bar(value, Math.max(loss, 1e-9), { x: LEFT + WIDE, y: 145 + 22 * k, length: WIDE * (WORDS.length - 1), tone: "accent" });
  });
  pen.words(`wanted of “${WANTED.join(" ")}”, position by position`, LEFT, 234, { weight: 600 });
  heads(256, null);
  pen.labels(WANTED.map((each, k) => `${k + 1}  ${each}`), LEFT - 10, 270, TALL, { size: 13 });
  pen.cells(WANTED.map((each) => targetOf(WORDS.indexOf(each))), { x: LEFT, y: 270, wide: WIDE, tall: TALL, both: false, largest: 1, speak: (i, k, value) => `position ${i + 1}, “${WORDS[k]}”: ${number(value)}` });
  return pen;
}

function targetTable({ p, y, minus, slope }) {
  return { caption: "every word", columns: WORDS.map(safe), rows: [["said p", p], ["wanted y", y], ["p − y", minus], ["measured slope", slope]] };
}
