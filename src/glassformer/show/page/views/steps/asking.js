// Steps 3 and 4: query, key and value of every piece; one score, product by product.

import { cell } from "../../base/address.js";
import { h } from "../../base/dom.js";
import { number } from "../../base/format.js";
import { barsOf, formula, numbersTable } from "./drawn.js";
import { dotOf, largestAt, largestFew, matrixRow, quotedPiece, seenRow } from "./focus.js";
import { numbersAround } from "./guess.js";

const FITS = 8; // features that stand beside each other where there are no more,
const MANY = 6; // and where there are
const TALL = 12; // rows below each other,
const FEW = 6; // and of three tables

/** Said where a text is too long for its file to hold q, k and v. */
export function nothingHeld(what) {
  return h("p", { class: "aside" }, `This file holds no ${what} of this text, which is long; open it with: glassformer open`);
}

export const STEP_QKV = {
  name: "q, k, v",
  says: () => "Every position makes three vectors out of its own: q, what it asks for; k, what it can be found by; v, what it hands over when it is found.",
  formula: () => formula("*q", "_i", " = ", "*x", "_i", " ", "*W", "_Q", "   ", "*k", "_i", " = ", "*x", "_i", " ", "*W", "_K", "   ", "*v", "_i", " = ", "*x", "_i", " ", "*W", "_V"),
  guess: ({ picture, d, layer }) => {
    const heads = picture.model.heads[layer];
    const width = picture.model.width;
    return {
      question: `A vector has ${width} numbers, and ${heads} ${heads === 1 ? "head shares" : "heads share"} them. How many has one q?`,
      choices: numbersAround(d, [width, Math.max(1, Math.round(d / 2)), d * 2, heads].filter((each) => each !== d)),
      because: `${width} ÷ ${heads} = ${d} for each of q, k and v in one head.`,
    };
  },
  figure: (facts, { shown }) => {
    if (!facts.q) return nothingHeld("q, k and v");
    return h("div", { class: "step-triple" }, ["q", "k", "v"].map((kind) => kindTable(facts, kind, shown)));
  },
  panel: (facts) => h("gf-card", { address: cell(facts.layer, facts.head, "q", facts.i, 0), bare: true }),
  switches: (facts) => {
    const place = `L${facts.layer}.H${facts.head}`;
    const none = { label: `head ${place} hands over zeros instead of its v`, switches: [`off:${place}:zero`] };
    if (!facts.q || !facts.source.can.values) return [none];
    const feature = mostTelling(facts);
    const address = cell(facts.layer, facts.head, "q", facts.i, feature);
    return [none, { label: `${address} = 0: one number of what ${quotedPiece(facts.picture, facts.i)} asks for`, switches: [`set:${address}=0`] }];
  },
};

const KINDS_OF_VECTOR = { q: "q: what it asks for", k: "k: what it is found by", v: "v: what it hands over" };

function kindTable(facts, kind, shown) {
  const { picture, i, j } = facts;
  const features = largestFew(matrixRow(facts[kind], kind === "q" ? i : j), facts.d > FITS ? MANY : FITS);
  const few = chosenRows(facts, FEW);
  const left = facts[kind].shape[1] - features.length;
  return numbersTable({
    caption: `${KINDS_OF_VECTOR[kind]}${left > 0 ? ` (${features.length} of ${features.length + left})` : ""}`,
    columns: features.map((f) => (shown ? String(f) : "·")),
    rows: few.map((at) => [picture.pieces[at], features.map((f) => facts[kind].data[at * facts[kind].shape[1] + f]), at === (kind === "q" ? i : j)]),
    shade: "all",
  });
}

/** The positions that fit below each other: those with the largest weights, and the two that are looked at. */
export function chosenRows(facts, most = TALL) {
  const scores = facts.weights ? matrixRow(facts.weights, facts.i) : facts.picture.pieces.map(() => 0);
  return largestFew(scores, most, [facts.i, facts.j]);
}

/** The feature whose product moves the score most. */
function mostTelling({ q, k, i, j }) {
  const products = productsOf(matrixRow(q, i), matrixRow(k, j));
  return largestAt(products.map(Math.abs));
}

