import { Panel } from "../base/store.js";

export class KeysPanel extends Panel {}

customElements.define("gf-keys", KeysPanel);
