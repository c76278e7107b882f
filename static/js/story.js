/** The course of a song in a sentence: "Mostly rock, with blues in the first minute". */

import { clock } from './format.js';
import { ranking } from './genres.js';

// Shares of the pieces that one genre wins.
const MOSTLY = 0.6;
// Fewer pieces in a row than that are a slip rather than a part of the song.
const PART_PIECES = 3;
// A mean probability from which a genre that leads no part is worth a word.
const TOUCH = 0.15;
const COMPANIONS = 2;
const MINUTE_S = 70;

/**
 * Longest stretch of pieces in a row that `genre` wins.
 * @returns {{first: number, last: number} | null} indices, or null for fewer than PART_PIECES
 */
function longestPart(segments, genre) {
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

function where(segments, { first, last }) {
  const begins = segments[first].start;
  const ends = segments[last].end;
  if (last === segments.length - 1) {
    return ends - begins <= MINUTE_S ? 'at the end' : `from ${clock(begins)} on`;
  }
  if (ends <= MINUTE_S && begins < MINUTE_S / 2) return 'in the first minute';
  if (first === 0) return `until ${clock(ends)}`;
  return `from ${clock(begins)} to ${clock(ends)}`;
}

/**
 * @param {import('./api.js').Prediction} prediction
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
    if (found) companions.push(`${other} ${where(segments, found)}`);
    else if (probabilities[index] >= TOUCH) touches.push(other);
  }
  if (touches.length) companions.push(`a touch of ${touches.join(' and ')}`);
  const name = genre[0].toUpperCase() + genre.slice(1);
  const rest = companions.length ? `, with ${companions.join(' and ')}` : '';
  if (share === 1) return `${name} from beginning to end${rest}`;
  if (share >= MOSTLY) return `Mostly ${genre}${rest}`;
  return companions.length ? `More ${genre} than anything else${rest}` : `A mix, ${genre} more than anything else`;
}
