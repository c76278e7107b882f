import '../page.js';

import assert from 'node:assert/strict';
import test from 'node:test';

import { UserError } from '../../../static/js/base/errors.js';
import { NOTHING_HEARD } from '../../../static/js/songs/long_song.js';
import { makeModel, makeSong } from '../made.js';
import { Fakes, extraction, reply, settled, sound } from './fakes.js';

/** @typedef {import('../../../static/js/songs/long_song.js').Heard} Heard */

/** A sound that is decoded bit by bit; the tests never read it. @returns {{closed: number, next: () => never, close: () => void}} */
const makeStream = () => ({
  closed: 0,
  next() {
    throw new Error('the fake analysis reads no chunk');
  },
  close() {
    this.closed += 1;
  },
});

/** @param {Partial<Heard>} [more] @returns {Heard} state of a song that is fully answered */
const heardAll = (more = {}) => ({
  seconds: 580,
  peaks: Uint8Array.of(1, 2, 3),
  extraction: extraction(),
  answered: { prediction: reply().prediction, pieces: [], skipped: 30, seconds: 580 },
  complete: true,
  ...more,
});

/**
 * A queue whose first song is a long one that is being analysed.
 * @param {number} [others] songs after it
 */
async function listening(others = 0) {
  const fakes = new Fakes();
  const [song, ...rest] = Array.from({ length: 1 + others }, (_, n) => makeSong(`${n}`));
  fakes.queue.add([song, ...rest]);
  const stream = makeStream();
  fakes.decoding[0].resolve({ stream, seconds: 600 });
  await settled();
  return { fakes, song, rest, stream };
}

test('a long song is shown while it is analysed, and done with its last answer', async () => {
  const { fakes, song, stream } = await listening();
  assert.equal(song.state, 'extracting');
  assert.deepEqual([song.seconds, song.progress, song.peaks, song.heard], [600, 0, null, NOTHING_HEARD]);
  const [call] = fakes.listening;
  assert.equal(call.stream, stream);
  assert.equal(call.model, fakes.queue.model);
  const known = { ...NOTHING_HEARD, seconds: 150, peaks: Uint8Array.of(1) };
  call.show?.(known);
  assert.deepEqual([song.heard, song.progress, song.peaks], [known, 0.25, Uint8Array.of(1)]);
  // The song is longer than its header said.
  call.show?.({ ...known, seconds: 700 });
  assert.equal(song.progress, 1);
  const all = heardAll();
  call.resolve(all);
  await settled();
  assert.equal(song.state, 'done');
  assert.equal(song.seconds, 580);
  assert.equal(song.extraction, all.extraction);
  assert.equal(song.prediction, all.answered?.prediction);
  assert.equal(song.heard, null);
  assert.deepEqual(fakes.asking, []);
  assert.deepEqual(Object.keys(song.times), ['decode', 'extract']);
});

test('requests of a long song go to its version', async () => {
  const { fakes } = await listening();
  const request = extraction();
  const answer = fakes.listening[0].ask?.(request);
  assert.deepEqual([fakes.asked[0].request, fakes.asked[0].model], [request, fakes.queue.model]);
  const { prediction } = reply();
  fakes.asked[0].resolve(prediction);
  assert.equal(await answer, prediction);
});

test('all requests of a long song are sent at the end if the server was away', async () => {
  const { fakes, song } = await listening();
  const known = { ...NOTHING_HEARD, seconds: 150 };
  fakes.listening[0].show?.(known);
  const all = heardAll({ complete: false });
  fakes.listening[0].resolve(all);
  await settled();
  assert.equal(song.state, 'predicting');
  assert.equal(fakes.asking[0].request, all.extraction);
  // The answer so far stays visible until then.
  assert.equal(song.heard, known);
  fakes.asking[0].resolve(reply());
  await settled();
  assert.deepEqual([song.state, song.heard], ['done', null]);
});

test('no other song is decoded until a long one has ended', async () => {
  const { fakes } = await listening(2);
  assert.deepEqual(fakes.begun, ['0']);
  fakes.listening[0].resolve(heardAll());
  await settled();
  assert.deepEqual(fakes.begun, ['0', '1', '2']);
});

test('a long song waits for the analysis of the song before', async () => {
  const fakes = new Fakes();
  fakes.queue.add([makeSong('0'), makeSong('1')]);
  fakes.decoding[0].resolve(sound());
  await settled();
  const stream = makeStream();
  fakes.decoding[1].resolve({ stream, seconds: 600 });
  await settled();
  assert.deepEqual([fakes.states, fakes.listening.length], [['extracting', 'decoding'], 0]);
  fakes.extracting[0].resolve(extraction());
  await settled();
  assert.equal(fakes.listening[0].stream, stream);
});

test('a long song that is removed before its turn closes its file', async () => {
  const fakes = new Fakes();
  const [first, long] = [makeSong('0'), makeSong('1')];
  fakes.queue.add([first, long]);
  fakes.decoding[0].resolve(sound());
  await settled();
  const stream = makeStream();
  fakes.decoding[1].resolve({ stream, seconds: 600 });
  await settled();
  fakes.queue.remove([long]);
  fakes.extracting[0].resolve(extraction());
  await settled();
  assert.equal(stream.closed, 1);
  assert.equal(fakes.listening.length, 0);
});

test('a failed long song has its message and keeps its results so far', async () => {
  const { fakes, song } = await listening(1);
  const known = { ...NOTHING_HEARD, seconds: 150, extraction: extraction() };
  fakes.listening[0].show?.(known);
  fakes.listening[0].reject(new UserError('The server refused this song: no.', { retryable: false }));
  await settled();
  assert.deepEqual([song.state, song.error?.message], ['failed', 'The server refused this song: no.']);
  assert.equal(song.heard, known);
  assert.equal(song.sent, known.extraction);
  assert.deepEqual(fakes.begun, ['0', '1']);
});

test('a long song that is cancelled halfway does not change any more', async () => {
  const { fakes, song } = await listening();
  const known = { ...NOTHING_HEARD, seconds: 150 };
  fakes.listening[0].show?.(known);
  fakes.queue.cancel();
  assert.equal(fakes.listening[0].signal.aborted, true);
  fakes.listening[0].show?.({ ...known, seconds: 300 });
  fakes.listening[0].resolve(heardAll());
  await settled();
  assert.deepEqual([song.state, song.heard, song.prediction], ['cancelled', known, null]);
  // Another try begins from nothing.
  fakes.queue.retry(song);
  await settled();
  assert.equal(song.heard, null);
});

test('changing the version starts a long song again, as its answers are from the old version', async () => {
  const { fakes, song } = await listening();
  fakes.queue.use(makeModel({ version: 'v2' }));
  assert.equal(fakes.listening[0].signal.aborted, true);
  fakes.listening[0].reject(new Error('given up'));
  await settled();
  assert.equal(song.state, 'decoding');
  assert.equal(fakes.decoding.length, 2);
});
