import { fill, h } from "../base/dom.js";
import { Panel, store } from "../base/store.js";

const PATIENCE = 500; // ms; a wheel that turns at once would take the time of a core from what is waited for

/** What is said aloud, what is waited for, and what went wrong. */
export class StatusPanel extends Panel {
  static reads = ["said", "busy", "error", "present", "hidden"];

  draw() {
    if (!this.live) this.#build();
    const [said, busy, error] = ["said", "busy", "error"].map((name) => store.get(name));
    if (this.live.textContent !== said) this.live.textContent = said;
    this.#wait(busy);
    this.trouble.hidden = !error;
    if (this.line.textContent !== error) this.line.textContent = error;
    document.documentElement.toggleAttribute("data-present", store.get("present"));
    document.documentElement.toggleAttribute("data-hidden", store.get("hidden"));
    this.poll.hidden = !store.get("hidden");
  }

  #wait(busy) {
    clearTimeout(this.patience);
    if (busy) this.patience = setTimeout(() => this.waiting.prepend(h("span", { class: "turning", "aria-hidden": "true" })), PATIENCE);
    fill(this.waiting, busy ?? []);
    this.waiting.hidden = !busy;
  }

  #build() {
    this.live = h("p", { class: "spoken", role: "status", "aria-live": "polite" });
    this.waiting = h("p", { class: "busy", hidden: true });
    this.line = h("span");
    const close = h("button", { type: "button", class: "tool", "aria-label": "close this message", onclick: () => store.set({ error: "" }) }, "×");
    this.trouble = h("p", { class: "error", role: "alert", hidden: true }, this.line, close);
    this.poll = h("p", { class: "poll", hidden: true }, "values are hidden: what do you expect?  Enter shows them");
    fill(this, this.live, this.waiting, this.trouble, this.poll);
  }
}

customElements.define("gf-status", StatusPanel);
