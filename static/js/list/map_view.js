/** The map of the list: songs that sound alike to the model lie near each other. */

import { byId, one } from '../base/dom.js';
import { UserError, reasonOf } from '../base/errors.js';
import { integer, percent } from '../base/format.js';
import { t, tn } from '../base/text.js';
import { nearness } from '../own/nearness.js';
import { shownGenre, shownInWords } from '../own/shown_genre.js';
import { showLegend } from './map_legend.js';
import { MapPicture } from './map_picture.js';
import { DIRECTIONS, boxOf, hit, inBox, next } from './map_points.js';
import { MapTable } from './map_table.js';

/**
 * @typedef {import('../songs/song.js').Song} Song
 * @typedef {import('../own/places.js').Places} Places
 *
 * @typedef {object} Around
 * @property {import('../songs/queue.js').SongQueue} queue
 * @property {import('../own/own_genres.js').OwnGenres} own
 * @property {import('../own/layout.js').Layout} layout
 * @property {import('./song_list.js').SongList['views']} views
 * @property {(song: Song) => void} reveal shows a song of the list
 */

const FEWEST_SONGS = 2;
// Songs to which lines are drawn.
const LINKS = 3;
// How far from a point it is still hit, in CSS pixels.
const REACH = { fine: 10, coarse: 22 };
// A shorter drag is a click with an unsteady hand.
const SHORTEST_DRAG_PX = 5;

export class MapView {
  #around;
  #details = byId('map', HTMLDetailsElement);
  #element = byId('map-picture');
  #picture;
  #table;
  /** @type {Places | null} */
  #places = null;
  #attempt = 0;
  /** Under the pointer. @type {Song | null} */
  #hovered = null;
  /** Where the keyboard is. @type {Song | null} */
  #focused = null;
  /** @type {Set<Song>} */
  #marked = new Set();
  /** Where a drag began, and whether it is one. @type {{x: number, y: number, drawn: boolean} | null} */
  #drag = null;
  #dragged = false;
  /** A finger, rather than a mouse. */
  #coarse = false;
  #byOne = false;

