// Two scales.  Sequential, for sizes from nothing to the largest: like cividis, even for eyes that see no red or no
// green.  Diverging, for changes: blue above zero, orange below, the colour of the page at zero.

const SEQUENTIAL = {
  light: [[255, 255, 255], [222, 224, 205], [190, 180, 130], [125, 124, 120], [60, 77, 110], [0, 34, 78]],
  dark: [[22, 24, 29], [0, 48, 111], [70, 84, 110], [124, 123, 120], [188, 174, 108], [254, 232, 56]],
};
const ENDS = {
  light: { zero: [255, 255, 255], above: [20, 90, 180], below: [200, 90, 10] },
  dark: { zero: [22, 24, 29], above: [110, 180, 255], below: [255, 160, 70] },
};

/** The scheme in force: the page's own choice, else the reader's. */
export function scheme() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return globalThis.matchMedia && matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** The colour of a share between 0 and 1 → [r, g, b]. */
export function sequential(share, theme = scheme()) {
  const stops = SEQUENTIAL[theme];
  const place = Math.min(1, Math.max(0, share || 0)) * (stops.length - 1);
  const below = Math.min(stops.length - 2, Math.floor(place));
  return mix(stops[below], stops[below + 1], place - below);
}

/** The colour of a share between −1 and 1 → [r, g, b].  The root makes small changes visible. */
export function diverging(share, theme = scheme()) {
  const ends = ENDS[theme];
  const size = Math.sqrt(Math.min(1, Math.abs(share || 0)));
  return mix(ends.zero, share < 0 ? ends.below : ends.above, size);
}

/** Black or white, whichever can be read on `colour`. */
export function ink(colour) {
  const [r, g, b] = colour.map((each) => (each / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? [0, 0, 0] : [255, 255, 255];
}

export function css(colour) {
  return `rgb(${colour.map(Math.round).join(" ")})`;
}

function mix(one, other, share) {
  return one.map((each, k) => each + (other[k] - each) * share);
}
