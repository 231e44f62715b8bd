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
import { nativeDetector, vendoredDetector } from "./qr-reader.js";

export { readPicture } from "./qr-reader.js";

/** A code counts as new again once it has been out of the picture this long (milliseconds). */
const GONE_MS = 1500;
/** Shortest time between two looks at the picture: quick for the hand, gentle on a phone's battery. */
const LOOK_MS = 90;
/** Every other look is at a copy no larger than this (pixels): a code held close is read in a quarter of the time. */
const SMALL = 640;
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
 * Only looks that really happened count as absence: a slow phone never tells a code twice.
 */
export class Sighting {
  /** @type {Map<string, number|null>} text → since when it is out of the picture (null: in it) */
  #texts = new Map();

  /** @param {string[]} texts in the picture now @param {number} now milliseconds @returns {string[]} the new ones */
  see(texts, now) {
    const present = new Set(texts.filter(Boolean));
    for (const [text, since] of this.#texts) {
      if (present.has(text)) continue;
      if (since === null) this.#texts.set(text, now);
      else if (now - since >= GONE_MS) this.#texts.delete(text);
    }
    const fresh = [...present].filter((text) => !this.#texts.has(text));
    for (const text of present) this.#texts.set(text, null);
    return fresh;
  }
}

/** One video element's reading. Made by `startScanner`. */
export class Scanner {
  /** @type {State} */ state = { phase: "stopped", title: "", next: "", torch: false, native: false };
  #run = 0; // each start and stop begins a new run; whatever belongs to an older run ends by itself
  #sighting = new Sighting();
  /** @type {MediaStream|null} */ #stream = null;
  /** @type {import("./qr-reader.js").Detector|null} */ #detector = null;
  #small = document.createElement("canvas");
  #whole = false; // whether the next look is at the whole picture: a code far away has too few pixels in the copy

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
    const opened = await this.#camera(mine);
    if (!opened) return;
    const own = await nativeDetector();
    this.#detector = own ?? (await vendoredDetector().catch(() => null));
    if (mine !== this.#run) return;
    if (!this.#detector) return this.#end("reader");
    const can = /** @type {any} */ (opened.getVideoTracks()[0].getCapabilities?.() ?? {});
    this.#tell("reading", { torch: Boolean(can.torch), native: this.#detector === own });
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

  /** Look at the picture again and again until the run ends. @param {number} mine */
  async #look(mine) {
    let failures = 0;
    while (mine === this.#run) {
      const started = performance.now();
      if (this.state.phase === "reading" && this.video.readyState >= 2) {
        failures = (await this.#read(mine)) ? 0 : failures + 1;
        if (failures >= FAILED_LOOKS && mine === this.#run) {
          await this.#replaceDetector(mine);
          failures = 0;
        }
      }
      const rest = Math.max(LOOK_MS - (performance.now() - started), 15);
      await new Promise((done) => setTimeout(done, rest));
    }
  }

  /** What this look is at: the whole picture and a smaller copy in turn. */
  #picture() {
    const { videoWidth: width, videoHeight: height } = this.video;
    const part = SMALL / Math.max(width, height);
    this.#whole = !this.#whole;
    const pen = part < 1 && !this.#whole ? this.#pen(Math.round(width * part), Math.round(height * part)) : null;
    if (!pen) return this.video;
    pen.drawImage(this.video, 0, 0, this.#small.width, this.#small.height);
    return this.#small;
  }

  /** @param {number} width @param {number} height */
  #pen(width, height) {
    if (this.#small.width !== width || this.#small.height !== height) Object.assign(this.#small, { width, height });
    return this.#small.getContext("2d", { willReadFrequently: true });
  }

  /** One look; returns whether the detector worked. @param {number} mine */
  async #read(mine) {
    /** @type {{rawValue: string}[]} */ let codes;
    try {
      codes = await /** @type {import("./qr-reader.js").Detector} */ (this.#detector).detect(this.#picture());
    } catch {
      return false;
    }
    if (mine !== this.#run || this.state.phase !== "reading") return true;
    if (!codes.length && !this.#whole) return true; // the copy may be too small for it: that is no absence
    for (const text of this.#sighting.see(codes.map((code) => code.rawValue), performance.now())) {
      try { this.onCode(text); } catch (error) { reportError(error); } // a fault of the page must not stop the reading
    }
    return true;
  }

  /** Some devices promise a detector that never works: take ours. @param {number} mine */
  async #replaceDetector(mine) {
    const ours = this.state.native ? await vendoredDetector().catch(() => null) : null;
    if (mine !== this.#run) return;
    if (!ours) return this.#end("reader");
    this.#detector = ours;
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
