import assert from 'node:assert/strict';
import test from 'node:test';

import { UserError } from '../../../static/js/base/errors.js';
import {
  loadOwnFile, merged, readOwnFile, renamed, unusedText, withMode, withSongs,
} from '../../../static/js/own/own_file.js';
import { makeModel } from '../made.js';

/**
 * @typedef {import('../../../static/js/own/example.js').Base} Base
 * @typedef {import('../../../static/js/own/example.js').Example} Example
 */

/** @param {string} version @param {string} modelSha256 */
const modelOf = (version, modelSha256) =>
  makeModel({ version, embedding: { url: `/api/v1/models/${version}/embedding`, modelSha256, size: 2 } });
const V10 = modelOf('v10', 'ten');
const V11 = modelOf('v11', 'eleven');
const MODELS = [makeModel(), V10, V11];

/** @typedef {{name: string, songs: number, mean: number[], recognised: [number, number, number] | null}} Taught */

/** @type {Taught[]} */
const GENRES = [
  { name: 'gnawa', songs: 6, mean: [1, 0], recognised: [0.5, 0.25, 0.75] },
  { name: 'chaabi', songs: 2, mean: [5, 4], recognised: null },
];

/** @param {{songs?: {name: string, genre: string}[], sha?: string, version?: string}} [more] @returns {Base} */
function makeBase({ songs, sha = 'ten', version = 'v10' } = {}) {
  const genres = GENRES.map(({ recognised, ...genre }) => ({
    ...genre,
    recognised: recognised && { value: recognised[0], low: recognised[1], high: recognised[2] },
  }));
  const content = { format: 1, version, model_sha256: sha, mode: 'own', genres, covariance: [1, 0.5, 1] };
  return {
    text: `${JSON.stringify({ ...content, ...(songs && { songs }) })}\n`,
    genres: GENRES.map(({ mean, ...genre }) =>
      ({ ...genre, few: !genre.recognised, takenFor: null, takenShare: 0, overlaps: null })),
    modelSha256: sha,
  };
}

/** @param {string} name @param {string} genre @returns {Example} */
const example = (name, genre) =>
  ({ name, path: name, size: 1, genre, folder: '', embeddings: new Map(), song: null });

/** @param {Base | null} base */
const contentOf = (base) => JSON.parse(base?.text ?? 'null');

const SONGS = [
  { name: 'a.mp3', genre: 'gnawa' }, { name: 'b.mp3', genre: 'chaabi' }, { name: 'c.mp3', genre: 'gnawa' },
];

test('a genre of a file gets another name, and so do its songs', () => {
  const base = renamed(makeBase({ songs: SONGS }), 'gnawa', 'Sunday');
  assert.deepEqual(base?.genres.map(({ name }) => name), ['Sunday', 'chaabi']);
  const { genres, songs, ...rest } = contentOf(base);
  assert.deepEqual(genres[0], {
    name: 'Sunday', songs: 6, mean: [1, 0], recognised: { value: 0.5, low: 0.25, high: 0.75 },
  });
  assert.deepEqual(songs.map((/** @type {{genre: string}} */ { genre }) => genre), ['Sunday', 'chaabi', 'Sunday']);
  assert.deepEqual(rest, { format: 1, version: 'v10', model_sha256: 'ten', mode: 'own', covariance: [1, 0.5, 1] });
});

test('two genres of a file become one, whose mean is that of all their songs', () => {
  const base = renamed(makeBase({ songs: SONGS }), 'chaabi', 'gnawa');
  assert.deepEqual(contentOf(base).genres, [
    // (6 * 1 + 2 * 5) / 8, (6 * 0 + 2 * 4) / 8
    { name: 'gnawa', songs: 8, mean: [2, 1], recognised: null },
  ]);
  assert.equal(base?.genres[0].recognised, null);
  assert.deepEqual(new Set(contentOf(base).songs.map((/** @type {{genre: string}} */ { genre }) => genre)), new Set(['gnawa']));
});

