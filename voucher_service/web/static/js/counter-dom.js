// @ts-check
/** Small hands for building the counter's page: no markup from text, so nothing anyone typed becomes code. */

/**
 * @typedef {Node|string|null|undefined|false} Part
 * @param {string} tag @param {Record<string, any>} [set] attributes; functions are listeners, true is a bare attribute
 * @param {...Part} parts
 */
export function el(tag, set = {}, ...parts) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(set)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, String(value));
  }
  made.append(.../** @type {(Node|string)[]} */ (parts.filter((part) => part !== null && part !== undefined && part !== false && part !== "")));
  return made;
}

/** One of the icons drawn in the page. @param {string} name */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("class", `icon icon-${name}`);
  picture.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#i-${name}`);
  picture.append(use);
  return picture;
}

/** @param {string} id @returns {any} the element that the page surely has */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/** Words with their blanks filled in: `{price}`. @param {string} text @param {Record<string, string>} facts */
export function fill(text, facts) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => facts[name] ?? whole);
}

/** The digits of a French number in pairs, as people say them. @param {string} text */
export function pairs(text) {
  const digits = text.replace(/\D+/g, "").replace(/^(?:00)?33(?=[1-9])/, "0");
  return digits.replace(/(\d\d)(?=\d)/g, "$1\u202f");
}

/** Whether these digits have the check of a typed code (ISO 7064, MOD 97-10). @param {string} text */
export function isTypedCode(text) {
  const digits = text.replace(/[\s\u00a0\u202f.\-]+/g, "");
  return /^\d{16}$/.test(digits) && BigInt(digits) % 97n === 1n;
}
