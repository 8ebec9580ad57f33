import { Panel } from "../base/store.js";

export class SheetPanel extends Panel {}

customElements.define("gf-sheet", SheetPanel);
