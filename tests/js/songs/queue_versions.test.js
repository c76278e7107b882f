import '../page.js';

import assert from 'node:assert/strict';
import test from 'node:test';

import { UserError } from '../../../static/js/base/errors.js';
import { Song } from '../../../static/js/songs/song.js';
import { makeModel, makeSong } from '../made.js';
import { Fakes, extraction, reply, settled, sound, until } from './fakes.js';

const V1 = makeModel();
/** A version that reads the same numbers as V1. */
const V2 = makeModel({ version: 'v2' });
/** A version that reads other numbers than V1. */
const V3 = makeModel({ version: 'v3', featureSpec: { ...V1.featureSpec, id: 'another', sample_rate: 16_000 } });

/**
 * A queue with a song that V1 has answered.
 * @param {Partial<Song>} [more]
 */
async function answered(more = {}) {
  const fakes = new Fakes({ model: V1 });
  const song = makeSong('song.mp3');
  fakes.queue.add([song]);
  fakes.decoding[0].resolve(sound());
  await settled();
  fakes.extracting[0].resolve(extraction());
  await settled();
  fakes.asking[0].resolve(reply('v1'));
  await settled();
  Object.assign(song, more);
  return { fakes, song };
}

test('another version that reads the same numbers is asked at once', async () => {
  const { fakes, song } = await answered();
  fakes.queue.use(V2);
  assert.equal(fakes.queue.model, V2);
  assert.equal(song.state, 'predicting');
  assert.equal(song.model, V2);
  await until(() => fakes.asking.length === 2);
  assert.deepEqual([fakes.asking[1].model, fakes.asking[1].request], [V2, song.extraction]);
  fakes.asking[1].resolve(reply('v2'));
  await settled();
  assert.equal(song.prediction?.version, 'v2');
  assert.equal(fakes.decoding.length, 1);
});

test('a version that reads other numbers starts again from the file', async () => {
  const { fakes, song } = await answered();
  fakes.queue.use(V3);
  assert.equal(song.state, 'decoding');
  assert.equal(song.extraction, null);
  assert.equal(fakes.decoding[1].rate, 16_000);
  fakes.decoding[1].resolve(sound());
  await settled();
  assert.equal(fakes.extracting[1].spec, V3.featureSpec);
  fakes.extracting[1].resolve(extraction());
  await settled();
  assert.equal(fakes.asking[1].model, V3);
});

test('a known answer is shown again without a request', async () => {
  const { fakes, song } = await answered();
  fakes.queue.use(V2);
  await until(() => fakes.asking.length === 2);
  fakes.asking[1].resolve(reply('v2'));
  await until(() => song.state === 'done');
  fakes.queue.use(V1);
  assert.equal(song.state, 'done');
  assert.equal(song.prediction?.version, 'v1');
  await settled();
  assert.equal(fakes.asking.length, 2);
});

test('a song without its file changes only to a version that reads its numbers', async () => {
  const { fakes, song } = await answered({ file: null });
  fakes.queue.use(V3);
  assert.deepEqual([song.state, song.model], ['done', V1]);
  fakes.queue.use(V2);
  // V2 reads the numbers that the song still has.
  assert.deepEqual([song.state, song.model], ['predicting', V2]);
});

test('changing the version aborts a request on its way, and ignores its answer', async () => {
  const { fakes, song } = await answered();
  fakes.queue.use(V2);
  await until(() => fakes.asking.length === 2);
  fakes.queue.use(V1);
  fakes.queue.use(V3);
  fakes.queue.use(V2);
  await until(() => fakes.asking.length === 3);
  assert.deepEqual(fakes.asking.slice(1).map(({ model, signal }) => [model, signal.aborted]), [
    [V2, true], [V2, false],
  ]);
  fakes.asking[1].resolve(reply('v2'));
  await settled();
  assert.equal(song.state, 'predicting');
  fakes.asking[2].resolve(reply('v2'));
  await settled();
  assert.equal(song.state, 'done');
});

test('an analysis goes on for a new version that reads the same numbers', async () => {
  const fakes = new Fakes({ model: V1 });
  const song = makeSong('song.mp3');
  fakes.queue.add([song]);
  fakes.decoding[0].resolve(sound());
  await settled();
  fakes.extracting[0].onProgress(1, 2);
  fakes.queue.use(V2);
  assert.deepEqual([song.state, song.progress, song.model], ['extracting', 0.5, V2]);
  fakes.extracting[0].resolve(extraction());
  await settled();
  assert.deepEqual(fakes.asking.map(({ model }) => model), [V2]);
  assert.equal(fakes.decoding[0].signal.aborted, false);
});

test('an analysis is given up for a new version that reads other numbers', async () => {
  const fakes = new Fakes({ model: V1 });
  const song = makeSong('song.mp3');
  fakes.queue.add([song]);
  fakes.decoding[0].resolve(sound());
  await settled();
  fakes.queue.use(V3);
  assert.equal(fakes.decoding[0].signal.aborted, true);
  fakes.extracting[0].resolve(extraction());
  await settled();
  assert.equal(song.extractions.size, 0);
  assert.equal(song.state, 'decoding');
  assert.equal(fakes.decoding[1].rate, 16_000);
});

test('waiting songs go to the new version', () => {
  const fakes = new Fakes({ ready: false, model: V1 });
  const song = makeSong('song.mp3');
  fakes.queue.add([song]);
  fakes.queue.use(V3);
  assert.deepEqual([song.state, song.model], ['queued', V3]);
  fakes.makeReady();
  assert.equal(fakes.decoding[0].rate, 16_000);
});

test('a paused queue stays paused when the version changes', async () => {
  const { fakes, song } = await answered();
  fakes.queue.pause();
  fakes.queue.use(V3);
  assert.equal(song.state, 'paused');
  fakes.queue.resume();
  assert.equal(song.state, 'decoding');
});

test('a new version tries a failed song again only if that may help', async () => {
  for (const [retryable, state] of /** @type {const} */ ([[true, 'decoding'], [false, 'failed']])) {
    const fakes = new Fakes({ model: V1 });
    const song = makeSong('song.mp3');
    fakes.queue.add([song]);
    fakes.decoding[0].reject(new UserError('No.', { retryable }));
    await settled();
    fakes.queue.use(V2);
    assert.equal(song.state, state);
    assert.equal(song.error === null, retryable);
  }
});

test('a cancelled song stays cancelled, and goes to the new version when it is tried again', async () => {
  const fakes = new Fakes({ model: V1 });
  const song = makeSong('song.mp3');
  fakes.queue.add([song]);
  fakes.queue.cancel();
  fakes.queue.use(V3);
  assert.deepEqual([song.state, song.model], ['cancelled', V3]);
  await settled();
  fakes.decoding[0].resolve(sound());
  await settled();
  fakes.queue.retry(song);
  await settled();
  assert.equal(fakes.decoding[1].rate, 16_000);
});

test('a song of an earlier visit keeps its version', () => {
  const fakes = new Fakes({ ready: false, model: V1 });
  const song = new Song({ name: 'old.mp3', size: 5 });
  song.model = V2;
  fakes.queue.add([song]);
  assert.equal(song.model, V2);
});
