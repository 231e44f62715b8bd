// @ts-check
/**
 * Reads QR codes beside the page: a frame of the camera comes in, its texts go out. One at a time: the page sends the
 * next when it has heard of the last. A camera's frame holds its grey picture as it is, so nothing is converted.
 *
 * @typedef {{grey: Uint8Array, width: number, height: number}} Grey one byte a pixel, rows without gaps
 * @typedef {import("./qr-reader.js").Look} Look
 */
import { loadReader } from "./qr-wasm.js";

const SMALL = 640; // pixels: the longer side of a small copy at most
/** The planes of these begin with the grey picture. */
const GREY_FIRST = new Set(["I420", "I420A", "I422", "I444", "NV12"]);
// As the library fills them in itself; by name where it takes names, else the place in its lists.
const OPTIONS = {
  formats: "QRCode", tryHarder: true, tryRotate: true, tryInvert: true, tryDownscale: true, tryDenoise: false, binarizer: 0, isPure: false,
  downscaleFactor: 3, downscaleThreshold: 500, minLineCount: 2, maxNumberOfSymbols: 255, validateOptionalChecksum: false, returnErrors: false,
  eanAddOnSymbol: 0, textMode: 0, characterSet: 0, tryCode39ExtendedMode: true,
};
// The small copy is the reduced one, and the one in which white on black is looked for: on the whole this would double the time.
const WHOLE = { ...OPTIONS, tryInvert: false, tryDownscale: false };

/** @type {any} */ let reader;
const canvas = new OffscreenCanvas(1, 1);
let planes = new Uint8Array(0);

/** The grey plane of a camera's frame. @param {VideoFrame} frame @param {Look} look @returns {Promise<Grey>} */
async function plane(frame, look) {
  const size = frame.allocationSize();
  if (planes.length < size) planes = new Uint8Array(size);
  const [{ offset, stride }] = await frame.copyTo(planes);
  const shown = /** @type {DOMRectReadOnly} */ (frame.visibleRect);
  return (look === "small" ? smaller : tight)(planes, offset, stride, shown);
}

/** @param {Uint8Array} from @param {number} offset @param {number} stride @param {{width: number, height: number}} size @returns {Grey} */
function tight(from, offset, stride, { width, height }) {
  if (stride === width) return { grey: from.subarray(offset, offset + width * height), width, height };
  const grey = new Uint8Array(width * height);
  for (let row = 0; row < height; row += 1) grey.set(from.subarray(offset + row * stride, offset + row * stride + width), row * width);
  return { grey, width, height };
}

/** Whole blocks of pixels to their mean. @param {Uint8Array} from @param {number} offset @param {number} stride @param {{width: number, height: number}} size @returns {Grey} */
function smaller(from, offset, stride, size) {
  const step = Math.ceil(Math.max(size.width, size.height) / SMALL);
  if (step === 1) return tight(from, offset, stride, size);
  const [width, height] = [Math.floor(size.width / step), Math.floor(size.height / step)];
  const grey = new Uint8Array(width * height);
  for (let row = 0, at = 0; row < height; row += 1) {
    const first = offset + row * step * stride;
    for (let column = 0; column < width; column += 1, at += 1) {
      let sum = 0;
      for (let y = 0, start = first + column * step; y < step; y += 1, start += stride) for (let x = 0; x < step; x += 1) sum += from[start + x];
      grey[at] = sum / (step * step);
    }
  }
  return { grey, width, height };
}

/** Any picture, drawn and made grey. @param {VideoFrame|ImageBitmap} frame @param {Look} look @returns {Grey} */
function drawn(frame, look) {
  const [w, h] = "displayWidth" in frame ? [frame.displayWidth, frame.displayHeight] : [frame.width, frame.height];
  const scale = look === "small" ? Math.min(1, SMALL / Math.max(w, h)) : 1;
  const [width, height] = [Math.round(w * scale), Math.round(h * scale)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  pen.drawImage(frame, 0, 0, width, height);
  const { data } = pen.getImageData(0, 0, width, height);
  const grey = new Uint8Array(width * height);
  for (let at = 0, from = 0; at < grey.length; at += 1, from += 4) grey[at] = (306 * data[from] + 601 * data[from + 1] + 117 * data[from + 2] + 512) >> 10;
  return { grey, width, height };
}

/** @param {Grey} picture @param {Look} look @returns {string[]} */
function texts({ grey, width, height }, look) {
  const place = reader._malloc(grey.length);
  if (!place) throw new Error("no memory for the picture");
  try {
    reader.HEAPU8.set(grey, place);
    const codes = reader.readBarcodesFromPixmap(place, width, height, look === "whole" ? WHOLE : OPTIONS);
    const found = Array.from({ length: codes.size() }, (_, at) => codes.get(at).text);
    codes.delete();
    return found.filter(Boolean);
  } finally {
    reader._free(place);
  }
}

/** @param {{frame: VideoFrame|ImageBitmap, look: Look}} job @returns {Promise<string[]>} */
async function read({ frame, look }) {
  try {
    const grey = "format" in frame && GREY_FIRST.has(frame.format ?? "") ? await plane(frame, look) : drawn(frame, look);
    return texts(grey, look);
  } finally {
    frame.close();
  }
}

addEventListener("message", async ({ data }) => {
  try {
    const found = await read(data);
    postMessage({ texts: found });
  } catch (error) {
    postMessage({ fault: String(error) });
  }
});
/** A code read before the first one comes: what runs for the first time runs slowly. */
const PRACTICE = [0x1fcd7f, 0x104941, 0x17505d, 0x17575d, 0x175b5d, 0x105941, 0x1fd57f, 0x1f00, 0x17cd7c, 0x189524, 0xdee9b, 0x16a434, 0x4e294, 0x1bc8, 0x1fc560, 0x105bca, 0x175524, 0x175d24, 0x175a9c, 0x104436, 0x1fda9c];

function practise() {
  const [size, dots, edge] = [21, 6, 24]; // modules, pixels of one, white around
  const width = size * dots + 2 * edge;
  const grey = new Uint8Array(width * width).fill(255);
  PRACTICE.forEach((row, y) => {
    for (let x = 0; x < size; x += 1) {
      if (!((row >> (size - 1 - x)) & 1)) continue;
      for (let line = 0, start = (edge + y * dots) * width + edge + x * dots; line < dots; line += 1, start += width) grey.fill(0, start, start + dots);
    }
  });
  for (const look of /** @type {const} */ (["small", "whole"])) texts({ grey, width, height: width }, look);
}

try {
  reader = (await loadReader()).module;
  practise();
  postMessage({ texts: [] }); // ready
} catch (error) {
  postMessage({ fault: String(error) });
}
