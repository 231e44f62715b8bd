// @ts-check
/** The parts of pages that speak to passkeys: the button of the sign-in, the form of one's account. Hidden where there is no way. */
import { able, addPasskey, enter, PasskeyFault } from "./passkey.js";

/** @param {HTMLElement} part @param {unknown} error */
function say(part, error) {
  const words = JSON.parse(part.dataset.words ?? "{}");
  const fault = part.querySelector("[role=alert]");
  if (!(fault instanceof HTMLElement)) return;
  const known = error instanceof PasskeyFault ? error.sentence ?? words[error.word] : undefined;
  fault.textContent = known ?? words.failed;
  fault.hidden = false;
  fault.focus();
}

for (const part of document.querySelectorAll("[data-passkey]")) {
  if (!(part instanceof HTMLElement)) continue;
  if (!able()) {
    const away = part.querySelector("[data-unable]");
    if (away instanceof HTMLElement) away.hidden = false;
    continue;
  }
  const form = part.querySelector("form");
  if (!(form instanceof HTMLFormElement)) continue;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const sent = new FormData(form);
    const text = (/** @type {string} */ name) => String(sent.get(name) ?? "");
    try {
      if (part.dataset.passkey === "enter") location.assign((await enter(part.dataset.challenge ?? "", part.dataset.enter ?? "", text("next"))).next);
      else {
        await addPasskey(part.dataset.base ?? "", text("passkey_password"), text("passkey_name"), text("csrf_token"));
        location.reload();
      }
    } catch (error) {
      delete form.dataset.sent;
      say(part, error);
    }
  });
}
