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

import { place } from '../base/config.js';
import { reasonOf } from '../base/errors.js';
import { size } from '../base/format.js';
import { t, tn } from '../base/text.js';
import { fingerprintAll } from '../songs/fingerprint.js';
import { fromRecord, isFinished, needsSound, SCHEMA, storedState, toRecord } from './remembered.js';
import { MOST_BYTES, Store, TooLargeError } from './store.js';
import { Tab, uniqueName } from './tab_locks.js';

/**
 * @typedef {import('../songs/song.js').Song} Song
 * @typedef {import('../base/config.js').Model} Model
 */

// Changes that come together are written together.
const WRITE_MS = 250;
// What is left free for the numbers and answers of a song when its sound is copied, in bytes.
const ROOM_PER_SONG = 2_000_000;

const choice = () => `${place().keptAs}-remember`;

function chosen() {
  try {
    return localStorage.getItem(choice()) !== null;
  } catch {
    return false;
  }
}

/** @param {unknown} error @returns {string} of a DOMException: what kind it is */
const kindOf = (error) => (error instanceof Error ? error.name : '');

/** @param {unknown} error */
const briefly = (error) => reasonOf(error) || kindOf(error);

/** @param {unknown} error with which the database could not be opened @returns {string} for the visitor */
function closedReason(error) {
  if (kindOf(error) === 'VersionError') {
    return t('A newer version of this page stored the list that is remembered here. It is left as it is, and nothing is added to it.');
  }
  return t('This browser does not let the page remember anything now ({reason}). Your songs are analysed all the same.', { reason: briefly(error) });
}

/** @param {unknown} error with which a song could not be stored @returns {string} for the visitor */
function brokenReason(error) {
  if (kindOf(error) === 'QuotaExceededError') {
    return t('There is no room left to remember more. What was stored before comes back at the next visit; nothing is added to it. Your songs are analysed all the same.');
  }
  return t('Remembering failed ({reason}). What was stored before comes back at the next visit; nothing is added to it. Your songs are analysed all the same.', { reason: briefly(error) });
}

/**
 * What is stored of a song of this page.
 * @typedef {object} Kept
 * @property {string} key
 * @property {number} order
 * @property {string} state as it was stored last, or nothing
 * @property {Blob | null} body
 * @property {Song['prediction']} answer
 * @property {boolean} file
 * @property {boolean} [refused] its file could not be read
 */

/** Fires "change" when `on`, `message` or `toCopy` differ. */
export class History extends EventTarget {
  #queue;
  #models;
  /** Ends what it hears of the queue. */
  #deaf = new AbortController();
  /** @type {Store | null} */
  #store = null;
  /** @type {Tab | null} */
  #tab = null;
  /** @type {Map<Song, Kept>} */
  #kept = new Map();
  /** Stays when remembering has failed. @type {WeakMap<Song, {key: string, order: number}>} */
  #places = new WeakMap();
  /** Songs to be written. @type {Set<Song>} */
  #changed = new Set();
  /** Keys to be deleted. @type {string[]} */
  #removed = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #writing = Promise.resolve();
  #copying = false;
  #noRoom = false;
  // Place of the song that was added last.
  #order = 0;
  #turn = Promise.resolve();

