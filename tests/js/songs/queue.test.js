import '../page.js';

import assert from 'node:assert/strict';
import test from 'node:test';

import { UserError } from '../../../static/js/base/errors.js';
import { Song } from '../../../static/js/songs/song.js';
import { makeModel, makeSong } from '../made.js';
import { Fakes, extraction, reply, settled, sound, until } from './fakes.js';

/** @param {number} count */
const songs = (count) => Array.from({ length: count }, (_, n) => makeSong(`${n}`));

/**
 * Decode and analyse songs of a queue, so that their requests are sent.
 * @param {Fakes} fakes
 * @param {number} count of songs, from the first one on
 */
async function send(fakes, count) {
  for (let n = 0; n < count; n += 1) {
    await settled();
    fakes.decoding[n].resolve(sound());
    await settled();
    fakes.extracting[n].resolve(extraction());
  }
  await settled();
}

test('a song goes through decoding, analysis and answer', async () => {
  const fakes = new Fakes();
  const [song] = songs(1);
  /** @type {[string, number | null][]} */
  const steps = [];
  song.addEventListener('change', () => steps.push([song.state, song.progress]));
  fakes.queue.add([song]);
  const [{ file, part, rate, signal }] = fakes.decoding;
  assert.deepEqual([file, part, rate], [song.file, null, 22_050]);
  assert.equal(signal.aborted, false);
  fakes.decoding[0].resolve({ samples: Float32Array.of(0.5, 1), seconds: 0.1 });
  await settled();
  assert.equal(song.seconds, 0.1);
  assert.deepEqual(song.peaks, Uint8Array.of(128, 255));
  const [{ samples, spec, onProgress }] = fakes.extracting;
  assert.deepEqual(samples, Float32Array.of(0.5, 1));
  assert.equal(spec, fakes.queue.model.featureSpec);
  onProgress(1, 4);
  const numbers = extraction();
  fakes.extracting[0].resolve(numbers);
  await settled();
  assert.equal(song.extraction, numbers);
  assert.equal(fakes.asking[0].request, numbers);
  assert.equal(fakes.asking[0].model, fakes.queue.model);
  const answer = reply();
  fakes.asking[0].resolve(answer);
  await settled();
  assert.equal(song.prediction, answer.prediction);
  assert.deepEqual(steps, [
    ['decoding', null], ['extracting', 0], ['extracting', 0.25], ['predicting', null], ['done', null],
  ]);
  assert.deepEqual(Object.keys(song.times), ['decode', 'extract', 'request']);
  assert.equal(song.times.request, 7);
  assert.equal(song.error, null);
});

test('decoding a part of a file gets its times', () => {
  const fakes = new Fakes();
  fakes.queue.add([new Song(new File(['sound'], 'a'), 'a', { from: 1, to: 9 })]);
  assert.deepEqual(fakes.decoding[0].part, { from: 1, to: 9 });
});

test('listeners are told of songs that are added, removed and changed, and of the version', async () => {
  const fakes = new Fakes({ ready: false });
  const { queue } = fakes;
  /** @type {[string, unknown][]} */
  const told = [];
  for (const type of /** @type {const} */ (['add', 'remove', 'change', 'use'])) {
    queue.on(type, (detail) => told.push([type, detail]));
  }
  const [a, b] = songs(2);
  queue.add([a, b]);
  queue.pause();
  queue.remove([a]);
  queue.use(queue.model);
  assert.deepEqual(told.map(([type, detail]) => [type, detail instanceof Song ? detail.name : '']), [
    ['add', ''], ['change', '0'], ['change', '1'], ['remove', ''], ['change', '1'], ['use', ''],
  ]);
  assert.deepEqual(told[0], ['add', [a, b]]);
  assert.deepEqual(told[3], ['remove', [a]]);
});

test('the first song has the processor for itself, then two are decoded at a time', async () => {
  const fakes = new Fakes();
  fakes.queue.add(songs(6));
  await settled();
  assert.deepEqual(fakes.begun, ['0']);
  fakes.decoding[0].resolve(sound());
  await settled();
  // While the first song is analysed, only one more is decoded.
  assert.deepEqual(fakes.begun, ['0', '1']);
  fakes.extracting[0].resolve(extraction());
  await settled();
  assert.deepEqual(fakes.begun, ['0', '1', '2']);
  // The second song is analysed now, and two more are decoded.
  fakes.decoding[1].resolve(sound());
  await settled();
  assert.deepEqual(fakes.states, ['predicting', 'extracting', 'decoding', 'decoding', 'queued', 'queued']);
  fakes.decoding[2].resolve(sound());
  fakes.decoding[3].resolve(sound());
  await settled();
  // Two decoded songs wait for the analysis, so no further song is decoded.
  assert.deepEqual(fakes.begun, ['0', '1', '2', '3']);
  assert.equal(fakes.extracting.length, 2);
});

