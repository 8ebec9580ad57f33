// Numbers with a shape, and the few things a forward pass does with them.  Stored in float32, added up in float64.
//
// A tensor is {shape, data}; nothing here changes one that it is given.

export function tensor(shape, data = new Float32Array(shape.reduce((product, size) => product * size, 1))) {
  return { shape, data };
}

/** One number after another, by `change(value)`. */
export function mapped(x, change) {
  const y = tensor(x.shape);
  for (let k = 0; k < y.data.length; k += 1) y.data[k] = change(x.data[k]);
  return y;
}

/** x + y, of one shape. */
export function sumOf(x, y) {
  const sum = tensor(x.shape);
  for (let k = 0; k < sum.data.length; k += 1) sum.data[k] = x.data[k] + y.data[k];
  return sum;
}

/** (n, h·d) → (h, n, d). */
export function headsApart(x, heads) {
  const [n, width] = x.shape;
  const d = width / heads;
  const y = tensor([heads, n, d]);
  for (let h = 0; h < heads; h += 1) for (let i = 0; i < n; i += 1) y.data.set(x.data.subarray(i * width + h * d, i * width + (h + 1) * d), (h * n + i) * d);
  return y;
}

/** (h, n, d) → (n, h·d): all heads, one after the other. */
export function headsJoined(z) {
  const [heads, n, d] = z.shape;
  const y = tensor([n, heads * d]);
  for (let h = 0; h < heads; h += 1) for (let i = 0; i < n; i += 1) y.data.set(z.data.subarray((h * n + i) * d, (h * n + i + 1) * d), (i * heads + h) * d);
  return y;
}

/** How well each query matches each key: (h, i, d) and (h, j, d) → q · k, (h, i, j). */
export function dots(q, k) {
  const [heads, n, d] = q.shape;
  const y = tensor([heads, n, k.shape[1]]);
  for (let h = 0, at = 0; h < heads; h += 1) for (let i = 0; i < n; i += 1) for (let j = 0; j < k.shape[1]; j += 1, at += 1) y.data[at] = dotted(q.data, (h * n + i) * d, k.data, (h * k.shape[1] + j) * d, d);
  return y;
}

function dotted(x, from, y, start, length) {
  let total = 0;
  for (let f = 0; f < length; f += 1) total += x[from + f] * y[start + f];
  return total;
}

/** Of each value as much as its weight: (h, i, j) and (h, j, d) → (h, i, d). */
export function mixtures(weights, v) {
  const [heads, n, keys] = weights.shape;
  const d = v.shape[2];
  const y = tensor([heads, n, d]);
  const total = new Float64Array(d);
  for (let row = 0; row < heads * n; row += 1) {
    total.fill(0);
    const values = Math.floor(row / n) * keys * d;
    for (let j = 0; j < keys; j += 1) addScaled(total, v.data, values + j * d, weights.data[row * keys + j]);
    y.data.set(total, row * d);
  }
  return y;
}

function addScaled(total, x, from, factor) {
  for (let f = 0; f < total.length; f += 1) total[f] += factor * x[from + f];
}

/** softmax over the last axis.  What may not be looked at is −∞; a row of nothing else gets zeros. */
export function softmax(scores) {
  const width = scores.shape.at(-1);
  const y = tensor(scores.shape);
  const row = new Float64Array(width);
  for (let from = 0; from < y.data.length; from += width) {
    softmaxInto(row, scores.data, from);
    y.data.set(row, from);
  }
  return y;
}

function softmaxInto(row, scores, from) {
  let largest = -Infinity;
  for (let k = 0; k < row.length; k += 1) if (scores[from + k] > largest) largest = scores[from + k];
  if (largest === -Infinity) return row.fill(0);
  let total = 0;
  for (let k = 0; k < row.length; k += 1) total += row[k] = Math.exp(scores[from + k] - largest);
  for (let k = 0; k < row.length; k += 1) row[k] /= total;
  return row;
}

/** Of each row its mean taken away: (n, w) → {centred (n, w), spread: √(variance + ε) of each row}. */
export function centredRows(x, epsilon) {
  const [n, width] = x.shape;
  const centred = tensor(x.shape);
  const spread = new Float64Array(n);
  for (let i = 0, from = 0; i < n; i += 1, from += width) {
    let mean = 0;
    let squares = 0;
    for (let f = 0; f < width; f += 1) mean += x.data[from + f];
    mean /= width;
    for (let f = 0; f < width; f += 1) {
      const away = x.data[from + f] - mean;
      centred.data[from + f] = away;
      squares += away * away;
    }
    spread[i] = Math.sqrt(squares / width + epsilon);
  }
  return { centred, spread };
}

/** Each row by what it spreads over: (n, w) ÷ (n). */
export function dividedRows(x, spread) {
  const y = tensor(x.shape);
  const width = x.shape[1];
  for (let i = 0, at = 0; i < spread.length; i += 1) for (let f = 0; f < width; f += 1, at += 1) y.data[at] = x.data[at] / spread[i];
  return y;
}

/** Each feature by its gain, and its shift added: (n, w) · (w) + (w). */
export function stretchedRows(x, gain, shift) {
  const y = tensor(x.shape);
  for (let at = 0; at < y.data.length; ) for (let f = 0; f < gain.length; f += 1, at += 1) y.data[at] = x.data[at] * gain[f] + shift[f];
  return y;
}

/** The mean over positions: (n, w) → (w). */
export function meanOf(x) {
  const [n, width] = x.shape;
  const total = new Float64Array(width);
  for (let i = 0; i < n; i += 1) addScaled(total, x.data, i * width, 1 / n);
  return tensor([width], new Float32Array(total));
}

/** The largest value of each feature over positions: (n, w) → (w). */
export function maximumOf(x) {
  const [n, width] = x.shape;
  return tensor([width], Float32Array.from({ length: width }, (_, f) => Math.max(...Array.from({ length: n }, (__, i) => x.data[i * width + f]))));
}
