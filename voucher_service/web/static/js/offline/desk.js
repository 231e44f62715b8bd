// @ts-check
/** The counter without the server: what the page asks of this device. */
import { spendingKey, read, unpack } from "./code.js";
import { decide } from "./decide.js";
import { accept } from "./journal.js";
import { known } from "./memory.js";
import { answerOf, deskOf } from "./speak.js";
import { fact, keepSpent } from "./store.js";

/** @type {import("./store.js").Device|undefined} */
let device = await fact("device");
addEventListener("focus", () => void fact("device").then((found) => { device = found; }));

/** This device, when it is enrolled. */
export const here = () => device;

const language = document.documentElement.lang || "fr";
if (device) void known().catch(() => {}); // read before the first code comes

/** What this device says of a code; with outcome `ok`, all that the visit's form needs. @param {string} code @param {any} words */
export async function lookHere(code, words) {
  const held = await known();
  const decision = await decide(code, held);
  if (decision.verdict !== "ok") return answerOf(decision, words, language);
  return deskOf(decision, held.forms, words, language, held.now ?? new Date());
}

/** Accept it here. @param {{code: string, scan_id: string}} scan @param {any} sent what the visit's form says @param {any} words */
export async function accepted(scan, sent, words) {
  const decision = await accept(scan, sent);
  const verdict = decision.verdict === "ok" ? "accepted_here" : decision.verdict;
  return answerOf({ ...decision, verdict }, words, language);
}

/** A voucher used with the server's word is not accepted here later, whatever the lists say by then. @param {any} recorded @param {string} code */
export async function remember(recorded, code) {
  if (!device || recorded.outcome !== "accepted") return;
  try {
    await keepSpent(spendingKey(unpack(read(code))), new Date().toISOString());
  } catch { /* a typed code: the lists will tell */ }
}
