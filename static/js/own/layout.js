/**
 * The layout of the list by the model's numbers for its songs: made when somebody asks, once for all
 * changes of a moment, and kept until songs with other numbers come or go.
 */

import { Places } from './places.js';

/** @typedef {import('../songs/song.js').Song} Song */

// While songs come all the time, a layout is followed by a rest of so many times what it took: the
// analysis works in the same thread.
const REST = 3;
const LONGEST_REST_MS = 5000;

/** Fires "change" when the layout is no longer that of the list: who shows it asks again. */
export class Layout extends EventTarget {
  #own;
  #queue;
  /** The numbers of each song that has some. @type {Map<Song, number[]>} */
  #numbers = new Map();
  /** @type {Places | null} */
  #places = null;
  // Counts the changes of the list, and says of which its places are.
  #changes = 0;
  #placedAt = 0;
  /** @type {Promise<Places | null> | null} */
  #making = null;
  #restUntil = 0;
  #telling = false;

  /**
   * @param {import('./own_genres.js').OwnGenres} own
   * @param {import('../songs/queue.js').SongQueue} queue
   */
  constructor(own, queue) {
    super();
    this.#own = own;
    this.#queue = queue;
    queue.on('add', (songs) => this.#look(songs));
    queue.on('remove', (songs) => this.#drop(songs));
    queue.on('change', (song) => this.#look([song]));
    queue.on('use', () => {
      this.#look(queue.songs);
      this.#change();
    });
    this.#look(queue.songs);
  }

  /** Whether the version that answers gives numbers by which songs can be laid out. */
  get able() {
    return this.#own.able;
  }

  /** The version that answers. */
  get version() {
    return this.#queue.model.version;
  }

  /** Number of songs that can be laid out. */
  get count() {
    return this.able ? this.#numbers.size : 0;
  }

  /**
   * @returns {Promise<Places | null>} null where no song can be laid out
   * @throws {import('../base/errors.js').UserError}
   */
  get() {
    // Answers of an earlier visit may lack the numbers.
    this.#own.askForMissing();
    if (!this.#making && this.#placedAt === this.#changes) return Promise.resolve(this.#places);
    this.#making ??= this.#make().finally(() => { this.#making = null; });
    return this.#making;
  }

  async #make() {
    const rest = this.#restUntil - performance.now();
    await new Promise((resolve) => { setTimeout(resolve, Math.max(0, rest)); });
    const changes = this.#changes;
    const start = performance.now();
    try {
      const found = this.count ? await this.#own.layOut() : null;
      this.#places = found && new Places(found.songs, found.laid);
      this.#placedAt = changes;
    } finally {
      const end = performance.now();
      this.#restUntil = end + Math.min(LONGEST_REST_MS, REST * (end - start));
      // Songs came meanwhile.
      if (this.#changes !== changes) this.#tell();
    }
    return this.#places;
  }

  /** @param {Song[]} songs that may have other numbers */
  #look(songs) {
    const of = this.#queue.model.embedding?.modelSha256;
    for (const song of songs) {
      const { embedding } = song;
      const numbers = embedding && embedding.model === of ? embedding.song : undefined;
      if (numbers === this.#numbers.get(song)) continue;
      if (numbers) this.#numbers.set(song, numbers);
      else this.#numbers.delete(song);
      this.#change();
    }
  }

  /** @param {Song[]} songs that have left the list */
  #drop(songs) {
    for (const song of songs) if (this.#numbers.delete(song)) this.#change();
  }

  #change() {
    this.#changes += 1;
    this.#tell();
  }

  /** Tell of all changes of a moment at once. */
  #tell() {
    if (this.#telling) return;
    this.#telling = true;
    setTimeout(() => {
      this.#telling = false;
      this.dispatchEvent(new Event('change'));
    });
  }
}
