/** The way of files into the list: as new songs, or as the sound of songs that have lost theirs. */

import { byId } from '../base/dom.js';
import { Song } from '../songs/song.js';
import { leftOutText } from './left_out.js';

/**
 * @typedef {import('./files.js').Chosen} Chosen
 *
 * @typedef {object} Around
 * @property {import('../songs/queue.js').SongQueue} queue
 * @property {{ready: Promise<unknown>, keepSounds(): void}} history ready: settles when the list has
 *   all songs of an earlier page
 * @property {{reveal(songs: Song[]): void}} list
 */

/**
 * The song that a file is the sound of: of those which have lost theirs, one of the same name and
 * size; rather one of the same folder, and rather one of which a part is wanted.
 * @param {Chosen} found
 * @param {Song[]} songs
 * @returns {Song | undefined}
 */
export function ownerOf({ file, path }, songs) {
  const same = songs.filter((song) => !song.file && song.fileName === file.name
    && song.size === file.size && (song.state !== 'failed' || song.retryable));
  const rank = (/** @type {Song} */ song) => 2 * Number(song.path === path) + Number(Boolean(song.wanted));
  return same.sort((a, b) => rank(b) - rank(a))[0];
}

export class Entrance {
  #queue;
  #history;
  #list;

  /** @param {Around} around */
  constructor({ queue, history, list }) {
    this.#queue = queue;
    this.#history = history;
    this.#list = list;
  }

  /**
   * @param {{files: Chosen[]} & Partial<import('./files.js').Found>} found
   */
  async add({ files, leftOut = {}, inFolder = false }) {
    await this.#history.ready;
    const { songs, again } = this.#sort(files);
    this.#queue.add(songs);
    this.#list.reveal([...songs, ...again]);
    const text = leftOutText(leftOut, inFolder);
    byId('left-out').hidden = !text;
    byId('left-out').textContent = text;
  }

  /**
   * @param {Chosen[]} files
   * @returns {{songs: Song[], again: Song[]}} new songs, and songs that have their sound again
   */
  #sort(files) {
    const lost = this.#queue.songs.filter((song) => !song.file);
    const songs = [];
    const again = [];
    for (const { file, path } of files) {
      const owner = ownerOf({ file, path }, lost);
      if (owner) {
        this.#queue.giveFile(owner, file);
        if (!owner.wanted) again.push(owner);
      }
      if (owner?.wanted) {
        songs.push(new Song(file, owner.path, owner.wanted));
        owner.wanted = null;
      } else if (!owner || this.#answeredByAnother(owner)) {
        // Another version may answer otherwise; the earlier answer stays beside it.
        songs.push(new Song(file, path));
      }
    }
    if (lost.some(({ file }) => file)) this.#history.keepSounds();
    return { songs, again };
  }

  /** @param {Song} song */
  #answeredByAnother({ state, prediction }) {
    return state === 'done' && prediction?.version !== this.#queue.model.version;
  }
}
