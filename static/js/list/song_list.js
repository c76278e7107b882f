/** The songs of the queue on the page, each with its view. */

import { SongView } from '../answer/song_view.js';
import { byId, one } from '../base/dom.js';
import { t } from '../base/text.js';
import { askForFiles } from '../intake/choice.js';
import { Song } from '../songs/song.js';

/** @param {HTMLElement} element of a song @returns the next one that is shown, or the one before */
function neighbour(element) {
  const shown = [...byId('list').children].filter((each) => each instanceof HTMLElement && !each.hidden);
  const place = shown.indexOf(element);
  return shown[place + 1] ?? shown[place - 1];
}

export class SongList {
  #queue;
  #around;

  /**
   * @param {import('../songs/queue.js').SongQueue} queue
   * @param {import('../answer/song_view.js').Around} around what the views need
   */
  constructor(queue, around) {
    this.#queue = queue;
    this.#around = around;
    /** @type {Map<Song, SongView>} */
    this.views = new Map();
    queue.on('add', (songs) => this.#add(songs));
    queue.on('remove', (songs) => this.#remove(songs));
  }

  /**
   * Bring songs before the visitor's eyes. A single one shows its answer at once: the room for it is
   * taken before it is known.
   * @param {Song[]} songs
   */
  reveal(songs) {
    const [view] = songs.map((song) => this.views.get(song));
    if (songs.length === 1) view?.open(true);
    view?.element.scrollIntoView({ block: 'nearest' });
  }

  /** Open a song, also one that the filter hides, and go to it. @param {Song} song */
  show(song) {
    const view = this.views.get(song);
    if (!view) return;
    if (view.element.hidden) {
      const filter = byId('filter', HTMLSelectElement);
      filter.value = '';
      filter.dispatchEvent(new Event('change'));
    }
    view.open(true);
    view.element.scrollIntoView({ block: 'start' });
    one(view.element, '.song-toggle').focus({ preventScroll: true });
  }

  /** Try songs again; those whose sound is not kept have to be chosen first. @param {Song[]} songs */
  retry(songs) {
    for (const song of songs) this.#queue.retry(song);
    if (songs.some((song) => song.retryable && song.needsFile)) askForFiles();
  }

  /** @param {Song[]} songs */
  #add(songs) {
    const views = songs.map((song) => new SongView(song, this.#around, {
      onRetry: () => this.retry([song]),
      onRemove: () => this.#take(song),
      onAll: () => this.#listenToAll(song),
      onPart: (from, to) => this.#analysePart(song, from, to),
    }));
    songs.forEach((song, i) => this.views.set(song, views[i]));
    byId('list').append(...views.map(({ element }) => element));
  }

  /** @param {Song[]} songs */
  #remove(songs) {
    for (const song of songs) {
      this.views.get(song)?.remove();
      this.views.delete(song);
    }
  }

  /** Take one song off the list; the focus goes to the next one. @param {Song} song */
  #take(song) {
    const view = this.views.get(song);
    const next = view && neighbour(view.element);
    this.#queue.remove([song]);
    /** @type {HTMLElement} */ (next?.querySelector('.song-remove') ?? byId('songs')).focus();
  }

  /** Listen to all of a song; one whose sound is not kept has to be chosen first. @param {Song} song */
  #listenToAll(song) {
    this.#queue.listenToAll(song);
    if (song.wantsWhole) askForFiles();
  }

  /**
   * Analyse a stretch of a song as a song of its own; of a part, a part of the same file.
   * @param {Song} song
   * @param {number} from seconds from the song's beginning
   * @param {number} to
   * @returns {string} why it has to wait, or nothing
   */
  #analysePart(song, from, to) {
    const { file, path, begin } = song;
    const part = { from: begin + from, to: begin + to };
    if (!file) {
      song.wanted = part;
      askForFiles();
      return t('The sound itself is not kept: choose the file again, and this part of it is analysed.');
    }
    const songs = [new Song(file, path, part)];
    this.#queue.add(songs);
    this.reveal(songs);
    return '';
  }
}
