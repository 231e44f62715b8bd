// @ts-check
/**
 * Keeps the counter's pages on the device: they open after the server's process is gone. The door puts one line in
 * front, `self.kept = {version, shells, files, reader, signature}`: a new version is a new worker with a cache of its own.
 * Nothing that names a person is kept: only the neutral shells and the files that are the same for everyone.
 */
const worker = /** @type {any} */ (self);
/** @type {{version: string, home: string, shells: string[], stands: Record<string, string>, files: string[], reader: string[], signature: string[]}} */
const kept = worker.kept;
const CACHE = `counter-${kept.version}`;
const LANGUAGE = "language";
/** A bad network is worse than none: after this, the device's own copy (milliseconds). */
const PATIENCE_MS = 2000;

/** What this browser needs beyond the common files: its own detector and WebCrypto may do. */
async function needed() {
  const own = worker.BarcodeDetector ? await worker.BarcodeDetector.getSupportedFormats().catch(() => []) : [];
  const key = await crypto.subtle.importKey("raw", new Uint8Array(32), "Ed25519", false, ["verify"]).catch(() => null);
  return [...kept.files, ...(own.includes("qr_code") ? [] : kept.reader), ...(key ? [] : kept.signature)];
}

async function fill() {
  const cache = await caches.open(CACHE);
  const all = await needed(); // by their version: the browser's own copy may serve, and the page's of the reader
  const missing = await Promise.all(all.map(async (path) => !(await caches.match(path)) && path));
  await cache.addAll(missing.filter((path) => path !== false));
  await fillLanguage(cache, navigator.language.startsWith("en") ? "en" : "fr");
  await worker.skipWaiting();
}

/** The pages in one language, fetched without anybody's session. @param {Cache} cache @param {string} language */
async function fillLanguage(cache, language) {
  const paths = kept.shells.map((path) => `${path}?lang=${language}`);
  const missing = (await Promise.all(paths.map(async (path) => !(await cache.match(path)) && path))).filter(Boolean);
  await cache.addAll(missing.map((path) => new Request(String(path), { cache: "reload", credentials: "omit" })));
}

/** Remember the reader's language. @param {string} language */
async function speak(language) {
  const cache = await caches.open(CACHE);
  await cache.put(`${kept.home}${LANGUAGE}`, new Response(language));
  await fillLanguage(cache, language);
}

async function takeOver() {
  const old = (await caches.keys()).filter((name) => name.startsWith("counter-") && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  const reader = await caches.open("reader"); // the page puts it there, under the address of its version
  for (const one of await reader.keys()) if (!kept.reader.includes(new URL(one.url).pathname)) await reader.delete(one);
  await worker.clients.claim();
}

/** The shell that stands for `url` when the server is away. @param {URL} url */
async function shell(url) {
  const cache = await caches.open(CACHE);
  const language = await (await cache.match(`${kept.home}${LANGUAGE}`))?.text();
  const name = kept.shells.includes(url.pathname) ? url.pathname : (kept.stands[url.pathname] ?? `${kept.home}shell`);
  const wanted = url.searchParams.get("lang") ?? language ?? "fr";
  return (await cache.match(`${name}?lang=${wanted}`)) ?? (await cache.match(name, { ignoreSearch: true })) ?? Response.error();
}

/** The server's page when it comes in time, else ours. @param {Request} request @param {URL} url */
async function open(request, url) {
  const late = new Promise((done) => setTimeout(done, PATIENCE_MS, null));
  const answer = await Promise.race([fetch(request).catch(() => null), late]);
  return answer && ![502, 503, 504].includes(answer.status) ? answer : shell(url);
}

/** @param {Request} request */
async function file(request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(request)) ?? (await caches.match(request)) ?? fetch(request);
}

worker.addEventListener("install", (/** @type {any} */ event) => event.waitUntil(fill()));
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(takeOver()));
worker.addEventListener("message", (/** @type {any} */ event) => {
  if (typeof event.data?.language !== "string") return;
  event.waitUntil(speak(event.data.language));
});
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(open(request, url));
  else if (url.pathname.startsWith("/static/")) event.respondWith(file(request));
});
