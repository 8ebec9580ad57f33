// The one junction between a model and whoever watches it, as tape.py has it: a model names its values with `note`,
// and a tape keeps them or puts others in their place.
//
// Besides, a tape that stands on another, the tape of the unchanged run, has linear maps computed only where their
// rows are other ones.  The results are the same to the last bit: equal rows give equal rows.

export class Tape {
  #run;
  #path;

  /** run: from `listening`. */
  constructor(run, path = "") {
    this.#run = run;
    this.#path = path;
  }

  /** The values heard, by address, in the order they were computed. */
  get values() {
    return this.#run.values;
  }

  /** The tape as the part of the model at `path` knows it. */
  at(path) {
    return new Tape(this.#run, this.#path ? `${this.#path}.${path}` : path);
  }

  /** Name an intermediate value: edited, kept, handed on. */
  note(site, value) {
    const { keep, edits, values } = this.#run;
    if (!keep && !edits.length) return value;
    const name = this.#path ? `${this.#path}.${site}` : site;
    const done = edits.reduce((now, edit) => (fits(edit.sites, name) ? edited(name, edit, now) : now), value);
    if (keep) values.set(name, done);
    return done;
  }

  /** compute(data, count) → as many rows of `width` numbers, of all rows of x (n, w), or of those that are new. */
  rows(x, width, compute) {
    const { base, rows, keep } = this.#run;
    const known = base && base.rows(this.#path);
    const y = known ? renewed(x, width, compute, known) : { shape: [x.shape[0], width], data: compute(x.data, x.shape[0]) };
    if (keep) rows.set(this.#path, { x, y });
    return y;
  }

  /** What stands behind the unchanged run, for a tape that stands on this one. */
  get base() {
    const { rows } = this.#run;
    return { rows: (path) => rows.get(path) };
  }
}

/** A tape.  keep: all values; edits: [{sites: glob, edit: value → value of the same shape}]; base: another tape. */
export function listening({ keep = false, edits = [], base = null } = {}) {
  return new Tape({ keep, edits, base: base && base.base, values: new Map(), rows: new Map() });
}

const patterns = new Map();

/** Whether a glob, as "layers.*.attention.z", names this site. */
export function fits(glob, name) {
  if (!glob.includes("*")) return glob === name;
  if (!patterns.has(glob)) patterns.set(glob, new RegExp(`^${glob.replaceAll(".", "\\.").replaceAll("*", ".*")}$`));
  return patterns.get(glob).test(name);
}

function edited(name, edit, value) {
  const done = edit.edit(value, name);
  if (String(done.shape) !== String(value.shape)) throw new Error(`the edit of ${name} must give back (${value.shape}), as it was given; it gave (${done.shape})`);
  return done;
}

/** The rows of the unchanged run, with those that differ computed anew. */
function renewed(x, width, compute, known) {
  const wide = x.shape[1];
  const fresh = rowsThatDiffer(x, known.x);
  if (!fresh.length && x.shape[0] === known.x.shape[0]) return known.y;
  const y = new Float32Array(x.shape[0] * width);
  y.set(known.y.data.subarray(0, Math.min(y.length, known.y.data.length)));
  const some = new Float32Array(fresh.length * wide);
  fresh.forEach((row, k) => some.set(x.data.subarray(row * wide, (row + 1) * wide), k * wide));
  const made = compute(some, fresh.length);
  fresh.forEach((row, k) => y.set(made.subarray(k * width, (k + 1) * width), row * width));
  return { shape: [x.shape[0], width], data: y };
}

let compared = { x: null, other: null, rows: [] }; // q, k and v read the same

function rowsThatDiffer(x, other) {
  if (compared.x === x && compared.other === other) return compared.rows;
  const [rows, wide] = [[], x.shape[1]];
  for (let row = 0; row < x.shape[0]; row += 1) if (row >= other.shape[0] || differs(x.data, other.data, row * wide, wide)) rows.push(row);
  compared = { x, other, rows };
  return rows;
}

function differs(x, y, from, length) {
  for (let k = from; k < from + length; k += 1) if (x[k] !== y[k]) return true;
  return false;
}
