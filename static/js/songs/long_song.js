/**
 * Listens to a long file: half a minute after the other is decoded and analysed, and every few
 * minutes the model is asked, so that the first answers are there while the rest is still decoded.
 */

import { refuseLong } from '../sound/decode.js';
import { UserError } from '../base/errors.js';
import { clock } from '../base/format.js';
import { combined, joined } from '../server/requests.js';
import { Peaks } from '../sound/peaks.js';
import { t } from '../base/text.js';

// Chunks of half a minute: the first answers come early, the others in few requests.
const FIRST_REQUEST = 4;
const CHUNKS_PER_REQUEST = 10;
// An upper bound of what a number takes as text, beside its decimals.
const DIGITS = 8;
const REST_BYTES = 200;

let nextKey = 1;

/**
 * Limits of what is taken.
 * @typedef {{maxMinutes: number, maxSegments: number, maxBodyBytes: number}} Limits
 */

/**
 * Pieces that surely fit in one request.
 * @param {import('./song.js').Model} model
 * @param {Limits} limits
 */
function mostPieces({ shape, featureSpec }, { maxSegments, maxBodyBytes }) {
  const numbers = shape.reduce((product, length) => product * length);
  const bytes = numbers * (featureSpec.decimals + DIGITS) + REST_BYTES;
  return Math.max(1, Math.min(maxSegments, Math.floor(maxBodyBytes / bytes)));
}

/**
 * What of the file could not be decoded, for the visitor.
 * @param {{from: number, to: number | null}[]} damage
 * @returns {string} empty for a sound file
 */
function damageText(damage) {
  if (!damage.length) return '';
  const [{ from, to }] = damage;
  if (damage.length === 1 && to === null) {
    return t('The file breaks off or is damaged at {time}; the answer is for what comes before.', { time: clock(from) });
  }
  return t('The file is damaged, first at {time}; what could not be decoded is left out of the answer.', { time: clock(from) });
}

/**
 * What is known of a song so far.
 * @typedef {object} Heard
 * @property {number} seconds that were listened to
 * @property {Uint8Array} peaks their outline
 * @property {import('../analysis/engine.js').Extraction | null} extraction of them
 * @property {{prediction: import('../server/api.js').Prediction, pieces: [number, number][],
 *   skipped: number, seconds: number} | null} answered from the beginning on, without a hole
 * @property {boolean} complete whether all of the song is answered
 */

/** @type {Heard} */
export const NOTHING_HEARD = { seconds: 0, peaks: null, extraction: null, answered: null, complete: false };

/**
 * @param {import('../sound/sound_stream.js').SoundStream} stream closed when this ends
 * @param {object} around
 * @param {import('../analysis/engine.js').Engine} around.engine
 * @param {import('./song.js').Model} around.model
 * @param {Limits} around.limits
 * @param {(extraction: {body: Blob, nSegments: number}) => void} around.check throws what must not
 *   be sent
 * @param {(request: {body: Blob}) => Promise<import('../server/api.js').Prediction>} [around.ask] the model;
 *   without it nothing is asked
 * @param {AbortSignal} around.signal
 * @param {(heard: Heard) => void} [around.show] called whenever more is known
 * @returns {Promise<Heard>} of the whole song; where the server was away, not all of it is answered
 * @throws {UserError}
 */
export async function listen(stream, { engine, model, limits, check, ask, signal, show = () => {} }) {
  const { featureSpec } = model;
  const key = nextKey;
  nextKey += 1;
  const { starts } = engine;
  const most = mostPieces(model, limits);
  const peaks = new Peaks(featureSpec.sample_rate, limits.maxMinutes * 60);
  /** @type {{body: Blob, nSegments: number, repeated: boolean, skipped: number}[]} */
  const requests = [];
  /** @type {import('../server/api.js').Prediction[]} */
  const answers = [];
  const pieces = [];
  const heard = { ...NOTHING_HEARD };
  let refused = null;
  let away = !ask;
  let asking = Promise.resolve();

  /** @param {number} reached pieces of the song up to the end of this request */
  const askFor = async (request, reached) => {
    if (signal.aborted || refused || away) return;
    try {
      answers.push(await ask(request));
    } catch (error) {
      // A server that is away may be back at the end, and is asked for everything then.
      if (error instanceof UserError && error.retryable) away = true;
      else refused = error;
      return;
    }
    const known = pieces.slice(0, reached);
    heard.answered = { prediction: combined(answers), pieces: known, skipped: request.skipped, seconds: known.at(-1)[1] };
    if (!signal.aborted) show({ ...heard });
  };

  try {
    for (let number = 1, last = false; !last; number += 1) {
      const chunk = await stream.next();
      ({ last } = chunk);
      // The header may have told another length, or none.
      refuseLong(chunk.seconds, limits.maxMinutes);
      if (engine.starts !== starts) {
        throw new UserError(t('The analysis broke off and was started anew. Retry tries this song again.'));
      }
      peaks.push(chunk.samples);
      const take = number % CHUNKS_PER_REQUEST === FIRST_REQUEST;
      const found = await engine.extract(chunk.samples, featureSpec, () => {}, { key, take, last, most });
      signal.throwIfAborted();
      if (refused) throw refused;
      pieces.push(...found.pieces);
      for (const request of found.requests) {
        check(request);
        requests.push(request);
        const reached = pieces.length;
        asking = asking.then(() => askFor(request, reached));
      }
      heard.seconds = chunk.seconds;
      heard.peaks = peaks.values;
      if (found.requests.length || last) {
        const { repeated, skipped } = requests.at(-1);
        heard.extraction = {
          ...joined(requests, featureSpec.id), repeated, skipped, pieces: [...pieces], damage: damageText(chunk.damage),
        };
      }
      show({ ...heard });
    }
    await asking;
    if (refused) throw refused;
    heard.complete = answers.length === requests.length;
    if (heard.complete) heard.extraction.wire = requests.reduce((sum, { wire }) => sum + wire, 0);
    return heard;
  } finally {
    stream.close();
    engine.forget(key);
  }
}
