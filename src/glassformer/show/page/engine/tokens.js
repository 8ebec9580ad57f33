// From text to pieces: the tokenizer of the shipped models, made of its own tokenizer.json.  Mirrors hub/tokens.py.
//
// A character of the text is carried with where it stands, through all that is done to it, so that each piece knows
// the characters it was cut from.  Positions in a text are JavaScript's: text.slice(start, end).

import { translated } from "./pattern.js";

const LONGEST_TEXT = 1_000_000; // characters; a longer one is refused
const PAD_NAME = "[PAD]";
const UNKNOWN_NAME = "[UNK]";
const MASK_NAME = "[MASK]";

export class Tokens {
  /** definition: the parsed JSON of a tokenizer.json.  Throws where it is of another kind than the shipped models'. */
  constructor(definition) {
    const { model, post_processor: around, normalizer, pre_tokenizer: splitter } = definition;
    if (!model || model.type !== "WordPiece" || typeof model.vocab !== "object") refuse(`its model is ${model && model.type}, not WordPiece`);
    if (around) refuse(`it puts pieces of its own around a text (${around.type})`);
    this.vocabulary = new Map(Object.entries(model.vocab));
    this.names = [];
    for (const [name, id] of this.vocabulary) this.names[id] = name;
    this.prefix = model.continuing_subword_prefix;
    this.longestWord = model.max_input_chars_per_word;
    this.normalizers = flat(normalizer, "normalizers").map(normalizerOf);
    this.splitters = flat(splitter, "pretokenizers").map(splitterOf);
    [this.padding, this.unknown, this.mask] = [PAD_NAME, UNKNOWN_NAME, MASK_NAME].map((name) => this.#id(name));
    this.maskName = MASK_NAME;
  }

  #id(name) {
    const id = this.vocabulary.get(name);
    if (id === undefined) refuse(`it has no ${name} piece`);
    return id;
  }

  /** Cut `text` into at most `most` pieces: {text, ids, names, spans, words: [{text, pieces}], left_out, unread}.
   *
   * Throws for a text that is empty, or of which no piece is known.
   */
  cut(text, most) {
    checkText(text);
    const all = this.#pieces(text);
    const shown = quotedText([...text].slice(0, 40).join(""));
    if (!all.length) throw new Error(`the text ${shown} holds nothing to read; give at least one word`);
    const read = all.slice(0, most);
    if (read.every((piece) => piece.id === this.unknown)) throw new Error(`no word of ${shown} is in the vocabulary; the model would answer blindly`);
    return {
      text,
      ids: read.map((piece) => piece.id),
      names: read.map((piece) => this.names[piece.id]),
      spans: read.map((piece) => [piece.start, piece.end]),
      words: wordsOf(text, read),
      left_out: all.length - read.length,
      unread: all.length > most ? text.slice(all[most].start) : "",
    };
  }

  #pieces(text) {
    let characters = charactersOf(text);
    for (const normalize of this.normalizers) characters = normalize(characters);
    let words = [characters];
    for (const split of this.splitters) words = words.flatMap(split);
    return words.flatMap((word, number) => this.#wordPieces(word).map((piece) => ({ ...piece, number })));
  }

