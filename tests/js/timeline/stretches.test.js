import assert from 'node:assert/strict';
import test from 'node:test';

import { gaps, runs } from '../../../static/js/timeline/stretches.js';

const RATE = 22_050;
const EXCERPT_S = 30;

/**
 * How a song is cut into pieces.
 * @typedef {object} Spec
 * @property {number} hop samples from one frame to the next
 * @property {number} nFrames of a piece
 *
 * @typedef {{segments: {start: number, end: number}[],
 *   extraction: {pieces: [number, number][], skipped: number}, seconds: number}} Sounding
 */

/** @type {Record<string, Spec>} */
const SPECS = {
  'five seconds': { hop: 1711, nFrames: 64 },
  'three seconds': { hop: 512, nFrames: 130 },
  'half a minute': { hop: 1711, nFrames: 387 },
};
const PIECE_S = (64 * 1711) / RATE;

/**
 * A song as the timeline gets it. A song of more than 90 s loses its first 30 s. Each excerpt of 30 s
 * is cut into as many pieces as fit. An excerpt too short for a piece is left out, unless the song has
 * no other.
 * @param {number} seconds
 * @param {number[]} silent numbers of the pieces that hold no sound
 * @param {Spec} spec
 * @returns {Sounding}
 */
function sounding(seconds, silent = [], { hop, nFrames } = SPECS['five seconds']) {
  const length = Math.round(seconds * RATE);
  const skipped = length > 90 * RATE ? 30 * RATE : 0;
  /** @type {[number, number][]} */
  const pieces = [];
  for (let first = skipped; first < length; first += EXCERPT_S * RATE) {
    const excerpt = Math.min(EXCERPT_S * RATE, length - first);
    const count = Math.floor((1 + Math.floor(excerpt / hop)) / nFrames);
    for (let n = 0; n < count || !pieces.length; n += 1) {
      const start = first + n * hop * nFrames;
      pieces.push([start / RATE, Math.min(start + hop * nFrames, first + excerpt) / RATE]);
    }
  }
  return {
    // The server's answer, whose times are rounded.
    segments: pieces.filter((_, n) => !silent.includes(n))
      .map(([start, end]) => ({ start: Number(start.toFixed(3)), end: Number(end.toFixed(3)) })),
    extraction: { pieces, skipped: skipped / RATE },
    seconds: length / RATE,
  };
}

/** @param {Sounding} song */
const gapsOf = ({ segments, extraction, seconds }) => gaps(segments, extraction, seconds);

/** @param {number} found @param {number} expected @param {number} tolerance */
const near = (found, expected, tolerance) =>
  assert.ok(Math.abs(found - expected) <= tolerance, `${found} is not ${expected}`);

test('the songs of these tests are cut as the browser cuts them', () => {
  // tests/browser/test_timeline.py checks songs of the same lengths in the browser's Python.
  assert.deepEqual(sounding(2).extraction.pieces, [[0, 2]]);
  assert.equal(sounding(40).extraction.pieces.length, 8);
  assert.deepEqual(sounding(40).extraction.pieces[6], [30, 30 + PIECE_S]);
  assert.equal(sounding(100).extraction.pieces[0][0], 30);
  assert.equal(sounding(100).extraction.pieces.length, 6 + 6 + 2);
  assert.equal(sounding(40, [], SPECS['three seconds']).extraction.pieces.length, 9 + 3);
  assert.equal(sounding(100, [], SPECS['half a minute']).extraction.pieces.length, 2);
});

