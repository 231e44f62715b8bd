// @ts-check
/**
 * This device and the server: enrolment, shift, state, upload. Every request but the first is signed by the device's
 * key; nobody's session is needed (docs/offline.md, *Endpoints*).
 */
import { Refusal } from "../counter-server.js";
import { hear } from "./clock.js";
import { base64url, bytesOf, isSignedBy } from "./code.js";
import { applied, digests, emptyList } from "./lists.js";
import { fact, head, keep, keepLists, lists, rows, settle, wipe, wipeLists } from "./store.js";
import { enrolmentText, newKey, requestText, sign } from "./wire.js";

const BASE = "/counter/offline/";
const UPLOAD = 50;
const utf8 = new TextEncoder();

/** There was no answer, or none that says anything. */
export class Away extends Error {
  /** @param {boolean} [answered] the service itself broke over what was sent (500) */
  constructor(answered = false) {
    super();
    this.answered = answered;
  }
}

/** Something still waits to be uploaded: it must not be wiped. */
export class Unsent extends Error {}

/**
 * @param {string} path @param {object} body @param {{device?: import("./store.js").Device, token?: string, patience?: number}} how
 * @returns {Promise<any>} @throws {Away|Refusal}
 */
async function post(path, body, { device, token, patience = 8000 }) {
  const text = JSON.stringify(body);
  /** @type {Record<string, string>} */ const headers = { "Content-Type": "application/json", Accept: "application/json" };
  if (device) {
    headers["Device-Id"] = device.id;
    headers["Device-Signature"] = await sign(device.pair.privateKey, await requestText(BASE + path, text));
  }
  if (token) headers["X-CSRFToken"] = token;
  /** @type {Response} */ let answer;
  try {
    answer = await fetch(BASE + path, { method: "POST", headers, body: text, cache: "no-store", redirect: "error", signal: AbortSignal.timeout(patience) });
  } catch {
    throw new Away();
  }
  const read = await answer.json().catch(() => null);
  if (answer.status >= 500 || !read) throw new Away(answer.status === 500);
  if (!answer.ok) throw new Refusal(read);
  if (read.now) await hear(read.now);
  return read;
}

/**
 * Enrol with a coordinator's code. A lost answer is asked for again with the same key.
 * @param {string} code ten characters @returns {Promise<import("./store.js").Device>}
 * @throws {Unsent} an earlier enrolment left something to upload, and the server does not answer
 */
export async function enrol(code) {
  await upload().catch(() => {});
  if ((await rows("waiting")).length) throw new Unsent();
  const clean = code.toUpperCase().replace(/[^0-9A-Z]/g, "");
  let invitation = await fact("invitation");
  if (invitation?.code !== clean) {
    invitation = { code: clean, pair: await newKey() };
    await keep("invitation", invitation);
  }
  const { pair } = invitation;
  const point = await crypto.subtle.exportKey("raw", pair.publicKey);
  const answer = await post("enrol", {
    code: clean,
    public_key: base64url(await crypto.subtle.exportKey("spki", pair.publicKey)),
    signature: await sign(pair.privateKey, enrolmentText(clean, point)),
  }, {});
  await wipe();
  const device = { ...answer.device, box: answer.box, root: answer.root, pair, halted: "" };
  await keep("device", device);
  await hear(answer.now);
  await navigator.storage?.persist?.().catch(() => false);
  return device;
}

/** @param {import("./store.js").Device} device @param {string} why */
async function halt(device, why) {
  if (device.halted === why) return;
  await keep("device", { ...device, halted: why });
  await wipeLists();
}

/** Learn from a refusal that this device has been withdrawn. @param {unknown} error @param {import("./store.js").Device} device */
async function stopIfRefused(error, device) {
  const code = error instanceof Refusal ? error.problem.code : "";
  if (["device_unknown", "bad_signature", "device_revoked"].includes(code)) await halt(device, code);
}

/** Change the state that is kept, one after another: what is read is what is written over. @param {(before: any) => any} how */
const change = (how) => navigator.locks.request("counter-state", async () => keep("state", how(await fact("state"))));

/** Open a shift with a PIN, or with the session of who is signed in. @param {{login: string, pin: string}|{}} who @param {string} [token] */
export async function openShift(who, token) {
  const device = await fact("device");
  const answer = await post("shift", who, { device, token });
  const { staff: _name, ...shift } = answer.shift; // a name is not kept on the device
  await change((state) => ({ ...state, shift }));
  return answer;
}

/**
 * Close the shift here at once, network or not; the server is told now, or before this device asks for its state again.
 * @param {string} shiftId @returns {Promise<boolean>} whether the server knows
 */
