import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { encoderPadding } from '../../../static/js/sound/mp3_padding.js';

/**
 * First bytes of real files, and how many samples were given to the encoder.
 * @typedef {{'made by': string, 'sample rate': number, channels: number, samples: number, head: string}} Made
 */
/** @type {Made[]} */
const FILES = JSON.parse(readFileSync(new URL('../../data/mp3_heads.json', import.meta.url), 'utf8'));

// In all of these files the encoder has put 576 samples in front; a decoder adds 529.
const START = 576 + 529;
const HEAD = Buffer.from(FILES[0].head, 'hex');
const FRAME = HEAD.subarray(0, 200);

/** @param {Uint8Array<ArrayBuffer>[]} parts */
const padding = (...parts) => encoderPadding(new Blob(parts));

/**
 * An ID3 tag, which stands before a sound; its size is written with seven bits a byte.
 * @param {number} size
 * @param {boolean} [footer]
 */
function tag(size, footer = false) {
  const bytes = Buffer.alloc(10 + size + (footer ? 10 : 0), 0x41);
  bytes.write('ID3');
  bytes.set([4, 0, footer ? 0x10 : 0, size >> 21, (size >> 14) & 127, (size >> 7) & 127, size & 127], 3);
  return bytes;
}

/** FRAME with other bytes at an offset. @param {number} at @param {number[] | string} bytes */
function changed(at, bytes) {
  const frame = Buffer.from(FRAME);
  frame.set(typeof bytes === 'string' ? Buffer.from(bytes) : bytes, at);
  return frame;
}

// Offsets in a mono frame of MPEG 1: a header of 4 bytes and 17 of side information, then "Xing",
// flags, frames, bytes, 100 bytes of seek table, quality, "LAME".
const XING = 21;
const FLAGS = XING + 4;
const LAME = XING + 4 + 4 + 4 + 4 + 100 + 4;

for (const { 'made by': maker, 'sample rate': rate, channels, samples, head } of FILES) {
  test(`${maker}: ${samples} samples at ${rate} Hz, channels: ${channels}`, async () => {
    const found = await padding(Buffer.from(head, 'hex'));
    assert.deepEqual(found, { start: START, end: samples });
  });
}

test('tags of any size before the sound are skipped', async () => {
  const expected = { start: START, end: 50_000 };
  assert.deepEqual(await padding(tag(0), FRAME), expected);
  assert.deepEqual(await padding(tag(20), tag(300), FRAME), expected);
  // A large tag, such as a cover, is skipped by its size without reading it.
  assert.deepEqual(await padding(tag(3_000_000), FRAME), expected);
  // A tag may repeat its header at its end.
  assert.deepEqual(await padding(tag(128, true), tag(10_000), FRAME), expected);
});

test('bytes between a tag and the sound are skipped', async () => {
  assert.deepEqual(await padding(tag(5), Buffer.alloc(700), FRAME), { start: START, end: 50_000 });
  // The byte 0xff alone does not begin a frame.
  assert.deepEqual(await padding(Buffer.from([0xff, 0x1f, 0]), FRAME), { start: START, end: 50_000 });
});

test('the samples before and after the sound are read with twelve bits each', async () => {
  const frames = HEAD.readUInt32BE(XING + 8);
  // 0xabc before the sound and 0xdef after it
  assert.deepEqual(await padding(changed(LAME + 21, [0xab, 0xcd, 0xef])), {
    start: 0xabc + 529, end: frames * 1152 - 0xabc - 0xdef,
  });
});

test('without the number of frames the end is infinite', async () => {
  // The flags leave out the number of frames, so the rest moves up by four bytes.
  const rest = Buffer.concat([FRAME.subarray(XING + 12, FRAME.length), Buffer.alloc(4)]);
  const frame = changed(FLAGS, [0, 0, 0, 0x0e]);
  frame.set(rest, XING + 8);
  assert.deepEqual(await padding(frame), { start: START, end: Infinity });
});

test('fields that the flags do not name take no bytes', async () => {
  const frame = Buffer.concat([FRAME.subarray(0, XING + 12), FRAME.subarray(LAME), Buffer.alloc(120)]);
  frame.set([0, 0, 0, 1], FLAGS);
  assert.deepEqual(await padding(frame), { start: START, end: 50_000 });
});

test('only headers of known encoders give a padding', async () => {
  for (const name of ['LAME', 'Lavf', 'Lavc']) {
    assert.deepEqual(await padding(changed(LAME, name)), { start: START, end: 50_000 }, name);
  }
  assert.equal(await padding(changed(LAME, 'Gogo')), null);
  assert.deepEqual(await padding(changed(XING, 'Info')), { start: START, end: 50_000 });
  assert.equal(await padding(changed(XING, 'VBRI')), null);
});

test('a file that is no mp3, or too short for one, gives no padding', async () => {
  assert.equal(await padding(), null);
  assert.equal(await padding(Buffer.from('ID3')), null);
  assert.equal(await padding(tag(50)), null);
  assert.equal(await padding(Buffer.alloc(10_000)), null);
  assert.equal(await padding(Buffer.from('RIFF....WAVEfmt '.repeat(100))), null);
  assert.equal(await padding(FRAME.subarray(0, 199)), null);
});

test('a first frame that does not fit into the first 8192 bytes gives no padding', async () => {
  assert.deepEqual(await padding(Buffer.alloc(8192 - 200), FRAME), { start: START, end: 50_000 });
  assert.equal(await padding(Buffer.alloc(8192 - 199), FRAME), null);
});
