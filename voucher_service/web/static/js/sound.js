// @ts-check
/**
 * What the ear and the hand are told: accepted, accepted here only, refused or to be checked.
 * @typedef {'accept'|'refuse'|'check'|'here'} Kind
 */

const KEY = "sound";

/** Tones as [hertz, start, length] in seconds; told apart by rhythm too, for those who hear pitch badly. */
/** @type {Record<Kind, [number, number, number][]>} */
const TONES = {
  accept: [[880, 0, 0.09], [1320, 0.1, 0.14]],
  here: [[880, 0, 0.09], [880, 0.14, 0.09], [1320, 0.28, 0.14]],
  refuse: [[220, 0, 0.25], [180, 0.32, 0.35]],
  check: [[660, 0, 0.1], [660, 0.18, 0.1], [660, 0.36, 0.1]],
};

/** Vibrations in milliseconds: on, off, on… @type {Record<Kind, number[]>} */
const PULSES = { accept: [60], here: [60, 60, 60], refuse: [220, 90, 220], check: [80, 80, 80, 80, 80] };

/** @type {AudioContext|undefined} */
let audio;
let muted = remembered() === "off";

function remembered() {
  try { return localStorage.getItem(KEY); } catch { return null; } // storage may be blocked: sound stays on
}

/** Whether sounds are on. */
export const soundOn = () => !muted;

/** Switch sound and vibration on or off, remembered on this device. @param {boolean} on */
export function setSound(on) {
  muted = !on;
  try { localStorage.setItem(KEY, on ? "on" : "off"); } catch { /* remembered until the page closes */ }
}

/** Browsers keep silent until a gesture: call this from the first tap or key. */
export function unlock() {
  try {
    audio ??= new AudioContext();
    void audio.resume();
  } catch { /* no sound on this device: the screen and the vibration still tell */ }
}

/** Tell `kind` by sound and vibration. Returns whether a sound was asked for. @param {Kind} kind */
export function play(kind) {
  if (muted) return false;
  navigator.vibrate?.(PULSES[kind]);
  unlock();
  if (!audio) return false;
  for (const [pitch, start, length] of TONES[kind]) {
    const from = audio.currentTime + start;
    const volume = audio.createGain();
    const tone = new OscillatorNode(audio, { type: "triangle", frequency: pitch });
    volume.gain.setValueAtTime(0, from);
    volume.gain.linearRampToValueAtTime(0.35, from + 0.01); // a soft edge: no click in the loudspeaker
    volume.gain.linearRampToValueAtTime(0, from + length);
    tone.connect(volume).connect(audio.destination);
    tone.start(from);
    tone.stop(from + length);
  }
  return true;
}
