/** The outline of a sound: its loudest sample of every twentieth of a second. */

/** Values per second. */
export const PEAKS_PER_S = 20;

/** Collects the outline of a sound that comes in stretches. */
export class Peaks {
  #perPeak;
  #found;
  #place = 0;

  /**
   * @param {number} sampleRate in Hz
   * @param {number} seconds about how long the sound is
   */
  constructor(sampleRate, seconds) {
    this.#perPeak = sampleRate / PEAKS_PER_S;
    this.#found = new Uint8Array(Math.ceil(seconds * PEAKS_PER_S) + 1);
  }

  /** @param {Float32Array} samples those that follow the ones before */
  push(samples) {
    for (let i = 0; i < samples.length;) {
      const peak = Math.floor((this.#place + i) / this.#perPeak);
      const end = Math.min(samples.length, Math.ceil((peak + 1) * this.#perPeak) - this.#place);
      let loudest = 0;
      for (; i < end; i += 1) {
        const level = samples[i] < 0 ? -samples[i] : samples[i];
        if (level > loudest) loudest = level;
      }
      const value = Math.min(255, Math.ceil(loudest * 255));
      if (peak < this.#found.length && value > this.#found[peak]) this.#found[peak] = value;
    }
    this.#place += samples.length;
  }

  /** @param {number} place the sample of the sound at which the next stretch begins, behind the one before */
  skipTo(place) {
    this.#place = place;
  }

  /** @returns {Uint8Array} PEAKS_PER_S values per second, 255 is full scale */
  get values() {
    return this.#found.slice(0, Math.ceil(this.#place / this.#perPeak));
  }
}

/**
 * @param {Float32Array} samples of a whole sound, or of some excerpts of it
 * @param {number} sampleRate in Hz
 * @param {import('./excerpts.js').Bounds} [bounds] of the excerpts
 * @returns {Uint8Array} see Peaks.values; 0 between excerpts
 */
export function peaksOf(samples, sampleRate, bounds = [[0, samples.length]]) {
  const peaks = new Peaks(sampleRate, (bounds.at(-1)?.[1] ?? 0) / sampleRate);
  let at = 0;
  for (const [first, last] of bounds) {
    peaks.skipTo(first);
    peaks.push(samples.subarray(at, at + last - first));
    at += last - first;
  }
  return peaks.values;
}
