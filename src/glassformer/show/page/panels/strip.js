import { Panel } from "../base/store.js";

export class StripPanel extends Panel {}

customElements.define("gf-strip", StripPanel);
