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

/** One field's listening. Made by `attachWedge`. */
class Wedge {
  /** @type {string|null} */ #physical = "";
  #first = 0;
  #last = 0;
  #keys = 0;

  /** @param {HTMLInputElement} field @param {(reading: Reading) => void} onCode */
  constructor(field, onCode) {
    this.field = field;
    this.onCode = onCode;
    this.form = field.form;
    document.addEventListener("keydown", this.#onKey, true);
    field.addEventListener("input", this.#onInput);
    this.form?.addEventListener("submit", this.#onSubmit);
  }

  detach() {
    document.removeEventListener("keydown", this.#onKey, true);
    this.field.removeEventListener("input", this.#onInput);
    this.form?.removeEventListener("submit", this.#onSubmit);
  }

  focus() { this.field.focus({ preventScroll: true }); }

  #forget() { this.#physical = ""; this.#keys = 0; }

  #fast() { return this.#keys > 5 && (this.#last - this.#first) / (this.#keys - 1) < FAST_MS; }

  #finish() {
    const reading = { typed: this.field.value.trim(), physical: this.#physical, fast: this.#fast() };
    this.field.value = "";
    this.#forget();
    if (reading.typed) this.onCode(reading);
  }

  /** @param {Event} event */
  #onSubmit = (event) => { event.preventDefault(); this.#finish(); };

  /** @param {KeyboardEvent} event */
  #onKey = (event) => {
    const { field } = this;
    const inField = event.target === field;
    if (event.isComposing || (event.ctrlKey && !event.altKey) || event.metaKey) return;
    const ends = (event.key === "Enter" && !field.form) || (event.key === "Tab" && field.value && this.#fast());
    if (inField && ends) { event.preventDefault(); this.#finish(); return; }
    if (event.key.length !== 1) return;
    if (!inField) {
      const reachable = !field.disabled && field.getClientRects().length > 0 && !field.closest("[inert]");
      if (event.key === " " || takesText(event.target) || !reachable) return;
      field.value = "";
      this.focus(); // the key itself still lands in the field
    }
    if (field.value === "") this.#forget();
    this.#last = performance.now();
    if (this.#keys === 0) this.#first = this.#last;
    this.#keys += 1;
    if (this.#physical !== null) this.#physical += physicalKey(event);
  };

  /** @param {Event} event */
  #onInput = (event) => {
    const { value, selectionStart } = this.field;
    if (value === "") return this.#forget();
    if (this.#physical === null) return;
    const atEnd = selectionStart === value.length;
    const erased = /** @type {InputEvent} */ (event).inputType === "deleteContentBackward";
    if (erased && atEnd) this.#physical = this.#physical.slice(0, value.length);
    // Pasted, edited in the middle, or typed without key events: the places of the keys no longer tell the text.
    if (this.#physical.length !== value.length || !atEnd) this.#physical = null;
  };
}

/**
 * Make `field` ready for a scanner wherever the focus is, and hand each finished code over.
 * A code ends with Enter (or the form's button), or with Tab when it came from a scanner.
 * @param {HTMLInputElement} field @param {{onCode: (reading: Reading) => void}} options
 * @returns {{detach(): void, focus(): void}}
 */
export function attachWedge(field, { onCode }) {
  return new Wedge(field, onCode);
}
