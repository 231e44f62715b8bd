// @ts-check
/**
 * Whether this device may accept a voucher without the server: pure, from what it holds. Every rule of docs/offline.md,
 * what concerns the voucher first, so that a forged or spent one is called so whatever else is missing.
 *
 * @typedef {'ok'|'not_a_voucher'|'damaged'|'foreign'|'unknown_key'|'forged'|'mistyped'|'expired'|'used_here'|'gone'|'not_home'
 *   |'revoked_key'|'typed_offline'|'not_enrolled'|'device_stopped'|'no_shift'|'clock'|'no_lease'|'lease_over'|'lease_spent'|'unknown_offer'} Verdict
 * @typedef {{id: string, valid_until: string, up_to_seq: number, up_to_value: Record<string, number>}} Lease
 * @typedef {{unit: string, label_fr: string, label_en: string, price_cents: number, needs_number: boolean, form: string}} Offer
 * @typedef {object} Held what the device knows
 * @property {boolean} enrolled
 * @property {string} halted why it must not accept any more; empty when it may
 * @property {import("./code.js").KeyRecord[]} keys
 * @property {Map<string, import("./lists.js").List>} lists by "<organisation>-<key id>"
 * @property {Record<string, Offer>} offers by offer code
 * @property {Lease|null} lease
 * @property {{id: string, ends_at: string}|null} shift
 * @property {{seq: number, totals: Record<string, number>}} head the last entry of the journal
 * @property {(key: string) => Promise<{at: string}|undefined>} spent the journal, by spending key
 * @property {Date|null} now our time as the device reckons it; null: its clock ran backwards
 * @property {string} today the day at the branch, ISO
 * @typedef {{verdict: Verdict, body?: import("./code.js").Body, offer?: Offer, at?: string}} Decision
 */
import { CodeError, spendingKey, verify } from "./code.js";
import { standing } from "./lists.js";

/** @param {string} code @param {Held} held @returns {Promise<Decision>} */
export async function decide(code, held) {
  if (!held.enrolled) return { verdict: "not_enrolled" };
  if (/^[\d\s\u00a0\u202f.\-]+$/.test(code) && code.replace(/\D/g, "").length === 16) return { verdict: "typed_offline" };
  /** @type {import("./code.js").Body} */ let body;
  try {
    body = await verify(code, held.keys);
  } catch (error) {
    if (!(error instanceof CodeError)) throw error;
    // Before its first lists come, the device knows no organisation: it cannot say that a voucher is another's.
    const blind = !held.keys.length && ["foreign", "unknown_key"].includes(error.reason);
    return { verdict: blind ? "no_lease" : error.reason, body: error.body };
  }
  return (await ofTheVoucher(body, held)) ?? ofTheDevice(body, held);
}

/** @param {import("./code.js").Body} body @param {Held} held @returns {Promise<Decision|null>} */
async function ofTheVoucher(body, held) {
  if (held.today > body.lastDay) return { verdict: "expired", body };
  const before = await held.spent(spendingKey(body));
  if (before) return { verdict: "used_here", body, at: before.at };
  const known = standing(held.lists.get(`${body.organisation}-${body.keyId}`), body.serial);
  if (known === "gone") return { verdict: "gone", body };
  if (known === "elsewhere") return { verdict: "not_home", body };
  return null;
}

/** @param {import("./code.js").Body} body @param {Held} held @returns {Decision} */
function ofTheDevice(body, { halted, shift, lease, head, now, offers }) {
  const offer = offers[String(body.offerCode)];
  if (halted) return { verdict: "device_stopped", body };
  if (!now) return { verdict: "clock", body };
  if (!shift || Date.parse(shift.ends_at) <= now.getTime()) return { verdict: "no_shift", body };
  if (!offer) return { verdict: "unknown_offer", body };
  if (!lease) return { verdict: "no_lease", body };
  if (now.getTime() >= Date.parse(lease.valid_until)) return { verdict: "lease_over", body };
  const total = (head.totals[offer.unit] ?? 0) + body.value;
  if (head.seq + 1 > lease.up_to_seq || total > (lease.up_to_value[offer.unit] ?? 0)) return { verdict: "lease_spent", body };
  return { verdict: "ok", body, offer };
}
