import { Panel } from "../base/store.js";

export class CardPanel extends Panel {}

customElements.define("gf-card", CardPanel);
