// @ts-check
/** The counter: a code comes from the camera, a hand scanner or a keyboard; the screen says what to say. */
import { byId, el, icon, isTypedCode } from "./counter-dom.js";
import { showResult } from "./counter-result.js";
import { Refusal, Server } from "./counter-server.js";
import { readVisit, showFault, showVisit } from "./counter-visit.js";
import { startScanner } from "./scanner.js";
import { setSound, soundOn, unlock } from "./sound.js";
import { attachWedge, candidates } from "./wedge.js";

const page = byId("counter");
const words = JSON.parse(page.dataset.words);
const server = new Server(page.dataset.home, page.dataset.token, page.dataset.now);
const [ready, waiting, visit, result, codeForm] = ["ready", "waiting", "visit", "result", "code-form"].map(byId);
const field = byId("f-code");
/** @type {import("./scanner.js").Scanner|undefined} */ let scanner;
/** What one scan holds until it is recorded. @type {{code: string, scan_id: string, scanned_at: string, desk?: any}|null} */ let scan = null;
/** @type {AbortController|null} */ let asking = null;
let stopFollowing = () => {};
let unsaved = false;

/** Show one part of the page. @param {'ready'|'waiting'|'visit'|'result'} part */
function show(part) {
  ready.hidden = part !== "ready";
  waiting.hidden = part !== "waiting";
  visit.hidden = part !== "visit";
  result.hidden = part !== "result";
  page.dataset.part = part;
  document.body.classList.toggle("showing-result", part === "result");
  document.body.classList.toggle("in-hand", part === "visit" || part === "waiting"); // on a telephone the menu makes room
  // A hand scanner may read the next voucher while a refusal is on the screen; nobody tabs to the field behind it.
  const behind = part === "result" && result.dataset.outcome !== "accepted";
  codeForm.hidden = part !== "ready" && !behind;
  codeForm.classList.toggle("vh", behind);
  for (const one of codeForm.querySelectorAll("input, button")) one.tabIndex = behind ? -1 : 0;
  if (part === "ready" || behind) scanner?.resume();
  else scanner?.pause();
}

function start() {
  stopFollowing();
  asking?.abort();
  scan = null;
  unsaved = false;
  show("ready");
  if (matchMedia("(hover: hover)").matches) field.focus({ preventScroll: true }); // no screen keyboard over the picture
}

/** @param {string} title @param {string} [next] @param {Node[]} buttons */
function wait(title, next = "", ...buttons) {
  const trouble = buttons.length > 0;
  waiting.className = trouble ? "waiting notice check" : "waiting";
  waiting.replaceChildren(trouble ? icon("check") : el("span", { class: "spinner" }),
    el("div", {}, el("p", { class: "notice-title" }, title), next && el("p", {}, next), trouble && el("div", { class: "actions" }, ...buttons)));
  show("waiting");
}

/** @param {'look'|'scan'} what @param {AbortController} stop @param {EventTarget} wake */
function hear(what, stop, wake) {
  return (/** @type {import("./counter-server.js").Trouble} */ trouble) => {
    const out = trouble === "signed_out";
    const retry = el("button", { type: "button", class: "button primary", click: () => wake.dispatchEvent(new Event("wake")) }, words.retry);
    const signIn = out && el("a", { class: "button primary", href: page.dataset.signIn, target: "_blank", rel: "noopener" }, words.sign_in);
    // Only a look can be dropped: a scan may be recorded already, and must hear its answer.
    const cancel = what === "look" && el("button", { type: "button", class: "button quiet", click: () => { stop.abort(); start(); } }, words.cancel);
    const buttons = /** @type {Node[]} */ ([signIn, retry, cancel].filter(Boolean));
    wait(out ? words.signed_out : words[`away_${what}`], out ? words.signed_out_next : words[`away_${what}_next`], ...buttons);
  };
}

/** @param {'look'|'scan'} what @param {string} path @param {object} body */
async function persist(what, path, body) {
  asking?.abort();
  const stop = (asking = new AbortController());
  const wake = new EventTarget();
  const answer = await server.persist(path, body, { onTrouble: hear(what, stop, wake), signal: stop.signal, wake });
  if (stop.signal.aborted) throw new DOMException("given up", "AbortError");
  return answer;
}

/** A code was read. @param {string} code */
async function take(code) {
  if (!["ready", "result"].includes(page.dataset.part)) return;
  stopFollowing();
  const mine = (scan = { code, scan_id: crypto.randomUUID(), scanned_at: server.now() });
  wait(words.reading);
  try {
    const seen = await persist("look", "look", { code });
    if (scan !== mine) return;
    if (byId("look-only").checked) return showLook(seen, code);
    if (seen.outcome !== "ok") return refuse(mine, seen);
    openVisit(mine, seen);
  } catch (error) {
    if (scan === mine) fault(error);
  }
}

