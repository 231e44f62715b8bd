// @ts-check
/** *Appareil*: enrol this device with the coordination's code, open and close a shift at it. */
import { byId, fill, icon, el } from "./counter-dom.js";
import { Refusal } from "./counter-server.js";
import { reckon, sayMoment } from "./offline/clock.js";
import { Away, closeShift, enrol, openShift, refresh, Unsent } from "./offline/device.js";
import { line } from "./offline/line.js";
import { changes, fact } from "./offline/store.js";
import { Scanner } from "./scanner.js";

const page = byId("device-page");
const { device: words, scanner: cameraWords } = JSON.parse(page.dataset.words);
/** Where a person goes on, by the part that is due. @type {Record<string, string>} */
const FIRST = { enrol: "f-invitation", shift: "f-login", open: "to-scanner" };
/** @type {import("./scanner.js").Scanner|null} */ let scanner = null;
/** Whether the PIN is asked for although a shift is open. */ let again = false;
const [enrolForm, shiftForm, open, about, fault] = ["enrol", "shift", "open-shift", "about", "device-fault"].map(byId);
const language = document.documentElement.lang;

async function paint() {
  const [device, state] = await Promise.all([fact("device"), fact("state")]);
  const { now } = await reckon();
  const shift = state?.shift && now && Date.parse(state.shift.ends_at) > now.getTime() ? state.shift : null;
  about.textContent = device?.halted ? words.stopped : device ? fill(words.enrolled, device) : words.not_enrolled;
  enrolForm.hidden = Boolean(device && !device.halted);
  shiftForm.hidden = !device || Boolean(device.halted) || Boolean(shift && !again);
  open.hidden = !device || !shift;
  page.dataset.part = !device || device.halted ? "enrol" : shift ? "open" : "shift";
  byId("no-network").hidden = !line.away || page.dataset.part === "enrol";
  byId("no-network-words").textContent = shift ? words.closing_away : words.opening_away;
  if (shift) byId("shift-words").textContent = fill(words.shift_open, { until: sayMoment(shift.ends_at, language) });
}

/** @param {unknown} error */
function say(error) {
  const text = error instanceof Refusal ? error.message : error instanceof Unsent ? words.unsent : words.away;
  fault.replaceChildren(el("p", {}, icon("bad"), text));
  fault.hidden = false;
  fault.focus();
}

/** Do it, then show what is due next; a fault is said and nothing is lost. @param {() => Promise<unknown>} act */
async function attempt(act) {
  const before = page.dataset.part;
  fault.hidden = true;
  try {
    await act();
    await refresh().catch(() => {}); // the line asks again
  } catch (error) {
    if (error instanceof Away) line.lose();
    say(error);
  }
  await line.count();
  await paint();
  if (page.dataset.part !== before && fault.hidden) byId(FIRST[page.dataset.part]).focus(); // what had the focus is gone
}

enrolForm.addEventListener("submit", (/** @type {Event} */ event) => {
  event.preventDefault();
  void attempt(() => enrol(byId("f-invitation").value));
});
shiftForm.addEventListener("submit", (/** @type {Event} */ event) => {
  event.preventDefault();
  const [login, pin] = [byId("f-login"), byId("f-pin")];
  void attempt(async () => {
    const sent = { login: login.value.trim(), pin: pin.value };
    pin.value = "";
    await openShift(sent);
    location.assign(page.dataset.counter);
  });
});
byId("with-session").addEventListener("click", () => attempt(async () => {
  const answer = await fetch(`${page.dataset.counter}token`, { headers: { Accept: "application/json" }, cache: "no-store" });
  const read = await answer.json();
  if (!answer.ok) throw new Refusal(read);
  await openShift({}, read.csrf_token);
}));

const withPasskey = byId("with-passkey");
byId("passkey-way").hidden = !(isSecureContext && "PublicKeyCredential" in window);
withPasskey.addEventListener("click", () => attempt(async () => {
  // Loaded only now: a passkey needs the server, so it is of no use among what is kept for the time without a network.
  const { enter, PasskeyFault } = await import("./passkey.js");
  try {
    const { csrf_token: token } = await enter(withPasskey.dataset.challenge, withPasskey.dataset.enter, page.dataset.counter);
    await openShift({}, token);
  } catch (error) {
    if (!(error instanceof PasskeyFault)) throw error;
    throw new Refusal({ detail: error.sentence ?? words[`passkey_${error.word}`] ?? words.passkey_failed });
  }
  location.assign(page.dataset.counter);
}));
// A session ends sooner than a shift: the PIN opens another.
byId("again").addEventListener("click", () => {
  again = true;
  shiftForm.hidden = false;
  byId("f-login").focus();
});
byId("close-shift").addEventListener("click", () => attempt(async () => {
  if (!(await closeShift((await fact("state")).shift.id))) line.lose();
}));

/** The code in a coordination's QR, which is this page's address with the code behind it; null: another QR. @param {string} text */
function invitationIn(text) {
  const [, path, code] = /^https?:\/\/[^/?#]+([^?#]*)(?:\?[^#]*)?#([0-9A-Za-z]{10})$/.exec(text) ?? [];
  return path === location.pathname ? code : null;
}

/** @param {string} text */
function onInvitation(text) {
  const code = invitationIn(text);
  if (!code) {
    byId("camera-state").replaceChildren(el("b", {}, words.other_qr), words.other_qr_next);
    return;
  }
  closeCamera();
  byId("f-invitation").value = code;
  void attempt(() => enrol(code));
}

function closeCamera() {
  scanner?.stop();
  scanner = null;
  byId("invitation-camera").hidden = true;
  byId("read-invitation").hidden = false;
}

byId("read-invitation").addEventListener("click", () => {
  fault.hidden = true;
  byId("invitation-camera").hidden = false;
  byId("read-invitation").hidden = true;
  byId("close-camera").focus();
  const texts = { ...cameraWords, reading: [words.show_qr, words.show_qr_next] };
  for (const phase of ["insecure", "unsupported", "refused", "missing", "busy", "reader"]) texts[phase] = [cameraWords[phase][0], words.type_code];
  scanner = new Scanner(/** @type {HTMLVideoElement} */ (page.querySelector("video")), {
    onCode: onInvitation,
    onState: ({ title, next, phase }) => {
      page.dataset.camera = phase;
      byId("camera-state").replaceChildren(el("b", {}, title), next);
    },
    texts,
  });
  void scanner.retry();
});
byId("close-camera").addEventListener("click", () => {
  closeCamera();
  byId("read-invitation").focus();
});

const invited = /^#([0-9A-Za-z]{10})$/.exec(location.hash);
if (invited) {
  byId("f-invitation").value = invited[1];
  history.replaceState(null, "", location.pathname + location.search); // the code is good once: it stays nowhere
}
line.addEventListener("turned", () => void paint());
changes.addEventListener("change", () => void paint()); // a shift that ended, by this window or another
await paint();
