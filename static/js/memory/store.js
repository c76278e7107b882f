/**
 * The database of remembered songs, and how it is read and written; remembered.js says what a record
 * holds.
 *
 * Three stores have the same keys, so that the small record of a song can be written without the large
 * rest: "songs" (records), "bodies" (the numbers, as they are sent) and "files" (the sound, until it is
 * answered).
 */

import { place } from '../base/config.js';
import { withTimeout } from '../base/errors.js';

const VERSION = 1;
const STORES = ['songs', 'bodies', 'files'];
const PATIENCE_MS = 10_000;

/**
 * @typedef {import('./remembered.js').SongRecord} SongRecord
 *
 * @typedef {object} Changes
 * @property {SongRecord[]} [records]
 * @property {[string, Blob][]} [bodies] by key
 * @property {[string, File][]} [files] by key
 * @property {string[]} [answered] keys whose files are needed no longer
 * @property {string[]} [removed] keys of which nothing may stay
 */

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
const answer = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

/** @param {IDBTransaction} transaction @returns {Promise<void>} once all is written */
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
    const request = indexedDB.open(place().keptAs, VERSION);
    request.onupgradeneeded = () => {
      for (const store of STORES) request.result.createObjectStore(store);
    };
    const opened = answer(request);
    let database;
    try {
      database = await withTimeout(opened, PATIENCE_MS, late);
    } catch (error) {
      // Should the database open after all, it must not stand in the way of others.
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

  /** Delete the database. Other tabs close it when they hear of that. */
  static async erase() {
    await withTimeout(answer(indexedDB.deleteDatabase(place().keptAs)), PATIENCE_MS, late);
  }

  close() {
    this.#database.close();
  }

  /**
   * Read everything but the content of the blobs, which are handles.
   * @returns {Promise<{records: SongRecord[], bodies: Map<string, Blob>, files: Map<string, File>}>}
   */
  async read() {
    const transaction = this.#database.transaction(STORES);
    /** @param {string} name of a store */
    const byKey = async (name) => {
      const store = transaction.objectStore(name);
      const [keys, values] = await Promise.all([answer(store.getAllKeys()), answer(store.getAll())]);
      return new Map(keys.map((key, index) => [String(key), values[index]]));
    };
    const [records, bodies, files] = await Promise.all([
      answer(transaction.objectStore('songs').getAll()), byKey('bodies'), byKey('files'),
    ]);
    return { records, bodies, files };
  }

  /**
   * Write all of it or nothing.
   * @param {Changes} changes
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
      // If one `put` throws, the records before it would still be written.
      ended.catch(() => {});
      transaction.abort();
      throw error;
    }
    await ended;
  }
}
