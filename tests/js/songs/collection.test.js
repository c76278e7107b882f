import assert from 'node:assert/strict';
import test from 'node:test';

import {
  FORMS, UNSURE, counts, group, ordered, surety, toCsv, toJson, toPlaylist, usualForm,
} from '../../../static/js/songs/collection.js';
import { GENRES, makeAnswered, makeSong } from '../made.js';

/** @typedef {import('../../../static/js/songs/song.js').Song} Song */

/** @param {Song[]} songs */
const paths = (songs) => songs.map(({ path }) => path);

/** The lines of a table, without the byte order mark and the last line break. @param {string} text */
function linesOf(text) {
  assert.equal(text[0], '\ufeff');
  assert.ok(text.endsWith('\r\n'));
  return text.slice(1, -2).split('\r\n');
}

test('a song belongs to its genre, to the unsure songs or, without an answer, to no group', () => {
  assert.equal(group(makeAnswered()), 'pop');
  assert.equal(group(makeAnswered({ flag: false })), 'pop');
  assert.equal(group(makeAnswered({ flag: true })), UNSURE);
  const asked = makeAnswered();
  asked.state = 'predicting';
  assert.equal(group(asked), null);
  assert.equal(group(makeSong('new.mp3')), null);
});

test('the sureness of a song is the probability of its genre', () => {
  assert.equal(surety(makeAnswered({ probabilities: [0.8, 0.15, 0.05] })), 0.8);
});

test('doubted songs are the least sure', () => {
  const songs = [[0.5, false], [0.9, true], [0.7, false]].map(([share, flag], n) =>
    makeAnswered({ path: String(n), probabilities: [0, Number(share), 1 - Number(share)], flag: Boolean(flag) }));
  // The shares of song 0 are equal: the first genre, pop, wins.
  assert.deepEqual(paths(ordered(songs, 'surest')), ['2', '0', '1']);
  assert.deepEqual(paths(ordered(songs, 'unsurest')), ['1', '0', '2']);
  assert.deepEqual(paths(ordered(songs, 'genre')), ['2', '0', '1']);
});

test('songs are ordered by the order of the genres, then by sureness', () => {
  const songs = [
    makeAnswered({ path: 'rock 60', probabilities: [0.2, 0.2, 0.6] }),
    makeAnswered({ path: 'pop', probabilities: [0.1, 0.8, 0.1] }),
    makeAnswered({ path: 'rock 90', probabilities: [0.05, 0.05, 0.9] }),
    makeAnswered({ path: 'jazz', genres: ['jazz', 'pop'], probabilities: [0.9, 0.1], version: 'v2' }),
    makeAnswered({ path: 'unlike', probabilities: [0.99, 0.01, 0], flag: true }),
    makeAnswered({ path: 'blues', probabilities: [0.5, 0.3, 0.2] }),
  ];
  // Genres of other versions follow those of this one, and unsure songs come last.
  assert.deepEqual(paths(ordered(songs, 'genre')), ['blues', 'pop', 'rock 90', 'rock 60', 'jazz', 'unlike']);
});

test('equally sure songs stay in the order in which they were added', () => {
  const songs = ['a', 'b', 'c'].map((path) => makeAnswered({ path }));
  for (const order of /** @type {const} */ (['genre', 'surest', 'unsurest'])) {
    assert.deepEqual(paths(ordered([...songs].reverse(), order)), ['a', 'b', 'c'], order);
  }
});

test('songs without an answer come last, in the order in which they were added', () => {
  const early = makeSong('early.mp3');
  const sure = makeAnswered({ path: 'sure', probabilities: [0.9, 0.1, 0] });
  const failed = makeSong('failed.mp3');
  failed.state = 'failed';
  const unsure = makeAnswered({ path: 'unsure', probabilities: [0.4, 0.3, 0.3] });
  const songs = [failed, unsure, early, sure];
  assert.deepEqual(paths(ordered(songs, 'added')), ['early.mp3', 'sure', 'failed.mp3', 'unsure']);
  assert.deepEqual(paths(ordered(songs, 'surest')), ['sure', 'unsure', 'early.mp3', 'failed.mp3']);
  // The list itself keeps its order.
  assert.deepEqual(paths(songs), ['failed.mp3', 'unsure', 'early.mp3', 'sure']);
  assert.deepEqual(ordered([], 'genre'), []);
});

test('every genre is counted, also those of other versions, and the unsure songs', () => {
  const songs = [
    makeAnswered(),
    makeAnswered(),
    makeAnswered({ probabilities: [0, 0, 1] }),
    makeAnswered({ probabilities: [0, 0, 1], flag: true }),
    makeAnswered({ genres: ['jazz'], probabilities: [1] }),
    makeSong('waiting.mp3'),
  ];
  assert.deepEqual(counts(songs, GENRES), [
    { name: 'blues', count: 0 },
    { name: 'pop', count: 2 },
    { name: 'rock', count: 1 },
    { name: 'jazz', count: 1 },
    { name: UNSURE, count: 1 },
  ]);
  assert.deepEqual(counts([], ['pop']), [
    { name: 'pop', count: 0 }, { name: UNSURE, count: 0 },
  ]);
});

