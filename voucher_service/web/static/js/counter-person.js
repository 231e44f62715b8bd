// @ts-check
/** What the person is told, in each language: closed until staff turn the screen round. */
import { el } from "./counter-dom.js";

/** @typedef {{lang: string, dir: string, title: string, text: string}} Said */

/**
 * @param {Record<string, any>} answer the result that is shown @param {Record<string, any>} words those of the page
 * @returns {HTMLElement | false} nothing for a look that records nothing
 */
export function forPerson(answer, words) {
  /** @type {Record<string, Said[]>} */ const known = words.told ?? {};
  const said = answer.tone === "here" ? known.here : known[answer.outcome] ?? known.other;
  if (!said || answer.tone === "info") return false;
  return el("details", { class: "for-person" }, el("summary", {}, words.show_person),
    ...said.map(({ lang, dir, title, text }) => el("div", { lang, dir }, el("p", { class: "for-person-title" }, title), el("p", {}, text))));
}
