/**
 * The numbers of a long song, half a minute after the other. Every few minutes the model is asked, so
 * that the first answers are there while the rest is still decoded.
 */

import { UserError } from '../base/errors.js';
import { clock } from '../base/format.js';
import { t } from '../base/text.js';
import { refuseLarge } from '../server/api.js';
import { combined, joined, withoutGaps } from '../server/requests.js';
import { refuseLong } from '../sound/decode.js';
import { Peaks } from '../sound/peaks.js';

// Chunks of half a minute: the first answers come early, the others in few requests.
const FIRST_REQUEST = 4;
const CHUNKS_PER_REQUEST = 10;
// An upper bound of what a number takes as text, beside its decimals.
const DIGITS = 8;
const REST_BYTES = 200;

let nextKey = 1;

/**
 * @typedef {import('../analysis/engine.js').Extraction} Extraction
 * @typedef {import('../base/config.js').Limits} Limits
 * @typedef {import('../base/config.js').Model} Model
 * @typedef {import('../server/answers.js').Request} Request
 * @typedef {import('../server/api.js').Prediction} Prediction
 * @typedef {import('../analysis/messages.d.ts').Piece} Piece
 */

/**
 * Number of pieces that surely fit in one request.
 * @param {Model} model
 * @param {Limits} limits
 */
function mostPieces({ shape, featureSpec }, { maxSegments, maxBodyBytes }) {
  const numbers = shape.reduce((product, length) => product * length);
  const bytes = numbers * (featureSpec.decimals + DIGITS) + REST_BYTES;
  return Math.max(1, Math.min(maxSegments, Math.floor(maxBodyBytes / bytes)));
}

/**
 * Tells the visitor where the file is damaged.
 * @param {import('../sound/messages.d.ts').Damage[]} damage
 * @returns {string} empty for a sound file
 */
export function damageText(damage) {
  if (!damage.length) return '';
  const [{ from, to }] = damage;
  if (damage.length === 1 && to === null) {
    return t('The file breaks off or is damaged at {time}; the answer is for what comes before.', { time: clock(from) });
  }
  return t('The file is damaged, first at {time}; what could not be decoded is left out of the answer.', { time: clock(from) });
}

/**
 * The answer so far.
 * @typedef {object} Answered
 * @property {Prediction} prediction of the song's beginning, without a hole
 * @property {Piece[]} pieces all of it, silent ones too
 * @property {number} skipped seconds left out at the start
 * @property {number} seconds how far it reaches
 */

/**
 * All that is known of a song so far.
 * @typedef {object} Heard
 * @property {number} seconds that were listened to
 * @property {Uint8Array | null} peaks their outline
 * @property {Extraction | null} extraction of them
 * @property {Answered | null} answered
 * @property {boolean} complete whether all of the song is answered
 */

/** @type {Heard} */
export const NOTHING_HEARD = { seconds: 0, peaks: null, extraction: null, answered: null, complete: false };

/**
 * @typedef {object} Listening
 * @property {Model} model that is to answer
 * @property {AbortSignal} signal gives it up
 * @property {(request: Request) => Promise<Prediction>} [ask] the model; without it nothing is asked
 * @property {(heard: Heard) => void} [show] called whenever more is known
 */

/**
 * @param {import('../sound/decode.js').Stream} stream closed when this ends
 * @param {{engine: import('../analysis/engine.js').Engine, limits: Limits} & Listening} how
 * @returns {Promise<Heard>} of the whole song; where the server was away, not all of it is answered
 * @throws {UserError} damaged, silent or too long, refused by the server, or an analysis that broke
 */
export async function listen(stream, { engine, limits, model, signal, ask, show = () => {} }) {
  const { featureSpec } = model;
  const key = nextKey;
  nextKey += 1;
  const { starts } = engine;
  const most = mostPieces(model, limits);
  const peaks = new Peaks(featureSpec.sample_rate, limits.maxMinutes * 60);
  /** @type {Request[]} */
  const requests = [];
  /** @type {Prediction[]} */
  const answers = [];
  /** @type {Piece[]} */
  const pieces = [];
  const heard = { ...NOTHING_HEARD };
  /** @type {unknown} */
  let refused = null;
  let away = !ask;
  let asking = Promise.resolve();
  // Bytes of requests that were asked again, with fewer pieces.
  let wasted = 0;

  /**
   * @param {Request} request
   * @returns {Promise<Prediction | null>}
   */
  const answerTo = async (request) => {
    if (signal.aborted || refused || away || !ask) return null;
    try {
      return await ask(request);
    } catch (error) {
      // A server that is away may be back at the end, and is asked for everything then.
      if (error instanceof UserError && error.retryable) away = true;
      else refused = error;
      return null;
    }
  };

  /**
   * @param {Request} request
   * @param {number} reached pieces of the song up to its end
   */
  const askFor = async (request, reached) => {
    const answer = await answerTo(request);
    if (!answer) return;
    answers.push(answer);
    const known = pieces.slice(0, reached);
    const [, seconds] = known[known.length - 1];
    heard.answered = { prediction: combined(answers), pieces: known, skipped: request.skipped, seconds };
    if (!signal.aborted) show({ ...heard });
  };

  /**
   * Take out of requests and answers what only the rest of the song shows to be silence. The model is
   * asked again for the other pieces of such a request, as its scores are of all of them together.
   * @param {Piece[]} gaps
   */
  const takeOut = async (gaps) => {
    await asking;
    for (let n = requests.length - 1; n >= 0; n -= 1) {
      const left = await withoutGaps(requests[n], gaps);
      if (left === requests[n]) continue;
      wasted += requests[n].wire ?? 0;
      const answer = left && n < answers.length ? await answerTo(left) : null;
      requests.splice(n, 1, ...(left ? [left] : []));
      if (left && !answer) answers.splice(n);
      else answers.splice(n, 1, ...(answer ? [answer] : []));
    }
    if (heard.answered && answers.length) heard.answered = { ...heard.answered, prediction: combined(answers) };
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
        refuseLarge(request, limits);
        requests.push(request);
        const reached = pieces.length;
        asking = asking.then(() => askFor(request, reached));
      }
      heard.seconds = chunk.seconds;
      heard.peaks = peaks.values;
      if (found.requests.length || last) {
        const { repeated, skipped, narrow } = requests[requests.length - 1];
        if (last && found.gaps.length) await takeOut(found.gaps);
        heard.extraction = {
          ...joined(requests, featureSpec.id), repeated, skipped, narrow, pieces: [...pieces], damage: damageText(chunk.damage),
        };
      }
      show({ ...heard });
    }
    await asking;
    if (refused) throw refused;
    heard.complete = answers.length === requests.length;
    if (heard.complete && heard.extraction) {
      heard.extraction.wire = requests.reduce((sum, { wire }) => sum + (wire ?? 0), wasted);
    }
    return heard;
  } finally {
    stream.close();
    engine.forget(key);
  }
}
