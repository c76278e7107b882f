/**
 * The database of remembered songs, and how it is read and written; remembered.js says what a record
 * holds.
 *
 * Three stores have the same keys, so that the small record of a song can be written without the large
 * rest: "songs" (records), "bodies" (the numbers, as they are sent) and "files" (the sound, until it is
 * answered). Blobs are stored as they are where the browser takes them; some do not in private windows, and
 * there their bytes are stored.
 */

import { place } from '../base/config.js';
import { withTimeout } from '../base/errors.js';

const VERSION = 1;
const STORES = ['songs', 'bodies', 'files'];
const PATIENCE_MS = 10_000;
// The bytes of a file are held in memory while they are stored or read.
export const MOST_BYTES = 100_000_000;

/**
 * @typedef {import('./remembered.js').SongRecord} SongRecord
 *
 * @typedef {object} Changes
 * @property {SongRecord[]} [records]
 * @property {[string, Blob][]} [bodies] by key
 * @property {[string, File][]} [files] by key
 * @property {string[]} [answered] keys whose files are needed no longer
 * @property {string[]} [removed] keys of which nothing may stay
 *
 * @typedef {{bytes: ArrayBuffer, type: string, name: string | null, modified: number}} Bytes a blob
 *   without its handle; name: that of a file
 */

/** @param {unknown} error with which a blob was not stored @returns {boolean} whether no blob may be */
const isRefusal = (error) => error instanceof DOMException && ['DataCloneError', 'UnknownError'].includes(error.name);

/** A file whose bytes are too many to be stored where no blob is taken. */
export class TooLargeError extends Error {}

/**
 * @param {Blob} blob
 * @returns {Promise<Bytes>}
 * @throws {TooLargeError}
 */
async function bytesOf(blob) {
  // The numbers of a song are taken in any case: without them nothing of it comes back.
  if (blob instanceof File && blob.size > MOST_BYTES) throw new TooLargeError(`${blob.size} bytes`);
  const [name, modified] = blob instanceof File ? [blob.name, blob.lastModified] : [null, 0];
  return { bytes: await blob.arrayBuffer(), type: blob.type, name, modified };
}

/**
 * @template {Blob} T
 * @param {[string, T][]} pairs
 * @returns {Promise<[string, Bytes][]>}
 */
async function allBytesOf(pairs) {
  /** @type {[string, Bytes][]} */
  const found = [];
  for (const [key, blob] of pairs) found.push([key, await bytesOf(blob)]);
  return found;
}

/** @param {Blob | Bytes} stored @returns {Blob} */
function blobOf(stored) {
  if (stored instanceof Blob) return stored;
  const { bytes, type, name, modified } = stored;
  return name === null ? new Blob([bytes], { type }) : new File([bytes], name, { type, lastModified: modified });
}

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
  // Of a request; in some browsers nothing comes after it. Requests that end with the transaction do not
  // know why.
  transaction.onerror = ({ target }) => {
    if (target instanceof IDBRequest && target.error?.name !== 'AbortError') reject(target.error);
  };
});

const late = () => new DOMException('another tab keeps it busy', 'TimeoutError');

export class Store {
  #database;
  /** Whether this browser has refused blobs and taken their bytes. */
  #asBytes = false;

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

  /** @returns {Promise<SongRecord[]>} of all songs */
  async records() {
    return answer(this.#database.transaction('songs').objectStore('songs').getAll());
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
      /** @type {Map<string, Blob>} */
      const found = new Map();
      // One by one: of those that are stored as bytes, one is held at a time.
      for (const key of await answer(store.getAllKeys())) {
        found.set(String(key), blobOf(await answer(store.get(key))));
      }
      return found;
    };
    const [records, bodies, files] = await Promise.all([
      answer(transaction.objectStore('songs').getAll()), byKey('bodies'), byKey('files'),
    ]);
    return { records, bodies, files: /** @type {Map<string, File>} */ (files) };
  }

  /**
   * Write all of it or nothing.
   * @param {Changes} changes
   * @throws {TooLargeError} the browser takes no blobs, and a file has more than MOST_BYTES
   */
  async write(changes) {
    const { bodies = [], files = [] } = changes;
    const some = bodies.length + files.length > 0;
    if (!some || !this.#asBytes) {
      try {
        await this.#put({ ...changes, bodies, files });
        return;
      } catch (error) {
        if (!some || !isRefusal(error)) throw error;
      }
    }
    await this.#put({ ...changes, bodies: await allBytesOf(bodies), files: await allBytesOf(files) });
    this.#asBytes = true;
  }

  /** @param {Omit<Changes, 'bodies' | 'files'> & Record<'bodies' | 'files', [string, Blob | Bytes][]>} changes */
  async #put({ records = [], bodies, files, answered = [], removed = [] }) {
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
