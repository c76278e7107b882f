import assert from 'node:assert/strict';
import test from 'node:test';

import { speakAs } from '../../../static/js/base/text.js';
import { frenchWords } from '../french.js';

// The formats take the language that is set when the module is imported.
speakAs(frenchWords());
const { decimal, duration, integer, percent, size } = await import('../../../static/js/base/format.js');

/** The text with plain blanks instead of no-break ones. @param {string} text */
const plain = (text) => text.replace(/[\u202f\u00a0]/g, ' ');

test('sizes and times are written as French readers write them', () => {
  assert.deepEqual(
    [size(1), size(999), size(1000), size(9960), size(4_849_000), size(999_600), size(12e9),
      duration(456), duration(12_345), percent(0.62), percent(0.001)].map(plain),
    ['1 octet', '999 octets', '1,0 ko', '10,0 ko', '4,8 Mo', '1,0 Mo', '12 Go',
      '0,46 s', '12 s', '62 %', '<1 %'],
  );
});

test('zero takes the singular in French', () => {
  assert.equal(plain(size(0)), '0 octet');
});

test('numbers have the separators of the language', () => {
  assert.equal(plain(integer(122_880)), '122 880');
  assert.equal(plain(decimal(1234.56, 1)), '1 234,6');
});

test('blanks within a number or before a unit are no-break ones', () => {
  for (const text of [size(1), size(4_849_000), duration(456), percent(0.62), integer(122_880)]) {
    assert.doesNotMatch(text, / /);
  }
});
