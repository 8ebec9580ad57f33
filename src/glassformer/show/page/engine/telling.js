// Who told whom: the edge whose cut changes the answer most, and what speaks for and against it, as in explain/story.py.

import { byHead, edgeCutFor, nearestOther } from "./effects.js";
import { alikeOf } from "./like.js";
import { cutOf } from "./switching.js";

const CLEAR = 3; // an edge counts as the reason if its cut changes this many times what a control cut does,
const ALIKE = 0.75; // at least as much as the measure calls a change, and if this share of the sentences alike agree

/** What a picture says of the edge that was told, but for sentences alike: edges, the largest first. */
export function toldOf(trial, edges) {
  if (!edges.length) return null;
  const [looks, at, change, attention] = edges[0];
  const other = nearestOther(trial, looks, at);
  const control = other === null ? null : (edges.find((edge) => edge[0] === looks && edge[1] === other) ?? edgeCutFor(trial, looks, other));
  const told = { looks, at, change, attention, before: trial.before, after: trial.before + change, reading: reading(trial, looks, at), by_head: byHead(trial, looks, at), control: control && named(control), like: null };
  return judged(trial, told);
}

/** The same with sentences alike. */
export async function toldInLike(trial, told, rest) {
  const control = told.control && Object.values(told.control);
  return judged(trial, { ...told, like: await alikeOf(trial, [told.looks, told.at, told.change], control, rest) });
}

function named([looks, at, change, attention]) {
  return { looks, at, change, attention };
}

/** What the word that looks adds, as it is and when it may not look. */
function reading(trial, looks, at) {
  const cut = cutOf(trial.edges(looks, at));
  const masked = trial.masked(looks);
  return [trial.before - trial.afterIds(masked), trial.after(cut) - trial.afterIds(masked, cut)];
}

function judged(trial, told) {
  const doubt = doubted(trial, told);
  const clear = told.like !== null || doubt ? doubt === null && told.like !== null : null;
  return { ...told, doubt, flips: trial.turns(trial.before, told.after), clear };
}

/** Why the edge cannot be called the reason; null where nothing speaks against it. */
function doubted(trial, { change, control, like }) {
  if (Math.abs(change) < trial.metric.least) return "small";
  if (!control) return "no control";
  if (Math.abs(change) < CLEAR * Math.abs(control.change)) return "like the control";
  return like && like.agree < ALIKE * Math.max(1, like.n) ? "alike" : null;
}
