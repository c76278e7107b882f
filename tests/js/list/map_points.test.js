import assert from 'node:assert/strict';
import test from 'node:test';

import { DIRECTIONS, boxOf, fit, hit, inBox, next } from '../../../static/js/list/map_points.js';

const { ArrowRight, ArrowLeft, ArrowDown, ArrowUp } = DIRECTIONS;

/** @param {number} seed @returns {() => number} evenly between 0 and 1 */
function random(seed) {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** @param {number[]} values */
const spots = (...values) => Float32Array.from(values);

/** @param {number} n @param {number} seed */
function scattered(n, seed) {
  const draw = random(seed);
  return Float32Array.from({ length: 2 * n }, () => 500 * draw());
}

test('points fill the picture within its margin, with one scale and what is up above', () => {
  const found = fit([-2, 0, 2, 0, 0, 1, 0, -1], 440, 300, 20);
  assert.deepEqual([...found], [20, 150, 420, 150, 220, 50, 220, 250]);
  // A narrow picture: the height gives way.
  assert.deepEqual([...fit([0, 0, 1, 2], 1000, 100, 10)], [480, 90, 520, 10]);
});

test('points in one place stand in the middle, those on one line along it', () => {
  assert.deepEqual([...fit([3, 4, 3, 4], 200, 100, 10)], [100, 50, 100, 50]);
  assert.deepEqual([...fit([0, 5, 1, 5], 200, 100, 10)], [10, 50, 190, 50]);
  assert.deepEqual([...fit([], 200, 100, 10)], []);
  assert.deepEqual([...fit([1, 1], 200, 100, 10)], [100, 50]);
});

test('a picture without room keeps finite places', () => {
  assert.ok(fit([0, 0, 1, 1], 0, 0, 20).every(Number.isFinite));
});

test('the nearest point within the radius is hit, of copies that on top', () => {
  const all = spots(10, 10, 20, 10, 50, 50, 50, 50);
  assert.equal(hit(all, 14, 10, 12), 0);
  assert.equal(hit(all, 16, 10, 12), 1);
  assert.equal(hit(all, 51, 52, 12), 3);
  assert.equal(hit(all, 100, 100, 12), -1);
  assert.equal(hit(all, 10, 22, 12), 0);
  assert.equal(hit(all, 10, 22.5, 12), -1);
  assert.equal(hit(spots(), 0, 0, 12), -1);
});

test('arrow keys go to the nearest point within a right angle around their direction', () => {
  const all = spots(0, 0, 10, 2, 3, 40, 30, 0, -5, -1, 0, -8);
  assert.equal(next(all, 0, ArrowRight), 1);
  assert.equal(next(all, 1, ArrowRight), 3);
  assert.equal(next(all, 0, ArrowDown), 2);
  assert.equal(next(all, 0, ArrowLeft), 4);
  assert.equal(next(all, 0, ArrowUp), 5);
});

test('without a point within the angle, the nearest one on that side is next', () => {
  const all = spots(0, 0, 5, 40, 4, -30);
  assert.equal(next(all, 0, ArrowRight), 2);
  assert.equal(next(all, 0, ArrowLeft), 0);
});

test('at the edge arrow keys stay', () => {
  const all = spots(0, 0, 10, 0);
  assert.equal(next(all, 1, ArrowRight), 1);
  assert.equal(next(all, 1, ArrowDown), 1);
  assert.equal(next(spots(5, 5), 0, ArrowLeft), 0);
});

test('copies are passed one after the other, and back', () => {
  const all = spots(50, 0, 0, 0, 50, 0, 90, 0, 50, 0);
  const right = [1];
  while (right.length < 5) right.push(next(all, right[right.length - 1], ArrowRight));
  assert.deepEqual(right, [1, 0, 2, 4, 3]);
  const left = [3];
  while (left.length < 5) left.push(next(all, left[left.length - 1], ArrowLeft));
  assert.deepEqual(left, [3, 4, 2, 0, 1]);
});

test('arrow keys reach every point from every other', () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const n = 5 * seed;
    const all = scattered(n, seed);
    // Some copies, and some in rows.
    for (let i = 0; i < n / 5; i += 1) all.copyWithin(4 * i + 2, 4 * i, 4 * i + 2);
    if (seed % 2) all.forEach((value, i) => { all[i] = Math.round(value / 50) * 50; });
    const ways = Array.from({ length: n }, (_, i) => Object.values(DIRECTIONS).map((each) => next(all, i, each)));
    for (let from = 0; from < n; from += 1) {
      const reached = new Set([from]);
      for (const point of reached) for (const to of ways[point]) reached.add(to);
      assert.equal(reached.size, n, `seed ${seed}, from ${from}`);
    }
  }
});

test('a box holds the points in it and on its edge, in whatever direction it was drawn', () => {
  const all = spots(0, 0, 10, 10, 20, 20, 30, 5);
  for (const box of [boxOf(10, 10, 30, 20), boxOf(30, 20, 10, 10), boxOf(10, 20, 30, 10)]) {
    assert.deepEqual(inBox(all, box), [1, 2]);
  }
  assert.deepEqual(inBox(all, boxOf(-1, -1, 100, 100)), [0, 1, 2, 3]);
  assert.deepEqual(inBox(all, boxOf(11, 11, 19, 19)), []);
});

test('hitting and going on are fast with 2,000 points', () => {
  const all = scattered(2000, 7);
  const start = performance.now();
  for (let i = 0; i < 1000; i += 1) {
    hit(all, i / 2, i / 2, 12);
    next(all, i, ArrowLeft);
  }
  // A sixteenth of a frame each, on a busy computer.
  assert.ok(performance.now() - start < 2000);
});
