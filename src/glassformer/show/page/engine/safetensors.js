// Weights out of the bytes of a safetensors file: a length, a JSON header, then the numbers.

import { halfToFloat } from "../base/unpack.js";

const WIDEST = 100_000_000; // bytes of a header; the format allows no more
const DTYPES = {
  F32: { size: 4, read: (bytes) => new Float32Array(bytes.slice().buffer) },
  F16: { size: 2, read: (bytes) => halfToFloat(new Uint16Array(bytes.slice().buffer)) },
  BF16: { size: 2, read: (bytes) => upperHalves(new Uint16Array(bytes.slice().buffer)) },
};

export class Weights {
  /** tensors: name → {shape, data}. */
  constructor(tensors) {
    this.tensors = tensors;
  }

  /** The weight `name`, of exactly this shape.  Throws where it is not there. */
  need(name, shape) {
    const found = this.tensors[name];
    if (!found) throw new Error(`the weights hold no ${name}; export the model again`);
    if (String(found.shape) !== String(shape)) throw new Error(`the weight ${name} is (${found.shape}), where the config says (${shape}); export the model again`);
    return found;
  }
}

/** bytes: of a model.safetensors (Uint8Array) → Weights, all in float32.  Throws where the bytes are no such file. */
export function readWeights(bytes) {
  const broken = (why) => new Error(`the weights cannot be read: ${why}; export the model again`);
  if (bytes.length < 8) throw broken(`${bytes.length} bytes are no safetensors file`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > Math.min(WIDEST, bytes.length - 8)) throw broken(`a header of ${length} bytes does not fit in ${bytes.length}`);
  const tensors = Object.create(null);
  for (const [name, entry] of Object.entries(headerOf(bytes.subarray(8, 8 + length), broken))) {
    if (name !== "__metadata__") tensors[name] = weightOf(name, entry, bytes.subarray(8 + length), broken);
  }
  return new Weights(tensors);
}

function headerOf(bytes, broken) {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw broken("its header is no JSON");
  }
}

function weightOf(name, entry, bytes, broken) {
  const { dtype, shape, data_offsets: span } = entry || {};
  const kind = Object.hasOwn(DTYPES, dtype) ? DTYPES[dtype] : null;
  if (!kind) throw broken(`${name} is ${dtype}, not ${Object.keys(DTYPES).join(", ")}`);
  if (![shape, span].every((each) => Array.isArray(each) && each.every((size) => Number.isSafeInteger(size) && size >= 0))) throw broken(`${name} has no shape or place`);
  const [from, to] = span;
  const size = shape.reduce((total, each) => total * each, kind.size);
  if (to > bytes.length || to - from !== size) throw broken(`${name} (${shape}) in ${dtype} needs ${size} bytes, at ${from} to ${to} of ${bytes.length}`);
  return { shape, data: kind.read(bytes.subarray(from, to)) };
}

/** bfloat16 is the upper half of float32. */
function upperHalves(raw) {
  return new Float32Array(Uint32Array.from(raw, (bits) => bits * 65536).buffer);
}
