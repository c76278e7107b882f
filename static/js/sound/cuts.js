/**
 * Stretches of a file that are decoded by themselves: the bytes are copied, nothing is decoded for it.
 *
 * A decoder needs some sound before a stretch: the frames of an mp3 borrow bits of earlier ones, those of
 * aac and vorbis overlap, and opus converges (RFC 7845, 4.6: 80 ms). That lead is cut off afterwards.
 */

import { afterTags } from './bytes.js';
import { flacCutter } from './flac_cuts.js';
import { aacFrame, mp3Frame } from './frames.js';
import { kindOf } from './kind.js';
import { linksOfFrames, linksOfPages } from './links.js';
import { isHigh } from './low_rate.js';
import { encoderPadding } from './mp3_padding.js';
import { mp4Cutter } from './mp4_cuts.js';
import { AsWav, plainOf } from './plain.js';

// At least. Ten frames of mp3 at 8,000 Hz, the lowest rate that is cut, are 0.72 s.
const LEAD_S = 0.75;

/**
 * Bytes that a decoder takes by themselves.
 * @typedef {object} Cut
 * @property {Blob} file
 * @property {number} length samples that it holds, the lead included
 * @property {number} end the song's sample before which its sound ends
 *
 * All numbers are samples of the song, at the rate of the file.
 * @typedef {object} Cutter
 * @property {number} rate in Hz
 * @property {number} length of the song
 * @property {(from: number, to: number) => Promise<Cut | null>} cut null: it cannot be cut there
 */

/**
 * @param {Blob} file
 * @param {import('./links.js').Mark[]} marks
 * @param {number} skipped samples before the song begins
 * @param {{rate: number, length: number, head: Blob[]}} of it; head: what stands before every cut
 * @returns {Cutter}
 */
function cutterAt(file, marks, skipped, { rate, length, head }) {
  return {
    rate,
    length,
    async cut(from, to) {
      const first = marks.findLast(({ samples }) => samples <= from + skipped - LEAD_S * rate);
      const last = marks.find(({ samples }) => samples >= to + skipped) ?? marks[marks.length - 1];
      if (!first || first.at >= last.at) return null;
      const bytes = file.slice(first.at, last.at);
      return { file: new Blob([...head, bytes]), length: last.samples - first.samples, end: last.samples - skipped };
    },
  };
}

/**
 * @param {File} file mp3
 * @param {AbortSignal} signal
 * @returns {Promise<Cutter | null>}
 */
async function mp3Cutter(file, signal) {
  const [link, ...others] = await linksOfFrames(file, mp3Frame, signal) ?? [];
  if (!link?.marks || others.length) return null;
  const { marks, rate } = link;
  const padding = await encoderPadding(file);
  const skipped = padding?.start ?? 0;
  const coded = marks[marks.length - 1].samples - skipped;
  const length = padding ? Math.min(coded, padding.end) : coded;
  return cutterAt(file, marks, skipped, { rate, length, head: [] });
}

/**
 * @param {File} file aac
 * @param {AbortSignal} signal
 * @returns {Promise<Cutter | null>}
 */
async function aacCutter(file, signal) {
  const [link, ...others] = await linksOfFrames(file, aacFrame, signal) ?? [];
  if (!link?.marks || others.length) return null;
  const { marks, rate } = link;
  return cutterAt(file, marks, 0, { rate, length: marks[marks.length - 1].samples, head: [] });
}

/**
 * @param {File} file ogg
 * @param {AbortSignal} signal
 * @returns {Promise<Cutter | null>}
 */
async function oggCutter(file, signal) {
  const [link, ...others] = await linksOfPages(file, signal) ?? [];
  if (!link?.marks?.length || !link.sound || others.length) return null;
  const { marks, sound: { rate, skipped } } = link;
  const length = marks[marks.length - 1].samples - skipped;
  return cutterAt(file, marks, skipped, { rate, length, head: [file.slice(link.from, marks[0].at)] });
}

/** @param {Blob} file @param {import('./plain.js').Layout | null} layout @returns {Cutter | null} */
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
      return { file: await wav.file('cut.wav'), length: end - from, end };
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
  return cutter && !isHigh(cutter.rate) && cutter.rate >= 8000 ? cutter : null;
}

/** @param {File} file @param {import('./kind.js').Kind} kind @param {AbortSignal} signal */
async function found(file, { name, layout }, signal) {
  if (layout) return plainCutter(file, layout);
  if (name === 'wav') return plainCutter(file, (await plainOf('wav', file)).layout);
  if (name === 'mp3' || (name === '' && await afterTags(file) > 0)) return mp3Cutter(file, signal);
  if (name === 'aac') return aacCutter(file, signal);
  if (name === 'ogg') return oggCutter(file, signal);
  if (name === 'flac') return flacCutter(file, LEAD_S);
  return name === 'mp4' ? mp4Cutter(file, LEAD_S) : null;
}
