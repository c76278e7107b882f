/**
 * The silence that an mp3's encoder added before and after the sound, as the file's first frame tells.
 *
 * `decodeAudioData` leaves it out, but not in WebKitGTK. Files that are decoded bit by bit, or there, leave
 * it out by these numbers, so that a song has the same pieces either way.
 * Layout: the Xing header with LAME's extension, http://gabriel.mp3-tech.org/mp3infotag.html
 */

import { afterTags, letters, viewOf } from './bytes.js';

// Samples by which the decoder itself comes late.
const DECODER_DELAY = 529;
const ENCODERS = ['LAME', 'Lavf', 'Lavc'];
const LOOKED_AT_BYTES = 8192;
/** Samples that encoders add at the end, at most. */
export const MOST_PADDING = 8192;

/**
 * @param {Blob} file
 * @returns {Promise<{start: number, end: number} | null>} start: samples to leave out at the start;
 *   end: length of the sound after these (Infinity when the file does not tell); null for a file that
 *   tells neither
 */
export async function encoderPadding(file) {
  const view = await viewOf(file, await afterTags(file), LOOKED_AT_BYTES);
  const bytes = new Uint8Array(view.buffer);
  const at = bytes.findIndex((byte, i) => byte === 0xff && (bytes[i + 1] & 0xe0) === 0xe0);
  if (at < 0 || at + 200 > bytes.length) return null;
  const mpeg1 = ((bytes[at + 1] >> 3) & 3) === 3;
  const mono = bytes[at + 3] >> 6 === 3;
  const sideBytes = mpeg1 ? (mono ? 17 : 32) : (mono ? 9 : 17);
  const xing = at + 4 + sideBytes;
  if (!['Xing', 'Info'].includes(letters(view, xing, 4))) return null;
  const flags = view.getUint32(xing + 4);
  const frames = flags & 1 ? view.getUint32(xing + 8) : 0;
  const lame = xing + 8 + (flags & 1 ? 4 : 0) + (flags & 2 ? 4 : 0) + (flags & 4 ? 100 : 0) + (flags & 8 ? 4 : 0);
  if (!ENCODERS.includes(letters(view, lame, 4))) return null;
  const [before, after] = [
    (bytes[lame + 21] << 4) | (bytes[lame + 22] >> 4),
    ((bytes[lame + 22] & 15) << 8) | bytes[lame + 23],
  ];
  const length = frames * (mpeg1 ? 1152 : 576) - before - after;
  return { start: before + DECODER_DELAY, end: frames ? length : Infinity };
}

/**
 * @param {number} decoded seconds that the browser gives
 * @param {number} coded seconds of all frames
 * @param {{start: number, end: number}} padding of the file
 * @param {number} rate of the file, in Hz
 * @returns {{from: number, to: number} | null} what of it is the sound, in seconds; null: the browser has
 *   left the rest out
 */
export function leftIn(decoded, coded, { start, end }, rate) {
  if (decoded < coded - start / 2 / rate) return null;
  const stop = (start + end) / rate;
  // In joined files, the first one tells only of itself.
  return { from: start / rate, to: decoded - stop > MOST_PADDING / rate ? decoded : Math.min(decoded, stop) };
}
