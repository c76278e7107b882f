import assert from 'node:assert/strict';
import test from 'node:test';

import { flacCutter } from '../../../static/js/sound/flac_cuts.js';

const RATE = 44_100;
const INFO_BYTES = 42;

/** @param {number[]} bytes @returns {number} checksum with the polynomial x^8 + x^2 + x + 1, bit by bit */
function crc8(bytes) {
  let crc = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      const out = ((crc >> 7) ^ (byte >> bit)) & 1;
      crc = (crc << 1) & 0xff;
      if (out) crc ^= 7;
    }
  }
  return crc;
}

/** @param {number} number @returns {number[]} as in UTF-8 */
const coded = (number) => (number < 0x80
  ? [number]
  : number < 0x800
    ? [0xc0 | (number >> 6), 0x80 | (number & 63)]
    : number < 0x1_0000
      ? [0xe0 | (number >> 12), 0x80 | ((number >> 6) & 63), 0x80 | (number & 63)]
      : [0xf8, ...[18, 12, 6, 0].map((shift) => 0x80 | ((number >> shift) & 63))]);

/** @param {boolean} variable @param {number} number of the frame, or of its first sample @param {number} samples */
function header(variable, number, samples) {
  const head = [0xff, variable ? 0xf9 : 0xf8, 0x79, 0x18, ...coded(number), (samples - 1) >> 8, (samples - 1) & 255];
  return [...head, crc8(head)];
}

/** @param {number} n @param {number} size of a body whose bytes begin no frame */
function body(n, size) {
  const bytes = Buffer.alloc(size, 0x55);
  bytes.writeUInt32LE(n, 0);
  return bytes;
}

/**
 * @param {{least: number, most: number, total: number, rate?: number}} told
 * @param {Buffer[]} frames
 */
function flac({ least, most, total, rate = RATE }, frames) {
  const info = Buffer.alloc(INFO_BYTES);
  info.write('fLaC');
  info.set([0, 0, 0, 34], 4);
  info.writeUInt16BE(least, 8);
  info.writeUInt16BE(most, 10);
  info.writeUInt32BE(((rate << 12) | (1 << 9) | (15 << 4)) >>> 0, 18);
  info.writeUInt32BE(total, 22);
  info.fill(0xee, 26);
  // A block of padding follows, the last one.
  const padding = Buffer.from([0x81, 0, 0, 5, 1, 2, 3, 4, 5]);
  return new File([info, padding, ...frames].map((part) => new Uint8Array(part)), 'a.flac');
}

/** @param {File} file */
async function cutterFor(file) {
  const cutter = await flacCutter(file);
  assert.ok(cutter);
  return cutter;
}

/** @param {import('../../../static/js/sound/cuts.js').Cut | null} cut */
async function held(cut) {
  assert.ok(cut);
  const bytes = Buffer.from(await cut.file.arrayBuffer());
  return { ...cut, head: bytes.subarray(0, INFO_BYTES), file: bytes.subarray(INFO_BYTES) };
}

const BLOCK = 4096;
const COUNT = 1000;

/** Frames of 4096 samples, 2 MB of them. @param {(n: number) => Buffer} [inside] */
const fixed = (inside = (n) => body(n, 2000)) => Array.from({ length: COUNT }, (_, n) =>
  Buffer.concat([Buffer.from(header(false, n, BLOCK)), inside(n)]));

test('frames of flac are copied from the one in which a stretch begins to the one in which it ends', async () => {
  const frames = fixed();
  const cutter = await cutterFor(flac({ least: BLOCK, most: BLOCK, total: COUNT * BLOCK }, frames));
  assert.deepEqual([cutter.rate, cutter.length], [RATE, COUNT * BLOCK]);
  // 30 s is in frame 322, 60 s in frame 645.
  const { head, ...cut } = await held(await cutter.cut(30 * RATE, 60 * RATE, 2));
  assert.deepEqual(cut, { file: Buffer.concat(frames.slice(322, 646)), length: 324 * BLOCK, end: 646 * BLOCK, left: 0 });
  // One block, the last; neither the number of samples nor the checksum of the song is told.
  assert.deepEqual([...head.subarray(0, 8)], [...Buffer.from('fLaC'), 0x80, 0, 0, 34]);
  assert.deepEqual([head[21] & 15, ...head.subarray(22)], new Array(21).fill(0));
});

