/**
 * Whether the server answers. While it does not, requests wait, and it is asked again and again:
 * after longer and longer pauses, and at once when the network or the visitor comes back. Pauses
 * differ from page to page, so that not all come at once to a server that has just started.
 */

import { UserError } from './errors.js';

const HEALTH_URL = '/healthz';
const PATIENCE_MS = 5000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 20_000;
// A server that gives each visitor so much an hour may name a longer time: that is told instead.
const LONGEST_WAIT_S = 120;

async function answers() {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), PATIENCE_MS);
  try {
    const response = await fetch(HEALTH_URL, { cache: 'no-store', signal: late.signal });
    return response.ok && (await response.json()).status === 'ok';
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

/** Wait; those who were told the same time do not come back at the same moment. */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new UserError('', { cancelled: true }));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms * (1 + Math.random() / 10));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

/** Fires "change" when `up` differs. */
export class ServerLink extends EventTarget {
  #check = null;
  #timer;
  #pause = FIRST_PAUSE_MS;

  constructor() {
    super();
    /** Whether it answered when it was last asked; nobody asks while all goes well. */
    this.up = true;
    const again = () => {
      if (!this.up && !document.hidden) this.check();
    };
    globalThis.addEventListener('online', again);
    // It may be on this very computer and answer all the same.
    globalThis.addEventListener('offline', () => this.check());
    document.addEventListener('visibilitychange', again);
  }

  /** Ask now. @returns {Promise<boolean>} */
  check() {
    this.#check ??= this.#ask();
    return this.#check;
  }

  async #ask() {
    clearTimeout(this.#timer);
    const up = await answers();
    this.#check = null;
    if (up) {
      this.#pause = FIRST_PAUSE_MS;
    } else {
      this.#timer = setTimeout(() => this.check(), this.#pause * (0.75 + Math.random() / 2));
      this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_MS);
    }
    if (this.up !== up) {
      this.up = up;
      this.dispatchEvent(new Event('change'));
    }
    return up;
  }

  /**
   * Ask for an answer; while the server cannot be reached, wait for it, and if it asks us to come
   * later, do that.
   * @template T
   * @param {() => Promise<T>} request
   * @param {AbortSignal} signal ends the waiting
   * @returns {Promise<T>}
   * @throws {UserError} whatever else went wrong
   */
  async send(request, signal) {
    let lost = 0;
    for (;;) {
      await this.#back(signal);
      try {
        return await request();
      } catch (error) {
        if (error.waitS > 0 && error.waitS <= LONGEST_WAIT_S) {
          await pause(error.waitS * 1000, signal);
          continue;
        }
        if (!error.unreachable || signal.aborted) throw error;
        // A server that answers all but this very request will hardly answer it the third time.
        lost = (await this.check()) ? lost + 1 : 0;
        if (lost > 1) throw error;
      }
    }
  }

  /** At once while the server answers. */
  #back(signal) {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!this.up && !signal.aborted) return;
        this.removeEventListener('change', look);
        signal.removeEventListener('abort', look);
        if (signal.aborted) reject(new UserError('', { cancelled: true }));
        else resolve();
      };
      this.addEventListener('change', look);
      signal.addEventListener('abort', look);
      look();
    });
  }
}

/** The server that this page came from. */
export const serverLink = new ServerLink();
