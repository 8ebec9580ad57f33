// A tokenizer's pattern, written for Oniguruma, as JavaScript writes it: there \w, \s and \b know all of Unicode.

const WORD = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
const AT_A_BORDER = `${WORD}\\u00b2\\u00b3\\u00b9\\u00bc-\\u00be`; // Oniguruma's \b, other than its \w, takes ² and ½ for letters
const IN_A_CLASS = { w: WORD, s: "\\p{White_Space}", d: "\\p{Nd}" };
const ALONE = {
  w: `[${WORD}]`,
  s: "\\p{White_Space}",
  d: "\\p{Nd}",
  b: `(?:(?<=[${AT_A_BORDER}])(?![${AT_A_BORDER}])|(?<![${AT_A_BORDER}])(?=[${AT_A_BORDER}]))`,
};
const PLAIN = /^(?:\(\?(?::|<?[=!])|[^\\[\](){}]|[()])/u;

/** `pattern` in JavaScript's words.  Throws for what is not known here. */
export function translated(pattern) {
  let [done, rest, inside] = ["", pattern, false];
  while (rest) {
    const step = onePattern(rest, inside);
    if (!step) throw new Error(`the tokenizer's pattern cannot be run in the page, from ${JSON.stringify(rest.slice(0, 20))} on; open the model with glassformer open`);
    done += step.written;
    rest = rest.slice(step.length);
    inside = step.inside;
  }
  return done;
}

/** The first thing of `rest`: how it is written, how long it was, and whether a class [ … ] is open after it. */
function onePattern(rest, inside) {
  if (rest[0] === "\\") {
    const written = (inside ? IN_A_CLASS : ALONE)[rest[1]];
    return written ? { written, length: 2, inside } : null;
  }
  if (rest[0] === "[" && !inside) {
    const opening = rest.startsWith("[^") ? "[^" : "[";
    return { written: opening, length: opening.length, inside: true };
  }
  if (rest[0] === "]" && inside) return { written: "]", length: 1, inside: false };
  const plain = PLAIN.exec(rest);
  return plain ? { written: plain[0], length: plain[0].length, inside } : null;
}
