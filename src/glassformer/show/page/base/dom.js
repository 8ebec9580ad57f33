// Elements made of plain data.  Text goes in as text, never as markup, so a label can do nothing.

/** An element: h("button", {class: "quiet", onclick: f, "aria-label": "…"}, "text", child, …). */
export function h(tag, properties = {}, ...children) {
  const element = tag === "svg" || SVG.has(tag) ? document.createElementNS(SVG_NAMESPACE, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) setProperty(element, name, value);
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";
const SVG = new Set("g path rect line circle text tspan title defs marker polygon polyline".split(" "));

function setProperty(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "style") for (const [key, each] of Object.entries(value)) element.style.setProperty(key, each);
  else if (name === "data") Object.assign(element.dataset, value);
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** Put `children` in place of what `element` holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A label as it may be shown: control and format characters become visible, and nothing acts. */
export function safe(label) {
  return String(label).replace(/[\u0000-\u001f\u007f-\u009f\p{Cf}\p{Cs}\p{Co}\u2028\u2029]/gu, (c) => {
    const code = c.codePointAt(0);
    return code < 0x20 ? String.fromCodePoint(0x2400 + code) : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** `label`, safe, in at most `most` characters. */
export function short(label, most = 14) {
  const characters = [...safe(label)];
  return characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : characters.join("");
}

/** A canvas of `width` × `height` CSS pixels, sharp on any screen; returns its 2d context. */
export function sized(canvas, width, height) {
  const ratio = Math.min(3, globalThis.devicePixelRatio || 1);
  const [wide, high] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  const context = canvas.getContext("2d");
  if (canvas.width !== wide || canvas.height !== high || !canvas.style.width) {
    [canvas.width, canvas.height] = [wide, high]; // which clears it, and takes long
    canvas.style.setProperty("width", `${width}px`);
    canvas.style.setProperty("height", `${height}px`);
  }
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, wide, high);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/** Hand a file to whoever reads the page. */
export function download(name, content, type = "text/plain") {
  const blob = content instanceof Blob ? content : new Blob([content], { type });
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
