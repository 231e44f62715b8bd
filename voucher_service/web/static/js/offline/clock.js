// @ts-check
/** Our time as this device reckons it: the server's, and what has passed since by the device's own clocks. */
import { fact, keep } from "./store.js";

const ZONE = "Europe/Paris";
/** Heard in this page's life: then the monotonic clock tells what has passed. @type {{server: number, mono: number}|null} */
let fresh = null;
/** What an earlier page heard. @type {Promise<{server: number, wall: number}|undefined>|undefined} */
let before;

/** Keep the server's time. @param {string} now ISO */
export async function hear(now) {
  fresh = { server: Date.parse(now), mono: performance.now() };
  await keep("heard", { server: fresh.server, wall: Date.now() });
}

/** Our time, or null when the device's clock ran backwards since, and whole ms since it was heard (-1: reloaded since). */
export async function reckon() {
  if (fresh) {
    const age = Math.round(performance.now() - fresh.mono);
    return { now: new Date(fresh.server + age), age };
  }
  const heard = await (before ??= fact("heard"));
  if (!heard || Date.now() < heard.wall) return { now: null, age: -1 };
  return { now: new Date(heard.server + Date.now() - heard.wall), age: -1 };
}

/** Making one takes longer than all the rest of a verdict. English days are said as the server says them. @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/** @param {string} name @param {string} language @param {Intl.DateTimeFormatOptions} how always the same for one name */
function format(name, language, how) {
  const key = `${name} ${language}`;
  let made = formats.get(key);
  if (!made) formats.set(key, (made = new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, how)));
  return made;
}

/** The day at the branches, ISO. @param {Date} at */
export const dayOf = (at) => format("iso", "en-CA", { timeZone: ZONE, year: "numeric", month: "2-digit", day: "2-digit" }).format(at);

/** @param {string} iso an instant @param {string} language */
export function sayMoment(iso, language) {
  const how = /** @type {const} */ ({ timeZone: ZONE, day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const said = format("moment", language, how).format(new Date(iso));
  return language === "fr" ? said.replace(":", "\u00a0h\u00a0") : said; // as the server says it
}

/** @param {string} iso a date @param {string} language */
export function sayDay(iso, language) {
  return format("day", language, { timeZone: "UTC", day: "numeric", month: "long", year: "numeric" }).format(new Date(`${iso}T00:00:00Z`));
}

/** How long ago, in words. @param {number} ms @param {string} language */
export function sayAge(ms, language) {
  const words = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1) return language === "fr" ? "il y a moins d’une minute" : "less than a minute ago";
  if (minutes < 60) return words.format(-minutes, "minute");
  return minutes < 48 * 60 ? words.format(-Math.round(minutes / 60), "hour") : words.format(-Math.round(minutes / 1440), "day");
}
