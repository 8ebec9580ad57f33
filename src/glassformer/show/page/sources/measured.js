// What a picture says of a switch without computing anything: it was run beforehand, or stands among the effects.

import { everyHead } from "../base/facts.js";
import { switchInWords } from "../base/switches.js";

const BASELINE_OF_CUTS = "−∞ before softmax";
const CONTROLS = 24; // bars of other heads that are worth showing

/** The measure of one picture under one switch. */
export class Measured {
  constructor(picture) {
    this.picture = picture;
  }

  /** {what, before, after, change, flips, baseline, controls, n, exact}; throws where it was not measured. */
  whatIf(switches) {
    const what = switches.map((each) => switchInWords(each, this.picture)).join(" + ");
    const found = this.beforehand(switches.join(" + ")) ?? (switches.length === 1 ? this.among(switches[0]) : null);
    if (!found && switches.length > 1) throw new Error(`${what}: this file holds what one switch does, not several at once; open it with: glassformer open`);
    if (!found) throw new Error(`${what}: not measured for this file; open it with: glassformer open`);
    const { before, metric } = this.picture;
    const flips = metric.sides !== null && before * found.after < 0;
    return { what, before, change: found.after - before, flips, n: 1, exact: true, controls: [], ...found };
  }

  beforehand(text) {
    return this.picture.whatifs?.[text] ?? null;
  }

  /** From the tables of effects. */
  among(text) {
    const effects = this.picture.effects;
    if (!effects) return null;
    const [kind, rest] = [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)];
    const found = { off: () => this.#off(effects, rest), cut: () => this.#cut(effects, rest), cell: () => this.#cell(rest), word: () => this.#word(effects, rest), without: () => after(effects.without?.[rest], "the whole model without it") }[kind]?.();
    return found && { ...found, after: this.picture.before + found.change };
  }

  #off(effects, rest) {
    const match = /^L(\d+)\.(?:H(\d+)|mlp):(\w+)$/.exec(rest);
    if (!match) return null;
    const [layer, head, baseline] = [Number(match[1]), match[2] === undefined ? null : Number(match[2]), match[3]];
    if (head === null) return after(effects.mlps?.[baseline]?.[layer], baseline, { exact: effects.mlps?.exact?.[layer] !== false });
    const table = effects.heads?.[baseline];
    const exact = effects.heads?.exact?.[layer]?.[head] !== false;
    return after(table?.[layer]?.[head], baseline, { exact, controls: this.#others(table, layer, head, baseline) });
  }

  /** The same switch on other heads. */
  #others(table, layer, head, baseline) {
    const others = everyHead(this.picture).filter(([k, h]) => (k !== layer || h !== head) && typeof table?.[k]?.[h] === "number");
    const some = others.filter((_, k) => k % Math.ceil(others.length / CONTROLS) === 0);
    return some.map(([k, h]) => [`L${k}.H${h} off (${baseline})`, this.picture.before + table[k][h]]);
  }

  #cut(effects, rest) {
    const match = /^(\d+)>(\d+)$/.exec(rest);
    if (!match) return null;
    const [looks, at] = [Number(match[1]), Number(match[2])];
    const edge = effects.edges?.find((each) => each[0] === looks && each[1] === at);
    const { told } = this.picture;
    const control = told && told.looks === looks && told.at === at ? told.control : null;
    const controls = control ? [[switchInWords(`cut:${control.looks}>${control.at}`, this.picture), this.picture.before + control.change]] : [];
    return after(edge?.[2], BASELINE_OF_CUTS, { controls });
  }

  #cell(rest) {
    const match = /^L(\d+)\.H(\d+)\[(\d+),(\d+)\]$/.exec(rest);
    if (!match) return null;
    const [layer, head, row, column] = match.slice(1).map(Number);
    const cells = this.picture.arrays[`layers.${layer}.attention.cells`];
    if (!cells) return null;
    const change = cells.data[(head * cells.shape[1] + row) * cells.shape[2] + column];
    const exact = !cells.rounded && this.picture.cells?.exact?.[layer]?.[head] !== false;
    return after(change, BASELINE_OF_CUTS, { exact });
  }

  #word(effects, rest) {
    const match = /^(\d+):(\w+)$/.exec(rest);
    return match ? after(effects.words?.[match[2]]?.[Number(match[1])], match[2] === "mask" ? this.picture.metric.blank : match[2]) : null;
  }
}

function after(change, baseline, more = {}) {
  return typeof change === "number" && !Number.isNaN(change) ? { change, baseline, ...more } : null;
}
