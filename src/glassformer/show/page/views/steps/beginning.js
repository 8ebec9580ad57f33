// The opening, and steps 1 and 2: the answer and the question; pieces; vectors.

import { h, safe } from "../../base/dom.js";
import { badge, number, signed } from "../../base/format.js";
import { arcOver } from "./arc.js";
import { badgeLine, barsOf, formula, heatCanvas, numbersTable } from "./drawn.js";
import { largestFew, lengthOf, matrixRow, quotedPiece, quotedWord } from "./focus.js";
import { numbersAround } from "./guess.js";
import { answerText } from "./switched.js";

/** Before the first step: what the model says, what a bag of words says, and the question. */
export function openingOf(facts) {
  const { picture, looks, at } = facts;
  return h(
    "section",
    { class: "opening" },
    arcOver(sentenceInLarge(facts), { from: at, to: looks, label: "?" }),
    h("p", { class: "answer-large" }, `${safe(picture.model.name)} says `, h("strong", {}, answerText(picture)), "."),
    h("ul", { class: "opening-companions" }, (picture.views || []).slice(0, -1).map((view) => h("li", {}, companionText(view)))),
    h("p", { class: "opening-question" }, "Who told ", h("em", {}, quotedWord(picture, looks)), " about ", h("em", {}, quotedWord(picture, at)), "?"),
    h("p", { class: "aside" }, sizesText(picture.model)),
    h("p", { class: "aside" }, "Nine steps, from letters to the answer, each number of them this model's own. Guess before you look; then switch it off and see whether it mattered."),
  );
}

