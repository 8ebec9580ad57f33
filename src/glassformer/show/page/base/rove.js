// One tab stop a panel: of all that can be focused in it one is reached by Tab, the arrows go on from there.

const ITEMS = "[data-rove]:not([hidden])";
const FORWARD = new Set(["ArrowRight", "ArrowDown"]);
const lastStops = new WeakMap(); // of each panel the key of what had the focus last
const BACKWARD = new Set(["ArrowLeft", "ArrowUp"]);

/** Make `panel` one tab stop.  Its items carry data-rove; those with data-own-arrows keep the arrows to themselves. */
export function oneStop(panel) {
  panel.addEventListener("focusin", (event) => {
    const item = event.target.closest?.(ITEMS);
    if (!item) return;
    lastStops.set(panel, item.dataset.key);
    settleStops(panel, item);
  });
  panel.addEventListener("keydown", (event) => {
    const item = event.target.closest?.(ITEMS);
    if (!item || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    const step = FORWARD.has(event.key) ? 1 : BACKWARD.has(event.key) ? -1 : 0;
    if (!step) return;
    const next = neighbour(panel, item, step);
    event.preventDefault();
    next?.focus();
  });
  const settle = () => settleStops(panel, current(panel));
  new MutationObserver(settle).observe(panel, { childList: true, subtree: true });
  settle();
}

/** The item `step` further on, in the order of the page. */
export function neighbour(panel, item, step) {
  const items = shown(panel);
  return items[items.indexOf(item) + step];
}

function shown(panel) {
  return [...panel.querySelectorAll(ITEMS)].filter((each) => each.getClientRects().length);
}

/** What has the focus; else what had it last; else what says that it is first. */
function current(panel) {
  const items = [...panel.querySelectorAll(ITEMS)];
  const among = (test) => items.find(test);
  const key = lastStops.get(panel);
  return among((each) => each === document.activeElement) ?? among((each) => key && each.dataset.key === key) ?? among((each) => each.dataset.rove === "first") ?? items[0];
}

function settleStops(panel, chosen) {
  for (const each of panel.querySelectorAll(ITEMS)) {
    const wanted = each === chosen ? "0" : "-1";
    if (each.getAttribute("tabindex") !== wanted) each.setAttribute("tabindex", wanted);
  }
}
