/**
 * The parts of a file that a decoder takes by themselves, and how long they are.
 *
 * Songs that were written one behind the other make one file. Decoders stop without a word where its
 * rate or its channels change (mp3, aac), or where another stream begins (ogg, flac, wav, mp4). So it is
 * cut there. It is read once for that, and how long the sound is follows from it: many of these files tell no
 * length, or a wrong one.
 *
 * Layout of ogg: RFC 3533, section 6; of the first packet: Vorbis I 4.2.2, RFC 7845 5.1, RFC 9639 10.1.
 */

import { codingOf, startsOf } from './boxes.js';
import { letters, tagBytes, viewOf } from './bytes.js';
import { aacFrame, mp3Frame } from './frames.js';
import { plainOf, secondsOf } from './plain.js';
import { unreadable } from './refusal.js';

// Read at a time, and at least that much from where a frame or page begins.
const BLOCK_BYTES = 1 << 21;
const AHEAD_BYTES = 1 << 17;
// Of other bytes between frames. Where there are more of them, the file is left as it is.
const MOST_JUNK_BYTES = 1 << 20;
// So many frames in a row are no accident.
const SURE = 4;
// Each takes a decoder of its own.
const MOST_LINKS = 100;
const WAV_HEAD_BYTES = 12;
const PAGE_HEADER_BYTES = 27;
// So many frames are between two marks: a tenth of a second of mp3.
const FRAMES_PER_MARK = 4;
// The first letter of "ID3".
const TAG_LETTER = 0x49;
// The first letters of "fLaC", and what follows it up to the number of samples.
const FLAC_LETTERS = [0x66, 0x4c];
const FLAC_HEAD_BYTES = 26;
const NONE_ENDS = 0xff_ff_ff_ff;
const OPUS_RATE = 48_000;
// A part of a broadcast does not begin to count at 0.
const LATE_S = 60;

/**
 * @typedef {object} Link
 * @property {number} from where it begins in the file
 * @property {number} seconds of its sound
 * @property {number} rate in Hz
 * @property {Mark[]} [marks] of a row of frames or of pages of one stream: where a cut may begin, and the end
 * @property {OggSound} [sound] of pages
 *
 * @typedef {{rate: number, skipped: number}} OggSound samples in a second, and before the sound
 *
 * A place between two frames, or before a page on which a packet begins.
 * @typedef {object} Mark
 * @property {number} at where in the file
 * @property {number} samples of each channel that are before it, those that encoders add counted too
 *
 * @typedef {{file: File, seconds: number | null, rate: number}} Part seconds: null where they could not be
 *   counted; rate: in Hz, 0 where it is not known
 *
 * @typedef {object} Links
 * @property {Part[]} parts in order; the file itself where there is one
 * @property {number | null} seconds of all parts; null: not known
 */

/** Bytes of a file, read in blocks from its start to its end. */
class Window {
  #file;
  #signal;
  #from = 0;

  /** @param {Blob} file @param {AbortSignal} [signal] gives it up */
  constructor(file, signal) {
    this.#file = file;
    this.#signal = signal;
    this.view = new DataView(new ArrayBuffer(0));
  }

  get bytes() {
    return new Uint8Array(this.view.buffer);
  }

  /** @param {number} place in the file @returns {number} where it is in `view` */
  at(place) {
    return place - this.#from;
  }

  /** @param {number} place in the file @returns {boolean} whether bytes behind it are still to be read */
  lacks(place) {
    const end = this.#from + this.view.byteLength;
    return place + AHEAD_BYTES > end && end < this.#file.size;
  }

