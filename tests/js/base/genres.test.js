import assert from 'node:assert/strict';
import test from 'node:test';

import { WORDS, colourClasses, genreName, ranking } from '../../../static/js/base/genres.js';
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

test('a genre has the colour of its word in every version', () => {
  assert.deepEqual(colourClasses(['blues', 'rock', 'electronic']), ['g-blues', 'g-rock', 'g-electronic']);
  assert.deepEqual(colourClasses(['rock', 'blues']), ['g-rock', 'g-blues']);
  assert.deepEqual(colourClasses(['Hip-Hop', 'hip hop', 'Hip_Hop', 'Rock']), ['g-hiphop', 'g-hiphop', 'g-hiphop', 'g-rock']);
});

test('other words take the colours again, with a mark, and keep them', () => {
  const own = Array.from({ length: 2 * WORDS.length }, (_, n) => `own ${n}`);
  const [first, second] = [own.slice(0, WORDS.length), own.slice(WORDS.length)];
  assert.deepEqual(colourClasses(['rock', ...first]), ['g-rock', ...WORDS.map((word) => `g-${word} striped`)]);
  assert.deepEqual(colourClasses(own), [...WORDS.map((word) => `g-${word} striped`), ...WORDS.map((word) => `g-${word} dotted`)]);
  // one that goes, or one more, repaints no other
  assert.deepEqual(colourClasses(second.slice(1)), WORDS.slice(1).map((word) => `g-${word} dotted`));
  // every object has such properties
  assert.deepEqual(colourClasses(['constructor', 'constructor']), ['g-blues striped', 'g-blues striped']);
});

test('genre names with a translation are translated, and others stay as they are', () => {
  // Every object inherits properties with the last two names.
  const others = ['metal', 'Çiftetelli', '', 'constructor', 'toString'];
  assert.deepEqual(['classical', 'hiphop', ...others].map(genreName), ['classical', 'hiphop', ...others]);
  speakAs(frenchWords());
  assert.deepEqual(['classical', 'hiphop', ...others].map(genreName), ['classique', 'hip-hop', ...others]);
});
