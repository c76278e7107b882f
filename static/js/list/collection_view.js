/** The tools above a list of several songs: their progress and genres, order, filter and export. */

import { byId, one } from '../base/dom.js';
import { integer } from '../base/format.js';
import { t, tn, words } from '../base/text.js';
import { serverLink } from '../server/server_link.js';
import {
  FORMS, download, isAnswered, isIn, ordered, playlistName, toCsv, toJson, toPlaylist, usualForm,
} from '../songs/collection.js';
import { GroupsView } from './groups_view.js';
import { ProgressView } from './progress_view.js';

/** @typedef {import('../own/own_genres.js').OwnGenres} OwnGenres */

// Value of the filter's first entry.
const ALL = '';

/** Without own genres. @type {import('./groups_view.js').Own} */
const NONE = { genres: [], answerTo: () => null };

/** @param {Element} element of a song that is hidden @returns the next one that is shown, or the one before */
function nextShown(element) {
  const all = [...byId('list').children];
  const place = all.indexOf(element);
  const isShown = (/** @type {Element} */ each) => each instanceof HTMLElement && !each.hidden;
  return all.slice(place).find(isShown) ?? all.slice(0, place).findLast(isShown);
}

export class CollectionView {
  #queue;
  #views;
  #own;
  #progress;
  #groups;
  #order = byId('order', HTMLSelectElement);
  #filter = byId('filter', HTMLSelectElement);
  #byOwn = new Option(t('by your genre'), 'own');
  #sortedAll = true;
  #ownDiffers = false;

