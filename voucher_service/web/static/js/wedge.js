// @ts-check
/**
 * A field for hand-held scanners that type like a keyboard, and for people who type.
 * A scanner set to QWERTY on an AZERTY computer types "&é" for "12", and the other way round "!@":
 * so both readings are kept, what was typed and which physical keys were hit; the page tries both.
 *
 * @typedef {{typed: string, physical: string|null, fast: boolean}} Reading
 *   `physical` is null when the text was pasted, edited or came from a screen keyboard; `fast`: a scanner, not a hand.
 */

/** Keys closer together than this come from a scanner (milliseconds between two keys, on average). */
const FAST_MS = 35;

/** The character a key stands for by its place, digits first. @param {KeyboardEvent} event */
export function physicalKey(event) {
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
  return digit ? digit[1] : event.key;
}

/** Readings to try, typed text first, without spaces, each once. @param {Reading} reading @returns {string[]} */
export function candidates({ typed, physical }) {
  const tidy = [typed, physical ?? ""].map((text) => text.replace(/[\s\u00a0\u202f-]+/g, ""));
  return [...new Set(tidy)].filter(Boolean);
}

/** @param {EventTarget|null} target */
const takesText = (target) => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/**
 * Make `field` ready for a scanner wherever the focus is, and hand each finished code over.
 * A code ends with Enter (or the form's button), or with Tab when it came from a scanner.
 * @param {HTMLInputElement} field
 * @param {{onCode: (reading: Reading) => void}} options
 * @returns {{detach(): void, focus(): void}}
 */
export function attachWedge(field, { onCode }) {
  /** @type {string|null} */ let physical = "";
  let first = 0;
  let last = 0;
  let keys = 0;

  const clear = () => { field.value = ""; physical = ""; keys = 0; };
  const fast = () => keys > 5 && (last - first) / (keys - 1) < FAST_MS;

  const finish = () => {
    const reading = { typed: field.value.trim(), physical, fast: fast() };
    clear();
    if (reading.typed) onCode(reading);
  };

  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    const inField = event.target === field;
    if (event.isComposing || (event.ctrlKey && !event.altKey) || event.metaKey) return;
    if (inField && event.key === "Enter" && !field.form) { event.preventDefault(); finish(); return; }
    if (inField && event.key === "Tab" && field.value && fast()) { event.preventDefault(); finish(); return; }
    if (event.key.length !== 1) return;
    if (!inField) {
      const reachable = !field.disabled && field.getClientRects().length > 0 && !field.closest("[inert]");
      if (event.key === " " || takesText(event.target) || !reachable) return;
      clear();
      field.focus({ preventScroll: true }); // the key itself still lands in the field
    }
    if (field.value === "") { physical = ""; keys = 0; }
    const now = performance.now();
    if (keys === 0) first = now;
    last = now;
    keys += 1;
    if (physical !== null) physical += physicalKey(event);
  };

  /** @param {Event} event */
  const onInput = (event) => {
    if (field.value === "") { physical = ""; keys = 0; return; }
    const kind = /** @type {InputEvent} */ (event).inputType;
    const atEnd = field.selectionStart === field.value.length;
    if (kind === "deleteContentBackward" && atEnd && physical !== null) physical = physical.slice(0, field.value.length);
    // Pasted, edited in the middle, or typed without key events: the places of the keys no longer tell the text.
    if (physical !== null && (physical.length !== field.value.length || !atEnd)) physical = null;
  };

  /** @param {Event} event */
  const onSubmit = (event) => { event.preventDefault(); finish(); };

  document.addEventListener("keydown", onKey, true);
  field.addEventListener("input", onInput);
  const { form } = field;
  form?.addEventListener("submit", onSubmit);
  return {
    detach() {
      document.removeEventListener("keydown", onKey, true);
      field.removeEventListener("input", onInput);
      form?.removeEventListener("submit", onSubmit);
    },
    focus: () => field.focus({ preventScroll: true }),
  };
}
