// The keys.  A view may have its own, which come first; a text box keeps every key but Escape.

import { cell } from "./address.js";
import { stopWaiting, toggle } from "./ask.js";
import { placeOf, pieceAt } from "./facts.js";
import { switchInWords, nextBaseline } from "./switches.js";
import { say, store } from "./store.js";

export const KEYS = [
  ["← ↑ → ↓", "move the cell"],
  ["[  ]", "layer before, layer after"],
  [",  .", "head before, head after"],
  ["Enter", "open the sum of the cell; follow an operand"],
  ["Backspace", "back to the cell before"],
  ["Space", "cut the cell, or take the cut back; in the steps and in a figure's stages: forward"],
  ["1  9", "in the steps: a guess"],
  ["r", "in the steps: the same on the next model"],
  ["x", "this head off"],
  ["m", "the word that is looked at: masked"],
  ["s", "no scaling by √d"],
  ["z", "next baseline: zero, mean, uniform"],
  ["c", "compare with another sentence"],
  ["d", "difference: after the switches − before"],
  ["t", "sheets as real tables"],
  ["=", "every digit"],
  ["u", "take the last switch back"],
  ["P", "presentation: large, for a projector"],
  ["Page Up  Page Down", "in presentation: the panel before, the panel after; in a figure: the stage"],
  ["h", "hide values until Enter, for a poll"],
  ["Escape", "wait no longer; close a message"],
  ["?", "this list"],
];

let letters = true; // single letters act; who dictates, or types with difficulty, turns them off

const ofViews = new Map();
const visited = [];

/** Whether single letters act; gives what holds now. */
export function singleLetters(wanted = letters) {
  letters = wanted;
  return letters;
}

/** Keys of one view, before all others: bindKeys("steps", {" ": forward}). */
export function bindKeys(view, handlers) {
  ofViews.set(view, handlers);
}

/** Listen from now on.  Gives what stops it. */
export function startKeys(target = document) {
  target.addEventListener("keydown", pressed);
  return () => target.removeEventListener("keydown", pressed);
}

/** Look at another number; Backspace comes back to this one. */
export function visit(address) {
  const now = store.get("address");
  if (now && now !== address) visited.push(now);
  if (visited.length > 200) visited.shift();
  store.set({ address });
}

/** The number that was looked at before. */
export function goBack() {
  const before = visited.pop();
  if (before) store.set({ address: before });
}

/** Move the cell by rows, columns, layers or heads. */
export function moveCell({ rows = 0, columns = 0, layers = 0, heads = 0 }) {
  const picture = store.get("picture");
  const place = placeOf(picture, store.get("address"));
  if (!place) return;
  const last = picture.pieces.length - 1;
  const layer = clamp(place.layer + layers, picture.model.layers - 1);
  const head = heads ? (place.head + heads + picture.model.heads[layer]) % picture.model.heads[layer] : Math.min(place.head, picture.model.heads[layer] - 1);
  const kind = place.part === "head" ? place.kind : "weights";
  store.set({ address: cell(layer, head, kind, clamp(place.row + rows, last), clamp(place.column + columns, last)) });
  if (layers || heads) say(`layer ${layer}, head ${head}`);
}

function clamp(value, last) {
  return Math.max(0, Math.min(last, value));
}

const EVERYWHERE = {
  ArrowUp: () => moveCell({ rows: -1 }),
  ArrowDown: () => moveCell({ rows: 1 }),
  ArrowLeft: () => moveCell({ columns: -1 }),
  ArrowRight: () => moveCell({ columns: 1 }),
  "[": () => moveCell({ layers: -1 }),
  "]": () => moveCell({ layers: 1 }),
  ",": () => moveCell({ heads: -1 }),
  ".": () => moveCell({ heads: 1 }),
  Enter: enter,
  Backspace: goBack,
  " ": () => withPlace(({ layer, head, row, column }) => tell(`cell:L${layer}.H${head}[${row},${column}]`)),
  x: () => withPlace((place) => tell(offSwitch(place, store.get("baseline")))),
  m: () => withPlace(({ column }, picture) => tell(`word:${picture.word_of[column]}:mask`)),
  s: () => tell("without:scaling"),
  z: () => {
    store.set({ baseline: nextBaseline(store.get("baseline")) });
    say(`baseline ${store.get("baseline")}`);
  },
  c: () => document.dispatchEvent(new CustomEvent("gf-compare")),
  d: () => turn("difference", "difference, after − before", "values as they are"),
  t: () => turn("table", "tables", "matrices"),
  "=": () => turn("exact", "every digit", "three digits"),
  u: () => store.set({ switches: store.get("switches").slice(0, -1) }),
  P: () => turn("present", "presentation", "presentation ended"),
  h: () => turn("hidden", "values hidden until Enter", "values shown"),
  "?": () => document.querySelector("gf-keys")?.open(),
  Escape: () => {
    stopWaiting();
    store.set({ error: "", hidden: false });
  },
};

/** The switch that takes off what is looked at: a head, or an MLP. */
export function offSwitch({ layer, head, part }, baseline) {
  return part === "mlp" ? `off:L${layer}.mlp:${baseline === "uniform" ? "zero" : baseline}` : `off:L${layer}.H${head}:${baseline}`;
}

function turn(name, on, off) {
  store.set({ [name]: !store.get(name) });
  say(store.get(name) ? on : off);
}

function tell(text) {
  toggle(text);
  const on = store.get("switches").includes(text);
  say(`${switchInWords(text, store.get("picture"))}${on ? "" : ": taken back"}`);
}

function withPlace(act) {
  const picture = store.get("picture");
  const place = placeOf(picture, store.get("address"));
  if (place) act(place, picture);
}

/** Show what is hidden; else open the card. */
function enter() {
  if (store.get("hidden")) return store.set({ hidden: false });
  const card = document.querySelector("gf-card");
  card?.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  card?.querySelector("[data-rove]")?.focus({ preventScroll: true });
}

const CLICKER = { PageDown: 1, PageUp: -1 };

function pressed(event) {
  if (event.defaultPrevented || event.altKey || event.metaKey || (event.ctrlKey && event.key !== "Enter") || document.querySelector("dialog[open]")) return;
  const from = event.target instanceof Element ? event.target : document.body;
  if (from.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") && event.key !== "Escape") return;
  if ([" ", "Enter"].includes(event.key) && from.closest("button, a, summary, input") && !store.get("hidden")) return;
  if (!letters && event.key.length === 1 && event.key !== " " && event.key !== "?") return;
  const act = ofViews.get(store.get("view"))?.[event.key] ?? (store.get("picture") || event.key === "?" ? EVERYWHERE[event.key] : null) ?? clicked(event.key);
  if (!act) return;
  event.preventDefault();
  act(event);
}

/** In presentation mode a clicker's keys go from panel to panel. */
function clicked(key) {
  if (!store.get("present") || !(key in CLICKER)) return null;
  return () => {
    const panels = [...document.querySelectorAll(".panel")].filter((each) => each.getClientRects().length);
    const here = panels.findIndex((each) => each.getBoundingClientRect().bottom > 80);
    const next = panels[clamp(here + CLICKER[key], panels.length - 1)];
    next?.scrollIntoView({ block: "start" });
  };
}

/** "terrible to not, weight 0.42, effect 0.044": what is said of a cell. */
export function spokenCell(picture, row, column, facts) {
  return [`${pieceAt(picture, row)} to ${pieceAt(picture, column)}`, ...facts].join(", ");
}
