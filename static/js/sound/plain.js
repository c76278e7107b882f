/**
 * Plain samples (PCM) in files that browsers do not read, or read wrongly: AIFF, AIFC, AU, CAF, W64, and
 * wav files whose header tells too little or that browsers misunderstand.
 *
 * Each is seen as a wav file: a header of our own, then the samples as they lie in the file, with
 * their bytes turned round where wav wants that. Nothing is decoded and no copy is made here.
 * Layouts: Apple's "Audio Interchange File Format" 1.3 and AIFF-C (1991), "Apple Core Audio Format
 * Specification" 1.0, the .au man page of SunOS, Sony's "Wave64" and EBU Tech 3306 (RF64).
 */

import { chunksOf, letters, viewOf } from './bytes.js';

// Format tags of wav.
const PCM = 1;
const FLOAT = 3;
const ALAW = 6;
const ULAW = 7;
const EXTENSIBLE = 0xfffe;
const KNOWN = [PCM, FLOAT, ALAW, ULAW];
const MOST_BYTES = 0xffff_ffff;
const MOST_CHANNELS = 255;
const DOUBLE_BYTES = 8;
// Samples that are converted at a time.
const CONVERTED = 1 << 21;

/**
 * How the samples lie in a file.
 * @typedef {object} Samples
 * @property {number} format tag of wav
 * @property {number} bytes of a sample
 * @property {number} channels
 * @property {number} rate in Hz
 * @property {boolean} turned whether their bytes come in the other order than in wav
 * @property {boolean} signed8 whether they are signed although they have eight bits
 *
 * @typedef {Samples & {from: number, to: number}} Layout from, to: bytes of the file
 */

/**
 * @typedef {object} Plain
 * @property {string} kind
 * @property {string} coding as the file names it, where it is compressed or another one that is not
 *   known here
 * @property {Layout | null} layout null: the sound is compressed, or there is none
 */

/** @param {DataView} view @param {number} at @returns {number} a float of 80 bits, as AIFF has it */
function extended(view, at) {
  const exponent = (view.getUint16(at) & 0x7fff) - 16_383 - 63;
  return (view.getUint32(at + 2) * 2 ** 32 + view.getUint32(at + 6)) * 2 ** exponent;
}

/**
 * The layout, if it is one of sound that can be read.
 * @param {Blob} file
 * @param {Samples | null} samples
 * @param {number} from
 * @param {number} size bytes of sound as the file tells them; a recorder that lost power leaves 0, and
 *   one that writes into a pipe leaves more than there is
 * @returns {Layout | null}
 */
function layout(file, samples, from, size) {
  if (!samples) return null;
  const { channels, bytes, rate } = samples;
  if (channels < 1 || channels > MOST_CHANNELS || !Number.isInteger(bytes) || bytes < 1 || !(rate >= 1)) return null;
  const told = size > 0 && size <= file.size - from ? size : file.size - from;
  const to = from + Math.floor(told / (channels * bytes)) * channels * bytes;
  return { ...samples, rate: Math.round(rate), from, to };
}

/** @type {Record<string, {format: number, bytes?: number, little?: boolean, unsigned?: boolean}>} of AIFC; bytes: where they are not the header's */
const AIFC = {
  NONE: { format: PCM },
  twos: { format: PCM },
  sowt: { format: PCM, little: true },
  raw: { format: PCM, unsigned: true },
  in24: { format: PCM, bytes: 3 },
  in32: { format: PCM, bytes: 4 },
  '42ni': { format: PCM, bytes: 3, little: true },
  '23ni': { format: PCM, bytes: 4, little: true },
  fl32: { format: FLOAT, bytes: 4 },
  FL32: { format: FLOAT, bytes: 4 },
  fl64: { format: FLOAT, bytes: 8 },
  FL64: { format: FLOAT, bytes: 8 },
  ulaw: { format: ULAW, bytes: 1 },
  ULAW: { format: ULAW, bytes: 1 },
  alaw: { format: ALAW, bytes: 1 },
  ALAW: { format: ALAW, bytes: 1 },
};

