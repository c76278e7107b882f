/** Names of own genres, as features/own_genres.py takes them. */

import { UserError } from '../base/errors.js';
import { t } from '../base/text.js';

const LONGEST = 60;

/** @param {string} name @returns {string} the same for two spellings: "Hip-Hop" and "hiphop" */
export const spelling = (name) => name.toLowerCase().replaceAll(/[\s_-]/g, '') || name;

/**
 * @param {string} name as it was typed
 * @returns {string} without needless or invisible characters
 * @throws {UserError} nothing is left, or too much
 */
export function cleanName(name) {
  // Unlike JavaScript's, Python's white space has these control characters and no byte order mark.
  const shown = name.replaceAll('\ufeff', '').replaceAll(/[\s\x1c-\x1f\x85]/g, ' ')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '');
  // Composed last: an invisible character may have stood between a letter and its accent.
  const clean = shown.normalize('NFC').replaceAll(/ +/g, ' ').trim();
  if (!clean) throw new UserError(t('A genre needs a name.'));
  if ([...clean].length > LONGEST) {
    throw new UserError(t('A genre’s name has at most {most} characters.', { most: LONGEST }));
  }
  return clean;
}

/**
 * @param {string} name as it was typed
 * @param {string[]} known genres
 * @returns {string} the known genre of this spelling, or the name itself
 * @throws {UserError} as above
 */
export function resolveName(name, known) {
  const clean = cleanName(name);
  return known.find((genre) => spelling(genre) === spelling(clean)) ?? clean;
}

/**
 * The genre that a song's place in a folder tells.
 * @param {string} path such as "my music/gnawa/an artist/song.mp3"
 * @param {boolean} deep whether songs lie in folders of the chosen one
 * @returns {{genre: string, folder: string} | null} folder: the first below the genre's, as of an artist;
 *   null for a song beside the folders of genres
 */
export function filedByFolder(path, deep) {
  const parts = path.split('/').filter(Boolean);
  const inner = deep ? parts.slice(1) : parts;
  return inner.length > 1 ? { genre: inner[0], folder: inner.length > 2 ? inner[1] : '' } : null;
}
