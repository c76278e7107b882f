/** From a file to mono samples, on this computer. */

import { UserError, withTimeout } from '../base/errors.js';
import { clock, size } from '../base/format.js';
import { t, tn } from '../base/text.js';
import { Budget } from './budget.js';
import { SoundStream, StreamError } from './sound_stream.js';

const METADATA_TIMEOUT_MS = 5_000;
const DECODE_TIMEOUT_MS = 300_000;
// A file whose header tells no length is taken for one of 128 kbit/s.
const USUAL_BYTES_PER_S = 16_000;
// Songs are decoded at a time as long as they last no longer together: a second of sound takes some
// 0.4 MB meanwhile. It is as much as the longest song that is usually decoded at once.
const MOST_SECONDS = 900;

const budget = new Budget(MOST_SECONDS);

/**
 * Mono samples, nominally within [-1, 1]; those of a long file come as a stream.
 * @typedef {{next(): Promise<import('./sound_stream.js').Chunk>, close(): void}} Stream
 * @typedef {{samples: Float32Array<ArrayBuffer>, stream?: undefined, seconds: number}} Whole
 * @typedef {{samples?: undefined, stream: Stream, seconds: number}} Streamed seconds: as the header tells
 * @typedef {Whole | Streamed} Decoded
 */

/**
 * @typedef {object} Options
 * @property {number} sampleRate in Hz
 * @property {number} maxMinutes longest file that is taken
 * @property {number} [maxWholeMinutes] longest file that is decoded at once, which takes memory for
 *   all of it
 * @property {number} [streamMinutes] longer files are decoded bit by bit
 * @property {AbortSignal} [signal] gives it up, and ends its stream
 */

/**
 * The length that the file's header tells, without decoding it.
 * @param {File} file
 * @returns {Promise<number | null>} seconds, or null when the header does not tell
 */
export async function headerSeconds(file) {
  const url = URL.createObjectURL(file);
  const audio = new Audio();
  try {
    return await new Promise((resolve) => {
      audio.onloadedmetadata = () => resolve(Number.isFinite(audio.duration) ? audio.duration : null);
      audio.onerror = () => resolve(null);
      setTimeout(() => resolve(null), METADATA_TIMEOUT_MS);
      audio.preload = 'metadata';
      audio.src = url;
    });
  } finally {
    audio.removeAttribute('src');
    audio.load();
    URL.revokeObjectURL(url);
  }
}

/**
 * A second more is no longer: encoders pad files of exactly the limit.
 * @param {number} seconds
 * @param {number} minutes
 */
const isLonger = (seconds, minutes) => seconds > minutes * 60 + 1;

/** @param {number} minutes */
const minutesText = (minutes) => (minutes >= 1
  ? tn('{n} minute', '{n} minutes', Math.round(minutes), { n: Math.round(minutes) })
  : t('{n} seconds', { n: Math.round(minutes * 60) }));

/**
 * @param {number} seconds
 * @param {number} maxMinutes
 * @throws {UserError} for a song that is longer than is taken
 */
export function refuseLong(seconds, maxMinutes) {
  if (!isLonger(seconds, maxMinutes)) return;
  throw new UserError(
    t('This is too long: it lasts {time}, and at most {limit} are analysed. Cut it into parts, please.', {
      time: clock(seconds), limit: minutesText(maxMinutes),
    }),
    { retryable: false },
  );
}

/**
 * Refuse a file that could not be read bit by bit and is too long to be decoded at once.
 * @param {File} file
 * @param {number | null} announced seconds that its header tells
 * @param {number} maxWholeMinutes
 * @param {StreamError} obstacle why it could not be read bit by bit
 * @throws {UserError}
 */
