import { Panel } from "../base/store.js";

export class LadderPanel extends Panel {}

customElements.define("gf-ladder", LadderPanel);
