/**
 * How the sound in an mp4 (m4a, m4b, mov, 3gp) is coded, from its boxes.
 *
 * Layout: ISO/IEC 14496-12, sections 8.4 (mdhd, hdlr) and 8.5 (stsd).
 */

import { letters, viewOf } from './bytes.js';

// A file's index; that of a book of many hours has some MB.
const MOST_INDEX_BYTES = 1 << 26;
const MOST_BOXES = 1000;
const INSIDE = ['trak', 'mdia', 'minf', 'stbl'];

/** @typedef {{coding: string, rate: number}} Coding coding: four letters; rate: in Hz, 0 where it is not told */

/**
 * The boxes in a stretch of a view.
 * @param {DataView} view
 * @param {number} from
 * @param {number} to
 * @returns {Generator<{name: string, at: number, end: number}, void>} at: where the content begins
 */
function* boxesOf(view, from, to) {
  for (let at = from; at + 8 <= to;) {
    const long = view.getUint32(at) === 1 && at + 16 <= to;
    const size = long ? Number(view.getBigUint64(at + 8)) : view.getUint32(at);
    if (size < 8) return;
    yield { name: letters(view, at + 4, 4), at: at + (long ? 16 : 8), end: Math.min(to, at + size) };
    at += size;
  }
}

/** @param {DataView} view @param {number} from @param {number} to @returns {Record<string, {at: number, end: number}>} the boxes that lead to a track's coding */
function insideOf(view, from, to) {
  /** @type {Record<string, {at: number, end: number}>} */
  const found = {};
  for (const { name, at, end } of boxesOf(view, from, to)) {
    found[name] = { at, end };
    if (INSIDE.includes(name)) Object.assign(found, insideOf(view, at, end));
  }
  return found;
}

/** @param {Blob} file @returns {Promise<DataView | null>} what "moov" holds */
async function indexOf(file) {
  let at = 0;
  for (let number = 0; number < MOST_BOXES; number += 1) {
    const head = await viewOf(file, at, 16);
    if (head.byteLength < 8) return null;
    const long = head.getUint32(0) === 1 && head.byteLength === 16;
    const size = long ? Number(head.getBigUint64(8)) : head.getUint32(0) || file.size - at;
    if (letters(head, 4, 4) === 'moov') {
      return size <= MOST_INDEX_BYTES ? viewOf(file, at + (long ? 16 : 8), size - (long ? 16 : 8)) : null;
    }
    if (size < 8) return null;
    at += size;
  }
  return null;
}

/**
 * @param {Blob} file
 * @returns {Promise<Coding | null>} of its first track of sound; null: none is found
 */
export async function codingOf(file) {
  const index = await indexOf(file);
  if (!index) return null;
  for (const { name, at, end } of boxesOf(index, 0, index.byteLength)) {
    if (name !== 'trak') continue;
    const { hdlr, mdhd, stsd } = insideOf(index, at, end);
    if (!hdlr || !stsd || letters(index, hdlr.at + 8, 4) !== 'soun' || stsd.end - stsd.at < 16) continue;
    // The clock of a track of sound counts its samples.
    const clock = mdhd ? mdhd.at + (index.getUint8(mdhd.at) === 1 ? 20 : 12) : index.byteLength;
    const rate = clock + 4 <= index.byteLength ? index.getUint32(clock) : 0;
    return { coding: letters(index, stsd.at + 12, 4).trim(), rate };
  }
  return null;
}
