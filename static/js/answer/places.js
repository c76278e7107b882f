/**
 * Brings a song's player to places of the song.
 *
 * A player guesses how long some files are, such as an mp3 of a varying bit rate without a header, and then
 * misses the places in them. Such a file is decoded again and played from its samples.
 */

import { t } from '../base/text.js';

const METADATA_TIMEOUT_MS = 3_000;
// As the decoded sound lasts so much longer or shorter than the player says, the player guesses.
const NOTICEABLE_S = 1;

/**
 * @param {HTMLAudioElement} audio
 * @returns {Promise<number>} seconds; NaN where the player cannot open its file
 */
function durationOf(audio) {
  return new Promise((resolve) => {
    const done = () => resolve(audio.duration);
    if (audio.readyState > 0 || audio.error) {
      done();
      return;
    }
    audio.addEventListener('loadedmetadata', done, { once: true });
    audio.addEventListener('error', done, { once: true });
    setTimeout(done, METADATA_TIMEOUT_MS);
    if (audio.preload === 'none') {
      audio.preload = 'metadata';
      // One that plays loads by itself, and would be stopped.
      if (audio.paused) audio.load();
    }
  });
}

export class Places {
  #audio;
  #song;
  #samples;
  #makeUrl;
  #gone;
  /** The file whose places are known, and what is to be said of them. @type {{file: File, remark: Promise<string>} | null} */
  #known = null;

  /**
   * @param {HTMLAudioElement} audio plays the song's file
   * @param {import('../songs/song.js').Song} song
   * @param {import('../sound/samples.js').Samples} samples
   * @param {(blob: Blob) => string} makeUrl gives an address that ends with the song
   * @param {AbortSignal} gone the song is removed
   */
  constructor(audio, song, samples, makeUrl, gone) {
    this.#audio = audio;
    this.#song = song;
    this.#samples = samples;
    this.#makeUrl = makeUrl;
    this.#gone = gone;
  }

  /**
   * Give the player a sound whose places are those of the song.
   * @param {() => void} [onWait] called if it takes a while
   * @returns {Promise<string>} a remark for the visitor, or nothing
   */
  mend(onWait = () => {}) {
    const { file } = this.#song;
    if (!file) return Promise.resolve('');
    if (this.#known?.file !== file) this.#known = { file, remark: this.#mend(file, onWait) };
    return this.#known.remark;
  }

  /** @param {File} file @param {() => void} onWait */
  async #mend(file, onWait) {
    const audio = this.#audio;
    const [duration, length] = [await durationOf(audio), await this.#length(file)];
    if (Number.isNaN(duration)) {
      // A player that only took too long is asked again.
      if (!audio.error) this.#known = null;
      return '';
    }
    if (length === null || Math.abs(duration - length) <= NOTICEABLE_S) return '';
    const rough = t('The browser’s player is wrong about the length of this file, so the places that you hear in it are rough.');
    // Of a song that breaks off, the player counts what is missing, too.
    if (this.#samples.isLong(length)) return this.#song.extraction?.damage ? '' : rough;
    onWait();
    const { paused, currentTime } = audio;
    audio.pause();
    try {
      const wav = await this.#samples.wav(file);
      if (this.#gone.aborted) return '';
      audio.src = this.#makeUrl(wav);
    } catch {
      return rough;
    }
    await durationOf(audio);
    audio.currentTime = currentTime;
    // The song may be folded or removed by now. A player that was refused shows it by itself.
    if (!paused && audio.isConnected) audio.play().catch(() => {});
    return '';
  }

  /** @param {File} file @returns {Promise<number | null>} seconds of its sound; null: not known */
  async #length(file) {
    const { part, seconds } = this.#song;
    return part ? this.#samples.length(file).catch(() => null) : seconds;
  }
}