/** @param {Blob} file @returns {Promise<Plain>} */
async function aiff(file) {
  /** @type {Samples | null} */
  let samples = null;
  let coding = '';
  let from = 0;
  let size = 0;
  const how = {
    head: 8, even: 2, read: (/** @type {DataView} */ head) => ({ name: letters(head, 0, 4), size: head.getUint32(4) }),
  };
  for await (const chunk of chunksOf(file, 12, how)) {
    if (chunk.name === 'COMM') {
      const view = await viewOf(file, chunk.at, 22);
      if (view.byteLength < 18) break;
      const name = chunk.size >= 22 ? letters(view, 18, 4).trim() : 'NONE';
      const known = AIFC[name];
      if (!known) {
        coding = name;
        break;
      }
      const bytes = known.bytes ?? Math.ceil(view.getUint16(6) / 8);
      samples = {
        format: known.format, bytes, channels: view.getUint16(0), rate: extended(view, 8),
        turned: !known.little && bytes > 1, signed8: known.format === PCM && bytes === 1 && !known.unsigned,
      };
    } else if (chunk.name === 'SSND') {
      const view = await viewOf(file, chunk.at, 4);
      const offset = view.byteLength ? view.getUint32(0) : 0;
      from = chunk.at + 8 + offset;
      size = chunk.size - 8 - offset;
    }
    if (samples && from) break;
  }
  return { kind: 'aiff', coding, layout: from ? layout(file, samples, from, size) : null };
}

/** @type {Record<number, {format: number, bytes: number}>} of AU */
const AU = {
  1: { format: ULAW, bytes: 1 },
  2: { format: PCM, bytes: 1 },
  3: { format: PCM, bytes: 2 },
  4: { format: PCM, bytes: 3 },
  5: { format: PCM, bytes: 4 },
  6: { format: FLOAT, bytes: 4 },
  7: { format: FLOAT, bytes: 8 },
  27: { format: ALAW, bytes: 1 },
};

/** @param {Blob} file @returns {Promise<Plain>} */
async function au(file) {
  const head = await viewOf(file, 0, 24);
  const little = letters(head, 0, 4) === 'dns.';
  if (head.byteLength < 24) return { kind: 'au', coding: '', layout: null };
  const number = (/** @type {number} */ at) => head.getUint32(at, little);
  const coding = number(12);
  const known = AU[coding];
  const samples = known && {
    ...known, channels: number(20), rate: number(16), turned: !little && known.bytes > 1, signed8: coding === 2,
  };
  return { kind: 'au', coding: known ? '' : String(coding), layout: layout(file, samples, number(4), number(8)) };
}

/** @param {Blob} file @returns {Promise<Plain>} */
async function caf(file) {
  /** @type {Samples | null} */
  let samples = null;
  let coding = '';
  const how = {
    head: 12, even: 1,
    read: (/** @type {DataView} */ head) => ({ name: letters(head, 0, 4), size: Number(head.getBigInt64(4)) }),
  };
  for await (const chunk of chunksOf(file, 8, how)) {
    if (chunk.name === 'desc') {
      const view = await viewOf(file, chunk.at, 32);
      if (view.byteLength < 32) break;
      const name = letters(view, 8, 4).trim();
      const flags = view.getUint32(12);
      const channels = view.getUint32(24);
      const bytes = view.getUint32(16) / channels;
      const format = { lpcm: flags & 1 ? FLOAT : PCM, ulaw: ULAW, alaw: ALAW }[name];
      // Of samples that do not fill their bytes it is not told where they lie in them.
      if (!format || (format === PCM && view.getUint32(28) !== bytes * 8)) {
        coding = name;
        break;
      }
      const little = name === 'lpcm' && Boolean(flags & 2);
      samples = {
        format, bytes, channels, rate: view.getFloat64(0), turned: !little && bytes > 1,
        signed8: format === PCM && bytes === 1,
      };
    } else if (chunk.name === 'data' && samples) {
      return { kind: 'caf', coding, layout: layout(file, samples, chunk.at + 4, chunk.size - 4) };
    }
  }
  return { kind: 'caf', coding, layout: null };
}

/** @param {Blob} file @param {Chunk} chunk "fmt " @param {boolean} turned @returns {Promise<{samples: Samples | null, coding: string}>} */
async function waveFormat(file, { at, size }, turned) {
  const view = await viewOf(file, at, Math.min(size, 40));
  if (view.byteLength < 16) return { samples: null, coding: '' };
  let format = view.getUint16(0, !turned);
  const channels = view.getUint16(2, !turned);
  const bytes = view.getUint16(12, !turned) / channels;
  if (format === EXTENSIBLE && view.byteLength >= 26) format = view.getUint16(24, !turned);
  return {
    coding: KNOWN.includes(format) ? '' : String(format),
    samples: KNOWN.includes(format)
      ? { format, bytes, channels, rate: view.getUint32(4, !turned), turned: turned && bytes > 1, signed8: false }
      : null,
  };
}

