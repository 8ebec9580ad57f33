// One text through one model, to be run again with something changed, as in explain/trial.py.

import { editsOf } from "./switching.js";
import { listening } from "./tape.js";

const CLEAR_ODDS = 0.25; // a smaller change is called none
const EXACT_WORK = 2e11; // multiplications and additions, above which effects are estimated first
const [FEWEST, MOST] = [3_000, 20_000]; // positions that are always, or never, computed for that

/** ln(p ÷ (1 − p)) of one class, in float64. */
export function logOdds(logits, label) {
  const others = [...logits].filter((_, k) => k !== label);
  const largest = Math.max(...others);
  return logits[label] - largest - Math.log(others.reduce((total, each) => total + Math.exp(each - largest), 0));
}

/** The value of log-odds as a probability. */
export function shareOf(value) {
  return 1 / (1 + Math.exp(-value));
}

export class Trial {
  #unchanged = null;
  #attention = null;

  /** pieces: from Tokens.cut; switches: on in every run; label: what is asked, where the text alone does not say it. */
  constructor(reader, pieces, switches = [], label = null) {
    this.reader = reader;
    this.pieces = pieces;
    this.switches = switches;
    this.asked = label;
    this.words = pieces.words;
    this.texts = pieces.words.map((word) => word.text);
    this.n = pieces.ids.length;
    this.layers = reader.model.layers.length;
    this.heads = reader.model.layers.flatMap(({ attention }, layer) => Array.from({ length: attention.heads }, (_, head) => [layer, head]));
  }

  get headWidth() {
    return this.reader.config.width / this.reader.config.heads;
  }

  get unchanged() {
    if (!this.#unchanged) {
      const tape = listening({ keep: true, edits: editsOf(this.switches) });
      const logits = this.reader.model.run(this.pieces.ids, tape);
      this.#unchanged = { tape, logits };
    }
    return this.#unchanged;
  }

  /** Every intermediate value of the unchanged run, by address. */
  get values() {
    return this.unchanged.tape.values;
  }

  /** The label that is asked about: the last of two, the answered one of more. */
  get label() {
    const { data } = this.unchanged.logits;
    return this.asked ?? (data.length === 2 ? 1 : data.indexOf(Math.max(...data)));
  }

  get before() {
    return this.measure(this.unchanged.logits);
  }

  measure(logits) {
    return logOdds(logits.data, this.label);
  }

  get metric() {
    const labels = this.reader.labels;
    const name = labels[this.label];
    const sides = [labels.length === 2 ? labels[0] : `not ${name}`, name];
    return { name: "log-odds", of: name, address: `logits[${this.label}]`, sides, least: CLEAR_ODDS, digits: 2, blank: this.reader.tokens.maskName, estimate: "to first order, by one backward pass" };
  }

  get answer() {
    return this.answerOf(this.unchanged.logits);
  }

  /** {says, probability, value, share} of any logits. */
  answerOf({ data }) {
    const largest = Math.max(...data);
    const parts = [...data].map((logit) => Math.exp(logit - largest));
    const total = parts.reduce((sum, part) => sum + part, 0);
    const shares = parts.map((part) => part / total);
    const label = shares.indexOf(Math.max(...shares));
    const probability = Object.fromEntries(this.reader.labels.map((name, k) => [name, shares[k]]));
    return { says: this.reader.labels[label], probability, masks: null, next: null, value: this.measure({ data }), share: shares.length === 2 ? shares[1] : shares[label] };
  }

  /** The answer turns round. */
  turns(before, after) {
    return before * after < 0;
  }

  /** The logits with `switches` on, or of other pieces. */
  logits(switches = [], ids = this.pieces.ids) {
    const tape = listening({ edits: editsOf([...this.switches, ...switches]), base: this.unchanged.tape });
    return this.reader.model.run(ids, tape);
  }

  /** The measure with `switches` on. */
  after(...switches) {
    if (switches.some((each) => each.gone.length)) return this.switched(...switches).before;
    return this.measure(this.logits(switches));
  }

