import assert from 'node:assert/strict';
import test from 'node:test';

import { partsOf } from '../../../static/js/sound/decode.js';
import { linksOf } from '../../../static/js/sound/links.js';
import { leftIn } from '../../../static/js/sound/mp3_padding.js';

/** Frames of MPEG 1, layer III, at 44,100 Hz. @param {number} count @param {boolean} mono @param {number} kbits 9 is 128 */
function mp3(count, mono, kbits = 9) {
  const size = { 1: 104, 9: 417, 14: 1044 }[kbits] ?? 0;
  const frame = Buffer.alloc(size);
  frame.set([0xff, 0xfb, kbits << 4, mono ? 0xc0 : 0]);
  return Buffer.concat(new Array(count).fill(frame));
}

/** @param {number} serial @param {number} kind 2 begins a stream @param {number} ends in samples @param {Buffer} body */
function page(serial, kind, ends, body = Buffer.alloc(200)) {
  const head = Buffer.alloc(28);
  head.write('OggS');
  head[5] = kind;
  head.writeBigInt64LE(BigInt(ends), 6);
  head.writeUInt32LE(serial, 14);
  head[26] = 1;
  head[27] = body.length;
  return Buffer.concat([head, body]);
}

/** @param {number} rate */
function vorbisHead(rate) {
  const body = Buffer.alloc(30);
  body.write('\x01vorbis', 'latin1');
  body.writeUInt32LE(rate, 12);
  return body;
}

