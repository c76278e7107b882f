/** The answer so far, while the rest of a long song is listened to. */

import { barsOf } from './bars_view.js';
import { integer, percent } from '../base/format.js';
import { genreName } from '../base/genres.js';
import { t, tn } from '../base/text.js';
import { UNFAMILIAR, likelihood } from './words.js';

/** @returns {string} such as "42 of 120 minutes so far: probably rock, 62%" */
function statusOf({ seconds, heard: { answered } }) {
  const { aggregate: { genre, probabilities, unfamiliar }, genres } = answered.prediction;
  const share = probabilities[genres.indexOf(genre)];
  const [done, all] = [answered.seconds, seconds].map((each) => Math.round(each / 60));
  return tn('{done} of {n} minute so far: {answer}', '{done} of {n} minutes so far: {answer}', all, {
    done: integer(done), n: integer(all),
    answer: unfamiliar?.flag ? UNFAMILIAR.doubt : `${likelihood(share)} ${genreName(genre)}, ${percent(share)}`,
  });
}

function showAnswer({ seconds, peaks, begin, heard: { answered } }, element, parts, timeline) {
  const { genres, segments, aggregate } = answered.prediction;
  const { genre, probabilities, unfamiliar } = aggregate;
  const share = probabilities[genres.indexOf(genre)];
  const n = segments.length;
  // Of a doubted song, the genre is not what catches the eye.
  const doubted = Boolean(unfamiliar?.flag);
  element.classList.toggle('doubted', doubted);
  parts.word.textContent = doubted
    ? t('So far: not sure. The closest genre:') : t('So far: {words}', { words: likelihood(share) });
  parts.genre.textContent = genreName(genre);
  const votes = tn('{votes} of {n} piece', '{votes} of {n} pieces', n, {
    votes: integer(aggregate.votes[genre] ?? 0), n: integer(n),
  });
  parts.share.textContent = `${percent(share)} · ${votes}`;
  parts.bars.replaceChildren(...barsOf(genres, probabilities, true));
  timeline.show(answered.prediction, answered, seconds, peaks, begin, answered.seconds);
}

/**
 * Show what is new. Status messages are read out by screen readers, so they come with the answers:
 * every few minutes of the song.
 * @param {import('../songs/song.js').Song} song
 * @param {HTMLElement} element of its view
 * @param {Record<string, HTMLElement>} parts of it
 * @param {import('../timeline/timeline.js').Timeline} timeline
 * @param {import('../songs/long_song.js').Heard | null} before what was shown last
 * @returns {import('../songs/long_song.js').Heard | null} what is shown now
 */
export function showHeard(song, element, parts, timeline, before) {
  const { heard } = song;
  if (heard?.answered && heard.answered !== before?.answered) {
    parts.status.textContent = statusOf(song);
    showAnswer(song, element, parts, timeline);
  }
  return heard;
}
