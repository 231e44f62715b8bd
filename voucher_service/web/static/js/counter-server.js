// @ts-check
/**
 * Talking to the server. What must not be lost is sent again until there is an answer; the server recognises
 * a scan by its id, so sending twice records once.
 *
 * @typedef {{status: number, code: string, detail: string, field?: string, faults?: Record<string, string>}} Problem
 * @typedef {'away'|'signed_out'} Trouble
 * @typedef {{ok: boolean, status: number, said: any}} Heard an answer and what its JSON says; null: none
 */

const PATIENCE_MS = 8000;
const AGAIN_MS = 2000;

/** The server has answered, and will not do it: the words are for the person at the desk. */
export class Refusal extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(problem.detail || problem.code);
    this.problem = problem;
  }
}

/** There was no answer. */
export class NoAnswer extends Error {
  /** @param {Trouble} trouble */
  constructor(trouble) {
    super(trouble);
    this.trouble = trouble;
  }
}

export class Server {
  /** @param {string} home address of the counter @param {string} token @param {string} now the server's time, ISO */
  constructor(home, token, now) {
    this.home = home;
    this.token = token;
    this.ahead = now ? Date.parse(now) - Date.now() : 0; // a kept page is old: it learns the time with its first token
  }

  /** The time by the server's clock: a telephone's own is often wrong. */
  now() { return new Date(Date.now() + this.ahead).toISOString(); }

  /**
   * Send until there is an answer. `onTrouble` hears each failed try; aborting `signal` gives up.
   * @param {string} path @param {object} body
   * @param {{onTrouble: (trouble: Trouble) => void, signal?: AbortSignal, wake?: EventTarget}} how
   */
  async persist(path, body, { onTrouble, signal, wake }) {
    for (;;) {
      try {
        return await this.post(path, body, signal);
      } catch (error) {
        if (signal?.aborted || !(error instanceof NoAnswer)) throw error;
        onTrouble(error.trouble);
        await rest(wake, signal);
        if (error.trouble === "signed_out") await this.refresh().catch(() => {});
      }
    }
  }

  /** @param {string} path @param {object} body @param {AbortSignal} [signal] */
  async post(path, body, signal) {
    const answer = await this.#ask(path, signal, body);
    if (answer.status !== 400 || answer.said?.code !== "csrf_failed") return read(answer);
    await this.refresh(signal);
    return read(await this.#ask(path, signal, body));
  }

  /** @param {string} path @param {AbortSignal} [signal] */
  async get(path, signal) { return read(await this.#ask(path, signal)); }

  /** A fresh token: the old one ended with the session. @param {AbortSignal} [signal] */
  async refresh(signal) {
    const fresh = await this.get("token", signal);
    this.token = fresh.csrf_token;
    this.ahead = Date.parse(fresh.now) - Date.now();
  }

  /** @param {string} path @param {AbortSignal} [signal] @param {object} [body] @returns {Promise<Heard>} */
  async #ask(path, signal, body) {
    signal?.throwIfAborted();
    const stop = new AbortController();
    const giveUp = () => stop.abort();
    const late = setTimeout(giveUp, PATIENCE_MS);
    signal?.addEventListener("abort", giveUp);
    /** @type {Heard} */ let heard;
    try {
      const answer = await fetch(this.home + path, {
        method: body ? "POST" : "GET",
        headers: { Accept: "application/json", ...(body && { "Content-Type": "application/json", "X-CSRFToken": this.token }) },
        body: body && JSON.stringify(body),
        signal: stop.signal,
        redirect: "error",
        cache: "no-store",
      });
      // Within the same limit: on a bad line an answer may begin and not end.
      heard = { ok: answer.ok, status: answer.status, said: parsed(await answer.text()) };
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new NoAnswer("away");
    } finally {
      clearTimeout(late);
      signal?.removeEventListener("abort", giveUp);
    }
    if (heard.status >= 500) throw new NoAnswer("away");
    if (heard.status === 401) throw new NoAnswer("signed_out");
    return heard;
  }
}

/** @param {string} text @returns {any} null: not JSON, as when it was cut off on its way */
function parsed(text) {
  try { return JSON.parse(text); } catch { return null; }
}

/** @param {Heard} heard @returns {any} */
function read({ ok, said }) {
  if (said === null) throw new NoAnswer("away");
  if (ok) return said;
  throw new Refusal(said);
}

/** Wait a little, or until someone presses "try now". @param {EventTarget} [wake] @param {AbortSignal} [signal] */
function rest(wake, signal) {
  return new Promise((done) => {
    const end = () => { clearTimeout(timer); wake?.removeEventListener("wake", end); done(undefined); };
    const timer = setTimeout(end, AGAIN_MS);
    wake?.addEventListener("wake", end);
    signal?.addEventListener("abort", end, { once: true });
  });
}
