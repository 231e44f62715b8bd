// @ts-check
/**
 * Camera to QR text. Nothing here knows what a voucher is: the page gets each text once and decides.
 *
 * @typedef {'starting'|'reading'|'paused'|'stopped'|'insecure'|'unsupported'|'refused'|'missing'|'busy'|'reader'} Phase
 * @typedef {{phase: Phase, title: string, next: string, torch: boolean, native: boolean}} State
 *   `title` and `next` are plain words for the screen; `torch`: there is a lamp to switch.
 * @typedef {Partial<Record<Phase, [string, string]>>} Words
 * @typedef {{onCode: (text: string) => void, onState?: (state: State) => void, texts?: Words}} Options
 */
import { nativeReader, ownReader } from "./qr-reader.js";

export { readPicture } from "./qr-reader.js";

/** A code counts as new again once it has been out of the picture this long (milliseconds). */
const GONE_MS = 1500;
/** Shortest time between two looks at the picture: quick for the hand, gentle on a phone's battery. */
const LOOK_MS = 60;
/** Without word of a new picture for so long, look at what is there (milliseconds). */
const FRAME_MS = 100;
/** So many failed looks in a row mean that the reader itself is broken, not one picture. */
const FAILED_LOOKS = 5;

const TYPE_IT = "Tapez le code à 16 chiffres écrit sous le QR.";

/** What each phase says on screen: what is so, then what to do. @type {Record<Phase, [string, string]>} */
export const TEXTS = {
  starting: ["La caméra démarre…", "Autorisez la caméra si l’appareil le demande."],
  reading: ["Présentez le QR du bon", "Tenez-le à plat, à une main de distance."],
  paused: ["Lecture en pause", "Terminez ce passage, la lecture reprendra ensuite."],
  stopped: ["Caméra arrêtée", TYPE_IT],
  insecure: ["Adresse non protégée : la caméra est bloquée", `Ouvrez l’adresse en https://. En attendant : ${TYPE_IT}`],
  unsupported: ["Ce navigateur ne sait pas ouvrir la caméra", TYPE_IT],
  refused: ["La caméra n’est pas autorisée", `Autorisez-la dans les réglages du site, puis réessayez. Sinon : ${TYPE_IT}`],
  missing: ["Aucune caméra trouvée", `Branchez-la, puis réessayez. Sinon : ${TYPE_IT}`],
  busy: ["La caméra est prise par une autre application", `Fermez cette application, puis réessayez. Sinon : ${TYPE_IT}`],
  reader: ["La lecture des QR n’a pas pu démarrer", `Rechargez la page. Sinon : ${TYPE_IT}`],
};

/** @type {Record<string, Phase>} */
const CAMERA_ERRORS = {
  NotAllowedError: "refused", SecurityError: "refused", NotFoundError: "missing", OverconstrainedError: "missing",
  NotReadableError: "busy", AbortError: "busy",
};

/**
 * Remembers which texts are in the picture, so that each is told once.
 * Only looks that really happened count as absence, and one of them must have been at the whole picture: a slow phone
 * never tells a code twice, and a code too far away for the small copy is not taken for gone.
 */
export class Sighting {
  /** @type {Map<string, {since: number|null, whole: boolean}>} text → since when it is out of the picture (null: in it) */
  #texts = new Map();

  /** @param {string[]} texts in the picture now @param {number} now milliseconds @param {boolean} [whole] @returns {string[]} the new ones */
  see(texts, now, whole = true) {
    const present = new Set(texts.filter(Boolean));
    for (const [text, known] of this.#texts) {
      if (present.has(text)) continue;
      known.since ??= now;
      known.whole ||= whole;
      if (known.whole && now - known.since >= GONE_MS) this.#texts.delete(text);
    }
    const fresh = [...present].filter((text) => !this.#texts.has(text));
    for (const text of present) this.#texts.set(text, { since: null, whole: false });
    return fresh;
  }
}

/** One video element's reading. Made by `startScanner`. */
export class Scanner {
  /** @type {State} */ state = { phase: "stopped", title: "", next: "", torch: false, native: false };
  #run = 0; // each start and stop begins a new run; whatever belongs to an older run ends by itself
  #ended = false;
  /** @type {Promise<import("./qr-reader.js").Reader|null>|null} */ #opening = null;
  #sighting = new Sighting();
  /** @type {MediaStream|null} */ #stream = null;
  /** @type {import("./qr-reader.js").Reader|null} */ #reader = null;
  /** @type {import("./qr-reader.js").Look} a code far away has too few pixels in the small copy, so each in turn */ #last = "whole";

