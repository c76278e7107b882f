import assert from 'node:assert/strict';
import test from 'node:test';

import { UserError } from '../../../static/js/base/errors.js';
import {
  SCHEMA, fromRecord, isFinished, needsSound, storedState, toRecord,
} from '../../../static/js/memory/remembered.js';
import { Song } from '../../../static/js/songs/song.js';
import { makeModel, makePrediction, makeSong } from '../made.js';

/** @typedef {import('../../../static/js/songs/song.js').State} State */

const V1 = makeModel();
/** A version that reads the same numbers as V1. */
const V2 = makeModel({ version: 'v2' });
/** A version that reads other numbers than V1. */
const V3 = makeModel({ version: 'v3', featureSpec: { ...V1.featureSpec, id: 'another' } });
const MODELS = [V1, V2, V3];
const PLACE = { key: 'key', order: 3, owner: 'tab' };
const BODY = new Blob(['{"segments":[]}']);
const EXTRACTION = { body: BODY, nSegments: 2, repeated: false, skipped: 0, pieces: /** @type {[number, number][]} */ ([[0, 5]]) };

/**
 * A song in a state.
 * @param {State} state
 * @param {{numbers?: boolean, model?: import('../made.js').Model}} [more]
 */
function songIn(state, { numbers = false, model = V1 } = {}) {
  const song = makeSong('song.mp3', 'album/song.mp3');
  song.model = model;
  song.state = state;
  if (numbers) {
    song.extraction = { ...EXTRACTION };
    song.seconds = 12.5;
    song.peaks = Uint8Array.of(1, 2);
    song.times = { decode: 20 };
  }
  if (state === 'done') song.prediction = makePrediction('rr', [0, 0, 1]);
  return song;
}

/**
 * The song after a reload: its record goes through the browser's store, which copies it.
 * @param {Song} song
 * @param {{body?: boolean, file?: boolean, models?: import('../made.js').Model[], current?: import('../made.js').Model}} [kept]
 */
function again(song, { body = true, file = true, models = MODELS, current = V1 } = {}) {
  const record = structuredClone(toRecord(song, PLACE));
  return fromRecord(
    record, body ? BODY : undefined, (file && song.file) || undefined, models, current,
  );
}

test('a song is finished when nothing is left to do for it', () => {
  /** @type {State[]} */
  const states = ['queued', 'paused', 'decoding', 'extracting', 'predicting', 'cancelled', 'done', 'failed'];
  const finished = states.filter((state) => isFinished(toRecord(songIn(state), PLACE)));
  assert.deepEqual(finished, ['cancelled', 'done', 'failed']);
});

test('a song in work is stored as queued', () => {
  /** @type {State[]} */
  const states = ['queued', 'paused', 'decoding', 'extracting', 'predicting', 'cancelled', 'done', 'failed'];
  assert.deepEqual(states.map((state) => storedState(songIn(state))), [
    'queued', 'paused', 'queued', 'queued', 'queued', 'cancelled', 'done', 'failed',
  ]);
});

test('the sound is stored as long as it may be needed', () => {
  assert.equal(needsSound(songIn('queued')), true);
  assert.equal(needsSound(songIn('cancelled')), true);
  assert.equal(needsSound(songIn('done')), false);
  const failed = songIn('failed');
  failed.error = new UserError('No answer came.');
  assert.equal(needsSound(failed), true);
  failed.error = new UserError('The file is empty.', { retryable: false });
  assert.equal(needsSound(failed), false);
});

test('a record has all of a song except for the numbers and the sound', () => {
  const song = songIn('done', { numbers: true });
  const record = toRecord(song, PLACE);
  assert.deepEqual(record, {
    schema: SCHEMA, ...PLACE, state: 'done', fileName: 'song.mp3', path: 'album/song.mp3', size: 5,
    part: null, seconds: 12.5, times: { decode: 20 }, peaks: Uint8Array.of(1, 2),
    prediction: song.prediction, error: null, model: V1,
    extraction: { nSegments: 2, repeated: false, skipped: 0, pieces: [[0, 5]] },
  });
  // Later changes of the song do not reach the record.
  song.times.decode = 99;
  assert.deepEqual(record.times, { decode: 20 });
});

test('a song comes back with what is listened to of it', () => {
  const song = songIn('queued');
  song.listen = 'excerpts';
  const back = fromRecord(structuredClone(toRecord(song, PLACE)), undefined, undefined, [V1], V1);
  assert.equal(back.listen, 'excerpts');
});

