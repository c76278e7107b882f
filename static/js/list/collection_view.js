/** The tools above a list of several songs: progress, order, filter, counts and export. */

import {
  counts, download, group, ordered, toCsv, toJson, toPlaylist, UNSURE,
} from '../songs/collection.js';
import { integer } from '../base/format.js';
import { colourClass, genreName } from '../base/genres.js';
import { Pace } from '../songs/pace.js';
import { serverLink } from '../server/server_link.js';
import { t, tn } from '../base/text.js';

const ALL = '';
const byId = (id) => document.getElementById(id);
const title = (name) => (name === UNSURE ? t('not sure') : genreName(name));

function colourOf({ index }) {
  if (index === null) return 'foreign';
  return index < 0 ? 'unsure' : colourClass(index);
}

export class CollectionView {
  #queue;
  #views;
  #pace = new Pace();
  #counted = new WeakSet();
  #rows = new Map();
  #unsettled = false;
  #builtFor = null;

  /**
   * @param {import('../songs/queue.js').SongQueue} queue
   * @param {Map<import('../songs/song.js').Song, import('../answer/song_view.js').SongView>} views
   */
  constructor(queue, views) {
    this.#queue = queue;
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
    byId('filter').append(new Option(t('all songs'), ALL));
    for (const each of this.#counts()) this.#build(each);
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
      if (!song.restored) this.#pace.finish(song.size);
    }
    const open = songs.filter((song) => !song.finished);
    const away = !serverLink.up;
    this.#pace.run(!away && songs.some((song) => song.running));
    const overall = byId('overall');
    overall.max = Math.max(1, songs.length);
    overall.value = songs.length - open.length;
    const left = this.#pace.left(open.reduce((sum, song) => sum + song.size, 0));
    byId('time-left').textContent = !open.length ? left : paused ? t('Paused') : away ? t('Waiting for the server') : left;
    byId('pause').textContent = paused ? t('Go on') : t('Pause');
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

  /** Every group that this version may put a song in, and those of songs of other versions. */
  #counts() {
    const { genres, tellsUnfamiliar } = this.#queue.model;
    const groups = counts(this.#queue.songs, genres);
    return tellsUnfamiliar || groups.at(-1).count ? groups : groups.slice(0, -1);
  }

  /** Another version may have other genres, and in another order. */
  #rebuild() {
    this.#builtFor = this.#queue.model;
    const chosen = byId('filter').value;
    for (const { stripe, button, option } of this.#rows.values()) {
      for (const element of [stripe, button.closest('li'), option]) element.remove();
    }
    this.#rows.clear();
    for (const each of this.#counts()) this.#build(each);
    byId('filter').value = this.#rows.has(chosen) ? chosen : ALL;
  }

  /** The parts that stay: a bar, a row and a menu entry for a group. */
  #build(each) {
    const name = title(each.name);
    const colour = colourOf(each);
    const stripe = document.createElement('span');
    stripe.className = `mix-part ${colour}`;
    const row = byId('group-template').content.firstElementChild.cloneNode(true);
    row.classList.add(colour);
    row.querySelector('.group-name').textContent = name;
    const button = row.querySelector('button');
    button.ariaLabel = t('Playlist of {genre}', { genre: name });
    button.addEventListener('click', () => {
      const songs = ordered(this.#queue.songs, byId('order').value)
        .filter((song) => group(song) === each.name);
      download(`${name.replaceAll(/[^\p{L}\p{N}-]+/gu, '-')}.m3u8`, toPlaylist(songs), 'audio/x-mpegurl');
    });
    const option = new Option(name, each.name);
    this.#rows.set(each.name, {
      stripe, button, option, bar: row.querySelector('.bar'), count: row.querySelector('.group-count'),
    });
    // "Not sure" stays the last one.
    const last = each.name === UNSURE ? undefined : this.#rows.get(UNSURE);
    byId('mix').insertBefore(stripe, last?.stripe ?? null);
    byId('groups').insertBefore(row, last?.button.closest('li') ?? null);
    byId('filter').insertBefore(option, last?.option ?? null);
  }

  /** The songs that another version has answered, if any. */
  #tellVersions() {
    const { version } = this.#queue.model;
    const others = this.#queue.songs.map(({ prediction }) => prediction?.version)
      .filter((each) => each !== undefined && each !== version);
    const note = byId('other-versions');
    note.hidden = !others.length;
    const versions = [...new Set(others)].sort().join(', ');
    const text = tn(
      '{n} song was answered by another version ({versions}) at an earlier visit. It is counted under the genre that it was given then.',
      '{n} songs were answered by other versions ({versions}) at an earlier visit. They are counted under the genres that they were given then.',
      others.length,
      { n: integer(others.length), versions },
    );
    if (note.textContent !== text) note.textContent = text;
  }

  #count() {
    if (this.#builtFor !== this.#queue.model) this.#rebuild();
    const groups = this.#counts();
    for (const each of groups) if (!this.#rows.has(each.name)) this.#build(each);
    this.#tellVersions();
    // A group of another version may have lost its last song.
    for (const [name, { stripe, button, option }] of this.#rows) {
      const gone = groups.every((each) => each.name !== name);
      button.closest('li').hidden = gone;
      if (gone) stripe.hidden = option.disabled = true;
      option.hidden = gone;
    }
    const most = Math.max(1, ...groups.map(({ count }) => count));
    for (const { name, count } of groups) {
      const { stripe, bar, count: number, button, option } = this.#rows.get(name);
      stripe.style.flexGrow = count;
      stripe.hidden = !count;
      stripe.title = `${title(name)}: ${integer(count)}`;
      bar.style.width = `${(100 * count) / most}%`;
      number.textContent = integer(count);
      button.disabled = !count;
      const text = `${title(name)} (${integer(count)})`;
      // An open menu is not written anew for nothing.
      if (option.textContent !== text) option.textContent = text;
      // The chosen one stays, or nobody could see why the list is empty.
      option.disabled = !count && byId('filter').value !== name;
    }
    byId('export-csv').disabled = byId('export-json').disabled = !this.#answered().length;
    byId('mix').ariaLabel = groups.filter(({ count }) => count)
      .sort((a, b) => b.count - a.count)
      .map(({ name, count }) => `${title(name)} ${integer(count)}`).join(', ') || t('No answers yet');
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
    const text = chosen === ALL
      ? ''
      : tn('{shown} of {n} song shown', '{shown} of {n} songs shown', songs.length, { shown: integer(shown), n: integer(songs.length) });
    if (byId('shown').textContent !== text) byId('shown').textContent = text;
  }
}