test('one processor decodes one song at a time, eight decode three, an unknown number two', async (t) => {
  const before = globalThis.navigator;
  t.after(() => Object.defineProperty(globalThis, 'navigator', { value: before }));
  for (const [hardwareConcurrency, expected] of [[1, 1], [8, 3], [undefined, 2]]) {
    Object.defineProperty(globalThis, 'navigator', { value: { hardwareConcurrency } });
    /** @type {typeof import('../../../static/js/songs/queue.js')} */
    const { SongQueue } = await import(`../../../static/js/songs/queue.js?processors=${hardwareConcurrency}`);
    const fakes = new Fakes({ Queue: SongQueue });
    fakes.queue.add(songs(8));
    await send(fakes, 1);
    assert.equal(fakes.begun.length - 1, expected);
  }
});

test('one song is analysed at a time, in the order in which they were decoded', async () => {
  const fakes = new Fakes();
  const all = songs(4);
  fakes.queue.add(all);
  await send(fakes, 1);
  // The third song is decoded before the second.
  fakes.decoding[2].resolve(sound(3));
  await settled();
  fakes.decoding[1].resolve(sound(2));
  await settled();
  assert.deepEqual(fakes.extracting.slice(1).map(({ samples }) => samples.length), [60]);
  fakes.extracting[1].resolve(extraction());
  await settled();
  assert.deepEqual(fakes.extracting.slice(1).map(({ samples }) => samples.length), [60, 40]);
});

test('two requests are sent at a time, and the others wait in order', async () => {
  const fakes = new Fakes();
  fakes.queue.add(songs(4));
  await send(fakes, 4);
  assert.deepEqual(fakes.states, Array(4).fill('predicting'));
  assert.equal(fakes.asking.length, 2);
  fakes.asking[1].resolve(reply());
  await settled();
  assert.deepEqual(fakes.states, ['predicting', 'done', 'predicting', 'predicting']);
  assert.equal(fakes.asking.length, 3);
  assert.equal(fakes.asking[2].request, fakes.queue.songs[2].extraction);
  fakes.asking[0].reject(new UserError('refused', { retryable: false }));
  await settled();
  assert.deepEqual(fakes.states, ['failed', 'done', 'predicting', 'predicting']);
  assert.equal(fakes.asking.length, 4);
  // A further song waits while two requests are on their way.
  fakes.queue.add(songs(1));
  fakes.decoding[4].resolve(sound());
  await settled();
  fakes.extracting[4].resolve(extraction());
  await settled();
  assert.equal(fakes.states[4], 'predicting');
  assert.equal(fakes.asking.length, 4);
});

test('songs wait until the analysis is ready', async () => {
  const fakes = new Fakes({ ready: false });
  fakes.queue.add(songs(1));
  await settled();
  assert.deepEqual([fakes.states, fakes.begun], [['queued'], []]);
  fakes.makeReady();
  assert.deepEqual([fakes.states, fakes.begun], [['decoding'], ['0']]);
});

test('a song with numbers does not wait for the analysis', async () => {
  const fakes = new Fakes({ ready: false });
  const [first, known] = songs(2);
  known.model = fakes.queue.model;
  known.extraction = extraction();
  fakes.queue.add([first, known]);
  assert.deepEqual(fakes.states, ['queued', 'predicting']);
  await until(() => fakes.asking.length === 1);
  assert.equal(fakes.asking[0].request, known.extraction);
});

test('a song tells why its request waits as long as it waits', async () => {
  const fakes = new Fakes();
  const [song] = songs(1);
  fakes.queue.add([song]);
  await send(fakes, 1);
  /** @type {unknown[]} */
  const told = [];
  song.addEventListener('change', () => told.push(song.waits));
  fakes.asking[0].onWait('busy');
  fakes.asking[0].onWait('busy');
  fakes.asking[0].onWait(null);
  fakes.asking[0].onWait('lost');
  assert.deepEqual(told, ['busy', null, 'lost']);
  fakes.asking[0].resolve(reply());
  await settled();
  assert.equal(song.waits, null);
  assert.deepEqual(told, ['busy', null, 'lost', null]);
});

test('a pause lets begun songs finish and holds the rest', async () => {
  const fakes = new Fakes();
  const { queue } = fakes;
  queue.add(songs(2));
  queue.pause();
  assert.deepEqual(fakes.states, ['decoding', 'paused']);
  queue.add([makeSong('late')]);
  await send(fakes, 1);
  fakes.asking[0].resolve(reply());
  await settled();
  assert.deepEqual(fakes.states, ['done', 'paused', 'paused']);
  assert.deepEqual(fakes.begun, ['0']);
  queue.resume();
  assert.deepEqual(fakes.states, ['done', 'decoding', 'queued']);
  queue.add([makeSong('later')]);
  assert.equal(fakes.states[3], 'queued');
});

