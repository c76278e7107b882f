import assert from 'node:assert/strict';
import test from 'node:test';

import { cutterOf } from '../../../static/js/sound/cuts.js';
import { encoderPadding, frameThatTells } from '../../../static/js/sound/mp3_padding.js';

const { signal } = new AbortController();
const RATE = 44_100;
const FRAME = 1152;
const SIZES = /** @type {const} */ ({ 1: 104, 9: 417, 14: 1044 });
const HEAD = Uint8Array.from([0xff, 0xfb, 0x90, 0]);
const PADDED = 1105;

/** Frames of MPEG 1, layer III, stereo, at 44,100 Hz, each with its number in it. @param {number} count @param {(n: number) => 1 | 9 | 14} kbits 9 is 128 */
const mp3 = (count, kbits = () => 9) => Array.from({ length: count }, (_, n) => {
  const frame = Buffer.alloc(SIZES[kbits(n)]);
  frame.set([0xff, 0xfb, kbits(n) << 4, 0]);
  frame.writeUInt32LE(n, 60);
  return frame;
});

/** Packets of 1024 samples of stereo. @param {number} count @param {number} rate 4 is 44,100 Hz, 3 is 48,000 */
const aac = (count, rate) => Array.from({ length: count }, (_, n) => {
  const frame = Buffer.alloc(100 + n % 7);
  frame.set([0xff, 0xf1, 0x40 | (rate << 2), 0x80 | (frame.length >> 11), (frame.length >> 3) & 255, ((frame.length & 7) << 5) | 0x1f, 0xfc]);
  frame.writeUInt32LE(n, 20);
  return frame;
});

/** @param {string} name @param {Buffer[]} parts */
async function cutterFor(name, ...parts) {
  const cutter = await cutterOf(new File(parts.map((part) => new Uint8Array(part)), name), signal);
  assert.ok(cutter);
  return cutter;
}

/** @param {import('../../../static/js/sound/cuts.js').Cut | null} cut */
async function held(cut) {
  assert.ok(cut);
  return { ...cut, file: Buffer.from(await cut.file.arrayBuffer()) };
}

test('frames of an mp3 are copied from 0.3 s before a stretch to its end', async () => {
  const frames = mp3(4000);
  const cutter = await cutterFor('a.mp3', ...frames);
  assert.deepEqual([cutter.rate, cutter.length, cutter.kind], [RATE, 4000 * FRAME, 'mp3']);
  // Every fourth frame is a place to cut at: 0.3 s before 60 s is frame 2285, 90 s is frame 3445.
  assert.deepEqual(await held(await cutter.cut(60 * RATE, 90 * RATE, 2)), {
    file: Buffer.concat(frames.slice(2284, 3448)), length: 1164 * FRAME, end: 3448 * FRAME, left: 0,
  });
});

test('frames of any bit rate, with a tag before them, other bytes in between and a tag behind', async () => {
  const frames = mp3(4000, (n) => /** @type {const} */ ([1, 9, 14])[n % 3]);
  const tag = Buffer.concat([Buffer.from([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 2, 0]), Buffer.alloc(256, 0xff)]);
  const junk = Buffer.from('other bytes');
  const last = Buffer.concat([Buffer.from('TAG'), Buffer.alloc(125, 0x20)]);
  const cutter = await cutterFor('a.mp3', tag, ...frames.slice(0, 3000), junk, ...frames.slice(3000), last);
  assert.equal(cutter.length, 4000 * FRAME);
  const inside = await held(await cutter.cut(60 * RATE, 90 * RATE, 2));
  assert.deepEqual(inside.file, Buffer.concat([...frames.slice(2284, 3000), junk, ...frames.slice(3000, 3448)]));
  const ending = await held(await cutter.cut(74 * RATE, cutter.length, 2));
  assert.deepEqual(ending.file, Buffer.concat([...frames.slice(2820, 3000), junk, ...frames.slice(3000)]));
  assert.equal(ending.end, cutter.length);
});

test('the beginning of a song is cut without sound before it', async () => {
  const frames = mp3(4000);
  const cutter = await cutterFor('a.mp3', ...frames);
  assert.deepEqual(await held(await cutter.cut(0, 30 * RATE, 2)), {
    file: Buffer.concat(frames.slice(0, 1152)), length: 1152 * FRAME, end: 1152 * FRAME, left: 0,
  });
});

test('what the encoder of an mp3 added is no part of the song, nor is the frame that tells of it', async () => {
  const frames = mp3(4000);
  const info = frameThatTells(HEAD, frames.length, PADDED);
  assert.ok(info);
  const cutter = await cutterFor('a.mp3', Buffer.from(info), ...frames);
  assert.equal(cutter.length, 4000 * FRAME - PADDED);
  const { file, length, end } = await held(await cutter.cut(60 * RATE, 90 * RATE, 1));
  assert.deepEqual(file, Buffer.concat(frames.slice(2284, 3448)));
  assert.deepEqual([length, end], [1164 * FRAME, 3448 * FRAME - PADDED]);
});

test('a frame before those of an mp3 lets the sound begin where the resampler has a sample', async () => {
  const frames = mp3(4000);
  const cutter = await cutterFor('a.mp3', Buffer.from(frameThatTells(HEAD, 4000, PADDED) ?? []), ...frames);
  for (const period of [2, 147, 320, 640]) {
    const { file, length, end } = await held(await cutter.cut(60 * RATE, 90 * RATE, period));
    const kept = Buffer.concat(frames.slice(2284, 3448));
    const told = file.subarray(0, file.length - kept.length);
    assert.ok(told.length > 0);
    assert.deepEqual(file.subarray(told.length), kept);
    const padding = await encoderPadding(new Blob([new Uint8Array(file)]));
    assert.ok(padding);
    // All that follows what is left out is the cut's sound.
    assert.deepEqual([padding.end, length], [1164 * FRAME - padding.start + 529, 1164 * FRAME - padding.start]);
    assert.equal(end, 3448 * FRAME - PADDED);
    assert.equal((end - length) % period, 0);
    assert.ok(padding.start >= 529 && padding.start < 529 + period);
  }
  // What the encoder added before the song is left out there, too.
  const { length, end } = await held(await cutter.cut(0, 30 * RATE, 1));
  assert.equal(end - length, 0);
});

