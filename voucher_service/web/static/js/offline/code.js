// @ts-check
/**
 * A voucher's code without the server: text → 83 bytes → what it says of itself → is it signed.
 * The same rules as `vouchers/code.py`, where the layout is drawn; both are held to one golden vector.
 *
 * @typedef {'not_a_voucher'|'damaged'|'foreign'|'unknown_key'|'forged'|'revoked_key'} Reason
 * @typedef {{organisation: number, keyId: number, serial: number, nonce: number, offerCode: number, value: number, lastDay: string}} Body
 *   `value` counts the smallest piece of the offer's unit; `lastDay` is an ISO date, still good itself.
 * @typedef {{organisation: number, key_id: number, algorithm?: string, status: string, public_key: string}} KeyRecord
 *   `public_key` in base64url; the algorithm is the record's (Ed25519 unless it says another), a token has no say in it.
 */

const BODY = 19;
const TOKEN = 83;
const DIGITS = 200;
const LAYOUT = 0x11;
const FIRST_DAY = Date.UTC(2020, 0, 1);
const DAY_MS = 86_400_000;
// Sig_structure ["Signature1", {1: -8}, "voucher-v1", body] of RFC 9052, up to the body's bytes.
const SIGNED_PREFIX = Uint8Array.from("846a5369676e61747572653143a101274a766f75636865722d763153".match(/../g) ?? [], (pair) => parseInt(pair, 16));
// What a scanner set to QWERTY types on a French keyboard for each digit.
const AZERTY = "à&é\"'(-è_ç§!";
const AZERTY_DIGITS = "012345678968";
const GAPS = /[\p{Zs}\p{Zl}\p{Zp}\p{Pd}\p{Cf}\p{Cc}]+/gu;

/** A text that proves no voucher. */
export class CodeError extends Error {
  /** @param {Reason} reason @param {Body} [body] what the token claims, when it could be unpacked */
  constructor(reason, body) {
    super(reason);
    this.reason = reason;
    this.body = body;
  }
}

/** The 200 digits of a token's number. @param {string} text @returns {string} @throws {CodeError} */
function digitsOf(text) {
  if (text.length === DIGITS + 2 && /^10\d+$/.test(text)) return text.slice(2); // what every camera gives
  if (/^[à&é"'(\-è_ç§!]{200,}$/.test(text)) text = [...text].map((one) => AZERTY_DIGITS[AZERTY.indexOf(one)]).join("");
  const bare = text.replace(GAPS, "");
  const address = /^https?:\/\/.+\/v\/([0-9]*)\/?(?:[?#].*)?$/i.exec(bare);
  const digits = address ? address[1] : bare;
  if (!/^[0-9]+$/.test(digits)) throw new CodeError("not_a_voucher");
  if (!address && digits.length === DIGITS + 2 && digits.startsWith("10")) return digits.slice(2);
  if (digits.length === DIGITS) return digits;
  throw new CodeError(digits.length >= DIGITS / 2 || address ? "damaged" : "not_a_voucher");
}

/** The 83 bytes in a scanned text; proves nothing yet. @param {string} text @returns {Uint8Array} @throws {CodeError} */
export function read(text) {
  if (text.length > 1000) throw new CodeError("not_a_voucher");
  let number = BigInt(digitsOf(text.trim().replace(/^\][A-Za-z][0-9]/, "")));
  if (number >> BigInt(8 * TOKEN)) throw new CodeError("damaged");
  const token = new Uint8Array(TOKEN);
  const view = new DataView(token.buffer);
  for (let at = TOKEN - 8; at > 0; at -= 8, number >>= 64n) view.setBigUint64(at, BigInt.asUintN(64, number));
  for (let at = 2; at >= 0; at -= 1, number >>= 8n) token[at] = Number(number & 255n);
  return token;
}

/** What a token says of itself. @param {Uint8Array} token @returns {Body} @throws {CodeError} */
export function unpack(token) {
  const view = new DataView(token.buffer, token.byteOffset, token.byteLength);
  if (view.getUint8(0) !== LAYOUT) throw new CodeError("not_a_voucher");
  return {
    organisation: view.getUint16(1),
    keyId: view.getUint8(3),
    serial: view.getUint32(4),
    nonce: view.getUint32(8),
    offerCode: view.getUint16(12),
    value: (view.getUint16(14) << 8) | view.getUint8(16),
    lastDay: new Date(FIRST_DAY + view.getUint16(17) * DAY_MS).toISOString().slice(0, 10),
  };
}

/** What a redemption is keyed on, never the token's text. @param {Body} body */
export const spendingKey = ({ organisation, keyId, serial }) => `${organisation}.${keyId}.${serial}`;

/** @param {string} text base64url @returns {Uint8Array<ArrayBuffer>} */
export function bytesOf(text) {
  return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
}

/** @param {Uint8Array|ArrayBuffer} bytes @returns {string} base64url without padding */
export function base64url(bytes) {
  let text = "";
  for (const byte of new Uint8Array(bytes)) text += String.fromCharCode(byte);
  return btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** @type {Map<string, Promise<CryptoKey|null>>} opened keys; null: this browser's WebCrypto has no Ed25519 */
const opened = new Map();

/** @param {Uint8Array<ArrayBuffer>} publicKey 32 raw bytes @param {string} name */
function open(publicKey, name) {
  let key = opened.get(name);
  if (!key) {
    key = crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]).catch(() => null);
    opened.set(name, key);
  }
  return key;
}

/** Open these keys before they are needed, and check a signature that fits none: the first time takes longer. @param {KeyRecord[]} keys */
export const warmKeys = (keys) => Promise.all(keys.map(({ public_key: text }) => isSignedBy(bytesOf(text), new Uint8Array(TOKEN - BODY), new Uint8Array(1))));

/**
 * Whether `signature` over `message` is that of the raw `publicKey`: by WebCrypto, else by the vendored library.
 * @param {Uint8Array<ArrayBuffer>} publicKey @param {Uint8Array<ArrayBuffer>} signature @param {Uint8Array<ArrayBuffer>} message
 * @param {{webCrypto?: boolean}} [how] `webCrypto: false` takes the library in any case
 */
export async function isSignedBy(publicKey, signature, message, { webCrypto = true } = {}) {
  const key = webCrypto ? await open(publicKey, base64url(publicKey)) : null;
  if (key) return crypto.subtle.verify("Ed25519", key, signature, message);
  const { verifyAsync } = await import(new URL("../../vendor/noble-ed25519/index.js", import.meta.url).href);
  return verifyAsync(signature, message, publicKey, { zip215: false });
}

/**
 * The body of a text whose signature its key confirms.
 * @param {string} text @param {KeyRecord[]} keys @param {{webCrypto?: boolean}} [how]
 * @returns {Promise<Body>} @throws {CodeError}
 */
export async function verify(text, keys, how) {
  const token = read(text);
  const body = unpack(token);
  const record = keys.find((one) => one.organisation === body.organisation && one.key_id === body.keyId);
  if (!record) throw new CodeError(keys.some((one) => one.organisation === body.organisation) ? "unknown_key" : "foreign", body);
  const message = new Uint8Array([...SIGNED_PREFIX, ...token.subarray(0, BODY)]);
  const known = (record.algorithm ?? "ed25519").toLowerCase() === "ed25519";
  if (!known || !(await isSignedBy(bytesOf(record.public_key), token.slice(BODY), message, how))) throw new CodeError("forged", body);
  if (record.status === "revoked") throw new CodeError("revoked_key", body);
  return body;
}
