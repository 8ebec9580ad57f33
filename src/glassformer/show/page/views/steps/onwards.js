// The models on which the same steps can be walked: the small one, the one of the study, any other at hand.

const ORDER_OF_MODELS = ["tiny", "sentiment"];
const WITHOUT_ATTENTION = ["bag-of-words"];

/** [{id, name}]: the models that can read this text here, smallest first. */
export async function modelsAtHand(source, picture) {
  const held = source.texts().filter(({ text, second }) => text === picture.text && (second ?? null) === (picture.second ?? null));
  const loaded = source.can.type || source.can.load ? await source.models().catch(() => []) : [];
  const ids = new Set([...held.map(({ model }) => model), ...loaded.map(({ id }) => id), picture.model.given]);
  const names = new Map(loaded.map(({ id, name }) => [id, name]));
  const place = (id) => (ORDER_OF_MODELS.includes(id) ? ORDER_OF_MODELS.indexOf(id) : ORDER_OF_MODELS.length);
  const fitting = [...ids].filter((id) => id && !WITHOUT_ATTENTION.includes(id)).sort((a, b) => place(a) - place(b));
  return fitting.map((id) => ({ id, name: names.get(id) ?? id }));
}

/** The model after the one that is asked now, the first after the last; null where there is only one. */
export function nextModel(models, now) {
  if (models.length < 2) return null;
  const at = models.findIndex(({ id }) => id === now);
  return models[(at + 1) % models.length];
}
