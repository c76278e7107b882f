import assert from 'node:assert/strict';
import test from 'node:test';

import { LowRate, lowered } from '../../../static/js/sound/low_rate.js';

/** @param {number} hz @param {number} rate in Hz @returns {Float32Array} half a second of a tone */
const tone = (hz, rate) => Float32Array.from({ length: rate / 2 }, (_, i) => Math.sin(2 * Math.PI * hz * i / rate));

/** @param {Float32Array} samples @returns {number} dB below a full tone, without the edges */
function level(samples) {
  const middle = samples.subarray(samples.length / 4, samples.length * 3 / 4);
  return 10 * Math.log10(2 * middle.reduce((sum, value) => sum + value * value, 0) / middle.length);
}

for (const rate of [64_000, 88_200, 96_000, 176_400, 192_000, 384_000]) {
  test(`music stays and what would fold back goes, at ${rate} Hz`, () => {
    for (const hz of [100, 8000, 10_000]) assert.ok(Math.abs(level(lowered(tone(hz, rate), rate).samples)) < 0.01);
    for (const hz of [12_500, 20_000, 31_000]) assert.ok(level(lowered(tone(hz, rate), rate).samples) < -80);
    const { samples, rate: low } = lowered(tone(100, rate), rate);
    assert.ok(Number.isInteger(low) && low >= 29_000 && low <= 48_000);
    assert.equal(samples.length / low, 0.5);
  });
}

test('a sound that comes bit by bit is the same as one that comes whole', () => {
  const sound = tone(1000, 96_000);
  const low = new LowRate(96_000);
  const parts = [];
  for (let at = 0; at < sound.length; at += 777) parts.push(...low.push(sound.subarray(at, at + 777)));
  parts.push(...low.end());
  assert.deepEqual(Float32Array.from(parts), lowered(sound, 96_000).samples);
});

test('sound of usual rates is given back untouched', () => {
  for (const rate of [8000, 44_100, 48_000]) {
    const sound = tone(1000, rate);
    const low = new LowRate(rate);
    assert.equal(low.push(sound), sound);
    assert.equal(low.rate, rate);
    assert.equal(low.end().length, 0);
  }
});
