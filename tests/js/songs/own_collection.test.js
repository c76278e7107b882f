import assert from 'node:assert/strict';
import test from 'node:test';

import {
  NONE_OF_THESE, OWN, UNSURE, isIn, ordered, ownCounts, ownGroup, playlistName, toCsv, toJson,
} from '../../../static/js/songs/collection.js';
import { makeAnswered, makeSong } from '../made.js';

/**
 * @typedef {import('../../../static/js/songs/song.js').Song} Song
 * @typedef {import('../../../static/js/own/own_genres.js').OwnAnswer} OwnAnswer
 */

const MINE = ['gnawa', 'chaabi'];

/** @param {Song[]} songs */
const paths = (songs) => songs.map(({ path }) => path);

/**
 * @param {number[]} probabilities
 * @param {{genres?: string[], unsure?: boolean}} [more]
 * @returns {OwnAnswer}
 */
function own(probabilities, { genres = MINE, unsure = false } = {}) {
  const probability = Math.max(...probabilities);
  return { genres, probabilities, genre: genres[probabilities.indexOf(probability)], probability, unsure };
}

/**
 * Songs of the model's answers, and their answers in own genres.
 * @param {Record<string, OwnAnswer | null>} answers by path
 */
function taught(answers) {
  const songs = Object.keys(answers).map((path) => makeAnswered({ path }));
  return { songs, answerTo: (/** @type {Song} */ { path }) => answers[path] ?? null };
}

/** The rows of a table, without the byte order mark. @param {string} text */
const linesOf = (text) => text.slice(1, -2).split('\r\n');

test('a song belongs to its own genre, to none of these or, without an answer, to no group', () => {
  const { songs: [mine, none, without], answerTo } = taught({
    mine: own([0.2, 0.8]), none: own([0.9, 0.1], { unsure: true }), without: null,
  });
  assert.equal(ownGroup(mine, answerTo), 'chaabi');
  assert.equal(ownGroup(none, answerTo), NONE_OF_THESE);
  assert.equal(ownGroup(without, answerTo), null);
  assert.ok(isIn(mine, `${OWN}chaabi`, answerTo));
  assert.ok(!isIn(mine, `${OWN}gnawa`, answerTo));
  assert.ok(isIn(none, OWN + NONE_OF_THESE, answerTo));
  assert.ok(!isIn(none, `${OWN}gnawa`, answerTo));
  assert.ok(!isIn(without, OWN + NONE_OF_THESE, answerTo));
});

test('an own genre is another group than that of the model of the same name', () => {
  const { songs: [song], answerTo } = taught({ song: own([0.9, 0.1], { genres: ['rock', UNSURE] }) });
  assert.ok(isIn(song, 'pop', answerTo));
  assert.ok(!isIn(song, 'rock', answerTo));
  assert.ok(isIn(song, `${OWN}rock`, answerTo));
  const doubted = makeAnswered({ flag: true });
  assert.ok(isIn(doubted, UNSURE, answerTo));
  assert.ok(!isIn(doubted, OWN + UNSURE, answerTo));
  // Without own genres no key is one of them.
  assert.ok(!isIn(song, `${OWN}rock`));
});

test('songs are ordered by own genres, the model’s beside them, none of these, and no answer', () => {
  const beside = ['gnawa', 'chaabi', 'jazz'];
  const { songs, answerTo } = taught({
    'nothing b': null,
    none: own([0.9, 0.1, 0], { genres: beside, unsure: true }),
    jazz: own([0.1, 0.1, 0.8], { genres: beside }),
    'chaabi 60': own([0.3, 0.6, 0.1], { genres: beside }),
    gnawa: own([0.5, 0.3, 0.2], { genres: beside }),
    'nothing a': null,
    'chaabi 90': own([0.1, 0.9, 0], { genres: beside }),
  });
  const failed = makeSong('failed');
  assert.deepEqual(paths(ordered([failed, ...songs], 'own', answerTo, MINE)), [
    'gnawa', 'chaabi 90', 'chaabi 60', 'jazz', 'none', 'nothing b', 'nothing a', 'failed',
  ]);
  // The order is that of the visitor's genres, not that of an answer.
  const turned = ordered(songs, 'own', answerTo, ['jazz', 'chaabi', 'gnawa']);
  assert.deepEqual(paths(turned).slice(0, 4), ['jazz', 'chaabi 90', 'chaabi 60', 'gnawa']);
});

test('equally sure songs of an own genre stay as they were added, and other orders stay as they are', () => {
  const { songs, answerTo } = taught({ a: own([1, 0]), b: own([1, 0]), c: own([0, 1]) });
  const turned = [...songs].reverse();
  assert.deepEqual(paths(ordered(turned, 'own', answerTo, MINE)), ['a', 'b', 'c']);
  assert.deepEqual(paths(ordered(turned, 'own', answerTo, ['chaabi', 'gnawa'])), ['c', 'a', 'b']);
  for (const order of ['added', 'genre', 'surest', 'unsurest']) {
    assert.deepEqual(ordered(turned, order, answerTo, MINE), ordered(turned, order), order);
  }
});

