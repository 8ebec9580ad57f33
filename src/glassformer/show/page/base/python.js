// What is on the screen as Python that can be run.

/** The lines that make the same picture, and try the same switches.  other: the sentence that patches come from. */
export function asPython(picture, { switches = [], address = "", other = null } = {}) {
  const lines = ["import glassformer as gf", "", `x = gf.load(${quoted(picture.model.given)}).explain(${sentence(picture)})`];
  if (address) lines.push(`print(x[${quoted(address)}])`);
  const from = (each) => (other && each.startsWith("patch:") ? `, ${quoted(other)}` : "");
  if (switches.length) lines.push(`print(x.what_if(${switches.map((each) => `x.switch(${quoted(each)}${from(each)})`).join(", ")}))`);
  else if (other) lines.push(`print(x.against(${quoted(other)}))`);
  if (!address && !switches.length) lines.push("x.show()");
  return `${lines.join("\n")}\n`;
}

function sentence(picture) {
  const parts = [quoted(picture.text)];
  if (picture.second !== null && picture.second !== undefined) parts.push(quoted(picture.second));
  if (picture.read === "together") parts.push("joint=True");
  return parts.join(", ");
}

/** A string as Python writes it. */
export function quoted(text) {
  const inside = String(text).replace(/[\\"\u0000-\u001f\u007f-\u009f\p{Cf}\u2028\u2029]/gu, (c) => {
    if (c === "\\" || c === '"') return `\\${c}`;
    const code = c.codePointAt(0);
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : code > 0xff ? `\\u${code.toString(16).padStart(4, "0")}` : `\\x${code.toString(16).padStart(2, "0")}`;
  });
  return `"${inside}"`;
}

/** Put `text` on the clipboard; says whether that went well. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
