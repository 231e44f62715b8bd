// @ts-check
/**
 * Camera to QR text. Uses the browser's own detector where it reads QR codes, else the vendored one.
 * Nothing here knows what a voucher is: the page gets each text once and decides.
 *
 * @typedef {'starting'|'reading'|'paused'|'stopped'|'insecure'|'unsupported'|'refused'|'missing'|'busy'|'reader'} Phase
 * @typedef {{phase: Phase, title: string, next: string, torch: boolean, native: boolean}} State
 *   `title` and `next` are plain words for the screen; `torch`: the lamp can be switched.
 * @typedef {{detect(source: any): Promise<{rawValue: string}[]>}} Detector
 * @typedef {{
 *   onCode: (text: string) => void,
 *   onState?: (state: State) => void,
 *   texts?: Partial<Record<Phase, [string, string]>>,
 * }} Options
 * @typedef {{
 *   stop(): void, pause(): void, resume(): void, retry(): Promise<void>,
 *   torch(on: boolean): Promise<boolean>, readonly state: State,
 * }} Scanner
 */

/** A code counts as new again once it has been out of the picture this long (milliseconds). */
const GONE_MS = 1500;
/** Shortest time between two looks at the picture: quick for the hand, gentle on a phone's battery. */
const LOOK_MS = 90;
/** So many failed looks in a row mean that the reader itself is broken, not one picture. */
const FAILED_LOOKS = 5;

const TYPE_IT = "Tapez le code à 16 chiffres écrit sous le QR.";

/** What each phase says on screen: what is so, then what to do. @type {Record<Phase, [string, string]>} */
export const TEXTS = {
  starting: ["La caméra démarre…", "Autorisez la caméra si le téléphone le demande."],
  reading: ["Présentez le QR du bon", "Tenez-le à plat, à une main de distance."],
  paused: ["Lecture en pause", "Terminez ce passage, la lecture reprendra ensuite."],
  stopped: ["Caméra arrêtée", TYPE_IT],
  insecure: ["Cette adresse n’est pas protégée : la caméra est bloquée", `Ouvrez l’adresse en https://. En attendant : ${TYPE_IT}`],
  unsupported: ["Ce navigateur ne sait pas ouvrir la caméra", TYPE_IT],
  refused: ["La caméra n’est pas autorisée", `Autorisez-la dans les réglages du site, puis réessayez. Sinon : ${TYPE_IT}`],
  missing: ["Aucune caméra trouvée", `Branchez-la, puis réessayez. Sinon : ${TYPE_IT}`],
  busy: ["La caméra est prise par une autre application", `Fermez l’autre application, puis réessayez. Sinon : ${TYPE_IT}`],
  reader: ["La lecture des QR n’a pas pu démarrer", `Rechargez la page. Sinon : ${TYPE_IT}`],
};

/** @type {Record<string, Phase>} */
const CAMERA_ERRORS = {
  NotAllowedError: "refused", SecurityError: "refused", PermissionDeniedError: "refused",
  NotFoundError: "missing", OverconstrainedError: "missing", DevicesNotFoundError: "missing",
  NotReadableError: "busy", AbortError: "busy", TrackStartError: "busy",
};

/** The browser's own detector, or null where there is none for QR codes. @returns {Promise<Detector|null>} */
async function nativeDetector() {
  const own = /** @type {any} */ (globalThis).BarcodeDetector;
  try {
    const formats = own ? await own.getSupportedFormats() : [];
    return formats.includes("qr_code") ? new own({ formats: ["qr_code"] }) : null;
  } catch {
    return null;
  }
}

/** @type {Promise<Detector>|undefined} */
let vendored;

/** The vendored detector, its wasm loaded from our own files and ready. @returns {Promise<Detector>} */
function vendoredDetector() {
  vendored ??= (async () => {
    const code = new URL("../vendor/barcode-detector/ponyfill.js", import.meta.url).href;
    const wasm = new URL("../vendor/zxing-wasm/zxing_reader.wasm", import.meta.url).href;
    const { BarcodeDetector, prepareZXingModule } = await import(code);
    const overrides = { locateFile: (/** @type {string} */ path, /** @type {string} */ prefix) => (path.endsWith(".wasm") ? wasm : prefix + path) };
    await prepareZXingModule({ overrides, fireImmediately: true });
    return new BarcodeDetector({ formats: ["qr_code"] });
  })();
  vendored.catch(() => { vendored = undefined; }); // the next try may find the network back
  return vendored;
}

/**
 * QR texts in one picture (a photo from a file field: works without https and without camera rights).
 * @param {Blob} picture @returns {Promise<string[]>}
 */
