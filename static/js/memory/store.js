/**
 * The database of remembered songs, and how it is read and written. What is in it is for
 * remembered.js to say.
 *
 * Three stores with the same keys, so that the small record of a song can be written without what
 * is large: "songs" (records), "bodies" (the numbers, as they are sent) and "files" (the sound,
 * until it is answered).
 */

import { withTimeout } from '../base/errors.js';

const NAME = 'musiclassify';
const VERSION = 1;
const STORES = ['songs', 'bodies', 'files'];
const PATIENCE_MS = 10_000;

const answer = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

const end = (transaction) => new Promise((resolve, reject) => {
  transaction.oncomplete = () => resolve();
  transaction.onabort = () => reject(transaction.error ?? new Error('broken off'));
});

const late = () => new DOMException('another tab keeps it busy', 'TimeoutError');

export class Store {
  #database;

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.#database = database;
  }

  /**
   * @param {(newer: boolean) => void} onLost another tab erases the database, or (newer) a newer
   *   page rebuilds it; it is closed already
   * @returns {Promise<Store>}
   * @throws {Error} not allowed, made by a newer page (VersionError), or kept busy (TimeoutError)
   */
  static async open(onLost) {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      for (const store of STORES) request.result.createObjectStore(store);
    };
    const opened = answer(request);
    let database;
    try {
      database = await withTimeout(opened, PATIENCE_MS, late);
    } catch (error) {
      // Should it open after all, it must not stand in the way of others.
      opened.then((open) => open.close(), () => {});
      throw error;
    }
    database.onversionchange = ({ newVersion }) => {
      database.close();
      onLost(newVersion !== null);
    };
    database.onclose = () => onLost(false);
    return new Store(database);
  }

  /** Delete all of it. Other tabs give it free when they hear of it. */
  static async erase() {
    await withTimeout(answer(indexedDB.deleteDatabase(NAME)), PATIENCE_MS, late);
  }

  close() {
    this.#database.close();
  }

  /**
   * Everything; the blobs are handles, their content is not read.
   * @returns {Promise<{records: object[], bodies: Map<string, Blob>, files: Map<string, File>}>}
   */
  async read() {
    const transaction = this.#database.transaction(STORES);
    const byKey = async (name) => {
      const store = transaction.objectStore(name);
      const [keys, values] = await Promise.all([answer(store.getAllKeys()), answer(store.getAll())]);
      return new Map(keys.map((key, index) => [key, values[index]]));
    };
    const [records, bodies, files] = await Promise.all([
      answer(transaction.objectStore('songs').getAll()), byKey('bodies'), byKey('files'),
    ]);
    return { records, bodies, files };
  }

  /**
   * Write all of it or nothing.
   * @param {object} changes
   * @param {{key: string}[]} [changes.records]
   * @param {[string, Blob][]} [changes.bodies]
   * @param {[string, File][]} [changes.files]
   * @param {string[]} [changes.answered] keys whose files are needed no longer
   * @param {string[]} [changes.removed] keys of which nothing may stay
   */
  async write({ records = [], bodies = [], files = [], answered = [], removed = [] }) {
    const used = [
      records.length || removed.length ? 'songs' : '',
      bodies.length || removed.length ? 'bodies' : '',
      files.length || answered.length || removed.length ? 'files' : '',
    ].filter(Boolean);
    if (!used.length) return;
    const transaction = this.#database.transaction(used, 'readwrite');
    const ended = end(transaction);
    try {
      for (const record of records) transaction.objectStore('songs').put(record, record.key);
      for (const [key, body] of bodies) transaction.objectStore('bodies').put(body, key);
      for (const [key, file] of files) transaction.objectStore('files').put(file, key);
      for (const key of answered) transaction.objectStore('files').delete(key);
      for (const key of removed) {
        for (const store of used) transaction.objectStore(store).delete(key);
      }
    } catch (error) {
      // What throws at once would leave the others to be written.
      ended.catch(() => {});
      transaction.abort();
      throw error;
    }
    await ended;
  }
}
