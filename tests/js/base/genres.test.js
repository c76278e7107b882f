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

test('ranking leaves the probabilities alone', () => {
  const probabilities = Object.freeze([0.1, 0.9]);
  assert.deepEqual(ranking(/** @type {number[]} */ (probabilities)), [1, 0]);
});

test('more genres than colours share them', () => {
  assert.deepEqual([0, 9, 10, 25].map(colourClass), ['g0', 'g9', 'g0', 'g5']);
});

test('names of genres are translated where they differ, and stand as they are otherwise', () => {
  // Every object has properties with the last two names.
  const others = ['metal', 'Çiftetelli', '', 'constructor', 'toString'];
  assert.deepEqual(['classical', 'hiphop', ...others].map(genreName), ['classical', 'hiphop', ...others]);
  speakAs(frenchWords());
  assert.deepEqual(['classical', 'hiphop', ...others].map(genreName), ['classique', 'hip-hop', ...others]);
});
