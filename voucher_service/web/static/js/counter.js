// @ts-check
/** The counter: a code comes from the camera, a hand scanner or a keyboard; the screen says what to say. */
import { byId, el, icon, isTypedCode } from "./counter-dom.js";
import { showResult } from "./counter-result.js";
import { NoAnswer, Refusal, Server } from "./counter-server.js";
import { askForNumber, readVisit, showFault, showVisit } from "./counter-visit.js";
import { accepted, here, lookHere, remember } from "./offline/desk.js";
import { keepPages, line } from "./offline/line.js";
import { startScanner } from "./scanner.js";
import { setSound, soundOn, unlock } from "./sound.js";
import { attachWedge, candidates } from "./wedge.js";

/** A bad network is worse than none: after this, the device decides by itself (milliseconds). */
const QUICK_MS = 2000;
const LATER_MS = 5000;
/** A screen that only flashes costs time and calm: the verdict may come first. */
const SLOW_MS = 150;

const page = byId("counter");
const words = JSON.parse(page.dataset.words);
const server = new Server(page.dataset.home, page.dataset.token, page.dataset.now);
const [ready, waiting, visit, result, codeForm] = ["ready", "waiting", "visit", "result", "code-form"].map(byId);
const field = byId("f-code");
/** @type {import("./scanner.js").Scanner|undefined} */ let scanner;
/** @typedef {{code: string, scan_id: string, scanned_at: string, desk?: any, tried?: boolean}} Scan what one holds until it is recorded */
/** @type {Scan|null} */ let scan = null;
/** The scan whose verdict is not there yet. @type {Scan|null} */ let taking = null;
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
  // No screen keyboard over the picture; there the page's title takes the focus, which must not be lost with its button.
  (matchMedia("(hover: hover)").matches ? field : document.querySelector("h1"))?.focus({ preventScroll: true });
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
    const signIn = out && el("a", { class: "button primary", href: here() ? page.dataset.device : page.dataset.signIn, target: "_blank", rel: "noopener" }, words.sign_in);
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
  if ((taking && taking === scan) || !["ready", "result"].includes(page.dataset.part)) return;
  performance.clearMarks("code-read");
  performance.mark("code-read"); // read by the benchmark
  stopFollowing();
  const mine = (taking = scan = { code, scan_id: crypto.randomUUID(), scanned_at: server.now() });
  const slow = setTimeout(() => { if (scan === mine) wait(words.reading); }, SLOW_MS);
  try {
    const seen = (await inTime("look", { code })) ?? (await lookAlone(code)) ?? (await persist("look", "look", { code }));
    if (scan !== mine) return;
    if (byId("look-only").checked) return showLook(seen, code);
    if (seen.outcome !== "ok") return refuse(mine, seen);
    openVisit(mine, seen);
  } catch (error) {
    if (scan === mine) fault(error);
  } finally {
    clearTimeout(slow);
    if (taking === mine) taking = null;
  }
}

/**
 * The server's answer when it comes within two seconds, else null: then this device decides, if it may.
 * @param {string} path @param {object} body
 */
async function inTime(path, body) {
  if (!here()) return null;
  if (line.away) return null; // the line looks for the server by itself, and says when it is back
  const limit = AbortSignal.timeout(QUICK_MS); // for all of it: the request, a fresh token, the whole answer
  try {
    return await server.post(path, body, limit);
  } catch (error) {
    if (error instanceof Refusal || !(error instanceof NoAnswer || limit.aborted)) throw error;
    if (!(error instanceof NoAnswer) || error.trouble === "away") line.lose();
    return null; // signed out: the device's own shift is enough
  }
}

/**
 * What this device says of a code without the server's word. Null where only the server knows and it is there, though nobody is signed in.
 * @param {string} code
 */
async function lookAlone(code) {
  if (!here()) return null;
  const seen = await lookHere(code, words);
  const unread = ["not_a_voucher", "damaged", "mistyped"].includes(seen.outcome);
  return !line.away && !unread && (seen.tone === "check" || seen.outcome === "gone") ? null : seen;
}

/** @param {any} seen @param {string} code */
function showLook(seen, code) {
  const use = seen.outcome === "ok" ? [{ label: words.use_now, act: () => { byId("look-only").checked = false; void take(code); } }] : [];
  tell(seen, use);
}

