/** The head of the list: how many songs are done, and the buttons for all of them. */

import { byId } from '../base/dom.js';
import { integer } from '../base/format.js';
import { tn } from '../base/text.js';

// Summarising takes time proportional to the list. A shorter one is summarised at every change, a
// longer one now and then, so that it takes no more than this share of the time.
const LONG_LIST = 100;
const SHARE = 0.02;

export class Summary {
  #queue;
  #collection;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #ended = 0;
  #took = 0;

  /**
   * @param {import('../songs/queue.js').SongQueue} queue
   * @param {import('./song_list.js').SongList} list
   * @param {import('./collection_view.js').CollectionView} collection summarises several songs
   */
  constructor(queue, list, collection) {
    this.#queue = queue;
    this.#collection = collection;
    for (const event of /** @type {const} */ (['add', 'remove', 'use'])) {
      queue.on(event, () => this.#summarise());
    }
    queue.on('change', () => this.#summariseSoon());
    byId('clear').addEventListener('click', () => {
      queue.remove(queue.songs);
      byId('left-out').hidden = true;
      byId('songs').focus();
    });
    byId('retry-failed').addEventListener('click', () => list.retry(queue.songs));
  }

  #summariseSoon() {
    const wait = this.#ended + this.#took / SHARE - performance.now();
    if (this.#queue.songs.length < LONG_LIST || (wait <= 0 && !this.#timer)) this.#summarise();
    else this.#timer ??= setTimeout(() => this.#summarise(), Math.max(0, wait));
  }

  #summarise() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const start = performance.now();
    this.#show();
    this.#collection.update();
    this.#ended = performance.now();
    this.#took = this.#ended - start;
  }

  #show() {
    const { songs } = this.#queue;
    const count = { done: 0, failed: 0, cancelled: 0, retryable: 0 };
    for (const song of songs) {
      const { state } = song;
      if (state !== 'done' && state !== 'failed' && state !== 'cancelled') continue;
      count[state] += 1;
      if (state !== 'done' && song.retryable) count.retryable += 1;
    }
    const { done, failed, cancelled } = count;
    const n = songs.length;
    byId('queue').hidden = !n;
    document.body.classList.toggle('has-songs', n > 0);
    const text = [
      tn('{done} of {n} song done', '{done} of {n} songs done', n, { done: integer(done), n: integer(n) }),
      failed ? tn('{n} failed', '{n} failed', failed, { n: integer(failed) }) : '',
      cancelled ? tn('{n} cancelled', '{n} cancelled', cancelled, { n: integer(cancelled) }) : '',
    ].filter(Boolean).join(', ');
    // Read out by screen readers, so written only when it differs.
    if (byId('summary').textContent !== text) byId('summary').textContent = text;
    byId('retry-failed').hidden = count.retryable < 2;
  }
}