test('a finished song that is added during a pause is not paused', () => {
  const { queue } = new Fakes();
  queue.pause();
  const [song] = songs(1);
  song.state = 'done';
  queue.add([song]);
  assert.equal(song.state, 'done');
});

test('cancelling gives up songs in any state, and their late results are ignored', async () => {
  const fakes = new Fakes();
  const { queue } = fakes;
  const all = songs(5);
  queue.add(all);
  await send(fakes, 2);
  fakes.decoding[2].resolve(sound());
  await settled();
  fakes.asking[0].resolve(reply());
  await settled();
  assert.deepEqual(fakes.states, ['done', 'predicting', 'extracting', 'decoding', 'decoding']);
  queue.pause();
  queue.cancel();
  assert.deepEqual(fakes.states, ['done', ...Array(4).fill('cancelled')]);
  assert.equal(queue.paused, false);
  for (const { signal } of [fakes.asking[1], fakes.decoding[3], fakes.decoding[4]]) {
    assert.equal(signal.aborted, true);
  }
  fakes.asking[1].resolve(reply());
  fakes.extracting[2].onProgress(1, 2);
  fakes.extracting[2].resolve(extraction());
  fakes.decoding[3].resolve(sound());
  fakes.decoding[4].reject(new UserError('removed', { cancelled: true }));
  await settled();
  assert.deepEqual(fakes.states, ['done', ...Array(4).fill('cancelled')]);
  assert.deepEqual(all.map(({ error }) => error), Array(5).fill(null));
  assert.equal(fakes.asking.length, 2);
  assert.equal(fakes.extracting.length, 3);
});

test('a song that is removed while its request waits in line is never sent', async () => {
  const fakes = new Fakes();
  const all = songs(4);
  fakes.queue.add(all);
  await send(fakes, 4);
  fakes.queue.remove([all[2]]);
  fakes.asking[0].resolve(reply());
  await until(() => fakes.asking.length === 3);
  assert.equal(fakes.asking[2].request, all[3].extraction);
  fakes.asking[1].resolve(reply());
  fakes.asking[2].resolve(reply());
  await settled();
  assert.deepEqual(fakes.states, ['done', 'done', 'done']);
  assert.equal(fakes.asking.length, 3);
});

test('a song that is removed while it waits for the analysis makes room for the others', async () => {
  const fakes = new Fakes();
  const { queue } = fakes;
  const all = songs(6);
  queue.add(all);
  await send(fakes, 1);
  for (const n of [1, 2, 3]) {
    fakes.decoding[n].resolve(sound(n));
    await settled();
  }
  queue.remove([all[2]]);
  fakes.extracting[1].resolve(extraction());
  await until(() => fakes.extracting.length === 3);
  // The next song takes the turn of the removed one.
  assert.equal(fakes.extracting[2].samples.length, 60);
  await settled();
  assert.deepEqual(fakes.begun, ['0', '1', '2', '3', '4', '5']);
  assert.equal(fakes.extracting.length, 3);
});

test('a cancelled song can be tried again, and ignores results of the first try', async () => {
  const fakes = new Fakes();
  const { queue } = fakes;
  const [song] = songs(1);
  queue.add([song]);
  queue.cancel();
  await settled();
  queue.retry(song);
  await settled();
  assert.equal(song.state, 'queued');
  // The first decoding still runs; its result is ignored.
  fakes.decoding[0].resolve(sound(9));
  await settled();
  assert.equal(song.state, 'decoding');
  assert.equal(fakes.decoding[1].signal.aborted, false);
  fakes.decoding[1].resolve(sound(2));
  await settled();
  assert.equal(song.seconds, 2);
  assert.equal(song.state, 'extracting');
});

test('a removed song is given up, and the next one begins', async () => {
  const fakes = new Fakes();
  const { queue } = fakes;
  const [first, second] = songs(2);
  queue.add([first, second]);
  queue.remove([first]);
  assert.equal(fakes.decoding[0].signal.aborted, true);
  fakes.decoding[0].reject(new UserError('removed', { cancelled: true }));
  await settled();
  assert.deepEqual(queue.songs, [second]);
  assert.deepEqual(fakes.begun, ['0', '1']);
});

test('removing the last song ends a pause', () => {
  const { queue } = new Fakes();
  const [a, b] = songs(2);
  queue.add([a, b]);
  queue.pause();
  queue.remove([a]);
  assert.equal(queue.paused, true);
  queue.remove([b]);
  assert.equal(queue.paused, false);
});

