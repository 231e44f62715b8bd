// @ts-check
/** Passkeys: made on one's own account page, read where someone signs in or opens a shift. */

/** @typedef {Record<string, any>} Json */

/** What went wrong, as one of the page's words: `stopped`, `known`, `address`, `failed`, `away`; or the server's sentence. */
export class PasskeyFault extends Error {
  /** @param {string} word @param {string} [sentence] */
  constructor(word, sentence) {
    super(sentence ?? word);
    this.word = word;
    this.sentence = sentence;
  }
}

/** @param {string} text @returns {ArrayBuffer} */
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0)).buffer;
/** @param {ArrayBuffer|null|undefined} raw @returns {string|undefined} */
const base64 = (raw) => (raw ? btoa(String.fromCharCode(...new Uint8Array(raw))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "") : undefined);

/** Say whether this browser can. */
export const able = () => isSecureContext && "PublicKeyCredential" in window && Boolean(navigator.credentials);

/** @param {string} address @param {RequestInit} [how] @returns {Promise<Json>} */
async function ask(address, how) {
  let answer;
  try {
    answer = await fetch(address, { cache: "no-store", ...how, headers: { Accept: "application/json", ...how?.headers } });
  } catch {
    throw new PasskeyFault("away");
  }
  const read = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new PasskeyFault("failed", Object.values(read.faults ?? {})[0] ?? read.detail ?? read.title);
  return read;
}

/** @param {string} address @param {Json} body @param {string} token */
const send = (address, body, token) =>
  ask(address, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRFToken": token }, body: JSON.stringify(body) });

/** @template T @param {() => Promise<T|null>} act @returns {Promise<T>} */
async function withAuthenticator(act) {
  try {
    const made = await act();
    if (made) return made;
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    const words = { NotAllowedError: "stopped", AbortError: "stopped", InvalidStateError: "known", SecurityError: "address" };
    throw new PasskeyFault(words[/** @type {keyof typeof words} */ (name)] ?? "failed");
  }
  throw new PasskeyFault("stopped");
}

/** Make a passkey of who is signed in and keep it. @param {string} base the address that keeps them @param {string} password @param {string} name @param {string} token */
export async function addPasskey(base, password, name, token) {
  const { options } = await send(`${base}/options`, { current_password: password }, token);
  const made = await withAuthenticator(() => navigator.credentials.create({ publicKey: {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: (options.excludeCredentials ?? []).map((/** @type {Json} */ one) => ({ ...one, id: bytes(one.id) })),
  } }));
  const { rawId, type, response } = /** @type {PublicKeyCredential} */ (made);
  const answer = /** @type {AuthenticatorAttestationResponse} */ (response);
  const credential = { id: base64(rawId), rawId: base64(rawId), type, response: {
    clientDataJSON: base64(answer.clientDataJSON), attestationObject: base64(answer.attestationObject) } };
  await send(base, { name, credential }, token);
}

/** Sign in with a passkey this device holds. @param {string} asking @param {string} entering the addresses @param {string} next @returns {Promise<Json>} `{next, csrf_token}` */
export async function enter(asking, entering, next) {
  const { options, csrf_token: token } = await ask(asking);
  const made = await withAuthenticator(() => navigator.credentials.get({ publicKey: { ...options, challenge: bytes(options.challenge), allowCredentials: [] } }));
  const { rawId, type, response } = /** @type {PublicKeyCredential} */ (made);
  const answer = /** @type {AuthenticatorAssertionResponse} */ (response);
  const credential = { id: base64(rawId), rawId: base64(rawId), type, response: {
    clientDataJSON: base64(answer.clientDataJSON), authenticatorData: base64(answer.authenticatorData),
    signature: base64(answer.signature), userHandle: base64(answer.userHandle) } };
  return send(entering, { credential, next }, token);
}