  /** The measure of other pieces in the place of these. */
  afterIds(ids, ...switches) {
    return this.measure(this.logits(switches, ids));
  }

  /** The same question with `switches` on: what its tape holds is what they made of it. */
  switched(...switches) {
    const gone = switches.flatMap((each) => each.gone);
    beyond(this.pieces, switches);
    return new Trial(this.reader, gone.length ? shorter(this.pieces, gone) : this.pieces, [...this.switches, ...switches], this.label);
  }

  /** How many positions may be computed before effects are estimated: fewer in larger models. */
  get exact() {
    const weights = this.reader.weighed;
    return Math.floor(Math.min(MOST, Math.max(FEWEST, EXACT_WORK / (2 * Math.max(1, weights)))));
  }

  /** The pieces with these words replaced by the model's mask. */
  masked(word) {
    return this.pieces.ids.map((id, k) => (this.words[word].pieces.includes(k) ? this.reader.tokens.mask : id));
  }

  /** The edges between the pieces of two words: [[i, j], …]. */
  edges(looks, at) {
    return this.words[looks].pieces.flatMap((i) => this.words[at].pieces.map((j) => [i, j]));
  }

  /** Every two different words: [who looks, at whom]. */
  get pairs() {
    const all = this.words.map((_, k) => k);
    return all.flatMap((i) => all.filter((j) => j !== i).map((j) => [i, j]));
  }

  weights(layer) {
    return this.values.get(`layers.${layer}.attention.weights`);
  }

  /** How much each word looks at each, of every head: [layer][head][looks][at].  Summed over the pieces looked at,
   *  averaged over those that look.
   */
  get attention() {
    this.#attention ||= this.reader.model.layers.map(({ attention }, layer) => Array.from({ length: attention.heads }, (_, head) => this.byWord(this.weights(layer), head)));
    return this.#attention;
  }

  byWord({ data, shape: [, n] }, head) {
    const looked = (i, { pieces }) => pieces.reduce((sum, j) => sum + data[(head * n + i) * n + j], 0);
    return this.words.map((looks) => this.words.map((at) => looks.pieces.reduce((sum, i) => sum + looked(i, at), 0) / looks.pieces.length));
  }

  /** The mean over all layers and heads, or over those given. */
  meanAttention(looks, at, layer = null, head = null) {
    const chosen = this.heads.filter(([l, h]) => (layer === null || l === layer) && (head === null || h === head));
    return chosen.reduce((sum, [l, h]) => sum + this.attention[l][h][looks][at], 0) / chosen.length;
  }
}

/** The pieces without the words of these numbers: what stood behind them moves up. */
export function shorter(pieces, gone) {
  const away = new Set(gone.flatMap((k) => pieces.words[k].pieces));
  const kept = pieces.ids.map((_, k) => k).filter((k) => !away.has(k));
  if (!kept.length) throw new Error(`nothing would be left to read of '${pieces.text.slice(0, 40)}'; leave one word in it`);
  const place = new Map(kept.map((old, now) => [old, now]));
  const words = pieces.words.filter((word) => !away.has(word.pieces[0])).map((word) => ({ text: word.text, pieces: word.pieces.map((k) => place.get(k)) }));
  const some = Object.fromEntries(["ids", "names", "spans"].map((name) => [name, kept.map((k) => pieces[name][k])]));
  return { ...pieces, ...some, words };
}

/** Throw where a switch counts what stands behind a word that another one takes out. */
function beyond(pieces, switches) {
  const first = Math.min(...switches.flatMap((each) => each.gone.map((k) => pieces.words[k].pieces[0])));
  const late = switches.find((each) => each.reach > first);
  if (!late) return;
  const word = pieces.words.find((each) => each.pieces.includes(first)).text;
  throw new Error(`${word} is taken out, and ${late.text} counts what stands behind it; choose one of them`);
}
