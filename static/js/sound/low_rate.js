/**
 * Sound of high rates (above 48,000 Hz) at a lower one.
 *
 * Chromium's resampler looks at 32 samples around each. At 96,000 Hz these are too short a time to
 * keep sound above 11 kHz from folding back (-31 dB; -15 dB at 192,000 Hz). So such sound is brought
 * to some 30,000 Hz here, without what lies above 12.5 kHz; the browser does the rest. Sound of usual
 * rates stays as it is.
 */

const HIGHEST_USUAL = 48_000;
const LOWEST = 29_000;
// Up to the one, all is kept within 0.001 dB; from the other on, 80 dB and more are taken away. What
// is left in between can fold back to 9.5 kHz at 22,050 Hz and no lower.
const PASSED_HZ = 10_000;
const STOPPED_HZ = 12_500;
const STOPPED_DB = 80;

/** @param {number} rate in Hz @returns {boolean} whether it is to be lowered here */
export const isHigh = (rate) => rate > HIGHEST_USUAL;

/** @param {number} rate in Hz @returns {number} of so many samples one is kept */
function factorOf(rate) {
  if (!isHigh(rate)) return 1;
  let factor = Math.floor(rate / LOWEST);
  while (rate % factor) factor -= 1;
  return factor;
}

/** @param {number} x @returns {number} the modified Bessel function of the first kind and order 0 */
function bessel0(x) {
  let sum = 1;
  for (let k = 1, term = 1; term > 1e-12 * sum; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/**
 * A low-pass by Kaiser's window (Oppenheim, Schafer: Discrete-Time Signal Processing, 7.5.3).
 * @param {number} rate in Hz
 * @returns {Float64Array} its right half, with the middle first
 */
function lowPass(rate) {
  const width = 2 * Math.PI * (STOPPED_HZ - PASSED_HZ) / rate;
  const half = Math.ceil((STOPPED_DB - 7.95) / (2.285 * width) / 2);
  const beta = 0.1102 * (STOPPED_DB - 8.7);
  const cut = (STOPPED_HZ + PASSED_HZ) / rate;
  const taps = Float64Array.from({ length: half + 1 }, (_, k) => {
    const sinc = k ? Math.sin(Math.PI * cut * k) / (Math.PI * k) : cut;
    return sinc * bessel0(beta * Math.sqrt(1 - (k / half) ** 2)) / bessel0(beta);
  });
  const sum = taps[0] + 2 * taps.subarray(1).reduce((total, tap) => total + tap, 0);
  return taps.map((tap) => tap / sum);
}

/** Lowers the rate of a sound that comes bit by bit; one of a usual rate is given back as it is. */
export class LowRate {
  #factor;
  #taps;
  /** Samples that are still needed; before the first one it was silent. */
  #held;
  /** Which of `held` the next sample to come is at. */
  #place;

  /** @param {number} rate in Hz, of the sound that comes */
  constructor(rate) {
    this.#factor = factorOf(rate);
    /** Of the sound that is given back, in Hz. */
    this.rate = rate / this.#factor;
    this.#taps = this.#factor > 1 ? lowPass(rate) : new Float64Array(1);
    this.#held = new Float32Array(this.#taps.length - 1);
    this.#place = this.#taps.length - 1;
  }

  /** @param {Float32Array} samples one channel @returns {Float32Array} what is ready of it */
  push(samples) {
    if (this.#factor === 1) return samples;
    const sound = new Float32Array(this.#held.length + samples.length);
    sound.set(this.#held);
    sound.set(samples, this.#held.length);
    const taps = this.#taps;
    const half = taps.length - 1;
    const ready = Math.max(0, Math.ceil((sound.length - half - this.#place) / this.#factor));
    const low = new Float32Array(ready);
    for (let i = 0, at = this.#place; i < ready; i += 1, at += this.#factor) {
      let sum = taps[0] * sound[at];
      for (let k = 1; k <= half; k += 1) sum += taps[k] * (sound[at - k] + sound[at + k]);
      low[i] = sum;
    }
    const next = this.#place + ready * this.#factor;
    const gone = Math.min(sound.length, next - half);
    this.#held = sound.slice(gone);
    this.#place = next - gone;
    return low;
  }

  /** @returns {Float32Array} the rest, when no more comes */
  end() {
    return this.push(new Float32Array(this.#taps.length - 1));
  }
}

/**
 * @param {Float32Array} samples of a whole sound, one channel
 * @param {number} rate in Hz
 * @returns {{samples: Float32Array, rate: number}} the same at a lower rate
 */
export function lowered(samples, rate) {
  const low = new LowRate(rate);
  const [first, rest] = [low.push(samples), low.end()];
  const all = new Float32Array(first.length + rest.length);
  all.set(first);
  all.set(rest, first.length);
  return { samples: all, rate: low.rate };
}
