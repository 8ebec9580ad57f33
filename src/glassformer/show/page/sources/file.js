// The source of a file without models: what was computed beforehand, and what follows from it.

import { Measured } from "./measured.js";
import { headOf } from "./heads.js";
import { workedInHead } from "./worked.js";

const OPEN = "open it with: glassformer open";

/** held: {pictures}. */
export class FileSource {
  name = "file";

  constructor({ pictures }) {
    this.pictures = pictures;
    const several = new Set(pictures.map(({ text }) => text)).size > 1;
    this.can = { type: false, combine: false, values: false, compare: several, load: false };
  }

  /** What can be looked at without computing anything. */
  texts() {
    return this.pictures.map(({ text, second, model }) => ({ text, second, model: model.given }));
  }

  async models() {
    const known = new Map(this.pictures.map(({ model }) => [model.given, { id: model.given, name: model.name, what: model.what }]));
    return [...known.values()];
  }

  async picture({ model, text, second = null, switches = [] }) {
    const found = this.pictures.find((each) => each.text === text && (each.second ?? null) === (second ?? null) && (!model || each.model.given === model));
    if (!found) throw new Error(`this file holds ${this.pictures.length} texts and cannot read another; ${OPEN} TEXT`);
    if (switches.length) throw new Error(`this file holds the measure with a switch on, and no values; ${OPEN}`);
    return found;
  }

  async whatIf(picture, switches) {
    return new Measured(picture).whatIf(switches);
  }

  async array(picture, name) {
    const held = picture.arrays[name];
    if (held) return held;
    throw new Error(`this file does not hold ${name}; ${OPEN}`);
  }

  async head(picture, layer, head) {
    return headOf(picture, layer, head);
  }

  async worked(picture, address) {
    return workedInHead(picture, address);
  }
}
