import { Panel } from "../base/store.js";

export class PathPanel extends Panel {}

customElements.define("gf-path", PathPanel);