test('a failed song has its message, and the next song goes on', async () => {
  const fakes = new Fakes();
  const all = songs(3);
  fakes.queue.add(all);
  fakes.decoding[0].reject(new UserError('The file holds no sound.', { retryable: false }));
  await settled();
  fakes.decoding[1].resolve(sound());
  await settled();
  fakes.extracting[0].reject(new UserError('The sound is silent.'));
  await settled();
  assert.deepEqual(fakes.states, ['failed', 'failed', 'decoding']);
  assert.deepEqual(all.map(({ error }) => error?.message), [
    'The file holds no sound.', 'The sound is silent.', undefined,
  ]);
  assert.deepEqual(all.map(({ retryable }) => retryable), [false, true, false]);
});

test('an unexpected error is called unexpected, and is logged to the console', async (t) => {
  const fakes = new Fakes();
  const log = t.mock.method(console, 'error', () => {});
  const [song, another] = songs(2);
  fakes.queue.add([song, another]);
  const fault = new TypeError('x is undefined');
  fakes.decoding[0].reject(fault);
  await settled();
  fakes.decoding[1].reject('a word');
  await settled();
  assert.equal(song.error?.message, 'Something unexpected went wrong (x is undefined). Retry, please.');
  assert.equal(another.error?.message, 'Something unexpected went wrong (a word). Retry, please.');
  assert.equal(song.retryable, true);
  assert.deepEqual(log.mock.calls.map((call) => [...call.arguments]), [[fault], ['a word']]);
});

test('a song is tried again from its numbers, without decoding it again', async () => {
  const fakes = new Fakes();
  const { queue } = fakes;
  const [song] = songs(1);
  queue.add([song]);
  await send(fakes, 1);
  fakes.asking[0].reject(new UserError('The server has a problem.'));
  await settled();
  queue.retry(song);
  assert.equal(song.state, 'predicting');
  assert.equal(song.error, null);
  await until(() => fakes.asking.length === 2);
  assert.equal(fakes.asking[1].request, song.extraction);
  fakes.asking[1].resolve(reply());
  await settled();
  assert.equal(song.state, 'done');
  assert.equal(fakes.decoding.length, 1);
});

test('a song that would fail again is not tried again', async () => {
  const fakes = new Fakes();
  const { queue } = fakes;
  const [song] = songs(1);
  queue.add([song]);
  fakes.decoding[0].reject(new UserError('The file is empty.', { retryable: false }));
  await settled();
  queue.retry(song);
  await settled();
  assert.equal(song.state, 'failed');
  assert.equal(fakes.decoding.length, 1);
});

test('a failed song that is tried again during a pause waits', async () => {
  const fakes = new Fakes();
  const { queue } = fakes;
  const [song] = songs(1);
  queue.add([song]);
  fakes.decoding[0].reject(new UserError('The file could not be read.'));
  await settled();
  queue.pause();
  queue.retry(song);
  assert.equal(song.state, 'paused');
});

test('a song without its sound goes on when it is given its file', async () => {
  const fakes = new Fakes();
  const { queue } = fakes;
  const song = new Song({ name: 'old.mp3', size: 5 });
  song.state = 'failed';
  song.error = new UserError('Choose this file again to analyse it');
  queue.add([song]);
  queue.retry(song);
  assert.equal(song.state, 'failed');
  const file = new File(['sound'], 'old.mp3');
  queue.giveFile(song, file);
  assert.equal(song.state, 'decoding');
  assert.equal(fakes.decoding[0].file, file);
});

test('finished songs are judged anew from their files, by the version and in the way of now', async () => {
  const fakes = new Fakes();
  const { queue } = fakes;
  const [done, failed, waiting, part] = songs(3).concat(new Song(new File(['sound'], 'p.mp3'), 'p.mp3', { from: 0, to: 1 }));
  queue.add([done]);
  await send(fakes, 1);
  fakes.asking[0].resolve(reply());
  await settled();
  queue.pause();
  queue.add([failed, waiting, part]);
  failed.error = new UserError('The file is empty.', { retryable: false });
  failed.state = 'failed';
  part.state = 'done';
  const lost = new Song({ name: 'lost.mp3', size: 5 });
  lost.state = 'cancelled';
  queue.add([lost]);
  queue.listenTo('excerpts');
  const later = makeModel({ version: 'v2' });
  queue.model = later;
  queue.judgeAnew([done, failed, waiting, part, lost]);
  assert.deepEqual([done, failed, waiting, part, lost].map(({ state }) => state), [
    'paused', 'paused', 'paused', 'paused', 'cancelled',
  ]);
  assert.deepEqual([done, failed, part].map(({ listen }) => listen), ['excerpts', 'excerpts', 'whole']);
  assert.equal(done.model, later);
  assert.equal(done.prediction, null);
  assert.equal(done.extraction, null);
  assert.equal(failed.error, null);
  queue.resume();
  assert.equal(done.state, 'decoding');
});
