// A picture from its bytes, as docs/page.md lays them down.

const KINDS = { f32: Float32Array, u8: Uint8Array, i8: Int8Array, i32: Int32Array, f16: Uint16Array };
const MOST_BYTES = 256 * 1024 * 1024; // bytes; more is no picture

/** bytes (Uint8Array, deflated or not) → the header, with `arrays` unpacked: {name: {shape, data, rounded}}. */
export async function unpack(bytes) {
  const plain = isPlain(bytes) ? bytes : await inflate(bytes);
  if (!isPlain(plain)) throw new Error("these bytes hold no picture: they do not begin with GFP1; make the file again");
  const length = new DataView(plain.buffer, plain.byteOffset).getUint32(4, true);
  const header = JSON.parse(new TextDecoder().decode(plain.subarray(8, 8 + length)));
  const start = 8 + length + ((8 - ((8 + length) % 8)) % 8);
  const arrays = {};
  for (const [name, entry] of Object.entries(header.arrays || {})) arrays[name] = unpackArray(plain, start, name, entry);
  return { ...header, arrays };
}

/** Bytes out of the base64 text of a page. */
export function fromBase64(text) {
  const binary = atob(text.trim());
  const bytes = new Uint8Array(binary.length);
  for (let k = 0; k < binary.length; k += 1) bytes[k] = binary.charCodeAt(k);
  return bytes;
}

/** zlib-deflated bytes → bytes. */
export async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  try {
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    throw new Error("the bytes of this page are cut short or altered; make the file again");
  }
}

function isPlain(bytes) {
  return bytes.length >= 8 && bytes[0] === 71 && bytes[1] === 70 && bytes[2] === 80 && bytes[3] === 49;
}

function unpackArray(plain, start, name, entry) {
  const each = countOf(entry.shape.slice(1));
  const size = entry.heads ? entry.heads.length * each : countOf(entry.shape);
  const Kind = KINDS[entry.dtype];
  const end = start + entry.at + size * (Kind ? Kind.BYTES_PER_ELEMENT : 0);
  if (!Kind || size > MOST_BYTES || countOf(entry.shape) > MOST_BYTES || end > plain.length) throw new Error(`the picture's ${name} is cut short or of an unknown kind; make the file again`);
  const kept = decoded(new Kind(plain.slice(start + entry.at, end).buffer), entry);
  const data = entry.heads ? inPlace(kept, entry, each) : kept;
  return { shape: entry.shape, data, rounded: Boolean(entry.code) || entry.dtype === "f16" };
}

function countOf(shape) {
  return shape.reduce((product, each) => product * each, 1);
}

/** Of some heads only: what is not there is not a number. */
function inPlace(kept, entry, each) {
  const data = new Float32Array(entry.shape[0] * each).fill(NaN);
  entry.heads.forEach((head, k) => data.set(kept.subarray(k * each, (k + 1) * each), head * each));
  return data;
}

function decoded(raw, entry) {
  if (entry.code === "sqrt") return spread(raw, entry);
  return entry.dtype === "f16" ? halfToFloat(raw) : raw;
}

/** Eight bits with small values told apart better than large ones. */
function spread(raw, { dtype, largest }) {
  const most = dtype === "u8" ? 255 : 127;
  return Float32Array.from(raw, (each) => Math.sign(each) * (each / most) ** 2 * largest);
}

/** IEEE 754 halves, as 16-bit numbers, to floats. */
export function halfToFloat(raw) {
  const floats = new Float32Array(raw.length);
  for (let k = 0; k < raw.length; k += 1) floats[k] = half(raw[k]);
  return floats;
}

function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -14 * (fraction / 1024);
}
