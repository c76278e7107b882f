import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { UserError } from '../../../static/js/base/errors.js';
import { cleanName, filedByFolder, resolveName, spelling } from '../../../static/js/own/names.js';

/**
 * @typedef {{typed: string, clean: string, spelling: string, error?: string}} Case a row of the table
 *   that tests/features/test_genre_names.py holds Python to
 */
/** @type {Case[]} */
const CASES = JSON.parse(readFileSync(new URL('../../data/genre_names.json', import.meta.url), 'utf8'));

/** @type {Record<string, RegExp>} */
const SENTENCES = { empty_name: /^A genre needs a name\.$/, long_name: /at most 60 characters\.$/ };

for (const { typed, clean, spelling: spelled, error } of CASES) {
  test(`page and Python take ${JSON.stringify(typed).slice(0, 40)} alike`, () => {
    if (error) {
      assert.throws(() => cleanName(typed), (refused) =>
        refused instanceof UserError && SENTENCES[error].test(refused.message));
      return;
    }
    assert.equal(cleanName(typed), clean);
    assert.equal(cleanName(clean), clean);
    assert.equal(spelling(clean), spelled);
  });
}

test('a name in another spelling is that of the genre that is known', () => {
  const known = ['Hip-Hop', 'Sunday morning'];
  assert.equal(resolveName(' hiphop', known), 'Hip-Hop');
  assert.equal(resolveName('SUNDAY_MORNING', known), 'Sunday morning');
  assert.equal(resolveName(' Sunday  evening ', known), 'Sunday evening');
  assert.throws(() => resolveName('', known), UserError);
});

test('the folder below the chosen one is the genre, and the next one the artist', () => {
  assert.deepEqual(filedByFolder('my music/gnawa/song.mp3', true), { genre: 'gnawa', folder: '' });
  assert.deepEqual(filedByFolder('my music/gnawa/an artist/song.mp3', true), { genre: 'gnawa', folder: 'an artist' });
  assert.deepEqual(filedByFolder('my music/gnawa/an artist/an album/song.mp3', true), { genre: 'gnawa', folder: 'an artist' });
  assert.equal(filedByFolder('my music/song.mp3', true), null);
  assert.deepEqual(filedByFolder('gnawa/song.mp3', false), { genre: 'gnawa', folder: '' });
  assert.equal(filedByFolder('song.mp3', false), null);
});