function refuseWhole(file, announced, maxWholeMinutes, { message: obstacle, retryable }) {
  const limit = minutesText(maxWholeMinutes);
  if (announced === null && isLonger(file.size / USUAL_BYTES_PER_S, maxWholeMinutes)) {
    throw new UserError(
      t('{obstacle} It is too large to be decoded at once ({size}); at most {limit} of sound are possible. Convert it to mp3 or cut it into parts, please.', {
        obstacle, limit, size: size(file.size),
      }),
      { retryable },
    );
  }
  if (announced !== null && isLonger(announced, maxWholeMinutes)) {
    throw new UserError(
      t('{obstacle} It is too long to be decoded at once ({time}); at most {limit} of sound are possible. Convert it to mp3 or cut it into parts, please.', {
        obstacle, limit, time: clock(announced),
      }),
      { retryable },
    );
  }
}

/** @param {File} file */
async function read(file) {
  try {
    return await file.arrayBuffer();
  } catch {
    throw new UserError(
      t('The file could not be read. It may have been moved, changed or be too large for the browser; choose it again, please.'),
    );
  }
}

/**
 * The mean of all channels.
 * @param {AudioBuffer} buffer
 * @returns {Float32Array<ArrayBuffer>} its own memory, so it can be transferred
 */
function toMono(buffer) {
  const mono = buffer.getChannelData(0).slice();
  if (buffer.numberOfChannels === 1) return mono;
  for (let channel = 1; channel < buffer.numberOfChannels; channel += 1) {
    const other = buffer.getChannelData(channel);
    for (let i = 0; i < mono.length; i += 1) mono[i] += other[i];
  }
  const gain = 1 / buffer.numberOfChannels;
  for (let i = 0; i < mono.length; i += 1) mono[i] *= gain;
  return mono;
}

/**
 * @param {File} file
 * @param {number} sampleRate in Hz
 * @returns {Promise<{samples: Float32Array<ArrayBuffer>, seconds: number}>}
 */
async function decodeWhole(file, sampleRate) {
  const bytes = await read(file);
  let buffer;
  try {
    // The context is there for its sample rate: decodeAudioData resamples to it.
    const context = new OfflineAudioContext(1, 1, sampleRate);
    buffer = await withTimeout(
      context.decodeAudioData(bytes),
      DECODE_TIMEOUT_MS,
      () => new UserError(t('The browser did not finish decoding this file. Try again, please.')),
    );
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      t('This cannot be decoded: the file is damaged, protected, or not audio that your browser knows (mp3, m4a, flac, ogg, opus, wav).'),
    );
  }
  return { samples: toMono(buffer), seconds: buffer.duration };
}

/**
 * A file of ordinary length is decoded at once, which is faster; a long one bit by bit, or at once
 * where that is not possible.
 * @param {File} file
 * @param {Options} options
 * @returns {Promise<Decoded>}
 * @throws {UserError} empty, unreadable, too long, or no audio that this browser knows
 */
export async function decode(file, {
  sampleRate, maxMinutes, maxWholeMinutes = maxMinutes, streamMinutes = Infinity, signal,
}) {
  if (file.size === 0) {
    throw new UserError(t('The file is empty (0 bytes): it holds no sound.'), { retryable: false });
  }
  const announced = await headerSeconds(file);
  signal?.throwIfAborted();
  if (announced !== null) refuseLong(announced, maxMinutes);
  const expected = announced ?? file.size / USUAL_BYTES_PER_S;
  if (expected > streamMinutes * 60) {
    try {
      return { stream: await SoundStream.open(file, { sampleRate, signal }), seconds: expected };
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      refuseWhole(file, announced, maxWholeMinutes, error);
    }
  }
  const giveBack = await budget.take(expected);
  try {
    // It may have been given up while it waited.
    signal?.throwIfAborted();
    const { samples, seconds } = await decodeWhole(file, sampleRate);
    refuseLong(seconds, maxMinutes);
    if (samples.length === 0) {
      throw new UserError(t('The file holds no sound.'), { retryable: false });
    }
    return { samples, seconds };
  } finally {
    giveBack();
  }
}
