/** The tools above a list of several songs: their progress and genres, order, filter and export. */

import { byId } from '../base/dom.js';
import { integer } from '../base/format.js';
import { t, tn } from '../base/text.js';
import { serverLink } from '../server/server_link.js';
import {
  download, group, isAnswered, ordered, toCsv, toJson, toPlaylist,
} from '../songs/collection.js';
import { GroupsView } from './groups_view.js';
import { ProgressView } from './progress_view.js';

// Value of the filter's first entry.
const ALL = '';

export class CollectionView {
  #queue;
  #views;
  #progress;
  #groups;
  #order = byId('order', HTMLSelectElement);
  #filter = byId('filter', HTMLSelectElement);
  #sortedAll = true;

  /**
   * @param {import('../songs/queue.js').SongQueue} queue
   * @param {import('./song_list.js').SongList['views']} views
   */
  constructor(queue, views) {
    this.#queue = queue;
    this.#views = views;
    this.#filter.append(new Option(t('all songs'), ALL));
    this.#progress = new ProgressView(queue, () => this.update());
    this.#groups = new GroupsView(queue, (name, title) => this.#givePlaylist(name, title));
    this.#order.addEventListener('change', () => this.#sort());
    this.#filter.addEventListener('change', () => this.#showChosen());
    const day = () => new Date().toISOString().slice(0, 10);
    byId('export-csv').addEventListener('click', () =>
      download(`musiclassify-${day()}.csv`, toCsv(this.#answered()), 'text/csv'));
    byId('export-json').addEventListener('click', () =>
      download(`musiclassify-${day()}.json`, toJson(this.#answered()), 'application/json'));
    serverLink.addEventListener('change', () => this.update());
    // New songs are seen, whatever was chosen before.
    queue.on('add', () => { this.#filter.value = ALL; });
  }

  /** Follow the queue: called when songs have come, gone or changed. */
  update() {
    const { songs, paused } = this.#queue;
    if (!songs.length) this.#reset();
    const tools = byId('tools');
    const wasHidden = Boolean(tools.hidden);
    // A last song that is paused or filtered away needs them, too.
    tools.hidden = songs.length < 2 && !paused && this.#filter.value === ALL;
    // A single song costs nothing here.
    if (!wasHidden || !tools.hidden) this.#show(wasHidden);
  }

  #reset() {
    this.#progress.reset();
    this.#order.value = 'added';
    this.#filter.value = ALL;
    byId('collection', HTMLDetailsElement).open = false;
  }

  /** @param {boolean} wasHidden */
  #show(wasHidden) {
    const ended = this.#progress.update(wasHidden);
    this.#groups.update();
    const some = this.#answered().length > 0;
    byId('export-csv', HTMLButtonElement).disabled = !some;
    byId('export-json', HTMLButtonElement).disabled = !some;
    // Songs that move while one reads them are a nuisance: they are put in order when all is done.
    if (!ended) this.#sortedAll = false;
    else if (!this.#sortedAll) this.#sort();
    this.#showChosen();
  }

  /** The answered songs that are shown, in their order. */
  #answered() {
    return ordered(this.#queue.songs, this.#order.value).filter(isAnswered)
      .filter((song) => this.#isChosen(song));
  }

  /** @param {import('../songs/song.js').Song} song */
  #isChosen(song) {
    return this.#filter.value === ALL || group(song) === this.#filter.value;
  }

  /**
   * @param {string} name of a group
   * @param {string} title of it
   */
  #givePlaylist(name, title) {
    const songs = ordered(this.#queue.songs, this.#order.value).filter((song) => group(song) === name);
    download(`${title.replaceAll(/[^\p{L}\p{N}-]+/gu, '-')}.m3u8`, toPlaylist(songs), 'audio/x-mpegurl');
  }

  /** Put the songs in the chosen order. */
  #sort() {
    const { songs } = this.#queue;
    this.#sortedAll = songs.every((song) => song.finished);
    const wanted = ordered(songs, this.#order.value).flatMap((song) => this.#views.get(song)?.element ?? []);
    const list = byId('list');
    if (wanted.every((element, index) => list.children[index] === element)) return;
    // Moved elements lose the focus.
    const focused = document.activeElement;
    list.append(...wanted);
    if (focused instanceof HTMLElement && list.contains(focused)) focused.focus({ preventScroll: true });
  }

  /** Show the songs of the chosen group, and hide the others. */
  #showChosen() {
    const { songs } = this.#queue;
    let shown = 0;
    for (const song of songs) {
      const visible = this.#isChosen(song);
      if (visible) shown += 1;
      const view = this.#views.get(song);
      if (!view || view.element.hidden !== visible) continue;
      if (!visible) view.open(false);
      view.element.hidden = !visible;
    }
    const text = this.#filter.value === ALL
      ? ''
      : tn('{shown} of {n} song shown', '{shown} of {n} songs shown', songs.length, { shown: integer(shown), n: integer(songs.length) });
    if (byId('shown').textContent !== text) byId('shown').textContent = text;
  }
}