export async function readPicture(picture) {
  const codes = await (await vendoredDetector()).detect(picture);
  return codes.map((code) => code.rawValue).filter(Boolean);
}

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

/**
 * Start reading from the camera that looks away from the user. Never throws: what goes wrong is a state.
 * The camera stops when the page is hidden and comes back with it.
 * @param {HTMLVideoElement} video @param {Options} options @returns {Promise<Scanner>}
 */
export async function startScanner(video, { onCode, onState = () => {}, texts = {} }) {
  const words = { ...TEXTS, ...texts };
  const sighting = new Sighting();
  let run = 0; // each start and stop begins a new run; whatever belongs to an older run ends by itself
  let wanted = true;
  /** @type {MediaStream|null} */ let stream = null;
  /** @type {Detector|null} */ let detector = null;
  /** @type {State} */ let state = { phase: "stopped", title: "", next: "", torch: false, native: false };

  /** @param {Phase} phase @param {Partial<State>} [more] */
  const tell = (phase, more = {}) => {
    const [title, next] = words[phase];
    state = { ...state, ...more, phase, title, next };
    onState(state);
  };

  const release = () => {
    run += 1;
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    video.srcObject = null;
  };

  /** @param {Phase} phase */
  const end = (phase) => { release(); tell(phase, { torch: false }); };

  /** @param {number} mine */
  const look = async (mine) => {
    let failures = 0;
    while (mine === run) {
      const started = performance.now();
      if (state.phase === "reading" && video.readyState >= 2) {
        try {
          const codes = await /** @type {Detector} */ (detector).detect(video);
          failures = 0;
          if (mine !== run || /** @type {Phase} */ (state.phase) !== "reading") continue;
          for (const text of sighting.see(codes.map((code) => code.rawValue), performance.now())) {
            try { onCode(text); } catch (error) { reportError(error); } // a fault of the page must not stop the reading
          }
        } catch {
          failures += 1;
          if (mine !== run) return;
          if (failures >= FAILED_LOOKS && !state.native) return end("reader");
          if (failures >= FAILED_LOOKS) { // some devices promise a detector that never works
            detector = await vendoredDetector().catch(() => null);
            if (mine !== run) return;
            if (!detector) return end("reader");
            tell(state.phase, { native: false });
            failures = 0;
          }
        }
      }
      const rest = Math.max(LOOK_MS - (performance.now() - started), 15);
      await new Promise((done) => setTimeout(done, rest));
    }
  };

  const open = async () => {
    release();
    const mine = run;
    tell("starting");
    if (!isSecureContext) return end("insecure");
    if (!navigator.mediaDevices?.getUserMedia) return end("unsupported");
    /** @type {MediaStream} */ let opened;
    try {
      const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
      opened = await navigator.mediaDevices.getUserMedia({ audio: false, video: { facingMode: { ideal: "environment" }, ...size } });
    } catch (error) {
      const name = error instanceof Error || error instanceof DOMException ? error.name : "";
      if (mine === run) end(CAMERA_ERRORS[name] ?? "unsupported");
      return;
    }
    if (mine !== run) return opened.getTracks().forEach((track) => track.stop());
    stream = opened;
    const [track] = opened.getVideoTracks();
    track.addEventListener("ended", () => { if (mine === run) end("missing"); });
    video.muted = true;
    video.playsInline = true;
    video.srcObject = opened;
    await video.play().catch(() => {});
    const own = await nativeDetector();
    const ready = own ?? (await vendoredDetector().catch(() => null));
    if (mine !== run) return;
    if (!ready) return end("reader");
    detector = ready;
    const can = /** @type {any} */ (track.getCapabilities?.() ?? {});
    tell("reading", { torch: Boolean(can.torch), native: ready === own });
    void look(mine);
  };

  const onVisible = () => {
    if (document.hidden) release();
    else if (wanted && !stream) void open();
  };
  document.addEventListener("visibilitychange", onVisible);
  addEventListener("pagehide", release);

  await open();
  return {
    stop() {
      wanted = false;
      document.removeEventListener("visibilitychange", onVisible);
      removeEventListener("pagehide", release);
      end("stopped");
    },
    pause() { if (state.phase === "reading") tell("paused"); },
    resume() { if (state.phase === "paused") tell("reading"); },
    retry: open,
    async torch(on) {
      if (!stream || !state.torch) return false;
      const lamp = /** @type {any} */ ({ torch: on });
      return stream.getVideoTracks()[0].applyConstraints({ advanced: [lamp] }).then(() => on, () => false);
    },
    get state() { return state; },
  };
}
