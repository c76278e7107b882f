/** Says how many of the files that came in are in the list already, and offers to judge these songs anew. */

import { byId, one } from '../base/dom.js';
import { integer } from '../base/format.js';
import { tn } from '../base/text.js';

/** @typedef {import('../songs/song.js').Song} Song */

export class ListedView {
  #place = byId('listed');
  #text = one(this.#place, '[role=status]');
  #button = one(this.#place, 'button', HTMLButtonElement);
  /** @type {Song[]} */
  #songs = [];

  /**
   * @param {import('../songs/queue.js').SongQueue} queue
   * @param {(songs: Song[]) => void} onPress
   */
  constructor(queue, onPress) {
    queue.on('remove', (gone) => {
      if (this.#songs.length) this.show(this.#songs.filter((song) => !gone.includes(song)));
    });
    this.#button.addEventListener('click', () => {
      const songs = this.#songs;
      this.show([]);
      onPress(songs);
    });
  }

  /** @param {Song[]} songs that were in the list when their files came; the same one may come twice */
  show(songs) {
    this.#songs = [...new Set(songs)];
    const n = this.#songs.length;
    this.#place.hidden = !n;
    this.#text.textContent = n ? tn('{n} song is in the list already.', '{n} songs are in the list already.', n, { n: integer(n) }) : '';
    if (n) this.#button.textContent = tn('Judge it anew', 'Judge them anew', n);
  }
}
