// @ts-check
/** *État*: what waits and since when, how old keys and lists are, what the browser promises, whether its parts work. */
import { byId, el, fill, icon } from "./counter-dom.js";
import { reckon, sayAge, sayMoment } from "./offline/clock.js";
import { line } from "./offline/line.js";
import { fact, head, latest, rows } from "./offline/store.js";
import { nativeDetector, vendoredDetector } from "./qr-reader.js";
import { play, soundOn, unlock } from "./sound.js";

const words = JSON.parse(byId("state").dataset.words).device;
const language = document.documentElement.lang;
const TONES = /** @type {Record<string, string>} */ ({ waiting: "wait", confirmed: "ok", conflict: "check", refused: "check", invalid: "bad" });

/** @param {string} id @param {[string, string|false|undefined|null][]} facts tone and words */
function list(id, facts) {
  byId(id).replaceChildren(...facts.filter(([, text]) => text).map(([tone, text]) => el("li", { class: tone }, icon(tone), el("span", {}, String(text)))));
}

async function device() {
  const [own, state, last] = await Promise.all([fact("device"), fact("state"), head()]);
  const lease = state?.lease;
  const left = lease ? Math.max(0, lease.up_to_seq - last.seq) : 0;
  const kept = await navigator.storage?.persisted?.();
  const used = (await navigator.storage?.estimate?.())?.usage ?? 0;
  const worker = navigator.serviceWorker?.controller;
  list("device-facts", [
    [own ? "ok" : "check", own ? fill(words.enrolled, own) : words.not_enrolled],
    [own?.halted ? "bad" : "ok", own?.halted && JSON.parse(byId("queue-line").dataset.words).halted],
    [state?.shift ? "ok" : "check", state?.shift ? fill(words.shift_open, { until: sayMoment(state.shift.ends_at, language) }) : words.shift_none],
    [left ? "ok" : "check", left ? fill(words.lease, { count: String(left), until: sayMoment(lease.valid_until, language) }) : words.lease_none],
    [worker ? "ok" : "check", worker ? words.worker_ok : words.worker_none],
    [kept ? "ok" : "check", kept ? words.storage_kept : words.storage_may_go],
    ["info", fill(words.storage_used, { used: new Intl.NumberFormat(language, { style: "unit", unit: "kilobyte", maximumFractionDigits: 0 }).format(used / 1000) })],
  ]);
  const { now } = await reckon();
  const age = now && state?.fetched_at ? now.getTime() - Date.parse(state.fetched_at) : null;
  list("list-facts", [
    [state ? "ok" : "check", fill(words.keys, { count: String(state?.keys?.length ?? 0) })],
    [age === null ? "check" : age < 86_400_000 ? "ok" : "check", age === null ? words.lists_none : fill(words.lists_age, { age: sayAge(age, language) })],
  ]);
}

async function queue() {
  const waiting = await rows("waiting");
  const { now } = await reckon();
  const lineWords = JSON.parse(byId("queue-line").dataset.words);
  const count = String(waiting.length);
  list("queue-facts", [
    [waiting.length ? "wait" : "ok", waiting.length ? fill(waiting.length === 1 ? lineWords.waiting_one : lineWords.waiting_many, { count }) : lineWords.waiting_none],
    ["wait", waiting.length > 0 && now && fill(words.oldest, { age: sayAge(now.getTime() - Date.parse(waiting[0].at), language).replace(/^(il y a|in) | ago$/g, "") })],
  ]);
  const all = await latest(50);
  list("entries", all.length ? all.map((row) => [TONES[row.standing], `${row.seq}. ${fill(words.entry, { at: sayMoment(row.at, language) })} : ${words.standings[row.standing]}`]) : [["none", words.none_here]]);
}

/** What the server did not simply confirm: when it was accepted, why, and what to do now. */
async function unsettled() {
  const found = (await Promise.all([rows("conflict"), rows("refused"), rows("invalid")])).flat().sort((one, other) => other.seq - one.seq);
  byId("unsettled").hidden = !found.length;
  byId("unsettled-entries").replaceChildren(...found.map(({ seq, at, standing, answer }) => {
    const { sentence, next_step: nextStep } = answer?.words ?? { sentence: words.standings[standing], next_step: "" };
    const title = `${seq}. ${fill(words.entry, { at: sayMoment(at, language) })}`;
    return el("li", { class: TONES[standing] }, icon(TONES[standing]), el("div", {}, el("p", {}, el("b", {}, title)), el("p", {}, sentence), nextStep && el("p", {}, nextStep)));
  }));
}

async function tryCamera() {
  const place = byId("trial-picture");
  const video = place.querySelector("video");
  const reader = (await nativeDetector()) ? words.reader_own : await vendoredDetector().then(() => words.reader_ours, () => words.reader_none);
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ audio: false, video: { facingMode: { ideal: "environment" } } });
    place.hidden = false;
    await video.play();
    byId("trial").textContent = `${words.camera_ok} ${reader}`;
    setTimeout(() => { video.srcObject?.getTracks().forEach((/** @type {MediaStreamTrack} */ track) => track.stop()); place.hidden = true; }, 5000);
  } catch {
    byId("trial").textContent = `${words.camera_none} ${reader}`;
  }
}

const paint = () => Promise.all([device(), queue(), unsettled()]);
byId("try-camera").addEventListener("click", () => void tryCamera());
byId("try-sound").addEventListener("click", () => {
  unlock();
  byId("trial").textContent = play("accept") && soundOn() ? words.sound_played : words.sound_muted;
});
byId("send-now").addEventListener("click", () => void line.soon().then(paint));
line.addEventListener("turned", () => void paint());
line.addEventListener("answers", () => void paint());
await paint();
byId("state").dataset.ready = "yes";
