import { fill } from "../base/dom.js";
import { Panel } from "../base/store.js";
import { CardPanel } from "../panels/card.js";
import { LadderPanel } from "../panels/ladder.js";
import { PathPanel } from "../panels/path.js";
import { SentencePanel } from "../panels/sentence.js";
import { SheetPanel } from "../panels/sheet.js";
import { StripPanel } from "../panels/strip.js";
import { ToldPanel } from "../panels/told.js";
import { TrayPanel } from "../panels/tray.js";

const IN_ORDER = [SentencePanel, ToldPanel, LadderPanel, StripPanel, SheetPanel, CardPanel, PathPanel, TrayPanel];

/** All panels, in the order the data flows. */
export class ExploreView extends Panel {
  static reads = [];

  draw() {
    fill(this, IN_ORDER.map((Kind) => new Kind()));
  }
}

customElements.define("gf-explore", ExploreView);