  /** The longest piece that fits, then the longest that goes on from there; a word that cannot be cut so is unknown. */
  #wordPieces(word) {
    const whole = [{ id: this.unknown, start: word[0].start, end: word.at(-1).end }];
    if (word.length > this.longestWord) return whole;
    const pieces = [];
    for (let from = 0; from < word.length; ) {
      const to = this.#longest(word, from);
      if (to === from) return whole;
      pieces.push({ id: this.vocabulary.get(this.#written(word, from, to)), start: word[from].start, end: word[to - 1].end });
      from = to;
    }
    return pieces;
  }

  #longest(word, from) {
    for (let to = word.length; to > from; to -= 1) if (this.vocabulary.has(this.#written(word, from, to))) return to;
    return from;
  }

  #written(word, from, to) {
    const letters = word.slice(from, to).map((character) => character.c).join("");
    return from ? this.prefix + letters : letters;
  }
}

/** A text in quotes, as Python writes it. */
export function quotedText(text) {
  return text.includes("'") && !text.includes('"') ? `"${text}"` : `'${text}'`;
}

function refuse(why) {
  throw new Error(`this tokenizer cannot be run in the page: ${why}; open the model with glassformer open`);
}

function checkText(text) {
  if (!text.replace(/[\p{White_Space}\u001c-\u001f]/gu, "")) throw new Error('the text is empty; give a sentence, such as "this restaurant was not terrible"');
  if (text.length > LONGEST_TEXT) throw new Error(`the text has ${text.length} characters; at most ${LONGEST_TEXT} can be read at once`);
  if (/\p{Cs}/u.test(text)) throw new Error("the text holds half a character; paste it again");
}

/** Every character (code point) with where it stands: [{c, start, end}]. */
function charactersOf(text) {
  let at = 0;
  return [...text].map((c) => ({ c, start: at, end: (at += c.length) }));
}

function flat(step, inside) {
  if (!step) return [];
  return step.type === "Sequence" ? step[inside].flatMap((each) => flat(each, inside)) : [step];
}

function normalizerOf(step) {
  if (step.type === "Replace" && [...(step.pattern.String || "")].length === 1) return (characters) => characters.flatMap((each) => (each.c === step.pattern.String ? spelled(each, step.content) : [each]));
  if (step.type !== "BertNormalizer") refuse(`its normalizer is ${step.type}`);
  if (step.handle_chinese_chars) refuse("its normalizer sets Chinese characters apart");
  const strips = step.strip_accents ?? step.lowercase;
  const steps = [step.clean_text && cleaned, strips && stripped, step.lowercase && lowered].filter(Boolean);
  return (characters) => steps.reduce((done, each) => done.flatMap(each), characters);
}

/** `letters` in the place of one character. */
function spelled({ start, end }, letters) {
  return [...letters].map((c) => ({ c, start, end }));
}

/** Nothing for what cannot be seen; a blank for any white space. */
function cleaned(character) {
  const { c } = character;
  if (c === "\t" || c === "\n" || c === "\r") return spelled(character, " ");
  if (c === "\0" || c === "\ufffd" || /[\p{Cc}\p{Cf}\p{Co}]/u.test(c)) return [];
  return /\p{White_Space}/u.test(c) ? spelled(character, " ") : [character];
}

function stripped(character) {
  if (character.c < "\u0080") return [character];
  return spelled(character, character.c.normalize("NFD")).filter((each) => !/\p{Mn}/u.test(each.c));
}

function lowered(character) {
  return spelled(character, character.c.toLowerCase());
}

/** From one stretch of characters to several. */
function splitterOf(step) {
  if (step.type === "WhitespaceSplit") return (characters) => apart(characters, (text) => text.matchAll(/\p{White_Space}/gu), false);
  if (step.type !== "Split" || !step.pattern.Regex || step.behavior !== "Isolated" || step.invert) refuse(`its pre-tokenizer is ${step.type}`);
  const pattern = new RegExp(translated(step.pattern.Regex), "gu");
  return (characters) => apart(characters, (text) => text.matchAll(pattern), true);
}

/** Cut before and after every match; the matches themselves are kept or not. */
function apart(characters, matches, keep) {
  const text = characters.map((each) => each.c).join("");
  const begins = new Map();
  characters.reduce((at, each, k) => (begins.set(at, k), at + each.c.length), 0);
  begins.set(text.length, characters.length);
  const parts = [];
  let done = 0;
  for (const match of matches(text)) {
    const [from, to] = [begins.get(match.index), begins.get(match.index + match[0].length)];
    parts.push(characters.slice(done, from), keep ? characters.slice(from, to) : []);
    done = to;
  }
  return [...parts, characters.slice(done)].filter((part) => part.length);
}

function wordsOf(text, pieces) {
  const positions = new Map();
  pieces.forEach((piece, k) => positions.set(piece.number, [...(positions.get(piece.number) || []), k]));
  return [...positions.values()].map((own) => {
    const written = text.slice(pieces[own[0]].start, pieces[own.at(-1)].end);
    return { text: written.trim() || written, pieces: own };
  });
}
