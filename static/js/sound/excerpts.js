/** Some excerpts of a song, decoded without the rest of it. */

import { Undecodable, decodeBytes } from './at_once.js';
import { cutterOf } from './cuts.js';
import { louderOf, meanOf } from './downmix.js';
import { floatWav } from './wav.js';

// Sound before and after an excerpt, for the resampler to look at; cut off afterwards.
const MARGIN_S = 0.1;
/** Seconds of sound that are held at a time, about: what is decoded of one excerpt, and the samples of all. */
export const EXCERPT_SECONDS = 60;
// A decoder may leave out some of the first sound that it gets, or what an encoder had added.
const MOST_MISSING_S = 0.25;
const MOST_MORE_S = 0.1;

/**
 * Start and end of excerpts, in samples at the rate of the features.
 * @typedef {[first: number, last: number][]} Bounds
 *
 * Which excerpts of a song of so many samples are wanted; null: all of it.
 * @typedef {(length: number) => Promise<Bounds | null>} Choose
 *
 * @typedef {object} Excerpts
 * @property {Float32Array<ArrayBuffer>} samples of all, one behind the other
 * @property {Bounds} bounds
 * @property {number} seconds of the whole song
 */

/**
 * Kinds of files, and whether the first one tried began where its packets tell, decoded by this browser.
 * @type {Map<string, boolean>}
 */
const asTold = new Map();

/** @param {number} a @param {number} b @returns {number} their greatest common divisor */
const divisor = (a, b) => (b ? divisor(b, a % b) : a);

/**
 * A stretch mixed to one channel. What is around the excerpt is mixed as the excerpt itself, for a
 * resampler to hear no edge.
 * @param {Float32Array[]} channels
 * @param {number} from where the excerpt begins in them
 * @param {number} to
 * @param {number} oppositeDb
 * @returns {Float32Array<ArrayBuffer>}
 */
function mixed(channels, from, to, oppositeDb) {
  const mono = meanOf(channels);
  const louder = louderOf(channels.map((channel) => channel.subarray(from, to)), mono.subarray(from, to), oppositeDb);
  return louder === null ? mono : new Float32Array(channels[louder]);
}

/**
 * @typedef {object} Stretch of a song, at the rate of the features
 * @property {number} first sample of the excerpt
 * @property {number} last
 * @property {number} begin the first with what the resampler looks at
 * @property {number} end
 *
 * @typedef {{sampleRate: number, patienceMs: number, mix: import('./downmix.js').Mix}} How
 */

/**
 * Decoded and resampled in one go, as the whole song would be: that takes a cut whose sound begins where
 * the song has a sample at both rates.
 * @param {import('./cuts.js').Cut} cut
 * @param {{samples: number, low: number}} period what lies between such places, in samples of the file and of the features
 * @param {Stretch} stretch
 * @param {How} how
 * @returns {Promise<Float32Array | null>} null: it begins elsewhere
 * @throws {Undecodable}
 */
async function inOneGo(cut, period, { first, last }, { sampleRate, patienceMs, mix }) {
  const channels = await decodeBytes(await cut.file.arrayBuffer(), sampleRate, patienceMs);
  const { length } = channels[0];
  const ratio = period.low / period.samples;
  // What the decoder left out is less than that; resamplers round the length down or up.
  const most = cut.length - (length - 1) / ratio;
  const left = cut.left && Math.floor(most / cut.left) * cut.left;
  if (left < 0 || left > most || left < most - 2 / ratio) return null;
  const from = first - (cut.end - cut.length + left) * ratio;
  const to = from + last - first;
  return from < 0 || to > length ? null : mixed(channels.map((channel) => channel.subarray(from, to)), 0, last - first, mix.oppositeDb);
}

/**
 * Decoded at the rate of the file, and then resampled.
 * @param {import('./cuts.js').Cut} cut
 * @param {number} rate in Hz, of the file
 * @param {Stretch} stretch
 * @param {How} how
 * @returns {Promise<Float32Array | null>} null: it holds something else
 * @throws {Undecodable}
 */
async function inTwo(cut, rate, { first, last, begin, end }, { sampleRate, patienceMs, mix }) {
  const channels = await decodeBytes(await cut.file.arrayBuffer(), rate, patienceMs);
  const { length } = channels[0];
  if (length < cut.length - MOST_MISSING_S * rate || length > cut.length + MOST_MORE_S * rate) return null;
  // Decoders leave out some of the beginning, so places count from the end.
  const place = (/** @type {number} */ sample) => Math.round((sample * rate) / sampleRate);
  const start = place(begin) - (cut.end - length);
  if (start < 0) return null;
  const stretch = channels.map((channel) => channel.subarray(start, Math.min(length, start + place(end - begin))));
  const [from, to] = [first - begin, last - begin];
  const mono = mixed(stretch, place(from), place(to), mix.oppositeDb);
  const [low] = rate === sampleRate ? [mono] : await decodeBytes(floatWav(mono, rate), sampleRate, patienceMs);
  return low.length < to ? null : low.subarray(from, to);
}

/**
 * @param {import('./cuts.js').Cutter} cutter
 * @param {number} first sample of the excerpt, at the rate of the features
 * @param {number} last
 * @param {How} how
 * @returns {Promise<Float32Array | null>} null: it cannot be cut there
 * @throws {Undecodable}
 */
async function excerpt(cutter, first, last, how) {
  const { rate, kind } = cutter;
  const { sampleRate } = how;
  const common = divisor(rate, sampleRate);
  const period = { samples: rate / common, low: sampleRate / common };
  const margin = Math.ceil((MARGIN_S * sampleRate) / period.low) * period.low;
  const begin = Math.max(0, Math.floor(first / period.low) * period.low - margin);
  const end = Math.ceil(last / period.low) * period.low + margin;
  const cut = await cutter.cut((begin / period.low) * period.samples, Math.min(cutter.length, (end / period.low) * period.samples), period.samples);
  if (!cut) return null;
  const stretch = { first, last, begin, end };
  const meets = (cut.end - cut.length) % period.samples === 0 && cut.left % period.samples === 0;
  if (meets && asTold.get(kind) !== false) {
    const found = await inOneGo(cut, period, stretch, how);
    if (!asTold.has(kind)) asTold.set(kind, found !== null);
    if (found) return found;
  }
  return inTwo(cut, rate, stretch, how);
}

/**
 * @param {File} file
 * @param {How & {signal: AbortSignal}} how
 * @param {Choose} choose
 * @returns {Promise<Excerpts | 'whole' | null>} 'whole': all of the song is wanted; null: the file
 *   cannot be cut
 */
export async function decodeCut(file, how, choose) {
  const { sampleRate, signal } = how;
  try {
    const cutter = await cutterOf(file, signal);
    if (!cutter) return null;
    const seconds = cutter.length / cutter.rate;
    const bounds = await choose(Math.round(seconds * sampleRate));
    if (!bounds) return 'whole';
    const samples = new Float32Array(bounds.reduce((sum, [first, last]) => sum + last - first, 0));
    let at = 0;
    for (const [first, last] of bounds) {
      signal.throwIfAborted();
      const found = await excerpt(cutter, first, last, how);
      if (!found) return null;
      samples.set(found, at);
      at += found.length;
    }
    return { samples, bounds, seconds };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Undecodable || error instanceof RangeError || error instanceof DOMException || error instanceof TypeError)) throw error;
    // Damaged, or not what it seems: as a whole it is decoded or refused with its reason.
    return null;
  }
}
