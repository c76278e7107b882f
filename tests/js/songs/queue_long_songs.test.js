import '../page.js';

import assert from 'node:assert/strict';
import test from 'node:test';

import { UserError } from '../../../static/js/base/errors.js';
import { NOTHING_HEARD } from '../../../static/js/songs/long_song.js';
import { makeModel, makeSong } from '../made.js';
import { Fakes, extraction, reply, settled, sound } from './fakes.js';

/** @typedef {import('../../../static/js/songs/long_song.js').Heard} Heard */

/** A sound that comes bit by bit. @returns {{closed: number, next: () => never, close: () => void}} */
const makeStream = () => ({
  closed: 0,
  next() {
    throw new Error('the analysis is played here');
  },
  close() {
    this.closed += 1;
  },
});

/** @param {Partial<Heard>} [more] @returns {Heard} all of the song, answered */
const heardAll = (more = {}) => ({
  seconds: 580,
  peaks: Uint8Array.of(1, 2, 3),
  extraction: extraction(),
  answered: { prediction: reply().prediction, pieces: [], skipped: 30, seconds: 580 },
  complete: true,
  ...more,
});

/**
 * A queue whose first song is listened to.
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

test('a long song is shown while it is listened to, and done with its last answer', async () => {
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

test('its requests are asked of its version', async () => {
  const { fakes } = await listening();
  const request = extraction();
  const answer = fakes.listening[0].ask?.(request);
  assert.deepEqual([fakes.asked[0].request, fakes.asked[0].model], [request, fakes.queue.model]);
  const { prediction } = reply();
  fakes.asked[0].resolve(prediction);
  assert.equal(await answer, prediction);
});

test('where the server was away, all of it is asked for at the end', async () => {
  const { fakes, song } = await listening();
  const known = { ...NOTHING_HEARD, seconds: 150 };
  fakes.listening[0].show?.(known);
  const all = heardAll({ complete: false });
  fakes.listening[0].resolve(all);
  await settled();
  assert.equal(song.state, 'predicting');
  assert.equal(fakes.asking[0].request, all.extraction);
  // The answer so far stays to be seen until then.
  assert.equal(song.heard, known);
  fakes.asking[0].resolve(reply());
  await settled();
  assert.deepEqual([song.state, song.heard], ['done', null]);
});

test('no other song is decoded beside a long one until it has ended', async () => {
  const { fakes } = await listening(2);
  assert.deepEqual(fakes.begun, ['0']);
  fakes.listening[0].resolve(heardAll());
  await settled();
  assert.deepEqual(fakes.begun, ['0', '1', '2']);
});

test('a long song waits for the analysis of the one before', async () => {
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

test('a long song that is removed before its turn lets go of its file', async () => {
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

test('a long song that fails tells why and keeps what was heard', async () => {
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

test('given up halfway, it changes no more', async () => {
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

test('another version begins a long song anew: the answers so far are those of the one before', async () => {
  const { fakes, song } = await listening();
  fakes.queue.use(makeModel({ version: 'v2' }));
  assert.equal(fakes.listening[0].signal.aborted, true);
  fakes.listening[0].reject(new Error('given up'));
  await settled();
  assert.equal(song.state, 'decoding');
  assert.equal(fakes.decoding.length, 2);
});
