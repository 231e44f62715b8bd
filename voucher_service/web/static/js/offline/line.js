// @ts-check
/**
 * The line of every page of the counter: is the server there, and what waits to be sent, in words. It uploads behind
 * the page and comes back by itself. One module for all of a page: who imports it shares it.
 */
import { Refusal } from "../counter-server.js";
import { el, fill, icon } from "../counter-dom.js";
import { reckon } from "./clock.js";
import { closeHere, refresh, upload } from "./device.js";
import { fact, head, rows } from "./store.js";

/** Milliseconds between two looks for the server while it is away, and while it is there. */
const AWAY_MS = 3000;
const THERE_MS = 60_000;

/** Whether this device accepts without the server now: a shift must be open, and the lease reach further. */
async function alone() {
  const [state, { seq }, { now }] = await Promise.all([fact("state"), head(), reckon()]);
  const { shift, lease } = state ?? {};
  if (!now || !shift || Date.parse(shift.ends_at) <= now.getTime()) return "away_closed";
  return lease && seq < lease.up_to_seq && now.getTime() < Date.parse(lease.valid_until) ? "away" : "away_spent";
}

export class Line extends EventTarget {
  away = !navigator.onLine;
  enrolled = false;
  waiting = 0;
  unsettled = 0;
  halted = false;
  /** What this device may do without the server. @type {'away'|'away_closed'|'away_spent'} */ alone = "away";
  #timer = 0;
  /** @type {Promise<void>|null} */ #under = null;

  /** @param {HTMLElement|null} place @param {Record<string, any>} words */
  constructor(place, words) {
    super();
    this.place = place;
    this.words = words;
    addEventListener("online", () => this.soon());
    addEventListener("offline", () => this.lose());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.soon(); });
  }

  async start() {
    await this.count();
    await this.look();
  }

  /** Look for the server now. */
  soon() {
    clearTimeout(this.#timer);
    return this.look();
  }

  /** The server did not answer in time. */
  lose() {
    if (!this.away) {
      this.away = true;
      this.paint();
      this.dispatchEvent(new Event("turned"));
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.look(), AWAY_MS);
  }

  /** Ask for what is new and send what waits; one at a time. */
  look() {
    this.#under ??= this.#look().finally(() => {
      this.#under = null;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.look(), this.away || this.waiting ? AWAY_MS : THERE_MS);
    });
    return this.#under;
  }

  async #look() {
    const before = this.away;
    try {
      if (this.enrolled) {
        const answers = await upload().catch((error) => { if (error instanceof Refusal) return []; throw error; }); // the state may still come
        if (answers.length) this.dispatchEvent(new CustomEvent("answers", { detail: answers }));
        await refresh({ patience: before ? 4000 : 8000 });
      } else if (before || this.place?.dataset.kept) {
        await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(4000) });
      }
      this.away = false;
    } catch (error) {
      if (error instanceof Refusal) this.away = false; // it answers: what it says stands in the device's state
      else if (this.enrolled || before || this.place?.dataset.kept) this.away = true;
    }
    await this.count();
    if (before !== this.away) this.dispatchEvent(new Event("turned"));
  }

  async count() {
    const device = await fact("device");
    this.enrolled = Boolean(device);
    this.halted = Boolean(device?.halted);
    if (this.enrolled) {
      this.alone = await alone();
      this.waiting = (await rows("waiting")).length;
      this.unsettled = (await rows("conflict")).length + (await rows("refused")).length + (await rows("invalid")).length;
    }
    this.paint();
  }

  paint() {
    const { place, words } = this;
    if (!place) return;
    const count = String(this.waiting);
    const waiting = this.waiting && fill(this.waiting === 1 ? words.waiting_one : words.waiting_many, { count });
    const parts = [this.away && (!this.enrolled ? words.away_plain : !this.halted && words[this.alone]), this.halted && words.halted, waiting || (this.enrolled && words.waiting_none), this.unsettled && fill(this.unsettled === 1 ? words.unsettled_one : words.unsettled_many, { count: String(this.unsettled) })].filter(Boolean);
    const text = parts.join(" ");
    place.hidden = !parts.length;
    place.dataset.away = String(this.away);
    place.dataset.waiting = count;
    if (place.dataset.said === text) return; // a screen reader hears a change, not each look
    place.dataset.said = text;
    place.className = `queue-line ${this.away || this.waiting || this.unsettled || this.halted ? "check" : "ok"}`;
    place.replaceChildren(icon(this.away ? "check" : this.waiting ? "wait" : this.unsettled || this.halted ? "check" : "ok"), el("span", {}, ...parts.map((part) => el("span", {}, `${part} `))));
  }
}

const place = document.getElementById("queue-line");
export const line = new Line(place, JSON.parse(place?.dataset.words ?? "{}"));
void line.start();

// Who signs out leaves the desk: without a network, too, this device accepts nothing more in their name.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.action.endsWith("/sign-out") || !line.enrolled || event.defaultPrevented) return;
  event.preventDefault();
  void fact("state").then((state) => state?.shift && closeHere(state.shift.id)).finally(() => form.submit());
});

let keeping = false;

/** Let the service worker keep the pages: after this page has what it needs, so that nothing is fetched twice. */
export function keepPages() {
  if (keeping || !("serviceWorker" in navigator) || !place?.dataset.worker) return;
  keeping = true;
  void navigator.serviceWorker.register(place.dataset.worker, { scope: place.dataset.scope }).catch(() => {}); // plain http: no offline, all else works
  void navigator.serviceWorker.ready.then((kept) => kept.active?.postMessage({ language: document.documentElement.lang }));
}
if (!document.getElementById("counter")) keepPages(); // the page that scans loads its reader first
