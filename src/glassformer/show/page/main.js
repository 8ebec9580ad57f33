// What every page does when it opens: unpack what it holds, make its source, show a view, follow the link and the keys.

import { ask, GIVEN_UP, startAsking } from "./base/ask.js";
import { fill, h, safe } from "./base/dom.js";
import { placeOf } from "./base/facts.js";
import { startKeys } from "./base/keys.js";
import { readLink, startLink } from "./base/link.js";
import { store } from "./base/store.js";
import { fromBase64, unpack } from "./base/unpack.js";
import { CardPanel } from "./panels/card.js";
import { KeysPanel } from "./panels/keysheet.js";
import { LadderPanel } from "./panels/ladder.js";
import { PathPanel } from "./panels/path.js";
import { SentencePanel } from "./panels/sentence.js";
import { SheetPanel } from "./panels/sheet.js";
import { StatusPanel } from "./panels/status.js";
import { StripPanel } from "./panels/strip.js";
import { ToldPanel } from "./panels/told.js";
import { TrayPanel } from "./panels/tray.js";
import { ExploreView } from "./views/explore.js";
import { GalleryView } from "./views/gallery.js";
import { StepsView } from "./views/steps.js";
import { ViewerView } from "./views/viewer.js";

export const VIEWS_OF_PAGE = [
  ["explore", "Explore", ExploreView],
  ["steps", "Nine steps", StepsView],
  ["gallery", "The study's figures", GalleryView],
  ["viewer", "Layers and heads", ViewerView],
];
const DWELL = 400; // ms on a head
const SHORT_TEXT = 64; // pieces
// Named so that they are part of the page: each defines its element.
export const PANELS_OF_PAGE = [SentencePanel, ToldPanel, LadderPanel, StripPanel, SheetPanel, CardPanel, PathPanel, TrayPanel, StatusPanel, KeysPanel];

/** makeSource: from what the page holds to the source that its panels ask. */
export async function startPage(makeSource) {
  frame();
  startKeys();
  startAsking();
  showViews();
  try {
    const held = await whatIsHeld();
    const source = makeSource(held);
    store.set({ source, decoding: held.decoding });
    fillIn(source);
    await begin(held);
  } catch (error) {
    store.set({ error: error.message, busy: null });
  }
  startLink();
  document.documentElement.dataset.ready = "true";
}

/** The data inside the page: pictures, model packs, and what is known of the server. */
async function whatIsHeld() {
  const blocks = [...document.querySelectorAll("script[data-what]")];
  const named = (what) => blocks.filter((each) => each.dataset.what === what);
  const facts = JSON.parse(named("facts")[0].textContent);
  const pictures = await Promise.all(named("picture").map((each) => unpack(fromBase64(each.textContent))));
  const models = Object.fromEntries(named("model").map((each) => [each.dataset.name, fromBase64(each.textContent)]));
  blocks.forEach((each) => each.remove());
  return { pictures, models, live: facts.live, begin: facts.begin, decoding: await unpack(fromBase64(facts.decoding)) };
}

/** What the link names, where it can be had; else what the page was made for. */
async function begin(held) {
  const first = held.pictures[0] ?? null;
  const given = { address: "", switches: [], view: "explore", step: 0, figure: "", ...held.begin, ...held.live };
  const link = readLink();
  const { address, switches, view, step, figure } = { ...given, ...link };
  store.set({ view, step, figure });
  if (first) store.set({ picture: first, ...(address ? { address } : {}) });
  const wanted = { text: link.text ?? given.text ?? first?.text, second: link.second ?? given.second ?? first?.second ?? null, model: link.model ?? given.model ?? first?.model.given };
  if (wanted.text && !same(first, wanted)) await ask({ ...wanted, joint: given.joint ?? false, switches });
  else if (first) store.set({ switches });
  if (address) store.set({ address });
}

function same(picture, { text, second, model }) {
  return picture !== null && picture.text === text && (picture.second ?? null) === second && picture.model.given === model;
}

/** Measure what was left for later, while the first picture is looked at already. */
function fillIn(source) {
  if (source.more) store.on(["picture"], () => completed(source));
  if (!source.measured) return;
  let waiting = 0;
  store.on(["address", "picture", "switches"], () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => measureHead(source), DWELL);
  });
}

