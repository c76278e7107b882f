import assert from 'node:assert/strict';
import test from 'node:test';

import { clock, decimal, duration, integer, percent, size } from '../../../static/js/base/format.js';

test('sizes and times are written as English readers write them', () => {
  assert.deepEqual(
    [size(1), size(999), size(1000), size(9960), size(4_849_000), size(999_600), size(12e9),
      duration(456), duration(12_345), percent(0.62), percent(0.001)],
    ['1 byte', '999 bytes', '1.0 kB', '10.0 kB', '4.8 MB', '1.0 MB', '12 GB',
      '0.46 s', '12 s', '62%', '<1%'],
  );
});

test('a size takes the next unit before it would need a fourth digit', () => {
  assert.deepEqual([size(0), size(999_499), size(999_500)], ['0 bytes', '999 kB', '1.0 MB']);
  assert.deepEqual([size(999_499_999), size(999_500_000)], ['999 MB', '1.0 GB']);
  assert.equal(size(2.5e12), '2,500 GB');
});

test('a time below 10 s has two decimals', () => {
  assert.deepEqual([duration(0), duration(9994), duration(9995)], ['0.00 s', '9.99 s', '10 s']);
});

test('only a share of exactly 0 or 1 is written as 0% or 100%', () => {
  const shares = [0, 1e-9, 0.00499, 0.005, 0.5, 0.99499, 0.995, 1 - 1e-9, 1];
  assert.deepEqual(shares.map(percent), ['0%', '<1%', '<1%', '1%', '50%', '99%', '>99%', '>99%', '100%']);
});

test('a clock shows whole seconds, rounded down', () => {
  const times = [-3, 0, 59.999, 60, 185, 3599.9, 3600, 3729, 36_000];
  assert.deepEqual(times.map(clock), [
    '0:00', '0:00', '0:59', '1:00', '3:05', '59:59', '1:00:00', '1:02:09', '10:00:00',
  ]);
});

test('numbers have the separators of the language', () => {
  assert.equal(integer(122_880), '122,880');
  assert.deepEqual([decimal(0.5, 2), decimal(1234.56, 1), decimal(2, 0)], ['0.50', '1,234.6', '2']);
});
