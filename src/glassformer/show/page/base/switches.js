// The strings of switches: what they say, which exclude each other, where they are.

import { pieceAt, wordAt } from "./facts.js";

const WAYS = { mask: "masked", delete: "deleted", unseen: "seen by nobody" };
const WITHOUT = { scaling: "no scaling by √d", positions: "no positions", heads: "all heads look as their mean does" };
export const BASELINES = ["zero", "mean", "uniform"];
const WHAT = { zero: "zeros", mean: "its mean elsewhere", uniform: "a uniform mixture" };

const FORMS = [
  [/^off:(L\d+\.(?:H\d+|mlp)):(\w+)$/, ([, place, baseline]) => `${place} off (${WHAT[baseline] ?? baseline})`],
  [/^cut:(\d+)>(\d+)(?:@(.+))?$/, ([, looks, at, where], picture) => `${wordAt(picture, looks)} may not look at ${wordAt(picture, at)}${where ? ` in ${where}` : ""}`],
  [/^cell:(L\d+\.H\d+)\[(\d+),(\d+)\]$/, ([, place, row, column], picture) => `${place}: ${pieceAt(picture, row)} may not look at ${pieceAt(picture, column)}`],
  [/^word:(\d+):(\w+)$/, ([, word, way], picture) => `${wordAt(picture, word)} ${WAYS[way] ?? way}`],
  [/^without:(\w+)$/, ([, part]) => WITHOUT[part] ?? `without ${part}`],
  [/^set:(.+)=([^=]+)$/, ([, address, value]) => `${address} set to ${value}`],
  [/^patch:(.+)$/, ([, place]) => `${place} from the other sentence`],
];

/** A switch in words: "terrible may not look at not". */
export function switchInWords(text, picture) {
  for (const [form, words] of FORMS) {
    const match = form.exec(text);
    if (match) return words(match, picture);
  }
  return text;
}

/** Whether a string has the form of a switch. */
export function isSwitch(text) {
  return FORMS.some(([form]) => form.test(text));
}

/** What a switch acts on: two switches of the same place exclude each other. */
export function placeOfSwitch(text) {
  return text.replace(/^(off:[^:]+|word:\d+):\w+$/, "$1").replace(/=[^=]*$/, "");
}

/** `switches` with `text` on, or off where it was on. */
export function toggled(switches, text) {
  if (switches.includes(text)) return switches.filter((each) => each !== text);
  return [...switches.filter((each) => placeOfSwitch(each) !== placeOfSwitch(text)), text];
}

/** The baseline after this one. */
export function nextBaseline(baseline) {
  return BASELINES[(BASELINES.indexOf(baseline) + 1) % BASELINES.length];
}
