/**
 * Stretches of aac in an mp4 (m4a), as files of ADTS: its packets with a header in front of each.
 *
 * Layout: ISO/IEC 14496-12, 8.6.1.2 (stts), 8.6.6 (elst), 8.7 (stsz, stsc, stco); ISO/IEC 14496-1,
 * 7.2.6 (esds); ISO/IEC 14496-3, 1.6.2.1 (AudioSpecificConfig); ISO/IEC 13818-7, 6.2 (ADTS).
 */

import { soundOf } from './boxes.js';
import { letters } from './bytes.js';

/** @typedef {import('./cuts.js').Cutting} Cutting */
/** @typedef {import('./boxes.js').Boxes} Boxes */

const HEADER_BYTES = 7;
const LC = 2;
// Types of aac that begin with a layer of LC (SBR, PS).
const LAYERED = [5, 29];
// Of a packet; of two layers, twice as many.
const SAMPLES = 1024;
const MOST_BYTES = (1 << 13) - 1;
const MOST_READ_BYTES = 1 << 26;
// Packets that are looked at for one that begins where it suits the resampler: less than a second.
const MOST_SEARCHED = 32;
// What iTunes tells of a song: samples before it, behind it, and of it.
const GAPLESS = /iTunSMPB.{8,64}? 0{8} ([\dA-F]{8}) [\dA-F]{8} ([\dA-F]{16})/s;

/** @typedef {{rate: number, channels: number}} Layer as numbers of ADTS */
/** @typedef {{at: number, bytes: number}} Packet */

/**
 * @param {DataView} index
 * @param {Boxes} boxes
 * @returns {Layer | null} null: it cannot be written as ADTS
 */
function layerOf(index, { stsd }) {
  // The description stands in a list of tags, each with its length.
  let at = -1;
  for (let i = stsd.at; i + 4 < stsd.end && at < 0; i += 1) if (letters(index, i, 4) === 'esds') at = i + 8;
  if (at < 0) return null;
  for (const [tag, skipped] of [[3, 3], [4, 13], [5, 0]]) {
    if (at >= stsd.end || index.getUint8(at) !== tag) return null;
    at += 1;
    while (index.getUint8(at) & 0x80) at += 1;
    at += 1 + skipped;
  }
  if (at + 2 > stsd.end) return null;
  const [first, second] = [index.getUint8(at), index.getUint8(at + 1)];
  const type = first >> 3;
  const rate = ((first & 7) << 1) | (second >> 7);
  const channels = (second >> 3) & 15;
  if ((type !== LC && !LAYERED.includes(type)) || rate > 12 || channels < 1 || channels > 7) return null;
  // 960 samples in a packet.
  return type === LC && second & 4 ? null : { rate, channels };
}

/**
 * @param {DataView} index
 * @param {Boxes} boxes
 * @returns {Packet[]} in order
 */
function packetsOf(index, { stsz, stsc, stco, co64 }) {
  const [same, count] = [index.getUint32(stsz.at + 4), index.getUint32(stsz.at + 8)];
  const chunks = stco ?? co64;
  const nChunks = index.getUint32(chunks.at + 4);
  const nRuns = index.getUint32(stsc.at + 4);
  /** @type {Packet[]} */
  const packets = [];
  for (let chunk = 0, run = 0; chunk < nChunks; chunk += 1) {
    while (run + 1 < nRuns && index.getUint32(stsc.at + 8 + 12 * (run + 1)) <= chunk + 1) run += 1;
    let at = stco ? index.getUint32(stco.at + 8 + 4 * chunk) : Number(index.getBigUint64(co64.at + 8 + 8 * chunk));
    const held = index.getUint32(stsc.at + 8 + 12 * run + 4);
    for (let i = 0; i < held && packets.length < count; i += 1) {
      const bytes = same || index.getUint32(stsz.at + 12 + 4 * packets.length);
      packets.push({ at, bytes });
      at += bytes;
    }
  }
  return packets;
}

/**
 * @param {DataView} index
 * @param {Boxes} boxes
 * @returns {{step: number, total: number} | null} samples of a packet and of all, as the clock of the file
 *   counts them; null: they differ
 */
