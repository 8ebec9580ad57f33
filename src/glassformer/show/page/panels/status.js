import { Panel } from "../base/store.js";

export class StatusPanel extends Panel {}

customElements.define("gf-status", StatusPanel);
