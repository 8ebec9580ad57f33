// Numbers as a person reads them: three significant digits, a true minus, the sign always where a change is meant.

const MINUS = "−";

/** 0.0375, 12.3, −1.20; every digit when `exact`. */
export function number(value, exact = false) {
  if (value === null || value === undefined) return "–";
  if (!Number.isFinite(value)) return value === -Infinity ? `${MINUS}∞` : value === Infinity ? "∞" : "not a number";
  return (exact ? digits(value) : significant(value)).replace("-", MINUS);
}

/** +1.25, −0.31, 0: a change. */
export function signed(value, exact = false) {
  const text = number(value, exact);
  return typeof value === "number" && value > 0 && Number(text) !== 0 && !text.startsWith("~") ? `+${text}` : text;
}

function significant(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 5e-7) return "~0";
  if (size >= 100_000 || size < 0.0001) return value.toExponential(2).replace("e-", "e−").replace("e+", "e");
  const behind = Math.max(0, 2 - Math.floor(Math.log10(size)));
  return value.toFixed(Math.min(behind, 7));
}

/** The shortest decimal that is the same float32, or the double where it is none. */
function digits(value) {
  for (let places = 6; places <= 9; places += 1) {
    const text = value.toPrecision(places);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(value);
}

/** A number in a cell: .42, 1.0, ~0 for what rounds to nothing.  places: behind the point, as `placesFor` gives them. */
export function cellText(value, signedToo = false, places = 2) {
  if (value === -Infinity) return `${MINUS}∞`;
  const size = Math.abs(value);
  const nothing = size < 0.5 * 10 ** -places;
  const text = size >= 99.5 ? size.toFixed(0) : size >= 9.95 ? size.toFixed(1) : nothing ? (size === 0 ? "0" : "~0") : size.toFixed(places).replace(/^0/, "");
  return (value < 0 && !nothing ? MINUS : signedToo && !nothing ? "+" : "") + text;
}

/** How many places a matrix needs whose largest number is `largest`: 2, or more where all are small. */
export function placesFor(largest) {
  return largest >= 0.095 || !largest ? 2 : Math.min(4, 1 - Math.floor(Math.log10(largest)));
}

/** 42 %, 0.3 %. */
export function percent(share) {
  if (share === null || share === undefined || Number.isNaN(share)) return "–";
  const value = 100 * share;
  return `${value >= 10 || value === 0 ? value.toFixed(0) : value.toPrecision(2)} %`;
}

/** What kind of figure it is: "descriptive", or "causal (zero, log-odds, n = 1)". */
export function badge(picture, baseline = null, n = 1, exact = true) {
  if (baseline === null) return "descriptive";
  return `causal (${baseline}, ${picture.metric.name}, n = ${n})${exact ? "" : `, estimated ${picture.metric.estimate}`}`;
}

/** What a value of the measure says: the name of its side of zero, where the sides have names. */
export function answered(metric, value) {
  return metric.sides ? metric.sides[value > 0 ? 1 : 0] : "";
}
