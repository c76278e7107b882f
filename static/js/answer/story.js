/** The course of a song in a sentence: "Mostly rock, with blues in the first minute". */

import { clock } from '../base/format.js';
import { genreName, ranking } from '../base/genres.js';
import { t } from '../base/text.js';

// Shares of the pieces that one genre wins.
const MOSTLY = 0.6;
// Fewer pieces in a row are a slip rather than a part of the song.
const PART_PIECES = 3;
// A mean probability from which a genre that leads no part is worth a word.
const TOUCH = 0.15;
const COMPANIONS = 2;
const MINUTE_S = 70;

/**
 * @typedef {import('../server/api.js').Segment} Segment
 * @typedef {{first: number, last: number}} Stretch indices of its pieces
 */

/**
 * Longest stretch of pieces in a row that `genre` wins.
 * @param {Segment[]} segments
 * @param {string} genre
 * @returns {Stretch | null} null for fewer than PART_PIECES
 */
function longestPart(segments, genre) {
  /** @type {Stretch | null} */
  let best = null;
  let first = 0;
  for (let i = 0; i <= segments.length; i += 1) {
    if (segments[i]?.genre === genre) continue;
    if (i - first >= PART_PIECES && (!best || i - first > best.last - best.first + 1)) {
      best = { first, last: i - 1 };
    }
    first = i + 1;
  }
  return best;
}

/**
 * A genre and where in the song it leads.
 * @param {string} genre
 * @param {Segment[]} segments
 * @param {Stretch} stretch
 * @returns {string}
 */
function told(genre, segments, { first, last }) {
  const begins = segments[first].start;
  const ends = segments[last].end;
  const [from, to] = [clock(begins), clock(ends)];
  if (last === segments.length - 1) {
    return ends - begins <= MINUTE_S
      ? t('{genre} at the end', { genre }) : t('{genre} from {from} on', { genre, from });
  }
  if (ends <= MINUTE_S && begins < MINUTE_S / 2) return t('{genre} in the first minute', { genre });
  if (first === 0) return t('{genre} until {to}', { genre, to });
  return t('{genre} from {from} to {to}', { genre, from, to });
}

/**
 * @param {import('../server/api.js').Prediction} prediction
 * @returns {string} a sentence without a full stop; empty where there is no course to tell: one
 *   piece, or pieces that mostly go to another genre than the one that leads on average
 */
export function story({ genres, segments, aggregate }) {
  if (segments.length < 2) return '';
  const { genre, probabilities, votes } = aggregate;
  const won = votes[genre] ?? 0;
  if (won < Math.max(...Object.values(votes))) return '';
  const share = won / segments.length;
  const companions = [];
  const touches = [];
  for (const index of ranking(probabilities)) {
    const other = genres[index];
    if (other === genre || companions.length + touches.length === COMPANIONS) continue;
    const found = longestPart(segments, other);
    if (found) companions.push(told(genreName(other), segments, found));
    else if (probabilities[index] >= TOUCH) touches.push(genreName(other));
  }
  /** @param {string[]} items */
  const list = (items) => items.join(t(' and '));
  if (touches.length) companions.push(t('a touch of {genres}', { genres: list(touches) }));
  const name = genreName(genre);
  const values = { genre: name, Genre: name[0].toUpperCase() + name.slice(1), rest: '' };
  if (companions.length) values.rest = t(', with {companions}', { companions: list(companions) });
  if (share === 1) return t('{Genre} from beginning to end{rest}', values);
  if (share >= MOSTLY) return t('Mostly {genre}{rest}', values);
  if (companions.length) return t('More {genre} than anything else{rest}', values);
  return t('A mix, {genre} more than anything else', values);
}
