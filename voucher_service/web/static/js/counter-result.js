// @ts-check
/** The result, read at arm's length, and what becomes of the top-up while the person waits. */
import { el, fill, icon } from "./counter-dom.js";
import { forPerson } from "./counter-person.js";
import { play } from "./sound.js";

/**
 * @typedef {import("./counter-server.js").Server} Server
 * @typedef {Record<string, any>} Answer
 * @typedef {Record<string, any>} Words
 * @typedef {{label: string, act: () => void}} Button
 */

/** Milliseconds between two questions about a top-up: soon at first, then patiently. @param {number} asked */
const pause = (asked) => (asked < 20 ? 1000 : 5000);

/** Do it when the eye has been served; at once where nothing is painted. @param {() => unknown} act */
function afterPaint(act) {
  if (document.hidden) act();
  else requestAnimationFrame(() => requestAnimationFrame(act)); // the second comes after the first was painted
}

/** @type {Record<string, import("./sound.js").Kind>} */
const SOUNDS = { ok: "accept", info: "accept", wait: "accept", bad: "refuse", check: "check", here: "here" };

/**
 * Show `answer` on the whole screen; resolves nothing, returns what stops it.
 * @param {HTMLElement} place @param {Answer} answer @param {{words: Words, server: Server, buttons: Button[]}} how
 */
export function showResult(place, answer, { words, server, buttons }) {
  const { word, sentence, next_step: nextStep } = answer.words;
  const [first, ...others] = buttons;
  const strip = el("div", { class: "order-strip" });
  const next = el("button", { type: "button", class: "button primary big", id: "next", click: first.act }, first.label);
  place.className = `result ${answer.tone}`;
  place.setAttribute("role", answer.tone === "bad" || answer.tone === "check" ? "alert" : "status");
  place.dataset.outcome = answer.outcome;
  place.replaceChildren(
    el("div", { class: "result-head" }, icon(answer.tone === "here" ? "wait" : answer.tone), el("p", { class: "result-word" }, word)),
    el("div", { class: "result-body" },
      el("h2", {}, answer.offer ? `${answer.offer}` : sentence),
      answer.offer && el("p", { class: "result-text" }, sentence),
      answer.order_id ? strip : el("p", { class: "result-text" }, nextStep),
      forPerson(answer, words),
      el("div", { class: "actions" }, next, ...others.map(({ label, act }) => el("button", { type: "button", class: "button secondary", click: act }, label)),
        answer.receipt_href && el("a", { class: "button secondary", id: "receipt", href: answer.receipt_href }, words.receipt))));
  afterPaint(() => play(SOUNDS[answer.tone])); // opening the loudspeaker may take longer than painting
  const stop = new AbortController();
  if (answer.order_id) void follow(strip, answer.order_id, { words, server, signal: stop.signal });
  return () => stop.abort();
}

/** @param {HTMLElement} strip @param {string} order @param {{words: Words, server: Server, signal: AbortSignal}} how */
async function follow(strip, order, { words, server, signal }) {
  let last = "";
  for (let asked = 0; !signal.aborted; asked += 1) {
    const now = await server.get(`orders/${order}`, signal).catch(() => null); // no answer: the words stay as they are
    if (signal.aborted) return;
    if (now && now.progress !== last) {
      showProgress(strip, now, last, { words, server, order });
      last = now.progress;
    }
    if (now?.final || ["code_ready", "article_ready"].includes(now?.progress)) return;
    await new Promise((done) => setTimeout(done, pause(asked)));
  }
}

/** @param {HTMLElement} strip @param {Answer} now @param {string} before @param {{words: Words, server: Server, order: string}} how */
function showProgress(strip, now, before, how) {
  strip.className = `order-strip notice ${now.tone}`;
  strip.dataset.progress = now.progress;
  strip.setAttribute("role", "status");
  const body = el("div", {}, el("p", { class: "notice-title" }, now.sentence), el("p", {}, now.next_step));
  strip.replaceChildren(icon(now.tone), body);
  if (before) play(SOUNDS[now.tone]);
  if (now.progress === "code_ready") body.append(codeButton(body, how));
  if (now.progress === "article_ready") body.append(el("a", { class: "button primary", id: "hand-over", href: `${how.server.home}articles/${how.order}` }, how.words.hand_over));
}

/** @param {HTMLElement} body @param {{words: Words, server: Server, order: string}} how */
function codeButton(body, { words, server, order }) {
  const fault = el("p", { class: "error", role: "alert" });
  const button = el("button", { type: "button", class: "button primary", id: "show-code", click: async () => {
    button.setAttribute("disabled", "");
    fault.textContent = "";
    try {
      const shown = await server.post(`orders/${order}/code`, {});
      body.parentElement?.classList.add("with-code");
      body.replaceChildren(el("p", { class: "notice-title" }, words.code_once),
        el("p", { class: "pin", role: "status" }, el("span", { class: "code", translate: "no" }, shown.pin)),
        el("p", { class: "hint" }, fill(words.serial, { serial: shown.serial })),
        ...(shown.how ? [el("p", { translate: "no" }, shown.how)] : []));
    } catch (error) {
      button.removeAttribute("disabled");
      const problem = /** @type {any} */ (error).problem;
      if (problem?.code === "reason_needed") location.assign(`${server.home}top-ups/${order}`); // someone has seen it: the page asks why
      else fault.textContent = problem?.detail ?? words.away_look;
    }
  } }, words.show_code);
  body.append(fault);
  return button;
}
