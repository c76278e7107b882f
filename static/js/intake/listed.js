/** Songs of the list by the names and sizes of their files, and which of them a file is. */

import { sameContent } from '../songs/fingerprint.js';

/** @typedef {import('../songs/song.js').Song} Song */

/** @param {{fileName: string, size: number}} song */
const keyOf = ({ fileName, size }) => `${size} ${fileName}`;

export class Listed {
  /** @type {Map<string, Song[]>} */
  #found = new Map();

  /** @param {Song[]} songs of the list */
  constructor(songs) {
    for (const song of songs) this.add(song);
  }

  /** @param {Song} song */
  add(song) {
    // A part is another song than its file, but may want the file back.
    if (song.part && song.file) return;
    const same = this.#found.get(keyOf(song));
    if (same) same.push(song);
    else this.#found.set(keyOf(song), [song]);
  }

  /** @param {Song} fresh @returns {readonly Song[]} those whose files have the name and the size of its file */
  alike(fresh) {
    return this.#found.get(keyOf(fresh)) ?? [];
  }

  /**
   * The songs of the list that a file is. Where the content of a lost sound cannot be told, name and size
   * decide, unless the song has failed for good.
   * @param {Song} fresh of the file
   * @returns {Promise<Song[]>} those that have lost their sound first: of these, one of which a part is wanted;
   *   then those of the same folder
   */
  async same(fresh) {
    const found = [];
    for (const song of this.alike(fresh)) {
      const equal = await sameContent(fresh, song);
      if (equal ?? (song.state !== 'failed' || song.retryable)) found.push({ song, rank: rank(song, fresh, equal) });
    }
    return found.sort((a, b) => b.rank - a.rank).map(({ song }) => song);
  }
}

/**
 * @param {Song} song
 * @param {Song} fresh
 * @param {boolean | null} equal whether their content is; null: cannot be told
 */
const rank = (song, fresh, equal) => 8 * Number(!song.file) + 4 * Number(equal === true)
  + 2 * Number(song.path === fresh.path) + Number(Boolean(song.wanted));
