/**
 * Takes songs to their answers. From `#run` on, the methods stand in the order of one song's steps:
 * `#run` chooses it, `#prepare` takes it from its file to samples (`#decode`) and to numbers (`#extract`,
 * or `#listen` for a long song), `#send` from its numbers to the answer (`#answer`).
 *
 * Some songs are decoded at a time while the one before them is analysed: so many and one more are
 * held. Numbers wait for the server as small blobs. A long song is decoded, analysed and answered
 * bit by bit, by itself.
 */

import { UserError } from '../base/errors.js';
import { t } from '../base/text.js';
import { Budget } from '../sound/budget.js';
import { peaksOf } from '../sound/peaks.js';
import { NOTHING_HEARD, damageText } from './long_song.js';

const PARALLEL_REQUESTS = 2;
// Songs that are decoded at a time: a browser decodes each in a thread of its own. With two cores,
// two take two thirds of the time; a third has nothing to run on there.
const MOST_DECODING = 3;
const DECODING = Math.min(MOST_DECODING, navigator.hardwareConcurrency ?? 2);

/**
 * @typedef {import('./song.js').Song} Song
 * @typedef {import('../base/config.js').Model} Model
 *
 * @typedef {object} Collaborators
 * @property {import('../sound/samples.js').Samples} samples
 * @property {import('./numbers.js').Numbers} numbers
 * @property {import('../server/answers.js').Answers} answers
 */

/** @param {Song} song of the queue @returns {Model} that answers it */
function modelOf({ model }) {
  if (!model) throw new Error('a song that is in no queue');
  return model;
}

/**
 * @typedef {object} Events
 * @property {Song[]} add songs have come to the end of the list
 * @property {Song[]} remove songs have left it
 * @property {Song} change this one differs; it has fired "change" itself
 * @property {import('./song.js').Listen} listen songs are listened to so from now on
 * @property {Model} use this version answers from now on
 */

/** The songs of the page, in the order in which they came. */
export class SongQueue {
  #events = new EventTarget();
  #samples;
  #numbers;
  #answers;
  // One for each song that is decoded, or waits for the analysis with its samples. A song that was
  // given up and is tried again has two, until the first attempt has ended.
  /** @type {Set<symbol>} */
  #places = new Set();
  // Whether a song was analysed since there was nothing to do.
  #warm = false;
  #analysis = new Budget(1);
  #requests = new Budget(PARALLEL_REQUESTS);

