// @ts-check
/** Accepting a voucher here: the entry is on the disk, sealed and signed, before anybody is told. */
import { dayOf, reckon } from "./clock.js";
import { bytesOf, spendingKey } from "./code.js";
import { decide } from "./decide.js";
import { append, fact, head, lists, spent } from "./store.js";
import { entryText, seal, sha256, sign } from "./wire.js";

/** What stands on the disk now, as `decide` takes it. @returns {Promise<import("./decide.js").Held>} */
async function held() {
  const [device, state, last, all, clock] = await Promise.all([fact("device"), fact("state"), head(), lists(), reckon()]);
  return {
    enrolled: Boolean(device), halted: device?.halted ?? "", keys: state?.keys ?? [], lists: all, offers: state?.offers ?? {},
    lease: state?.lease ?? null, shift: state?.shift ?? null, head: last, spent, now: clock.now, today: dayOf(clock.now ?? new Date()),
  };
}

/**
 * Accept a voucher: decided again under the lock, so that two windows of one device never take one number.
 * @param {{code: string, scan_id: string}} scan
 * @param {{number: string|null, paid_cents: number, answers: object, note: string, next_visit_on: string|null}} sent
 * @returns {Promise<import("./decide.js").Decision>} verdict `ok`: it is written
 */
export function accept(scan, sent) {
  return navigator.locks.request("counter-journal", () => write(scan, sent));
}

/** @param {{code: string, scan_id: string}} scan @param {any} sent @returns {Promise<import("./decide.js").Decision>} */
async function write({ code, scan_id }, { number, paid_cents, answers, note, next_visit_on }) {
  const known = await held();
  const decision = await decide(code, known);
  const { verdict, body, offer } = decision;
  if (verdict !== "ok" || !body || !offer || !known.lease || !known.shift) return decision;
  const device = await fact("device");
  const { now, age } = await reckon();
  if (!now) return { ...decision, verdict: "clock" };
  const plain = JSON.stringify({ code, number, paid_cents, answers, note, next_visit_on });
  const sealed = await seal(bytesOf(device.box), device.id, scan_id, plain);
  const total = (known.head.totals[offer.unit] ?? 0) + body.value;
  const entry = {
    seq: known.head.seq + 1, scan_id, prev: known.head.hash, organisation: body.organisation, key_id: body.keyId, serial: body.serial,
    unit: offer.unit, value: body.value, total, accepted_at: now.toISOString(), age_ms: age, lease_id: known.lease.id, shift_id: known.shift.id,
  };
  const text = entryText(device.id, entry, await sha256(sealed));
  const signed = { ...entry, sealed, signature: await sign(device.pair.privateKey, text) };
  await append(
    { seq: entry.seq, spending: spendingKey(body), entry: signed, at: entry.accepted_at, standing: "waiting", offer_code: body.offerCode },
    { seq: entry.seq, hash: await sha256(text), totals: { ...known.head.totals, [offer.unit]: total } },
  );
  return { ...decision, at: entry.accepted_at };
}
