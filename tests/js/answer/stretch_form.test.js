import assert from 'node:assert/strict';
import test from 'node:test';

import { parseClock } from '../../../static/js/answer/stretch_form.js';
import { clock } from '../../../static/js/base/format.js';

test('times are written with or without minutes and hours', () => {
  assert.equal(parseClock('1:05'), 65);
  assert.equal(parseClock('1:02:09'), 3729);
  assert.equal(parseClock('65.5'), 65.5);
  assert.equal(parseClock('0'), 0);
  assert.equal(parseClock('90'), 90);
  assert.equal(parseClock('007'), 7);
  assert.equal(parseClock('1:75'), 135);
});

test('blanks around a time and a decimal comma are accepted', () => {
  assert.equal(parseClock('  2:30\n'), 150);
  assert.equal(parseClock('0:01,25'), 1.25);
});

test('any other text is refused as a time', () => {
  const texts = [
    '', ' ', ':', '1:', ':30', '1::2', '1:2:3:4', '-1', '+1', '1:-5', '1e3', '0x10', '1.2.3', '.5', '5.',
    '1 : 05', '1m30', 'NaN', 'Infinity', '١', '1;30',
  ];
  for (const text of texts) assert.equal(parseClock(text), null, text);
});

test('times that the page writes can be read back', () => {
  for (const seconds of [0, 1, 59, 60, 185, 3599, 3600, 3729, 36_061]) {
    assert.equal(parseClock(clock(seconds)), seconds);
  }
});
