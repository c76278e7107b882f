/** From a file to mono samples, on this computer. */

import { UserError } from '../base/errors.js';
import { clock, size } from '../base/format.js';
import { t, tn } from '../base/text.js';
import { Undecodable, channelsOf, decodeAtOnce } from './at_once.js';
import { Budget } from './budget.js';
import { EXCERPT_SECONDS, decodeCut } from './excerpts.js';
import { JoinedStream } from './joined_stream.js';
import { linksOf } from './links.js';
import { isHigh } from './low_rate.js';
import { playable, readable } from './readable.js';
import { refusalOf } from './refusal.js';
import { PlainHttpError, SoundStream, StreamError } from './sound_stream.js';

const METADATA_TIMEOUT_MS = 1_500;
const DECODE_TIMEOUT_MS = 300_000;
// A file of an unusual kind that the browser's player does not open is hardly decoded; some browsers
// never say so.
const FIRST_WAIT_MS = 1_500;
const FIRST_BYTES_PER_MS = 20_000;
// A file whose header tells no length is taken for one of 128 kbit/s.
const USUAL_BYTES_PER_S = 16_000;
// Limits of length hold for it, in Hz.
const USUAL_RATE = 48_000;
// Songs are decoded at a time as long as they last no longer together: a second of sound takes some
// 0.4 MB meanwhile. It is as much as the longest song that is usually decoded at once.
const MOST_SECONDS = 900;

const budget = new Budget(MOST_SECONDS);

/**
 * Mono samples, nominally within [-1, 1]; those of a long file come as a stream.
 * @typedef {{next(): Promise<import('./sound_stream.js').Chunk>, close(): void}} Stream
 * @typedef {{samples: Float32Array<ArrayBuffer>, stream?: undefined, seconds: number,
 *   damage?: import('./messages.d.ts').Damage[], bounds?: import('./excerpts.js').Bounds}} Whole damage: what
 *   could not be decoded; bounds: of the excerpts that the samples are, if they are not of all the song
 * @typedef {{samples?: undefined, stream: Stream, seconds: number, damage?: undefined, bounds?: undefined}} Streamed seconds: as the header tells
 * @typedef {Whole | Streamed} Decoded
 */

/**
 * @typedef {object} Options
 * @property {number} sampleRate in Hz
 * @property {number} maxMinutes longest file that is taken
 * @property {number} [maxWholeMinutes] longest file that is decoded at once, which takes memory for
 *   all of it
 * @property {number} [streamMinutes] longer files are decoded bit by bit
 * @property {import('./downmix.js').Mix} mix how channels become one
 * @property {AbortSignal} [signal] gives it up, and ends its stream
 */

/**
 * What the file's header tells, without decoding it.
 * @param {File} file
 * @returns {Promise<{seconds: number | null, opens: boolean}>} seconds: null when the header does not
 *   tell; opens: whether the browser's player knows it
 */
