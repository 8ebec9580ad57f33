// The lines between two columns of pieces, and the bars of each head beside them, on one canvas.

import { scheme } from "../../base/colour.js";
import { sized } from "../../base/dom.js";

const GOLDEN = 137.508; // degrees: neighbours never look alike

/** The colour of a head: [hue, saturation, lightness] as css, with an opacity. */
export function headColour(head, opacity = 1) {
  const dark = scheme() === "dark";
  return `hsl(${(215 + head * GOLDEN) % 360} ${dark ? 75 : 70}% ${dark ? 68 : 38}% / ${opacity.toFixed(3)})`;
}

/** Draw the threads of what is shown: matrices of the heads that are on, the piece that is looked from or at, or null. */
export function drawThreads(canvas, { matrices, on, active, looks, at, row, width, height }) {
  const context = sized(canvas, width, height);
  context.clearRect(0, 0, width, height);
  const heads = on.map((each, k) => (each ? k : -1)).filter((k) => k >= 0 && matrices[k]);
  if (!heads.length) return;
  const strip = Math.min(96, 12 * heads.length);
  const frame = { context, matrices, heads, active, looks, at, row, left: strip + 6, right: width - strip - 6, strip };
  drawLines(frame);
  drawHeadBars(frame);
}

function drawLines({ context, matrices, heads, active, looks, at, row, left, right }) {
  context.lineCap = "round";
  for (const [k, head] of heads.entries()) {
    const shift = (k - (heads.length - 1) / 2) * Math.min(active ? 5 : 2.5, (row * 0.7) / heads.length);
    for (let i = looks.first; i <= looks.last; i += 1) {
      if (active && active.side === "looks" && active.index !== i) continue;
      for (let j = at.first; j <= at.last; j += 1) {
        if (active && active.side === "at" && active.index !== j) continue;
        const weight = matrices[head][i][j];
        if (weight < 0.004) continue;
        context.strokeStyle = headColour(head, active ? weight : weight / Math.sqrt(heads.length));
        context.lineWidth = active ? 1 + 4 * weight : 1 + 2 * weight;
        context.beginPath();
        context.moveTo(left, (i - looks.first + 0.5) * row + shift);
        context.lineTo(right, (j - at.first + 0.5) * row + shift);
        context.stroke();
      }
    }
  }
}

/** Beside each piece one bar a head: opaque where the head's weight is 1, outlined so that it is seen where it is small. */
function drawHeadBars(frame) {
  const { active, looks, at } = frame;
  if (!active) return;
  const mine = active.side === "looks" ? looks : at;
  const others = active.side === "looks" ? at : looks;
  if (active.index >= mine.first && active.index <= mine.last) headBars(frame, active.side, active.index - mine.first, () => 1);
  for (let k = others.first; k <= others.last; k += 1) {
    const weight = (head) => (active.side === "looks" ? frame.matrices[head][active.index][k] : frame.matrices[head][k][active.index]);
    headBars(frame, active.side === "looks" ? "at" : "looks", k - others.first, weight);
  }
}

function headBars({ context, heads, row, right, strip }, side, place, weight) {
  const wide = strip / heads.length;
  const start = side === "looks" ? 0 : right + 6;
  heads.forEach((head, k) => {
    const share = weight(head);
    context.fillStyle = headColour(head, Math.max(0.04, share));
    context.fillRect(start + k * wide, place * row + 3, wide - 1.5, row - 6);
  });
}
