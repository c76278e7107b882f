/**
 * Takes songs through decoding, extraction and prediction.
 *
 * Decoding of the next song overlaps extraction of the one before it, so at most two decoded songs
 * are held. Numbers wait for the server as small blobs.
 */

import { UserError } from './errors.js';

const PARALLEL_REQUESTS = 2;

let nextNumber = 1;

/**
 * One song and how far it is.
 * @typedef {'queued' | 'decoding' | 'extracting' | 'predicting' | 'done' | 'failed'} State
 */
export class Song {
  /** @param {File} file */
  constructor(file) {
    this.id = nextNumber;
    nextNumber += 1;
    this.file = file;
    /** @type {State} */
    this.state = 'queued';
    /** Share of the running step, 0 to 1, or null when it cannot be known. @type {number | null} */
    this.progress = null;
    /** @type {UserError | null} */
    this.error = null;
    /** Seconds, once decoded. @type {number | null} */
    this.seconds = null;
    /** What is sent; kept until the song is removed: shown, and sent again on retry.
     * @type {import('./engine.js').Extraction | null} */
    this.extraction = null;
    /** @type {import('./api.js').Prediction | null} */
    this.prediction = null;
    /** Milliseconds of each finished step. @type {Record<string, number>} */
    this.times = {};
    this.removal = new AbortController();
  }

  get removed() {
    return this.removal.signal.aborted;
  }

  get retryable() {
    return this.state === 'failed' && this.error.retryable;
  }
}

/** Fires "change" with detail = song whenever one differs. */
export class SongQueue extends EventTarget {
  #engine;
  #decode;
  #check;
  #predict;
  #running = false;
  #extracting = Promise.resolve();
  #requests = 0;
  #toSend = [];

  /**
   * @param {object} parts
   * @param {import('./engine.js').Engine} parts.engine
   * @param {(file: File) => Promise<import('./decode.js').Decoded>} parts.decode
   * @param {(extraction: import('./engine.js').Extraction) => void} parts.check throws what must
   *   not be sent
   * @param {(body: Blob, signal: AbortSignal) => Promise<import('./api.js').Prediction>} parts.predict
   */
  constructor({ engine, decode, check, predict }) {
    super();
    this.#engine = engine;
    this.#decode = decode;
    this.#check = check;
    this.#predict = predict;
    /** @type {Song[]} */
    this.songs = [];
    engine.addEventListener('change', () => this.#run());
  }

  /** @param {Song[]} songs */
  add(songs) {
    this.songs.push(...songs);
    this.#run();
  }

  /** @param {Song} song */
  remove(song) {
    song.removal.abort();
    this.songs = this.songs.filter((other) => other !== song);
  }

  /** Try a failed song again: from its numbers when they exist, otherwise from its file. */
  retry(song) {
    if (!song.retryable) return;
    song.error = null;
    if (song.extraction) {
      this.#send(song);
    } else {
      this.#set(song, 'queued');
      this.#run();
    }
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    try {
      for (;;) {
        const song = this.songs.find((each) => each.state === 'queued');
        if (!song || this.#engine.state !== 'ready') return;
        await this.#prepare(song);
      }
    } finally {
      this.#running = false;
    }
  }

  /** Decode, wait for the analysis to be free, and hand over. */
  async #prepare(song) {
    this.#set(song, 'decoding');
    try {
      const { samples, seconds } = await this.#timed(song, 'decode', () => this.#decode(song.file));
      song.seconds = seconds;
      await this.#extracting;
      if (song.removed) return;
      this.#extracting = this.#extract(song, samples);
    } catch (error) {
      this.#fail(song, error);
    }
  }

  async #extract(song, samples) {
    this.#set(song, 'extracting', 0);
    try {
      const extraction = await this.#timed(song, 'extract', () =>
        this.#engine.extract(samples, (done, total) => this.#set(song, 'extracting', done / total)));
      this.#check(extraction);
      song.extraction = extraction;
    } catch (error) {
      this.#fail(song, error);
      return;
    }
    this.#send(song);
  }

  #send(song) {
    if (song.removed) return;
    this.#set(song, 'predicting');
    this.#toSend.push(song);
    this.#sendNext();
  }

  async #sendNext() {
    if (this.#requests >= PARALLEL_REQUESTS) return;
    const song = this.#toSend.shift();
    if (!song) return;
    this.#requests += 1;
    try {
      if (!song.removed) {
        song.prediction = await this.#timed(song, 'request', () =>
          this.#predict(song.extraction.body, song.removal.signal));
        this.#set(song, 'done');
      }
    } catch (error) {
      this.#fail(song, error);
    } finally {
      this.#requests -= 1;
      this.#sendNext();
    }
  }

  async #timed(song, step, work) {
    const start = performance.now();
    const result = await work();
    song.times[step] = performance.now() - start;
    performance.measure(step, { start, detail: song.id });
    return result;
  }

  #fail(song, error) {
    if (song.removed) return;
    if (!(error instanceof UserError)) console.error(error);
    song.error = error instanceof UserError
      ? error
      : new UserError(`Something unexpected went wrong (${error.message}). Retry, please.`);
    this.#set(song, 'failed');
  }

  #set(song, state, progress = null) {
    song.state = state;
    song.progress = progress;
    if (!song.removed) this.dispatchEvent(new CustomEvent('change', { detail: song }));
  }
}