/** First the effects and the cells of the head that is looked at, where none are there yet; then the rest. */
function completed(source) {
  const picture = store.get("picture");
  if (!picture?.partial) return;
  if (picture.effects === null) return measureEffects(source, picture);
  if (source.measured && withoutCells(picture)) measureHead(source).then(() => store.get("picture") === picture && later(() => source.more(picture), true));
  else later(() => source.more(picture), true);
}

/** Of a long text the answer and the weights stand there first; it is said that effects are on their way. */
async function measureEffects(source, picture) {
  store.set({ busy: "measuring effects" });
  const found = await source.more(picture).catch((error) => error);
  if (store.get("picture") !== picture || found.message === GIVEN_UP) return;
  store.set(found instanceof Error ? { error: found.message, busy: null } : { picture: found, busy: null });
}

function withoutCells({ arrays, cells, model, pieces }) {
  return model.layers > 0 && pieces.length <= SHORT_TEXT && !arrays["layers.0.attention.cells"] && !cells.exact.flat().some(Boolean);
}

/** Put a fuller picture in place of the one that is looked at; what cannot be measured stays empty. */
async function later(make, due) {
  const picture = store.get("picture");
  const fuller = due ? await make().catch(() => null) : null;
  if (fuller && store.get("picture") === picture) store.set({ picture: fuller });
}

/** Whoever stays on a head of a short text gets its cells measured, one by one. */
function measureHead(source) {
  const [picture, switches] = [store.get("picture"), store.get("switches")];
  const where = placeOf(picture, store.get("address"));
  const due = where !== null && (!picture.partial || withoutCells(picture)) && !switches.length && picture.pieces.length <= SHORT_TEXT && picture.cells?.exact?.[where.layer]?.[where.head] === false;
  return later(async () => {
    const { cells } = await source.measured(picture, where.layer, where.head);
    const exact = picture.cells.exact.map((row, layer) => row.map((each, head) => each || (layer === where.layer && head === where.head)));
    return cells?.exact ? { ...picture, cells: { ...picture.cells, exact } } : null;
  }, due);
}

// the frame around the views

function frame() {
  const skip = h("a", { class: "skip", href: "#view", onclick: (event) => skipTo(event) }, "to the view");
  const tabs = h("nav", { class: "views", "aria-label": "Views" }, VIEWS_OF_PAGE.map(([name, title]) => tab(name, title)));
  const tools = h("div", { class: "tools" }, h("button", { type: "button", class: "tool", onclick: turnTheme }, "Light or dark"), h("button", { type: "button", class: "tool", onclick: () => document.querySelector("gf-keys").open() }, "Keys"));
  const head = h("header", { class: "page-head" }, h("h1", {}, "Glassformer"), tabs, tools);
  const view = h("main", { id: "view", tabindex: "-1" });
  fill(document.getElementById("page"), skip, head, h("gf-status"), view, h("footer", { class: "page-foot" }), h("gf-keys"));
}

function tab(name, title) {
  return h("button", { type: "button", class: "tool", "data-view": name, onclick: () => store.set({ view: name }) }, title);
}

/** The hash is a link to what is looked at, so that skipping may not change it. */
function skipTo(event) {
  event.preventDefault();
  document.getElementById("view").focus();
}

function turnTheme() {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  store.set({ picture: store.get("picture") && { ...store.get("picture") } }); // canvases are drawn anew
}

function showViews() {
  const show = () => {
    const now = store.get("view");
    fill(document.getElementById("view"), h(`gf-${now}`));
    for (const each of document.querySelectorAll("[data-view]")) each.setAttribute("aria-current", each.dataset.view === now ? "page" : "false");
  };
  store.on(["view"], show);
  store.on(["picture"], foot);
  show();
}

/** What the file had no room for. */
function foot() {
  const picture = store.get("picture");
  const left = picture?.left;
  const words = left ? [left.rounded.length && `rounded: ${left.rounded.join("; ")}`, left.out.length && `not in this file: ${left.out.join("; ")}`] : [];
  document.title = picture ? `${safe(picture.text).slice(0, 60)} · ${safe(picture.model.name)} · Glassformer` : "Glassformer";
  fill(document.querySelector(".page-foot"), words.filter(Boolean).map((each) => h("p", {}, each)));
}
