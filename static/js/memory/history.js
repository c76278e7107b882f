/**
 * Remembers the list in this browser, when the visitor wants that.
 *
 * Of each song there is a record from the moment it is added, its numbers from the moment they are
 * made, and its sound until it is answered. So a reload loses nothing: answered songs come back as
 * they were, others go on from their numbers or their sound. A paused queue comes back paused.
 *
 * Songs are written when their state changes, several at once, and the small record apart from what
 * is large. Sounds are copied one by one beside the work; a song that is not copied yet when the
 * page is left has to be chosen again.
 *
 * Each song that waits belongs to the tab that works on it (tab_locks.js). Another tab takes it up when
 * that one is gone.
 */

import { fromRecord, isFinished, needsSound, SCHEMA, storedState, toRecord } from './remembered.js';
import { Store } from './store.js';
import { Tab, uniqueName } from './tab_locks.js';
import { t, tn } from '../base/text.js';

const CHOICE = 'musiclassify-remember';
// Changes that come together are written together.
const WRITE_MS = 250;
// What is left free for the numbers and answers of a song when its sound is copied, in bytes.
const ROOM_PER_SONG = 2_000_000;

function chosen() {
  try {
    return localStorage.getItem(CHOICE) !== null;
  } catch {
    return false;
  }
}

/** Why nothing could be opened, for the visitor. */
function closedReason(error) {
  if (error.name === 'VersionError') {
    return t('A newer version of this page stored the list that is remembered here. It is left as it is, and nothing is added to it.');
  }
  return t('This browser does not let the page remember anything now ({reason}). Your songs are analysed all the same.', { reason: error.message || error.name });
}

function brokenReason(error) {
  if (error.name === 'QuotaExceededError') {
    return t('There is no room left to remember more. What was stored before comes back at the next visit; nothing is added to it. Your songs are analysed all the same.');
  }
  return t('Remembering failed ({reason}). What was stored before comes back at the next visit; nothing is added to it. Your songs are analysed all the same.', { reason: error.message || error.name });
}

/** Fires "change" when `on`, `message` or `toCopy` differ. */
export class History extends EventTarget {
  #queue;
  #models;
  #show;
  /** @type {Store | null} */
  #store = null;
  #tab = null;
  /** What is stored of each song of this page.
   * @type {Map<import('../songs/song.js').Song, {key: string, order: number, state: string,
   *   body: Blob | null, file: boolean, refused?: boolean}>} */
  #kept = new Map();
  /** Key and place of songs, also after remembering has failed. */
  #places = new WeakMap();
  #changed = new Set();
  #removed = [];
  #timer;
  #writing = Promise.resolve();
  #copying = false;
  #noRoom = false;
  // Place of the song that was added last.
  #order = 0;
  #turn = Promise.resolve();