function timesOf(index, { stts }) {
  const runs = index.getUint32(stts.at + 4);
  let [step, total] = [0, 0];
  for (let run = 0; run < runs; run += 1) {
    const [count, delta] = [index.getUint32(stts.at + 8 + 8 * run), index.getUint32(stts.at + 12 + 8 * run)];
    // Only the last one may be shorter.
    if (run && (delta > step || run < runs - 1 || count > 1)) return null;
    step ||= delta;
    total += count * delta;
  }
  return step === SAMPLES || step === 2 * SAMPLES ? { step, total } : null;
}

/**
 * @param {DataView} index
 * @param {Boxes} boxes
 * @param {number} total samples
 * @returns {{skipped: number, length: number} | null} samples before the song, and of it; null: it is cut
 *   in a way of its own
 */
function songOf(index, { elst }, total) {
  const told = GAPLESS.exec(new TextDecoder('latin1').decode(index));
  if (elst) {
    const long = index.getUint8(elst.at) === 1;
    if (index.getUint32(elst.at + 4) !== 1) return null;
    const skipped = long ? Number(index.getBigInt64(elst.at + 16)) : index.getInt32(elst.at + 12);
    return skipped < 0 ? null : { skipped, length: total - skipped };
  }
  if (!told) return { skipped: 0, length: total };
  const [skipped, length] = told.slice(1).map((number) => Number.parseInt(number, 16));
  return { skipped, length: Math.min(length, total - skipped) };
}

/** @param {Layer} layer @param {number} size of a packet @returns {Uint8Array<ArrayBuffer>} */
function headerOf({ rate, channels }, size) {
  const length = size + HEADER_BYTES;
  return new Uint8Array([
    0xff, 0xf1, ((LC - 1) << 6) | (rate << 2) | (channels >> 2),
    ((channels & 3) << 6) | (length >> 11), (length >> 3) & 0xff, ((length & 7) << 5) | 0x1f, 0xfc,
  ]);
}

/**
 * @param {Blob} file
 * @param {(rate: number) => number} leadOf samples that a decoder needs before a stretch
 * @returns {Promise<Cutting | null>} null: it is another sound, or written in fragments
 */
export async function mp4Cutter(file, leadOf) {
  const found = await soundOf(file);
  if (!found || found.coding !== 'mp4a' || !found.rate) return null;
  const { index, boxes, rate } = found;
  if (!boxes.stts || !boxes.stsz || !boxes.stsc || !(boxes.stco ?? boxes.co64)) return null;
  const layer = layerOf(index, boxes);
  const times = timesOf(index, boxes);
  const song = times && songOf(index, boxes, times.total);
  if (!layer || !song) return null;
  const packets = packetsOf(index, boxes);
  const { step } = times;
  const { skipped, length } = song;
  if (!packets.length || packets.some(({ bytes }) => bytes + HEADER_BYTES > MOST_BYTES)) return null;
  return {
    rate,
    length,
    async cut(from, to, period) {
      // The beginning of a file needs no lead.
      const nearest = Math.max(0, Math.floor((from + skipped - leadOf(rate)) / step));
      const first = Array.from({ length: Math.min(MOST_SEARCHED, nearest + 1) }, (_, i) => nearest - i)
        .find((n) => (n * step - skipped) % period === 0) ?? nearest;
      const last = Math.min(packets.length, Math.ceil((to + skipped) / step));
      if (first >= last) return null;
      const wanted = packets.slice(first, last);
      const begin = Math.min(...wanted.map(({ at }) => at));
      const end = Math.max(...wanted.map(({ at, bytes }) => at + bytes));
      // Pictures of a film may lie in between.
      if (end - begin > MOST_READ_BYTES) return null;
      const read = new Uint8Array(await file.slice(begin, end).arrayBuffer());
      const parts = wanted.flatMap(({ at, bytes }) => [headerOf(layer, bytes), read.subarray(at - begin, at - begin + bytes)]);
      return { file: new Blob(parts), length: (last - first) * step, end: last * step - skipped, left: 0 };
    },
  };
}
