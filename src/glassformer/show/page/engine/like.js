// The same question put to up to twenty sentences of the same kind, as in explain/like.py.  Which words can stand for
// each other, and what company a sentence is put in, comes with the models.

import { cutOf } from "./switching.js";
import { Trial } from "./trial.js";

const HOW_MANY = 20;

/** {n, agree, flips, control_flips, texts, changes, control_changes}.  told, control: [looks, at, change, …]. */
export async function alikeOf(trial, told, control, rest) {
  const needed = [...told.slice(0, 2), ...(control ? control.slice(0, 2) : [])];
  const rows = [];
  for (const { other, shift } of sentences(trial, needed)) {
    const change = (edge) => (edge ? other.after(cutOf(other.edges(edge[0] + shift, edge[1] + shift))) - other.before : 0);
    rows.push({ text: other.pieces.text, before: other.before, change: change(told), aside: change(control) });
    await rest();
  }
  return {
    n: rows.length,
    agree: rows.filter(({ change, aside }) => change * told[2] > 0 && Math.abs(change) > Math.abs(aside)).length,
    flips: rows.filter(({ before, change }) => trial.turns(before, before + change)).length,
    control_flips: rows.filter(({ before, aside }) => trial.turns(before, before + aside)).length,
    texts: rows.map(({ text }) => text),
    changes: rows.map(({ change }) => change),
    control_changes: rows.map(({ aside }) => aside),
  };
}

/** Trials of sentences like this one, and how many words stand before its own. */
function sentences(trial, needed) {
  const found = [];
  for (const [text, shift] of [...exchanged(trial), ...inCompany(trial)]) {
    const other = asked(trial, text);
    if (other && stands(trial, other, shift, needed)) found.push({ other, shift });
    if (found.length === HOW_MANY) break;
  }
  return found;
}

/** The same question put to another text; null where nothing of it can be read. */
function asked(trial, text) {
  try {
    return new Trial(trial.reader, trial.reader.tokens.cut(text, trial.reader.longest), [], trial.label);
  } catch {
    return null;
  }
}

/** The words are where they are looked for. */
function stands(trial, other, shift, needed) {
  if (other.words.length <= Math.max(...needed) + shift) return false;
  return !shift || other.texts[shift] === trial.texts[0];
}

/** The sentence with its words of a known kind exchanged, all of them at once. */
function exchanged(trial) {
  const own = trial.texts.map((text) => text.toLowerCase());
  const kinds = own.map((word) => trial.reader.pack.kinds.findLast((kind) => kind.includes(word)));
  if (!kinds.some(Boolean)) return [];
  const texts = Array.from({ length: 2 * HOW_MANY - 1 }, (_, k) => withWords(trial, kinds.map((kind, word) => kind && kind[(kind.indexOf(own[word]) + k + 1) % kind.length])));
  const same = trial.pieces.text.toLowerCase();
  return [...new Set(texts)].filter((text) => text.toLowerCase() !== same).map((text) => [text, 0]);
}

/** The text that was read, with some words in the place of others. */
function withWords(trial, others) {
  let [text, end] = ["", 0];
  trial.words.forEach((word, k) => {
    const to = trial.pieces.spans[word.pieces.at(-1)][1];
    const before = trial.pieces.text.slice(end, to);
    text += before.endsWith(word.text) ? before.slice(0, before.length - word.text.length) + (others[k] ?? word.text) : before;
    end = to;
  });
  return text;
}

function inCompany(trial) {
  const read = withWords(trial, []);
  return trial.reader.pack.company.map(([before, after]) => [`${`${before} ${read}`.trim()}${after}`, before.split(/\s+/).filter(Boolean).length]);
}