  /** @param {number} place from which it is to reach on */
  async read(place) {
    this.#signal?.throwIfAborted();
    this.view = await viewOf(this.#file, place, BLOCK_BYTES);
    this.#from = place;
  }
}

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 * @param {import('./frames.js').Parse} parse
 * @returns {boolean} whether frames that belong together follow each other there, up to the end at least
 */
function isRow(bytes, at, parse) {
  const format = parse(bytes, at)?.format;
  if (format === undefined) return false;
  for (let number = 0; number < SURE; number += 1) {
    const frame = parse(bytes, at);
    if (!frame) return number > 0 && at >= bytes.length;
    if (frame.format !== format) return false;
    at += frame.bytes;
  }
  return true;
}

/** @param {DataView} view @param {number} at @param {number} length of a frame @returns {boolean} whether it tells of the file and holds no sound */
const isIndex = (view, at, length) => /Xing|Info|VBRI/.test(letters(view, at, Math.min(length, 64)));

/**
 * @param {File} file a row of frames: mp3 or aac
 * @param {import('./frames.js').Parse} parse
 * @param {AbortSignal} [signal]
 * @returns {Promise<Link[] | null>} null: it is something else
 */
export async function linksOfFrames(file, parse, signal) {
  /** @type {Link[]} */
  const links = [];
  const window = new Window(file, signal);
  let bytes = window.bytes;
  let format = -1;
  // Where the frame before ended.
  let step = 0;
  // Of the link.
  let frames = 0;
  let samples = 0;
  for (let place = 0; place < file.size;) {
    if (window.lacks(place)) {
      await window.read(place);
      ({ bytes } = window);
    }
    const at = window.at(place);
    const frame = parse(bytes, at);
    const goesOn = frame && place === step && frame.format === format;
    if (frame && (goesOn || isRow(bytes, at, parse))) {
      const begins = frame.format !== format;
      if (begins && links.length < MOST_LINKS) {
        links.push({ from: place, seconds: 0, rate: frame.rate, marks: [] });
        frames = samples = 0;
      }
      ({ format } = frame);
      if (!begins || !isIndex(window.view, at, frame.bytes)) {
        const link = links[links.length - 1];
        if (frames % FRAMES_PER_MARK === 0) link.marks?.push({ at: place, samples });
        frames += 1;
        samples += frame.samples;
        link.seconds += frame.samples / frame.rate;
      }
      place += frame.bytes;
      step = place;
    } else {
      const tag = bytes[at] === TAG_LETTER ? tagBytes(window.view, at) : 0;
      place += tag || 1;
      if (tag) step = place;
      else if (place - step > MOST_JUNK_BYTES) return null;
    }
  }
  links.at(-1)?.marks?.push({ at: step, samples });
  return links;
}

/**
 * @param {DataView} view
 * @param {number} at where a stream's first packet begins
 * @returns {OggSound | null} null: it is no sound
 */
function oggSound(view, at) {
  const word = letters(view, at, 8);
  if (word === 'OpusHead') return { rate: OPUS_RATE, skipped: view.getUint16(at + 10, true) };
  if (word.startsWith('\x01vorbis')) return { rate: view.getUint32(at + 12, true), skipped: 0 };
  if (word.startsWith('\x7fFLAC')) return { rate: view.getUint32(at + 27) >>> 12, skipped: 0 };
  return null;
}

/** @param {File} file ogg @param {AbortSignal} [signal] @returns {Promise<Link[] | null>} null: it is broken */
export async function linksOfPages(file, signal) {
  /** @type {Link[]} */
  const links = [];
  const window = new Window(file, signal);
  // Of the sound of the link.
  let serial = -1;
  let sound = { rate: 0, skipped: 0 };
  let first = -1;
  // Samples before the page.
  let reached = 0;
  let beginning = false;
  let step = 0;
  for (let place = 0; place < file.size;) {
    if (window.lacks(place)) await window.read(place);
    const { view } = window;
    const at = window.at(place);
    if (letters(view, at, 4) !== 'OggS' || at + PAGE_HEADER_BYTES > view.byteLength) {
      place += 1;
      if (place - step > MOST_JUNK_BYTES) return null;
      continue;
    }
    const table = new Uint8Array(view.buffer, at + PAGE_HEADER_BYTES).subarray(0, view.getUint8(at + 26));
    const begins = Boolean(view.getUint8(at + 5) & 2);
    const ends = view.getUint32(at + 10, true) === NONE_ENDS
      ? -1 : view.getUint32(at + 10, true) * 2 ** 32 + view.getUint32(at + 6, true);
    if (begins) {
      if (!beginning) {
        if (links.length === MOST_LINKS) return links;
        links.push({ from: place, seconds: 0, rate: 0, marks: [] });
        serial = -1;
        reached = 0;
      } else links[links.length - 1].marks = undefined;
      const found = oggSound(view, at + PAGE_HEADER_BYTES + table.length);
      if (found && serial < 0) {
        serial = view.getUint32(at + 14, true);
        sound = found;
        first = -1;
        links[links.length - 1].sound = found;
      }
    } else if (view.getUint32(at + 14, true) === serial && ends !== 0 && sound.rate) {
      const link = links[links.length - 1];
      // A page on which no packet ends may belong to the headers.
      if ((ends > 0 || reached > 0) && !(view.getUint8(at + 5) & 1)) link.marks?.push({ at: place, samples: reached });
      if (ends > 0) {
        if (first < 0) first = ends > LATE_S * sound.rate ? ends : sound.skipped;
        // It does not tell where its first page begins.
        if (first === ends) link.marks = undefined;
        link.seconds = Math.max(0, ends - first) / sound.rate;
        reached = ends;
      }
    }
    beginning = begins;
    place += PAGE_HEADER_BYTES + table.length + table.reduce((sum, bytes) => sum + bytes, 0);
    step = place;
  }
  links.at(-1)?.marks?.push({ at: step, samples: reached });
  return links;
}

/** @param {File} file flac @param {AbortSignal} [signal] @returns {Promise<Link[]>} */
async function linksOfFlac(file, signal) {
  /** @type {Link[]} */
  const links = [];
  const window = new Window(file, signal);
  for (let place = 0; place < file.size;) {
    if (window.lacks(place)) await window.read(place);
    const { view, bytes } = window;
    const at = window.at(place);
    const next = bytes.indexOf(FLAC_LETTERS[0], at);
    if (next < 0 || next + FLAC_HEAD_BYTES > bytes.length) {
      // The rest is in the next block, if there is one.
      const seen = Math.max(at + 1, next < 0 ? bytes.length : next);
      if (!window.lacks(place + seen - at)) break;
      place += seen - at;
      continue;
    }
    // Of its first block the length is always the same.
    if (bytes[next + 1] === FLAC_LETTERS[1] && /^fLaC[\0\x80]\0\0\x22/.test(letters(view, next, 8)) && links.length < MOST_LINKS) {
      const rate = view.getUint32(next + 18) >>> 12;
      const samples = (view.getUint8(next + 21) & 15) * 2 ** 32 + view.getUint32(next + 22);
      links.push({ from: place + next - at, seconds: rate ? samples / rate : 0, rate });
    }
    place += next - at + 1;
  }
  return links;
}

/** @param {File} file wav @returns {Promise<Link[] | null>} null: it is one song, whose header tells all of it */
async function linksOfWav(file) {
  /** @type {Link[]} */
  const links = [];
  for (let place = 0; place < file.size && links.length < MOST_LINKS;) {
    const head = await viewOf(file, place, WAV_HEAD_BYTES);
    if (letters(head, 0, 4) !== 'RIFF' || letters(head, 8, 4) !== 'WAVE') break;
    const length = head.getUint32(4, true) + 8;
    const { layout } = await plainOf('wav', file.slice(place, place + length));
    if (layout) links.push({ from: place, seconds: secondsOf(layout), rate: layout.rate });
    place += length + length % 2;
  }
  return links.length > 1 ? links : null;
}

/** @param {File} file mp4 @returns {Promise<Link[] | null>} null: it is one song, whose index tells all of it */
async function linksOfBoxes(file) {
  const starts = (await startsOf(file)).slice(0, MOST_LINKS);
  if (starts.length < 2) return null;
  return Promise.all(starts.map(async (from, i) => {
    const { seconds = 0, rate = 0 } = await codingOf(file.slice(from, starts[i + 1])) ?? {};
    return { from, seconds, rate };
  }));
}

/** @param {File} file @param {import('./kind.js').Kind} kind @param {AbortSignal} [signal] @returns {Promise<Link[] | null>} null: of another kind */
async function found(file, { name }, signal) {
  if (name === 'mp4') return linksOfBoxes(file);
  if (name === 'wav') return linksOfWav(file);
  if (name === 'ogg') return linksOfPages(file, signal);
  if (name === 'flac') return linksOfFlac(file, signal);
  if (name === 'aac') return linksOfFrames(file, aacFrame, signal);
  // Bytes before the first frame hide what it is.
  return name === 'mp3' || name === '' ? linksOfFrames(file, mp3Frame, signal) : null;
}

/**
 * @param {File} file without tags that its kind does not have
 * @param {import('./kind.js').Kind} kind
 * @param {AbortSignal} [signal] gives it up
 * @returns {Promise<Links>}
 * @throws {UserError} its bytes do not come
 */
export async function linksOf(file, kind, signal) {
  const links = await found(file, kind, signal).catch((error) => {
    signal?.throwIfAborted();
    // It ends in the middle of a header.
    if (error instanceof RangeError) return null;
    throw error instanceof DOMException ? unreadable() : error;
  });
  // A flac that was written into a pipe, and an mp4 in fragments, do not tell how long they are.
  const sounding = links?.filter(({ seconds, rate }) => seconds > 0 || (['flac', 'mp4'].includes(kind.name) && rate > 0)) ?? [];
  if (!sounding.length) return { parts: [{ file, seconds: null, rate: 0 }], seconds: null };
  const known = sounding.every(({ seconds }) => seconds > 0);
  const seconds = known ? sounding.reduce((sum, link) => sum + link.seconds, 0) : null;
  if (sounding.length === 1) return { parts: [{ file, seconds, rate: sounding[0].rate }], seconds };
  const parts = sounding.map(({ from, seconds: own, rate }, i) => ({
    file: new File([file.slice(from, sounding[i + 1]?.from)], file.name, { type: file.type }), seconds: own || null, rate,
  }));
  return { parts, seconds };
}
