// The frame of a panel: a title, a badge that says what kind of figure it is, tools, a body, a foot.

import { fill, h } from "./dom.js";
import { oneStop } from "./rove.js";
import { Panel } from "./store.js";

let frames = 0;

/** A panel with a frame.  Subclasses fill `body`, and set `badge` and `foot` by the methods here. */
export class Framed extends Panel {
  static title = "";
  static what = "";

  connectedCallback() {
    if (!this.body) this.#build();
    super.connectedCallback();
  }

  /** Do `act` once nothing has asked for it for a moment: while a cursor runs, what follows it can wait. */
  soon(act, wait = 90) {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(act, wait);
  }

  get bare() {
    return this.hasAttribute("bare");
  }

  #build() {
    const id = `frame-${(frames += 1)}`;
    const { title, what } = this.constructor;
    this.heading = h("h2", { id }, title);
    this.badge = h("span", { class: "badge" });
    this.tools = h("div", { class: "tools" });
    this.body = h("div", { class: "body" });
    this.foot = h("p", { class: "foot" });
    const head = h("header", {}, h("div", { class: "naming" }, this.heading, what && h("p", { class: "what" }, what)), this.tools);
    this.append(h("section", { class: "panel", "aria-labelledby": id }, head, this.body, h("footer", {}, this.badge, this.foot)));
    oneStop(this);
  }

  /** Say what kind of figure this is. */
  setBadge(text) {
    fill(this.badge, text);
    this.badge.classList.toggle("causal", text.startsWith("causal"));
    this.badge.hidden = !text;
  }

  /** Redraw with `draw`, and leave the focus where it was. */
  keepingFocus(draw) {
    const active = this.contains(document.activeElement) ? document.activeElement : null;
    const key = active?.dataset.key;
    draw();
    if (key && document.activeElement !== active) [...this.querySelectorAll("[data-key]")].find((each) => each.dataset.key === key)?.focus({ preventScroll: true });
  }
}

/** A button: tool("x off", "off", () => …, {pressed: true}). */
export function tool(label, key, act, { pressed = null, title = null, disabled = false, kind = "" } = {}) {
  const properties = { type: "button", class: `tool ${kind}`, "data-key": key, "data-rove": true, title, onclick: act };
  if (pressed !== null) properties["aria-pressed"] = String(pressed);
  if (disabled) properties["aria-disabled"] = "true";
  return h("button", properties, label);
}

/** Buttons of which one is chosen: choice("shaded by", [["effect", "effect"], …], "effect", (value) => …). */
export function choice(label, options, chosen, act) {
  const buttons = options.map(([value, name, title]) => {
    const properties = { type: "button", role: "radio", class: "tool", title, "data-key": `${label}:${value}`, "data-rove": true };
    return h("button", { ...properties, "aria-checked": String(value === chosen), onclick: () => act(value) }, name);
  });
  return h("div", { class: "choice", role: "radiogroup", "aria-label": label }, h("span", { class: "label", "aria-hidden": "true" }, label), buttons);
}
