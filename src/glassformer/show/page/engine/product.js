// x · Wᵀ + b, the one thing that takes time: three rows and four columns at once, so that each number that is fetched
// is used several times; a row that is mostly zeros (behind a ReLU) by its other numbers alone.

const TOGETHER = 4; // columns

/** A matrix laid out for `product`.  weight: (out, in) and bias: (out) in float32; sparse: rows may be mostly zeros. */
export function packed({ weight, bias, sparse = false }) {
  const [outs, ins] = weight.shape;
  const wide = Math.ceil(outs / TOGETHER) * TOGETHER;
  const [rows, start] = [new Float64Array(wide * ins), new Float64Array(wide)];
  rows.set(weight.data);
  start.set(bias.data);
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
  let at = 0;
  for (; at + 3 <= dense.length; at += 3) threeRows(gathered(x, dense, at, exact), dense, at, matrix, total);
  for (; at < dense.length; at += 1) oneRow(x, dense[at], matrix, total);
  if (wide === outs) return Float32Array.from(total);
  return Float32Array.from({ length: count * outs }, (_, k) => total[Math.floor(k / outs) * wide + (k % outs)]);
}

function gathered(x, chosen, at, exact) {
  const ins = exact.length / 3;
  for (let k = 0; k < 3; k += 1) exact.set(x.subarray(chosen[at + k] * ins, (chosen[at + k] + 1) * ins), k * ins);
  return exact;
}

function threeRows(x, chosen, at, { ins, wide, rows, start }, total) {
  const [y0, y1, y2] = [chosen[at] * wide, chosen[at + 1] * wide, chosen[at + 2] * wide];
  for (let o = 0; o < wide; o += TOGETHER) {
    const [w0, w1, w2, w3] = [o * ins, (o + 1) * ins, (o + 2) * ins, (o + 3) * ins];
    let [a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for (let k = 0; k < ins; k += 1) {
      const [a, b, c] = [x[k], x[ins + k], x[2 * ins + k]];
      const [p, q, r, s] = [rows[w0 + k], rows[w1 + k], rows[w2 + k], rows[w3 + k]];
      a0 += a * p; a1 += a * q; a2 += a * r; a3 += a * s;
      b0 += b * p; b1 += b * q; b2 += b * r; b3 += b * s;
      c0 += c * p; c1 += c * q; c2 += c * r; c3 += c * s;
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
  for (let o = 0, from = row * ins; o < wide; o += TOGETHER) {
    const w = o * ins;
    let [p, q, r, s] = [0, 0, 0, 0];
    for (let k = 0; k < ins; k += 1) {
      const a = x[from + k];
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
