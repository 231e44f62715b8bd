// @ts-check
/**
 * What this device knows of all vouchers: two bits for each serial, in blocks of 1024 (docs/offline.md, *lists*).
 * 100,000 vouchers are 25 kB; only blocks that differ are fetched.
 *
 * @typedef {{gone: Uint8Array<ArrayBuffer>, home: Uint8Array<ArrayBuffer>}} List whole blocks, one after another
 * @typedef {{blocks: number, sum: string, changed: Record<string, {gone: string, home: string}>}} Change as the server sends it
 * @typedef {'live'|'gone'|'elsewhere'} Standing elsewhere: another branch's, or not known here
 */
import { base64url, bytesOf } from "./code.js";
import { sha256 } from "./wire.js";

const BLOCK = 128; // bytes for 1024 serials

/** @returns {List} */
export const emptyList = () => ({ gone: new Uint8Array(0), home: new Uint8Array(0) });

/** How a serial stands by this list. @param {List|undefined} list @param {number} serial @returns {Standing} */
export function standing(list, serial) {
  const at = (serial >> 10) * BLOCK + ((serial & 1023) >> 3);
  if (!list || serial > 0x7fffffff || at >= list.gone.length) return "elsewhere";
  const bit = 0x80 >> (serial & 7);
  if (list.gone[at] & bit) return "gone";
  return list.home[at] & bit ? "live" : "elsewhere";
}

/** The digests of all blocks, block 0 first, joined: 11 characters each. @param {List} list */
export async function digests(list) {
  const all = [];
  for (let at = 0; at < list.gone.length; at += BLOCK) {
    const both = new Uint8Array([...list.gone.subarray(at, at + BLOCK), ...list.home.subarray(at, at + BLOCK)]);
    all.push(base64url((await crypto.subtle.digest("SHA-256", both)).slice(0, 8)));
  }
  return all.join("");
}

/**
 * The list after a change; null: its sum is not met, so everything must be fetched.
 * @param {List} before @param {Change} change @returns {Promise<List|null>}
 */
export async function applied(before, { blocks, sum, changed }) {
  const list = { gone: new Uint8Array(blocks * BLOCK), home: new Uint8Array(blocks * BLOCK) };
  for (const name of /** @type {const} */ (["gone", "home"])) {
    list[name].set(before[name].subarray(0, blocks * BLOCK));
    for (const [block, bytes] of Object.entries(changed)) {
      const raw = bytesOf(bytes[name]);
      if (raw.length !== BLOCK || Number(block) >= blocks) return null;
      list[name].set(raw, Number(block) * BLOCK);
    }
  }
  return (await sha256(await digests(list))) === sum ? list : null;
}
