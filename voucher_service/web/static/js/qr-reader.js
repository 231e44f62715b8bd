// @ts-check
/**
 * Pictures to QR texts: the browser's own detector where it reads QR codes, else the vendored one.
 *
 * @typedef {{detect(source: any): Promise<{rawValue: string}[]>}} Detector
 */

/** The browser's own detector, or null where there is none for QR codes. @returns {Promise<Detector|null>} */
export async function nativeDetector() {
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
export function vendoredDetector() {
  vendored ??= load();
  vendored.catch(() => { vendored = undefined; }); // the next try may find the network back
  return vendored;
}

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

async function load() {
  const code = new URL("../vendor/barcode-detector/ponyfill.js", import.meta.url).href;
  const wasm = new URL("../vendor/zxing-wasm/zxing_reader.wasm", import.meta.url).href;
  const { BarcodeDetector, prepareZXingModule } = await import(code);
  const wasmBinary = await keptBytes(wasm);
  await prepareZXingModule({ overrides: { locateFile: () => wasm, ...(wasmBinary && { wasmBinary }) }, fireImmediately: true });
  return new BarcodeDetector({ formats: ["qr_code"] });
}

/**
 * QR texts in one picture (a photo from a file field: works without https and without camera rights).
 * @param {Blob} picture @returns {Promise<string[]>}
 */
export async function readPicture(picture) {
  const codes = await (await vendoredDetector()).detect(picture);
  return codes.map((code) => code.rawValue).filter(Boolean);
}
