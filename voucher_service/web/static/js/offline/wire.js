// @ts-check
/**
 * The bytes that this device signs and seals (docs/offline.md), pinned by docs/offline-vector.json.
 * Keys are ECDSA P-256; a signature is raw r‖s; hashes are SHA-256.
 *
 * @typedef {{seq: number, scan_id: string, prev: string, organisation: number, key_id: number, serial: number,
 *   unit: string, value: number, total: number, accepted_at: string, age_ms: number, lease_id: string, shift_id: string}} Entry
 */
import { base64url } from "./code.js";

export const NO_ENTRY = "0".repeat(64);
const ECDSA = { name: "ECDSA", hash: "SHA-256" };
const CURVE = { name: "ECDH", namedCurve: "P-256" };
const utf8 = new TextEncoder();

/** @param {Uint8Array|ArrayBuffer} bytes */
export const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param {Uint8Array<ArrayBuffer>|string} what @returns {Promise<string>} hex */
export async function sha256(what) {
  return hex(await crypto.subtle.digest("SHA-256", typeof what === "string" ? utf8.encode(what) : what));
}

/** The device's signature of a text, b64. @param {CryptoKey} key @param {string} text */
export async function sign(key, text) {
  return base64url(await crypto.subtle.sign(ECDSA, key, utf8.encode(text)));
}

/** @param {string} path without query @param {string} body JSON */
export async function requestText(path, body) {
  return ["cdp-request-v1", "POST", path, await sha256(body)].join("\n");
}

/** @param {string} code @param {ArrayBuffer} point 65 bytes */
export const enrolmentText = (code, point) => ["cdp-enrol-v1", code, hex(point)].join("\n");

/** What is signed, and hashed for the next one's `prev`. @param {string} deviceId @param {Entry} entry @param {string} sealedHash hex */
export function entryText(deviceId, entry, sealedHash) {
  const { seq, scan_id, prev, organisation, key_id, serial, unit, value, total, accepted_at, age_ms, lease_id, shift_id } = entry;
  return ["cdp-entry-v1", deviceId, seq, scan_id, prev, organisation, key_id, serial, unit, value, total, accepted_at, age_ms, lease_id, shift_id, sealedHash].join("\n");
}

/** A fresh key for this device, which no script can read out: with `extractable` false the browser keeps it. */
export async function newKey() {
  return /** @type {Promise<CryptoKeyPair>} */ (crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]));
}

/**
 * Seal `plain` to the server: this device cannot open it again.
 * @param {Uint8Array<ArrayBuffer>} box the server's 65-byte point @param {string} deviceId @param {string} scanId @param {string} plain
 * @param {{ephemeral?: CryptoKeyPair, nonce?: Uint8Array<ArrayBuffer>}} [fixed] for the golden vector only
 * @returns {Promise<Uint8Array<ArrayBuffer>>} ephemeral point ‖ nonce ‖ ciphertext and tag
 */
export async function seal(box, deviceId, scanId, plain, fixed = {}) {
  const ephemeral = fixed.ephemeral ?? /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey(CURVE, false, ["deriveBits"]));
  const nonce = fixed.nonce ?? crypto.getRandomValues(new Uint8Array(12));
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", ephemeral.publicKey));
  const theirs = await crypto.subtle.importKey("raw", box, CURVE, false, []);
  const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, ephemeral.privateKey, 256);
  const salt = new Uint8Array([...point, ...box]);
  const source = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
  const key = await crypto.subtle.deriveKey({ name: "HKDF", hash: "SHA-256", salt, info: utf8.encode("cdp-sealed-v1") }, source, { name: "AES-GCM", length: 256 }, false, ["encrypt"]);
  const additionalData = utf8.encode(["cdp-sealed-v1", deviceId, scanId].join("\n"));
  const closed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce, additionalData }, key, utf8.encode(plain));
  return new Uint8Array([...point, ...nonce, ...new Uint8Array(closed)]);
}
