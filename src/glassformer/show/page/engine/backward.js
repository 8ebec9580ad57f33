// One backward pass: how far the measure moves when one weight of attention, or one vector, changes a little.  To first
// order only; it chooses what is then measured, and shades the cells that are not.
//
// All in float64, part by part in the order of the forward pass turned round.

/** Gradients of the measure: {weights: [(h, i, j) a layer], pieces: (n, w)}, as Float64Arrays. */
export function gradients(trial) {
  const { model, config } = trial.reader;
  const [n, width] = [trial.n, config.width];
  let slope = behindTheBlocks(trial, n, width);
  if (model.finish) slope = throughNorm(slope, streamOf(trial, trial.layers), model.finish);
  const weights = [];
  for (let layer = trial.layers - 1; layer >= 0; layer -= 1) {
    const done = throughBlock(trial, layer, slope);
    weights.unshift(done.weights);
    slope = done.slope;
  }
  return { weights, pieces: slope };
}

/** The change when one cell of one head is cut, estimated: [(h, i, j) a layer].
 *
 * Cutting j moves row i by a_j ÷ (1 − a_j) · (a − e_j), so the measure by a_j ÷ (1 − a_j) · (g·a − g_j).
 */
export function estimatedCells(trial) {
  const { n } = trial;
  return gradients(trial).weights.map((g, layer) => {
    const a = trial.weights(layer).data;
    const along = Float64Array.from({ length: a.length / n }, (_, row) => dot(g, a, row * n, n));
    return Float32Array.from(a, (weight, k) => (weight / Math.max(1e-6, 1 - weight)) * (along[Math.floor(k / n)] - g[k]));
  });
}

/** The change when a word may not look at another, estimated: [looks][at]. */
export function estimatedEdges(trial) {
  const { n } = trial;
  const cells = estimatedCells(trial);
  const total = new Float64Array(n * n);
  for (const layer of cells) layer.forEach((change, k) => (total[k % (n * n)] += change));
  return trial.words.map((looks) => trial.words.map((at) => looks.pieces.reduce((sum, i) => sum + at.pieces.reduce((more, j) => more + total[i * n + j], 0), 0)));
}

/** What each word adds, estimated: (x − x of the mask) · gradient, summed over its pieces. */
export function estimatedWords(trial) {
  const { pieces } = gradients(trial);
  const { width } = trial.reader.config;
  const mask = trial.reader.model.embed.pieces.data.subarray(trial.reader.tokens.mask * width);
  const x = trial.values.get("embed.pieces").data;
  const adds = (i) => {
    let total = 0;
    for (let f = 0; f < width; f += 1) total += (x[i * width + f] - mask[f]) * pieces[i * width + f];
    return total;
  };
  return trial.words.map((word) => word.pieces.reduce((sum, i) => sum + adds(i), 0));
}

function dot(x, y, from, length) {
  let total = 0;
  for (let k = from; k < from + length; k += 1) total += x[k] * y[k];
  return total;
}

/** The value that a layer reads; behind the last one, the stream. */
export function streamOf(trial, layer) {
  return trial.values.get(layer ? `layers.${layer - 1}.stream` : "embed.stream").data;
}

/** The slope of the measure at the final stream: (n, w). */
function behindTheBlocks(trial, n, width) {
  const { head } = trial.reader.model;
  const logits = trial.unchanged.logits.data;
  const others = [...logits].map((logit, k) => (k === trial.label ? 0 : Math.exp(logit - Math.max(...logits))));
  const total = others.reduce((sum, each) => sum + each, 0);
  const pooled = new Float64Array(width);
  others.forEach((each, k) => addRow(pooled, 0, head.weight.data, k * width, k === trial.label ? 1 : -each / total));
  return unpooled(trial, pooled, n);
}

/** From the slope of the pooled vector to that of every position it was pooled from. */
export function unpooled(trial, pooled, n) {
  const width = pooled.length;
  const slope = new Float64Array(n * width);
  if (trial.reader.config.pool === "mean") return slope.map((_, k) => pooled[k % width] / n);
  const x = trial.values.get("final").data;
  for (let f = 0; f < width; f += 1) {
    let best = 0;
    for (let i = 1; i < n; i += 1) if (x[i * width + f] > x[best * width + f]) best = i;
    slope[best * width + f] = pooled[f];
  }
  return slope;
}

function addRow(to, at, from, start, factor) {
  for (let f = 0; f < to.length - at && f < from.length - start; f += 1) to[at + f] += factor * from[start + f];
}

