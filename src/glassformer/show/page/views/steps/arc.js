// An arc over the sentence, from the word that tells to the word that is told.

import { fill, h } from "../../base/dom.js";

/** A sentence whose words stand in spans with data-word; an arc leaps from word `from` to word `to`, with `label` on it. */
export function arcOver(sentence, { from, to, label }) {
  const drawing = h("svg", { class: "arc", "aria-hidden": "true" });
  const holder = h("div", { class: "arc-holder" }, drawing, sentence);
  new ResizeObserver(() => drawArc(drawing, holder, { from, to, label })).observe(holder);
  return holder;
}

function drawArc(drawing, holder, { from, to, label }) {
  const frame = holder.getBoundingClientRect();
  const [start, end] = [from, to].map((word) => holder.querySelector(`[data-word="${word}"]`)?.getBoundingClientRect());
  const one = start && end && from !== to && Math.abs(start.top - end.top) <= 4; // on one line
  holder.classList.toggle("no-arc", !one);
  if (!one) return fill(drawing);
  const top = start.top - frame.top;
  const [x0, x1] = [start, end].map((box) => box.left - frame.left + box.width / 2);
  const height = Math.min(top - 6, 26 + 0.12 * Math.abs(x1 - x0));
  drawing.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
  const lean = x1 > x0 ? -4 : 4;
  return fill(
    drawing,
    h("path", { class: "arc-line", d: `M${x0} ${top}C${x0} ${top - 1.4 * height} ${x1} ${top - 1.4 * height} ${x1} ${top - 2}` }),
    h("path", { class: "arc-tip", d: `M${x1} ${top + 3}l${-5 + lean / 4} -9l${10} ${-lean / 4}z` }),
    h("text", { class: "arc-label", x: (x0 + x1) / 2, y: top - 1.05 * height - 8 }, label),
  );
}
