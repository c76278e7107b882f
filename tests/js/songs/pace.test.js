import assert from 'node:assert/strict';
import test from 'node:test';

import { Pace } from '../../../static/js/songs/pace.js';

const MB = 1_000_000;
const HOUR_MS = 3_600_000;

/**
 * A pace, and the clock that it reads.
 * @param {import('node:test').TestContext} t
 */
function timed(t) {
  const clock = { now: 5000 };
  t.mock.method(performance, 'now', () => clock.now);
  return { pace: new Pace(), clock };
}

/**
 * The words about the time left after each song; a pause of an hour follows each song.
 * @param {import('node:test').TestContext} t
 * @param {number[]} songs milliseconds that each takes
 * @param {number} left bytes that are still to do after each
 */
function said(t, songs, left) {
  const { pace, clock } = timed(t);
  return songs.map((ms) => {
    pace.run(true);
    clock.now += ms;
    pace.finish(MB);
    pace.run(false);
    clock.now += HOUR_MS;
    return pace.left(left);
  });
}

test('the time left follows from the time of work, without pauses', (t) => {
  assert.deepEqual(said(t, [1000, 1000, 1000, 1000], 180 * MB), [
    '', '', 'about 3 minutes left', 'about 3 minutes left',
  ]);
});

test('a time of about a minute or less is given in words', (t) => {
  const last = (/** @type {number} */ left) => said(t, [1000, 1000, 1000], left * MB).at(-1);
  assert.equal(last(10), 'less than a minute left');
  assert.equal(last(49.9), 'less than a minute left');
  assert.equal(last(50), 'about a minute left');
  assert.equal(last(60), 'about a minute left');
  assert.equal(last(89), 'about a minute left');
  assert.equal(last(90), 'about 2 minutes left');
  assert.equal(last(0), '');
});

test('there is no estimate before 1.5 seconds of work', (t) => {
  assert.deepEqual(said(t, [500, 500, 499, 1], 180 * MB), [
    '', '', '', 'about a minute left',
  ]);
});

test('large songs weigh more than small ones', (t) => {
  const { pace, clock } = timed(t);
  pace.run(true);
  clock.now += 6000;
  for (const bytes of [MB, MB, 10 * MB]) pace.finish(bytes);
  // 12 MB took 6 s, so 240 MB take two minutes.
  assert.equal(pace.left(240 * MB), 'about 2 minutes left');
});

test('work that goes on counts, and run() twice with the same value changes nothing', (t) => {
  const { pace, clock } = timed(t);
  pace.run(true);
  for (let n = 0; n < 3; n += 1) pace.finish(MB);
  assert.equal(pace.left(180 * MB), '');
  clock.now += 3000;
  pace.run(true);
  assert.equal(pace.left(180 * MB), 'about 3 minutes left');
  clock.now += 3000;
  assert.equal(pace.left(180 * MB), 'about 6 minutes left');
  pace.run(false);
  pace.run(false);
  clock.now += HOUR_MS;
  assert.equal(pace.left(180 * MB), 'about 6 minutes left');
});