  /** @param {HTMLVideoElement} video @param {Options} options */
  constructor(video, { onCode, onState = () => {}, texts = {} }) {
    this.video = video;
    this.onCode = onCode;
    this.onState = onState;
    this.words = { ...TEXTS, ...texts };
    document.addEventListener("visibilitychange", this.#onVisible);
    addEventListener("pagehide", this.#release);
  }

  /** Open the camera again, after a refusal or a lost camera. Never throws: what goes wrong is a state. */
  async retry() {
    this.#release();
    const mine = this.#run;
    this.#tell("starting");
    if (!isSecureContext) return this.#end("insecure");
    if (!navigator.mediaDevices?.getUserMedia) return this.#end("unsupported");
    const [opened] = await Promise.all([this.#camera(mine), this.#prepare()]); // the reader starts while the person is asked
    if (!opened || mine !== this.#run) return;
    if (!this.#reader) return this.#end("reader");
    const can = /** @type {any} */ (opened.getVideoTracks()[0].getCapabilities?.() ?? {});
    this.#tell("reading", { torch: Boolean(can.torch), native: this.#reader.kind === "native" });
    void this.#look(mine);
  }

  /** Go on showing the picture without telling codes, while a form is filled in. */
  pause() { if (this.state.phase === "reading") this.#tell("paused"); }

  resume() { if (this.state.phase === "paused") this.#tell("reading"); }

  /** Switch the camera off for good. */
  stop() {
    document.removeEventListener("visibilitychange", this.#onVisible);
    removeEventListener("pagehide", this.#release);
    this.#end("stopped");
    this.#ended = true;
    this.#endReader();
  }

  /** Switch the lamp; returns whether it is on now. @param {boolean} on @returns {Promise<boolean>} */
  async torch(on) {
    if (!this.#stream || !this.state.torch) return false;
    const lamp = /** @type {any} */ ({ torch: on });
    return this.#stream.getVideoTracks()[0].applyConstraints({ advanced: [lamp] }).then(() => on, () => false);
  }

  #onVisible = () => {
    if (document.hidden) this.#release();
    else if (!this.#stream) void this.retry();
  };

  #release = () => {
    this.#run += 1;
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = null;
    this.video.srcObject = null;
  };

  /** @param {Phase} phase @param {Partial<State>} [more] */
  #tell(phase, more = {}) {
    const [title, next] = this.words[phase];
    this.state = { ...this.state, ...more, phase, title, next };
    this.onState(this.state);
  }

  /** @param {Phase} phase */
  #end(phase) {
    this.#release();
    this.#tell(phase, { torch: false });
  }

  /** The running camera, or null after having said why not. @param {number} mine */
  async #camera(mine) {
    const video = { facingMode: { ideal: "environment" }, width: { ideal: 1280 }, height: { ideal: 720 } };
    /** @type {MediaStream} */ let opened;
    try {
      opened = await navigator.mediaDevices.getUserMedia({ audio: false, video });
    } catch (error) {
      const name = error instanceof DOMException ? error.name : "";
      if (mine === this.#run) this.#end(CAMERA_ERRORS[name] ?? "unsupported");
      return null;
    }
    if (mine !== this.#run) { // stopped, or the page hidden, while the person was asked
      opened.getTracks().forEach((track) => track.stop());
      return null;
    }
    this.#stream = opened;
    opened.getVideoTracks()[0].addEventListener("ended", () => { if (mine === this.#run) this.#end("missing"); });
    Object.assign(this.video, { muted: true, playsInline: true, srcObject: opened });
    await this.video.play().catch(() => {}); // a picture that starts late is read when it comes
    return opened;
  }

  #endReader() {
    this.#reader?.end();
    this.#reader = null;
  }

  /** The reader, once: it outlives a camera that is switched off and on, and a second try does not fetch it again. */
  async #prepare() {
    this.#opening ??= nativeReader().then((own) => own ?? ownReader());
    const opening = this.#opening;
    this.#reader ??= await opening;
    if (!this.#reader || this.#ended) this.#opening = null;
    if (this.#ended) this.#endReader(); // meanwhile
  }

  /** Look at the picture again and again until the run ends. @param {number} mine */
  async #look(mine) {
    let failures = 0;
    while (mine === this.#run) {
      const started = performance.now();
      if (this.state.phase === "reading" && this.video.readyState >= 2) {
        failures = (await this.#read(mine)) ? 0 : failures + 1;
        if (failures >= FAILED_LOOKS && mine === this.#run) {
          await this.#replaceReader(mine);
          failures = 0;
        }
      }
      const rest = LOOK_MS - (performance.now() - started);
      if (rest > 0) await new Promise((done) => setTimeout(done, rest));
      await this.#picture();
    }
  }

  /** Wait for the camera's next picture: looking twice at one finds nothing new. */
  #picture() {
    return new Promise((done) => {
      const { video } = this;
      const asked = video.requestVideoFrameCallback?.(() => { clearTimeout(late); done(undefined); });
      const late = setTimeout(() => { if (asked !== undefined) video.cancelVideoFrameCallback(asked); done(undefined); }, FRAME_MS); // out of sight it may tell of none
    });
  }

  /** One look; returns whether the reader worked. @param {number} mine */
  async #read(mine) {
    const reader = /** @type {import("./qr-reader.js").Reader} */ (this.#reader);
    const look = (this.#last = reader.kind === "native" || this.#last === "small" ? "whole" : "small");
    /** @type {string[]} */ let texts;
    try {
      texts = await reader.read(this.video, look);
    } catch {
      return false;
    }
    if (mine !== this.#run || this.state.phase !== "reading") return true;
    for (const text of this.#sighting.see(texts, performance.now(), look === "whole")) {
      try { this.onCode(text); } catch (error) { reportError(error); } // a fault of the page must not stop the reading
    }
    return true;
  }

  /** Some devices promise a reader that never works: take ours, in the page if need be. @param {number} mine */
  async #replaceReader(mine) {
    const kind = this.#reader?.kind;
    const ours = kind === "page" ? null : await ownReader({ thread: kind === "native" });
    if (mine !== this.#run) return ours?.end();
    this.#reader?.end();
    this.#reader = ours;
    if (!ours) return this.#end("reader");
    this.#tell(this.state.phase, { native: false });
  }
}

/**
 * Start reading from the camera that looks away from the user.
 * The camera stops when the page is hidden and comes back with it.
 * @param {HTMLVideoElement} video @param {Options} options
 */
export async function startScanner(video, options) {
  const scanner = new Scanner(video, options);
  await scanner.retry();
  return scanner;
}
