// Steps 7 and 8: the mixture of the values, and the heads side by side.

import { cell } from "../../base/address.js";
import { h, short } from "../../base/dom.js";
import { badge, number, signed } from "../../base/format.js";
import { chosenRows, nothingHeld } from "./asking.js";
import { barsOf, formula, numbersTable, sharePercent } from "./drawn.js";
import { largestAt, largestFew, matrixRow, quotedPiece } from "./focus.js";
import { weightRow } from "./softening.js";

const ACROSS = 8; // features that fit beside each other where there are no more,
const SOME_ACROSS = 6; // and where there are

export const STEP_MIXTURE = {
  name: "the mixture",
  says: ({ picture, i, layer, head }) => `Of every word's v, as much as its weight, added up: that is what head L${layer}.H${head} brings to ${quotedPiece(picture, i)}.`,
  formula: () => formula("*z", "_i", " = Σ", "_j", " ", "*weight", "_ij", " ", "*v", "_j"),
  guess: (facts) => {
    const shares = broughtRow(facts);
    if (!shares.length) return null;
    const few = mixtureFew(facts, shares);
    const best = few[largestAt(few.map((at) => shares[at]))];
    const weights = weightRow(facts);
    return {
      question: `Whose v makes up the largest part of that mixture?`,
      choices: few.map((at) => ({ label: facts.picture.pieces[at], right: at === best })),
      because: `It brings ${sharePercent(shares[best])} (its weight is ${sharePercent(weights[best])}): a small weight on a long vector can bring more than a large one on a short vector.${best === facts.j ? "" : ` ${quotedPiece(facts.picture, facts.j)} brings ${sharePercent(shares[facts.j])}.`}`,
    };
  },
  figure: mixtureFigure,
  panel: ({ layer, head, i }) => h("gf-card", { address: cell(layer, head, "z", i, 0), bare: true }),
  switches: ({ layer, head }) => [
    { label: `head L${layer}.H${head} brings its mean over other sentences, whatever stands here`, switches: [`off:L${layer}.H${head}:mean`] },
    { label: "it brings zeros", switches: [`off:L${layer}.H${head}:zero`] },
  ],
};

/** What each position brings, as a share: weight × length of what it brings, where that is known. */
function broughtRow(facts) {
  return facts.mixture ? matrixRow(facts.mixture, facts.i) : weightRow(facts);
}

function mixtureFew({ j }, shares) {
  const order = shares.map((_, k) => k).sort((a, b) => shares[b] - shares[a]);
  return [...new Set([j, ...order.slice(0, 8)])].sort((a, b) => a - b);
}

function mixtureFigure(facts, { shown }) {
  if (!facts.v) return nothingHeld("values");
  const { picture, v, i, j, d } = facts;
  const weights = weightRow(facts);
  const z = Array.from({ length: d }, (_, f) => weights.reduce((total, weight, at) => total + weight * v.data[at * d + f], 0));
  const features = largestFew(z, d > ACROSS ? SOME_ACROSS : ACROSS);
  const rows = chosenRows(facts);
  const part = (at) => [picture.pieces[at], [weights[at], ...features.map((f) => weights[at] * v.data[at * d + f])], at === j];
  const left = picture.pieces.length - rows.length;
  const others = features.map((f) => z[f] - rows.reduce((total, at) => total + weights[at] * v.data[at * d + f], 0));
  const rest = left ? [[`${left} others`, [1 - rows.reduce((total, at) => total + weights[at], 0), ...others]]] : [];
  const table = numbersTable({
    caption: `weight × v of each, ${features.length < d ? `the ${features.length} largest of ${d} features` : `all ${d} features`}; below, their sum z of ${quotedPiece(picture, i)}`,
    columns: ["weight", ...features.map((f) => `v${f}`)],
    rows: [...rows.map(part), ...rest],
    foot: ["z", [weights.reduce((a, b) => a + b, 0), ...features.map((f) => z[f])]],
    shade: "all",
  });
  return [table, shown && mixtureBars(facts, rows)];
}