function productsOf(one, other) {
  return one.map((each, f) => each * other[f]);
}

export const STEP_SCORE = {
  name: "one score by hand",
  says: ({ picture, i, j }) => `How well does what ${quotedPiece(picture, i)} asks for fit what ${quotedPiece(picture, j)} is found by? Multiply feature by feature and add up.`,
  formula: ({ d }) => formula("*score", "_ij", " = ", "*q", "_i", " · ", "*k", "_j", " = ", "*q", "_i0", "*k", "_j0", " + … + ", "*q", `_i${d - 1}`, "*k", `_j${d - 1}`),
  guess: (facts) => {
    let row = scoreRow(facts);
    if (!row.length) return null;
    row = seenRow(facts.picture, facts.i, row);
    const few = spokenFew(facts, row);
    const best = few[largestAt(few.map((at) => row[at]))];
    return {
      question: `Whose key fits best to what ${quotedPiece(facts.picture, facts.i)} asks for?`,
      choices: few.map((at) => ({ label: facts.picture.pieces[at], right: at === best })),
      because: bestBecause(facts, row, best),
    };
  },
  figure: (facts, { shown }) => {
    if (!facts.q) return nothingHeld("q and k");
    return [handSum(facts), shown && scoreBars(facts)];
  },
  panel: ({ layer, head, i, j }) => h("gf-card", { address: cell(layer, head, "scores", i, j), bare: true }),
  switches: ({ layer, head, i, j, picture }) => [
    { label: `${quotedPiece(picture, i)} may not look at ${quotedPiece(picture, j)} in this head (−∞ before softmax)`, switches: [`cell:L${layer}.H${head}[${i},${j}]`] },
  ],
};

function bestBecause({ picture, j }, row, best) {
  const next = best === j ? largestAt(row.map((each, at) => (at === best ? -Infinity : each))) : j;
  return `Its score is ${number(row[best])}; that of ${quotedPiece(picture, next)}${best === j ? ", the next," : ""} is ${number(row[next])}.`;
}

export function scoreRow({ q, k, scores, i }) {
  if (scores) return matrixRow(scores, i);
  if (!q) return [];
  const asks = matrixRow(q, i);
  return Array.from({ length: k.shape[0] }, (_, at) => dotOf(asks, matrixRow(k, at)));
}

/** At most nine positions to choose from: what scores most, and the one that is looked at. */
export function spokenFew({ picture, j }, row) {
  const finite = row.map((each) => (Number.isFinite(each) ? each : -1e30));
  const order = finite.map((_, k) => k).sort((a, b) => finite[b] - finite[a]);
  const few = new Set([j, ...order.slice(0, 8)]);
  return [...few].filter((at) => at < picture.pieces.length).sort((a, b) => a - b);
}

/** The products one below the other, with the running total; of many features the largest, and the rest together. */
function handSum({ picture, q, k, i, j, d }) {
  const [asks, found] = [matrixRow(q, i), matrixRow(k, j)];
  const products = productsOf(asks, found);
  const few = largestFew(products, d > FITS ? FITS : d);
  const rest = products.reduce((total, each, f) => (few.includes(f) ? total : total + each), 0);
  let total = 0;
  const rows = few.map((f) => [String(f), [asks[f], found[f], products[f], (total += products[f])]]);
  if (few.length < d) rows.push([`${d - few.length} others`, ["", "", rest, (total += rest)]]);
  return numbersTable({
    caption: `q of ${quotedPiece(picture, i)} · k of ${quotedPiece(picture, j)}, computed here`,
    columns: ["q", "k", "q · k", "total"],
    rows,
    foot: ["score", ["", "", "", total]],
  });
}

function scoreBars(facts) {
  const row = seenRow(facts.picture, facts.i, scoreRow(facts));
  const highest = row.map((_, at) => at).sort((a, b) => row[b] - row[a]).slice(0, TALL - 2);
  const few = [...new Set([facts.i, facts.j, ...highest])].sort((a, b) => a - b);
  return barsOf({
    caption: `what ${quotedPiece(facts.picture, facts.i)} scores against each`,
    rows: few.map((at) => ({ name: facts.picture.pieces[at], value: row[at], marked: at === facts.j })),
  });
}