  /**
   * @param {Model} model answers until another is chosen
   * @param {Collaborators} collaborators
   */
  constructor(model, { samples, numbers, answers }) {
    this.#samples = samples;
    this.#numbers = numbers;
    this.#answers = answers;
    /** @type {Song[]} */
    this.songs = [];
    this.paused = false;
    /** @type {Model} */
    this.model = model;
    /** What of the songs to come is listened to. @type {import('./song.js').Listen} */
    this.listening = 'whole';
    numbers.follow(() => this.#run());
  }

  /**
   * @template {keyof Events} T
   * @param {T} type
   * @param {(detail: Events[T]) => void} listener
   * @param {AddEventListenerOptions} [options]
   */
  on(type, listener, options) {
    this.#events.addEventListener(type, (event) => {
      listener(/** @type {CustomEvent<Events[T]>} */ (event).detail);
    }, options);
  }

  /** @param {Song[]} songs come to the end of the list */
  add(songs) {
    for (const song of songs) {
      // One of an earlier page has its own.
      if (!song.model && !song.part) song.listen = this.listening;
      song.model ??= this.model;
    }
    this.songs.push(...songs);
    this.#tell('add', songs);
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
    this.#tell('remove', songs);
  }

  /**
   * Let another version answer. Songs are asked for anew: from their numbers where it reads the same,
   * otherwise from their files.
   * @param {Model} model
   */
  use(model) {
    this.model = model;
    for (const song of this.songs) this.#renew(song, model);
    this.#tell('use', model);
    this.#run();
  }

  /**
   * @param {Song} song
   * @param {Model} model
   */
  #renew(song, model) {
    const { state } = song;
    const readsTheSame = song.model?.featureSpec.id === model.featureSpec.id;
    const able = song.file || song.extractions.has(model.featureSpec.id)
      || song.predictions.has(model.version);
    // Only its answer was kept: it stays that of the version which gave it.
    if (able || !song.finished) song.model = model;
    const lost = state === 'cancelled' || (state === 'failed' && !song.retryable) || !able;
    // Its numbers are being made, and the new version takes them as well; of a long song, some are
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
   * Listen so to the songs that wait, and to those to come; answers that are there stay.
   * @param {import('./song.js').Listen} listen
   */
  listenTo(listen) {
    this.listening = listen;
    for (const song of this.songs) {
      if (song.part || song.extraction || (song.state !== 'queued' && song.state !== 'paused')) continue;
      song.listen = listen;
      this.#changed(song);
    }
    this.#tell('listen', listen);
  }

  /**
   * Listen to all of a song that is answered by three excerpts; without its file, as soon as that is back.
   * @param {Song} song
   */
  listenToAll(song) {
    song.wantsWhole = !song.file;
    if (song.file) this.#startOver(song, 'whole');
    this.#run();
  }

  /**
   * Judge songs once more from their files, as if they had just come; others than finished ones are under
   * way already.
   * @param {Song[]} songs
   */
  judgeAnew(songs) {
    for (const song of songs) {
      if (!song.file || !song.finished) continue;
      song.model = this.model;
      this.#startOver(song, song.part ? song.listen : this.listening);
    }
    this.#run();
  }

  /**
   * @param {Song} song with its file
   * @param {import('./song.js').Listen} listen
   */
  #startOver(song, listen) {
    song.listen = listen;
    song.attempt.abort();
    song.attempt = new AbortController();
    song.extractions.clear();
    song.predictions.clear();
    song.error = null;
    this.#set(song, this.paused ? 'paused' : 'queued');
  }

  /**
   * Give a song whose sound was not kept its file back.
   * @param {Song} song
   * @param {File} file
   */
  giveFile(song, file) {
    song.file = file;
    this.#changed(song);
    if (song.wantsWhole) this.listenToAll(song);
    else this.retry(song);
  }

  /**
   * Ask once more for the answer of a song that has one, from its numbers; nothing is shown of it.
   * @param {Song} song
   * @throws {UserError}
   */
  async renewAnswer(song) {
    const { extraction, attempt: { signal } } = song;
    if (song.state !== 'done' || !extraction) return;
    const endTurn = await this.#requests.take(1);
    try {
      if (signal.aborted || song.state !== 'done') return;
      const prediction = await this.#answers.to(extraction, modelOf(song), signal);
      if (signal.aborted || song.state !== 'done') return;
      song.prediction = prediction;
      this.#changed(song);
    } finally {
      endTurn();
    }
  }

  /**
   * Try a failed or cancelled song again: from its numbers when they exist, otherwise from its file.
   * @param {Song} song
   */
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

  /** Begin with songs that wait, as many as may be decoded at a time. */
  #run() {
    // The first song has the processor for itself, so that its answer comes as soon as it can.
    while (this.#places.size < (this.#warm ? DECODING : 1)) {
      // An earlier page may have made its numbers already: these need no analysis.
      const { ready } = this.#numbers;
      const song = this.songs.find((each) => each.state === 'queued' && (each.extraction || ready));
      if (!song) {
        if (!this.#places.size) this.#warm = false;
        return;
      }
      if (song.extraction) this.#send(song);
      else this.#prepare(song);
    }
  }

  /** From the file to the numbers, and on. @param {Song} song */
  async #prepare(song) {
    const { signal } = song.attempt;
    const place = Symbol(song.name);
    this.#places.add(place);
    this.#set(song, 'decoding');
    try {
      const { samples, stream, seconds, damage = [], bounds } = await this.#timed(song, 'decode', () => this.#decode(song, signal));
      signal.throwIfAborted();
      song.seconds = seconds;
      if (samples) song.peaks = peaksOf(samples, bounds ? modelOf(song).featureSpec.sample_rate : samples.length / seconds, bounds);

      const endTurn = await this.#analysis.take(1);
      try {
        if (signal.aborted) stream?.close();
        else if (stream) await this.#listen(song, stream, signal);
        else {
          // The analysis takes its samples over, so another song may be decoded.
          this.#places.delete(place);
          this.#run();
          await this.#extract(song, { samples, bounds }, damageText(damage), signal);
        }
      } finally {
        endTurn();
        this.#warm = true;
      }

      signal.throwIfAborted();
      // A long song may have its whole answer already.
      if (song.state !== 'done') this.#send(song);
    } catch (error) {
      this.#fail(song, error, signal);
    } finally {
      this.#places.delete(place);
      this.#run();
    }
  }

  /**
   * @param {Song} song
   * @param {AbortSignal} signal
   */
  #decode(song, signal) {
    const { file, part } = song;
    if (!file) throw new UserError(t('Choose this file again to analyse it'));
    const { featureSpec } = modelOf(song);
    if (song.listen === 'whole' || part) return this.#samples.of(file, part, featureSpec.sample_rate, signal);
    return this.#samples.excerptsOf(file, featureSpec.sample_rate, signal, (length) => this.#numbers.choose(length, featureSpec));
  }

  /**
   * @param {Song} song
   * @param {{samples: Float32Array<ArrayBuffer>, bounds?: import('../sound/excerpts.js').Bounds}} sound
   * @param {string} damage a sentence on what could not be decoded of them
   * @param {AbortSignal} signal
   */
  async #extract(song, { samples, bounds }, damage, signal) {
    const { featureSpec } = modelOf(song);
    const show = (/** @type {number} */ done, /** @type {number} */ total) => {
      if (!signal.aborted) this.#set(song, 'extracting', done / total);
    };
    show(0, 1);
    const extraction = await this.#timed(song, 'extract', () =>
      this.#numbers.of(samples, featureSpec, show, bounds));
    if (!signal.aborted) song.extraction = damage ? { ...extraction, damage } : extraction;
  }

  /**
   * Analyse a long song and show what is known of it meanwhile.
   * @param {Song} song
   * @param {import('../sound/decode.js').Stream} stream
   * @param {AbortSignal} signal
   */
  async #listen(song, stream, signal) {
    const model = modelOf(song);
    const whole = song.seconds ?? 0;
    const show = (/** @type {import('./long_song.js').Heard} */ heard) => {
      if (signal.aborted) return;
      song.heard = heard;
      song.peaks = heard.peaks;
      this.#set(song, 'extracting', Math.min(1, heard.seconds / whole));
    };
    song.heard = NOTHING_HEARD;
    this.#set(song, 'extracting', 0);
    const heard = await this.#timed(song, 'extract', () => this.#numbers.ofStream(stream, {
      model, signal, show, ask: (request) => this.#answers.to(request, model, signal),
    }));
    if (signal.aborted) return;
    song.seconds = heard.seconds;
    song.extraction = heard.extraction;
    if (heard.complete && heard.answered) {
      song.prediction = heard.answered.prediction;
      this.#set(song, 'done');
    }
  }

  /** From the numbers to the answer. @param {Song} song */
  async #send(song) {
    const { signal } = song.attempt;
    song.waits = null;
    this.#set(song, 'predicting');
    const endTurn = await this.#requests.take(1);
    try {
      if (!signal.aborted) await this.#answer(song, signal);
    } catch (error) {
      this.#fail(song, error, signal);
    } finally {
      endTurn();
    }
  }

  /**
   * @param {Song} song
   * @param {AbortSignal} signal
   */
  async #answer(song, signal) {
    const { extraction } = song;
    if (!extraction) throw new Error('a song without numbers');
    const onWait = (/** @type {Song['waits']} */ why) => {
      if (signal.aborted || song.waits === why) return;
      song.waits = why;
      this.#set(song, 'predicting');
    };
    const { prediction, took } = await this.#answers.patientlyTo(extraction, modelOf(song), signal, onWait);
    if (signal.aborted) return;
    song.times.request = took;
    song.prediction = prediction;
    this.#set(song, 'done');
  }

  /**
   * @template T
   * @param {Song} song
   * @param {'decode' | 'extract'} step
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async #timed(song, step, work) {
    const start = performance.now();
    const result = await work();
    song.times[step] = performance.measure(step, { start }).duration;
    return result;
  }

  /**
   * @param {Song} song
   * @param {unknown} error
   * @param {AbortSignal} signal of the attempt that failed
   */
  #fail(song, error, signal) {
    if (signal.aborted) return;
    if (!(error instanceof UserError)) console.error(error);
    song.error = error instanceof UserError
      ? error
      : new UserError(t('Something unexpected went wrong ({reason}). Retry, please.', {
        reason: error instanceof Error ? error.message : String(error),
      }));
    this.#set(song, 'failed');
  }

  /**
   * @param {Song} song
   * @param {import('./song.js').State} state
   * @param {number | null} progress
   */
  #set(song, state, progress = null) {
    // Given up halfway, it still shows what was sent.
    if (state === 'queued' || state === 'decoding' || state === 'done') song.heard = null;
    if (state !== 'predicting') song.waits = null;
    song.state = state;
    song.progress = progress;
    this.#changed(song);
  }

  /** @param {Song} song */
  #changed(song) {
    song.dispatchEvent(new Event('change'));
    this.#tell('change', song);
  }

  /**
   * @template {keyof Events} T
   * @param {T} type
   * @param {Events[T]} detail
   */
  #tell(type, detail) {
    this.#events.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
