// One head of a picture, out of its q, k and v, in float64: what matches what, what is looked at, what is brought along.
//
// What a switch has put in the place of one of these stands in the picture itself, and is taken as it is.

const OPERANDS = ["q", "k", "v"];

/** {q, k, v, scores, scaled, weights, mixture, z: {shape, data, rounded}, cells: {…, exact}}; null for what is not held. */
export function headOf(picture, layer, head) {
  const held = (kind) => partOf(picture.arrays[`layers.${layer}.attention.${kind}`], head);
  const [q, k, v] = OPERANDS.map(held);
  const look = picture.arrays.look ?? null;
  const scores = held("scores") ?? (q && k && dotProducts(q, k));
  const scaled = held("scaled") ?? (scores && q && scaledScores(scores, held("near"), q.shape[1]));
  const given = held("weights");
  const weights = given && !(given.rounded && scaled) ? given : scaled && shares(scaled, look);
  const brought = held("brought");
  const found = { q, k, v, scores, scaled, weights, mixture: weights && brought && mixtureOf(weights, brought), z: held("z") ?? (weights && v && mixed(weights, v)) };
  const cells = held("cells");
  return { ...found, cells: cells && { ...cells, exact: Boolean(picture.cells?.exact?.[layer]?.[head]) && !cells.rounded } };
}

/** The numbers of one head out of those of all; null where they are not held. */
function partOf(array, head) {
  if (!array || head >= array.shape[0]) return null;
  const shape = array.shape.slice(1);
  const size = shape.reduce((product, each) => product * each, 1);
  const data = Float64Array.from(array.data.subarray(head * size, (head + 1) * size));
  return data.length && Number.isNaN(data[0]) ? null : { shape, data, rounded: array.rounded };
}

/** q · k of every two positions. */
function dotProducts(q, k) {
  const [n, d] = q.shape;
  const keys = k.shape[0];
  const data = new Float64Array(n * keys);
  for (let i = 0; i < n; i += 1) for (let j = 0; j < keys; j += 1) data[i * keys + j] = sumOfProducts(q.data, i * d, k.data, j * d, d);
  return { shape: [n, keys], data, rounded: q.rounded || k.rounded };
}

function sumOfProducts(x, from, y, start, length) {
  let total = 0;
  for (let f = 0; f < length; f += 1) total += x[from + f] * y[start + f];
  return total;
}

/** (score + what the distance adds) ÷ √d. */
function scaledScores(scores, near, d) {
  const root = Math.sqrt(d);
  return { ...scores, data: scores.data.map((score, k) => (score + (near ? near.data[k] : 0)) / root), rounded: scores.rounded || Boolean(near?.rounded) };
}

/** softmax of each row, of what may be looked at; zeros in a row that may look at nothing. */
function shares({ shape, data, rounded }, look) {
  const columns = shape[1];
  const weights = new Float64Array(data.length);
  for (let from = 0; from < data.length; from += columns) {
    const may = (j) => !look || look.data[from + j];
    let [largest, total] = [-Infinity, 0];
    for (let j = 0; j < columns; j += 1) if (may(j)) largest = Math.max(largest, data[from + j]);
    for (let j = 0; j < columns; j += 1) total += weights[from + j] = may(j) && largest > -Infinity ? Math.exp(data[from + j] - largest) : 0;
    for (let j = 0; j < columns; j += 1) weights[from + j] /= total || 1;
  }
  return { shape, data: weights, rounded };
}

/** Each weight by what it brings, as a share of its row.  Kobayashi et al. 2020, "Attention is not only a weight". */
function mixtureOf(weights, brought) {
  const columns = weights.shape[1];
  const data = weights.data.map((weight, k) => weight * brought.data[k % columns]);
  for (let from = 0; from < data.length; from += columns) {
    const row = data.subarray(from, from + columns);
    const total = Math.max(1e-30, row.reduce((sum, each) => sum + each, 0));
    row.forEach((each, j) => (row[j] = each / total));
  }
  return { shape: weights.shape, data, rounded: weights.rounded || brought.rounded };
}

/** Of each value as much as its weight. */
function mixed(weights, v) {
  const [n, keys] = weights.shape;
  const d = v.shape[1];
  const data = new Float64Array(n * d);
  for (let i = 0; i < n; i += 1) for (let j = 0; j < keys; j += 1) for (let f = 0; f < d; f += 1) data[i * d + f] += weights.data[i * keys + j] * v.data[j * d + f];
  return { shape: [n, d], data, rounded: weights.rounded || v.rounded };
}
