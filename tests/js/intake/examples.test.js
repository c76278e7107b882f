import assert from 'node:assert/strict';
import test from 'node:test';

import '../page.js';
import { listedSongs, sortByFolder } from '../../../static/js/intake/examples.js';
import { Song } from '../../../static/js/songs/song.js';

/** @param {string} path @param {string} [content] */
const chosen = (path, content = 'sound') =>
  ({ file: new File([content], path.slice(path.lastIndexOf('/') + 1)), path });

/** @param {string} path @param {string} [content] */
const listed = (path, content) => new Song(chosen(path, content).file, path);

/** @param {string[]} paths @returns {[string, string, string][]} path, genre and folder of each that is filed */
const filed = (paths) => sortByFolder(paths.map((path) => chosen(path))).filed
  .map(({ path, genre, folder }) => [path, genre, folder]);

test('a folder with a folder per genre files its songs, and leaves those beside these out', () => {
  const paths = ['music/gnawa/a.mp3', 'music/gnawa/one/b.mp3', 'music/chaabi/a.mp3', 'music/c.mp3'];
  assert.deepEqual(filed(paths), [
    ['music/gnawa/a.mp3', 'gnawa', ''], ['music/gnawa/one/b.mp3', 'gnawa', 'one'],
    ['music/chaabi/a.mp3', 'chaabi', ''],
  ]);
  assert.equal(sortByFolder(paths.map((path) => chosen(path))).beside, 1);
});

test('a folder that holds nothing but songs is one genre', () => {
  assert.deepEqual(filed(['gnawa/a.mp3', 'gnawa/b.mp3']), [
    ['gnawa/a.mp3', 'gnawa', ''], ['gnawa/b.mp3', 'gnawa', ''],
  ]);
});

test('several folders that are dropped together are a genre each', () => {
  assert.deepEqual(filed(['gnawa/one/a.mp3', 'chaabi/b.mp3', 'c.mp3']), [
    ['gnawa/one/a.mp3', 'gnawa', 'one'], ['chaabi/b.mp3', 'chaabi', ''],
  ]);
});

test('files without folders tell no genre', () => {
  assert.deepEqual(sortByFolder([chosen('a.mp3'), chosen('b.mp3')]), { filed: [], beside: 2 });
  assert.deepEqual(sortByFolder([]), { filed: [], beside: 0 });
});

test('a song of the list is known by name and size, wherever it lay', () => {
  const songs = [listed('a.mp3'), listed('old/b.mp3'), listed('music/gnawa/c.mp3', 'another')];
  const files = ['music/gnawa/a.mp3', 'music/gnawa/b.mp3', 'music/gnawa/c.mp3'].map((path) => chosen(path));
  assert.deepEqual(listedSongs(files, songs), [songs[0], songs[1], null]);
});

test('songs of one name and size are told apart by their paths, and none is two files', () => {
  const songs = [listed('music/chaabi/01.wav'), listed('01.wav')];
  const files = ['music/gnawa/01.wav', 'music/chaabi/01.wav', 'music/malhun/01.wav'].map((path) => chosen(path));
  assert.deepEqual(listedSongs(files, songs), [songs[1], songs[0], null]);
});

test('a stretch of a song is no song of the list', () => {
  const { file, path } = chosen('music/gnawa/a.mp3');
  assert.deepEqual(listedSongs([{ file, path }], [new Song(file, path, { from: 0, to: 5 })]), [null]);
});
