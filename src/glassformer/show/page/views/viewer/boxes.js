// The coloured box of each head with what changes when it is off, and the weights of one piece as a table.

import { h } from "../../base/dom.js";
import { badge, signed } from "../../base/format.js";
import { badgeLine, numbersTable } from "../steps/drawn.js";
import { effectsOfHead } from "./attentions.js";
import { headColour } from "./threads.js";

const COLUMNS_OF_TABLE = 6;

/** "−0.024", "not measured"; of several parts each by its name. */
export function effectText(picture, where) {
  const effects = effectsOfHead(picture, where);
  const one = ({ name, change, exact }) => `${effects.length > 1 ? `${name} ` : ""}${change === null ? "not measured" : `${exact ? "" : "≈ "}${signed(change)}`}`;
  return effects.map(one).join(", ");
}

/** A click turns the head on or off, a double click or Enter leaves it alone. */
export function headBox({ head, on, text }, toggle, isolate) {
  const box = h("input", { type: "checkbox", name: `head-${head}`, checked: on, "aria-label": `head ${head}, off: ${text}`, onchange: (event) => toggle(event.target.checked) });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    event.stopPropagation();
    isolate();
  });
  const names = [h("span", { class: "head-name" }, `H${head}`), h("span", { class: "head-effect" }, text)];
  return h("label", { class: on ? "head-box is-on" : "head-box", title: "click: on or off; double click: only this one", style: { "--head": headColour(head) }, ondblclick: isolate }, box, names);
}

/** What the numbers below the boxes are. */
export function boxesLegend(picture, baseline) {
  return h("div", { class: "head-legend" }, h("span", { class: "aside" }, `below each: change of the ${picture.metric.name} with the head off `), badgeLine(badge(picture, baseline)));
}

/** Of one piece the largest weights: a column for each head that is on, and their mean. */
export function weightsBeside({ name, side, index, few, on, matrices, cells, metric }) {
  const shown = on.slice(0, COLUMNS_OF_TABLE);
  const left = on.length - shown.length;
  const at = (rows, k) => (side === "looks" ? rows[index][k] : rows[k][index]);
  const alone = on.length === 1 ? cells : null; // of one head the effect of each cell stands beside its weight
  const last = alone ? { name: alone.exact ? "cut" : "cut ≈", of: ({ k }) => signed(at(alone.rows, k)) } : { name: "mean", of: ({ mean }) => mean };
  const table = numbersTable({
    caption: `“${name}” ${side === "looks" ? "looks at" : "is looked at by"}${left > 0 ? `; ${left} more heads are on` : ""}`,
    columns: [...shown.map((head) => `H${head}`), last.name],
    rows: few.map((each) => [each.name, [...shown.map((head) => at(matrices[head], each.k)), last.of(each)]]),
    shade: "all",
  });
  const note = "A weight says where a head looks. Whether that matters is what the changes say: at the boxes of each head, and, with one head alone, of each cell when it is cut.";
  const badges = [badgeLine("weights: descriptive"), alone && badgeLine(badge({ metric }, "−∞ before softmax", 1, alone.exact))];
  return [table, badges.filter(Boolean), h("p", { class: "aside" }, note)];
}
