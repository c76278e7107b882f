/**
 * Tells open tabs apart that work on remembered songs. Each tab holds a lock with its name as long as
 * it lives, so that others see whether the owner of a song is still there.
 *
 * Without the Web Locks API nobody can tell: there each tab takes up all songs that it finds, and two
 * tabs may analyse the same song. Both store the same, so nothing is lost.
 */

import { place } from '../base/config.js';

// A tab that is loaded anew is gone for less time than this.
const RELOAD_MS = 3_000;
// A page that is left releases its lock a moment after the next one has begun.
const LEFT_MS = 1_000;

/** Under this name a tab keeps its own name; with a hyphen it begins the names of locks. */
const mine = () => `${place().keptAs}-tab`;

/** @returns {string} a name that nothing else has; also where randomUUID is not allowed */
export function uniqueName() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @typedef {() => void} Release releases a lock */

/**
 * @param {string} name of the tab
 * @param {LockOptions} options
 * @returns {Promise<Release | null>} null when the lock is taken and `options` say not to wait
 */
function request(name, options) {
  if (!navigator.locks) return Promise.resolve(() => {});
  return new Promise((resolve, reject) => {
    navigator.locks.request(`${mine()}-${name}`, options, (lock) => {
      if (!lock) {
        resolve(null);
        return undefined;
      }
      return new Promise((/** @type {(value?: unknown) => void} */ release) => { resolve(release); });
    }).catch(reject);
  });
}

/**
 * Wait for the lock of a tab.
 * @param {string} name
 * @param {AbortSignal} [signal] ends the waiting
 * @returns {Promise<Release>}
 */
async function hold(name, signal) {
  const release = await request(name, { signal });
  if (!release) throw new Error(`The lock ${name} was waited for and is missing`);
  return release;
}

/** The name from before a reload, if this tab is not a copy of another that still uses it. */
async function heldBefore() {
  const name = sessionStorage.getItem(mine());
  if (!name) return null;
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), LEFT_MS);
  try {
    return { name, release: await hold(name, patience.signal) };
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

export class Tab {
  #release;

  /** @param {string} name @param {Release} release */
  constructor(name, release) {
    this.name = name;
    this.#release = release;
  }

  /** @returns {Promise<Tab>} this tab, under its name from before if it was loaded anew */
  static async enter() {
    let before = null;
    try {
      before = await heldBefore();
    } catch {
      // Not allowed to look: it is a new tab.
    }
    if (before) return new Tab(before.name, before.release);
    const name = uniqueName();
    const release = await hold(name);
    try {
      sessionStorage.setItem(mine(), name);
    } catch {
      // After a reload it is another tab, which takes up what this one leaves.
    }
    return new Tab(name, release);
  }

  /** Be known no longer. */
  leave() {
    this.#release();
    try {
      sessionStorage.removeItem(mine());
    } catch {
      // as in enter()
    }
  }

  /**
   * @param {string} name of another tab
   * @returns {Promise<Release | null>} given if that tab is gone: other tabs cannot take its songs
   *   before it is called
   */
  static inherit(name) {
    return request(name, { ifAvailable: true });
  }

  /**
   * The same, as soon as that tab is gone for good.
   * @param {string} name
   * @returns {Promise<Release>}
   */
  static async outlive(name) {
    for (;;) {
      const release = await hold(name);
      release();
      await new Promise((resolve) => { setTimeout(resolve, RELOAD_MS); });
      const inherited = await Tab.inherit(name);
      if (inherited) return inherited;
    }
  }
}
