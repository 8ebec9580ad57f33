// x · Wᵀ + b, the one thing that takes time: three rows and four columns at once, so that each number that is fetched
// is used several times; a row that is mostly zeros (behind a ReLU) by its other numbers alone.

const TOGETHER = 4; // columns

/** A matrix laid out for `product`.  weight: (out, in) and bias: (out) in float32; sparse: rows may be mostly zeros. */
export function packed({ weight, bias, sparse = false }) {
  const [outs, ins] = weight.shape;
  const wide = Math.ceil(outs / TOGETHER) * TOGETHER;
  const start = new Float64Array(wide);
  start.set(bias.data);
  const rows = wide === outs ? weight.data : new Float32Array(wide * ins);
  if (wide !== outs) rows.set(weight.data);
  return { ins, outs, wide, rows, start, columns: sparse ? turned(rows, wide, ins) : null };
}

function turned(rows, wide, ins) {
  const columns = new Float64Array(rows.length);
  for (let o = 0; o < wide; o += 1) for (let k = 0; k < ins; k += 1) columns[k * wide + o] = rows[o * ins + k];
  return columns;
}

/** x: `count` rows in float32 → as many rows of `outs` numbers, in float32. */
export function product(x, count, matrix) {
  const { ins, outs, wide } = matrix;
  const total = new Float64Array(count * wide);
  const dense = [];
  for (let row = 0; row < count; row += 1) if (!matrix.columns || !sparseRow(x, row, matrix, total)) dense.push(row);
  const exact = new Float64Array(3 * ins);
  for (let at = 0; at < dense.length; at += 3) {
    if (at + 1 === dense.length) oneRow(gathered(x, dense, at, exact), dense[at], matrix, total);
    else threeRows(gathered(x, dense, at, exact), dense, at, matrix, total);
  }
  if (wide === outs) return new Float32Array(total);
  return Float32Array.from({ length: count * outs }, (_, k) => total[Math.floor(k / outs) * wide + (k % outs)]);
}

/** Three of the chosen rows, from number `at` on, in float64; the last one again where there are fewer. */
function gathered(x, chosen, at, exact) {
  const ins = exact.length / 3;
  for (let k = 0; k < 3; k += 1) {
    const row = chosen[Math.min(at + k, chosen.length - 1)] * ins;
    for (let f = 0; f < ins; f += 1) exact[k * ins + f] = x[row + f];
  }
  return exact;
}

function threeRows(x, chosen, at, { ins, wide, rows, start }, total) {
  const [y0, y1, y2] = [0, 1, 2].map((k) => chosen[Math.min(at + k, chosen.length - 1)] * wide);
  for (let o = 0; o < wide; o += TOGETHER) {
    const w0 = o * ins, w1 = w0 + ins, w2 = w1 + ins, w3 = w2 + ins;
    let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0, c0 = 0, c1 = 0, c2 = 0, c3 = 0;
    for (let k = 0; k < ins; k += 1) {
      const a = x[k], b = x[ins + k], c = x[2 * ins + k];
      let w = rows[w0 + k];
      a0 += a * w; b0 += b * w; c0 += c * w;
      w = rows[w1 + k];
      a1 += a * w; b1 += b * w; c1 += c * w;
      w = rows[w2 + k];
      a2 += a * w; b2 += b * w; c2 += c * w;
      w = rows[w3 + k];
      a3 += a * w; b3 += b * w; c3 += c * w;
    }
    store4(total, y0 + o, start, o, a0, a1, a2, a3);
    store4(total, y1 + o, start, o, b0, b1, b2, b3);
    store4(total, y2 + o, start, o, c0, c1, c2, c3);
  }
}

function store4(total, at, start, o, p, q, r, s) {
  total[at] = p + start[o];
  total[at + 1] = q + start[o + 1];
  total[at + 2] = r + start[o + 2];
  total[at + 3] = s + start[o + 3];
}

function oneRow(x, row, { ins, wide, rows, start }, total) {
  for (let o = 0; o < wide; o += TOGETHER) {
    const w = o * ins;
    let p = 0, q = 0, r = 0, s = 0;
    for (let k = 0; k < ins; k += 1) {
      const a = x[k];
      p += a * rows[w + k]; q += a * rows[w + ins + k]; r += a * rows[w + 2 * ins + k]; s += a * rows[w + 3 * ins + k];
    }
    store4(total, row * wide + o, start, o, p, q, r, s);
  }
}

/** False, and nothing done, where more than half of the row is other than zero. */
function sparseRow(x, row, { ins, wide, columns, start }, total) {
  const some = [];
  for (let k = 0; k < ins; k += 1) if (x[row * ins + k] !== 0) some.push(k);
  if (some.length > ins / 2) return false;
  const y = total.subarray(row * wide, (row + 1) * wide);
  y.set(start);
  let at = 0;
  for (; at + 4 <= some.length; at += 4) addFour(y, x, row * ins, some, at, columns);
  for (; at < some.length; at += 1) for (let o = 0, w = some[at] * wide; o < wide; o += 1) y[o] += x[row * ins + some[at]] * columns[w + o];
  return true;
}

function addFour(y, x, from, some, at, columns) {
  const [k0, k1, k2, k3] = [some[at], some[at + 1], some[at + 2], some[at + 3]];
  const [a, b, c, d] = [x[from + k0], x[from + k1], x[from + k2], x[from + k3]];
  const [w0, w1, w2, w3] = [k0 * y.length, k1 * y.length, k2 * y.length, k3 * y.length];
  for (let o = 0; o < y.length; o += 1) y[o] += a * columns[w0 + o] + b * columns[w1 + o] + c * columns[w2 + o] + d * columns[w3 + o];
}
