// @ts-check
/**
 * What stays on this device, in the browser's database. Nothing in it names a person or is worth money in clear: the
 * content of an entry is sealed to the server, the key that signs cannot be read out.
 *
 * @typedef {{id: string, name: string, branch_id: number, branch: string, box: string, root: string, pair: CryptoKeyPair, halted: string}} Device
 * @typedef {{keys: import("./code.js").KeyRecord[], offers: Record<string, any>, forms: Record<string, any[]>, lease: import("./decide.js").Lease|null,
 *   shift: {id: string, role: string, ends_at: string}|null, received_to: number, missing: number[][]}} State
 * @typedef {{server: number, wall: number}} Heard when we last heard the server's time: theirs and ours, ms
 * @typedef {{seq: number, hash: string, totals: Record<string, number>}} Head
 * @typedef {'waiting'|'confirmed'|'conflict'|'refused'|'invalid'} Standing
 * @typedef {{seq: number, spending: string, entry: object, at: string, standing: Standing, answer?: any, offer_code: number}} Row
 *   `entry` is its JSON form, dropped when it was answered
 */
import { NO_ENTRY } from "./wire.js";

const { openDB } = await import(new URL("../../vendor/idb/index.js", import.meta.url).href);

/** Tells `change` when anything that decides about a voucher has changed on the disk, by this window or another one. */
export const changes = new EventTarget();
const others = new BroadcastChannel("counter-store");
others.onmessage = () => changes.dispatchEvent(new Event("change"));

/** Say that what decides has changed. */
function changed() {
  changes.dispatchEvent(new Event("change"));
  others.postMessage("change");
}

/** @type {Promise<any>|undefined} */
let opened;

/** The database; made on the first use. */
function database() {
  opened ??= openDB("counter", 1, {
    /** @param {any} db */
    upgrade(db) {
      db.createObjectStore("facts");
      db.createObjectStore("lists");
      db.createObjectStore("spent");
      db.createObjectStore("entries", { keyPath: "seq" }).createIndex("standing", "standing");
    },
  });
  return opened;
}

/** @param {'device'|'state'|'heard'|'head'|'invitation'|'closing'} name @returns {Promise<any>} */
export const fact = async (name) => (await database()).get("facts", name);

/** @param {'device'|'state'|'heard'|'head'|'invitation'|'closing'} name @param {any} value undefined: forget it */
export async function keep(name, value) {
  const db = await database();
  await (value === undefined ? db.delete("facts", name) : db.put("facts", value, name));
  if (name === "device" || name === "state") changed();
}

/** @returns {Promise<Head>} the last entry of this device's journal */
export const head = async () => (await fact("head")) ?? { seq: 0, hash: NO_ENTRY, totals: {} };

/** @returns {Promise<Map<string, import("./lists.js").List>>} by "<organisation>-<key id>" */
export async function lists() {
  const db = await database();
  const [names, all] = await Promise.all([db.getAllKeys("lists"), db.getAll("lists")]);
  return new Map(names.map((/** @type {string} */ name, /** @type {number} */ at) => [name, all[at]]));
}

/** Replace all lists: what the server no longer names is dropped. @param {Map<string, import("./lists.js").List>} all */
export async function keepLists(all) {
  const change = (await database()).transaction("lists", "readwrite");
  await change.store.clear();
  for (const [name, list] of all) await change.store.put(list, name);
  await change.done;
  changed();
}

/** When a voucher was accepted at this device, by its spending key. @param {string} key @returns {Promise<{at: string}|undefined>} */
export const spent = async (key) => (await database()).get("spent", key);

/** All of them, by spending key. @returns {Promise<Map<string, {at: string}>>} */
export async function spentAll() {
  const store = (await database()).transaction("spent").store;
  const [keys, all] = await Promise.all([store.getAllKeys(), store.getAll()]);
  return new Map(keys.map((/** @type {string} */ key, /** @type {number} */ at) => [key, all[at]]));
}

/** Remember a voucher that was used here with the server's word. @param {string} key @param {string} at ISO */
export async function keepSpent(key, at) {
  await (await database()).put("spent", { at }, key);
  changed();
}

/**
 * Write an entry, its head and its voucher, all or nothing, and on the disk before this returns.
 * @param {Row} row @param {Head} next
 * @throws when the journal has moved on since `next` was reckoned, or holds the voucher already
 */
export async function append(row, next) {
  const change = (await database()).transaction(["entries", "facts", "spent"], "readwrite", { durability: "strict" });
  try {
    const now = (await change.objectStore("facts").get("head")) ?? { seq: 0 };
    if (now.seq !== next.seq - 1) throw new Error("the journal moved on");
    await change.objectStore("spent").add({ at: row.at }, row.spending);
    await change.objectStore("entries").add(row);
    await change.objectStore("facts").put(next, "head");
    await change.done;
    changed();
  } catch (error) {
    change.done.catch(() => {}); // told by what is thrown here
    try { change.abort(); } catch { /* it has ended by itself */ }
    throw error;
  }
}

/** @param {Standing} standing @returns {Promise<Row[]>} oldest first */
export const rows = async (standing) => (await database()).getAllFromIndex("entries", "standing", standing);

/** The last `n` entries, newest first. @param {number} n @returns {Promise<Row[]>} */
export async function latest(n) {
  const found = [];
  let cursor = await (await database()).transaction("entries").store.openCursor(null, "prev");
  for (; cursor && found.length < n; cursor = await cursor.continue()) found.push(cursor.value);
  return found;
}

/**
 * Keep the server's answer to an entry; what was sealed is dropped, unless the server did not take it.
 * @param {number} seq @param {any} answer
 */
export async function settle(seq, answer) {
  const change = (await database()).transaction("entries", "readwrite");
  const row = await change.store.get(seq);
  if (row) {
    const { entry, ...rest } = row;
    const kept = answer.status === "invalid" ? { entry } : {};
    const { status, reason, at, branch, scan_id: scanId, order_id: orderId, visit_id: visitId, words } = answer;
    await change.store.put({ ...rest, ...kept, standing: status, answer: { reason, at, branch, scan_id: scanId, order_id: orderId, visit_id: visitId, words } });
  }
  await change.done;
}

/** Forget the lists and what could be accepted; the queue and the key stay, to be uploaded. */
export async function wipeLists() {
  await keepLists(new Map());
  const state = await fact("state");
  if (state) await keep("state", { ...state, lease: null, keys: [], shift: null });
}

/** Forget all, for another enrolment. */
export async function wipe() {
  const db = await database();
  const change = db.transaction(["facts", "lists", "spent", "entries"], "readwrite");
  await Promise.all(["facts", "lists", "spent", "entries"].map((name) => change.objectStore(name).clear()));
  await change.done;
  changed();
}
