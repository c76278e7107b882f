/** A sound made of the sent numbers, beside the song itself. */

import { all, copyOf, one } from '../base/dom.js';
import { UserError } from '../base/errors.js';
import { clock, duration, percent } from '../base/format.js';
import { t } from '../base/text.js';
import { pcmWav } from '../sound/wav.js';
import { giveTo } from './player.js';

/** A request keeps its view when the page around it is drawn anew. @type {WeakMap<Blob, HTMLElement>} */
const views = new WeakMap();

/**
 * Makes a sound of the request's numbers.
 * @callback Make
 * @param {(done: number, total: number) => void} onProgress
 * @param {AbortSignal} signal gives it up
 * @returns {Promise<Float32Array>} its samples
 *
 * @typedef {object} Parts
 * @property {number} start seconds left out at the song's start
 * @property {Make} make
 * @property {boolean} whole whether the sound is made of all numbers, or of those of the beginning
 * @property {() => File | null} original the song, only to be played beside it; null when it was not kept
 * @property {(audio: HTMLAudioElement) => {mend: () => Promise<string>}} placesOf lets a player of the song
 *   find its places: see places.js
 * @property {number} begin seconds of the original before the part that was analysed
 * @property {import('../base/config.js').FeatureSpec} featureSpec
 * @property {(blob: Blob) => string} makeUrl gives an object URL that ends with the song
 * @property {AbortSignal} gone aborted when the song is removed
 */

/**
 * Let two players be heard in turn, each from where the other is.
 * @param {HTMLAudioElement} made
 * @param {HTMLAudioElement} original
 * @param {number} begin seconds by which the original is ahead
 * @param {HTMLButtonElement} button
 */
function takeTurns(made, original, begin, button) {
  let heard = made;
  /** @param {HTMLAudioElement} audio */
  const hear = (audio) => {
    heard = audio;
    button.textContent = heard === made ? t('Hear your file from here') : t('Hear the numbers from here');
  };
  for (const audio of [made, original]) {
    audio.addEventListener('play', () => hear(audio));
  }
  button.addEventListener('click', () => {
    const [other, ahead] = heard === made ? [original, begin] : [made, -begin];
    const wanted = Math.max(0, heard.currentTime + ahead);
    heard.pause();
    // The sound of the numbers ends with the last whole piece.
    other.currentTime = Math.min(wanted, other.duration || wanted);
    // Before the event of the player, so that a second click at once goes back.
    hear(other);
    // A browser that cannot play the file says so in its player.
    other.play().catch(() => {});
  });
  hear(made);
}

/**
 * @param {Blob} body what is sent for the song
 * @param {Parts} parts
 * @returns {HTMLElement} always the same one for the same body
 */
export function inversionView(body, parts) {
  const known = views.get(body);
  if (known) return known;
  const section = copyOf('inversion-template');
  views.set(body, section);
  // Means and deviations over whole pieces hold no course in time: no sound can be made of them.
  const able = parts.featureSpec.kind !== 'statistics';
  for (const element of all(section, '[data-able]')) {
    element.hidden = (element.dataset.able === 'yes') !== able;
  }
  if (able) offer(section, parts);
  return section;
}

/**
 * @param {HTMLElement} section
 * @param {Parts} parts
 */
function offer(section, { start, make, whole, original: originalOf, placesOf, begin, featureSpec, makeUrl, gone }) {
  const button = one(section, '.inversion-make', HTMLButtonElement);
  const progress = one(section, '.inversion-progress', HTMLProgressElement);
  const status = one(section, '.inversion-status');
  const players = one(section, '.inversion-players');
  const made = one(section, '.inversion-made', HTMLAudioElement);
  const file = one(section, '.inversion-file', HTMLAudioElement);
  const turns = one(section, '.inversion-switch', HTMLButtonElement);
  /** @type {AbortController | null} */
  let running = null;
  /** @param {string} text @param {boolean} [bad] */
  const say = (text, bad = false) => {
    status.textContent = text;
    status.classList.toggle('bad', bad);
  };
  /** @param {boolean} making */
  const show = (making) => {
    button.textContent = making ? t('Stop') : t('Make it from the numbers');
    progress.hidden = !making;
    if (making) progress.removeAttribute('value');
  };

  /** @param {Float32Array} samples @param {number} took milliseconds */
  const finish = (samples, took) => {
    const hadFocus = section.contains(document.activeElement);
    button.hidden = true;
    players.hidden = false;
    made.src = makeUrl(pcmWav(samples, featureSpec.sample_rate, 'from-the-numbers.wav'));
    // Both players begin where the numbers do.
    /** @param {HTMLAudioElement} audio @param {number} seconds */
    const from = (audio, seconds) => audio.addEventListener('loadedmetadata', () => {
      audio.currentTime = seconds;
    }, { once: true });
    const original = originalOf();
    from(made, start);
    const length = clock(samples.length / featureSpec.sample_rate);
    const facts = [whole
      ? t('Made in {time}.', { time: duration(took) })
      : t('Made in {time}, of the first {length}: the song is long.', { time: duration(took), length })];
    if (start) facts.push(t('The first {start} were not sent, so they are silent.', { start: clock(start) }));
    const said = facts.join(' ');
    say(said);
    if (original) {
      from(file, begin + start);
      takeTurns(made, file, begin, turns);
      giveTo(file, original, makeUrl)
        .then(() => placesOf(file).mend())
        .then((remark) => { if (remark) say(`${said} ${remark}`); });
    }
    for (const element of [file.parentElement, turns]) if (element) element.hidden = !original;
    if (hadFocus) (original ? turns : made).focus();
  };

  button.addEventListener('click', async () => {
    if (running) {
      running.abort();
      return;
    }
    running = new AbortController();
    const { signal } = running;
    const giveUp = () => running?.abort();
    gone.addEventListener('abort', giveUp);
    const began = performance.now();
    show(true);
    say(t('Making it on your computer…'));
    try {
      const samples = await make((done, total) => {
        progress.value = done / total;
        progress.ariaValueText = percent(done / total);
      }, signal);
      performance.measure('invert', { start: began });
      if (!gone.aborted) finish(samples, performance.now() - began);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      say(error.cancelled ? t('Stopped.') : error.message, !error.cancelled);
    } finally {
      running = null;
      gone.removeEventListener('abort', giveUp);
      show(false);
    }
  });
  show(false);
}
