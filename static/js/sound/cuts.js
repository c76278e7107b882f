/**
 * Stretches of a file that are decoded by themselves: the bytes are copied, nothing is decoded for it.
 *
 * A decoder needs some sound before a stretch: the frames of an mp3 borrow bits of earlier ones, those of
 * aac and vorbis overlap, and opus converges (RFC 7845, 4.6: 80 ms). That lead is cut off afterwards.
 */

import { afterTags, viewOf } from './bytes.js';
import { flacCutter } from './flac_cuts.js';
import { aacFrame, mp3Frame } from './frames.js';
import { kindOf } from './kind.js';
import { linksOfFrames, linksOfPages } from './links.js';
import { isHigh } from './low_rate.js';
import { DECODER_DELAY, encoderPadding, frameThatTells } from './mp3_padding.js';
import { mp4Cutter } from './mp4_cuts.js';
import { AsWav, plainOf } from './plain.js';

// Ten frames of mp3 and 0.3 s, whichever is more.
const LEAD_SAMPLES = 10 * 1152;
const LEAD_S = 0.3;
// A place that suits the resampler is taken where it costs no more lead than this.
const MOST_SEARCHED_S = 1;
// Each packet of vorbis gives a quarter of two blocks, which are powers of two from 64 on; the first of a
// cut gives nothing.
const VORBIS_STEP = 32;

/**
 * Bytes that a decoder takes by themselves.
 * @typedef {object} Cut
 * @property {Blob} file
 * @property {number} length samples that it holds, the lead included
 * @property {number} end the song's sample before which its sound ends
 * @property {number} left a decoder leaves out a multiple of so many samples at its beginning; 0: none
 *
 * All numbers are samples of the song, at the rate of the file.
 * @typedef {object} Cutting
 * @property {number} rate in Hz
 * @property {number} length of the song
 * @property {(from: number, to: number, period: number) => Promise<Cut | null>} cut its sound begins at a
 *   multiple of so many samples where that can be had; null: it cannot be cut there
 *
 * @typedef {Cutting & {kind: string}} Cutter kind: of the file
 */

/** @param {number} rate in Hz @returns {number} samples before a stretch */
const leadOf = (rate) => Math.max(LEAD_SAMPLES, LEAD_S * rate);

/**
 * The marks around a stretch.
 * @param {import('./links.js').Mark[]} marks
 * @param {number} from samples, those before the song counted too
 * @param {number} to
 * @param {{rate: number, suits: (samples: number) => boolean}} how suits: a place to begin at
 * @returns {[first: import('./links.js').Mark, last: import('./links.js').Mark] | null}
 */
function around(marks, from, to, { rate, suits }) {
  const latest = from - leadOf(rate);
  // The beginning of a file needs no lead.
  const nearest = Math.max(0, marks.findLastIndex(({ samples }) => samples <= latest));
  const suiting = marks.findLast(({ samples }, i) => i <= nearest && suits(samples));
  const near = suiting && marks[nearest].samples - suiting.samples <= MOST_SEARCHED_S * rate;
  const first = near ? suiting : marks[nearest];
  const last = marks.find(({ samples }) => samples >= to) ?? marks[marks.length - 1];
  return first.at < last.at ? [first, last] : null;
}

/**
 * @param {File} file mp3
 * @param {AbortSignal} signal
 * @returns {Promise<Cutting | null>}
 */
async function mp3Cutter(file, signal) {
  const [link, ...others] = await linksOfFrames(file, mp3Frame, signal) ?? [];
  if (!link?.marks || others.length) return null;
  const { marks, rate } = link;
  const padding = await encoderPadding(file);
  const skipped = padding?.start ?? 0;
  const coded = marks[marks.length - 1].samples - skipped;
  const length = padding ? Math.min(coded, padding.end) : coded;
  return {
    rate,
    length,
    async cut(from, to, period) {
      const found = around(marks, from + skipped, to + skipped, { rate, suits: () => true });
      if (!found) return null;
      const [first, last] = found;
      const held = last.samples - first.samples;
      const begin = first.samples - skipped;
      const bytes = file.slice(first.at, last.at);
      const end = last.samples - skipped;
      if (begin >= 0 && begin % period === 0) return { file: bytes, length: held, end, left: 0 };
      // A frame in front tells the decoder to begin some samples later; not before the song.
      const head = new Uint8Array((await viewOf(file, first.at, 4)).buffer);
      const late = Math.ceil(Math.max(0, begin + DECODER_DELAY) / period) * period - begin;
      const told = frameThatTells(head, held / (mp3Frame(head, 0)?.samples ?? 1), late);
      if (!told) return { file: bytes, length: held, end, left: 0 };
      return { file: new Blob([told, bytes]), length: held - late, end, left: 0 };
    },
  };
}

