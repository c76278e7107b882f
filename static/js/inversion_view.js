/** A sound made of the sent numbers, beside the song itself. */

import { UserError } from './errors.js';
import { clock, duration, percent } from './format.js';
import { t } from './text.js';
import { toWav } from './wav.js';

const template = document.getElementById('inversion-template');

/** What is shown of a request stays when the page around it is drawn anew. @type {WeakMap<Blob, HTMLElement>} */
const views = new WeakMap();

/**
 * @typedef {object} Parts
 * @property {number} start seconds left out at the song's start
 * @property {(onProgress: (done: number, total: number) => void, signal: AbortSignal) =>
 *   Promise<Float32Array>} make gives the samples
 * @property {Blob} original the song, only to be played beside it
 * @property {{kind: string, sample_rate: number}} featureSpec
 * @property {(blob: Blob) => string} makeUrl gives an object URL that ends with the song
 * @property {AbortSignal} gone the song was removed
 */

/**
 * Let two players be heard in turn, each from where the other is.
 * @param {HTMLAudioElement} made
 * @param {HTMLAudioElement} original
 * @param {HTMLButtonElement} button
 */
function takeTurns(made, original, button) {
  let heard = made;
  const show = () => {
    button.textContent = heard === made ? t('Hear your file from here') : t('Hear the numbers from here');
  };
  for (const audio of [made, original]) {
    audio.addEventListener('play', () => {
      heard = audio;
      show();
    });
  }
  button.addEventListener('click', () => {
    const other = heard === made ? original : made;
    const { currentTime } = heard;
    heard.pause();
    // The sound of the numbers ends with the last whole piece.
    other.currentTime = Math.min(currentTime, other.duration || currentTime);
    // Not every browser plays every file; its player says so.
    other.play().catch(() => {});
  });
  show();
}

/**
 * @param {Blob} body what is sent for the song
 * @param {Parts} parts
 * @returns {HTMLElement} the same for the same body
 */
export function inversionView(body, parts) {
  const known = views.get(body);
  if (known) return known;
  const section = template.content.firstElementChild.cloneNode(true);
  views.set(body, section);
  // Of statistics no sound can be made; the template says why.
  if (parts.featureSpec.kind !== 'statistics') offer(section, parts);
  return section;
}

/**
 * @param {HTMLElement} section
 * @param {Parts} parts
 */
function offer(section, { start, make, original, featureSpec, makeUrl, gone }) {
  const one = (selector) => section.querySelector(selector);
  const [button, progress, status] = [one('.inversion-make'), one('.inversion-progress'), one('.inversion-status')];
  const [made, file] = [one('.inversion-made'), one('.inversion-file')];
  /** @type {AbortController | null} */
  let running = null;
  const say = (text, bad = false) => {
    status.textContent = text;
    status.classList.toggle('bad', bad);
  };
  const show = (making) => {
    button.textContent = making ? t('Stop') : t('Make it from the numbers');
    progress.hidden = !making;
    if (making) progress.removeAttribute('value');
  };

  const finish = (samples, took) => {
    const hadFocus = section.contains(document.activeElement);
    button.hidden = true;
    one('.inversion-players').hidden = false;
    made.src = makeUrl(toWav(samples, featureSpec.sample_rate, 'from-the-numbers.wav'));
    file.src = makeUrl(original);
    // Both begin where the numbers do.
    for (const audio of [made, file]) {
      audio.addEventListener('loadedmetadata', () => { audio.currentTime = start; }, { once: true });
    }
    takeTurns(made, file, one('.inversion-switch'));
    if (hadFocus) one('.inversion-switch').focus();
    say(start
      ? t('Made in {time}. The first {start} were not sent, so they are silent.', { time: duration(took), start: clock(start) })
      : t('Made in {time}.', { time: duration(took) }));
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
