/**
 * The silence that an mp3's encoder added before and after the sound, as the file's first frame tells.
 *
 * `decodeAudioData` leaves it out, but not in WebKitGTK. Files that are decoded bit by bit, or there, leave
 * it out by these numbers, so that a song has the same pieces either way.
 * Layout: the Xing header with LAME's extension, http://gabriel.mp3-tech.org/mp3infotag.html
 */

import { afterTags, letters, viewOf } from './bytes.js';
import { mp3Frame } from './frames.js';

/** Samples by which a decoder comes late. */
export const DECODER_DELAY = 529;
const ENCODERS = ['LAME', 'Lavf', 'Lavc'];
const LOOKED_AT_BYTES = 8192;
const FRAMES_TOLD = 1;
// Of the header: "Xing", flags, frames; of LAME's extension.
const XING_BYTES = 12;
const LAME_BYTES = 36;
// Bits of a frame's header: that no checksum follows it, and its third byte without bits per second and padding.
const NO_CHECKSUM = 1;
const RATE_AND_PRIVATE = 0x0d;
const KBITS_NUMBERS = 15;
/** Samples that encoders add at the end, at most. */
export const MOST_PADDING = 8192;

/** @param {Uint8Array} bytes @param {number} at where a frame begins @returns {{mpeg1: boolean, sideBytes: number}} */
function layoutOf(bytes, at) {
  const mpeg1 = ((bytes[at + 1] >> 3) & 3) === 3;
  const mono = bytes[at + 3] >> 6 === 3;
  return { mpeg1, sideBytes: mpeg1 ? (mono ? 17 : 32) : (mono ? 9 : 17) };
}

/**
 * A frame to stand before others, of which a decoder is to leave out the beginning.
 * @param {Uint8Array} head four bytes of the first of them
 * @param {number} frames how many they are
 * @param {number} left out, samples: at least those by which a decoder comes late, at most 4095 more
 * @returns {Uint8Array<ArrayBuffer> | null} null: they are not of layer III
 */
export function frameThatTells(head, frames, left) {
  if (((head[1] >> 1) & 3) !== 1) return null;
  const { sideBytes } = layoutOf(head, 0);
  const xing = 4 + sideBytes;
  for (let kbits = 1; kbits < KBITS_NUMBERS; kbits += 1) {
    const own = [head[0], head[1] | NO_CHECKSUM, (kbits << 4) | (head[2] & RATE_AND_PRIVATE), head[3]];
    const size = mp3Frame(Uint8Array.from(own), 0)?.bytes ?? 0;
    if (size < xing + XING_BYTES + LAME_BYTES) continue;
    const frame = new Uint8Array(size);
    frame.set(own);
    frame.set(new TextEncoder().encode('Info'), xing);
    new DataView(frame.buffer).setUint32(xing + 4, FRAMES_TOLD);
    new DataView(frame.buffer).setUint32(xing + 8, frames);
    const lame = xing + XING_BYTES;
    frame.set(new TextEncoder().encode('LAME'), lame);
    const before = left - DECODER_DELAY;
    frame.set([before >> 4, (before & 15) << 4, 0], lame + 21);
    return frame;
  }
  return null;
}

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
  const { mpeg1, sideBytes } = layoutOf(bytes, at);
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