/** @typedef {import('./bytes.js').Chunk} Chunk */

/** @param {Blob} file @returns {Promise<Plain>} of wav, RIFX, RF64 and BW64 */
async function wav(file) {
  const turned = letters(await viewOf(file, 0, 4), 0, 4) === 'RIFX';
  /** @type {Samples | null} */
  let samples = null;
  let coding = '';
  let told = 0;
  const how = {
    head: 8, even: 2,
    read: (/** @type {DataView} */ head) => ({ name: letters(head, 0, 4), size: head.getUint32(4, !turned) }),
  };
  for await (const chunk of chunksOf(file, 12, how)) {
    if (chunk.name === 'ds64') {
      const view = await viewOf(file, chunk.at, 16);
      if (view.byteLength === 16) told = Number(view.getBigUint64(8, true));
    } else if (chunk.name === 'fmt ') ({ samples, coding } = await waveFormat(file, chunk, turned));
    else if (chunk.name === 'data') {
      return { kind: 'wav', coding, layout: layout(file, samples, chunk.at, told || chunk.size) };
    }
  }
  return { kind: 'wav', coding, layout: null };
}

const GUID_BYTES = 16;

/** @param {Blob} file @returns {Promise<Plain>} */
async function w64(file) {
  /** @type {Samples | null} */
  let samples = null;
  let coding = '';
  const head = GUID_BYTES + 8;
  const how = {
    head, even: 8,
    read: (/** @type {DataView} */ view) => ({
      name: letters(view, 0, 4), size: Number(view.getBigUint64(GUID_BYTES, true)) - head,
    }),
  };
  for await (const chunk of chunksOf(file, head + GUID_BYTES, how)) {
    if (chunk.name === 'fmt ') ({ samples, coding } = await waveFormat(file, chunk, false));
    else if (chunk.name === 'data') return { kind: 'w64', coding, layout: layout(file, samples, chunk.at, chunk.size) };
  }
  return { kind: 'w64', coding, layout: null };
}

/**
 * @param {'aiff' | 'au' | 'caf' | 'wav' | 'w64'} kind
 * @param {Blob} file that begins so
 * @returns {Promise<Plain>}
 */
export const plainOf = (kind, file) => ({ aiff, au, caf, wav, w64 })[kind](file);

/** @param {Layout} layout @returns {number} seconds */
export const secondsOf = ({ from, to, bytes, channels, rate }) => (to - from) / (bytes * channels * rate);

/**
 * Chromium makes those of eight bits louder above zero than below, so they become such of 16.
 * @param {Samples} samples
 */
const isCoarse = ({ format, bytes }) => format === PCM && bytes === 1;

/** @param {Samples} samples @returns {number} bytes of a sample as wav */
function bytesInWav(samples) {
  if (isCoarse(samples)) return 2;
  return samples.bytes === DOUBLE_BYTES ? 4 : samples.bytes;
}

/** @param {Layout} layout whether its bytes are not those of a wav file that every browser reads */
export const differs = (layout) => layout.turned || bytesInWav(layout) !== layout.bytes;

/** @param {Layout} layout @param {number} bytes of a sample @returns {Uint8Array<ArrayBuffer>} the header of a wav file, or of an RF64 file where it is larger than wav can be */
function headerOf({ format, bytes: before, channels, rate, from, to }, bytes) {
  const size = (to - from) / before * bytes;
  const ds64 = size + 44 > MOST_BYTES ? 36 : 0;
  const view = new DataView(new ArrayBuffer(44 + ds64));
  let at = 0;
  const text = (/** @type {string} */ word) => {
    for (const letter of word) view.setUint8(at++, letter.charCodeAt(0));
  };
  const u16 = (/** @type {number} */ value) => { view.setUint16(at, value, true); at += 2; };
  const u32 = (/** @type {number} */ value) => { view.setUint32(at, value, true); at += 4; };
  const u64 = (/** @type {number} */ value) => { view.setBigUint64(at, BigInt(value), true); at += 8; };
  text(ds64 ? 'RF64' : 'RIFF');
  u32(ds64 ? MOST_BYTES : size + 36);
  text('WAVE');
  if (ds64) {
    text('ds64');
    u32(28);
    u64(size + 36 + ds64);
    u64(size);
    u64(size / (bytes * channels));
    u32(0);
  }
  text('fmt ');
  u32(16);
  u16(format);
  u16(channels);
  u32(rate);
  u32(rate * channels * bytes);
  u16(channels * bytes);
  u16(8 * bytes);
  text('data');
  u32(ds64 ? MOST_BYTES : size);
  return new Uint8Array(view.buffer);
}