test('the frame begins where the resampler has a sample, where one is near', async () => {
  const frames = fixed();
  const cutter = await cutterFor(flac({ least: BLOCK, most: BLOCK, total: COUNT * BLOCK, rate: 48_000 }, frames));
  // Five of 4096 samples are a multiple of 320; 30 s is in frame 351.
  assert.deepEqual((await held(await cutter.cut(30 * 48_000, 60 * 48_000, 320))).file, Buffer.concat(frames.slice(350, 704)));
  assert.deepEqual((await held(await cutter.cut(30 * 48_000, 60 * 48_000, 7 * BLOCK * 50))).file, Buffer.concat(frames.slice(350, 704)));
  assert.deepEqual((await held(await cutter.cut(30 * 48_000, 60 * 48_000, 11 * 13 * 17))).file, Buffer.concat(frames.slice(351, 704)));
});

test('the first frame and the last, which is shorter', async () => {
  const frames = fixed();
  frames[COUNT - 1] = Buffer.concat([Buffer.from(header(false, COUNT - 1, 100)), Buffer.from([1, 2, 3])]);
  const total = (COUNT - 1) * BLOCK + 100;
  const cutter = await cutterFor(flac({ least: BLOCK, most: BLOCK, total }, frames));
  assert.deepEqual((await held(await cutter.cut(0, 10 * RATE, 2))).file, Buffer.concat(frames.slice(0, 108)));
  const ending = await held(await cutter.cut(total - 10 * RATE, total, 2));
  assert.deepEqual(ending.file, Buffer.concat(frames.slice(891)));
  assert.deepEqual([ending.length, ending.end], [total - 891 * BLOCK, total]);
});

test('bytes in the sound that look like a frame are none', async () => {
  // Every third frame holds a whole header of another one, in the middle of the file and at both cuts, too.
  const frames = fixed((n) => {
    const bytes = body(n, 2000);
    if (n % 3 === 1 && n < COUNT - 2) bytes.set(header(false, n + 2, BLOCK), 500);
    if (n % 3 === 1) bytes.set(header(false, n - 1, BLOCK), 900);
    return bytes;
  });
  const cutter = await cutterFor(flac({ least: BLOCK, most: BLOCK, total: COUNT * BLOCK }, frames));
  const cut = await held(await cutter.cut(45 * RATE, 75 * RATE, 2));
  const first = Math.floor((45 * RATE) / BLOCK);
  const last = Math.ceil((75 * RATE) / BLOCK);
  assert.deepEqual(cut.file, Buffer.concat(frames.slice(first, last)));
});

test('frames of different lengths tell their first sample', async () => {
  const lengths = Array.from({ length: COUNT }, (_, n) => [1152, 4608, 2304][n % 3]);
  const begins = lengths.map((_, n) => lengths.slice(0, n).reduce((sum, length) => sum + length, 0));
  const frames = lengths.map((length, n) => Buffer.concat([Buffer.from(header(true, begins[n], length)), body(n, 1500)]));
  const total = begins[COUNT - 1] + lengths[COUNT - 1];
  const cutter = await cutterFor(flac({ least: 1152, most: 4608, total }, frames));
  const cut = await held(await cutter.cut(30 * RATE, 50 * RATE, 2));
  const first = begins.findLastIndex((sample) => sample <= 30 * RATE);
  const last = begins.findIndex((sample) => sample >= 50 * RATE);
  assert.deepEqual(cut.file, Buffer.concat(frames.slice(first, last)));
  assert.deepEqual([cut.length, cut.end], [begins[last] - begins[first], begins[last]]);
});

test('a file that tells no length, or holds no frames, is not cut', async () => {
  assert.equal(await flacCutter(flac({ least: BLOCK, most: BLOCK, total: 0 }, fixed())), null);
  assert.equal(await flacCutter(new File(['fLaC'], 'a.flac')), null);
  assert.equal(await flacCutter(new File(['OggS and more'], 'a.flac')), null);
  const empty = await cutterFor(flac({ least: BLOCK, most: BLOCK, total: COUNT * BLOCK }, [Buffer.alloc(300_000, 0x55)]));
  assert.equal(await empty.cut(30 * RATE, 60 * RATE, 2), null);
  // It was cut off in the middle: what is there can be cut, the rest not.
  const half = await cutterFor(flac({ least: BLOCK, most: BLOCK, total: COUNT * BLOCK }, fixed().slice(0, 500)));
  assert.equal(await half.cut(60 * RATE, 90 * RATE, 2), null);
});