async function header(file) {
  const url = URL.createObjectURL(file);
  const audio = new Audio();
  try {
    return await new Promise((resolve) => {
      audio.onloadedmetadata = () => resolve({ seconds: Number.isFinite(audio.duration) ? audio.duration : null, opens: true });
      audio.onerror = () => resolve({ seconds: null, opens: false });
      setTimeout(() => resolve({ seconds: null, opens: false }), METADATA_TIMEOUT_MS);
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
 * @param {StreamError} error why it could not be read bit by bit
 * @throws {UserError}
 */
function refuseWhole(file, announced, maxWholeMinutes, error) {
  const { message: obstacle, retryable } = error;
  const limit = minutesText(maxWholeMinutes);
  const remedy = error instanceof PlainHttpError
    ? t('Open this page by https, or as localhost on the computer that serves it, or cut the song into parts, please.')
    : t('Convert it to mp3 or cut it into parts, please.');
  if (announced === null && isLonger(file.size / USUAL_BYTES_PER_S, maxWholeMinutes)) {
    throw new UserError(
      t('{obstacle} It is too large to be decoded at once ({size}); at most {limit} of sound are possible. {remedy}', {
        obstacle, limit, remedy, size: size(file.size),
      }),
      { retryable },
    );
  }
  if (announced !== null && isLonger(announced, maxWholeMinutes)) {
    throw new UserError(
      t('{obstacle} It is too long to be decoded at once ({time}); at most {limit} of sound are possible. {remedy}', {
        obstacle, limit, remedy, time: clock(announced),
      }),
      { retryable },
    );
  }
}

/** @param {File} file @returns {import('./links.js').Part} all of it */
const partOf = (file) => ({ file, seconds: null, rate: 0 });

/** @param {import('./kind.js').Kind} kind @returns {boolean} whether its files tell no length, and the browser's player guesses it */
const isGuessed = ({ name }) => ['mp3', 'aac', ''].includes(name);

/**
 * @param {File} chosen
 * @param {AbortSignal} [signal] gives it up
 * @returns {Promise<import('./readable.js').Readable & import('./links.js').Links>} seconds: counted, or null
 * @throws {UserError} no browser can hear it, or its bytes do not come
 */
export async function partsOf(chosen, signal) {
  const found = await readable(chosen);
  if (found.seconds === null) return { ...found, ...await linksOf(found.file, found.kind, signal) };
  const links = found.wav && found.kind.name === 'wav' ? await linksOf(found.file, found.kind, signal) : null;
  if (!links || links.parts.length === 1) return { ...found, parts: [partOf(found.file)] };
  const parts = await Promise.all(links.parts.map(async (part) => ({ ...part, file: await playable(part.file) })));
  return { ...found, wav: null, parts, seconds: links.seconds };
}

/**
 * Some excerpts of a file, without decoding the rest of it.
 * @param {File} file
 * @param {{sampleRate: number, mix: import('./downmix.js').Mix, signal: AbortSignal}} how
 * @param {import('./excerpts.js').Choose} choose
 * @returns {Promise<import('./excerpts.js').Excerpts | 'whole' | null>} 'whole': all of it is wanted; null:
 *   it cannot be cut
 */
export async function decodeExcerpts(file, how, choose) {
  const giveBack = await budget.take(EXCERPT_SECONDS);
  try {
    how.signal.throwIfAborted();
    return await decodeCut(file, { ...how, patienceMs: DECODE_TIMEOUT_MS }, choose);
  } finally {
    giveBack();
  }
}

/**
 * All channels of a file that is to be played.
 * @param {File} file
 * @param {number} sampleRate in Hz
 * @param {import('./downmix.js').Mix} mix
 * @returns {Promise<Float32Array[]>}
 * @throws {UserError} a file that cannot be decoded at once here
 */
export async function decodePlayed(file, sampleRate, mix) {
  const { parts, seconds } = await partsOf(file);
  const giveBack = await budget.take(seconds ?? file.size / USUAL_BYTES_PER_S);
  try {
    return (await channelsOf(parts, sampleRate, { rate: 0, patienceMs: DECODE_TIMEOUT_MS, mix })).channels;
  } finally {
    giveBack();
  }
}

/**
 * A file of ordinary length is decoded at once, which is faster; a long one, one of a high rate and
 * one that is refused bit by bit, or at once where that is not possible.
 * @param {File} chosen
 * @param {Options} options
 * @returns {Promise<Decoded>}
 * @throws {UserError} empty, unreadable, too long, or no audio that this browser knows
 */
export async function decode(chosen, {
  sampleRate, maxMinutes, maxWholeMinutes = maxMinutes, streamMinutes = Infinity, mix, signal,
}) {
  if (chosen.size === 0) {
    throw new UserError(t('The file is empty (0 bytes): it holds no sound.'), { retryable: false });
  }
  const { file, wav, kind, parts, seconds: counted } = await partsOf(chosen, signal);
  const { seconds: announced, opens } = counted === null ? await header(file) : { seconds: counted, opens: true };
  signal?.throwIfAborted();
  if (announced !== null && (counted !== null || !isGuessed(kind))) refuseLong(announced, maxMinutes);
  const expected = announced ?? file.size / USUAL_BYTES_PER_S;
  const openStream = async () => ({
    stream: parts.length > 1
      ? await JoinedStream.open(parts.map((part) => part.file), { sampleRate, mix, signal })
      : await SoundStream.open(file, { sampleRate, mix, signal, layout: wav?.layout }),
    seconds: expected,
  });
  const high = isHigh(kind.rate);
  const streamed = high || expected > streamMinutes * 60;
  if (streamed) {
    try {
      return await openStream();
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      // Decoded at once, it takes memory for every sample of its own rate.
      refuseWhole(file, announced, high ? maxWholeMinutes * USUAL_RATE / kind.rate : maxWholeMinutes, error);
    }
  }
  const giveBack = await budget.take(expected);
  try {
    // It may have been given up while it waited.
    signal?.throwIfAborted();
    const whole = await decodeAtOnce(wav ? [partOf(await wav.file(file.name))] : parts, sampleRate, {
      rate: kind.rate, mix, patienceMs: opens || kind.usual ? DECODE_TIMEOUT_MS : FIRST_WAIT_MS + file.size / FIRST_BYTES_PER_MS,
    });
    refuseLong(whole.seconds, maxMinutes);
    if (whole.samples.length === 0) {
      throw new UserError(t('The file holds no sound.'), { retryable: false });
    }
    return whole;
  } catch (error) {
    if (!(error instanceof Undecodable)) throw error;
    // It is read bit by bit where that is possible.
    let reason = error.message;
    const stream = streamed ? null : await openStream().catch((obstacle) => {
      if (!(obstacle instanceof StreamError)) throw obstacle;
      if (obstacle instanceof PlainHttpError) reason += ` ${obstacle.message}`;
      return null;
    });
    if (stream) return stream;
    throw refusalOf(kind) ?? new UserError(reason, { retryable: error.retryable });
  } finally {
    giveBack();
  }
}
