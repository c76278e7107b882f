/** The way of files into the list: as new songs, or as songs that are in it already. */

import { byId } from '../base/dom.js';
import { fingerprintAll } from '../songs/fingerprint.js';
import { Song } from '../songs/song.js';
import { leftOutText } from './left_out.js';
import { Listed } from './listed.js';
import { ListedView } from './listed_view.js';

/**
 * @typedef {import('./files.js').Chosen} Chosen
 *
 * @typedef {object} Around
 * @property {import('../songs/queue.js').SongQueue} queue
 * @property {{ready: Promise<unknown>, keepSounds(): void}} history ready: settles when the list has
 *   all songs of an earlier page
 * @property {{reveal(songs: Song[]): void, show(song: Song): void}} list
 */

// Files that are compared with the list before those of them that are new come into it.
const AT_A_TIME = 32;

export class Entrance {
  #queue;
  #history;
  #list;
  #listed;
  /** @type {Promise<unknown>} */
  #turn = Promise.resolve();

  /** @param {Around} around */
  constructor({ queue, history, list }) {
    this.#queue = queue;
    this.#history = history;
    this.#list = list;
    this.#listed = new ListedView(queue, (songs) => this.#judgeAnew(songs));
  }

  /**
   * Files whose name and size are new come into the list at once; the others are compared first.
   * @param {{files: Chosen[]} & Partial<import('./files.js').Found>} found
   */
  async add({ files, leftOut = {}, inFolder = false }) {
    await this.#history.ready;
    const listed = new Listed(this.#queue.songs);
    const songs = [];
    /** @type {Song[]} */
    const doubtful = [];
    for (const { file, path } of files) {
      const song = new Song(file, path);
      if (listed.alike(song).length) doubtful.push(song);
      else {
        listed.add(song);
        songs.push(song);
      }
    }
    this.#queue.add(songs);
    this.#list.reveal(songs);
    const text = leftOutText(leftOut, inFolder);
    byId('left-out').hidden = !text;
    byId('left-out').textContent = text;
    this.#listed.show([]);
    if (!doubtful.length) return;
    const compared = this.#turn.then(() => this.#compare(doubtful));
    // One that throws must not end those after it.
    this.#turn = compared.catch(() => {});
    const { added, again, known } = await compared;
    this.#listed.show(known);
    if (songs.length) return;
    if (added.length || again.length) this.#list.reveal([...added, ...again]);
    else byId('listed').scrollIntoView({ block: 'nearest' });
  }

  /**
   * @param {Song[]} fresh of files whose name and size are in the list
   * @returns {Promise<Record<'added' | 'again' | 'known', Song[]>>} new songs; those that have their sound
   *   again or are tried again; and those for which nothing is to be done
   */
  async #compare(fresh) {
    /** @type {Record<'added' | 'again' | 'known', Song[]>} */
    const all = { added: [], again: [], known: [] };
    for (let from = 0; from < fresh.length; from += AT_A_TIME) {
      const some = fresh.slice(from, from + AT_A_TIME);
      const before = new Listed(this.#queue.songs);
      await fingerprintAll([...new Set(some.flatMap((song) => [song, ...before.alike(song)]))]);
      // The list may be another one meanwhile.
      const listed = new Listed(this.#queue.songs);
      const added = [];
      for (const song of some) {
        const { songs, again, known } = this.#take(song, await listed.same(song));
        for (const each of songs) listed.add(each);
        added.push(...songs);
        all.again.push(...again);
        all.known.push(...known);
      }
      this.#queue.add(added);
      all.added.push(...added);
    }
    if (all.again.length || all.known.length) this.#history.keepSounds();
    return all;
  }

  /**
   * @param {Song} fresh of a file
   * @param {Song[]} same songs of the list that it is
   * @returns {{songs: Song[], again: Song[], known: Song[]}} songs: new ones
   */
  #take(fresh, same) {
    const [first] = same;
    // Another version may answer otherwise; the earlier answer stays beside it.
    const current = same.find((song) => !this.#answeredByAnother(song));
    const songs = current ? [] : [fresh];
    if (!first || (first.file && !current)) return { songs, again: [], known: [] };
    if (!first.file && fresh.file) {
      first.fingerprint ??= fresh.fingerprint;
      this.#queue.giveFile(first, fresh.file);
      if (first.wanted) {
        const part = new Song(fresh.file, first.path, first.wanted);
        first.wanted = null;
        return { songs: [part], again: [], known: [] };
      }
      return { songs, again: [first], known: first === current && first.finished && !first.part ? [first] : [] };
    }
    const song = current ?? first;
    if (!song.retryable) return { songs, again: [], known: [song] };
    this.#queue.retry(song);
    return { songs, again: [song], known: [] };
  }

  /** @param {Song} song */
  #answeredByAnother({ state, prediction }) {
    return state === 'done' && prediction?.version !== this.#queue.model.version;
  }

  /** @param {Song[]} songs */
  #judgeAnew(songs) {
    this.#queue.judgeAnew(songs);
    this.#history.keepSounds();
    // The button that had the focus is gone.
    if (songs.length === 1) this.#list.show(songs[0]);
    else {
      this.#list.reveal(songs);
      byId('pause').focus({ preventScroll: true });
    }
  }
}
