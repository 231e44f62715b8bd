// @ts-check
/**
 * The vendored QR reader and its megabyte of WebAssembly, for the page and for its thread.
 *
 * @typedef {{detect(source: any): Promise<{rawValue: string}[]>}} Detector
 */

/** A copy of a picture is no larger than this (pixels): a code held close is read in a quarter of the time. */
const SMALL = 640;

/**
 * The reader's bytes, put where the service worker finds them: a megabyte must not be fetched twice on a slow line.
 * @param {string} address @returns {Promise<ArrayBuffer|null>} null: this page keeps nothing (plain http)
 */
async function keptBytes(address) {
  if (!("caches" in globalThis)) return null;
  const cache = await caches.open("reader");
  let answer = await cache.match(address);
  if (!answer) {
    answer = await fetch(address);
    if (!answer.ok) throw new Error(`the reader: ${answer.status}`);
    await cache.put(address, answer.clone()).catch(() => {}); // a full disk: it is fetched again next time
  }
  return answer.arrayBuffer();
}

/** @returns {Promise<{Detector: any, module: any}>} the class of detectors and the running WebAssembly */
export async function loadReader() {
  const code = new URL("../vendor/barcode-detector/ponyfill.js", import.meta.url).href;
  const wasm = new URL("../vendor/zxing-wasm/zxing_reader.wasm", import.meta.url).href;
  const { BarcodeDetector, prepareZXingModule } = await import(code);
  const wasmBinary = await keptBytes(wasm);
  const overrides = { locateFile: () => wasm, ...(wasmBinary && { wasmBinary }) };
  return { Detector: BarcodeDetector, module: await prepareZXingModule({ overrides, fireImmediately: true }) };
}

/** @type {Promise<Detector>|undefined} */
let vendored;

/** The vendored detector, its wasm loaded from our own files and ready. @returns {Promise<Detector>} */
export function vendoredDetector() {
  vendored ??= loadReader().then(({ Detector }) => new Detector({ formats: ["qr_code"] }));
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

/** The video's picture now, on a small canvas. @param {HTMLVideoElement} video @param {HTMLCanvasElement} canvas */
export function picturePixels(video, canvas) {
  const part = Math.min(1, SMALL / Math.max(video.videoWidth, video.videoHeight));
  const [width, height] = [Math.round(video.videoWidth * part), Math.round(video.videoHeight * part)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (!pen) return video;
  pen.drawImage(video, 0, 0, width, height);
  return canvas;
}
