/** Two versions of the model on one song, side by side. */

import { barsOf } from './bars_view.js';
import { copyOf, one } from '../base/dom.js';
import { UserError, reasonOf } from '../base/errors.js';
import { integer, percent } from '../base/format.js';
import { colourClasses, genreName } from '../base/genres.js';
import { t, tn } from '../base/text.js';
import { fillStrip } from '../timeline/timeline.js';
import { UNFAMILIAR, likelihood } from './words.js';

/**
 * @typedef {import('../base/config.js').Model} Model
 * @typedef {import('../server/api.js').Prediction} Prediction
 */

/**
 * One side: the answer in words, the course as bars, every genre.
 * @param {Model} model
 * @param {Prediction} prediction
 * @param {number} seconds length of the song
 */
function side({ version, title }, prediction, seconds) {
  const element = copyOf('versus-template');
  const { genres, aggregate: { genre, probabilities, unfamiliar } } = prediction;
  const index = genres.indexOf(genre);
  const answer = one(element, '.versus-answer');
  one(element, '.versus-title').textContent = t('{version}: {title}', { version, title });
  answer.textContent = unfamiliar?.flag
    ? t('{doubt}: {reason}', { doubt: UNFAMILIAR.doubt, reason: UNFAMILIAR.brief(genreName(genre)) })
    : `${likelihood(probabilities[index])} ${genreName(genre)}, ${percent(probabilities[index])}`;
  answer.classList.add(...colourClasses(genres)[index].split(' '));
  fillStrip(one(element, '.song-strip'), prediction, seconds);
  one(element, '.bars').replaceChildren(...barsOf(genres, probabilities, true));
  return element;
}

/**
 * A sentence: in how many pieces both name the same genre, if both have the same pieces.
 * @param {Prediction} a
 * @param {Prediction} b
 */
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
 * @param {Model[]} models
 * @param {import('../songs/second_opinion.js').SecondOpinion} secondOpinion
 * @returns {{renew: () => void, end: () => void}} renew: the song has another answer; end: it is removed
 */
export function offerVersus(details, song, models, secondOpinion) {
  const select = one(details, 'select', HTMLSelectElement);
  const message = one(details, '.versus-message');
  const sides = one(details, '.versus-sides');
  let attempt = new AbortController();

  async function compare() {
    attempt.abort();
    attempt = new AbortController();
    const { signal } = attempt;
    const other = models.find(({ version }) => version === select.value);
    const { model, prediction, seconds, extraction } = song;
    if (!other || !model || !prediction || seconds === null) return;
    const numbers = song.extractions.has(other.featureSpec.id);
    message.textContent = numbers
      ? t('Asking {version}…', { version: other.version })
      : t('{version} reads other numbers: the song is analysed for it…', { version: other.version });
    try {
      const answer = await secondOpinion.of(song, other, signal);
      // Another choice, or another answer, may have come meanwhile.
      if (signal.aborted || song.prediction !== prediction || !extraction) return;
      sides.replaceChildren(side(model, prediction, seconds), side(other, answer, seconds));
      message.textContent = agreement(prediction, answer);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof UserError)) console.error(error);
      message.textContent = error instanceof UserError
        ? error.message : t('Something unexpected went wrong ({reason}). Retry, please.', { reason: reasonOf(error) });
    }
  }

  /** Offer the versions beside the one that gave the answer. */
  function renew() {
    attempt.abort();
    sides.replaceChildren();
    message.textContent = '';
    const others = models.filter(({ version }) => version !== song.model?.version);
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
