/** The time that the rest of a queue will take, by the time that the songs before it took. */

import { t, tn } from '../base/text.js';

// An estimate from less than this jumps about.
const SONGS = 3;
const MS = 1500;

export class Pace {
  #ms = 0;
  /** @type {number | null} */
  #since = null;
  #bytes = 0;
  #songs = 0;

  /** Count the time from now on, or not: pauses do not count. @param {boolean} active */
  run(active) {
    const now = performance.now();
    if (this.#since !== null) this.#ms += now - this.#since;
    this.#since = active ? now : null;
  }

  /** One more song is done. @param {number} bytes its size */
  finish(bytes) {
    this.#bytes += bytes;
    this.#songs += 1;
  }

  /**
   * @param {number} bytes size of the songs that are still to do
   * @returns {string} such as "about 3 minutes left"; empty while nothing can be said
   */
  left(bytes) {
    const ms = this.#ms + (this.#since === null ? 0 : performance.now() - this.#since);
    if (this.#songs < SONGS || ms < MS || !bytes) return '';
    const seconds = (bytes * ms) / this.#bytes / 1000;
    if (seconds < 50) return t('less than a minute left');
    const minutes = Math.max(1, Math.round(seconds / 60));
    return tn('about a minute left', 'about {n} minutes left', minutes, { n: minutes });
  }
}