  /**
   * @param {import('../songs/queue.js').SongQueue} queue
   * @param {import('../songs/song.js').Model[]} models of the page
   * @param {(songs: import('../songs/song.js').Song[]) => void} show puts songs into the list
   */
  constructor(queue, models, show) {
    super();
    this.#queue = queue;
    this.#models = models;
    this.#show = show;
    this.on = false;
    /** Whether something of this page may be stored, also when no more is added to it. */
    this.stored = chosen();
    this.message = '';
    /** Songs whose sound is not copied yet. */
    this.toCopy = 0;
    /** Settles when what an earlier page has left is in the list. */
    this.ready = Promise.resolve();
    queue.addEventListener('change', ({ detail }) => this.#note(detail));
    // The last chance, and no more than that: what is late is done again after the reload.
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'hidden') this.#write();
    });
  }

  /** Bring back what an earlier page has left. */
  start() {
    if (!chosen()) return;
    this.ready = this.#next(async () => {
      await this.#open();
      const { records } = await this.#store.read();
      const open = records.filter((record) => record.schema <= SCHEMA && !isFinished(record));
      const owners = new Set(open.map(({ owner }) => owner));
      owners.delete(this.#tab.name);
      const gone = [];
      const busy = [];
      for (const owner of owners) {
        const release = await Tab.inherit(owner);
        if (release) gone.push({ owner, release });
        else busy.push(owner);
      }
      await this.#restore([this.#tab.name, ...gone.map(({ owner }) => owner)]);
      for (const { release } of gone) release();
      for (const owner of busy) this.#waitFor(owner);
      const elsewhere = open.filter(({ owner }) => busy.includes(owner));
      const newer = records.filter(({ schema }) => schema > SCHEMA);
      this.#say([
        elsewhere.length ? tn('{n} song is being analysed in another tab and comes here when that is closed.', '{n} songs are being analysed in another tab and come here when that is closed.', elsewhere.length, { n: elsewhere.length }) : '',
        newer.length ? tn('{n} song was stored by a newer version of this page and is not shown.', '{n} songs were stored by a newer version of this page and are not shown.', newer.length, { n: newer.length }) : '',
      ].filter(Boolean).join(' '));
    });
  }

  /** Remember the list as it is, and all that follows. */
  turnOn() {
    return this.#next(async () => {
      if (this.on) return;
      await this.#open();
      localStorage.setItem(CHOICE, '1');
      this.#say('');
      this.add(this.#queue.songs);
    });
  }

  /** Forget everything, at once and for good. The list of the page stays. */
  erase() {
    return this.#next(async () => {
      this.#close();
      try {
        localStorage.removeItem(CHOICE);
        await this.#writing;
        await Store.erase();
        this.stored = false;
        this.#say(t('Erased: nothing is remembered any more. The list stays until you leave the page.'));
      } catch (error) {
        this.stored = true;
        this.#say(error.name === 'TimeoutError'
          ? t('Another tab keeps the stored list busy. It is erased as soon as that tab is closed.')
          : t('The stored list could not be erased ({reason}).', { reason: error.message || error.name }));
      }
    });
  }

  /** @param {import('../songs/song.js').Song[]} songs that have come into the list */
  add(songs) {
    if (!this.on) return;
    for (const song of songs) {
      if (this.#kept.has(song)) continue;
      this.#kept.set(song, { ...this.#place(song), state: '', body: null, file: false });
      this.#changed.add(song);
    }
    this.#noRoom = false;
    this.#write();
    this.#copy();
  }

  /** @param {import('../songs/song.js').Song} song that has left the list */
  remove(song) {
    const kept = this.#kept.get(song);
    if (!kept) return;
    this.#kept.delete(song);
    this.#changed.delete(song);
    this.#removed.push(kept.key);
    this.#soon();
  }

  /**
   * Give songs whose sound is elsewhere their files back.
   * @param {{file: File, path: string}[]} files that were chosen
   * @returns {{left: {file: File, path: string}[], found: import('../songs/song.js').Song[]}} those that
   *   are to be analysed as new songs, and the songs that have their sound again
   */
  takeUp(files) {
    const found = [];
    /** @type {Map<string, import('../songs/song.js').Song[]>} */
    const without = new Map();
    for (const song of this.#queue.songs) {
      if (song.file) continue;
      const those = without.get(song.fileName) ?? [];
      without.set(song.fileName, those);
      those.push(song);
    }
    const left = files.filter(({ file, path }) => {
      const same = (without.get(file.name) ?? []).filter((song) =>
        !song.file && song.size === file.size && (song.state !== 'failed' || song.retryable));
      const song = same.find((each) => each.path === path) ?? same[0];
      if (!song) return true;
      song.file = file;
      found.push(song);
      this.#queue.retry(song);
      // Another version may answer otherwise; the earlier answer stays beside it.
      return song.state === 'done' && song.prediction.version !== this.#queue.model.version;
    });
    if (found.length) this.#copy();
    return { left, found };
  }

  #place(song) {
    if (!this.#places.has(song)) {
      // Never the same twice, and after what other tabs have added.
      this.#order = Math.max(this.#order + 0.001, Date.now());
      this.#places.set(song, { key: uniqueName(), order: this.#order });
    }
    return this.#places.get(song);
  }

  /** One after the other; what fails turns it off with a message. */
  #next(work) {
    this.#turn = this.#turn.then(work).catch((error) => {
      this.#close();
      this.#say(closedReason(error));
    });
    return this.#turn;
  }

  async #open() {
    this.#store = await Store.open((newer) => {
      this.#close();
      this.stored = newer;
      this.#say(newer
        ? t('A newer version of this page is open in another tab; nothing more is remembered here.')
        : t('The remembered list was erased in another tab; nothing more is remembered here.'));
    });
    this.#tab = await Tab.enter();
    this.on = true;
    this.stored = true;
    this.dispatchEvent(new Event('change'));
  }

  #close() {
    clearTimeout(this.#timer);
    this.#store?.close();
    this.#store = null;
    this.#tab?.leave();
    this.#tab = null;
    this.#kept.clear();
    this.#changed.clear();
    this.#removed = [];
    this.on = false;
    this.toCopy = 0;
    this.dispatchEvent(new Event('change'));
  }

  /** Show what is stored and not here yet: all finished songs, and the others of these owners. */
  async #restore(owners) {
    const { records, bodies, files } = await this.#store.read();
    const here = new Set([...this.#kept.values()].map(({ key }) => key));
    const wanted = records
      .filter((record) => record.schema <= SCHEMA && !here.has(record.key)
        && (isFinished(record) || owners.includes(record.owner)))
      .sort((a, b) => a.order - b.order);
    const songs = wanted.map((record) => {
      const { key, order } = record;
      const [body, file] = [bodies.get(key), files.get(key)];
      const song = fromRecord(record, body, file, this.#models, this.#queue.model);
      this.#places.set(song, { key, order });
      this.#kept.set(song, {
        key, order, state: song.finished ? storedState(song) : '', body: song.extraction?.body ?? null,
        file: Boolean(file),
      });
      // Songs that go on are this tab's from now on.
      if (!song.finished || (file && !needsSound(song))) this.#changed.add(song);
      return song;
    });
    if (!songs.length) return;
    const wasPaused = wanted.some(({ state }) => state === 'paused');
    if (wasPaused && this.#queue.songs.every((song) => song.finished)) this.#queue.pause();
    this.#show(songs);
    await this.#write();
  }

  async #waitFor(owner) {
    const release = await Tab.outlive(owner);
    await this.#next(async () => {
      if (!this.on) return;
      this.#say('');
      await this.#restore([owner]);
    });
    release();
  }

  #note(song) {
    const kept = this.#kept.get(song);
    // Progress is no news: only what a reload has to know is written.
    if (!kept || (kept.state === storedState(song) && kept.body === (song.extraction?.body ?? null))) return;
    this.#changed.add(song);
    this.#soon();
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#write(), WRITE_MS);
  }

  /** Write what differs, after what is being written. */
  #write() {
    clearTimeout(this.#timer);
    this.#writing = this.#writing.then(() => this.#writeNow()).catch((error) => {
      if (!this.on) return;
      this.#close();
      this.#say(brokenReason(error));
    });
    return this.#writing;
  }

  async #writeNow() {
    if (!this.on || (!this.#changed.size && !this.#removed.length)) return;
    const changes = { records: [], bodies: [], answered: [], removed: this.#removed };
    for (const song of this.#changed) {
      const kept = this.#kept.get(song);
      changes.records.push(toRecord(song, { ...kept, owner: this.#tab.name }));
      kept.state = storedState(song);
      const body = song.extraction?.body ?? null;
      if (body && kept.body !== body) changes.bodies.push([kept.key, body]);
      kept.body = body;
      if (kept.file && !needsSound(song)) {
        changes.answered.push(kept.key);
        kept.file = false;
      }
    }
    this.#changed = new Set();
    this.#removed = [];
    await this.#store.write(changes);
  }

  /** Copy the sounds of the songs that wait, in their order and one at a time. */
  async #copy() {
    if (this.#copying || !this.on) return;
    this.#copying = true;
    try {
      // Records first: they are small, and worth most.
      await this.#writing;
      for (;;) {
        const waiting = [...this.#kept].filter(([song, kept]) =>
          song.file && !kept.file && !kept.refused && needsSound(song));
        this.toCopy = this.on && !this.#noRoom ? waiting.length : 0;
        this.dispatchEvent(new Event('change'));
        if (!this.toCopy) return;
        const [song, kept] = waiting[0];
        await this.#copyOne(song, kept);
      }
    } finally {
      this.#copying = false;
    }
  }

  async #copyOne(song, kept) {
    const store = this.#store;
    try {
      const { quota, usage } = await navigator.storage?.estimate?.() ?? {};
      const open = this.#queue.songs.filter((each) => !each.finished).length;
      if (usage + song.size + open * ROOM_PER_SONG > quota) {
        throw new DOMException('little room', 'QuotaExceededError');
      }
      if (!needsSound(song) || !this.#kept.has(song)) return;
      // Before it is written, so that an answer in between deletes it again.
      kept.file = true;
      await store.write({ files: [[kept.key, song.file]] });
    } catch (error) {
      kept.file = false;
      if (error.name !== 'QuotaExceededError') {
        // A file that cannot be read any more is told of when its turn comes.
        kept.refused = true;
        return;
      }
      this.#noRoom = true;
      if (!this.on) return;
      this.#say(t('There is no room to keep the sound of the songs that wait: after a reload they have to be chosen again. Names, numbers and answers are remembered.'));
    }
  }

  #say(message) {
    this.message = message;
    this.dispatchEvent(new Event('change'));
  }
}