export async function closeShift(shiftId) {
  await closeHere(shiftId);
  try {
    await tellClosed(await fact("device"));
    return true;
  } catch (error) {
    if (error instanceof Away) return false;
    throw error;
  }
}

/** Accept nothing more under a shift; the server is told later. @param {string} shiftId */
export async function closeHere(shiftId) {
  await keep("closing", shiftId);
  await change((state) => ({ ...state, shift: null }));
}

/** Tell of a shift that was closed here. @param {import("./store.js").Device} device @throws {Away} */
async function tellClosed(device) {
  const shiftId = await fact("closing");
  if (!shiftId) return;
  try {
    await post("shift/close", { shift_id: shiftId }, { device });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error; // a server that does not know it has none to end
  }
  await keep("closing", undefined);
}

/** @param {string} root b64 @param {{signed: string, signature: string}} keys @returns {Promise<any[]>} */
async function believed(root, { signed, signature }) {
  const good = await isSignedBy(bytesOf(root), bytesOf(signature), utf8.encode(`cdp-keys-v1\n${signed}`));
  if (!good) throw new Error("the list of keys is not signed by the root that was pinned");
  return JSON.parse(signed);
}

/** Ask for what is new: keys, lists, offers, lease. @param {{whole?: boolean, patience?: number}} [how] @returns {Promise<any>} */
export async function refresh({ whole = false, patience = 8000 } = {}) {
  const device = await fact("device");
  await tellClosed(device); // first, or the answer would name it as open
  const had = (await fact("state"))?.shift?.id;
  const held = await lists();
  /** @type {Record<string, string>} */ const have = {};
  if (!whole) for (const [name, list] of held) have[name] = await digests(list);
  const { seq, hash } = await head();
  let answer;
  try {
    answer = await post("state", { head: { seq, hash }, have }, { device, patience });
  } catch (error) {
    await stopIfRefused(error, device);
    throw error;
  }
  const after = new Map();
  for (const [name, change] of Object.entries(answer.lists)) {
    const list = await applied((!whole && held.get(name)) || emptyList(), change);
    if (!list) return whole ? Promise.reject(new Error("the lists do not meet their sum")) : refresh({ whole: true });
    after.set(name, list);
  }
  const keys = await believed(device.root, answer.keys);
  const { staff: _name, ...shift } = answer.shift ?? {};
  await keepLists(after);
  await change((before) => {
    const moved = before?.shift?.id !== had; // a shift was opened or closed here while the server answered
    return { keys, offers: answer.offers, forms: answer.forms, lease: answer.lease, shift: moved ? (before?.shift ?? null) : answer.shift ? shift : null,
      received_to: answer.received_to, missing: answer.missing, fetched_at: answer.now };
  });
  await keep("device", { ...device, ...answer.device });
  if (answer.restored || answer.forked) await halt(await fact("device"), answer.forked ? "forked" : "restored");
  return answer;
}

/** Send what waits, oldest first, until nothing does or there is no answer. Returns the answers. @returns {Promise<any[]>} */
export async function upload() {
  const device = await fact("device");
  if (!device) return [];
  /** @type {any[]} */ const all = [];
  /** @type {Set<number>} */ const stuck = new Set(); // kept, told in the count, tried again the next time
  for (;;) {
    const waiting = (await rows("waiting")).filter(({ seq }) => !stuck.has(seq)).slice(0, UPLOAD);
    if (!waiting.length) return all;
    const before = stuck.size;
    const answers = await told(device, waiting, stuck);
    for (const answer of answers) await settle(answer.seq, answer);
    all.push(...answers);
    if (!answers.length && stuck.size === before) return all; // never ask the same for ever
  }
}

/**
 * The answers to some entries. What the server cannot take as a whole is sent in halves: one bad entry holds back no other.
 * @param {import("./store.js").Device} device @param {import("./store.js").Row[]} some @param {Set<number>} stuck gets what is not taken even alone
 * @returns {Promise<any[]>}
 */
async function told(device, some, stuck) {
  try {
    return (await post("entries", { entries: some.map(({ entry }) => packed(entry)) }, { device })).answers;
  } catch (error) {
    const bad = error instanceof Refusal ? [400, 413, 422].includes(error.problem.status) : error instanceof Away && error.answered;
    if (!bad) throw error;
  }
  if (some.length === 1) {
    stuck.add(some[0].seq);
    return [];
  }
  const middle = some.length >> 1;
  return [...(await told(device, some.slice(0, middle), stuck)), ...(await told(device, some.slice(middle), stuck))];
}

/** An entry as it travels. @param {any} entry */
const packed = ({ sealed, ...rest }) => ({ ...rest, sealed: base64url(sealed) });
