/** Sound from the microphone, as a file like any other. It stays on this computer. */

import { UserError, reasonOf } from '../base/errors.js';
import { t } from '../base/text.js';
import { pcmWav } from '../sound/wav.js';

// The browser's treatment of voices would change music.
const SOUND = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
const BITS_PER_SECOND = 256_000;

/** @returns {boolean} whether this browser, on this address, can record */
export const canRecord = () =>
  Boolean(navigator.mediaDevices?.getUserMedia) && typeof MediaRecorder === 'function';

/** @param {unknown} error of the browser @returns {UserError} */
function refusal(error) {
  /** @type {Record<string, string>} */
  const reasons = {
    NotAllowedError: t('The browser was not allowed to use the microphone. Allow it for this site, beside the address, and try again.'),
    NotFoundError: t('There is no microphone. Connect one and try again.'),
    NotReadableError: t('The microphone is used by another program or was taken away. Free it and try again.'),
  };
  const name = error instanceof Error ? error.name : '';
  return new UserError(reasons[name] ?? t('The microphone cannot be used ({reason}).', { reason: reasonOf(error) }));
}

/** One recording. */
export class Recording {
  #stream;
  #context;
  #meter;
  #recorder;
  /** @type {Blob[]} */
  #chunks = [];
  #ended;

  /**
   * Ask for the microphone and begin.
   * @returns {Promise<Recording>}
   * @throws {UserError} no microphone, or not allowed
   */
  static async start() {
    /** @type {MediaStream | undefined} */
    let stream;
    const context = new AudioContext();
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: SOUND });
      return new Recording(stream, context);
    } catch (error) {
      stream?.getTracks().forEach((track) => track.stop());
      context.close();
      throw refusal(error);
    }
  }

  /**
   * @param {MediaStream} stream
   * @param {AudioContext} context closed with the recording
   */
  constructor(stream, context) {
    this.#stream = stream;
    this.#context = context;
    this.#meter = this.#context.createAnalyser();
    this.#meter.fftSize = 2048;
    this.#context.createMediaStreamSource(stream).connect(this.#meter);
    this.#recorder = new MediaRecorder(stream, { audioBitsPerSecond: BITS_PER_SECOND });
    this.#recorder.ondataavailable = ({ data }) => this.#chunks.push(data);
    this.started = performance.now();
    this.#ended = new Promise((resolve) => {
      this.#recorder.onstop = resolve;
    });
    this.#recorder.start(1000);
  }

  /** Settles when the recording has ended: by finish or discard, or as the microphone went away. */
  get ended() {
    return this.#ended;
  }

  /** @returns {number} seconds so far */
  get seconds() {
    return (performance.now() - this.started) / 1000;
  }

  /** @returns {number} level of the last moment in dB below full scale, at least -60 */
  level() {
    const samples = new Float32Array(this.#meter.fftSize);
    this.#meter.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
    return Math.max(-60, 10 * Math.log10(power + 1e-12));
  }

  /**
   * End the recording and make a file of it.
   * @param {string} name of the file
   * @returns {Promise<File>}
   * @throws {UserError} when nothing usable was recorded
   */
  async finish(name) {
    await this.#stop();
    const recorded = new Blob(this.#chunks, { type: this.#recorder.mimeType });
    if (!recorded.size) throw new UserError(t('Nothing was recorded. Try again, a little longer.'));
    try {
      const { sampleRate } = this.#context;
      const context = new OfflineAudioContext(1, 1, sampleRate);
      const buffer = await context.decodeAudioData(await recorded.arrayBuffer());
      // Browsers record in formats of their own, without a length.
      return pcmWav(buffer.getChannelData(0), buffer.sampleRate, name);
    } catch (error) {
      throw new UserError(t('The recording could not be read ({reason}). Try again: a little longer if it was very short, shorter if it was very long.', { reason: reasonOf(error) }));
    }
  }

  /** End the recording and forget it. */
  async discard() {
    await this.#stop();
    this.#chunks = [];
  }

  async #stop() {
    if (this.#recorder.state !== 'inactive') this.#recorder.stop();
    await this.#ended;
    for (const track of this.#stream.getTracks()) track.stop();
    if (this.#context.state !== 'closed') await this.#context.close();
  }
}
