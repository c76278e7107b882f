/** What two versions of the model say of one song, side by side. */

import { barsOf } from './bars_view.js';
import { UserError } from '../base/errors.js';
import { integer, percent } from '../base/format.js';
import { colourClass, genreName } from '../base/genres.js';
import { t, tn } from '../base/text.js';
import { fillStrip } from '../timeline/timeline.js';
import { UNFAMILIAR, likelihood } from './words.js';

const template = document.getElementById('versus-template');

/** One side: the answer in words, the course as bars, every genre. */
function side({ version, title }, prediction, seconds) {
  const element = template.content.firstElementChild.cloneNode(true);
  const one = (selector) => element.querySelector(selector);
  const { genres, aggregate: { genre, probabilities, unfamiliar } } = prediction;
  const index = genres.indexOf(genre);
  one('.versus-title').textContent = t('{version}: {title}', { version, title });
  one('.versus-answer').textContent = unfamiliar?.flag
    ? t('{doubt}: {reason}', { doubt: UNFAMILIAR.doubt, reason: UNFAMILIAR.brief(genreName(genre)) })
    : `${likelihood(probabilities[index])} ${genreName(genre)}, ${percent(probabilities[index])}`;
  one('.versus-answer').classList.add(colourClass(index));
  fillStrip(one('.song-strip'), { prediction, seconds });
  one('.bars').replaceChildren(...barsOf(genres, probabilities, true));
  return element;
}

/** In how many pieces both name the same genre, where they cut the song alike. */
function agreement(a, b) {
  const n = a.segments.length;
  const alike = n === b.segments.length
    && a.segments.every(({ start }, i) => Math.abs(start - b.segments[i].start) < 0.01);
  if (!alike) return t('They cut the song into different pieces, so these cannot be compared one by one.');
  const same = a.segments.filter(({ genre }, i) => genre === b.segments[i].genre).length;
  return tn(
    'Both name the same genre for {same} of {n} piece.', 'Both name the same genre for {same} of {n} pieces.',
    n, { same: integer(same), n: integer(n) },
  );
}

/**
 * @param {HTMLDetailsElement} details
 * @param {import('../songs/song.js').Song} song
 * @param {import('../songs/song.js').Model[]} models
 * @param {(model: import('../songs/song.js').Model, signal: AbortSignal) =>
 *   Promise<import('../server/api.js').Prediction>} ask
 */
export function offerVersus(details, song, models, ask) {
  const select = details.querySelector('select');
  const message = details.querySelector('.versus-message');
  const sides = details.querySelector('.versus-sides');
  let attempt = new AbortController();

  async function compare() {
    attempt.abort();
    attempt = new AbortController();
    const { signal } = attempt;
    const other = models.find(({ version }) => version === select.value);
    const { model, prediction, seconds, extraction } = song;
    if (!other || !prediction) return;
    const numbers = song.extractions.has(other.featureSpec.id);
    message.textContent = numbers
      ? t('Asking {version}…', { version: other.version })
      : t('{version} is told other numbers: the song is analysed for it…', { version: other.version });
    try {
      const answer = await ask(other, signal);
      // Another choice, or another answer, may have come meanwhile.
      if (signal.aborted || song.prediction !== prediction || !extraction) return;
      sides.replaceChildren(side(model, prediction, seconds), side(other, answer, seconds));
      message.textContent = agreement(prediction, answer);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof UserError)) console.error(error);
      message.textContent = error instanceof UserError
        ? error.message : t('Something unexpected went wrong ({reason}). Retry, please.', { reason: error.message });
    }
  }

  /** The song has a new answer: offer the versions beside the one that gave it. */
  function renew() {
    attempt.abort();
    sides.replaceChildren();
    message.textContent = '';
    const others = models.filter(({ version }) => version !== song.model.version);
    const before = select.value;
    select.replaceChildren(
      new Option(t('choose a version'), ''),
      ...others.map(({ version, title }) => new Option(t('{version}: {title}', { version, title }), version)),
    );
    if (others.some(({ version }) => version === before)) select.value = before;
    details.hidden = !others.length;
    if (details.open) compare();
  }

  select.addEventListener('change', () => {
    sides.replaceChildren();
    message.textContent = '';
    compare();
  });
  return { renew, end: () => attempt.abort() };
}
