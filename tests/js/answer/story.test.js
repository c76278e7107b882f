import assert from 'node:assert/strict';
import test from 'node:test';

import { story } from '../../../static/js/answer/story.js';
import { makePrediction } from '../made.js';

/** Initials of the winner of each piece of 5 s, probabilities of the song, and the expected sentence.
 * @type {[string, number[], string][]} */
const COURSES = [
  ['r', [0, 0, 1], ''],
  ['rrrr', [0.05, 0.05, 0.9], 'Rock from beginning to end'],
  ['rrrr', [0.2, 0.05, 0.75], 'Rock from beginning to end, with a touch of blues'],
  ['bbbb' + 'r'.repeat(20), [0.2, 0, 0.8], 'Mostly rock, with blues in the first minute'],
  ['r'.repeat(20) + 'bbbb', [0.2, 0, 0.8], 'Mostly rock, with blues at the end'],
  ['r'.repeat(20) + 'bbbb' + 'r'.repeat(9), [0.1, 0, 0.9], 'Mostly rock, with blues from 1:40 to 2:00'],
  ['b'.repeat(16) + 'r'.repeat(30), [0.3, 0, 0.7], 'Mostly rock, with blues until 1:20'],
  ['rbrprbrrr', [0.2, 0.15, 0.65], 'Mostly rock, with a touch of blues and pop'],
  ['rbrb', [0.1, 0, 0.9], 'A mix, rock more than anything else'],
  ['r'.repeat(30) + 'b'.repeat(15), [0.4, 0, 0.6], 'Mostly rock, with blues from 2:30 on'],
  ['r'.repeat(20) + 'bbb' + 'r', [0.1, 0, 0.9], 'Mostly rock, with blues from 1:40 to 1:55'],
  ['r'.repeat(11) + 'bbb' + 'r', [0.1, 0, 0.9], 'Mostly rock, with blues from 0:55 to 1:10'],
  ['r'.repeat(10) + 'b'.repeat(30), [0.4, 0, 0.6], ''],
  ['bbpp', [0.3, 0.3, 0.4], ''],
  ['bp', [0.3, 0.3, 0.4], ''],
  ['rrrbbbppp', [0.3, 0.3, 0.4],
    'More rock than anything else, with blues in the first minute and pop at the end'],
  // Two pieces in a row are too short to be mentioned, three are a part.
  ['rrrrbbrr', [0.1, 0, 0.9], 'Mostly rock'],
  ['rrrrbbbrr', [0.1, 0, 0.9], 'Mostly rock, with blues in the first minute'],
  // The sentence names the longer of two parts of a genre, and the first of two equal ones.
  ['rbbb' + 'r'.repeat(20) + 'bbbb' + 'rr', [0.1, 0, 0.9], 'Mostly rock, with blues from 2:00 to 2:20'],
  ['bbb' + 'r'.repeat(20) + 'bbb' + 'rr', [0.1, 0, 0.9], 'Mostly rock, with blues in the first minute'],
  ['bbbb' + 'r'.repeat(20) + 'bbb' + 'rr', [0.1, 0, 0.9], 'Mostly rock, with blues in the first minute'],
  // A part of up to 70 s at the start or end still counts as the first minute or as the end.
  ['b'.repeat(14) + 'r'.repeat(30), [0.1, 0, 0.9], 'Mostly rock, with blues in the first minute'],
  ['b'.repeat(15) + 'r'.repeat(30), [0.1, 0, 0.9], 'Mostly rock, with blues until 1:15'],
  ['r'.repeat(30) + 'b'.repeat(14), [0.1, 0, 0.9], 'Mostly rock, with blues at the end'],
  ['r' + 'b'.repeat(16) + 'r'.repeat(30), [0.1, 0, 0.9], 'Mostly rock, with blues from 0:05 to 1:25'],
  // A genre without a part is "a touch" from a probability of 0.15 on.
  ['rrrr', [0.1499, 0, 0.8501], 'Rock from beginning to end'],
  ['rrrr', [0.15, 0, 0.85], 'Rock from beginning to end, with a touch of blues'],
  // "Mostly" needs six of ten pieces, so three of five are enough.
  ['rrrbb', [0.1, 0, 0.9], 'Mostly rock'],
  ['rrrrrbbbbpp', [0.1, 0, 0.9], 'More rock than anything else, with blues in the first minute'],
  // Two genres may win the same number of pieces.
  ['rrrbbb', [0.4, 0, 0.6], 'More rock than anything else, with blues at the end'],
  ['rr', [0, 0, 1], 'Rock from beginning to end'],
  ['', [0, 0, 1], ''],
];

for (const [pieces, probabilities, expected] of COURSES) {
  test(`${pieces || 'no piece'} at ${probabilities.join(', ')}: ${expected || 'no sentence'}`, () => {
    assert.equal(story(makePrediction(pieces, probabilities)), expected);
  });
}

/**
 * An answer with four genres, one more than GENRES.
 * @param {string[]} won
 * @param {number[]} probabilities
 */
function ofFour(won, probabilities) {
  const genres = ['blues', 'jazz', 'pop', 'rock'];
  return {
    version: 'v1',
    genres,
    segments: won.map((genre, n) => ({ start: 5 * n, end: 5 * n + 5, genre, probabilities })),
    aggregate: {
      genre: 'rock', probabilities, unfamiliar: null,
      votes: Object.fromEntries(genres.map((name) => [name, won.filter((each) => each === name).length])),
    },
  };
}

test('the sentence names at most two other genres, the more probable ones', () => {
  const thrice = (/** @type {string} */ genre) => [genre, genre, genre];
  const parts = ['rock', ...['rock', 'blues', 'jazz', 'pop'].flatMap(thrice)];
  assert.equal(story(ofFour(parts, [0.1, 0.2, 0.3, 0.4])),
    'More rock than anything else, with pop at the end and jazz from 0:35 to 0:50');
  // A part and a touch count as two genres, too.
  const part = [...thrice('rock'), ...thrice('pop'), 'rock'];
  assert.equal(story(ofFour(part, [0.16, 0.2, 0.3, 0.34])),
    'More rock than anything else, with pop in the first minute and a touch of jazz');
});
