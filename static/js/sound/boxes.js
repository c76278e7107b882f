/**
 * How the sound in an mp4 (m4a, m4b, mov, 3gp) is coded, from its boxes.
 *
 * Layout: ISO/IEC 14496-12, sections 8.4 (mdhd, hdlr) and 8.5 (stsd).
 */

import { letters, viewOf } from './bytes.js';

// A file's index; that of a book of many hours has some MB.
const MOST_INDEX_BYTES = 1 << 26;
const MOST_BOXES = 1000;
const INSIDE = ['trak', 'mdia', 'minf', 'stbl', 'edts'];

/** @typedef {{coding: string, rate: number, seconds: number}} Coding coding: four letters; rate: in Hz; both numbers are 0 where they are not told */

/**
 * Boxes by their names, where their content begins and ends.
 * @typedef {Record<string, {at: number, end: number}>} Boxes
 *
 * @typedef {Coding & {index: DataView, boxes: Boxes}} Sound index: content of "moov"; boxes: of the track
 */

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

/** @param {DataView} view @param {number} from @param {number} to @returns {Boxes} those that lead to a track's coding */
function insideOf(view, from, to) {
  /** @type {Boxes} */
  const found = {};
  for (const { name, at, end } of boxesOf(view, from, to)) {
    found[name] = { at, end };
    if (INSIDE.includes(name)) Object.assign(found, insideOf(view, at, end));
  }
  return found;
}

/**
 * The boxes that are in no other.
 * @param {Blob} file
 * @returns {AsyncGenerator<{name: string, from: number, head: number, size: number}, void>} from: where
 *   it begins in the file; head: bytes before its content; size: of both
 */
async function* outerBoxes(file) {
  let from = 0;
  for (let number = 0; number < MOST_BOXES; number += 1) {
    const view = await viewOf(file, from, 16);
    if (view.byteLength < 8) return;
    const long = view.getUint32(0) === 1 && view.byteLength === 16;
    const size = long ? Number(view.getBigUint64(8)) : view.getUint32(0) || file.size - from;
    const head = long ? 16 : 8;
    yield { name: letters(view, 4, 4), from, head, size };
    if (size < head) return;
    from += size;
  }
}

/** @param {Blob} file @returns {Promise<DataView | null>} what "moov" holds */
async function indexOf(file) {
  for await (const { name, from, head, size } of outerBoxes(file)) {
    if (name === 'moov') return size <= MOST_INDEX_BYTES ? viewOf(file, from + head, size - head) : null;
  }
  return null;
}

/** @param {Blob} file @returns {Promise<number[]>} where the files begin that were written one behind the other */
export async function startsOf(file) {
  const starts = [];
  for await (const { name, from } of outerBoxes(file)) if (name === 'ftyp') starts.push(from);
  return starts;
}

/**
 * @param {Blob} file
 * @returns {Promise<Sound | null>} its first track of sound; null: none is found
 */
export async function soundOf(file) {
  const index = await indexOf(file);
  if (!index) return null;
  for (const { name, at, end } of boxesOf(index, 0, index.byteLength)) {
    if (name !== 'trak') continue;
    const boxes = insideOf(index, at, end);
    const { hdlr, mdhd, stsd } = boxes;
    if (!hdlr || !stsd || letters(index, hdlr.at + 8, 4) !== 'soun' || stsd.end - stsd.at < 16) continue;
    // The clock of a track of sound counts its samples.
    const long = mdhd && index.getUint8(mdhd.at) === 1;
    const clock = mdhd ? mdhd.at + (long ? 20 : 12) : index.byteLength;
    const rate = clock + 12 <= index.byteLength ? index.getUint32(clock) : 0;
    const ticks = rate && (long ? Number(index.getBigUint64(clock + 4)) : index.getUint32(clock + 4));
    // An unknown length is written as the largest number.
    const seconds = rate && ticks < 2 ** 32 - 1 ? ticks / rate : 0;
    return { coding: letters(index, stsd.at + 12, 4).trim(), rate, seconds, index, boxes };
  }
  return null;
}

/** @param {Blob} file @returns {Promise<Coding | null>} of its first track of sound; null: none is found */
export async function codingOf(file) {
  const sound = await soundOf(file);
  return sound && { coding: sound.coding, rate: sound.rate, seconds: sound.seconds };
}