/** @param {any} seen @param {string} code */
function showLook(seen, code) {
  const use = seen.outcome === "ok" ? [{ label: words.use_now, act: () => { byId("look-only").checked = false; void take(code); } }] : [];
  tell(seen, use);
}

/** Say the refusal at once, record it behind the screen. @param {NonNullable<typeof scan>} mine @param {any} seen */
async function refuse(mine, seen) {
  tell(seen);
  const { desk: _, ...body } = mine;
  await server.persist("scans", { ...body, branch_id: Number(page.dataset.branch) }, { onTrouble: () => {} }).catch(() => {});
}

/** @param {NonNullable<typeof scan>} mine @param {any} seen */
function openVisit(mine, seen) {
  mine.desk = seen;
  showVisit(visit, seen, words, start);
  show("visit");
  scrollTo(0, 0);
  const first = visit.querySelector("input:not([type=hidden]):not([disabled])");
  (matchMedia("(hover: hover)").matches ? first : visit.querySelector("h2"))?.focus({ preventScroll: true });
}

async function redeem() {
  const mine = scan;
  if (!mine?.desk) return;
  const { code, scan_id, scanned_at, desk } = mine;
  wait(words.sending);
  unsaved = true;
  try {
    const recorded = await persist("scan", "scans", { code, scan_id, scanned_at, branch_id: Number(page.dataset.branch), ...readVisit(visit, desk) });
    unsaved = false;
    tell({ ...recorded, offer: recorded.outcome === "accepted" ? desk.offer : "" });
  } catch (error) {
    unsaved = false;
    if (!(error instanceof Refusal)) return fault(error);
    show("visit");
    showFault(visit, words.problem, error.message);
  }
}

/** @param {any} answer @param {import("./counter-result.js").Button[]} [more] */
function tell(answer, more = []) {
  stopFollowing = showResult(result, answer, { words, server, buttons: [{ label: words.next, act: start }, ...more] });
  show("result");
}

/** @param {unknown} error */
function fault(error) {
  if (error instanceof DOMException && error.name === "AbortError") return;
  if (!(error instanceof Refusal)) { reportError(error); return start(); }
  start();
  say(error.message);
}

/** A line above the field. @param {string} text */
function say(text) {
  byId("code-error").textContent = text;
  byId("code-error").hidden = !text;
}

/** Which of a hand scanner's two readings is a code: the signature or the check digits tell. @param {string[]} readings */
function best(readings) {
  return readings.find((text) => /\d{200,}/.test(text)) ?? readings.find(isTypedCode) ?? readings[0];
}

function listen() {
  attachWedge(field, { onCode: (reading) => {
    say("");
    const text = best(candidates(reading));
    if (!text) return;
    // A slip of the finger needs no server, and must not count as a guess.
    if (/^\D*(?:\d\D*){8,40}$/.test(text) && !isTypedCode(text) && text.length <= 40) { say(words.mistyped); field.value = reading.typed; return; }
    void take(text);
  } });
  visit.addEventListener("submit", (/** @type {Event} */ event) => { event.preventDefault(); void redeem(); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    if (page.dataset.part === "result" || page.dataset.part === "visit") start();
  });
  addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  addEventListener("pointerdown", unlock, { once: true });
}

function tools() {
  const [sound, torch, again] = ["sound", "torch", "camera-retry"].map(byId);
  const paint = () => {
    sound.setAttribute("aria-pressed", String(soundOn()));
    sound.replaceChildren(icon(soundOn() ? "sound" : "mute"), el("span", {}, soundOn() ? words.sound_on : words.sound_off));
  };
  sound.addEventListener("click", () => { setSound(!soundOn()); paint(); });
  torch.addEventListener("click", async () => {
    const on = await scanner?.torch(torch.getAttribute("aria-pressed") !== "true");
    torch.setAttribute("aria-pressed", String(Boolean(on)));
    torch.querySelector("span").textContent = on ? words.torch_on : words.torch_off;
  });
  again.addEventListener("click", () => void scanner?.retry());
  paint();
}

/** @param {import("./scanner.js").State} state */
function onCamera(state) {
  byId("camera-state").replaceChildren(el("b", {}, state.title), state.next);
  byId("torch").hidden = !state.torch;
  byId("camera-retry").hidden = ["starting", "reading", "paused"].includes(state.phase);
  page.dataset.camera = state.phase;
}

for (const part of document.querySelectorAll(".script-only")) /** @type {HTMLElement} */ (part).hidden = false;
listen();
tools();
start();
scanner = await startScanner(/** @type {HTMLVideoElement} */ (page.querySelector("video")), { onCode: (text) => void take(text), onState: onCamera, texts: words.scanner });
