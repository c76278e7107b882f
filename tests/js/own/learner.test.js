import assert from 'node:assert/strict';
import test from 'node:test';

import { UserError } from '../../../static/js/base/errors.js';
import { Learner } from '../../../static/js/own/learner.js';
import { makeAnswered, makeModel } from '../made.js';

/**
 * @typedef {import('../../../static/js/own/example.js').Example} Example
 * @typedef {import('../../../static/js/own/example.js').Base} Base
 */

const URL_OF = '/api/v1/models/v1/embedding';
const MODEL = makeModel({ embedding: { url: URL_OF, modelSha256: 'sha', size: 2 } });
const ABLE = { url: URL_OF, modelSha256: 'sha', size: 2, model: MODEL };
const KNOWN = '{"version":"v1"}';

/** @param {string} genre @param {number[]} values @returns {Example} */
const example = (genre, values) => ({
  name: `${genre}.mp3`, path: `${genre}.mp3`, size: 1, genre, folder: '',
  embeddings: new Map([['sha', values]]), song: null,
});

/** @param {string[]} names @returns {Base} */
const makeBase = (names) => ({
  text: JSON.stringify({ mode: 'own', genres: names.map((name) => ({ name })) }),
  genres: names.map((name) =>
    ({ name, songs: 3, recognised: null, few: true, takenFor: null, takenShare: 0, overlaps: null })),
  modelSha256: 'sha',
});

/** An engine that notes what it is asked, and the addresses that were fetched. */
function makeLearner({ status = 200 } = {}) {
  /** @type {string[]} */
  const fetched = [];
  globalThis.fetch = async (url) => {
    fetched.push(String(url));
    await new Promise(setImmediate);
    return new Response(KNOWN, { status });
  };
  /** @type {{values: number[], request: any}[]} */
  const taught = [];
  const engine = /** @type {any} */ ({
    teach: async (/** @type {Float32Array} */ values, /** @type {string} */ request) => {
      taught.push({ values: [...values], request: JSON.parse(request) });
      return { type: 'taught', file: 'learned', genres: [], examples: [] };
    },
    tellOwn: async (/** @type {Float32Array} */ values) => ({
      type: 'told', genres: ['gnawa', 'chaabi'],
      probabilities: Float32Array.from([...values]), unsure: [...values].filter((_, n) => n % 2).map((value) => value < 0.1),
    }),
    layOut: async () => ({}),
  });
  return { learner: new Learner(engine), taught, fetched };
}

test('examples are learned with what the version knows, which is asked for once', async () => {
  const { learner, taught, fetched } = makeLearner();
  const examples = [example('gnawa', [1, 2]), example('chaabi', [3, 4])];
  await Promise.all([
    learner.learn(examples, null, 'own', ABLE), learner.layOut([], ABLE), learner.layOut([], ABLE),
  ]);
  await learner.learn(examples, null, 'beside', ABLE);
  assert.deepEqual(fetched, [URL_OF]);
  assert.deepEqual(taught.map(({ request: { mode } }) => mode), ['own', 'beside']);
  assert.deepEqual(taught[0], {
    values: [1, 2, 3, 4],
    request: {
      model: JSON.parse(KNOWN), modelSha256: 'sha', featureSpec: 'spec', mode: 'own',
      names: ['gnawa', 'chaabi'], folders: ['', ''], base: null,
    },
  });
});

test('what the version knows is asked for again after it could not be had', async () => {
  const { learner, fetched } = makeLearner({ status: 503 });
  const examples = [example('gnawa', [1, 2]), example('chaabi', [3, 4])];
  for (const times of [1, 2]) {
    await assert.rejects(learner.learn(examples, null, 'own', ABLE), (error) =>
      error instanceof UserError && error.unreachable);
    assert.equal(fetched.length, times);
  }
  assert.equal(learner.file, null);
});

test('a file alone answers as it is, in the mode that is chosen', async () => {
  const { learner, taught } = makeLearner();
  const base = makeBase(['gnawa', 'chaabi']);
  for (const mode of /** @type {const} */ (['own', 'beside'])) {
    await learner.learn([], base, mode, ABLE);
    assert.equal(JSON.parse(learner.file?.text ?? '').mode, mode);
  }
  assert.deepEqual(taught, []);
  assert.equal(learner.taught, base.genres);
});

test('a file of one genre is refused like examples of one, unless the model’s stand beside it', async () => {
  const { learner, taught } = makeLearner();
  await learner.learn([], makeBase(['gnawa']), 'beside', ABLE);
  assert.deepEqual(taught, []);
  await learner.learn([], makeBase(['gnawa']), 'own', ABLE);
  assert.equal(taught.length, 1);
});

test('an answer is that of the numbers that a song has now', async () => {
  const { learner } = makeLearner();
  await learner.learn([], makeBase(['gnawa', 'chaabi']), 'own', ABLE);
  const song = makeAnswered();
  song.model = MODEL;
  const place = (/** @type {number[]} */ values) => {
    song.prediction.embedding = { model: 'sha', song: values, pieces: Float32Array.from(values) };
  };
  place([0.25, 0.75]);
  let told = 0;
  song.addEventListener('own', () => { told += 1; });
  await learner.answer([song]);
  assert.deepEqual(learner.answerTo(song), {
    genres: ['gnawa', 'chaabi'], probabilities: [0.25, 0.75], genre: 'chaabi', probability: 0.75, unsure: false,
  });
  assert.equal(told, 1);
  place([1, 0]);
  assert.equal(learner.answerTo(song), null);
  await learner.answer([song]);
  assert.equal(learner.answerTo(song)?.genre, 'gnawa');
  assert.equal(learner.answerTo(song)?.unsure, true);
  song.state = 'failed';
  assert.equal(learner.answerTo(song), null);
});
