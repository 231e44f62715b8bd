// @ts-check
/**
 * What this device holds, kept in the page's memory: a look at a code waits for no disk. Read again behind the page after
 * each change, by this window or another one of the device. Only looks are answered from here: an acceptance is decided
 * once more from the disk, under the journal's lock (journal.js).
 *
 * @typedef {import("./decide.js").Held & {forms: Record<string, any[]>}} Known all but the time, which is reckoned at each look
 */
import { warmKeys } from "./code.js";
import { dayOf, reckon } from "./clock.js";
import { changes, fact, head, lists, spentAll } from "./store.js";

const SOON_MS = 30;

/** @type {Promise<Omit<Known, 'now'|'today'>>|null} */ let kept = null;
let later = 0;

/** @returns {Promise<Omit<Known, 'now'|'today'>>} */
async function load() {
  const [device, state, last, all, spent] = await Promise.all([fact("device"), fact("state"), head(), lists(), spentAll()]);
  const keys = state?.keys ?? [];
  void warmKeys(keys);
  return {
    enrolled: Boolean(device), halted: device?.halted ?? "", keys, lists: all, offers: state?.offers ?? {}, forms: state?.forms ?? {},
    lease: state?.lease ?? null, shift: state?.shift ?? null, head: last, spent: async (key) => spent.get(key),
  };
}

function read() {
  const mine = load();
  kept = mine;
  mine.catch(() => { if (kept === mine) kept = null; }); // the next look tries again
  return mine;
}

changes.addEventListener("change", () => {
  kept = null;
  clearTimeout(later);
  later = setTimeout(() => { if (!kept) void read().catch(() => {}); }, SOON_MS); // several changes come together
});

/** What is known now, as `decide` takes it. @returns {Promise<Known>} */
export async function known() {
  const [facts, { now }] = await Promise.all([kept ?? read(), reckon()]);
  return { ...facts, now, today: dayOf(now ?? new Date()) };
}
