import assert from 'node:assert/strict';
import test from 'node:test';

import { UserError } from '../../../static/js/base/errors.js';
import { cut } from '../../../static/js/sound/cut.js';

const RATE = 10;
/** Samples whose values are their positions. @param {number} from @param {number} to */
const places = (from, to) => Float32Array.from({ length: to - from }, (_, n) => from + n);
const OUTSIDE = 'The file has no sound between these two times.';

/** @typedef {{from: number, to: number | null}} Damage */

/**
 * A sound that comes in chunks.
 * @param {number[]} ends of the chunks, in samples
 * @param {Damage[]} [damage] which each chunk reports, also damage that comes later
 */
function streamOf(ends, damage = []) {
  let number = 0;
  return {
    closed: 0,
    taken: () => number,
    async next() {
      const from = number ? ends[number - 1] : 0;
      const to = ends[number];
      number += 1;
      return { samples: places(from, to), seconds: to / RATE, last: number === ends.length, damage };
    },
    close() {
      this.closed += 1;
    },
  };
}

/**
 * All chunks of a stretch of a stream.
 * @param {ReturnType<typeof streamOf>} stream
 * @param {number} from
 * @param {number} to
 */
async function chunksOf(stream, from, to) {
  const found = cut({ stream, seconds: 99 }, RATE, { from, to });
  assert.ok(found.stream);
  assert.equal(found.seconds, to - from);
  const chunks = [];
  do chunks.push(await found.stream.next()); while (!chunks[chunks.length - 1].last);
  return chunks;
}

test('a whole sound is cut to the samples between two times', () => {
  const samples = places(0, 100);
  assert.deepEqual(cut({ samples, seconds: 10 }, RATE, { from: 2, to: 4.5 }), {
    samples: places(20, 45), seconds: 2.5,
  });
  // Times are rounded to the nearest sample.
  assert.deepEqual(cut({ samples, seconds: 10 }, RATE, { from: 0.06, to: 0.27 }).samples, places(1, 3));
  // A stretch beyond the end goes up to the end.
  assert.deepEqual(cut({ samples, seconds: 10 }, RATE, { from: 9.5, to: 20 }), {
    samples: places(95, 100), seconds: 0.5,
  });
});

test('the stretch of a whole sound has its own memory', () => {
  const samples = places(0, 100);
  const stretch = cut({ samples, seconds: 10 }, RATE, { from: 0, to: 10 }).samples;
  assert.notEqual(stretch?.buffer, samples.buffer);
  assert.equal(stretch?.buffer.byteLength, 400);
});

test('a stretch after the end is refused, and cannot be tried again', () => {
  for (const [from, to] of [[10, 12], [30, 40], [3, 3]]) {
    assert.throws(() => cut({ samples: places(0, 100), seconds: 10 }, RATE, { from, to }), (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.message, OUTSIDE);
      assert.equal(error.retryable, false);
      return true;
    });
  }
});

test('a stream is cut to the same samples, with times from the start of the stretch', async () => {
  const chunks = await chunksOf(streamOf([30, 60, 90, 120]), 4.5, 8);
  assert.deepEqual(chunks, [
    { samples: places(45, 60), seconds: 1.5, last: false, damage: [] },
    { samples: places(60, 80), seconds: 3.5, last: true, damage: [] },
  ]);
});

test('times in a stream are rounded to the nearest sample, too', async () => {
  const chunks = await chunksOf(streamOf([30, 60]), 0.06, 0.27);
  assert.deepEqual(chunks.map(({ samples }) => samples), [places(1, 3)]);
});

test('a stretch within one chunk is one chunk, and no later chunk is decoded', async () => {
  const stream = streamOf([30, 60, 90]);
  assert.deepEqual(await chunksOf(stream, 3.5, 5), [
    { samples: places(35, 50), seconds: 1.5, last: true, damage: [] },
  ]);
  assert.equal(stream.taken(), 2);
  // A stretch that ends with a chunk needs no further chunk.
  const another = streamOf([30, 60, 90]);
  assert.deepEqual((await chunksOf(another, 3, 6)).map(({ samples }) => samples), [places(30, 60)]);
  assert.equal(another.taken(), 2);
});

test('a stretch from the beginning to beyond the end is the whole stream', async () => {
  const chunks = await chunksOf(streamOf([30, 45]), 0, 100);
  assert.deepEqual(chunks.map(({ samples }) => samples), [places(0, 30), places(30, 45)]);
  assert.deepEqual(chunks.map(({ seconds, last }) => [seconds, last]), [[3, false], [4.5, true]]);
});

test('a stream that ends before the stretch is refused', async () => {
  await assert.rejects(chunksOf(streamOf([30, 45]), 5, 9), { message: OUTSIDE, retryable: false });
  await assert.rejects(chunksOf(streamOf([30, 45]), 4.5, 9), { message: OUTSIDE });
});

test('only damage within the stretch is reported, with times from its start', async () => {
  const damage = [
    { from: 1, to: 2 }, { from: 2, to: 4 }, { from: 4, to: 5 }, { from: 5, to: 8 }, { from: 7, to: 9 },
    { from: 6.5, to: null },
  ];
  const [chunk] = await chunksOf(streamOf([90], damage), 3, 7);
  assert.deepEqual(chunk.damage, [
    { from: 0, to: 1 }, { from: 1, to: 2 }, { from: 2, to: 5 }, { from: 3.5, to: null },
  ]);
  // Damage that ends where the stretch begins is left out.
  assert.deepEqual((await chunksOf(streamOf([90], [{ from: 0, to: 3 }]), 3, 7))[0].damage, []);
  assert.deepEqual((await chunksOf(streamOf([90], [{ from: 1, to: null }]), 3, 7))[0].damage, [
    { from: 0, to: null },
  ]);
});

test('closing the stretch closes the stream', () => {
  const stream = streamOf([30]);
  cut({ stream, seconds: 3 }, RATE, { from: 0, to: 1 }).stream?.close();
  assert.equal(stream.closed, 1);
});
