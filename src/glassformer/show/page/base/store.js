// What is looked at, in one place.  Panels read it, set it, and are told when it changes; none knows another.

class Store {
  #values = { ...BEGINNING };
  #listeners = [];
  #changed = new Set();

  /** Every value by its name: store.get("address"). */
  get(name) {
    return this.#values[name];
  }

  /** Change values; listeners of those that differ are called once, after this turn. */
  set(changes) {
    const names = Object.keys(changes).filter((name) => changes[name] !== this.#values[name]);
    for (const name of names) {
      if (!(name in BEGINNING)) throw new Error(`the store has no ${name}`);
      this.#values[name] = changes[name];
      if (!this.#changed.size) queueMicrotask(() => this.#tell());
      this.#changed.add(name);
    }
  }

  /** Call `callback` when one of `names` has changed; returns what stops it. */
  on(names, callback) {
    const listener = { names: new Set(names), callback };
    this.#listeners.push(listener);
    return () => {
      this.#listeners = this.#listeners.filter((each) => each !== listener);
    };
  }

  #tell() {
    const changed = this.#changed;
    this.#changed = new Set();
    for (const { names, callback } of [...this.#listeners]) if ([...changed].some((name) => names.has(name))) callback(changed);
  }
}

const BEGINNING = {
  source: null,
  decoding: null,
  picture: null,
  other: null,
  address: "",
  switches: [],
  result: null,
  edited: null,
  view: "explore",
  step: 0,
  figure: "",
  shade: "effect",
  baseline: "zero",
  present: false,
  hidden: false,
  exact: false,
  table: false,
  difference: false,
  sinks: true,
  busy: null,
  error: "",
  said: "",
};

export const store = new Store();

/** A custom element that draws itself again when what it reads has changed. */
export class Panel extends HTMLElement {
  static reads = ["picture"];
  #stop = null;

  connectedCallback() {
    this.#stop = store.on(this.constructor.reads, (changed) => this.draw(changed));
    this.draw(new Set(this.constructor.reads));
  }

  disconnectedCallback() {
    this.#stop?.();
  }

  /** changed: the names of what is new. */
  draw(changed) {}
}

/** What the live region says: "terrible to not, weight 0.42, effect 0.044". */
export function say(text) {
  store.set({ said: text });
}