/** How large the model is, in words. */
function sizesText({ name, layers, heads, width, parameters }) {
  if (!layers) return `${safe(name)} has no attention: it adds up what each word says alone.`;
  const count = (number, what) => `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
  const small = width <= SMALL ? ": so small that every sum fits on this screen" : "";
  return `${safe(name)} has ${count(layers, "layer")} of ${count(heads[0], "head")}, vectors of ${count(width, "number")}${parameters ? ` and ${count(parameters, "parameter")}` : ""}${small}.`;
}

const MOST_OPENING = 80;

/** The words in large, the two that the question is about underlined. */
export function sentenceInLarge({ picture, looks, at }) {
  const word = (text, k) => {
    const kind = k === looks || k === at ? "opening-word is-marked" : picture.specials.includes(k) ? "opening-word is-special" : "opening-word";
    return [h("span", { class: kind, "data-word": k }, safe(text)), " "];
  };
  return h("p", { class: picture.words.length > 24 ? "sentence-large is-long" : "sentence-large" }, picture.words.slice(0, MOST_OPENING).map(word), picture.words.length > MOST_OPENING && "…");
}

const COMPANIONS = {
  "bag-of-words": "adds up what each word says alone, in no order",
  "sentiment-plain": "is the same transformer, trained on reviews alone",
};

function companionText({ model, says, value }) {
  const what = COMPANIONS[model] ? `, which ${COMPANIONS[model]},` : "";
  return `${safe(model)}${what} says ${safe(says)} (${signed(value)}).`;
}

export const STEP_PIECES = {
  name: "pieces",
  ownBadge: true,
  says: () => "The text is cut into pieces that the model has learned. It never sees letters: from here on, a piece is a number in a list.",
  formula: ({ picture }) => formula("text → ", "*p", "_0", ", …, ", "*p", `_${picture.pieces.length - 1}`),
  guess: ({ picture }) => {
    const n = picture.pieces.length;
    const others = [n - 1, n + 1, n + 2, picture.text.replace(/\s/g, "").length];
    return { question: `Into how many pieces is this text cut (special ones counted)?`, choices: numbersAround(n, others), because: piecesBecause(picture) };
  },
  figure: (facts, { shown }) => [h("div", { class: "cut-pieces" }, shown ? piecesByWord(facts.picture) : h("p", { class: "cut-not" }, safe(facts.picture.text))), shown && wordBars(facts)],
  switches: ({ picture, at }) => wordSwitches(picture, at),
};

function piecesBecause(picture) {
  const split = picture.word_pieces.filter((pieces) => pieces.length > 1).length;
  const special = picture.special_pieces.length;
  const parts = [split ? `${split} of its words are cut into several` : "every word is one piece here"];
  if (special) parts.push(`${special} were put there by the model itself`);
  return `${parts.join("; ")}.`;
}

const MOST_WORDS = 60;

function piecesByWord(picture) {
  const left = picture.words.length - MOST_WORDS;
  const words = picture.words.slice(0, MOST_WORDS).map((word, k) =>
    h(
      "span",
      { class: picture.specials.includes(k) ? "cut-word is-special" : "cut-word" },
      picture.word_pieces[k].map((at) => h("span", { class: "cut-piece" }, safe(picture.pieces[at]), h("sub", {}, String(at)))),
    ),
  );
  return [words, left > 0 && h("span", { class: "aside" }, `… and ${left} more words`)];
}

/** What each word adds to the measure: what is lost with a mask in its place. */
function wordBars({ picture, at }) {
  const changes = picture.effects && picture.effects.words.mask;
  if (!changes || changes.every((each) => each === null || each === undefined)) return null;
  const adds = changes.map((each) => (typeof each === "number" ? -each : 0));
  const few = largestFew(adds, 10, [at]).filter((k) => typeof changes[k] === "number");
  const rows = few.map((k) => ({ name: picture.words[k], value: adds[k], marked: k === at }));
  return [barsOf({ caption: `what each word adds to the ${picture.metric.name}: with it, less with ${picture.metric.blank} in its place`, text: signed, rows }), badgeLine(badge(picture, picture.metric.blank))];
}

function wordSwitches(picture, word) {
  const name = quotedWord(picture, word);
  return [
    { label: `${picture.metric.blank} in place of ${name}`, switches: [`word:${word}:mask`] },
    { label: `${name} taken out`, switches: [`word:${word}:delete`] },
    { label: `nobody may look at ${name}`, switches: [`word:${word}:unseen`] },
  ];
}

export const STEP_VECTORS = {
  name: "vectors",
  says: ({ picture }) => `Each piece is looked up in a table: ${picture.model.width} numbers for what it is. As many more say where it stands, and both are added.`,
  formula: ({ picture }) =>
    picture.arrays["embed.types"]
      ? formula("*x", "_i", " = LayerNorm(", "*piece", "_i", " + ", "*place", "_i", " + ", "*text", "_i", ")")
      : formula("*x", "_i", " = ", "*piece", "_i", " + ", "*place", "_i"),
  guess: (facts) => {
    const { what, where } = embedLengths(facts);
    if (what === null) return null;
    const right = where === null ? 0 : what > 1.25 * where ? 0 : where > 1.25 * what ? 1 : 2;
    const labels = ["what it is", "where it stands", "about the same (within a quarter)"];
    return {
      question: `In the vector of ${quotedPiece(facts.picture, facts.i)}, which part is longer?`,
      choices: labels.map((label, k) => ({ label, right: k === right })),
      because: where === null ? "this model adds nothing for the place here" : `${number(what)} for what it is, ${number(where)} for where it stands (lengths, √Σx²).`,
    };
  },
  figure: vectorFigure,
  switches: () => [{ label: "no positions: a bag of pieces", switches: ["without:positions"] }],
};

/** Lengths of the two vectors that are added at the position that is looked at; null where a file lacks them. */
function embedLengths({ picture, i }) {
  const length = (name) => (picture.arrays[name] ? lengthOf(matrixRow(picture.arrays[name], i)) : null);
  return { what: length("embed.pieces"), where: length("embed.places") };
}

const SMALL = 16; // numbers of a vector that is shown whole,
const SOME = 8; // and of a longer one

function vectorFigure(facts, { shown }) {
  const { picture, i } = facts;
  const stream = picture.arrays["embed.stream"];
  if (!stream) return h("p", { class: "aside" }, "This file does not hold the vectors of this text; open it with glassformer open to see them.");
  const rows = vectorRows(picture, i);
  const columns = largestFew(rows.at(-1)[1], stream.shape[1] > SMALL ? SOME : SMALL);
  const shape = `${stream.shape[0]} pieces × ${stream.shape[1]} numbers`;
  return [
    numbersTable({
      caption: `${quotedPiece(picture, i)}: ${columns.length < stream.shape[1] ? `the ${columns.length} largest of ${stream.shape[1]} numbers` : `all ${stream.shape[1]} numbers`}`,
      columns: columns.map(String),
      rows: rows.slice(0, -1).map(([name, values]) => [name, columns.map((c) => values[c])]),
      foot: [rows.at(-1)[0], columns.map((c) => rows.at(-1)[1][c])],
      shade: "all",
    }),
    shown && vectorLengths(facts),
    h("div", { class: "step-heat-holder" }, heatCanvas({ matrix: stream, label: `the vectors of all pieces, ${shape}; blue above zero, orange below`, mark: i }), h("p", { class: "aside" }, `all vectors: ${shape}, blue above 0, orange below`)),
  ];
}

function vectorRows(picture, i) {
  const named = [["what it is", "embed.pieces"], ["where it stands", "embed.places"], ["which text", "embed.types"], ["x", "embed.stream"]];
  return named.filter(([, name]) => picture.arrays[name]).map(([label, name]) => [label, matrixRow(picture.arrays[name], Math.min(i, picture.arrays[name].shape[0] - 1))]);
}

function vectorLengths(facts) {
  const { what, where } = embedLengths(facts);
  if (what === null || where === null) return null;
  return barsOf({ caption: "how long each part is", rows: [{ name: "what it is", value: what }, { name: "where it stands", value: where }] });
}
