import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { downmix } from '../../../static/js/sound/downmix.js';

/**
 * @typedef {[until: number, source: 'a' | 'b' | 'silence', gain: number][]} Parts
 * @typedef {{name: string, channels: Parts[], expected: [until: number, taken: number | null][]}} Case
 */

// tests/features/test_downmix.py holds training to the same answers.
/** @type {{rate: number, cases: Case[]}} */
const { rate, cases } = JSON.parse(readFileSync(new URL('../../data/downmix.json', import.meta.url), 'utf8'));
const MIX = { blockSeconds: 30, oppositeDb: 20 };

/** Sample i of each source. */
const SOURCES = {
  /** @param {number} i */
  a: (i) => (i * 7919 % 201 - 100) / 128,
  /** @param {number} i */
  b: (i) => ((31 * i * i + 17 * i) % 193 - 96) / 128,
  silence: () => 0,
};

/** @param {Parts} parts */
const channelOf = (parts) => Float32Array.from({ length: parts[parts.length - 1][0] * rate }, (_, i) => {
  const [, source, gain] = parts.find(([until]) => i < until * rate) ?? parts[0];
  return gain * SOURCES[source](i);
});

for (const { name, channels, expected } of cases) {
  test(`page and training agree: ${name}`, () => {
    const samples = channels.map(channelOf);
    const mono = downmix(samples, rate, MIX);
    assert.equal(mono.length, samples[0].length);
    for (let i = 0; i < mono.length; i += 1) {
      const [, taken] = expected.find(([until]) => i < until * rate) ?? expected[0];
      const sum = samples.reduce((total, channel) => Math.fround(total + channel[i]), 0);
      const wanted = taken === null ? Math.fround(sum / samples.length) : samples[taken][i];
      assert.ok(Math.abs(mono[i] - wanted) < 1e-7, `sample ${i}: ${mono[i]}, not ${wanted}`);
    }
    // Its own memory: the browser keeps the channels.
    assert.ok(samples.every(({ buffer }) => buffer !== mono.buffer));
  });
}

test('values that are not finite stay in the mean', () => {
  const left = new Float32Array(2 * rate).fill(1);
  left[5] = NaN;
  left[6] = Infinity;
  const mono = downmix([left, new Float32Array(2 * rate).fill(-1)], rate, MIX);
  assert.ok(Number.isNaN(mono[5]));
  assert.equal(mono[6], Infinity);
});
