// "effect>0.01 and sink<0.5": a question about heads, read by hand and never evaluated as code.

const TOKEN = /\s*(>=|<=|!=|>|<|=|\(|\)|[a-z]+|-?(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?)/iy;
const COMPARE = { ">": (a, b) => a > b, "<": (a, b) => a < b, ">=": (a, b) => a >= b, "<=": (a, b) => a <= b, "=": (a, b) => a === b, "!=": (a, b) => a !== b };

/** A test of a record: question("effect>0.01 and not layer=0", ["effect", "layer"]).  Throws one clear line. */
export function question(text, names) {
  const tokens = tokensOf(text);
  if (!tokens.length) return () => true;
  const state = { tokens, at: 0, names };
  const test = either(state);
  if (state.at < tokens.length) throw new Error(`“${tokens[state.at]}” is not expected there; join with “and” or “or”`);
  return test;
}

/** The names a question speaks of. */
export function namesIn(text) {
  return tokensOf(text).filter((each) => /^[a-z]+$/i.test(each) && !["and", "or", "not"].includes(each));
}

function tokensOf(text) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  const trimmed = text.trimEnd();
  while (TOKEN.lastIndex < trimmed.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(trimmed);
    if (!match) throw new Error(`“${trimmed.slice(at).trim().slice(0, 12)}” is not understood; write effect>0.01 and sink<0.5`);
    tokens.push(match[1].toLowerCase());
  }
  return tokens;
}

function either(state) {
  let test = both(state);
  while (state.tokens[state.at] === "or") {
    state.at += 1;
    const [one, other] = [test, both(state)];
    test = (record) => one(record) || other(record);
  }
  return test;
}

function both(state) {
  let test = single(state);
  while (state.tokens[state.at] === "and") {
    state.at += 1;
    const [one, other] = [test, single(state)];
    test = (record) => one(record) && other(record);
  }
  return test;
}

function single(state) {
  const token = state.tokens[state.at];
  if (token === "not") {
    state.at += 1;
    const test = single(state);
    return (record) => !test(record);
  }
  if (token !== "(") return comparison(state);
  state.at += 1;
  const test = either(state);
  if (state.tokens[state.at] !== ")") throw new Error("a bracket is not closed");
  state.at += 1;
  return test;
}

function comparison(state) {
  const [name, sign, value] = state.tokens.slice(state.at, state.at + 3);
  if (!state.names.includes(name)) throw new Error(`${name === undefined ? "something is missing at the end" : `there is no “${name}”`}; ask for ${state.names.join(", ")}`);
  if (!(sign in COMPARE)) throw new Error(`after “${name}” comes >, <, >=, <=, = or !=`);
  const wanted = Number(value);
  if (value === undefined || Number.isNaN(wanted)) throw new Error(`after “${name}${sign}” comes a number`);
  state.at += 3;
  return (record) => record[name] !== null && record[name] !== undefined && COMPARE[sign](record[name], wanted);
}