  /**
   * @param {import('../songs/queue.js').SongQueue} queue
   * @param {Model[]} models of the page
   */
  constructor(queue, models) {
    super();
    this.#queue = queue;
    this.#models = models;
    this.on = false;
    /** Whether something of this page may be stored, also when no more is added to it. */
    this.stored = chosen();
    this.message = '';
    /** Songs whose sound is not copied yet. */
    this.toCopy = 0;
    /** Settles when what an earlier page has left is in the list. */
    this.ready = Promise.resolve();
    // The last chance, and no more than that: what is late is done again after the reload.
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'hidden') this.#write();
    });
  }

  /** Bring back what an earlier page has left. */
  start() {
    if (!chosen()) return;
    this.ready = this.#next(async () => {
      const { store, tab } = await this.#open();
      const records = await store.records();
      const open = records.filter((record) => record.schema <= SCHEMA && !isFinished(record));
      const owners = new Set(open.map(({ owner }) => owner));
      owners.delete(tab.name);
      const gone = [];
      /** @type {string[]} */
      const busy = [];
      for (const owner of owners) {
        const release = await Tab.inherit(owner);
        if (release) gone.push({ owner, release });
        else busy.push(owner);
      }
      await this.#restore(store, [tab.name, ...gone.map(({ owner }) => owner)]);
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
      localStorage.setItem(choice(), '1');
      this.#say('');
      this.#add(this.#queue.songs);
    });
  }

  /** Forget everything, at once and for good. The list of the page stays. */
  erase() {
    return this.#next(async () => {
      this.#close();
      try {
        localStorage.removeItem(choice());
        await this.#writing;
        await Store.erase();
        this.stored = false;
        this.#say(t('Erased: nothing is remembered any more. The list stays until you leave the page.'));
      } catch (error) {
        this.stored = true;
        this.#say(kindOf(error) === 'TimeoutError'
          ? t('Another tab keeps the stored list busy. It is erased as soon as that tab is closed.')
          : t('The stored list could not be erased ({reason}).', { reason: briefly(error) }));
      }
    });
  }

  /** Copy the sounds that have come back to songs of an earlier page. */
  keepSounds() {
    this.#copy();
  }

  /** @param {Song[]} songs that have come into the list */
  #add(songs) {
    const others = songs.filter((song) => !this.#kept.has(song));
    if (!others.length) return;
    for (const song of others) {
      this.#kept.set(song, { ...this.#place(song), state: '', body: null, answer: null, file: false });
      this.#changed.add(song);
    }
    this.#noRoom = false;
    this.#write();
    this.#copy();
  }

  /** @param {Song[]} songs that have left the list */
  #remove(songs) {
    for (const song of songs) {
      const kept = this.#kept.get(song);
      if (!kept) continue;
      this.#kept.delete(song);
      this.#changed.delete(song);
      this.#removed.push(kept.key);
    }
    this.#soon();
  }

  /** @param {Song} song @returns {{key: string, order: number}} */
  #place(song) {
    const known = this.#places.get(song);
    if (known) return known;
    // Never the same twice, and after the songs that other tabs have added.
    this.#order = Math.max(this.#order + 0.001, Date.now());
    const place = { key: uniqueName(), order: this.#order };
    this.#places.set(song, place);
    return place;
  }

  /**
   * Do one thing after the other; a failure ends remembering, with a message.
   * @param {() => Promise<void>} work
   */
  #next(work) {
    this.#turn = this.#turn.then(work).catch((error) => {
      this.#close();
      this.#say(closedReason(error));
    });
    return this.#turn;
  }

  async #open() {
    const store = await Store.open((newer) => {
      this.#close();
      this.stored = newer;
      this.#say(newer
        ? t('A newer version of this page is open in another tab; nothing more is remembered here.')
        : t('The remembered list was erased in another tab; nothing more is remembered here.'));
    });
    this.#store = store;
    const tab = await Tab.enter();
    this.#tab = tab;
    this.#listen();
    this.on = true;
    this.stored = true;
    this.dispatchEvent(new Event('change'));
    return { store, tab };
  }

  /** Follow the queue while songs are remembered. */
  #listen() {
    this.#deaf = new AbortController();
    const { signal } = this.#deaf;
    this.#queue.on('add', (songs) => this.#add(songs), { signal });
    this.#queue.on('remove', (songs) => this.#remove(songs), { signal });
    this.#queue.on('change', (song) => this.#note(song), { signal });
  }

  #close() {
    clearTimeout(this.#timer);
    this.#deaf.abort();
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

  /**
   * Put stored songs that are not here yet into the queue: all finished ones, and the others of some
   * owners.
   * @param {Store} store
   * @param {string[]} owners
   */
  async #restore(store, owners) {
    const { records, bodies, files } = await store.read();
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
        answer: song.prediction, file: Boolean(file),
      });
      // Songs that go on are this tab's from now on.
      if (!song.finished || (file && !needsSound(song))) this.#changed.add(song);
      return song;
    });
    if (!songs.length) return;
    const wasPaused = wanted.some(({ state }) => state === 'paused');
    if (wasPaused && this.#queue.songs.every((song) => song.finished)) this.#queue.pause();
    this.#queue.add(songs);
    await this.#write();
  }

  /** Take up the songs of another tab as soon as that is gone. @param {string} owner */
  async #waitFor(owner) {
    const release = await Tab.outlive(owner);
    await this.#next(async () => {
      if (!this.on || !this.#store) return;
      this.#say('');
      await this.#restore(this.#store, [owner]);
    });
    release();
  }

  /** @param {Song} song that differs */
  #note(song) {
    const kept = this.#kept.get(song);
    // Progress is no news: only what a reload has to know is written.
    if (!kept || (kept.state === storedState(song) && kept.body === (song.extraction?.body ?? null)
      && kept.answer === song.prediction)) return;
    this.#changed.add(song);
    this.#soon();
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#write(), WRITE_MS);
  }

  /** Write all changes, after those that are being written. */
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
    // The sound of a finished song may not be there after a reload: then its fingerprint tells which file it is.
    await fingerprintAll([...this.#changed].filter((song) => song.finished));
    if (!this.#store || !this.#tab || (!this.#changed.size && !this.#removed.length)) return;
    /** @type {Required<Omit<import('./store.js').Changes, 'files'>>} */
    const changes = { records: [], bodies: [], answered: [], removed: this.#removed };
    for (const song of this.#changed) {
      const kept = this.#kept.get(song);
      if (!kept) continue;
      changes.records.push(toRecord(song, { key: kept.key, order: kept.order, owner: this.#tab.name }));
      kept.state = storedState(song);
      kept.answer = song.prediction;
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

  /** @param {Song} song @param {Kept} kept */
  async #copyOne(song, kept) {
    const store = this.#store;
    try {
      const { quota = Infinity, usage = 0 } = await navigator.storage?.estimate?.() ?? {};
      const open = this.#queue.songs.filter((each) => !each.finished).length;
      if (usage + song.size + open * ROOM_PER_SONG > quota) {
        throw new DOMException('little room', 'QuotaExceededError');
      }
      if (!store || !song.file || !needsSound(song) || !this.#kept.has(song)) return;
      // Before it is written, so that an answer in between deletes it again.
      kept.file = true;
      await store.write({ files: [[kept.key, song.file]] });
      // Answered or removed meanwhile.
      if (!needsSound(song) || !this.#kept.has(song)) await store.write({ answered: [kept.key] });
    } catch (error) {
      kept.file = false;
      if (error instanceof TooLargeError) {
        kept.refused = true;
        if (this.on) this.#sayTooLarge();
        return;
      }
      if (kindOf(error) !== 'QuotaExceededError') {
        // A file that cannot be read any more is told of when its turn comes.
        kept.refused = true;
        return;
      }
      this.#noRoom = true;
      if (!this.on) return;
      this.#say(t('There is no room to keep the sound of the songs that wait: after a reload they have to be chosen again. Names, numbers and answers are remembered.'));
    }
  }

  #sayTooLarge() {
    const songs = [...this.#kept].filter(([song, { refused }]) => refused && song.size > MOST_BYTES);
    this.#say(tn(
      'In this window the browser keeps no files above {limit}: after a reload {n} song has to be chosen again.',
      'In this window the browser keeps no files above {limit}: after a reload {n} songs have to be chosen again.',
      songs.length, { limit: size(MOST_BYTES), n: songs.length },
    ));
  }

  /** @param {string} message */
  #say(message) {
    this.message = message;
    this.dispatchEvent(new Event('change'));
  }
}