  /**
   * @param {import('../songs/queue.js').SongQueue} queue
   * @param {import('./song_list.js').SongList['views']} views
   * @param {OwnGenres | null} [own]
   */
  constructor(queue, views, own = null) {
    this.#queue = queue;
    this.#views = views;
    this.#own = own ?? NONE;
    this.#progress = new ProgressView(queue, () => this.update());
    const all = new Option(t('all songs'), ALL);
    this.#groups = new GroupsView(queue, this.#own, all, (key, title) => this.#givePlaylist(key, title));
    this.#order.addEventListener('change', () => this.#sort());
    this.#filter.addEventListener('change', () => this.#showChosen());
    const day = () => new Date().toISOString().slice(0, 10);
    const form = byId('csv-form', HTMLSelectElement);
    form.value = usualForm(words.language, navigator.language);
    byId('export-csv').addEventListener('click', () => {
      const table = toCsv(this.#answered(), this.#answerTo, FORMS[/** @type {keyof typeof FORMS} */ (form.value)]);
      download(`musiclassify-${day()}.csv`, table, 'text/csv');
    });
    byId('export-json').addEventListener('click', () =>
      download(`musiclassify-${day()}.json`, toJson(this.#answered(), this.#answerTo), 'application/json'));
    serverLink.addEventListener('change', () => this.update());
    // New songs are seen, whatever was chosen before.
    queue.on('add', () => { this.#filter.value = ALL; });
    if (own) this.#follow(own);
  }

  #answerTo = (/** @type {import('../songs/song.js').Song} */ song) => this.#own.answerTo(song);

  /** @param {OwnGenres} own */
  #follow(own) {
    const soon = () => this.#showOwnSoon();
    own.addEventListener('change', soon);
    this.#queue.on('add', (songs) => {
      for (const song of songs) song.addEventListener('own', soon);
    });
  }

  /** Follow the queue: called when songs have come, gone or changed. */
  update() {
    const { songs, paused } = this.#queue;
    if (!songs.length) this.#reset();
    const tools = byId('tools');
    const wasHidden = Boolean(tools.hidden);
    // A last song that is paused or filtered away needs them, too.
    const hide = () => { tools.hidden = songs.length < 2 && !paused && this.#filter.value === ALL; };
    hide();
    // A single song costs nothing here.
    if (!wasHidden || !tools.hidden) this.#show(wasHidden);
    // The group that was shown alone may be gone.
    hide();
  }

  /** Songs have other answers in own genres: all that come in one moment are shown at once. */
  #showOwnSoon() {
    if (this.#ownDiffers) return;
    this.#ownDiffers = true;
    setTimeout(() => {
      this.#ownDiffers = false;
      if (!byId('tools').hidden) this.#showOwn();
    });
  }

  #showOwn() {
    this.#showGroups();
    if (this.#order.value === 'own' && this.#queue.songs.every(({ finished }) => finished)) this.#sort();
    this.#showChosen();
  }

  /** Count the groups, and offer the order by own genres while songs have answers in them. */
  #showGroups() {
    const some = this.#groups.update();
    const offered = this.#byOwn.isConnected;
    if (some && !offered) one(this.#order, '[value="genre"]', HTMLOptionElement).after(this.#byOwn);
    if (some || !offered) return;
    const chosen = this.#byOwn.selected;
    // An entry that is taken out while it is chosen would come back so.
    if (chosen) this.#order.value = 'added';
    this.#byOwn.remove();
    if (chosen) this.#sort();
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
    this.#showGroups();
    const some = this.#queue.songs.some((song) => isAnswered(song) && this.#isChosen(song));
    byId('export-csv', HTMLButtonElement).disabled = !some;
    byId('export-json', HTMLButtonElement).disabled = !some;
    // Songs that move while one reads them are a nuisance: they are put in order when all is done.
    if (!ended) this.#sortedAll = false;
    else if (!this.#sortedAll) this.#sort();
    this.#showChosen();
  }

  /** All songs, in the chosen order. */
  #ordered() {
    return ordered(this.#queue.songs, this.#order.value, this.#answerTo, this.#own.genres);
  }

  /** The answered songs that are shown, in their order. */
  #answered() {
    return this.#ordered().filter(isAnswered).filter((song) => this.#isChosen(song));
  }

  /** @param {import('../songs/song.js').Song} song */
  #isChosen(song) {
    return this.#filter.value === ALL || isIn(song, this.#filter.value, this.#answerTo);
  }

  /**
   * @param {string} key of a group
   * @param {string} title of it
   */
  #givePlaylist(key, title) {
    const songs = this.#ordered().filter((song) => isIn(song, key, this.#answerTo));
    download(playlistName(title), toPlaylist(songs), 'audio/x-mpegurl');
  }

  /** Put the songs in the chosen order. */
  #sort() {
    this.#sortedAll = this.#queue.songs.every((song) => song.finished);
    const wanted = this.#ordered().flatMap((song) => this.#views.get(song)?.element ?? []);
    const list = byId('list');
    if (wanted.every((element, index) => list.children[index] === element)) return;
    // Moved elements lose the focus, and their place on the screen.
    const focused = document.activeElement;
    const before = focused?.getBoundingClientRect().top ?? 0;
    list.append(...wanted);
    if (!(focused instanceof HTMLElement) || !list.contains(focused)) return;
    focused.focus({ preventScroll: true });
    scrollBy({ top: focused.getBoundingClientRect().top - before, behavior: 'instant' });
  }

  /** Show the songs of the chosen group, and hide the others. */
  #showChosen() {
    const { songs } = this.#queue;
    // A song that is folded loses the focus.
    const focused = document.activeElement?.closest('#list > *') ?? null;
    let shown = 0;
    let differs = false;
    for (const song of songs) {
      const visible = this.#isChosen(song);
      if (visible) shown += 1;
      const view = this.#views.get(song);
      if (!view || view.element.hidden !== visible) continue;
      if (!visible) view.open(false);
      view.element.hidden = !visible;
      differs = true;
    }
    if (differs) this.#tellShown(focused);
    const text = this.#filter.value === ALL
      ? ''
      : tn('{shown} of {n} song shown', '{shown} of {n} songs shown', songs.length, { shown: integer(shown), n: integer(songs.length) });
    if (byId('shown').textContent !== text) byId('shown').textContent = text;
  }

  /** Other songs are shown. @param {Element | null} focused song that had the focus before */
  #tellShown(focused) {
    byId('list').dispatchEvent(new Event('shown'));
    if (!(focused instanceof HTMLElement) || !focused.hidden) return;
    // It was filed under another genre, so the next one may be, too.
    const next = nextShown(focused)?.querySelector('.song-toggle:enabled') ?? this.#filter;
    /** @type {HTMLElement} */ (next).focus();
  }
}
