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
 * One song and how far it is. A paused song waits like a queued one, until the queue goes on.
 * @typedef {'queued' | 'paused' | 'decoding' | 'extracting' | 'predicting' | 'cancelled' | 'done'
 *   | 'failed'} State
 */
export class Song {
  /**
   * @param {File} file
   * @param {string} path where it lies in the folder that it came with, or its name
   */
  constructor(file, path = file.name) {
    this.id = nextNumber;
    nextNumber += 1;
    this.file = file;
    this.path = path;
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
    /** Ends the work at it; another try gets another one. */
    this.attempt = new AbortController();
  }

  get finished() {
    return this.state === 'done' || this.state === 'failed' || this.state === 'cancelled';
  }

  get running() {
    return this.state === 'decoding' || this.state === 'extracting' || this.state === 'predicting';
  }

  get retryable() {
    return this.state === 'cancelled' || (this.state === 'failed' && this.error.retryable);
  }
}

/** Fires "change" with detail = song whenever one differs. */
export class SongQueue extends EventTarget {
  #engine;
  #decode;
  #check;
  #predict;
  #patiently;
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
   * @param {import('./server_link.js').ServerLink['send']} parts.patiently waits for a server that
   *   is away
   */
  constructor({ engine, decode, check, predict, patiently }) {
    super();
    this.#engine = engine;
    this.#decode = decode;
    this.#check = check;
    this.#predict = predict;
    this.#patiently = patiently;
    /** @type {Song[]} */
    this.songs = [];
    this.paused = false;
    engine.addEventListener('change', () => this.#run());
  }

  /** @param {Song[]} songs */
  add(songs) {
    this.songs.push(...songs);
    if (this.paused) for (const song of songs) this.#set(song, 'paused');
    this.#run();
  }

  /** Finish what has begun and let the others wait. */
  pause() {
    this.paused = true;
    for (const song of this.songs) if (song.state === 'queued') this.#set(song, 'paused');
  }

  /** Go on after a pause. */
  resume() {
    this.paused = false;
    for (const song of this.songs) if (song.state === 'paused') this.#set(song, 'queued');
    this.#run();
  }

  /** Give up all songs that have no answer yet; each may be retried. */
  cancel() {
    for (const song of this.songs) {
      if (song.finished) continue;
      song.attempt.abort();
      song.attempt = new AbortController();
      this.#set(song, 'cancelled');
    }
    this.paused = false;
  }

  /** @param {Song} song */
  remove(song) {
    song.attempt.abort();
    this.songs = this.songs.filter((other) => other !== song);
    // An empty queue has nothing to wait for.
    if (!this.songs.length) this.paused = false;
  }

  /** Try a failed or cancelled song again: from its numbers when they exist, otherwise from its file. */
  retry(song) {
    if (!song.retryable) return;
    song.error = null;
    if (song.extraction) {
      this.#send(song);
    } else {
      this.#set(song, this.paused ? 'paused' : 'queued');
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
    const { signal } = song.attempt;
    this.#set(song, 'decoding');
    try {
      const { samples, seconds } = await this.#timed(song, 'decode', () => this.#decode(song.file));
      if (signal.aborted) return;
      song.seconds = seconds;
      await this.#extracting;
      if (signal.aborted) return;
      this.#extracting = this.#extract(song, samples, signal);
    } catch (error) {
      this.#fail(song, error, signal);
    }
  }

  async #extract(song, samples, signal) {
    const show = (done, total) => {
      if (!signal.aborted) this.#set(song, 'extracting', done / total);
    };
    show(0, 1);
    try {
      const extraction = await this.#timed(song, 'extract', () =>
        this.#engine.extract(samples, show));
      this.#check(extraction);
      if (signal.aborted) return;
      song.extraction = extraction;
    } catch (error) {
      this.#fail(song, error, signal);
      return;
    }
    this.#send(song);
  }

  #send(song) {
    this.#set(song, 'predicting');
    this.#toSend.push({ song, signal: song.attempt.signal });
    this.#sendNext();
  }

  async #sendNext() {
    if (this.#requests >= PARALLEL_REQUESTS) return;
    const next = this.#toSend.shift();
    if (!next) return;
    const { song, signal } = next;
    this.#requests += 1;
    try {
      if (!signal.aborted) {
        const prediction = await this.#patiently(() => this.#timed(song, 'request', () =>
          this.#predict(song.extraction.body, signal)), signal);
        if (!signal.aborted) {
          song.prediction = prediction;
          this.#set(song, 'done');
        }
      }
    } catch (error) {
      this.#fail(song, error, signal);
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

  #fail(song, error, signal) {
    if (signal.aborted) return;
    if (!(error instanceof UserError)) console.error(error);
    song.error = error instanceof UserError
      ? error
      : new UserError(`Something unexpected went wrong (${error.message}). Retry, please.`);
    this.#set(song, 'failed');
  }

  #set(song, state, progress = null) {
    song.state = state;
    song.progress = progress;
    this.dispatchEvent(new CustomEvent('change', { detail: song }));
  }
}
