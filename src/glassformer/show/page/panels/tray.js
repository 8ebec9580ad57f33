import { Panel } from "../base/store.js";

export class TrayPanel extends Panel {}

customElements.define("gf-tray", TrayPanel);
