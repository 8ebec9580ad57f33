import { Panel } from "../base/store.js";
import { fill, h } from "../base/dom.js";

const PANELS = ["gf-sentence", "gf-told", "gf-ladder", "gf-strip", "gf-sheet", "gf-card", "gf-path", "gf-tray"];

/** All panels, in the order the data flows. */
export class ExploreView extends Panel {
  static reads = [];

  draw() {
    fill(this, PANELS.map((name) => h(name)));
  }
}

customElements.define("gf-explore", ExploreView);
