import assert from 'node:assert/strict';
import test from 'node:test';

import '../page.js';
import { UserError } from '../../../static/js/base/errors.js';
import { Listed } from '../../../static/js/intake/listed.js';
import { fingerprintAll } from '../../../static/js/songs/fingerprint.js';
import { Song } from '../../../static/js/songs/song.js';
import { makeSong } from '../made.js';

/** A song whose sound was not kept. @param {string} name @param {string} [path] */
const lost = (name, path) => new Song({ name, size: 'sound'.length }, path);

/** @param {Song} fresh @param {Song[]} songs @returns {Promise<Song[]>} */
async function same(fresh, songs) {
  await fingerprintAll([fresh, ...songs]);
  return new Listed(songs).same(fresh);
}

test('name, size and content make a song, whatever its folder', async () => {
  const song = makeSong('a.mp3', 'old/a.mp3');
  const others = [makeSong('b.mp3'), makeSong('a.mp3', 'a.mp3', 'noise'), makeSong('a.mp3', 'a.mp3', 'longer')];
  assert.deepEqual(await same(makeSong('a.mp3', 'new/a.mp3'), [...others, song]), [song]);
  assert.deepEqual(await same(makeSong('a.mp3', 'a.mp3', 'sound!'), [song]), []);
});

test('a part is another song than its file', async () => {
  const { file } = makeSong('a.mp3');
  assert.ok(file);
  assert.deepEqual(await same(makeSong('a.mp3'), [new Song(file, 'a.mp3', { from: 0, to: 1 })]), []);
});

test('name and size decide for a lost sound whose fingerprint was not kept', async () => {
  const song = lost('a.mp3');
  assert.deepEqual(await same(makeSong('a.mp3'), [song]), [song]);
  song.fingerprint = 'of something else';
  assert.deepEqual(await same(makeSong('a.mp3'), [song]), []);
});

test('a lost sound of its own folder comes first, then the one of which a part is wanted', async () => {
  const [elsewhere, wanted, here] = [lost('a.mp3', 'x/a.mp3'), lost('a.mp3', 'y/a.mp3'), lost('a.mp3', 'z/a.mp3')];
  wanted.wanted = { from: 0, to: 1 };
  const there = makeSong('a.mp3', 'z/a.mp3');
  assert.deepEqual(
    await same(makeSong('a.mp3', 'z/a.mp3'), [there, elsewhere, wanted, here]),
    [here, wanted, elsewhere, there],
  );
});

test('a song that has failed for good is one of the list only by its content', async () => {
  const failed = lost('a.mp3');
  failed.state = 'failed';
  failed.error = new UserError('no sound', { retryable: false });
  assert.deepEqual(await same(makeSong('a.mp3'), [failed]), []);
  const fresh = makeSong('a.mp3');
  await fingerprintAll([fresh]);
  failed.fingerprint = fresh.fingerprint;
  assert.deepEqual(await same(fresh, [failed]), [failed]);
});
