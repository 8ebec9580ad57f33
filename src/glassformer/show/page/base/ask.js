// The questions put to a source, and where the answers go.  Only the last question counts.

import { firstAddress, placeOf } from "./facts.js";
import { toggled } from "./switches.js";
import { safe, short } from "./dom.js";
import { parse } from "./address.js";
import { say, store } from "./store.js";

export const GIVEN_UP = "a newer question took its place";
let question = 0;
let trial = 0;

/** Put a picture of what is asked into the store; what is left out stays as it is.  Gives it, or null. */
export async function ask(wanted = {}) {
  const mine = (question += 1);
  const asked = { ...asNow(), ...wanted };
  store.set({ busy: `reading “${short(asked.text ?? "", 40)}”`, error: "" });
  store.get("source").leave?.();
  try {
    const picture = await store.get("source").picture({ ...asked, switches: [] });
    if (mine !== question) return null;
    store.set({ picture, switches: wanted.switches ?? [], result: null, edited: null, address: kept(picture), busy: null });
    return picture;
  } catch (error) {
    if (mine === question) store.set({ error: error.message, busy: null, picture: unfinished() });
    return null;
  }
}

/** The picture that stays, as another one where something of it was given up, so that it is asked for again. */
function unfinished() {
  const picture = store.get("picture");
  return picture?.partial ? { ...picture } : picture;
}

/** Hold a second sentence, or the same one by another model, beside the first: a picture in `other`; null takes it away. */
export async function compare(text, model = store.get("picture").model.given) {
  if (text === null) return store.set({ other: null });
  store.set({ busy: `reading “${short(text, 40)}”`, error: "" });
  try {
    const other = await store.get("source").picture({ ...asNow(), second: null, text, model, switches: [] });
    store.set({ other, busy: null });
    say(`compared with ${safe(text)}: ${other.answer.says}`);
  } catch (error) {
    store.set({ error: error.message, busy: null });
  }
}

/** Wait no longer for what was asked last. */
export function stopWaiting() {
  [question, trial] = [question + 1, trial + 1];
  store.set({ busy: null });
}

/** Turn a switch on, or off again. */
export function toggle(text) {
  store.set({ switches: toggled(store.get("switches"), text) });
}

/** From now on `result` and `edited` follow `switches`, and there is always a place to look at.  Gives what stops it. */
export function startAsking() {
  const stops = [store.on(["switches", "picture", "source"], () => tryOut()), store.on(["picture", "address"], () => lookSomewhere())];
  return () => stops.forEach((stop) => stop());
}

function lookSomewhere() {
  const picture = store.get("picture");
  if (picture && !store.get("address")) store.set({ address: firstAddress(picture) });
}

async function tryOut() {
  const mine = (trial += 1);
  const { picture, switches, source } = { picture: store.get("picture"), switches: store.get("switches"), source: store.get("source") };
  if (!picture || !switches.length) return store.set({ result: null, edited: null });
  store.set({ busy: "trying what changes", error: "" });
  try {
    const result = await source.whatIf(picture, switches);
    if (mine === trial) store.set({ result, busy: null });
  } catch (error) {
    if (mine === trial) store.set({ result: null, edited: null, error: error.message, busy: null });
    return;
  }
  const edited = await source.picture({ ...asNow(), switches }).catch(() => null); // a file need not hold it
  if (mine === trial) store.set({ edited });
}

function asNow() {
  const picture = store.get("picture");
  if (!picture) return { model: null, text: null, second: null, joint: false };
  return { model: picture.model.given, text: picture.text, second: picture.second, joint: picture.read === "together" };
}

/** The address that was looked at, where the new picture has it too. */
function kept(picture) {
  const address = store.get("address");
  const before = store.get("picture");
  const where = parse(address);
  if (!where || (before && before.text !== picture.text)) return firstAddress(picture);
  const place = placeOf(picture, address);
  const fits = place && where.layer !== null && place.layer === where.layer && place.head === (where.head ?? 0) && where.index.every((each) => each < picture.pieces.length);
  return fits || (where.layer === null && picture.arrays[where.site]) ? address : firstAddress(picture);
}