function mixtureBars(facts, rows) {
  const [shares, weights] = [broughtRow(facts), weightRow(facts)];
  return barsOf({
    caption: "share of the mixture, weight × ‖v · W_O‖ (Kobayashi et al. 2020), beside the bare weight",
    most: 1,
    text: sharePercent,
    rows: rows.map((at) => ({ name: facts.picture.pieces[at], value: shares[at], marked: at === facts.j, note: `weight ${sharePercent(weights[at])}` })),
  });
}

export const STEP_HEADS = {
  name: "heads",
  says: ({ picture, layer }) => {
    const heads = picture.model.heads[layer];
    return `${heads === 1 ? "One head works" : `${heads} heads work side by side`} in a layer, each with its own q, k and v: several reasons to look at once. Their mixtures, one after the other, go through W_O back into the stream.`;
  },
  formula: ({ picture, layer }) => formula("*mixed", "_i", " = [", "*z", "^0", " … ", "*z", `^${picture.model.heads[layer] - 1}`, "] ", "*W", "_O"),
  guess: (facts) => {
    const all = headEffects(facts);
    if (!all.length) return null;
    const few = all.slice(0, 8).sort((a, b) => a.layer - b.layer || a.head - b.head);
    return {
      question: "Which head matters most for this answer, when it brings zeros instead?",
      choices: few.map((each) => ({ label: `L${each.layer}.H${each.head}`, right: each === all[0] })),
      because: all.length ? `Without it the ${facts.picture.metric.name} changes by ${signed(all[0].effect)}. Other baselines may say otherwise: compare them.` : "",
    };
  },
  figure: (facts, { shown }) => {
    const few = headEffects(facts).slice(0, 12).sort((a, b) => a.layer - b.layer || a.head - b.head);
    if (!few.length) return h("p", { class: "aside" }, "No effects of heads were measured for this picture.");
    return numbersTable({
      caption: `change of the ${facts.picture.metric.name} with a head off, by three baselines; last, with only the edge cut in it${few.length < headEffects(facts).length ? `; the ${few.length} largest of ${headEffects(facts).length}` : ""}`,
      columns: ["zeros", "mean", "uniform", `${short(facts.picture.words[facts.looks], 9)} ↛ ${short(facts.picture.words[facts.at], 9)}`],
      rows: few.map(({ layer, head }) => [`L${layer}.H${head}`, [...["zero", "mean", "uniform"].map((baseline) => effectOf(facts, baseline, layer, head)), edgeInHead(facts, layer, head)], layer === facts.layer && head === facts.head]),
      changes: true,
      hidden: shown ? [] : [0, 1, 2, 3],
      shade: "all",
    });
  },
  badge: (facts) => badge(facts.picture, "zero, mean, uniform, −∞ before softmax"),
  panel: () => h("gf-ladder", { bare: true }),
  switches: (facts) => {
    const most = headEffects(facts)[0];
    const off = most ? [{ label: `L${most.layer}.H${most.head} off`, switches: [`off:L${most.layer}.H${most.head}:zero`] }] : [];
    return [{ label: "all heads look as their mean does", switches: ["without:heads"] }, ...off];
  },
};

function effectOf({ picture }, baseline, layer, head) {
  const table = picture.effects && picture.effects.heads && picture.effects.heads[baseline];
  const value = table && table[layer] ? table[layer][head] : null;
  return value ?? number(null);
}

/** The change when the edge that was told is cut in one head alone. */
function edgeInHead({ picture, looks, at }, layer, head) {
  const { told } = picture;
  const here = told && told.looks === looks && told.at === at;
  return (here && told.by_head && told.by_head[layer] ? told.by_head[layer][head] : null) ?? number(null);
}

/** Heads with their measured effect, the largest first. */
function headEffects({ picture }) {
  const table = (picture.effects && picture.effects.heads && picture.effects.heads.zero) || [];
  const all = table.flatMap((row, layer) => row.map((effect, head) => ({ layer, head, effect })));
  return all.filter(({ effect }) => effect !== null).sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect));
}
