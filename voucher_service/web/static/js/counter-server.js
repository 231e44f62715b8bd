// @ts-check
/**
 * Talking to the server. What must not be lost is sent again until there is an answer; the server recognises
 * a scan by its id, so sending twice records once.
 *
 * @typedef {{status: number, code: string, detail: string, field?: string, faults?: Record<string, string>}} Problem
 * @typedef {'away'|'signed_out'} Trouble
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
    this.patience = PATIENCE_MS;
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
    if (answer.status !== 400 || (await codeOf(answer.clone())) !== "csrf_failed") return read(answer);
    await this.refresh();
    return read(await this.#ask(path, signal, body));
  }

  /** @param {string} path @param {AbortSignal} [signal] */
  async get(path, signal) { return read(await this.#ask(path, signal)); }

  /** A fresh token: the old one ended with the session. */
  async refresh() {
    const fresh = await this.get("token");
    this.token = fresh.csrf_token;
    this.ahead = Date.parse(fresh.now) - Date.now();
  }

  /** @param {string} path @param {AbortSignal} [signal] @param {object} [body] */
  async #ask(path, signal, body) {
    const stop = new AbortController();
    const giveUp = () => stop.abort();
    const late = setTimeout(giveUp, this.patience);
    signal?.addEventListener("abort", giveUp);
    /** @type {Response} */ let answer;
    try {
      answer = await fetch(this.home + path, {
        method: body ? "POST" : "GET",
        headers: { Accept: "application/json", ...(body && { "Content-Type": "application/json", "X-CSRFToken": this.token }) },
        body: body && JSON.stringify(body),
        signal: stop.signal,
        redirect: "error",
        cache: "no-store",
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new NoAnswer("away");
    } finally {
      clearTimeout(late);
      signal?.removeEventListener("abort", giveUp);
    }
    if (answer.status >= 500) throw new NoAnswer("away");
    if (answer.status === 401) throw new NoAnswer("signed_out");
    return answer;
  }
}

/** @param {Response} answer */
async function codeOf(answer) {
  return answer.json().then((body) => body.code, () => "");
}

/** @param {Response} answer */
async function read(answer) {
  const body = await answer.json().catch(() => { throw new NoAnswer("away"); }); // cut off on its way
  if (answer.ok) return body;
  throw new Refusal(body);
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