/** Back through gain · (x − mean) ÷ σ + shift of x (n, w), σ moving with x. */
function throughNorm(slope, x, norm) {
  const width = norm.gain.data.length;
  const done = new Float64Array(slope.length);
  for (let from = 0; from < slope.length; from += width) {
    const { centred, sigma } = spreadOf(x, from, width, norm.epsilon);
    let [mean, along] = [0, 0];
    for (let f = 0; f < width; f += 1) {
      const inside = slope[from + f] * norm.gain.data[f];
      mean += inside / width;
      along += (inside * centred[f]) / sigma / width;
    }
    for (let f = 0; f < width; f += 1) done[from + f] = (slope[from + f] * norm.gain.data[f] - mean - (centred[f] / sigma) * along) / sigma;
  }
  return done;
}

/** Of one row its mean taken away, and √(variance + ε). */
export function spreadOf(x, from, width, epsilon) {
  let [mean, variance] = [0, 0];
  for (let f = 0; f < width; f += 1) mean += x[from + f] / width;
  const centred = Float64Array.from({ length: width }, (_, f) => x[from + f] - mean);
  for (const each of centred) variance += each ** 2 / width;
  return { centred, sigma: Math.sqrt(variance + epsilon) };
}

/** slope (n, outs) · weight (outs, ins) → (n, ins). */
export function throughLinear(slope, { weight }) {
  const [outs, ins] = weight.shape;
  const n = slope.length / outs;
  const done = new Float64Array(n * ins);
  for (let i = 0; i < n; i += 1) {
    const row = done.subarray(i * ins, (i + 1) * ins);
    for (let o = 0; o < outs; o += 1) if (slope[i * outs + o]) addRow(row, 0, weight.data.subarray(o * ins, (o + 1) * ins), 0, slope[i * outs + o]);
  }
  return done;
}

function plus(x, y) {
  return x.map((value, k) => value + y[k]);
}

function throughBlock(trial, layer, slope) {
  const block = trial.reader.model.layers[layer];
  const at = (name) => trial.values.get(`layers.${layer}.${name}`).data;
  const before = streamOf(trial, layer);
  if (trial.reader.config.block === "post") {
    const inner = throughNorm(slope, plus(Float64Array.from(at("between")), at("mlp.out")), block.mlpNorm);
    const between = throughNorm(plus(inner, throughMlp(inner, at("mlp.hidden"), block.mlp)), plus(Float64Array.from(before), at("attention.mixed")), block.attentionNorm);
    const { weights, slope: read } = throughAttention(trial, layer, between);
    return { weights, slope: plus(between, read) };
  }
  const between = plus(slope, throughNorm(throughMlp(slope, at("mlp.hidden"), block.mlp), at("between"), block.mlpNorm));
  const { weights, slope: read } = throughAttention(trial, layer, between);
  return { weights, slope: plus(between, throughNorm(read, before, block.attentionNorm)) };
}

function throughMlp(slope, hidden, mlp) {
  return throughLinear(throughLinear(slope, mlp.outward).map((value, k) => (hidden[k] > 0 ? value : 0)), mlp.inward);
}

/** Back to what attention reads, and to its weights on the way. */
function throughAttention(trial, layer, mixed) {
  const { attention } = trial.reader.model.layers[layer];
  const [q, k, v, a] = ["q", "k", "v", "weights"].map((name) => trial.values.get(`layers.${layer}.attention.${name}`).data);
  const z = throughLinear(mixed, attention.out); // n, heads one after the other
  const [n, width] = [trial.n, trial.reader.config.width];
  const d = width / attention.heads;
  const weights = new Float64Array(a.length);
  const by = { q: new Float64Array(n * width), k: new Float64Array(n * width), v: new Float64Array(n * width) };
  for (let row = 0; row < attention.heads * n; row += 1) {
    const [h, i] = [Math.floor(row / n), row % n];
    const own = z.subarray(i * width + h * d, i * width + (h + 1) * d);
    for (let j = 0; j < n; j += 1) for (let f = 0; f < d; f += 1) weights[row * n + j] += own[f] * v[(h * n + j) * d + f];
    const along = dot(weights, a, row * n, n);
    for (let j = 0; j < n; j += 1) {
      const score = (a[row * n + j] * (weights[row * n + j] - along)) / Math.sqrt(d);
      const [mine, theirs] = [i * width + h * d, j * width + h * d];
      for (let f = 0; f < d; f += 1) {
        by.v[theirs + f] += a[row * n + j] * own[f];
        by.q[mine + f] += score * k[(h * n + j) * d + f];
        by.k[theirs + f] += score * q[(h * n + i) * d + f];
      }
    }
  }
  return { weights, slope: ["q", "k", "v"].map((name) => throughLinear(by[name], attention[name])).reduce(plus) };
}