test('the record of a failed song has its message and whether it may be tried again', () => {
  const song = songIn('failed');
  song.error = new UserError('The server is busy.', { again: 3 });
  /** @type {any} */
  const record = structuredClone(toRecord(song, PLACE));
  assert.deepEqual(record.error, { message: 'The server is busy.', retryable: true });
  assert.equal(record.extraction, null);
  assert.equal(record.model, null);
});

test('an answered song comes back with its answer', () => {
  const song = songIn('done', { numbers: true });
  const found = again(song, { file: false });
  assert.equal(found.state, 'done');
  assert.equal(found.restored, true);
  assert.deepEqual(found.prediction, song.prediction);
  assert.equal(found.extraction?.body, BODY);
  assert.deepEqual(found.extraction?.pieces, [[0, 5]]);
  assert.deepEqual([found.seconds, found.peaks, found.times], [12.5, Uint8Array.of(1, 2), { decode: 20 }]);
  assert.deepEqual([found.name, found.path, found.size, found.file], ['song.mp3', 'album/song.mp3', 5, null]);
});

test('a restored answer keeps its own version', () => {
  const song = songIn('done', { numbers: true, model: V2 });
  const found = again(song, { current: V1 });
  assert.equal(found.model, V2);
  // A version that is gone, or that reads other numbers now, is restored from the record.
  for (const models of [[V1, V3], [V1, { ...V2, featureSpec: V3.featureSpec }]]) {
    const { model, state } = again(song, { models });
    assert.deepEqual(model, V2);
    assert.equal(state, 'done');
  }
});

test('a song without an answer goes to the current version', () => {
  const waiting = again(songIn('predicting', { numbers: true, model: V1 }), { current: V2, file: false });
  assert.equal(waiting.state, 'queued');
  assert.equal(waiting.model, V2);
  assert.equal(waiting.extraction?.body, BODY);
  // A version that reads other numbers cannot use the stored ones.
  const another = again(songIn('predicting', { numbers: true }), { current: V3 });
  assert.equal(another.state, 'queued');
  assert.equal(another.extraction, null);
});

test('a song without numbers starts again from its sound', () => {
  const song = songIn('decoding');
  const found = again(song);
  assert.equal(found.state, 'queued');
  assert.equal(found.restored, false);
  assert.equal(found.file, song.file);
  assert.equal(again(songIn('paused')).state, 'queued');
});

test('a song without its sound and its numbers asks for its file', () => {
  for (const state of /** @type {State[]} */ (['queued', 'paused', 'extracting'])) {
    const found = again(songIn(state), { file: false });
    assert.equal(found.state, 'failed');
    assert.equal(found.error?.message, 'Choose this file again to analyse it');
    assert.equal(found.retryable, true);
    assert.equal(found.needsFile, true);
  }
  // An answered song without its numbers is analysed again if its sound is there.
  assert.equal(again(songIn('done', { numbers: true }), { body: false }).state, 'queued');
  const failed = songIn('failed');
  failed.error = new UserError('No answer came.');
  assert.equal(again(failed, { file: false }).error?.message, 'Choose this file again to analyse it');
});

test('a failed song comes back with its message', () => {
  const song = songIn('failed');
  song.error = new UserError('No answer came.');
  assert.equal(again(song).error?.message, 'No answer came.');
  assert.equal(again(song).state, 'failed');
  assert.equal(again(song).retryable, true);
  // A song that cannot be tried again keeps its message, even without its sound.
  song.error = new UserError('The file is empty.', { retryable: false });
  const found = again(song, { file: false });
  assert.equal(found.error?.message, 'The file is empty.');
  assert.equal(found.retryable, false);
});

test('a cancelled song stays cancelled', () => {
  const found = again(songIn('cancelled'));
  assert.equal(found.state, 'cancelled');
  assert.equal(found.restored, true);
  assert.equal(found.retryable, true);
  assert.equal(again(songIn('cancelled'), { file: false }).state, 'cancelled');
});

test('a part of a file stays that part', () => {
  const song = new Song(new File(['sound'], 'song.mp3'), 'song.mp3', { from: 65, to: 90.5 });
  song.model = V1;
  const found = again(song);
  assert.deepEqual(found.part, { from: 65, to: 90.5 });
  assert.equal(found.name, 'song.mp3 (1:05–1:30)');
  assert.equal(found.begin, 65);
});
