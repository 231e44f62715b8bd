// @ts-check
/**
 * Pictures to QR texts: the browser's own detector where it reads QR codes, else ours, in a thread of its own where the
 * browser can (the page stays quick while a picture is read), else in the page.
 *
 * @typedef {'small'|'whole'} Look at the picture made smaller, or as it is
 * @typedef {object} Reader
 * @property {'native'|'thread'|'page'} kind
 * @property {(video: HTMLVideoElement, look: Look) => Promise<string[]>} read the texts in the picture now
 * @property {() => void} end
 */
import { picturePixels, vendoredDetector } from "./qr-wasm.js";

export { readPicture, vendoredDetector } from "./qr-wasm.js";

/** The browser's own detector, or null where there is none for QR codes. @returns {Promise<import("./qr-wasm.js").Detector|null>} */
export async function nativeDetector() {
  const own = /** @type {any} */ (globalThis).BarcodeDetector;
  try {
    const formats = own ? await own.getSupportedFormats() : [];
    return formats.includes("qr_code") ? new own({ formats: ["qr_code"] }) : null;
  } catch {
    return null;
  }
}

/** @param {{rawValue: string}[]} codes */
const texts = (codes) => codes.map((code) => code.rawValue).filter(Boolean);

/** @returns {Promise<Reader|null>} */
export async function nativeReader() {
  const own = await nativeDetector();
  return own && { kind: "native", read: async (video) => texts(await own.detect(video)), end() {} };
}

/** Our reader in the page itself: for browsers without what the thread needs. @returns {Promise<Reader>} */
async function pageReader() {
  const detector = await vendoredDetector();
  const canvas = document.createElement("canvas");
  return {
    kind: "page",
    async read(video, look) { return texts(await detector.detect(look === "whole" ? video : picturePixels(video, canvas))); },
    end() {},
  };
}

/** Whether a thread can take pictures of a video. */
const canThread = () => typeof Worker === "function" && typeof OffscreenCanvas === "function" && typeof createImageBitmap === "function";

/** Our reader in a thread of its own; resolves when it is ready to read. @returns {Promise<Reader>} */
function threadReader() {
  const thread = new Worker(new URL("./qr-thread.js", import.meta.url), { type: "module", name: "qr" });
  /** @type {((answer: {texts?: string[], fault?: string}) => void)|null} */ let heard = null;
  const answer = () => new Promise((/** @type {(texts: string[]) => void} */ done, fail) => {
    heard = ({ texts: found, fault }) => (found ? done(found) : fail(new Error(fault ?? "the reader's thread ended")));
  });
  thread.onmessage = ({ data }) => heard?.(data);
  thread.onerror = (event) => { event.preventDefault(); heard?.({ fault: event.message }); };
  /** @type {Reader} */ const reader = {
    kind: "thread",
    async read(video, look) {
      const frame = typeof VideoFrame === "function" ? new VideoFrame(video) : await createImageBitmap(video);
      const found = answer();
      thread.postMessage({ frame, look }, [frame]);
      return found;
    },
    end() { thread.terminate(); },
  };
  return answer().then(() => reader, (error) => { thread.terminate(); throw error; });
}

/** Our reader, ready. @returns {Promise<Reader|null>} null: its files are out of reach */
export async function ownReader({ thread = true } = {}) {
  const threaded = thread && canThread() ? await threadReader().catch(() => null) : null;
  return threaded ?? pageReader().catch(() => null);
}
