/**
 * Listens to a long file: half a minute after the other is decoded and analysed, and every few
 * minutes the model is asked, so that the first answers are there while the rest is still decoded.
 */

import { refuseLong } from './decode.js';
import { UserError } from './errors.js';
import { clock } from './format.js';
import { combined, joined } from './parts.js';
import { t } from './text.js';

// Chunks of half a minute: the first answers come early, the others in few requests.
const FIRST_REQUEST = 4;
const CHUNKS_PER_REQUEST = 10;
// An upper bound of what a number takes as text, beside its decimals.
const DIGITS = 8;
const REST_BYTES = 200;

let nextKey = 1;

/**
 * Pieces that surely fit in one request.
 * @param {{shape: number[], featureSpec: {decimals: number}, maxSegments: number,
 *   maxBodyBytes: number}} config
 */
export function mostPieces({ shape, featureSpec, maxSegments, maxBodyBytes }) {
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
 * @typedef {object} Heard
 * @property {number} seconds of the song that were listened to
 * @property {import('./engine.js').Extraction} extraction of these
 * @property {{prediction: import('./api.js').Prediction, pieces: [number, number][],
 *   skipped: number, seconds: number} | null} answered from the beginning on, without a hole
 */

/**
 * @param {import('./sound_stream.js').SoundStream} stream closed when this ends
 * @param {object} parts
 * @param {import('./engine.js').Engine} parts.engine
 * @param {object} parts.config see mostPieces
 * @param {(extraction: {body: Blob, nSegments: number}) => void} parts.check throws what must not be
 *   sent
 * @param {(part: import('./parts.js').Part) => Promise<import('./api.js').Prediction>} parts.ask
 * @param {AbortSignal} parts.signal
 * @param {(heard: Heard) => void} parts.show called whenever more is known
 * @returns {Promise<Heard>} the whole song; parts without an answer have to be asked for again
 * @throws {UserError}
 */
export async function listen(stream, { engine, config, check, ask, signal, show }) {
  const key = nextKey;
  nextKey += 1;
  const most = mostPieces(config);
  const { starts } = engine;
  /** @type {import('./parts.js').Part[]} */
  const parts = [];
  const pieces = [];
  const heard = { seconds: 0, extraction: null, answered: null };
  let refused = null;
  let asking = Promise.resolve();
  let told = { repeated: false, skipped: 0 };
  let damage = [];

  const askFor = async (part) => {
    if (signal.aborted || refused) return;
    try {
      part.prediction = await ask(part);
    } catch (error) {
      // A server that is away may be back for the next part; the queue asks again for this one.
      if (error instanceof UserError && error.retryable) return;
      refused = error;
      return;
    }
    const hole = parts.findIndex(({ prediction }) => !prediction);
    const answered = hole < 0 ? parts : parts.slice(0, hole);
    if (!answered.length || signal.aborted) return;
    const known = pieces.slice(0, answered.at(-1).nPieces);
    heard.answered = {
      prediction: combined(answered.map(({ prediction }) => prediction)),
      pieces: known, skipped: told.skipped, seconds: known.at(-1)?.[1] ?? 0,
    };
    show({ ...heard });
  };

  try {
    for (let number = 1, last = false; !last; number += 1) {
      const chunk = await stream.next();
      ({ last, damage } = chunk);
      // The header may have told another length, or none.
      refuseLong(chunk.seconds, config.maxMinutes);
      if (engine.starts !== starts) {
        throw new UserError(t('The analysis broke off and was started anew. Retry tries this song again.'));
      }
      const take = number % CHUNKS_PER_REQUEST === FIRST_REQUEST;
      const found = await engine.extract(chunk.samples, () => {}, { key, take, last, most });
      if (signal.aborted) throw new UserError(t('Cancelled.'), { cancelled: true });
      if (refused) throw refused;
      pieces.push(...found.pieces);
      heard.seconds = chunk.seconds;
      for (const { body, nSegments, repeated, skipped } of found.requests) {
        check({ body, nSegments });
        parts.push({ body, nSegments, prediction: null, nPieces: 0 });
        told = { repeated, skipped };
      }
      const made = parts.slice(parts.length - found.requests.length);
      for (const part of made) {
        part.nPieces = pieces.length;
        asking = asking.then(() => askFor(part));
      }
      heard.extraction = extractionOf(parts, { ...told, pieces: [...pieces], damage: damageText(damage) }, config);
      show({ ...heard });
    }
    await asking;
    if (refused) throw refused;
    return heard;
  } finally {
    stream.close();
    engine.forget(key);
  }
}

function extractionOf(parts, more, { featureSpec }) {
  if (!parts.length) return null;
  return {
    ...more,
    body: joined(parts.map(({ body }) => body), featureSpec.id),
    nSegments: parts.reduce((sum, { nSegments }) => sum + nSegments, 0),
    parts: [...parts],
  };
}
