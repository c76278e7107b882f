/** The genre by which a song is shown among others: its own one, or else the model's. */

import { percent } from '../base/format.js';
import { genreName } from '../base/genres.js';
import { t } from '../base/text.js';

/**
 * @typedef {import('../songs/song.js').Song} Song
 *
 * @typedef {object} ShownGenre
 * @property {string} genre the most probable one
 * @property {number} probability of it
 * @property {boolean} unsure the song may well be of none
 * @property {boolean} own whether it is an answer in own genres
 */

/**
 * @param {Song} song
 * @param {Pick<import('./own_genres.js').OwnGenres, 'answerTo'>} own
 * @returns {ShownGenre | null} null for a song without an answer
 */
export function shownGenre(song, own) {
  const answer = own.answerTo(song);
  if (answer) {
    const { genre, probability, unsure } = answer;
    return { genre, probability, unsure, own: true };
  }
  if (!song.prediction) return null;
  const { genres, aggregate: { genre, probabilities, unfamiliar } } = song.prediction;
  return { genre, probability: probabilities[genres.indexOf(genre)], unsure: Boolean(unfamiliar?.flag), own: false };
}

/** @param {ShownGenre} shown @returns {string} such as "gnawa, 85%" */
export function shownInWords({ genre, probability, unsure, own }) {
  if (!unsure) return t('{genre}, {share}', { genre: genreName(genre), share: percent(probability) });
  return own
    ? t('none of your genres; closest is {genre}', { genre: genreName(genre) })
    : t('not sure; closest is {genre}', { genre: genreName(genre) });
}
