/** The samples of a song: of its whole file, or of a part of it. */

import { cut } from './cut.js';
import { decode, decodeExcerpts, decodePlayed, partsOf } from './decode.js';
import { pcmWavOf } from './wav.js';

// Of a sound that is only played.
const PLAYED_RATE = 44_100;

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
    const { maxMinutes, maxWholeMinutes, streamMinutes, mix } = this.#limits;
    const decoded = await decode(file, { sampleRate, maxMinutes, maxWholeMinutes, streamMinutes, mix, signal });
    return part ? cut(decoded, sampleRate, part) : decoded;
  }

  /**
   * Some excerpts of a file, decoded without the rest of it where that can be. A long one that cannot be
   * cut, and one of which all is wanted, comes as from `of`.
   * @param {File} file
   * @param {number} sampleRate in Hz
   * @param {AbortSignal} signal gives it up
   * @param {import('./excerpts.js').Choose} choose the excerpts
   * @returns {Promise<import('./decode.js').Decoded>}
   * @throws {UserError} as `of`
   */
  async excerptsOf(file, sampleRate, signal, choose) {
    const { mix } = this.#limits;
    const found = await decodeExcerpts(file, { sampleRate, mix, signal }, choose);
    if (found && found !== 'whole') return found;
    const decoded = await this.of(file, null, sampleRate, signal);
    const bounds = decoded.samples && found !== 'whole' ? await choose(decoded.samples.length) : null;
    if (!decoded.samples || !bounds) return decoded;
    const samples = new Float32Array(bounds.reduce((sum, [first, last]) => sum + last - first, 0));
    let at = 0;
    for (const [first, last] of bounds) {
      samples.set(decoded.samples.subarray(first, last), at);
      at += last - first;
    }
    return { ...decoded, samples, bounds };
  }

  /** @param {number} seconds of a file @returns {boolean} whether it is decoded bit by bit */
  isLong(seconds) {
    return seconds > (this.#limits.streamMinutes ?? Infinity) * 60;
  }

  /**
   * @param {File} file
   * @returns {Promise<number | null>} its seconds, where they can be counted
   * @throws {UserError} a file that cannot be read
   */
  async length(file) {
    return (await partsOf(file)).seconds;
  }

  /**
   * @param {File} file that is not long
   * @returns {Promise<File>} its sound with all channels, as a wav that every player finds the places of
   * @throws {UserError} a file that cannot be decoded here
   */
  async wav(file) {
    return pcmWavOf(await decodePlayed(file, PLAYED_RATE, this.#limits.mix), PLAYED_RATE, file.name);
  }
}
