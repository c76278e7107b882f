import assert from 'node:assert/strict';
import test from 'node:test';

import { AsWav, plainOf, secondsOf } from '../../../static/js/sound/plain.js';

/** @param {number} value @param {number} bytes big endian */
const be = (value, bytes) => Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** (bytes - 1 - i)) & 255);

/** @param {string} word */
const word = (word) => [...word].map((letter) => letter.charCodeAt(0));

/** @param {number[]} content */
const file = (content) => new File([Uint8Array.from(content)], 'sound');

// 44,100 Hz as a float of 80 bits.
const RATE = [0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0];
const SAMPLES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

/** @param {{bits?: number, channels?: number, coding?: string, told?: number, samples?: number[]}} how */
function aiff({ bits = 16, channels = 1, coding = '', told = SAMPLES.length, samples = SAMPLES }) {
  const common = [...be(channels, 2), ...be(told, 4), ...be(bits, 2), ...RATE, ...word(coding), ...(coding ? [0, 0] : [])];
  return file([
    ...word('FORM'), ...be(0, 4), ...word(coding ? 'AIFC' : 'AIFF'),
    // Of an odd length: a byte is put behind it.
    ...word('NAME'), ...be(3, 4), ...word('one'), 0,
    ...word('COMM'), ...be(common.length, 4), ...common,
    ...word('SSND'), ...be(told + 8, 4), ...be(0, 8), ...samples,
  ]);
}

/** @param {'aiff' | 'au' | 'caf' | 'wav' | 'w64'} kind @param {File} sound */
async function asWav(kind, sound) {
  const { layout } = await plainOf(kind, sound);
  assert.ok(layout);
  return new AsWav(sound, layout);
}

test('bytes are turned round for wav, and ranges of it are those of the whole file', async () => {
  const wav = await asWav('aiff', aiff({ bits: 24 }));
  const whole = new Uint8Array(await (await wav.file('a.wav')).arrayBuffer());
  assert.equal(whole.length, wav.size);
  assert.deepEqual([...whole.subarray(44)], [3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10]);
  for (let start = 0; start < whole.length; start += 1) {
    for (let end = start + 1; end <= whole.length; end += 1) {
      assert.deepEqual(await wav.read(start, end), whole.slice(start, end));
    }
  }
});

test('samples that are as in wav are not copied or changed', async () => {
  const wav = await asWav('aiff', aiff({ coding: 'sowt' }));
  assert.deepEqual([...await wav.read(44, 56)], SAMPLES);
});

test('samples of eight bits become such of 16', async () => {
  const wav = await asWav('aiff', aiff({ bits: 8, samples: [0, 127, 128, 255], told: 4 }));
  assert.deepEqual([...await wav.read(44, 52)], [0, 0, 0, 127, 0, 128, 0, 255]);
});

test('floats of 64 bits become such of 32', async () => {
  const samples = new Uint8Array(16);
  new DataView(samples.buffer).setFloat64(0, 0.25);
  new DataView(samples.buffer).setFloat64(8, -1);
  const wav = await asWav('aiff', aiff({ bits: 64, coding: 'fl64', samples: [...samples], told: 16 }));
  assert.equal(wav.size, 44 + 8);
  const read = await wav.read(44, 52);
  assert.deepEqual(new Float32Array(read.buffer), Float32Array.of(0.25, -1));
});

test('what is there counts where the header tells nothing or too much', async () => {
  for (const told of [0, 4000]) {
    const { layout } = await plainOf('aiff', aiff({ told }));
    assert.ok(layout);
    assert.equal(secondsOf(layout), 6 / 44_100);
  }
  const au = [...word('.snd'), ...be(24, 4), ...be(0xffff_ffff, 4), ...be(3, 4), ...be(8000, 4), ...be(2, 4), ...SAMPLES, 1];
  const { layout } = await plainOf('au', file(au));
  assert.ok(layout);
  // The last byte is no whole sample.
  assert.equal(secondsOf(layout), 3 / 8000);
});

test('compressed sound has no layout, and its coding is told', async () => {
  assert.deepEqual(await plainOf('aiff', aiff({ coding: 'ima4' })), { kind: 'aiff', coding: 'ima4', layout: null });
});

test('a broken file has no layout and no end of chunks is waited for', async () => {
  for (const kind of /** @type {const} */ (['aiff', 'au', 'caf', 'wav', 'w64'])) {
    for (const length of [4, 12, 30, 5000]) {
      const { layout, coding } = await plainOf(kind, file(new Array(length).fill(0)));
      assert.equal(layout, null);
      assert.match(coding, /^0?$/);
    }
  }
});
