/**
 * Stretches of a flac file, found by halving: its frames tell where they stand in the song.
 *
 * Layout: RFC 9639, sections 8.2 (streaminfo) and 9.1 (header of a frame).
 */

import { letters, viewOf } from './bytes.js';

/** @typedef {import('./cuts.js').Cutting} Cutting */

const STREAMINFO = 0;
const STREAMINFO_BYTES = 34;
const MOST_BLOCKS = 128;
const CRC_POLYNOMIAL = 0x07;
// Read at a time; a frame of 65,535 samples in eight channels would not fit, and is not cut.
const LOOKED_AT_BYTES = 1 << 18;
// A frame that begins where it suits the resampler is taken where it costs no more sound than this.
const MOST_SEARCHED_S = 1;
const MOST_STEPS = 48;

/**
 * @typedef {object} Info
 * @property {number} least samples of a frame, but the last
 * @property {number} most
 * @property {number} rate in Hz
 * @property {number} total samples
 * @property {number} from where the first frame begins in the file
 * @property {Uint8Array<ArrayBuffer>} head of a file of unknown length
 *
 * @typedef {{at: number, sample: number}} Place of a frame: in the file, and in the song
 */

/** @param {Uint8Array} bytes @param {number} from @param {number} to @returns {number} */
function crc8(bytes, from, to) {
  let crc = 0;
  for (let i = from; i < to; i += 1) {
    crc ^= bytes[i];
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x80 ? CRC_POLYNOMIAL : 0)) & 0xff;
  }
  return crc;
}

/**
 * @param {Uint8Array} bytes
 * @param {number} at behind its size and rate, where it has numbers of its own
 * @param {number} size as the header tells it
 * @returns {number} samples of a frame
 */
function samplesOf(bytes, at, size) {
  if (size === 1) return 192;
  if (size < 6) return 576 << (size - 2);
  if (size > 7) return 256 << (size - 8);
  return (size === 6 ? bytes[at] : bytes[at] * 256 + bytes[at + 1]) + 1;
}

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 * @param {Info} info
 * @returns {{sample: number, next: number} | null} the song's samples at which the frame begins, and the next
 *   one; null: none begins there
 */
function frameAt(bytes, at, { least, most, total }) {
  if (bytes[at] !== 0xff || (bytes[at + 1] & 0xfe) !== 0xf8) return null;
  const [size, rate] = [bytes[at + 2] >> 4, bytes[at + 2] & 15];
  if (!size || rate === 15 || bytes[at + 3] & 1) return null;
  // A number as in UTF-8, of up to seven bytes.
  const lead = Math.clz32(~(bytes[at + 4] << 24));
  if (lead === 1 || lead > 7) return null;
  let number = lead ? bytes[at + 4] & (0x7f >> lead) : bytes[at + 4];
  const length = Math.max(1, lead);
  for (let i = 1; i < length; i += 1) {
    if (bytes[at + 4 + i] >> 6 !== 2) return null;
    number = number * 64 + (bytes[at + 4 + i] & 63);
  }
  const more = (size === 6 ? 1 : size === 7 ? 2 : 0) + (rate === 12 ? 1 : rate > 12 ? 2 : 0);
  const end = at + 4 + length + more;
  if (end >= bytes.length || crc8(bytes, at, end) !== bytes[end]) return null;
  const fixed = !(bytes[at + 1] & 1);
  if (fixed && least !== most) return null;
  const sample = fixed ? number * most : number;
  return sample < total ? { sample, next: sample + samplesOf(bytes, at + 4 + length, size) } : null;
}

/** @param {Blob} file @returns {Promise<Info | null>} null: it does not tell what is needed */
async function infoOf(file) {
  if (letters(await viewOf(file, 0, 4), 0, 4) !== 'fLaC') return null;
  /** @type {DataView<ArrayBuffer> | null} */
  let info = null;
  let at = 4;
  for (let number = 0; number < MOST_BLOCKS; number += 1) {
    const head = await viewOf(file, at, 4);
    if (head.byteLength < 4) return null;
    const size = head.getUint32(0) & 0xff_ff_ff;
    if ((head.getUint8(0) & 0x7f) === STREAMINFO && size === STREAMINFO_BYTES) info = await viewOf(file, at + 4, size);
    at += 4 + size;
    if (head.getUint8(0) & 0x80) break;
  }
  if (info?.byteLength !== STREAMINFO_BYTES) return null;
  const rate = info.getUint32(10) >>> 12;
  const total = (info.getUint8(13) & 15) * 2 ** 32 + info.getUint32(14);
  const [least, most] = [info.getUint16(0), info.getUint16(2)];
  if (!rate || !total) return null;
  const head = new Uint8Array(8 + STREAMINFO_BYTES);
  head.set([0x66, 0x4c, 0x61, 0x43, 0x80, 0, 0, STREAMINFO_BYTES]);
  head.set(new Uint8Array(info.buffer), 8);
  // Neither length nor checksum of the whole are those of a cut.
  head[8 + 13] &= 0xf0;
  head.fill(0, 8 + 14);
  return { least, most, rate, total, from: at, head };
}

