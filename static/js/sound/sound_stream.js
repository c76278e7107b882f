/** A long file as a stream of mono samples: never more than a minute of sound is held. */

import { UserError, withTimeout } from '../base/errors.js';
import { t } from '../base/text.js';
import { scriptUrl } from '../base/trusted.js';

/**
 * @typedef {import('./messages.d.ts').FromStreamWorker} FromStreamWorker
 * @typedef {import('./messages.d.ts').ToStreamWorker} ToStreamWorker
 * @typedef {import('./messages.d.ts').WavChunk} WavChunk
 */

const STALL_MS = 120_000;
// Some decoders claim to know a codec and never answer.
const FIRST_SOUND_MS = 2_500;

/** A file that cannot be read bit by bit; it may still be decoded as a whole. */
export class StreamError extends UserError {}

/** Browsers give their decoders (WebCodecs) to pages of https and localhost only. */
export class PlainHttpError extends StreamError {}

/** @param {string} text */
const hopeless = (text) => new StreamError(text, { retryable: false });

/** @type {Record<import('./messages.d.ts').Obstacle, () => StreamError>} */
const REASONS = {
  library: () => new StreamError(t('The script that reads long files could not be loaded. Is the server still running?')),
  container: () => hopeless(t('It is of a kind that cannot be read bit by bit here.')),
  'no-audio': () => hopeless(t('The file holds no sound that can be found.')),
  codec: () => (globalThis.isSecureContext
    ? hopeless(t('Your browser cannot decode its sound bit by bit.'))
    : new PlainHttpError(t('Browsers decode songs bit by bit only for pages of https or localhost, and this page has come over plain http.'), { retryable: false })),
  rate: () => hopeless(t('Its sample rate changes in the middle.')),
  damaged: () => hopeless(t('The file is damaged.')),
};

/**
 * @typedef {object} Chunk
 * @property {Float32Array<ArrayBuffer>} samples mono, at the rate asked for; its own memory
 * @property {number} seconds where it ends in the song
 * @property {boolean} last
 * @property {import('./messages.d.ts').Damage[]} damage of the song so far
 */

export class SoundStream {
  #worker;
  #context;
  #rate;
  #signal;
  #close = () => this.close();
  /** The wav that the worker makes meanwhile. @type {Promise<WavChunk>} */
  #coming = new Promise(() => {});
  #resolve = (/** @type {WavChunk} */ _) => {};
  #reject = (/** @type {Error} */ _) => {};
  /** @type {Chunk | null} */
  #first = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #firstSound;

  /**
   * @param {File} file
   * @param {number} sampleRate in Hz
   * @param {import('./downmix.js').Mix} mix how channels become one
   * @param {AbortSignal} [signal] ends it at once
   * @param {import('./plain.js').Layout | null} [layout] of plain samples that no decoder is to read
   */
  constructor(file, sampleRate, mix, signal, layout = null) {
    this.#rate = sampleRate;
    this.#signal = signal;
    this.#context = new OfflineAudioContext(1, 1, sampleRate);
    this.#worker = new Worker(scriptUrl(new URL('./stream_worker.js', import.meta.url)), { type: 'module', name: 'decoding' });
    this.#worker.onmessage = (/** @type {MessageEvent<FromStreamWorker>} */ { data }) => {
      clearTimeout(this.#firstSound);
      if (data.type === 'chunk') this.#resolve(data);
      else if (data.type === 'failed') this.#reject(REASONS[data.code]());
      else if (data.type === 'found') {
        // It may have been a slow moment, so another try may do.
        this.#firstSound = setTimeout(() => this.#reject(new StreamError(t('Your browser cannot decode its sound bit by bit.'))), FIRST_SOUND_MS);
      }
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#reject(REASONS.library());
    };
    signal?.addEventListener('abort', this.#close);
    this.#ask({ type: 'open', file, mix, layout });
  }

  /**
   * @param {File} file
   * @param {{sampleRate: number, mix: import('./downmix.js').Mix, signal?: AbortSignal,
   *   layout?: import('./plain.js').Layout | null}} options
   * @returns {Promise<SoundStream>} once its beginning is decoded
   * @throws {StreamError} a file that cannot be read so
   */
  static async open(file, { sampleRate, mix, signal, layout }) {
    // A signal that has been given already tells nobody any more.
    signal?.throwIfAborted();
    const stream = new SoundStream(file, sampleRate, mix, signal, layout);
    try {
      stream.#first = await stream.#next();
    } catch (error) {
      stream.close();
      throw error;
    }
    return stream;
  }

  /** @returns {Promise<Chunk>} the next half minute; not to be called after the last one */
  async next() {
    const chunk = this.#first ?? await this.#next();
    this.#first = null;
    return chunk;
  }

  /** Let go of everything; whoever waits for a chunk is told. */
  close() {
    clearTimeout(this.#firstSound);
    this.#signal?.removeEventListener('abort', this.#close);
    this.#worker.terminate();
    this.#reject(new DOMException('closed', 'AbortError'));
  }

  /** @param {ToStreamWorker} message that a chunk answers */
  #ask(message) {
    this.#coming = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // One that is rejected before anybody waits for it is no unhandled one.
    this.#coming.catch(() => {});
    this.#worker.postMessage(message);
  }

  async #next() {
    const { wav, margin, kept, seconds, last, damage } = await withTimeout(this.#coming, STALL_MS, () =>
      new UserError(t('The browser did not finish decoding this file. Try again, please.')));
    if (!last) this.#ask({ type: 'next' });
    // Resampled by the browser as a whole file is, so that the numbers are the same.
    const buffer = await this.#context.decodeAudioData(wav);
    const from = margin * this.#rate;
    const to = kept === null ? buffer.length : from + kept * this.#rate;
    return { samples: buffer.getChannelData(0).slice(from, to), seconds, last, damage };
  }
}
