import assert from 'node:assert/strict';
import test from 'node:test';

import { speakAs, t, tn, words } from '../../../static/js/base/text.js';

test('without a page, texts are English', () => {
  assert.equal(words.language, 'en');
  assert.equal(t('silence'), 'silence');
});

test('values replace their names wherever they stand', () => {
  assert.equal(t('{a} to {b}, {a} again', { a: 1, b: 'two' }), '1 to two, 1 again');
  assert.equal(t('{a} and {b}', { a: 0 }), '0 and {b}');
  // Names within a value are not replaced.
  assert.equal(t('{a} {b}', { a: '{b}', b: 'x' }), '{b} x');
});

test('a count selects singular or plural by the rules of the language', () => {
  /** @param {number} n */
  const bytes = (n) => tn('{n} byte', '{n} bytes', n, { n });
  assert.deepEqual([0, 1, 2, 21].map(bytes), ['0 bytes', '1 byte', '2 bytes', '21 bytes']);
  speakAs({ language: 'fr', texts: { '{n} byte': ['{n} octet', '{n} octets'] } });
  assert.deepEqual([0, 1, 1.5, 2].map(bytes), ['0 octet', '1 octet', '1.5 octet', '2 octets']);
});

test('texts are in the chosen language, or in English if they have no translation', () => {
  speakAs({ language: 'fr', texts: { '{n} left out': '{n} de côté' } });
  assert.equal(words.language, 'fr');
  assert.equal(t('{n} left out', { n: 3 }), '3 de côté');
  assert.equal(t('silence'), 'silence');
  assert.equal(tn('{n} song', '{n} songs', 2, { n: 2 }), '2 songs');
  // Every object inherits a property of this name.
  assert.equal(t('constructor'), 'constructor');
});