/** @param {Blob} file @param {number} from @returns {Promise<Uint8Array<ArrayBuffer>>} */
const bytesFrom = async (file, from) => new Uint8Array((await viewOf(file, from, LOOKED_AT_BYTES)).buffer);

/**
 * @param {Uint8Array} bytes
 * @param {number} from
 * @param {Info} info
 * @param {number | null} wanted sample; null: any
 * @returns {{at: number, sample: number, next: number} | null} the first frame there or behind that begins at
 *   it; null: there is none
 */
function frameIn(bytes, from, info, wanted) {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const frame = frameAt(bytes, at, info);
    if (frame && (wanted === null || frame.sample === wanted)) return { at, ...frame };
  }
  return null;
}

/**
 * @param {Blob} file
 * @param {Info} info
 * @param {number} from
 * @returns {Promise<Place | null>} the first frame there or behind; null: there is none near
 */
async function frameFrom(file, info, from) {
  const bytes = await bytesFrom(file, from);
  // Bytes within a frame may look like one; then the next one is not where it says.
  for (let frame = frameIn(bytes, 0, info, null); frame;) {
    const following = frameIn(bytes, frame.at + 1, info, null);
    if (following ? following.sample === frame.next : frame.next >= info.total) return { at: from + frame.at, sample: frame.sample };
    frame = following;
  }
  return null;
}

/**
 * The frames from one on, and the end of the song.
 * @param {Blob} file
 * @param {Info} info
 * @param {Place} first
 * @returns {AsyncGenerator<Place, void>} ends early where the next one is not found
 */
async function* framesFrom(file, info, first) {
  let block = first.at;
  let bytes = await bytesFrom(file, block);
  let at = 0;
  let wanted = first.sample;
  while (wanted < info.total) {
    const frame = frameIn(bytes, at, info, wanted);
    if (frame) {
      yield { at: block + frame.at, sample: wanted };
      at = frame.at + 1;
      wanted = frame.next;
    } else if (at > 0) {
      block += at;
      bytes = await bytesFrom(file, block);
      at = 0;
    } else return;
  }
  yield { at: file.size, sample: info.total };
}

/**
 * @param {Blob} file
 * @param {Info} info
 * @param {number} wanted sample
 * @returns {Promise<Place | null>} a frame that begins there or not long before
 */
async function before(file, info, wanted) {
  const first = await frameFrom(file, info, info.from);
  if (!first || first.sample > wanted) return null;
  let found = first;
  let after = { at: file.size, sample: info.total };
  for (let step = 0; step < MOST_STEPS && after.at - found.at > LOOKED_AT_BYTES; step += 1) {
    const middle = await frameFrom(file, info, Math.floor((found.at + after.at) / 2));
    if (!middle || middle.at >= after.at) return null;
    // A number that does not fit between its neighbours belongs to no frame.
    if (middle.sample < found.sample || middle.sample > after.sample) return null;
    if (middle.sample <= wanted) found = middle;
    else after = middle;
  }
  return found;
}

/**
 * @param {Blob} file
 * @returns {Promise<Cutting | null>} null: it is not one stream of a known length
 */
export async function flacCutter(file) {
  const info = await infoOf(file);
  if (!info) return null;
  const { rate, total, head } = info;
  return {
    rate,
    length: total,
    async cut(from, to, period) {
      const begin = await before(file, info, Math.max(0, from - MOST_SEARCHED_S * rate));
      const end = await before(file, info, Math.min(to, total - 1));
      if (!begin || !end) return null;
      let first = begin;
      for await (const frame of framesFrom(file, info, begin)) {
        if (frame.sample > from) break;
        if (frame.sample % period === 0 || first.sample % period) first = frame;
      }
      for await (const last of framesFrom(file, info, end)) {
        if (last.sample < to) continue;
        const length = last.sample - first.sample;
        return { file: new Blob([head, file.slice(first.at, last.at)]), length, end: last.sample, left: 0 };
      }
      return null;
    },
  };
}
