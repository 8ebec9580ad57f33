// What is looked at, in the hash of the URL: a link opens the same.

import { parse } from "./address.js";
import { isSwitch } from "./switches.js";
import { store } from "./store.js";

const VIEWS = ["explore", "steps", "gallery", "viewer"];
const MOST = 64; // switches of one link
const LONGEST = 4000; // characters of a text

/** The hash as {text, second, model, view, address, switches, step, figure}; what it does not say, or says wrongly, is left out. */
export function readLink(hash = location.hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const found = {};
  for (const name of ["text", "second", "model"]) if (given.has(name)) found[name] = given.get(name).slice(0, LONGEST);
  if (VIEWS.includes(given.get("view"))) found.view = given.get("view");
  if (parse(given.get("at") ?? "")) found.address = given.get("at");
  const switches = given.getAll("switch").filter(isSwitch).slice(0, MOST);
  if (switches.length) found.switches = switches;
  if (/^\d$/.test(given.get("step") ?? "")) found.step = Number(given.get("step"));
  if (/^[a-z0-9-]{1,40}$/.test(given.get("figure") ?? "")) found.figure = given.get("figure");
  return found;
}

/** The hash of what the store holds now. */
export function writeLink() {
  const picture = store.get("picture");
  const link = new URLSearchParams();
  const view = store.get("view");
  if (picture) {
    link.set("text", picture.text);
    if (picture.second) link.set("second", picture.second);
    link.set("model", picture.model.given);
  }
  if (view !== "explore") link.set("view", view);
  if (view === "steps") link.set("step", store.get("step"));
  if (view === "gallery" && store.get("figure")) link.set("figure", store.get("figure"));
  if (store.get("address")) link.set("at", store.get("address"));
  for (const each of store.get("switches")) link.append("switch", each);
  return `#${link}`;
}

/** The whole address of what is looked at. */
export function linkHere() {
  return `${location.href.split("#")[0]}${writeLink()}`;
}

/** From now on the hash follows the store, without entries in the history.  Gives what stops it. */
export function startLink() {
  let waiting = 0;
  return store.on(["picture", "view", "address", "switches", "step", "figure"], () => {
    clearTimeout(waiting);
    waiting = setTimeout(putLink, 150);
  });
}

function putLink() {
  try {
    history.replaceState(null, "", writeLink());
  } catch {
    // a page inside another (srcdoc) has no address of its own
  }
}
