/**
 * Takes songs through decoding, extraction and prediction.
 *
 * Songs are decoded some at a time, while the one before them is analysed: so many and one more are
 * held. Numbers wait for the server as small blobs. A long song is decoded, analysed and answered
 * bit by bit, by itself.
 */

import { UserError } from '../base/errors.js';
import { NOTHING_HEARD, listen } from './long_song.js';
import { peaksOf } from '../sound/peaks.js';
import { t } from '../base/text.js';

const PARALLEL_REQUESTS = 2;
// Songs that are decoded at a time: a browser decodes each in a thread of its own. With two cores,
// two take two thirds of the time; a third has nothing to run on there.
const MOST_DECODING = 3;
const DECODING = Math.min(MOST_DECODING, navigator.hardwareConcurrency ?? 2);

/**
 * @typedef {import('./song.js').Song} Song
 * @typedef {import('./song.js').Model} Model
 */

/** Fires "change" with detail = song whenever one differs. */
export class SongQueue extends EventTarget {
  #engine;
  #decode;
  #check;
  #predict;
  #limits;
  #patiently;
  #preparing = 0;
  // Whether a song was analysed since there was nothing to do.
  #warm = false;
  #extracting = Promise.resolve();
  #requests = 0;
  #toSend = [];

  /**
   * @param {object} parts
   * @param {import('../analysis/engine.js').Engine} parts.engine
   * @param {(song: Song, model: Model, signal: AbortSignal) =>
   *   Promise<import('../sound/decode.js').Decoded>} parts.decode
   * @param {(extraction: import('../analysis/engine.js').Extraction) => void} parts.check throws what must
   *   not be sent
   * @param {(extraction: {body: Blob}, model: Model, signal: AbortSignal) =>
   *   Promise<import('../server/api.js').Prediction>} parts.predict
   * @param {import('./long_song.js').Limits} parts.limits of what is taken
   * @param {Model} parts.model answers until another is chosen
   * @param {import('../server/server_link.js').ServerLink['send']} parts.patiently waits for a server that
   *   is away
   */
  constructor({ engine, decode, check, predict, patiently, limits, model }) {
    super();
    this.#engine = engine;
    this.#decode = decode;
    this.#check = check;
    this.#predict = predict;
    this.#limits = limits;
    this.#patiently = patiently;
    /** @type {Song[]} */
    this.songs = [];
    this.paused = false;
    /** @type {Model} */
    this.model = model;
    engine.addEventListener('change', () => this.#run());
  }

  /** @param {Song[]} songs */
  add(songs) {
    for (const song of songs) song.model ??= this.model;
    this.songs.push(...songs);
    if (this.paused) for (const song of songs) if (!song.finished) this.#set(song, 'paused');
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

  /** @param {Song[]} songs */
  remove(songs) {
    const gone = new Set(songs);
    for (const song of songs) song.attempt.abort();
    this.songs = this.songs.filter((song) => !gone.has(song));
    // An empty queue has nothing to wait for.
    if (!this.songs.length) this.paused = false;
  }

  /**
   * Let another version answer. Songs are asked for anew: from their numbers where it reads the same,
   * otherwise from their files.
   * @param {Model} model
   */
  use(model) {
    this.model = model;
    for (const song of this.songs) this.#renew(song, model);
    this.#run();
  }

  #renew(song, model) {
    const { state, model: { featureSpec } } = song;
    const readsTheSame = featureSpec.id === model.featureSpec.id;
    const able = song.file || song.extractions.has(model.featureSpec.id)
      || song.predictions.has(model.version);
    // Only its answer was kept: it stays that of the version which gave it.
    if (able || !song.finished) song.model = model;
    const lost = state === 'cancelled' || (state === 'failed' && !song.error.retryable) || !able;
    // Its numbers are on their way, and the new version takes them as well; of a long song, some are
    // answered by the version before.
    const underWay = song.running && readsTheSame && state !== 'predicting' && !song.heard;
    song.heard = null;
    if (!lost && !underWay && (song.running || song.finished)) {
      song.attempt.abort();
      song.attempt = new AbortController();
      song.error = null;
      if (song.prediction) this.#set(song, 'done');
      else if (song.extraction) this.#send(song);
      else this.#set(song, this.paused ? 'paused' : 'queued');
    } else this.#set(song, state, song.progress);
  }

  /**
   * What another version says of a song, beside the one that answers.
   * @param {Song} song an answered one
   * @param {Model} model
   * @param {AbortSignal} signal
   * @returns {Promise<import('../server/api.js').Prediction>}
   * @throws {UserError}
   */
  async ask(song, model, signal) {
    const known = song.predictions.get(model.version);
    if (known) return known;
    let extraction = song.extractions.get(model.featureSpec.id);
    if (!extraction) {
      if (!song.file) {
        throw new UserError(t('The sound itself is not kept; choose the file again, please.'));
      }
      const { samples, stream } = await this.#decode(song, model, signal);
      signal.throwIfAborted();
      if (stream) ({ extraction } = await this.#listen(stream, { model, signal }));
      else {
        extraction = await this.#engine.extract(samples, model.featureSpec, () => {});
        this.#check(extraction);
      }
      song.extractions.set(model.featureSpec.id, extraction);
    }
    const prediction = await this.#predict(extraction, model, signal);
    song.predictions.set(model.version, prediction);
    return prediction;
  }

  /** Try a failed or cancelled song again: from its numbers when they exist, otherwise from its file. */
  retry(song) {
    if (!song.retryable || song.needsFile) return;
    song.error = null;
    if (song.extraction) {
      this.#send(song);
    } else {
      this.#set(song, this.paused ? 'paused' : 'queued');
      this.#run();
    }
  }

  #run() {
    // The first song has the processor for itself, so that its answer comes as soon as it can.
    while (this.#preparing < (this.#warm ? DECODING : 1)) {
      // An earlier page may have made its numbers already: these need no analysis.
      const ready = this.#engine.state === 'ready';
      const song = this.songs.find((each) => each.state === 'queued' && (each.extraction || ready));
      if (!song) {
        if (!this.#preparing) this.#warm = false;
        return;
      }
      if (song.extraction) this.#send(song);
      else this.#prepare(song);
    }
  }

  /** Decode, wait for the analysis to be free, and hand over. */
  async #prepare(song) {
    const { signal } = song.attempt;
    this.#preparing += 1;
    this.#set(song, 'decoding');
    try {
      const { samples, stream, seconds } = await this.#timed(song, 'decode', () =>
        this.#decode(song, song.model, signal));
      if (signal.aborted) return;
      song.seconds = seconds;
      if (!stream) song.peaks = peaksOf(samples, samples.length / seconds);
      // Another is decoded once this one's analysis begins, or has ended if it is a long one.
      await new Promise((begun) => {
        this.#extracting = this.#extracting.then(async () => {
          if (!stream) begun();
          if (signal.aborted) stream?.close();
          else if (stream) await this.#follow(song, stream, signal);
          else await this.#extract(song, samples, signal);
          begun();
          this.#warm = true;
          this.#run();
        });
      });
    } catch (error) {
      this.#fail(song, error, signal);
    } finally {
      this.#preparing -= 1;
      this.#run();
    }
  }

  #listen(stream, more) {
    return listen(stream, { engine: this.#engine, limits: this.#limits, check: this.#check, ...more });
  }

  /** Show what is known of a long song while it is listened to. */
  async #follow(song, stream, signal) {
    try {
      await this.#hear(song, stream, signal);
    } catch (error) {
      this.#fail(song, error, signal);
    }
  }

  async #hear(song, stream, signal) {
    const { model, seconds: whole } = song;
    const show = (heard) => {
      if (signal.aborted) return;
      song.heard = heard;
      song.peaks = heard.peaks;
      this.#set(song, 'extracting', Math.min(1, heard.seconds / whole));
    };
    song.heard = NOTHING_HEARD;
    this.#set(song, 'extracting', 0);
    const { extraction, answered, complete, seconds } = await this.#timed(song, 'extract', () =>
      this.#listen(stream, { model, signal, show, ask: (request) => this.#predict(request, model, signal) }));
    if (signal.aborted) return;
    song.seconds = seconds;
    song.extraction = extraction;
    if (complete) {
      song.prediction = answered.prediction;
      this.#set(song, 'done');
    } else this.#send(song);
  }

  async #extract(song, samples, signal) {
    const show = (done, total) => {
      if (!signal.aborted) this.#set(song, 'extracting', done / total);
    };
    show(0, 1);
    try {
      const extraction = await this.#timed(song, 'extract', () =>
        this.#engine.extract(samples, song.model.featureSpec, show));
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
    song.waits = null;
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
          this.#predict(song.extraction, song.model, signal)), signal, (why) => {
          if (signal.aborted || song.waits === why) return;
          song.waits = why;
          this.#set(song, 'predicting');
        });
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
      : new UserError(t('Something unexpected went wrong ({reason}). Retry, please.', { reason: error.message }));
    this.#set(song, 'failed');
  }

  #set(song, state, progress = null) {
    // Given up halfway, it still shows what was sent.
    if (state === 'queued' || state === 'decoding' || state === 'done') song.heard = null;
    if (state !== 'predicting') song.waits = null;
    song.state = state;
    song.progress = progress;
    this.dispatchEvent(new CustomEvent('change', { detail: song }));
  }
}
