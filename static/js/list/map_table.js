/** The map as a table: what it shows of each song, for reading and for screen readers. */

import { byId, copyOf, one } from '../base/dom.js';
import { colourClasses } from '../base/genres.js';
import { t } from '../base/text.js';
import { nearnessInFull } from '../own/nearness.js';
import { shownInWords } from '../own/shown_genre.js';

/**
 * @typedef {import('../songs/song.js').Song} Song
 * @typedef {import('../own/places.js').Places} Places
 *
 * @typedef {object} Around
 * @property {(song: Song) => import('../own/shown_genre.js').ShownGenre | null} genreOf
 * @property {(song: Song) => boolean} isShown whether the list shows it
 * @property {(song: Song) => void} reveal
 * @property {(song: Song, marked: boolean) => void} onMark
 */

// Longer work in one go is felt.
const SLICE_MS = 12;

/**
 * @template In, Out
 * @param {In[]} all
 * @param {(each: In) => Out} work
 * @param {AbortSignal} signal
 * @returns {Promise<Out[] | null>} null when it was given up
 */
async function inSlices(all, work, signal) {
  const done = [];
  let start = performance.now();
  for (const each of all) {
    done.push(work(each));
    if (performance.now() - start < SLICE_MS) continue;
    await new Promise((resolve) => { setTimeout(resolve); });
    if (signal.aborted) return null;
    start = performance.now();
  }
  return done;
}

/** @param {HTMLElement} row @returns its parts, by their use */
const partsOf = (row) => ({
  row,
  box: one(row, 'input', HTMLInputElement),
  song: one(row, '.map-song'),
  swatch: one(row, '.swatch'),
  genre: one(row, '.map-genre'),
  filtered: one(row, '.map-filtered'),
  nearest: one(row, '.map-nearest'),
  near: one(row, '.map-near'),
});

/** @param {HTMLElement} element is laid out anew when it is written @param {string} text */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export class MapTable {
  #details = byId('map-table', HTMLDetailsElement);
  #body = byId('map-rows');
  #around;
  /** @type {Map<Song, ReturnType<typeof partsOf>>} */
  #rows = new Map();
  /** @type {Places | null} */
  #places = null;
  /** @type {ReadonlySet<Song>} */
  #marked = new Set();
  #filling = new AbortController();

  /** @param {Around} around */
  constructor(around) {
    this.#around = around;
    this.#details.addEventListener('toggle', () => this.#fill());
  }

  /** @param {Places | null} places */
  show(places) {
    this.#places = places;
    this.#fill();
  }

  /** Show the genres, and which songs the list shows, anew. */
  renew() {
    if (!this.#details.open) return;
    for (const [song, parts] of this.#rows) this.#tellGenre(song, parts);
  }

  /** @param {ReadonlySet<Song>} marked */
  mark(marked) {
    this.#marked = marked;
    for (const [song, { box }] of this.#rows) box.checked = marked.has(song);
  }

  /** The rows first, then the nearest song of each: of thousands that takes a while. */
  async #fill() {
    this.#filling.abort();
    this.#filling = new AbortController();
    const { signal } = this.#filling;
    const places = this.#places;
    delete this.#body.dataset.filled;
    if (!this.#details.open || !places) return;
    for (const [song, { row }] of this.#rows) {
      if (places.rowOf(song) >= 0) continue;
      row.remove();
      this.#rows.delete(song);
    }
    const missing = places.songs.filter((song) => !this.#rows.has(song));
    const added = await inSlices(missing, (song) => this.#make(song), signal);
    if (!added) return;
    missing.forEach((song, i) => this.#rows.set(song, added[i]));
    this.#body.append(...added.map(({ row }) => row));
    const nearest = await inSlices(places.songs, (song) => places.nearest(song, 1)[0], signal);
    if (!nearest) return;
    places.songs.forEach((song, i) => {
      const parts = this.#rows.get(song);
      if (!parts) return;
      write(parts.nearest, nearest[i].song.name);
      write(parts.near, nearnessInFull(nearest[i].share));
    });
    this.#body.dataset.filled = String(places.songs.length);
  }

  /** @param {Song} song */
  #make(song) {
    const parts = partsOf(copyOf('map-row-template'));
    const { box, song: button } = parts;
    box.ariaLabel = t('Mark {name}', { name: song.name });
    box.checked = this.#marked.has(song);
    box.addEventListener('change', () => this.#around.onMark(song, box.checked));
    button.textContent = song.name;
    button.addEventListener('click', () => this.#around.reveal(song));
    this.#tellGenre(song, parts);
    return parts;
  }

  /** @param {Song} song @param {ReturnType<typeof partsOf>} parts */
  #tellGenre(song, { swatch, genre, filtered }) {
    const shown = this.#around.genreOf(song);
    const colour = shown ? colourClasses([shown.genre])[0] : '';
    swatch.className = `swatch ${shown?.unsure ? 'unsure' : colour}`;
    write(genre, shown ? shownInWords(shown) : '');
    filtered.hidden = this.#around.isShown(song);
  }
}