test('a genre that a file lacks changes nothing of its genres', () => {
  assert.deepEqual(contentOf(renamed(makeBase(), 'malhun', 'gnawa')), contentOf(makeBase()));
});

test('a genre that is forgotten takes the names of its songs along, and the last one the file', () => {
  const without = (/** @type {Base} */ base, /** @type {string} */ gone) =>
    merged(base, (genres) => genres.filter(({ name }) => name !== gone));
  const base = without(makeBase({ songs: SONGS }), 'gnawa');
  assert.deepEqual(contentOf(base).songs, [SONGS[1]]);
  assert.ok(base);
  assert.equal(without(base, 'chaabi'), null);
});

test('names of songs stand in a file only when they are wanted', () => {
  const base = makeBase({ songs: SONGS });
  assert.ok(!('songs' in JSON.parse(withSongs(base.text, null))));
  assert.deepEqual(JSON.parse(withSongs(base.text, null)), contentOf(makeBase()));
  const named = withSongs(makeBase().text, { examples: [example('d.mp3', 'chaabi')], base });
  assert.deepEqual(JSON.parse(named).songs, [...SONGS, { name: 'd.mp3', genre: 'chaabi' }]);
  const fresh = withSongs(makeBase().text, { examples: [example('d.mp3', 'chaabi')], base: null });
  assert.deepEqual(JSON.parse(fresh).songs, [{ name: 'd.mp3', genre: 'chaabi' }]);
});

test('names that would make a file too large are refused', () => {
  const examples = Array.from({ length: 10_000 }, () => example('x'.repeat(200), 'gnawa'));
  assert.throws(() => withSongs(makeBase().text, { examples, base: null }), (error) =>
    error instanceof UserError && /save it without them/.test(error.message));
});

test('a file answers in the mode that is chosen', () => {
  const { text } = makeBase();
  assert.deepEqual(JSON.parse(withMode(text, 'beside')), { ...JSON.parse(text), mode: 'beside' });
  assert.equal(withMode(withMode(text, 'beside'), 'own'), text);
});

test('a file of more than 2 MB is not read', async () => {
  const file = new File(['x'.repeat(2_000_001)], 'own-genres.json');
  file.text = () => assert.fail('it was read');
  await assert.rejects(readOwnFile(file), (error) => error instanceof UserError && /at most 2 MB/.test(error.message));
  assert.equal(await readOwnFile(new File(['{}'], 'own-genres.json')), '{}');
});

/** @param {string} version @param {string} sha */
function loadAs(version, sha) {
  const engine = /** @type {any} */ ({
    loadOwn: async () => ({ type: 'loaded', version, modelSha256: sha, mode: 'beside', genres: [], songs: [] }),
  });
  return loadOwnFile('text', { modelSha256: 'ten', model: V10 }, MODELS, engine);
}

test('a file of this model is loaded with its mode', async () => {
  assert.deepEqual(await loadAs('v10', 'ten'), {
    base: { text: 'text', genres: [], modelSha256: 'ten' }, mode: 'beside',
  });
});

for (const [version, sha, sentence] of /** @type {[string, string, RegExp][]} */ ([
  ['v11', 'eleven', /^These genres were learned with model v11; choose it above/],
  ['v10', 'nine and a half', /^Model v10 was exported again/],
  ['v12', 'twelve', /^These genres were learned with model v12, which is not on this site/],
])) {
  test(`a file of ${version} with model "${sha}" is refused with the reason`, async () => {
    await assert.rejects(loadAs(version, sha), (error) => error instanceof UserError && sentence.test(error.message));
    const reason = unusedText(makeBase({ version, sha }), V10, MODELS);
    assert.match(reason, version === 'v11' ? /learned with model v11; choose it above to use them/ : sentence);
  });
}

test('of genres that can be used there is no reason why not', () => {
  assert.equal(unusedText(makeBase(), V10, MODELS), '');
});