/**
 * @param {Blob} file
 * @param {import('./links.js').Mark[]} marks
 * @param {{rate: number, skipped: number, left: number, head: Blob[]}} of it; skipped: samples before the song;
 *   head: what stands before every cut
 * @returns {Cutting}
 */
function cutterAt(file, marks, { rate, skipped, left, head }) {
  return {
    rate,
    length: marks[marks.length - 1].samples - skipped,
    async cut(from, to, period) {
      const suits = (/** @type {number} */ samples) => samples % period === 0;
      const found = around(marks, from + skipped, to + skipped, { rate, suits });
      if (!found) return null;
      const [first, last] = found;
      // What is left out before a song is left out before a cut, too.
      const length = last.samples - first.samples - skipped;
      return { file: new Blob([...head, file.slice(first.at, last.at)]), length, end: last.samples - skipped, left };
    },
  };
}

/**
 * @param {File} file aac
 * @param {AbortSignal} signal
 * @returns {Promise<Cutting | null>}
 */
async function aacCutter(file, signal) {
  const [link, ...others] = await linksOfFrames(file, aacFrame, signal) ?? [];
  if (!link?.marks || others.length) return null;
  return cutterAt(file, link.marks, { rate: link.rate, skipped: 0, left: 0, head: [] });
}

/**
 * @param {File} file ogg
 * @param {AbortSignal} signal
 * @returns {Promise<Cutting | null>}
 */
async function oggCutter(file, signal) {
  const [link, ...others] = await linksOfPages(file, signal) ?? [];
  if (!link?.marks?.length || !link.sound || others.length) return null;
  const { marks, sound: { rate, skipped } } = link;
  return cutterAt(file, marks, { rate, skipped, left: skipped ? 0 : VORBIS_STEP, head: [file.slice(link.from, marks[0].at)] });
}

/** @param {Blob} file @param {import('./plain.js').Layout | null} layout @returns {Cutting | null} */
function plainCutter(file, layout) {
  if (!layout) return null;
  const { from: start, to: stop, bytes, channels, rate } = layout;
  const step = bytes * channels;
  const length = (stop - start) / step;
  return {
    rate,
    length,
    async cut(from, to) {
      const end = Math.min(to, length);
      if (from >= end) return null;
      const wav = new AsWav(file, { ...layout, from: start + from * step, to: start + end * step });
      return { file: await wav.file('cut.wav'), length: end - from, end, left: 0 };
    },
  };
}

/**
 * @param {File} chosen
 * @param {AbortSignal} signal gives it up
 * @returns {Promise<Cutter | null>} null: the file is of a kind that cannot be cut, or is not what it seems
 */
export async function cutterOf(chosen, signal) {
  const kind = await kindOf(chosen, chosen.name);
  if (kind.hopeless) return null;
  const tagged = ['aac', 'flac', 'mp4', 'ogg'].includes(kind.name) || kind.layout;
  const file = tagged && kind.start ? new File([chosen.slice(kind.start)], chosen.name, { type: chosen.type }) : chosen;
  const cutter = await found(file, kind, signal);
  return cutter && !isHigh(cutter.rate) && cutter.rate >= 8000 ? { ...cutter, kind: kind.name } : null;
}

/** @param {File} file @param {import('./kind.js').Kind} kind @param {AbortSignal} signal */
async function found(file, { name, layout }, signal) {
  if (layout) return plainCutter(file, layout);
  if (name === 'wav') return plainCutter(file, (await plainOf('wav', file)).layout);
  if (name === 'mp3' || (name === '' && await afterTags(file) > 0)) return mp3Cutter(file, signal);
  if (name === 'aac') return aacCutter(file, signal);
  if (name === 'ogg') return oggCutter(file, signal);
  if (name === 'flac') return flacCutter(file);
  return name === 'mp4' ? mp4Cutter(file, leadOf) : null;
}
