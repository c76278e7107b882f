/** The tools above a list of several songs: progress, order, filter, counts and export. */

import {
  counts, download, group, ordered, toCsv, toJson, toPlaylist,
} from './collection.js';
import { counted, integer } from './format.js';
import { colourClass } from './genres.js';
import { Pace } from './pace.js';
import { serverLink } from './server_link.js';
import { t } from './text.js';

const ALL = '';
const byId = (id) => document.getElementById(id);
const colourOf = ({ index }) => (index < 0 ? 'unsure' : colourClass(index));

export class CollectionView {
  #queue;
  #config;
  #views;
  #pace = new Pace();
  #counted = new WeakSet();
  #rows = new Map();
  #unsettled = false;

  /**
   * @param {import('./queue.js').SongQueue} queue
   * @param {{genres: string[], tellsUnfamiliar: boolean}} config
   * @param {Map<import('./queue.js').Song, import('./song_view.js').SongView>} views
   */
  constructor(queue, config, views) {
    this.#queue = queue;
    this.#config = config;
    this.#views = views;
    byId('pause').addEventListener('click', () => {
      if (queue.paused) queue.resume();
      else queue.pause();
      this.update();
    });
    byId('cancel').addEventListener('click', () => {
      queue.cancel();
      this.update();
      // What had the focus can no longer be pressed.
      byId(byId('retry-failed').hidden ? 'order' : 'retry-failed').focus();
    });
    byId('order').addEventListener('change', () => this.#sort());
    byId('filter').addEventListener('change', () => this.#filter());
    const day = () => new Date().toISOString().slice(0, 10);
    byId('export-csv').addEventListener('click', () =>
      download(`musiclassify-${day()}.csv`, toCsv(this.#answered()), 'text/csv'));
    byId('export-json').addEventListener('click', () =>
      download(`musiclassify-${day()}.json`, toJson(this.#answered()), 'application/json'));
    this.#build();
  }

  /** Follow the queue: called whenever songs come, go or change. */
  update() {
    const { songs, paused } = this.#queue;
    if (!songs.length) this.#reset();
    // A last song that is paused or filtered away needs them, too.
    byId('tools').hidden = songs.length < 2 && !paused && byId('filter').value === ALL;
    for (const song of songs) {
      if (!song.finished || song.state === 'cancelled' || this.#counted.has(song)) continue;
      this.#counted.add(song);
      this.#pace.finish(song.file.size);
    }
    const open = songs.filter((song) => !song.finished);
    const away = !serverLink.up;
    this.#pace.run(!away && songs.some((song) => song.running));
    const overall = byId('overall');
    overall.max = Math.max(1, songs.length);
    overall.value = songs.length - open.length;
    const left = this.#pace.left(open.reduce((sum, song) => sum + song.file.size, 0));
    byId('time-left').textContent = paused && open.length ? 'Paused' : away && open.length ? t('Waiting for the server') : left;
    byId('pause').textContent = paused ? 'Go on' : 'Pause';
    // A button that can no longer be pressed loses the focus.
    if (!open.length && document.activeElement === byId('pause')) byId('order').focus({ preventScroll: true });
    byId('pause').disabled = byId('cancel').disabled = !open.length;
    this.#count();
    // Songs that move while one reads them are a nuisance: they are put in order when all is done.
    if (!open.length && this.#unsettled) this.#sort();
    else if (open.length) this.#unsettled = true;
    this.#filter();
  }

  /** Show all songs, so that new ones can be seen. */
  showAll() {
    byId('filter').value = ALL;
  }

  #reset() {
    this.#pace = new Pace();
    byId('order').value = 'added';
    this.showAll();
    byId('collection').open = false;
  }

  #answered() {
    const chosen = byId('filter').value;
    const songs = ordered(this.#queue.songs, byId('order').value);
    return songs.filter((song) => song.state === 'done' && (chosen === ALL || group(song) === chosen));
  }

  /** Every group that this version may put a song in. */
  #counts() {
    const groups = counts(this.#queue.songs, this.#config.genres);
    return this.#config.tellsUnfamiliar ? groups : groups.slice(0, -1);
  }

  /** The parts that stay: a bar, a row and a menu entry for each group. */
  #build() {
    const groups = this.#counts();
    const filter = byId('filter');
    filter.append(new Option('all songs', ALL), ...groups.map(({ name }) => new Option(name, name)));
    for (const each of groups) {
      const colour = colourOf(each);
      const stripe = document.createElement('span');
      stripe.className = `mix-part ${colour}`;
      const row = byId('group-template').content.firstElementChild.cloneNode(true);
      row.classList.add(colour);
      row.querySelector('.group-name').textContent = each.name;
      const button = row.querySelector('button');
      button.ariaLabel = `Playlist of ${each.name}`;
      button.addEventListener('click', () => {
        const songs = ordered(this.#queue.songs, byId('order').value)
          .filter((song) => group(song) === each.name);
        download(`${each.name.replaceAll(/[^\p{L}\p{N}-]+/gu, '-')}.m3u8`, toPlaylist(songs), 'audio/x-mpegurl');
      });
      this.#rows.set(each.name, {
        stripe, button, bar: row.querySelector('.bar'), count: row.querySelector('.group-count'),
        option: [...filter.options].find((option) => option.value === each.name),
      });
      byId('mix').append(stripe);
      byId('groups').append(row);
    }
  }

  #count() {
    const groups = this.#counts();
    const most = Math.max(1, ...groups.map(({ count }) => count));
    for (const { name, count } of groups) {
      const { stripe, bar, count: number, button, option } = this.#rows.get(name);
      stripe.style.flexGrow = count;
      stripe.hidden = !count;
      stripe.title = `${name}: ${integer(count)}`;
      bar.style.width = `${(100 * count) / most}%`;
      number.textContent = integer(count);
      button.disabled = !count;
      const text = `${name} (${integer(count)})`;
      // An open menu is not written anew for nothing.
      if (option.textContent !== text) option.textContent = text;
      // The chosen one stays, or nobody could see why the list is empty.
      option.disabled = !count && byId('filter').value !== name;
    }
    byId('export-csv').disabled = byId('export-json').disabled = !this.#answered().length;
    byId('mix').ariaLabel = groups.filter(({ count }) => count)
      .sort((a, b) => b.count - a.count)
      .map(({ name, count }) => `${name} ${integer(count)}`).join(', ') || 'No answers yet';
  }

  #sort() {
    this.#unsettled = this.#queue.songs.some((song) => !song.finished);
    const { songs } = this.#queue;
    const wanted = ordered(songs, byId('order').value).map((song) => this.#views.get(song).element);
    const list = byId('list');
    if (wanted.every((element, index) => list.children[index] === element)) return;
    // Moved elements lose the focus.
    const focused = document.activeElement;
    list.append(...wanted);
    if (list.contains(focused)) focused.focus({ preventScroll: true });
  }

  #filter() {
    const chosen = byId('filter').value;
    const { songs } = this.#queue;
    let shown = 0;
    for (const song of songs) {
      const visible = chosen === ALL || group(song) === chosen;
      if (visible) shown += 1;
      const view = this.#views.get(song);
      if (!visible && !view.element.hidden) view.open(false);
      if (view.element.hidden === visible) view.element.hidden = !visible;
    }
    const text = chosen === ALL ? '' : `${integer(shown)} of ${counted(songs.length, 'song')} shown`;
    if (byId('shown').textContent !== text) byId('shown').textContent = text;
  }
}

