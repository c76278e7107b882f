/** A stretch of a sound. */

import { UserError } from '../base/errors.js';
import { t } from '../base/text.js';

/** @typedef {{from: number, to: number}} Part in seconds of the whole sound */

/** A stretch of a sound that comes bit by bit. */
class Stretch {
  #stream;
  #rate;
  #from;
  #to;
  #place = 0;

  /**
   * @param {import('./decode.js').Stream} stream of the whole sound
   * @param {number} rate samples per second
   * @param {Part} part
   */
  constructor(stream, rate, { from, to }) {
    this.#stream = stream;
    this.#rate = rate;
    this.#from = Math.round(from * rate);
    this.#to = Math.round(to * rate);
  }

  /** @returns {Promise<import('./sound_stream.js').Chunk>} its times count from the stretch */
  async next() {
    for (;;) {
      const { samples, last, damage } = await this.#stream.next();
      const before = this.#place;
      this.#place += samples.length;
      const stretch = samples.slice(Math.max(0, this.#from - before), Math.max(0, this.#to - before));
      const ended = last || this.#place >= this.#to;
      if (ended && this.#place <= this.#from) throw outside();
      if (!stretch.length && !ended) continue;
      const seconds = (Math.min(this.#place, this.#to) - this.#from) / this.#rate;
      return { samples: stretch, seconds, last: ended, damage: within(damage, this.#from / this.#rate, this.#to / this.#rate) };
    }
  }

  close() {
    this.#stream.close();
  }
}

/**
 * @param {import('./messages.d.ts').Damage[]} damage of the whole sound
 * @param {number} begin of a stretch, in seconds
 * @param {number} end
 * @returns {import('./messages.d.ts').Damage[]} of the stretch
 */
const within = (damage, begin, end) => damage
  .filter(({ from, to }) => from < end && (to ?? end) > begin)
  .map(({ from, to }) => ({ from: Math.max(0, from - begin), to: to && to - begin }));

const outside = () =>
  new UserError(t('The file has no sound between these two times.'), { retryable: false });

/**
 * @param {import('./decode.js').Decoded} decoded
 * @param {number} sampleRate in Hz
 * @param {Part} part
 * @returns {import('./decode.js').Decoded} its own memory, so it can be transferred
 * @throws {UserError} the sound ends before the stretch
 */
export function cut(decoded, sampleRate, { from, to }) {
  if (decoded.stream) {
    return { stream: new Stretch(decoded.stream, sampleRate, { from, to }), seconds: to - from };
  }
  const stretch = decoded.samples.slice(Math.round(from * sampleRate), Math.round(to * sampleRate));
  if (!stretch.length) throw outside();
  const seconds = stretch.length / sampleRate;
  return decoded.damage ? { samples: stretch, seconds, damage: within(decoded.damage, from, to) } : { samples: stretch, seconds };
}
