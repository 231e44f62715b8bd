// @ts-check
/** The visit's form: number read back, price taken, the campaign's questions, the next date. */
import { el, fill, icon, pairs } from "./counter-dom.js";

/**
 * @typedef {{code: string, label: string}} Option
 * @typedef {{id: string, label: string, kind: 'choice'|'choices'|'number'|'text', required: boolean, options: Option[]}} Question
 * @typedef {Record<string, any>} Desk what the server said of a live voucher
 * @typedef {Record<string, any>} Words
 */

/** @param {string} type @param {string} name @param {string} value @param {string} label @param {Record<string, any>} [set] */
function choice(type, name, value, label, set = {}) {
  return el("label", { class: "choice" }, el("input", { type, name, value, ...set }), el("span", {}, label));
}

/** @param {string} legend @param {string} optional @param {Node[]} choices @param {boolean} [inline] */
function group(legend, optional, choices, inline = true) {
  const title = el("legend", {}, legend, optional && el("span", { class: "optional" }, ` ${optional}`));
  return el("fieldset", { class: "field" }, title, el("div", { class: `choices${inline ? " inline" : ""}` }, ...choices));
}

/** @param {string} name @param {string} label @param {string} optional @param {string} hint @param {Record<string, any>} set */
function line(name, label, optional, hint, set) {
  const { tag = "input", ...rest } = set;
  return el("div", { class: "field" },
    el("label", { for: `v-${name}` }, label, optional && el("span", { class: "optional" }, ` ${optional}`)),
    hint && el("p", { class: "hint", id: `v-${name}-hint` }, hint),
    el(tag, { id: `v-${name}`, name, class: "input", autocomplete: "off", "aria-describedby": hint && `v-${name}-hint`, ...rest }));
}

/** @param {Desk} desk @param {Words} words */
function numberPart(desk, words) {
  const known = desk.known_number_masked;
  const typed = line("number", known ? words.number_other : words.number, "", words.number_hint, { type: "tel", inputmode: "tel", maxlength: 20, required: true });
  const input = /** @type {HTMLInputElement} */ (typed.querySelector("input"));
  const aloud = el("p", { class: "aloud", "aria-live": "polite" });
  const read = choice("checkbox", "number_read", "yes", words.number_read, { required: true });
  const tick = /** @type {HTMLInputElement} */ (read.querySelector("input"));
  const said = /** @type {HTMLElement} */ (read.querySelector("span"));
  input.addEventListener("input", () => {
    input.setCustomValidity(/^\+(?!33)|^0[67]\d{8}$/.test(pairs(input.value).replace(/\D/g, "")) || input.value.startsWith("+") ? "" : words.number_short);
    aloud.textContent = pairs(input.value);
    tick.checked = false;
  });
  if (!known) return [typed, aloud, read];
  const pick = (/** @type {boolean} */ onFile) => {
    typed.hidden = input.disabled = onFile;
    aloud.textContent = onFile ? known : pairs(input.value);
    said.textContent = onFile ? words.number_confirmed : words.number_read;
    tick.checked = false;
  };
  const which = group(words.number, "", [
    choice("radio", "number_choice", "known", `${words.number_known} ${known}`, { checked: true, change: () => pick(true) }),
    choice("radio", "number_choice", "other", words.number_other, { change: () => { pick(false); input.focus(); } }),
  ], false);
  pick(true);
  const old = !desk.known_number_fresh && el("p", { class: "hint" }, words.number_old);
  return [which, old, typed, aloud, read];
}

/** The number on file is not on this device: without the server it must be typed. @param {HTMLFormElement} form @param {Desk} desk */
export function askForNumber(form, desk) {
  const other = form.querySelector("input[name=number_choice][value=other]");
  const group = other?.closest("fieldset");
  if (!(other instanceof HTMLInputElement) || !group) return;
  other.click();
  group.hidden = true;
  desk.known_number_masked = null;
}

/** @param {Desk} desk @param {Words} words */
function pricePart(desk, words) {
  if (!desk.price_cents) return [];
  const amount = line("amount", words.amount, "", "", { type: "number", inputmode: "decimal", min: 0, max: desk.price_cents / 100, step: "0.01", required: true, disabled: true });
  amount.hidden = true;
  const input = /** @type {HTMLInputElement} */ (amount.querySelector("input"));
  const other = (/** @type {boolean} */ on) => { amount.hidden = !on; input.disabled = !on; if (on) input.focus(); };
  return [group(fill(words.price, { price: desk.price }), "", [
    choice("radio", "paid", String(desk.price_cents), fill(words.paid, { price: desk.price }), { required: true, change: () => other(false) }),
    choice("radio", "paid", "0", words.unpaid, { change: () => other(false) }),
    choice("radio", "paid", "other", words.paid_other, { change: () => other(true) }),
  ]), amount];
}