test('every own genre is counted, others only with songs, and none of these', () => {
  const beside = { genres: ['gnawa', 'chaabi', 'blues', 'jazz'] };
  const { songs, answerTo } = taught({
    a: own([0.1, 0.7, 0.1, 0.1], beside), b: own([0, 1, 0, 0], beside), c: own([0, 0, 0, 1], beside),
    d: own([0, 1, 0, 0], { ...beside, unsure: true }), e: null,
  });
  assert.deepEqual(ownCounts([...songs, makeSong('waits')], MINE, answerTo), [
    { name: 'gnawa', count: 0 }, { name: 'chaabi', count: 2 }, { name: 'jazz', count: 1 },
    { name: NONE_OF_THESE, count: 1 },
  ]);
});

test('nothing is counted while no song has an answer in own genres', () => {
  const { songs, answerTo } = taught({ a: null });
  assert.deepEqual(ownCounts(songs, MINE, answerTo), []);
  assert.deepEqual(ownCounts([], MINE, answerTo), []);
});

test('a genre called like "not sure" or a property of objects is a genre', () => {
  const genres = [UNSURE, '__proto__', 'constructor'];
  const { songs, answerTo } = taught({ a: own([1, 0, 0], { genres }), b: own([0, 1, 0], { genres }) });
  assert.deepEqual(ownCounts(songs, genres, answerTo), [
    { name: UNSURE, count: 1 }, { name: '__proto__', count: 1 }, { name: 'constructor', count: 0 },
    { name: NONE_OF_THESE, count: 0 },
  ]);
  assert.deepEqual(paths(ordered(songs, 'own', answerTo, genres)), ['a', 'b']);
});

test('the table has own genres behind the version once a song has an answer in them', () => {
  const { songs, answerTo } = taught({
    mine: own([0.25, 0.75]), none: own([0.9, 0.1], { unsure: true }), without: null,
  });
  assert.deepEqual(linesOf(toCsv(songs, answerTo)), [
    'file,genre,probability,unfamiliar,seconds,version,own_genre,own_probability,blues,pop,rock',
    'mine,pop,0.7,,12.00,v1,chaabi,0.75,0.1,0.7,0.2',
    'none,pop,0.7,,12.00,v1,,0.9,0.1,0.7,0.2',
    'without,pop,0.7,,12.00,v1,,,0.1,0.7,0.2',
  ]);
});

test('files of songs without answers in own genres are as they were without own genres', () => {
  const { songs, answerTo } = taught({ mine: own([0.25, 0.75]), a: null, b: null });
  const [, ...others] = songs;
  assert.equal(toCsv(others, answerTo), toCsv(others));
  assert.equal(toJson(others, answerTo), toJson(others));
  assert.equal(toCsv([], answerTo), toCsv([]));
});

test('names of own genres that look like formulas or hold commas and quotes are text in the table', () => {
  const names = ['=1+1', '+a', '-b', '@c', '"x", y', '=HYPERLINK("x"),1', '<b>'];
  for (const [name, cell] of names.map((each, i) => [each, [
    "'=1+1", "'+a", "'-b", "'@c", '"""x"", y"', '"\'=HYPERLINK(""x""),1"', '<b>',
  ][i]])) {
    const { songs, answerTo } = taught({ a: own([1], { genres: [name] }) });
    assert.equal(linesOf(toCsv(songs, answerTo))[1], `a,pop,0.7,,12.00,v1,${cell},1,0.1,0.7,0.2`);
  }
});

test('the JSON has the answer in own genres beside the model’s, rounded so that it sums to 1', () => {
  const shares = [...new Float32Array([1 / 3, 1 / 3 - 1e-4, 1 / 3 + 1e-4])];
  const { songs, answerTo } = taught({
    mine: own(shares, { genres: ['gnawa', 'chaabi', 'malhun'], unsure: true }), without: null,
  });
  const [mine, without] = JSON.parse(toJson(songs, answerTo)).songs;
  assert.deepEqual(mine.own, {
    genres: ['gnawa', 'chaabi', 'malhun'], probabilities: [0.333333, 0.333233, 0.333434],
    genre: 'malhun', unsure: true,
  });
  assert.equal(mine.aggregate.genre, 'pop');
  assert.ok(!('own' in without));
});

test('a playlist is called like its genre, with nothing that a file cannot be called', () => {
  assert.equal(playlistName('hiphop'), 'hiphop.m3u8');
  assert.equal(playlistName('not sure'), 'not-sure.m3u8');
  assert.equal(playlistName('../Sunday: <b>"morning"</b>'), '-Sunday-b-morning-b-.m3u8');
  assert.equal(playlistName('हिन्दी'), 'हिन्दी.m3u8');
  assert.equal(playlistName('★'), '-.m3u8');
});
