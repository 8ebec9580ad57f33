// One name for every number, as in Python: L1.H2.weights[4,3], L1.stream[4,7], logits[1].

const HEAD_SITES = ["q", "k", "v", "scores", "scaled", "weights", "z"];
export const MATRICES = ["scores", "scaled", "weights"];
const SHORT = /^L(\d{1,9})(?:\.H(\d{1,9}))?(?:\.([a-z_.]+))?$/;

/** {site, layer, head, kind, index}: index without the head; null where `text` is no address. */
export function parse(text) {
  const match = /^([^[\]]+)(?:\[(\d{1,9}(?:,\d{1,9})*)?\])?$/.exec(String(text).trim().replace(/\s*([[\],])\s*/g, "$1"));
  if (!match) return null;
  const index = match[2] ? match[2].split(",").map(Number) : [];
  const found = SHORT.exec(match[1]);
  if (!found) return whole(match[1], index);
  const [layer, head] = [Number(found[1]), found[2] === undefined ? null : Number(found[2])];
  const kind = found[3] || (head === null ? "stream" : "weights");
  const inside = head !== null || HEAD_SITES.includes(kind) || kind === "mixed";
  return { site: `layers.${layer}.${inside ? "attention." : ""}${kind}`, layer, head, kind: kind.split(".").at(-1), index };
}

function whole(site, index) {
  const layer = /^layers\.(\d{1,9})\./.exec(site);
  return { site, layer: layer ? Number(layer[1]) : null, head: null, kind: site.split(".").at(-1), index };
}

/** The short form of what `parse` gives. */
export function text({ site, layer, head, index = [] }) {
  const rest = layer === null || layer === undefined ? site : site.replace(`layers.${layer}.`, "");
  const where = layer === null || layer === undefined ? "" : head === null || head === undefined ? `L${layer}.` : `L${layer}.H${head}.`;
  const name = head === null || head === undefined ? rest : rest.replace("attention.", "");
  const short = head === null || head === undefined ? name.replace(/^attention\.mixed$/, "mixed") : name;
  return `${where}${short}${index.length ? `[${index.join(",")}]` : ""}`;
}

/** The address of a cell of a head: cell(0, 3, "weights", 4, 3). */
export function cell(layer, head, kind, ...index) {
  return text({ site: `layers.${layer}.attention.${kind}`, layer, head, index });
}