/** One second of 16 bits. @param {number} channels */
function wav(channels) {
  const body = Buffer.alloc(8000 * 2 * channels);
  const head = Buffer.alloc(44);
  head.write('RIFF');
  head.writeUInt32LE(body.length + 36, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(channels, 22);
  head.writeUInt32LE(8000, 24);
  head.writeUInt32LE(16_000 * channels, 28);
  head.writeUInt16LE(2 * channels, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(body.length, 40);
  return Buffer.concat([head, body]);
}

const FRAME_S = 1152 / 44_100;

/** @param {string} name of the kind @param {Buffer[]} bytes */
async function found(name, ...bytes) {
  /** @type {any} */
  const kind = { name };
  const { parts, seconds } = await linksOf(new File(bytes.map((each) => new Uint8Array(each)), 'song'), kind);
  return { sizes: parts.map(({ file }) => file.size), lengths: parts.map((part) => part.seconds), seconds };
}

/** @param {number | null} seconds @param {number} expected */
const isNear = (seconds, expected) => assert.ok(seconds !== null && Math.abs(seconds - expected) < 1e-6, `${seconds}`);

test('the length of an mp3 is counted, whatever the bit rates of its frames', async () => {
  const { sizes, seconds } = await found('mp3', mp3(50, false, 1), mp3(70, false, 14));
  assert.equal(sizes.length, 1);
  isNear(seconds, 120 * FRAME_S);
});

test('an mp3 is cut where its channels change', async () => {
  const [one, two, three] = [mp3(20, true), mp3(30, false), mp3(10, true)];
  const { sizes, lengths } = await found('mp3', one, two, three);
  assert.deepEqual(sizes, [one, two, three].map(({ length }) => length));
  [20, 30, 10].forEach((count, n) => isNear(lengths[n], count * FRAME_S));
});

test('tags and other bytes between frames are no sound, and begin no part', async () => {
  const tag = Buffer.concat([Buffer.from([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 1, 0]), mp3(1, true).subarray(0, 128)]);
  const { sizes, seconds } = await found('mp3', tag, mp3(20, false), Buffer.alloc(999, 0xff), tag, mp3(20, false));
  assert.equal(sizes.length, 1);
  isNear(seconds, 40 * FRAME_S);
});

test('a frame that only looks like one of another kind begins no part', async () => {
  const { sizes } = await found('mp3', mp3(20, false), mp3(2, true), mp3(20, false));
  assert.equal(sizes.length, 1);
});

test('a file of other bytes has no length', async () => {
  const noise = Buffer.from(Array.from({ length: 20_000 }, (_, n) => (n * n * 31) % 251));
  assert.deepEqual(await found('', noise), { sizes: [20_000], lengths: [null], seconds: null });
  assert.equal((await found('mp4', mp3(20, false))).seconds, null);
});

test('ogg is cut where a stream begins behind another one', async () => {
  const one = Buffer.concat([page(1, 2, 0, vorbisHead(44_100)), page(1, 0, 22_050), page(1, 4, 44_100)]);
  const two = Buffer.concat([page(1, 2, 0, vorbisHead(8_000)), page(1, 4, 24_000)]);
  assert.deepEqual(await found('ogg', one, two), { sizes: [one.length, two.length], lengths: [1, 3], seconds: 4 });
});

test('streams that begin together are one part', async () => {
  const both = [page(1, 2, 0, vorbisHead(44_100)), page(2, 2, 0, Buffer.from('\x80theora'.padEnd(40), 'latin1'))];
  assert.deepEqual((await found('ogg', ...both, page(2, 0, 9), page(1, 4, 88_200))).lengths, [2]);
});

test('the delay of an mp3 is cut where the length shows that it is still there', () => {
  const rate = 44_100;
  const padding = { start: 1105, end: 441_000 };
  const coded = (384 * 1152) / rate;
  // Chromium and Firefox give the sound alone; WebKitGTK gives all that is in the frames.
  assert.equal(leftIn(10, coded, padding, rate), null);
  assert.deepEqual(leftIn(coded, coded, padding, rate), { from: 1105 / rate, to: (1105 + 441_000) / rate });
  // Only the end is not cut, or the file does not tell it.
  assert.equal(leftIn(coded - 1105 / rate, coded, padding, rate), null);
  assert.deepEqual(leftIn(coded, coded, { start: 1105, end: Infinity }, rate), { from: 1105 / rate, to: coded });
  // Another song follows, of which the first frame tells nothing.
  assert.deepEqual(leftIn(3 * coded, 3 * coded, padding, rate), { from: 1105 / rate, to: 3 * coded });
});

test('a wav behind a wav is a part of its own, and one alone is left to its header', async () => {
  const both = await found('wav', wav(1), wav(2));
  assert.deepEqual(both.sizes, [16_044, 32_044]);
  assert.deepEqual(both.lengths, [1, 1]);
  assert.equal((await found('wav', wav(1), Buffer.from('LIST, cut off'))).seconds, null);
});

/** @param {string} name @param {Buffer[]} content */
function box(name, ...content) {
  const body = Buffer.concat(content);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length + 8);
  head.write(name, 4);
  return Buffer.concat([head, body]);
}

/** An mp4 of one track of sound. @param {number} seconds @param {number} rate */
function mp4(seconds, rate) {
  const clock = Buffer.alloc(24);
  clock.writeUInt32BE(rate, 12);
  clock.writeUInt32BE(seconds * rate, 16);
  const handler = Buffer.alloc(24);
  handler.write('soun', 8);
  const coding = Buffer.alloc(24);
  coding.write('mp4a', 12);
  const track = box('trak', box('mdia', box('mdhd', clock), box('hdlr', handler), box('minf', box('stbl', box('stsd', coding)))));
  return Buffer.concat([box('ftyp', Buffer.from('M4A ')), box('mdat', Buffer.alloc(500)), box('moov', track)]);
}

test('an mp4 behind an mp4 is a part of its own, and one alone is left to its index', async () => {
  const [one, other] = [mp4(8, 44_100), mp4(9, 48_000)];
  const both = await found('mp4', one, other);
  assert.deepEqual(both.sizes, [one.length, other.length]);
  assert.deepEqual(both.lengths, [8, 9]);
  assert.equal((await found('mp4', one)).seconds, null);
});

test('a large tag between two mp3s, with bytes behind it, hides neither', async () => {
  const tag = Buffer.alloc(10 + (80 << 14) + 100);
  tag.set([0x49, 0x44, 0x33, 4, 0, 0, 0, 80, 0, 0]);
  const both = await found('mp3', mp3(50, true), tag, mp3(70, false));
  assert.deepEqual(both.lengths.map((seconds) => Math.round((seconds ?? 0) / FRAME_S)), [50, 70]);
});

test('wavs of eight bits that were joined are parts by themselves, too', async () => {
  const one = Buffer.from(wav(1));
  one.writeUInt16LE(8, 34);
  one.writeUInt16LE(1, 32);
  const { parts, seconds } = await partsOf(new File([new Uint8Array(one), new Uint8Array(one)], 'song.wav'));
  // 16,000 samples at 8,000 Hz each, with 16 bits now.
  assert.deepEqual(parts.map(({ file }) => file.size), [32_044, 32_044]);
  assert.equal(seconds, 4);
});
