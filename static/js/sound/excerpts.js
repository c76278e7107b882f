/** Some excerpts of a song, decoded without the rest of it. */

import { Undecodable, decodeBytes } from './at_once.js';
import { cutterOf } from './cuts.js';
import { louderOf, meanOf } from './downmix.js';
import { floatWav } from './wav.js';

// Sound before and after an excerpt, for the resampler to look at; cut off afterwards.
const MARGIN_S = 1;
/** Seconds of sound that are held at a time, about: what is decoded of one excerpt, and the samples of all. */
export const EXCERPT_SECONDS = 60;
// A decoder may leave out some of the first sound that it gets, or what an encoder had added.
const MOST_MISSING_S = 0.25;
const MOST_MORE_S = 0.05;

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
 * A stretch at the rate of the file, mixed to one channel. What is around the excerpt is mixed as the
 * excerpt itself, for the resampler to hear no edge.
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
 * @param {import('./cuts.js').Cutter} cutter
 * @param {number} first sample of the excerpt, at the rate of the features
 * @param {number} last
 * @param {{sampleRate: number, patienceMs: number, mix: import('./downmix.js').Mix}} how
 * @returns {Promise<Float32Array | null>} null: it cannot be cut there
 * @throws {Undecodable}
 */
async function excerpt(cutter, first, last, { sampleRate, patienceMs, mix }) {
  const { rate } = cutter;
  // Whole seconds are whole samples at every rate, before and after resampling.
  const begin = Math.max(0, Math.floor(first / sampleRate) - MARGIN_S);
  const end = Math.min(cutter.length, (Math.ceil(last / sampleRate) + MARGIN_S) * rate);
  const cut = await cutter.cut(begin * rate, end);
  if (!cut) return null;
  const channels = await decodeBytes(await cut.file.arrayBuffer(), rate, patienceMs);
  const { length } = channels[0];
  if (length < cut.length - MOST_MISSING_S * rate || length > cut.length + MOST_MORE_S * rate) return null;
  // Decoders leave out some of the beginning, so places count from the end.
  const start = begin * rate - (cut.end - length);
  if (start < 0) return null;
  const stop = Math.min(length, start + end - begin * rate);
  const stretch = channels.map((channel) => channel.subarray(start, stop));
  const [from, to] = [first, last].map((sample) => sample - begin * sampleRate);
  const place = (/** @type {number} */ sample) => Math.round((sample * rate) / sampleRate);
  const mono = mixed(stretch, place(from), place(to), mix.oppositeDb);
  const [low] = rate === sampleRate ? [mono] : await decodeBytes(floatWav(mono, rate), sampleRate, patienceMs);
  return low.length < to ? null : low.subarray(from, to);
}

/**
 * @param {File} file
 * @param {{sampleRate: number, patienceMs: number, mix: import('./downmix.js').Mix, signal: AbortSignal}} how
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
