import assert from 'node:assert/strict';
import test from 'node:test';

import { PEAKS_PER_S, Peaks, peaksOf } from '../../../static/js/sound/peaks.js';

/** Noise that is the same in every run. @param {number} length */
function noise(length) {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (state * 16_807) % 2_147_483_647;
    return (state / 2_147_483_647) * 2 - 1;
  });
}

/** The outline by its definition. @param {Float32Array} samples @param {number} rate in Hz */
function byDefinition(samples, rate) {
  const loudest = new Uint8Array(Math.ceil((samples.length * 20) / rate));
  samples.forEach((sample, n) => {
    const peak = Math.floor((n * 20) / rate);
    loudest[peak] = Math.max(loudest[peak], Math.min(255, Math.ceil(Math.abs(sample) * 255)));
  });
  return loudest;
}

test('each value is the loudest sample of a twentieth of a second', () => {
  assert.equal(PEAKS_PER_S, 20);
  // Four samples a value: a quarter is 63.75 of 255, and the softest sound is 1, not silence.
  const samples = Float32Array.of(0, 0.25, -0.5, 0.1, 0, 0, 0, 0, -1, 0, 0, 0, 1e-6, 0, 0, 0, 0.25);
  assert.deepEqual(peaksOf(samples, 80), Uint8Array.of(128, 0, 255, 1, 64));
});

test('samples beyond full scale are clipped', () => {
  assert.deepEqual(peaksOf(Float32Array.of(1.5, -7), 20), Uint8Array.of(255, 255));
});

test('values do not drift, also at sample rates that are no multiple of twenty', () => {
  for (const rate of [11_025, 22_050, 44_100, 48_000, 8001]) {
    const samples = noise(Math.round(2.34 * rate));
    assert.deepEqual(peaksOf(samples, rate), byDefinition(samples, rate), String(rate));
  }
});

test('a sound that comes in chunks has the same outline as the whole', () => {
  const samples = noise(50_000);
  for (const length of [1, 441, 1102, 1103, 7000, 49_999]) {
    const peaks = new Peaks(22_050, samples.length / 22_050);
    for (let from = 0; from < samples.length; from += length) {
      peaks.push(samples.subarray(from, from + length));
      peaks.push(new Float32Array());
    }
    assert.deepEqual(peaks.values, byDefinition(samples, 22_050), String(length));
  }
});

test('the outline so far is as long as the sound so far', () => {
  const peaks = new Peaks(100, 60);
  assert.deepEqual(peaks.values, new Uint8Array());
  peaks.push(Float32Array.of(1, 0, 0, 0, 0));
  assert.deepEqual(peaks.values, Uint8Array.of(255));
  peaks.push(Float32Array.of(0));
  assert.deepEqual(peaks.values, Uint8Array.of(255, 0));
  const before = peaks.values;
  peaks.push(Float32Array.of(1));
  // Values that were read before do not change.
  assert.deepEqual(before, Uint8Array.of(255, 0));
  assert.deepEqual(peaks.values, Uint8Array.of(255, 255));
});

test('a sound longer than announced loses only its end', () => {
  const peaks = new Peaks(100, 0.1);
  peaks.push(new Float32Array(100).fill(0.5));
  assert.deepEqual(peaks.values, Uint8Array.of(128, 128, 128));
  assert.deepEqual(peaksOf(new Float32Array(), 22_050), new Uint8Array());
});
