import { Panel } from "../base/store.js";

export class SentencePanel extends Panel {}

customElements.define("gf-sentence", SentencePanel);