test('the frame that tells is one of the same kind, large enough', () => {
  // MPEG 1 at 48,000 Hz stereo, MPEG 2 at 24,000 Hz mono, MPEG 2.5 at 8,000 Hz; with a checksum.
  for (const head of [[0xff, 0xfa, 0x94, 0x40], [0xff, 0xf2, 0x84, 0xc0], [0xff, 0xe2, 0x88, 0x40]]) {
    const frame = frameThatTells(Uint8Array.from(head), 100, 1000);
    assert.ok(frame);
    assert.equal(frame[1] & 0xfe, head[1] & 0xfe);
    assert.equal(frame[1] & 1, 1);
    assert.equal(frame[2] & 0x0c, head[2] & 0x0c);
    assert.equal(frame[3], head[3]);
  }
  // Layer II has none.
  assert.equal(frameThatTells(Uint8Array.from([0xff, 0xfd, 0x90, 0]), 100, 1000), null);
});

test('packets of aac begin where the resampler has a sample, where one is near', async () => {
  const packets = aac(6000, 3);
  const cutter = await cutterFor('a.aac', ...packets);
  assert.equal(cutter.rate, 48_000);
  // 0.3 s before 60 s is packet 2798; 20 of 1024 samples are a multiple of 320.
  assert.deepEqual(await held(await cutter.cut(60 * 48_000, 90 * 48_000, 320)), {
    file: Buffer.concat(packets.slice(2780, 4220)), length: 1440 * 1024, end: 4220 * 1024, left: 0,
  });
  // A second further back there is none for 147, so the nearest place is taken.
  assert.equal((await held(await cutter.cut(60 * 48_000, 90 * 48_000, 147 * 1024))).length, (4220 - 2796) * 1024);
});

/** @param {number} kind 2 begins a stream, 1 goes on with a packet @param {number} ends in samples @param {Buffer} body */
function page(kind, ends, body) {
  const head = Buffer.alloc(28);
  head.write('OggS');
  head[5] = kind;
  head.writeBigInt64LE(BigInt(ends), 6);
  head.writeUInt32LE(7, 14);
  head[26] = 1;
  head[27] = body.length;
  return Buffer.concat([head, body]);
}

test('pages of ogg stand behind the headers of their stream; none begins in a packet', async () => {
  const opus = Buffer.alloc(19);
  opus.write('OpusHead');
  opus.writeUInt16LE(312, 10);
  const heads = [page(2, 0, opus), page(0, 0, Buffer.from('OpusTags'))];
  // One second each; every third goes on with a packet of the one before.
  const pages = Array.from({ length: 100 }, (_, n) => page(n % 3 === 2 ? 1 : 0, (n + 1) * 48_000, Buffer.from(`page ${n}`)));
  const cutter = await cutterFor('a.opus', ...heads, ...pages);
  assert.equal(cutter.length, 100 * 48_000 - 312);
  // Page 59 goes on with a packet; page 90 begins at 90 s, those before the song counted too.
  assert.deepEqual(await held(await cutter.cut(60 * 48_000, 90 * 48_000, 320)), {
    file: Buffer.concat([...heads, ...pages.slice(58, 91)]), length: 33 * 48_000 - 312, end: 91 * 48_000 - 312, left: 0,
  });
});

test('plain samples are cut to the sample', async () => {
  const sound = Buffer.alloc(8000 * 100 * 2);
  for (let n = 0; n < 800_000; n += 1) sound.writeInt16LE(n % 30_000, 2 * n);
  const head = Buffer.alloc(44);
  head.write('RIFF');
  head.writeUInt32LE(sound.length + 36, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.set([1, 0, 1, 0], 20);
  head.writeUInt32LE(8000, 24);
  head.writeUInt32LE(16_000, 28);
  head.set([2, 0, 16, 0], 32);
  head.write('data', 36);
  head.writeUInt32LE(sound.length, 40);
  const cutter = await cutterFor('a.wav', head, sound);
  const { file, length, end } = await held(await cutter.cut(481_234, 722_000, 160));
  assert.deepEqual(file.subarray(44), sound.subarray(2 * 481_234, 2 * 722_000));
  assert.deepEqual([length, end], [722_000 - 481_234, 722_000]);
  assert.equal((await held(await cutter.cut(700_000, 900_000, 160))).end, 800_000);
  assert.equal(await cutter.cut(800_000, 900_000, 160), null);
});

test('joined files, other kinds and other bytes are not cut', async () => {
  const mono = mp3(2000).map((frame) => {
    frame[3] = 0xc0;
    return frame;
  });
  const none = async (/** @type {string} */ name, /** @type {Buffer[]} */ ...parts) =>
    assert.equal(await cutterOf(new File(parts.map((part) => new Uint8Array(part)), name), signal), null, name);
  await none('a.mp3', ...mp3(2000), ...mono);
  await none('a.mkv', Buffer.from([0x1a, 0x45, 0xdf, 0xa3]), Buffer.alloc(5000));
  await none('a.mp3', Buffer.alloc(5000, 7));
  await none('a.mp3');
});
