// What the answer is made of: what the embedding, each head, each MLP and the biases put into it, as in explain/path.py.
// Everything in between is linear once the scales of the norms are held, so the terms sum to the answer exactly.

import { spreadOf, streamOf, throughLinear, unpooled } from "./backward.js";
import { listening } from "./tape.js";
import { tensor } from "./tensor.js";
import { shareOf } from "./trial.js";

const NORMS = "the scales of the norms";
const WINNERS = "the positions that won the maximum";
const CLOSE_TO = 1e-4; // of what all terms come to without their signs

/** {of, total, terms, held}; null where a switch has changed what a part puts in, so that they do not sum to it. */
export function pathOf(trial) {
  const found = trial.layers ? ofBlocks(trial) : ofBag(trial);
  const whole = found.terms.reduce((sum, term) => sum + Math.abs(term.value), 0);
  const said = labelRow(trial, [...trial.unchanged.logits.data].map((logit) => [logit]))[0];
  return trial.switches.length && Math.abs(found.total - said) > CLOSE_TO * whole ? null : found;
}

function pathFrom(trial, terms, held) {
  const { labels } = trial.reader;
  const name = labels[trial.label];
  const of = labels.length === 2 ? `the log-odds of ${name}: its logit less that of ${labels[0]}` : `the logit of ${name}`;
  return { of, total: terms.reduce((sum, each) => sum + each.value, 0), terms, held };
}

function term(name, kind, value, layer = null, head = null) {
  return { name, kind, layer, head, value };
}

/** Of rows that belong to a label each the one of the answer: of two labels the difference. */
function labelRow(trial, rows) {
  if (rows.length !== 2) return Float64Array.from(rows[trial.label]);
  return Float64Array.from(rows[1], (value, k) => value - rows[0][k]);
}

function rowsOf({ data, shape }) {
  const width = data.length / shape[0];
  return Array.from({ length: shape[0] }, (_, k) => data.subarray(k * width, (k + 1) * width));
}

function ofBag(trial) {
  const { data } = trial.values.get("shares");
  const { bias } = trial.reader.model;
  const own = (k) => labelRow(trial, [...data.subarray(k * bias.data.length, (k + 1) * bias.data.length)].map((share) => [share]))[0];
  const terms = trial.pieces.names.map((name, k) => term(name, "embed", own(k)));
  return pathFrom(trial, [...terms, term("bias of the answer", "bias", labelRow(trial, [...bias.data].map((each) => [each]))[0])], "nothing");
}

function ofBlocks(trial) {
  const { model, config } = trial.reader;
  let slope = unpooled(trial, labelRow(trial, rowsOf(model.head.weight)), trial.n);
  let bias = labelRow(trial, rowsOf(model.head.bias))[0];
  if (model.finish) [slope, bias] = heldNorm(slope, streamOf(trial, trial.layers), model.finish, bias);
  let terms = [term("bias of the answer", "bias", bias)];
  for (let layer = trial.layers - 1; layer >= 0; layer -= 1) {
    const done = throughLayer(trial, layer, slope);
    slope = done.slope;
    terms = [...done.terms, ...terms];
  }
  const held = config.pool === "max" ? `${NORMS}, ${WINNERS}` : NORMS;
  return pathFrom(trial, [term("embedding", "embed", along(slope, streamOf(trial, 0))), ...terms], held);
}

function along(slope, x) {
  return slope.reduce((sum, each, k) => sum + each * x[k], 0);
}

/** From the slope behind a layer to the one before it, and what the parts of the layer put in. */
function throughLayer(trial, layer, behind) {
  const block = trial.reader.model.layers[layer];
  const at = (name) => trial.values.get(`layers.${layer}.${name}`).data;
  const post = trial.reader.config.block === "post";
  let [slope, bias] = [behind, 0];
  if (post) [slope, bias] = heldNorm(slope, added(at("between"), at("mlp.out")), block.mlpNorm, bias);
  const mlp = term(`L${layer}.mlp`, "mlp", along(slope, at("mlp.out")), layer);
  if (post) [slope, bias] = heldNorm(slope, added(streamOf(trial, layer), at("attention.mixed")), block.attentionNorm, bias);
  const { out, heads } = block.attention;
  const z = throughLinear(slope, out);
  bias += along(slope, slope.map((_, k) => out.bias.data[k % out.outs]));
  const values = headValues(z, at("attention.z"), heads, trial.n);
  return { slope, terms: [...values.map((value, head) => term(`L${layer}.H${head}`, "head", value, layer, head)), mlp, term(`biases of L${layer}`, "bias", bias, layer)] };
}

/** by: (n, heads one after the other), z: (h, n, d) → Σ by head. */
function headValues(by, z, heads, n) {
  const d = z.length / heads / n;
  const totals = Array.from({ length: heads }, () => 0);
  z.forEach((value, k) => {
    const [head, i, f] = [Math.floor(k / (n * d)), Math.floor(k / d) % n, k % d];
    totals[head] += value * by[(i * heads + head) * d + f];
  });
  return totals;
}

function added(x, y) {
  return Float64Array.from(x, (value, k) => value + y[k]);
}

/** Back through a norm of x (n, w) whose scale is held: [the slope at x, bias + what its shift adds]. */
function heldNorm(slope, x, norm, bias) {
  const width = norm.gain.data.length;
  const done = new Float64Array(slope.length);
  let more = 0;
  for (let from = 0; from < slope.length; from += width) {
    const { sigma } = spreadOf(x, from, width, norm.epsilon);
    let mean = 0;
    for (let f = 0; f < width; f += 1) {
      done[from + f] = (slope[from + f] * norm.gain.data[f]) / sigma;
      mean += done[from + f] / width;
      more += slope[from + f] * norm.shift.data[f];
    }
    for (let f = 0; f < width; f += 1) done[from + f] -= mean;
  }
  return [done, bias + more];
}

/** The model's own ending put behind the embedding, and behind every layer: [{after, value, share, candidates}]; the engine predicts no pieces. */
export function readoutOf(trial) {
  const names = trial.layers ? ["embed", ...trial.reader.model.layers.map((_, layer) => `L${layer}`)] : [];
  return names.map((after, layer) => {
    const stream = tensor([trial.n, trial.reader.config.width], Float32Array.from(streamOf(trial, layer)));
    const value = trial.measure(trial.reader.model.answer(stream, listening()));
    return { after, value, share: shareOf(value), candidates: null };
  });
}