test('names that look like formulas are text in the table', () => {
  const names = ['=1+1.wav', '+a.wav', '-b.wav', '@c.wav', 'say "hi", all.wav', 'plain.wav', '\tt.wav'];
  const lines = linesOf(toCsv(names.map((path) => makeAnswered({ path, seconds: 3 }))));
  const rest = ',pop,0.7,,3.00,v1,0.1,0.7,0.2';
  assert.deepEqual(lines, [
    'file,genre,probability,unfamiliar,seconds,version,blues,pop,rock',
    ...["'=1+1.wav", "'+a.wav", "'-b.wav", "'@c.wav", '"say ""hi"", all.wav"', 'plain.wav', "'\tt.wav"]
      .map((file) => file + rest),
  ]);
});

test('a formula with a comma gets an apostrophe within its quotes', () => {
  const path = 'album/=HYPERLINK("x"),1.wav';
  assert.match(toCsv([makeAnswered({ path })]), /\r\n"album\/=HYPERLINK\(""x""\),1.wav",pop/);
  assert.match(toCsv([makeAnswered({ path: '=SUM(1,2)' })]), /\r\n"'=SUM\(1,2\)",pop/);
});

test('a line break in a name stays within its cell', () => {
  assert.match(toCsv([makeAnswered({ path: 'two\nlines' })]), /\r\n"two\nlines",pop/);
});

test('songs of several versions share a table, blank where a version has no such genre', () => {
  const lines = linesOf(toCsv([
    makeAnswered({ path: 'old', seconds: 61.234, genres: ['pop', 'jazz'], probabilities: [0.25, 0.75], flag: true }),
    makeAnswered({ path: 'new', genres: ['rock', 'pop'], probabilities: [1, 0], version: 'v2', flag: false }),
  ]));
  assert.deepEqual(lines, [
    'file,genre,probability,unfamiliar,seconds,version,pop,jazz,rock',
    'old,jazz,0.75,true,61.23,v1,0.25,0.75,',
    'new,rock,1,false,12.00,v2,0,,1',
  ]);
});

test('a table by semicolons has decimal commas in its numbers alone', () => {
  const lines = linesOf(toCsv([
    makeAnswered({ path: 'a, b 1.5.wav', seconds: 61.234, flag: true }), makeAnswered({ path: '=1;2.wav', seconds: 3 }),
  ], undefined, FORMS.semicolon));
  assert.deepEqual(lines, [
    'file;genre;probability;unfamiliar;seconds;version;blues;pop;rock',
    'a, b 1.5.wav;pop;0,7;true;61,23;v1;0,1;0,7;0,2',
    '"\'=1;2.wav";pop;0,7;;3,00;v1;0,1;0,7;0,2',
  ]);
});

test('the form of a table is that of the browser’s language, or French on a French page', () => {
  for (const [page, browser, form] of [
    ['en', 'en-US', 'comma'], ['en', 'de-DE', 'semicolon'], ['en', 'fr', 'semicolon'], ['en', 'ja', 'comma'],
    ['en', 'ar-EG', 'comma'], ['fr', 'en-GB', 'semicolon'], ['fr', 'fr-CA', 'semicolon'], ['en', 'de-CH', 'swiss'],
    ['en', 'it-CH', 'swiss'], ['en', 'en-LI', 'swiss'],
    ['en', 'en-US@posix', 'comma'], ['en', '', 'comma'],
  ]) assert.equal(usualForm(page, browser), form, `${page} ${browser}`);
});

test('an empty table has its head line', () => {
  assert.deepEqual(linesOf(toCsv([])), ['file,genre,probability,unfamiliar,seconds,version']);
});

test('the JSON has each answer as it came, with the file and its length', () => {
  const song = makeAnswered({ path: 'side b/Été.ogg', seconds: 61.2345 });
  const text = toJson([song]);
  assert.ok(text.endsWith('\n'));
  assert.deepEqual(JSON.parse(text), {
    songs: [{ file: 'side b/Été.ogg', seconds: 61.23, ...song.prediction }],
  });
  assert.deepEqual(JSON.parse(toJson([])), { songs: [] });
});

test('a file whose name begins like a comment is no comment in a playlist', () => {
  const song = makeAnswered({ path: '#1 hit.mp3', seconds: 61.6 });
  assert.equal(toPlaylist([song]), '#EXTM3U\n#EXTINF:62,#1 hit\n./#1 hit.mp3\n');
});

test('a playlist has one line for the title and one for the path of each song', () => {
  const songs = [
    makeAnswered({ path: 'side b/Été & #1.ogg', seconds: 12.4 }),
    makeAnswered({ path: 'live/a\r\nb.c.flac', seconds: 0.4 }),
    makeAnswered({ path: 'without suffix', seconds: 3600 }),
  ];
  assert.equal(toPlaylist(songs), [
    '#EXTM3U',
    '#EXTINF:12,Été & #1', 'side b/Été & #1.ogg',
    '#EXTINF:0,a b.c', 'live/a b.c.flac',
    '#EXTINF:3600,without suffix', 'without suffix',
    '',
  ].join('\n'));
  assert.equal(toPlaylist([]), '#EXTM3U\n');
});
