import { fill, h } from "../base/dom.js";
import { KEYS, singleLetters } from "../base/keys.js";
import { Panel } from "../base/store.js";

/** The sheet of keys: a dialog. */
export class KeysPanel extends Panel {
  static reads = [];
  #before = null;

  draw() {
    const rows = KEYS.map(([keys, what]) => h("tr", {}, h("th", { scope: "row" }, keys.split("  ").map((each) => h("kbd", {}, each))), h("td", {}, what)));
    const letters = h("input", { type: "checkbox", checked: singleLetters(), onchange: (event) => singleLetters(event.target.checked) });
    const close = h("button", { type: "button", class: "tool", onclick: () => this.close() }, "Close");
    this.dialog = h("dialog", { "aria-label": "Keys" }, h("header", {}, h("h2", {}, "Keys"), close), h("table", {}, h("tbody", {}, rows)), h("label", { class: "note" }, letters, " single letters act"));
    this.dialog.addEventListener("close", () => this.#before?.focus?.());
    this.dialog.addEventListener("keydown", (event) => event.key === "?" && this.close());
    fill(this, this.dialog);
  }

  open() {
    if (this.dialog.open) return;
    this.#before = document.activeElement;
    this.dialog.showModal();
  }

  close() {
    this.dialog.close();
  }
}

customElements.define("gf-keys", KeysPanel);
