// @ts-check
/** A decision made here, said as the server would say it: the same form of answer, the same form of visit. */
import { dayOf, sayDay, sayMoment } from "./clock.js";
import { fill } from "../counter-dom.js";

/** @typedef {Record<string, any>} Words */

/** @type {Map<string, Intl.NumberFormat>} */
const formats = new Map();

/** @param {string} language @param {number} [digits] after the comma, of euros; none: a plain number */
function format(language, digits) {
  const key = `${language} ${digits}`;
  let made = formats.get(key);
  if (!made) {
    const euros = /** @type {const} */ ({ style: "currency", currency: "EUR", minimumFractionDigits: digits });
    formats.set(key, (made = new Intl.NumberFormat(language, digits === undefined ? {} : euros)));
  }
  return made;
}

/** @param {number} quantity @param {string} unit @param {string} language */
export function sayQuantity(quantity, unit, language) {
  if (unit === "eur_cent") return format(language, quantity % 100 ? 2 : 0).format(quantity / 100);
  const whole = format(language);
  if (unit === "megabyte") return quantity >= 1000 && quantity % 100 === 0 ? `${whole.format(quantity / 1000)} ${language === "en" ? "GB" : "Go"}` : `${whole.format(quantity)} ${language === "en" ? "MB" : "Mo"}`;
  return `${whole.format(quantity)} ${unit === "minute" ? "min" : unit === "sms" ? "SMS" : ""}`.trim();
}

/** The answer for the screen. @param {import("./decide.js").Decision} decision @param {Words} words those of the page @param {string} language */
export function answerOf(decision, words, language) {
  const said = words.offline[decision.verdict];
  const facts = {
    last_day: decision.body ? sayDay(decision.body.lastDay, language) : "",
    at: decision.at ? sayMoment(decision.at, language) : "",
  };
  return {
    outcome: decision.verdict, tone: said.tone, offline: true,
    words: { word: said.word, sentence: fill(said.sentence, facts), next_step: fill(said.next_step, facts) },
  };
}

/**
 * What the visit's form needs of a voucher that may be accepted here.
 * @param {import("./decide.js").Decision} decision verdict `ok` @param {Record<string, any[]>} forms @param {Words} words @param {string} language @param {Date} now
 */
export function deskOf({ body, offer }, forms, words, language, now) {
  if (!body || !offer) throw new Error("only a voucher that may be accepted has a desk");
  const label = language === "en" ? "label_en" : "label_fr";
  const inOne = (/** @type {any} */ one) => ({ ...one, label: one.label ?? one[label] });
  return {
    ...answerOf({ verdict: "ok", body, offer }, words, language),
    offer: offer[label],
    value: sayQuantity(body.value, offer.unit, language),
    price_cents: offer.price_cents,
    price: sayQuantity(offer.price_cents, "eur_cent", language),
    last_day: body.lastDay,
    last_day_local: sayDay(body.lastDay, language),
    needs_number: offer.needs_number,
    known_number_masked: null,
    today: dayOf(now),
    next_visit_on: "",
    questions: (forms[offer.form] ?? []).map((question) => ({ ...inOne(question), options: question.options.map(inOne) })),
  };
}