for (const [name, spec] of Object.entries(SPECS)) {
  test(`songs without silence have no stretch called silence, in pieces of ${name}`, () => {
    const whats = new Set();
    for (let tenth = 5; tenth < 3000; tenth += 3) {
      const song = sounding(tenth / 10, [], spec);
      const found = gapsOf(song);
      for (const { what } of found) whats.add(what);
      // Pieces and gaps make up the song, except for less than a second in each excerpt.
      const told = found.reduce((sum, { from, to }) => sum + to - from, 0);
      const heard = song.segments.reduce((sum, { start, end }) => sum + end - start, 0);
      const excerpts = 1 + song.seconds / EXCERPT_S;
      assert.ok(song.seconds - excerpts <= told + heard, String(tenth));
      assert.ok(told + heard <= song.seconds + 0.1, String(tenth));
    }
    // Pieces of three seconds leave a rest of each excerpt, which is a gap.
    const between = name === 'three seconds' ? ['left out'] : [];
    assert.deepEqual(whats, new Set(['intro, left out', 'end, left out', ...between]));
  });
}

test('silent pieces are called silence wherever they are', () => {
  // 60 s: two excerpts of six pieces
  /** @type {[number[], number, number][]} */
  const cases = [
    [[0], 0, PIECE_S],
    [[3], 3 * PIECE_S, 4 * PIECE_S],
    [[5], 5 * PIECE_S, 6 * PIECE_S],
    [[6], 30, 30 + PIECE_S],
    [[5, 6], 5 * PIECE_S, 30 + PIECE_S],
    [[10, 11], 30 + 4 * PIECE_S, 30 + 6 * PIECE_S],
  ];
  for (const [silent, start, end] of cases) {
    const found = gapsOf(sounding(60, silent));
    assert.deepEqual(found.map(({ what }) => what), ['silence']);
    near(found[0].from, start, 0.002);
    near(found[0].to, end, 0.002);
  }
});

test('silence before and after a piece with sound makes two stretches', () => {
  const found = gapsOf(sounding(60, [2, 4]));
  assert.deepEqual(found.map(({ what }) => what), ['silence', 'silence']);
  near(found[1].from, 4 * PIECE_S, 0.002);
});

test('a silent piece and the end after it are two stretches', () => {
  // 80 s: two pieces, the second one silent, and 20 s that are too short for a third
  const found = gapsOf(sounding(80, [1], SPECS['half a minute']));
  assert.deepEqual(found.map(({ what }) => what), ['silence', 'end, left out']);
  [30, 60, 60, 80].forEach((time, n) => near(found.flatMap(({ from, to }) => [from, to])[n], time, 0.05));
});

test('a silent song is one stretch of silence after its intro', () => {
  const song = sounding(120, Array.from({ length: 18 }, (_, n) => n));
  assert.deepEqual(gapsOf(song), [
    { from: 0, to: 30, what: 'intro, left out' },
    { from: 30, to: 90 + 6 * PIECE_S, what: 'silence' },
  ]);
});

test('a gap of up to a second is left out, a longer one is not', () => {
  const extraction = { pieces: /** @type {[number, number][]} */ ([[0, 5], [6, 11]]), skipped: 0 };
  assert.deepEqual(gaps([{ start: 0 }, { start: 6 }], extraction, 12), []);
  extraction.pieces[1] = [6.001, 11];
  assert.deepEqual(gaps([{ start: 0 }, { start: 6.001 }], extraction, 12.001), [
    { from: 5, to: 6.001, what: 'left out' }, { from: 11, to: 12.001, what: 'end, left out' },
  ]);
});

test('neighbouring pieces with the same winner are one stretch', () => {
  /** @param {string} genre @param {number} start @param {number} end */
  const piece = (genre, start, end) => ({ genre, start, end, probabilities: [] });
  assert.deepEqual(runs([]), []);
  assert.deepEqual(
    runs([
      piece('rock', 0, 5), piece('rock', 5.9, 10), piece('blues', 10, 15), piece('rock', 15, 20),
      // A gap of a second begins another stretch.
      piece('rock', 21, 26),
    ]),
    [
      { genre: 'rock', from: 0, to: 10 }, { genre: 'blues', from: 10, to: 15 },
      { genre: 'rock', from: 15, to: 20 }, { genre: 'rock', from: 21, to: 26 },
    ],
  );
});