/** @param {Question} question @param {Words} words */
function questionPart(question, words) {
  const name = `a-${question.id}`;
  const optional = question.required ? "" : words.optional;
  if (question.kind === "number") return line(name, question.label, optional, "", { type: "number", inputmode: "numeric", min: 0, max: 100000, step: 1, required: question.required });
  if (question.kind === "text") return line(name, question.label, optional, "", { maxlength: 200, required: question.required });
  const type = question.kind === "choices" ? "checkbox" : "radio";
  return group(question.label, optional, question.options.map((option) =>
    choice(type, name, option.code, option.label, { required: type === "radio" && question.required })));
}

/**
 * Fill `form` for a live voucher.
 * @param {HTMLFormElement} form @param {Desk} desk @param {Words} words @param {() => void} onCancel
 */
export function showVisit(form, desk, words, onCancel) {
  const facts = [
    fill(words.valid_until, { day: desk.last_day_local }),
    desk.person_reference && fill(words.person, { reference: desk.person_reference }),
    desk.last_visit && fill(words.last_visit, { when: desk.last_visit }),
  ].filter(Boolean);
  const required = desk.questions.filter((/** @type {Question} */ one) => one.required);
  const rest = desk.questions.filter((/** @type {Question} */ one) => !one.required);
  form.replaceChildren(
    el("div", { class: "visit-head" }, icon("ok"), el("div", {}, el("h2", { tabindex: -1 }, desk.offer), ...facts.map((fact) => el("p", {}, String(fact))))),
    el("div", { class: "error-summary", role: "alert", tabindex: -1, hidden: true }),
    ...(/** @type {any[]} */ ([...(desk.needs_number ? numberPart(desk, words) : []), ...pricePart(desk, words)]).filter(Boolean)),
    ...required.map((/** @type {Question} */ one) => questionPart(one, words)),
    el("details", { class: "panel" }, el("summary", {}, words.visit, el("span", { class: "optional" }, ` ${words.optional}`)),
      el("p", { class: "hint" }, words.later),
      ...rest.map((/** @type {Question} */ one) => questionPart(one, words)),
      line("note", words.note, words.optional, words.note_hint, { tag: "textarea", rows: 2, maxlength: 1000 })),
    line("next_visit_on", words.next_visit, words.optional, "", { type: "date", value: desk.next_visit_on, min: desk.today }),
    el("div", { class: "visit-actions" },
      el("button", { class: "button primary big" }, words.accept),
      el("button", { type: "button", class: "button quiet", click: onCancel }, words.cancel)));
}

/** What the form says, as the server takes it. @param {HTMLFormElement} form @param {Desk} desk */
export function readVisit(form, desk) {
  const sent = new FormData(form);
  const text = (/** @type {string} */ name) => String(sent.get(name) ?? "").trim();
  /** @type {Record<string, any>} */ const answers = {};
  for (const { id, kind } of /** @type {Question[]} */ (desk.questions)) {
    const values = sent.getAll(`a-${id}`).map(String).filter((value) => value.trim());
    if (values.length) answers[id] = kind === "choices" ? values : kind === "number" ? Number(values[0]) : values[0].trim();
  }
  const known = Boolean(desk.known_number_masked) && text("number_choice") === "known";
  const paid = text("paid") === "other" ? Math.round(Number(text("amount")) * 100) : Number(text("paid") || 0);
  return {
    number: desk.needs_number && !known ? text("number") : null,
    use_known_number: Boolean(desk.needs_number) && known,
    paid_cents: paid,
    answers,
    note: text("note"),
    next_visit_on: text("next_visit_on") || null,
  };
}

/** Say in the form what the server would not take. @param {HTMLFormElement} form @param {string} title @param {string} message */
export function showFault(form, title, message) {
  const summary = /** @type {HTMLElement} */ (form.querySelector(".error-summary"));
  summary.replaceChildren(el("h2", {}, icon("bad"), title), el("p", {}, message));
  summary.hidden = false;
  summary.focus();
}
