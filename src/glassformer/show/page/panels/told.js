import { Panel } from "../base/store.js";

export class ToldPanel extends Panel {}

customElements.define("gf-told", ToldPanel);
