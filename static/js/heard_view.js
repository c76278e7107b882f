/** What a song's answer looks like so far, while the rest of a long song is listened to. */

import { percent } from './format.js';
import { colourClass, ranking } from './genres.js';
import { t, tn } from './text.js';
import { UNFAMILIAR, likelihood } from './words.js';

/**
 * The probabilities of all genres as bars, largest first.
 * @param {HTMLElement} list
 * @param {string[]} genres
 * @param {number[]} [probabilities] none before the answer
 */
export function drawBars(list, genres, probabilities) {
  list.replaceChildren(...ranking(probabilities ?? genres.map(() => 0)).map((index) => {
    const item = document.createElement('li');
    item.className = colourClass(index);
    const name = document.createElement('span');
    name.className = 'bars-name';
    name.textContent = genres[index];
    const track = document.createElement('span');
    track.className = 'bars-track';
    const bar = document.createElement('span');
    bar.className = 'bar';
    bar.style.width = `${100 * (probabilities?.[index] ?? 0)}%`;
    track.append(bar);
    const value = document.createElement('span');
    value.className = 'bars-value';
    value.textContent = probabilities ? percent(probabilities[index]) : '';
    item.append(name, track, value);
    return item;
  }));
}

/** @returns {string} such as "Listening on: 42 of 120 minutes. So far: probably rock, 62%" */
function statusOf({ seconds, heard }) {
  const [done, all] = [heard.seconds, seconds].map((each) => Math.round(each / 60));
  const progress = tn(
    'Listening on: {done} of {n} minute', 'Listening on: {done} of {n} minutes', all, { done, n: all },
  );
  if (!heard.answered) return progress;
  const { aggregate, genres } = heard.answered.prediction;
  const { genre, probabilities, unfamiliar } = aggregate;
  const share = percent(probabilities[genres.indexOf(genre)]);
  return unfamiliar?.flag
    ? t('{progress}. So far: not sure', { progress })
    : t('{progress}. So far: {genre}, {share}', { progress, genre, share });
}

function showAnswer({ seconds, heard: { answered } }, parts, timeline) {
  const { genres, segments, aggregate } = answered.prediction;
  const { genre, probabilities, unfamiliar } = aggregate;
  const share = percent(probabilities[genres.indexOf(genre)]);
  const n = segments.length;
  parts.word.textContent = unfamiliar?.flag
    ? t('So far: {words}', { words: UNFAMILIAR.doubt })
    : t('So far: {words}', { words: likelihood(probabilities[genres.indexOf(genre)]) });
  parts.genre.textContent = genre;
  parts.share.textContent = tn(
    '{share} · {votes} of {n} piece', '{share} · {votes} of {n} pieces', n,
    { share, votes: aggregate.votes[genre], n },
  );
  drawBars(parts.bars, genres, probabilities);
  timeline.show(answered.prediction, answered, seconds, answered.seconds);
}

/**
 * Show what is new.
 * @param {import('./queue.js').Song} song
 * @param {Record<string, HTMLElement>} parts of its view
 * @param {import('./timeline.js').Timeline} timeline
 * @param {import('./long_song.js').Heard | null} before what was shown last
 * @returns {import('./long_song.js').Heard | null} what is shown now
 */
export function showHeard(song, parts, timeline, before) {
  const { heard } = song;
  if (!heard || heard === before) return before;
  const text = statusOf(song);
  // Read out by screen readers: once a minute of work, not twice a second.
  if (parts.status.textContent !== text) parts.status.textContent = text;
  if (heard.answered && heard.answered !== before?.answered) showAnswer(song, parts, timeline);
  return heard;
}
