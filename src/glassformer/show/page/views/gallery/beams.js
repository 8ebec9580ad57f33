// Ways to go on as a tree: which of them greedy decoding takes, and which a beam keeps.

import { short } from "../../base/dom.js";
import { number } from "../../base/format.js";
import { Drawing } from "./shapes.js";

const LEFT = 100;
const WIDE = 180; // of a level
const TALL = 27; // of a text
const BOX = 140;

export const FIGURE_BEAMS = {
  id: "greedy-and-beam",
  title: "Greedy, and a beam of two",
  source: "Alammar 2018, “The Loss Function” (greedy decoding; beam search with beam_size 2, top_beams 2); Sutskever et al. 2014, section 3.2; rows IT-42, IT-43",
  stages: (decoding) => decoding.search.greedy.length + 1,
  begins: Infinity,
  make({ state, decoding }) {
    const { search } = decoding;
    const length = Math.min(state.stage, search.greedy.length);
    const tree = treeOf(search, length);
    const said = beamsCaption(search, tree, length);
    return { drawing: treeDrawing(search, tree, length), caption: said, said, see: length / search.greedy.length, badge: "descriptive; sums and choices computed in this page", tables: [beamsTable(tree, length)] };
  },
};

/**
 * The texts of up to `length` pieces, each {pieces, own, total, greedy, beam}: the log-probability of its last piece and
 * of all, whether greedy decoding takes it, its rank in the beam or −1.  Both are chosen here, from the log-probabilities.
 */
export function treeOf({ ways, width }, length) {
  const root = { pieces: [], own: 0, total: 0, greedy: true, beam: 0, next: [] };
  const levels = [[root]];
  for (let level = 0; level < length; level += 1) {
    for (const text of levels[level]) text.next = text.greedy || text.beam >= 0 ? waysOn(text, ways) : [];
    const taken = levels[level].find((text) => text.greedy).next.reduce((best, each) => (each.own > best.own ? each : best));
    taken.greedy = true;
    const open = levels[level].filter((text) => text.beam >= 0).flatMap((text) => text.next);
    open.sort((a, b) => b.total - a.total).slice(0, width).forEach((text, rank) => (text.beam = rank));
    levels.push(levels[level].flatMap((text) => text.next));
  }
  return levels;
}

function waysOn(text, ways) {
  const found = ways.find(({ after }) => after.length === text.pieces.length && after.every((piece, k) => piece === text.pieces[k]));
  if (!found) throw new Error(`how “${text.pieces.join("")}” goes on is not held`);
  return found.next.map(([piece, own]) => ({ pieces: [...text.pieces, piece], own, total: text.total + own, greedy: false, beam: -1, next: [] }));
}

function beamsCaption({ prompt, model, width }, levels, length) {
  const begin = `How ${model} may go on from “${prompt}”: the log-probability of a piece, and Σ of all so far; of each text the three likeliest ways on are drawn.`;
  if (!length) return `${begin} Nothing is written yet.`;
  const [greedy, best] = [levels[length].find((text) => text.greedy), levels[length].find((text) => text.beam === 0)];
  const took = `After ${length} ${length > 1 ? "pieces" : "piece"} greedy, the likeliest piece each time, is at “${spelt(greedy)}” (Σ ${number(greedy.total)}); a beam of ${width} keeps the ${width} texts with the largest Σ (boxed), the first “${spelt(best)}” (Σ ${number(best.total)})`;
  if (greedy.total >= best.total) return `${begin} ${took}: the same so far.`;
  return `${begin} ${took}: ${number(Math.exp(best.total - greedy.total))} times as likely. What was likeliest at once led to what was less likely.`;
}

function spelt({ pieces }) {
  return pieces.join("");
}

/** Texts below each other in the order of the tree, a level a column; each beside the middle of its ways on. */
function treeDrawing({ prompt, greedy }, levels, length) {
  const pen = new Drawing();
  let row = 0;
  const place = (text) => {
    text.next.forEach(place);
    text.y = text.next.length ? (text.next[0].y + text.next.at(-1).y) / 2 : 32 + TALL * row++;
  };
  place(levels[0][0]);
  greedy.forEach((_, k) => pen.words(`${k + 1}`, LEFT + WIDE * k + BOX / 2, 8, { anchor: "middle", size: 11, tone: "quiet" }));
  pen.words(`“${prompt}”`, LEFT - 44, levels[0][0].y, { anchor: "end", weight: 650, size: 14 });
  levels[0][0].next.forEach((text) => branch(pen, levels[0][0], text, LEFT - 40));
  levels.slice(1).forEach((texts, k) => texts.forEach((text) => node(pen, text, k, k + 1 === length)));
  return pen.room(LEFT + WIDE * greedy.length + 70, 8);
}

function branch(pen, from, to, x) {
  pen.line(x, from.y, x + 36, to.y, { tone: to.greedy ? "accent" : to.beam >= 0 ? "ink" : "line" });
}

function node(pen, text, column, last) {
  const x = LEFT + WIDE * column;
  const kept = text.beam >= 0;
  if (kept) pen.frame(x - 2, text.y - 11, BOX, 22, text.greedy ? "accent" : "ink");
  pen.words(short(text.pieces.at(-1), 6), x + 4, text.y, { size: 14, weight: kept || text.greedy ? 650 : 400, tone: text.greedy ? "accent" : kept ? "ink" : "quiet" });
  pen.words(`${number(text.own)}   Σ ${number(text.total)}`, x + 24, text.y, { size: 11, tone: kept || text.greedy ? "ink" : "quiet" });
  text.next.forEach((each) => branch(pen, text, each, x + BOX + 1));
  if (last) pen.words([text.greedy && "greedy", kept && `beam ${text.beam + 1}`].filter(Boolean).join(", "), x + BOX + 6, text.y, { size: 12, weight: 650 });
}

function beamsTable(levels, length) {
  const rows = levels[length].map((text) => [spelt(text) || "–", [text.own, text.total, Math.exp(text.total), text.greedy ? "yes" : "", text.beam >= 0 ? String(text.beam + 1) : ""]]);
  return { caption: `texts of ${length} pieces`, columns: ["last piece", "Σ", "probability", "greedy", "beam"], rows };
}
