// The stages of a head, from products to what is mixed and what a cut changes: their names, and what is counted of them.

import { pieceAt } from "./facts.js";
import { percent } from "./format.js";

export const STAGES = {
  scores: { title: "q · k", step: "", both: true, says: "score" },
  scaled: { title: "÷ √d", step: "÷ √d", both: true, says: "scaled" },
  weights: { title: "softmax: the weights", step: "softmax", both: false, says: "weight" },
  mixture: { title: "mixture: weight × ‖what it brings‖", step: "× ‖v·W‖", both: false, says: "mixture" },
  effect: { title: "effect: what changes when the cell is cut", step: "cut", both: true, says: "effect" },
};

/** The array of a stage in what `source.head` gives; null where it is not held. */
export function stageArray(head, kind) {
  return kind === "effect" ? head.cells : head[kind];
}

/** The largest finite number by size of a square matrix; 1 where there is nothing but zeros. */
export function largestOf(value, count) {
  let largest = 0;
  for (let i = 0; i < count; i += 1) {
    for (let j = 0; j < count; j += 1) {
      const size = Math.abs(value(i, j));
      if (size > largest && size !== Infinity) largest = size;
    }
  }
  return largest || 1;
}

/** Every cell of a head, a row each, below the names of the columns. */
export function cellRows(picture, head, { kinds, positions }) {
  const held = kinds.filter((kind) => stageArray(head, kind));
  const value = (kind, row, column) => stageArray(head, kind).data[row * stageArray(head, kind).shape[1] + column];
  const cells = positions.flatMap((row) => positions.map((column) => [row, pieceAt(picture, row), column, pieceAt(picture, column), ...held.map((kind) => value(kind, row, column))]));
  return [["row", "row_name", "column", "column_name", ...held], ...cells];
}

/** What special pieces take.  positions: the rows shown where their columns are not, which is said and never shared out. */
export function specialShare(picture, { weights, mixture }, positions) {
  const { take, special_pieces: special } = picture;
  if (!special.length || !weights) return "";
  if (!positions) return take ? `In the whole model special pieces take ${percent(take.weight)} of the weight, but ${percent(take.mixture)} of the mixture, of what words look at.` : "";
  const taken = ({ data, shape }) => {
    let sum = 0;
    for (const row of positions) for (const column of special) sum += data[row * shape[1] + column];
    return sum / positions.length;
  };
  const mixed = mixture ? ` and ${percent(taken(mixture))} of the mixture` : "";
  return `Hidden: the special pieces, which take ${percent(taken(weights))} of the weight${mixed} in the rows shown. What is shown is not renormalised.`;
}
