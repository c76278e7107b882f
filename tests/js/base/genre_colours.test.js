import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { WORDS } from '../../../static/js/base/genres.js';
import { SIGHTS, contrast, difference, seen } from '../vision.js';

// Differences of CIEDE2000: 1 is just noticeable.
const LEAST_DIFFERENCE = 8.5;
// WCAG 2.2, 1.4.11: of what a picture is read by.
const LEAST_CONTRAST = 3;

/** @param {string} name of a style sheet @returns {string[]} its rules in the light, and in the dark */
const sheet = (name) => readFileSync(new URL(`../../../static/css/${name}`, import.meta.url), 'utf8')
  .split('@media screen and (prefers-color-scheme: dark)');

/** @param {string} rules @param {RegExp} pattern of a name and its colour @returns {Map<string, string>} */
const colours = (rules, pattern) =>
  new Map([...rules.matchAll(pattern)].map(([, name, colour]) => /** @type {const} */ ([name, colour])));

const genres = sheet('genres.css').map((rules) => colours(rules, /\.g-(\w+) \{ --genre: (#[0-9a-f]{6}); \}/g));
const tokens = sheet('tokens.css').map((rules) => colours(rules, /--([\w-]+): (#[0-9a-f]{6});/g));

test('CIEDE2000 is right for pairs that Sharma, Wu and Dalal give', () => {
  /** @type {[import('../vision.js').Triple, import('../vision.js').Triple, number][]} */
  const pairs = [
    [[50, 2.6772, -79.7751], [50, 0, -82.7485], 2.0425],
    [[50, -1, 2], [50, 0, 0], 2.3669],
    [[50, 2.49, -0.001], [50, -2.49, 0.0011], 7.2195],
    [[60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644],
    [[22.7233, 20.0904, -46.694], [23.0331, 14.973, -42.5619], 2.0373],
    [[2.0776, 0.0795, -1.135], [0.9033, -0.0636, -0.5514], 0.9082],
  ];
  for (const [a, b, expected] of pairs) assert.ok(Math.abs(difference(a, b) - expected) < 5e-5, String(expected));
});

test('black on white has the greatest contrast', () => {
  assert.ok(Math.abs(contrast('#000000', '#ffffff') - 21) < 1e-3);
});

for (const [i, theme] of ['light', 'dark'].entries()) {
  test(`every word has its colour (${theme})`, () => {
    assert.deepEqual([...genres[i].keys()], WORDS);
    assert.equal(new Set(genres[i].values()).size, WORDS.length);
  });

  for (const sight of Object.keys(SIGHTS)) {
    test(`colours of genres are apart (${theme}, ${sight})`, () => {
      for (const [at, one] of WORDS.entries()) {
        for (const other of WORDS.slice(0, at)) {
          const [a, b] = [one, other].map((word) => seen(genres[i].get(word) ?? '', sight));
          const apart = difference(a, b);
          assert.ok(apart >= LEAST_DIFFERENCE, `${one} and ${other}: ${apart.toFixed(1)}`);
        }
      }
    });
  }

  test(`colours of genres stand out from what they lie on (${theme})`, () => {
    const grounds = ['surface', 'paper', 'sunken'].map((name) => tokens[i].get(name) ?? '');
    for (const ground of theme === 'light' ? [...grounds, '#ffffff'] : grounds) {
      for (const [word, colour] of genres[i]) {
        const found = contrast(colour, ground);
        assert.ok(found >= LEAST_CONTRAST, `${word} on ${ground}: ${found.toFixed(2)}`);
      }
    }
  });
}