/** @param {Uint8Array<ArrayBuffer>} samples whole ones, changed here @param {number} bytes of a sample */
function turn(samples, bytes) {
  for (let first = 0; first < samples.length; first += bytes) {
    for (let i = first, j = first + bytes - 1; i < j; i += 1, j -= 1) {
      const byte = samples[i];
      samples[i] = samples[j];
      samples[j] = byte;
    }
  }
}

/** @param {Uint8Array<ArrayBuffer>} samples whole ones, may be changed @param {Layout} layout @returns {Uint8Array<ArrayBuffer>} as in wav */
function asInWav(samples, layout) {
  const { bytes, turned, signed8 } = layout;
  if (turned) turn(samples, bytes);
  // Browsers run on little-endian machines, as wav is.
  if (isCoarse(layout)) {
    const zero = signed8 ? 0 : 0x80;
    const finer = new Int16Array(samples.length);
    for (let i = 0; i < samples.length; i += 1) finer[i] = (samples[i] ^ zero) << 8;
    return new Uint8Array(finer.buffer);
  }
  if (bytes === DOUBLE_BYTES) return new Uint8Array(Float32Array.from(new Float64Array(samples.buffer)).buffer);
  return samples;
}

/** A file of plain samples, read as the wav file that it could be; floats of 64 bits become such of 32, and eight bits become 16. */
export class AsWav {
  #file;
  #header;
  /** Bytes of a sample here. */
  #bytes;

  /** @param {Blob} file @param {Layout} layout of it */
  constructor(file, layout) {
    this.#file = file;
    this.layout = layout;
    this.#bytes = bytesInWav(layout);
    this.#header = headerOf(layout, this.#bytes);
  }

  /** Bytes of the wav file. */
  get size() {
    const { bytes, from, to } = this.layout;
    return this.#header.length + (to - from) / bytes * this.#bytes;
  }

  /**
   * @param {number} start
   * @param {number} end
   * @returns {Promise<Uint8Array<ArrayBuffer>>} these bytes of the wav file
   */
  async read(start, end) {
    const length = this.#header.length;
    // Whole samples, of which some bytes may not be wanted.
    const first = Math.floor(Math.max(0, start - length) / this.#bytes);
    const found = await this.#samples(first, Math.ceil(Math.max(0, end - length) / this.#bytes));
    const wanted = new Uint8Array(end - start);
    if (start < length) wanted.set(this.#header.subarray(start, Math.min(end, length)));
    const at = Math.max(0, length - start);
    const skip = Math.max(0, start - length) - first * this.#bytes;
    if (at < wanted.length) wanted.set(found.subarray(skip, skip + wanted.length - at), at);
    return wanted;
  }

  /**
   * @param {string} name
   * @returns {Promise<File>} the wav file: a reference to the sound where its bytes are wav's, or a copy
   */
  async file(name) {
    const { bytes, from, to } = this.layout;
    const type = { type: 'audio/wav' };
    if (!differs(this.layout)) return new File([this.#header, this.#file.slice(from, to)], name, type);
    const all = (to - from) / bytes;
    /** @type {Blob[]} */
    const parts = [];
    for (let first = 0; first < all; first += CONVERTED) {
      parts.push(new Blob([await this.#samples(first, Math.min(all, first + CONVERTED))]));
    }
    return new File([this.#header, ...parts], name, type);
  }

  /** @param {number} first @param {number} last of the samples of all channels, not wanted itself */
  async #samples(first, last) {
    const { bytes, from } = this.layout;
    const found = await this.#file.slice(from + first * bytes, from + last * bytes).arrayBuffer();
    return asInWav(new Uint8Array(found), this.layout);
  }
}
