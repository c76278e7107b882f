/** The samples of a song: of its whole file, or of a part of it. */

import { cut } from './cut.js';
import { decode } from './decode.js';

export class Samples {
  #limits;

  /** @param {Omit<import('./decode.js').Options, 'sampleRate' | 'signal'>} limits of what is decoded */
  constructor(limits) {
    this.#limits = limits;
  }

  /**
   * @param {File} file
   * @param {import('./cut.js').Part | null} part of it; null: all
   * @param {number} sampleRate in Hz
   * @param {AbortSignal} signal gives it up
   * @returns {Promise<import('./decode.js').Decoded>}
   * @throws {UserError} a file that cannot be decoded here, or has no sound there
   */
  async of(file, part, sampleRate, signal) {
    const { maxMinutes, maxWholeMinutes, streamMinutes } = this.#limits;
    const decoded = await decode(file, { sampleRate, maxMinutes, maxWholeMinutes, streamMinutes, signal });
    return part ? cut(decoded, sampleRate, part) : decoded;
  }
}