  /** @param {Around} around */
  constructor(around) {
    this.#around = around;
    const { queue, own, layout, reveal } = around;
    this.#picture = new MapPicture(byId('map-canvas', HTMLCanvasElement));
    this.#table = new MapTable({
      genreOf: (song) => shownGenre(song, own),
      isShown: (song) => this.#isShown(song),
      reveal,
      onMark: (song, marked) => this.#mark([song], marked),
    });
    this.#details.addEventListener('toggle', () => this.#renew());
    layout.addEventListener('change', () => this.#update());
    own.addEventListener('change', () => this.#recolour());
    byId('list').addEventListener('shown', () => this.#recolour());
    queue.on('remove', () => {
      if (!queue.songs.length) this.#details.open = false;
    });
    this.#followPointer();
    this.#followKeys();
    this.#offerFiling();
    this.#update();
  }

  // --- what is on the map -------------------------------------------------------------------------

  /** The layout is no longer that of the list. */
  #update() {
    const { count } = this.#around.layout;
    this.#details.hidden = count < FEWEST_SONGS;
    if (this.#details.open) this.#renew();
    else this.#details.dataset.points = String(count);
  }

  async #renew() {
    this.#attempt += 1;
    const mine = this.#attempt;
    if (!this.#details.open) return;
    if (!this.#places) this.#say(t('Laying out the songs…'));
    try {
      const places = await this.#around.layout.get();
      // It may have changed again.
      if (mine === this.#attempt) this.#show(places);
    } catch (error) {
      if (mine !== this.#attempt) return;
      if (!(error instanceof UserError)) console.error(error);
      this.#show(null);
      this.#say(error instanceof UserError
        ? error.message : t('Something unexpected went wrong ({reason}). Retry, please.', { reason: reasonOf(error) }));
    }
  }

  /** @param {Places | null} places */
  #show(places) {
    const found = places && places.songs.length >= FEWEST_SONGS ? places : null;
    this.#places = found;
    byId('map-parts').hidden = !found;
    this.#details.dataset.points = String(found?.songs.length ?? 0);
    this.#say('');
    this.#hovered = null;
    if (found && this.#focused && found.rowOf(this.#focused) < 0) this.#focused = null;
    if (found) {
      const [first, second] = found.shares;
      byId('map-caption').textContent = t('Songs that lie near each other sound alike to the model. The two directions show {first} and {second} of the differences between these songs; lines lead from a song to those that are nearest to it by all of them.', {
        first: percent(first), second: percent(second),
      });
    }
    this.#recolour();
    this.#table.show(found);
  }

  /** Genres differ, or other songs are shown. */
  #recolour() {
    if (!this.#details.open) return;
    const songs = this.#places?.songs ?? [];
    const { own } = this.#around;
    const shown = songs.map((song) => shownGenre(song, own));
    this.#picture.show(this.#places?.points ?? [], songs.map((song, i) => ({
      genre: shown[i]?.genre ?? '', hollow: shown[i]?.unsure ?? true, faint: !this.#isShown(song),
    })));
    showLegend(byId('map-legend'), shown);
    this.#table.renew();
    this.#keepMarks();
    this.#tell();
  }

  /** @param {Song} song */
  #isShown(song) {
    return !this.#around.views.get(song)?.element.hidden;
  }

  /** @param {string} text */
  #say(text) {
    const message = byId('map-message');
    if (message.textContent !== text) message.textContent = text;
    message.hidden = !text;
  }

  // --- the song that is told ----------------------------------------------------------------------

  get #current() {
    return this.#hovered ?? (this.#element.matches(':focus-visible') ? this.#focused : null);
  }

  /** @param {Iterable<Song>} songs @returns {number[]} their points */
  #rowsOf(songs) {
    return [...songs].map((song) => this.#places?.rowOf(song) ?? -1).filter((row) => row >= 0);
  }

  #stress() {
    const song = this.#current;
    const nearest = (song && this.#places?.nearest(song, LINKS)) ?? [];
    this.#picture.stress({
      current: song ? this.#places?.rowOf(song) ?? -1 : -1,
      links: this.#rowsOf(nearest.map((each) => each.song)),
    });
  }

  #tell() {
    const song = this.#current;
    const places = this.#places;
    this.#element.classList.toggle('over', this.#hovered !== null);
    this.#stress();
    const readout = byId('map-readout');
    const text = song && places ? this.#textOf(song, places) : '';
    if (readout.textContent !== text) readout.textContent = text;
  }

  /** @param {Song} song @param {Places} places */
  #textOf(song, places) {
    const shown = shownGenre(song, this.#around.own);
    const texts = [shown ? t('{song}: {genre}.', { song: song.name, genre: shownInWords(shown) }) : `${song.name}.`];
    const [nearest] = places.nearest(song, 1);
    const word = nearest ? nearness(nearest.share) : '';
    if (word) texts.push(t('Nearest: {song} ({near}).', { song: nearest.song.name, near: word }));
    if (this.#marked.has(song)) texts.push(t('Marked.'));
    if (!this.#isShown(song)) texts.push(t('The list does not show it now.'));
    return texts.join(' ');
  }

  // --- pointer ------------------------------------------------------------------------------------

  #followPointer() {
    const element = this.#element;
    element.addEventListener('pointermove', (event) => this.#move(event));
    element.addEventListener('pointerleave', () => this.#hover(null));
    element.addEventListener('pointerdown', (event) => {
      const { pointerType, button, pointerId } = event;
      this.#dragged = false;
      this.#coarse = pointerType === 'touch';
      // A finger scrolls the page.
      if (button || this.#coarse) return;
      this.#drag = { ...this.#spotOf(event), drawn: false };
      element.setPointerCapture(pointerId);
      this.#focused = this.#songAt(event) ?? this.#focused;
    });
    element.addEventListener('pointerup', (event) => this.#endDrag(event));
    for (const type of ['pointercancel', 'lostpointercapture']) {
      element.addEventListener(type, () => this.#dropBox());
    }
    element.addEventListener('click', (event) => {
      const song = this.#dragged ? null : this.#songAt(event);
      this.#dragged = false;
      if (!song) return;
      if (this.#byOne) this.#mark([song], !this.#marked.has(song));
      else this.#around.reveal(song);
    });
  }

  /** @param {MouseEvent} event @returns {{x: number, y: number}} in the picture */
  #spotOf({ clientX, clientY }) {
    const { left, top } = one(this.#element, 'canvas').getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  /** @param {MouseEvent} event @returns {Song | null} */
  #songAt(event) {
    const { x, y } = this.#spotOf(event);
    const row = hit(this.#picture.spots, x, y, this.#coarse ? REACH.coarse : REACH.fine);
    return this.#places?.songs[row] ?? null;
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (!this.#drag) {
      // A finger that scrolls past tells nothing.
      if (event.pointerType === 'touch') return;
      this.#coarse = false;
      this.#hover(this.#songAt(event));
      return;
    }
    const { x, y } = this.#spotOf(event);
    const { x: x0, y: y0 } = this.#drag;
    this.#drag.drawn ||= Math.hypot(x - x0, y - y0) >= SHORTEST_DRAG_PX;
    if (!this.#drag.drawn) return;
    this.#hover(null);
    this.#picture.stress({ box: boxOf(x0, y0, x, y) });
  }

  /** @param {Song | null} song */
  #hover(song) {
    if (song === this.#hovered) return;
    this.#hovered = song;
    this.#tell();
  }

  /** @param {PointerEvent} event */
  #endDrag(event) {
    const drag = this.#drag;
    if (!drag) return;
    this.#dragged = drag.drawn;
    const { x, y } = this.#spotOf(event);
    this.#dropBox();
    if (!drag.drawn || !this.#places) return;
    const { songs } = this.#places;
    const found = inBox(this.#picture.spots, boxOf(drag.x, drag.y, x, y)).map((row) => songs[row]);
    if (!this.#byOne && !event.shiftKey && !event.ctrlKey && !event.metaKey) this.#marked.clear();
    this.#mark(found, true);
  }

  #dropBox() {
    this.#drag = null;
    this.#picture.stress({ box: null });
  }

  // --- keyboard -----------------------------------------------------------------------------------

  #followKeys() {
    const element = this.#element;
    element.addEventListener('focus', () => {
      this.#focused ??= this.#places?.songs.find((song) => this.#isShown(song)) ?? null;
      this.#tell();
    });
    element.addEventListener('blur', () => this.#tell());
    element.addEventListener('keydown', (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || !this.#press(event.key)) return;
      event.preventDefault();
    });
  }

  /** @param {string} key @returns {boolean} whether it means anything */
  #press(key) {
    const places = this.#places;
    if (!places) return false;
    const { songs } = places;
    const from = this.#focused ? places.rowOf(this.#focused) : -1;
    if (key === 'Escape') {
      if (this.#drag) this.#dropBox();
      else this.#unmark();
    } else if (Object.hasOwn(DIRECTIONS, key)) {
      this.#go(songs[from < 0 ? 0 : next(this.#picture.spots, from, DIRECTIONS[key])]);
    } else if (key === 'Home') this.#go(songs[0]);
    else if (key === 'End') this.#go(songs[songs.length - 1]);
    else if (key === 'Enter' && this.#focused) this.#around.reveal(this.#focused);
    else if (key === ' ' && this.#focused) this.#mark([this.#focused], !this.#marked.has(this.#focused));
    else return false;
    return true;
  }

  /** @param {Song} song the keyboard is there now */
  #go(song) {
    this.#hovered = null;
    this.#focused = song;
    this.#tell();
  }

  // --- marked songs -------------------------------------------------------------------------------

  /**
   * @param {Song[]} songs
   * @param {boolean} marked
   */
  #mark(songs, marked) {
    for (const song of songs) {
      if (marked && this.#isShown(song)) this.#marked.add(song);
      else this.#marked.delete(song);
    }
    byId('map-file-message').textContent = '';
    this.#showMarked();
  }

  #unmark() {
    this.#mark([...this.#marked], false);
  }

  /** What is hidden, or gone, is not filed by mistake. */
  #keepMarks() {
    const kept = [...this.#marked].filter((song) => this.#rowsOf([song]).length && this.#isShown(song));
    const differ = kept.length < this.#marked.size;
    this.#marked = new Set(kept);
    if (differ) this.#showMarked();
    else this.#picture.mark(this.#rowsOf(kept));
  }

  #showMarked() {
    const n = this.#marked.size;
    const form = byId('map-file');
    const unmark = byId('map-unmark');
    const focused = document.activeElement;
    byId('map-which').textContent = tn('File {n} song under', 'File {n} songs under', n, { n: integer(n) });
    form.hidden = unmark.hidden = !n;
    if (!n && (form.contains(focused) || focused === unmark)) this.#element.focus();
    this.#table.mark(this.#marked);
    this.#picture.mark(this.#rowsOf(this.#marked));
    this.#tell();
  }

  #offerFiling() {
    const byOne = byId('map-mark');
    byOne.addEventListener('click', () => {
      this.#byOne = !this.#byOne;
      byOne.ariaPressed = String(this.#byOne);
      this.#element.classList.toggle('marking', this.#byOne);
    });
    byId('map-unmark').addEventListener('click', () => this.#unmark());
    const form = byId('map-file', HTMLFormElement);
    const input = one(form, 'input', HTMLInputElement);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const songs = [...this.#marked];
      const message = byId('map-file-message');
      try {
        const genre = this.#around.own.file(songs, input.value);
        input.value = '';
        this.#unmark();
        message.textContent = tn('{n} song filed under {genre}.', '{n} songs filed under {genre}.', songs.length, { n: integer(songs.length), genre });
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        message.textContent = error.message;
        input.focus();
      }
    });
  }
}
