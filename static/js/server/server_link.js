/**
 * Whether the server answers. While it does not, requests wait, and it is asked again and again:
 * after longer and longer pauses, and at once when the network or the visitor comes back. Pauses
 * differ from page to page, so that not all come at once to a server that has just started.
 */

import { place } from '../base/config.js';
import { UserError } from '../base/errors.js';

const PATIENCE_MS = 5000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 20_000;
// Pauses before a request is sent again that was lost although the server answers: longer than the
// server takes to replace a process. After the last one the loss is told.
const AGAIN_MS = [300, 600, 1200, 2400];
// A server that asks for a longer pause is not waited for.
const LONGEST_WAIT_S = 120;
// A shorter pause is over before a sentence about it could be read.
const NOTICEABLE_MS = 1000;

/** @param {number} ms @param {AbortSignal} signal ends it early @returns {Promise<void>} */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}

/** @returns {Promise<boolean>} whether the server answers now */
async function answers() {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), PATIENCE_MS);
  try {
    const response = await fetch(`${place().root}healthz`, { cache: 'no-store', signal: late.signal });
    return response.ok && (await response.json()).status === 'ok';
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

/** Fires "change" when `up` differs. */
export class ServerLink extends EventTarget {
  /** The question that is under way. @type {Promise<boolean> | null} */
  #check = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
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
    // A server on this very computer answers without a network.
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
   * Ask for an answer; while the server cannot be reached, wait for it. A request that was lost
   * although the server answers, as when a process of the server died, is sent again some times; so is
   * one that the server wants later (Retry-After).
   * @template T
   * @param {() => Promise<T>} request
   * @param {AbortSignal} signal ends the waiting
   * @param {(why: 'busy' | 'lost' | null) => void} [onWait] a pause that is worth a word begins, or
   *   ends (null)
   * @returns {Promise<T>}
   * @throws {UserError} whatever else went wrong
   */
  async send(request, signal, onWait = () => {}) {
    for (let lost = 0; ; ) {
      await this.#back(signal);
      try {
        return await request();
      } catch (error) {
        if (signal.aborted || !(error instanceof UserError)) throw error;
        const { unreachable, again } = error;
        if (!unreachable && again === null) throw error;
        const asked = 1000 * (again ?? 0);
        if (unreachable && !(await this.check())) {
          // However long that takes.
          lost = 0;
          await pause(Math.min(asked, 1000 * LONGEST_WAIT_S), signal);
          continue;
        }
        if (lost === AGAIN_MS.length || asked > 1000 * LONGEST_WAIT_S) throw error;
        // Not all at the same moment, and none too early.
        const ms = Math.max(asked, AGAIN_MS[lost]) + AGAIN_MS[lost] * Math.random() / 2;
        lost += 1;
        if (ms >= NOTICEABLE_MS) onWait(asked ? 'busy' : 'lost');
        await pause(ms, signal);
        onWait(null);
      }
    }
  }

  /** Wait for the server to be back. @param {AbortSignal} signal @returns {Promise<void>} */
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
