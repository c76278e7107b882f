/** A long file of several parts, each a stream of its own, as one stream. */

import { SoundStream, StreamError } from './sound_stream.js';

/**
 * @typedef {import('./sound_stream.js').Chunk} Chunk
 * @typedef {import('./messages.d.ts').Damage} Damage
 * @typedef {{sampleRate: number, mix: import('./downmix.js').Mix, signal?: AbortSignal}} Options
 */

export class JoinedStream {
  #parts;
  #options;
  /** The stream of the part that is read. @type {import('./decode.js').Stream | null} */
  #stream;
  #next = 1;
  #length;
  /** Samples that wait to fill a chunk. @type {Float32Array[]} */
  #held = [];
  #count = 0;
  #given = 0;
  /** Of the parts before the one that is read. @type {Damage[]} */
  #damage = [];
  /** Of all. @type {Damage[]} */
  #known = [];
  /** Samples before the part that is read. */
  #before = 0;

  /**
   * @param {File[]} parts
   * @param {Options} options
   * @param {import('./decode.js').Stream} first
   */
  constructor(parts, options, first) {
    this.#parts = parts;
    this.#options = options;
    this.#stream = first;
    this.#length = options.mix.blockSeconds * options.sampleRate;
  }

  /**
   * @param {File[]} parts in order
   * @param {Options} options
   * @returns {Promise<JoinedStream>}
   * @throws {StreamError} the first one cannot be read so
   */
  static async open(parts, options) {
    return new JoinedStream(parts, options, await SoundStream.open(parts[0], options));
  }

  /** @returns {Promise<Chunk>} the next half minute; not to be called after the last one */
  async next() {
    // One sample more tells that this chunk is not the last one.
    while (this.#stream && this.#count <= this.#length) await this.#read(this.#stream);
    const last = this.#count <= this.#length;
    const size = Math.min(this.#count, this.#length);
    const samples = new Float32Array(size);
    let at = 0;
    while (at < size) {
      const [first] = this.#held;
      const taken = first.subarray(0, size - at);
      samples.set(taken, at);
      at += taken.length;
      if (taken.length === first.length) this.#held.shift();
      else this.#held[0] = first.subarray(taken.length);
    }
    this.#count -= size;
    this.#given += size;
    return { samples, seconds: this.#given / this.#options.sampleRate, last, damage: this.#known };
  }

  close() {
    this.#stream?.close();
  }

  /** Take a chunk of a part, and go on to the next part at its end. @param {import('./decode.js').Stream} stream */
  async #read(stream) {
    const { samples, last, damage } = await stream.next();
    const more = this.#next < this.#parts.length;
    const begin = this.#before / this.#options.sampleRate;
    this.#held.push(samples);
    this.#count += samples.length;
    const reached = this.#given + this.#count;
    this.#known = this.#damage.concat(damage.map(({ from, to }) => ({
      from: begin + from, to: to === null ? (more ? reached / this.#options.sampleRate : null) : begin + to,
    })));
    if (!last) return;
    stream.close();
    this.#before = reached;
    this.#damage = this.#known;
    this.#stream = await this.#open();
  }

  /** @returns {Promise<import('./decode.js').Stream | null>} of the next part that can be read; null: none */
  async #open() {
    while (this.#next < this.#parts.length) {
      const part = this.#parts[this.#next];
      this.#next += 1;
      try {
        return await SoundStream.open(part, this.#options);
      } catch (error) {
        if (!(error instanceof StreamError)) throw error;
        const from = this.#before / this.#options.sampleRate;
        this.#damage = this.#known = [...this.#damage, { from, to: this.#next < this.#parts.length ? from : null }];
      }
    }
    return null;
  }
}
