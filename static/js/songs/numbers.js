/** The numbers of a song's samples, as they are sent: made by the analysis, refused if too large. */

import { refuseLarge } from '../server/api.js';
import { listen } from './long_song.js';

/** @typedef {import('../analysis/engine.js').Extraction} Extraction */

export class Numbers {
  #engine;
  #limits;

  /**
   * @param {import('../analysis/engine.js').Engine} engine
   * @param {import('../base/config.js').Limits} limits of what is taken
   */
  constructor(engine, limits) {
    this.#engine = engine;
    this.#limits = limits;
  }

  /** Whether the analysis is there. */
  get ready() {
    return this.#engine.state === 'ready';
  }

  /** @param {() => void} look called whenever `ready` may differ */
  follow(look) {
    this.#engine.addEventListener('change', look);
  }

  /**
   * @param {Float32Array<ArrayBuffer>} samples of a whole song; the caller loses them
   * @param {import('../base/config.js').FeatureSpec} featureSpec of the version that is to answer
   * @param {(done: number, total: number) => void} [onProgress]
   * @param {import('../sound/excerpts.js').Bounds} [bounds] of the excerpts that the samples are, if they are
   *   not of all the song
   * @returns {Promise<Extraction>}
   * @throws {UserError} silent or too long, or an analysis that broke
   */
  async of(samples, featureSpec, onProgress = () => {}, bounds = undefined) {
    const extraction = await this.#engine.extract(samples, featureSpec, onProgress, undefined, bounds);
    refuseLarge(extraction, this.#limits);
    return bounds ? { ...extraction, listened: 'excerpts' } : extraction;
  }

  /**
   * Which excerpts of a song are listened to; null: all of it.
   * @param {number} length of the song in samples
   * @param {import('../base/config.js').FeatureSpec} featureSpec
   * @throws {UserError} an analysis that broke
   */
  choose(length, featureSpec) {
    return this.#engine.chooseExcerpts(length, featureSpec);
  }

  /**
   * The numbers of a long song, bit by bit; with `ask`, answers to them meanwhile.
   * @param {import('../sound/decode.js').Stream} stream closed when this ends
   * @param {import('./long_song.js').Listening} how
   * @returns {Promise<import('./long_song.js').Heard>} of the whole song
   * @throws {UserError} as above
   */
  ofStream(stream, how) {
    return listen(stream, { engine: this.#engine, limits: this.#limits, ...how });
  }
}
