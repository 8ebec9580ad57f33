// Addresses as explain/address.py writes them.

const HEADED = ["q", "k", "v", "z", "scores", "scaled", "weights"];

/** layers.1.attention.weights and [2, 4, 3] → L1.H2.weights[4,3]. */
export function written(site, index = []) {
  const match = /^layers\.(\d+)\.(.+)$/.exec(site);
  if (!match) return `${site}${bracketed(index)}`;
  const [layer, rest] = [match[1], match[2]];
  const inside = rest.startsWith("attention.") && HEADED.includes(rest.slice("attention.".length));
  if (!inside || !index.length) return `L${layer}.${rest}${bracketed(index)}`;
  return `L${layer}.H${index[0]}.${rest.slice("attention.".length)}${bracketed(index.slice(1))}`;
}

function bracketed(index) {
  return index.length ? `[${index.join(",")}]` : "";
}