/** Say the refusal at once, record it behind the screen. @param {Scan} mine @param {any} seen */
async function refuse(mine, seen) {
  tell(seen);
  if (seen.offline) return;
  const { desk: _, ...body } = mine;
  await server.persist("scans", { ...body, branch_id: branch() }, { onTrouble: () => {} }).catch(() => {});
}

/** @param {Scan} mine @param {any} seen */
function openVisit(mine, seen) {
  mine.desk = seen;
  showVisit(visit, seen, words, start);
  show("visit");
  const first = visit.querySelector("input:not([type=hidden]):not([disabled])");
  (matchMedia("(hover: hover)").matches ? first : visit.querySelector("h2"))?.focus({ preventScroll: true });
  scrollTo(0, 0); // last: it asks where everything is, and so does the focus
}

async function redeem() {
  const mine = scan;
  if (!mine?.desk) return;
  const { code, scan_id, scanned_at, desk } = mine;
  const sent = readVisit(visit, desk);
  wait(words.sending);
  unsaved = true;
  try {
    const body = { code, scan_id, scanned_at, branch_id: branch(), ...sent };
    const recorded = (mine.tried ? null : await inTime("scans", body)) ?? (await redeemHere(mine, sent)) ?? (await persist("scan", "scans", body));
    unsaved = false;
    if (scan !== mine || recorded === "ask") return;
    void remember(recorded, code);
    tell({ ...recorded, offer: recorded.outcome === "accepted" ? desk.offer : "" });
  } catch (error) {
    unsaved = false;
    if (!(error instanceof Refusal)) return fault(error);
    show("visit");
    showFault(visit, words.problem, error.message);
  }
}

/**
 * Accept without the server; null: this device may not, so it goes on asking; "ask": the number must be typed first.
 * @param {Scan} mine @param {any} sent @returns {Promise<any>}
 */
async function redeemHere(mine, sent) {
  if (!here()) return null;
  const seen = await lookHere(mine.code, words);
  if (seen.outcome !== "ok") return mine.desk.offline ? seen : null;
  mine.tried = true; // whichever of the two arrives, it is one redemption: the id stays
  if (sent.use_known_number) {
    askForNumber(visit, mine.desk);
    show("visit");
    showFault(visit, words.problem, words.number_away);
    return "ask";
  }
  const answer = await accepted(mine, sent, words);
  void line.count().then(() => line.soon());
  return answer;
}

/** @param {any} answer @param {import("./counter-result.js").Button[]} [more] */
function tell(answer, more = []) {
  stopFollowing = showResult(result, answer, { words, server, buttons: [{ label: words.next, act: start }, ...more] });
  show("result");
  byId("next").focus({ preventScroll: true });
  scrollTo(0, 0);
}

/** @param {unknown} error */
function fault(error) {
  if (error instanceof DOMException && error.name === "AbortError") return;
  if (!(error instanceof Refusal)) { reportError(error); return start(); }
  start();
  say(error.message);
}

/** Where this page works: the branch chosen, else the device's. */
const branch = () => Number(page.dataset.branch || here()?.branch_id);

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
  torch.addEventListener("click", async () => lamp(await scanner?.torch(torch.getAttribute("aria-pressed") !== "true")));
  again.addEventListener("click", () => void scanner?.retry());
  paint();
}

/** Say whether the lamp burns. @param {boolean} [on] */
function lamp(on = false) {
  byId("torch").setAttribute("aria-pressed", String(on));
  byId("torch").querySelector("span").textContent = on ? words.torch_on : words.torch_off;
}

/** @param {import("./scanner.js").State} state */
function onCamera(state) {
  if (state.phase === "starting") lamp(); // a camera that was switched off has put it out
  byId("camera-state").replaceChildren(el("b", {}, state.title), state.next);
  byId("torch").hidden = !state.torch;
  byId("camera-retry").hidden = ["starting", "reading", "paused"].includes(state.phase);
  page.dataset.camera = state.phase;
  if (state.phase === "reading") keepPages(); // the reader is here: it is not fetched twice
  else if (state.phase !== "starting") setTimeout(keepPages, LATER_MS); // perhaps the camera comes with a second try
}

for (const part of document.querySelectorAll(".script-only")) /** @type {HTMLElement} */ (part).hidden = false;
listen();
tools();
start();
scanner = await startScanner(/** @type {HTMLVideoElement} */ (page.querySelector("video")), { onCode: (text) => void take(text), onState: onCamera, texts: words.scanner });
