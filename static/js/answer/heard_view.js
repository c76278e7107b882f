/** The answer so far, while the rest of a long song is listened to. */

import { integer } from '../base/format.js';
import { tn } from '../base/text.js';

/**
 * @typedef {object} Places where it is shown
 * @property {HTMLElement} status
 * @property {import('./verdict.js').Verdict} verdict
 * @property {import('../timeline/timeline.js').Timeline} timeline
 */

/**
 * @param {import('../songs/song.js').Song} song
 * @param {import('../songs/long_song.js').Answered} answered
 * @param {Places} places
 */
export function showHeard({ seconds, peaks, begin }, answered, { status, verdict, timeline }) {
  const whole = seconds ?? answered.seconds;
  const answer = verdict.showSoFar(answered.prediction);
  timeline.show(answered.prediction, answered, whole, peaks, begin, answered.seconds);
  const [done, all] = [answered.seconds, whole].map((each) => Math.round(each / 60));
  status.textContent = tn('{done} of {n} minute so far: {answer}', '{done} of {n} minutes so far: {answer}', all, {
    done: integer(done), n: integer(all), answer,
  });
}
