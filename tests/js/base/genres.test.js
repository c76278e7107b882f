import assert from 'node:assert/strict';
import test from 'node:test';

import { colourClass, genreName, ranking } from '../../../static/js/base/genres.js';
import { speakAs } from '../../../static/js/base/text.js';
import { frenchWords } from '../french.js';

test('the ranking goes from the most probable genre to the least', () => {
  assert.deepEqual(ranking([0.2, 0.5, 0.3]), [1, 2, 0]);
  assert.deepEqual(ranking([]), []);
});

test('genres that are equally probable keep their order', () => {
  assert.deepEqual(ranking([0.25, 0.25, 0.4, 0.1]), [2, 0, 1, 3]);
});

test('ranking does not change the probabilities', () => {
  const probabilities = Object.freeze([0.1, 0.9]);
  assert.deepEqual(ranking(/** @type {number[]} */ (probabilities)), [1, 0]);
});

test('genres share colours if there are more genres than colours', () => {
  assert.deepEqual([0, 9, 10, 25].map(colourClass), ['g0', 'g9', 'g0', 'g5']);
});

test('genre names with a translation are translated, and others stay as they are', () => {
  // Every object inherits properties with the last two names.
  const others = ['metal', 'Çiftetelli', '', 'constructor', 'toString'];
  assert.deepEqual(['classical', 'hiphop', ...others].map(genreName), ['classical', 'hiphop', ...others]);
  speakAs(frenchWords());
  assert.deepEqual(['classical', 'hiphop', ...others].map(genreName), ['classique', 'hip-hop', ...others]);
});
