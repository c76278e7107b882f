/** Handle of the analysis worker: starts it, watches it, gives it tasks, replaces it when it dies. */

import { missingAbility, startWorker } from './start_worker.js';
import { UserError, reasonOf } from '../base/errors.js';
import { fromPython, t } from '../base/text.js';

// A worker that says nothing for so long hangs.
const DOWNLOAD_STALL_MS = 180_000;
const START_STALL_MS = 60_000;
const TASK_STALL_MS = 120_000;

/**
 * The numbers of a song. Those of a long one have more:
 * @typedef {import('./messages.d.ts').Extracted & More} Extraction
 *
 * @typedef {object} More
 * @property {import('../server/requests.js').Part[]} [parts] the requests in which they are sent; `body`
 *   is all of them in one
 * @property {number} [wire] bytes that went to the server, once they were sent
 * @property {'excerpts'} [listened] the song was listened to by three excerpts
 * @property {string} [damage] a sentence on what could not be decoded of the file; empty for a sound one
 */

/**
 * A task that the worker has not finished.
 * @typedef {object} Waiting
 * @property {(answer: unknown) => void} resolve
 * @property {(error: UserError) => void} reject
 * @property {(done: number, total: number) => void} onProgress
 * @property {(reason: string) => string} broken the sentence when the worker dies over it
 */

/** @typedef {import('../base/config.js').FeatureSpec} FeatureSpec */

/** Fires "change" whenever state, message or the counts of loaded data differ. */
export class Engine extends EventTarget {
  #config;
  /** @type {Worker | null} */
  #worker = null;
  /** By number. @type {Map<number, Waiting>} */
  #tasks = new Map();
  #nextId = 1;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #watchdog;
  /** Those who wait for the worker. @type {{resolve: () => void, reject: (error: UserError) => void}[]} */
  #waiting = [];

  /** @param {import('./start_worker.js').Addresses & {filesToLoad: number}} config */
  constructor(config) {
    super();
    this.#config = config;
    /** Files that the worker loads. */
    this.filesToLoad = config.filesToLoad;
    /** @type {'loading' | 'ready' | 'failed'} */
    this.state = 'loading';
    /** Why it failed, as a sentence. */
    this.message = '';
    /** Files that have arrived, and their bytes. */
    this.files = 0;
    this.bytes = 0;
    /** Whether Python started from a snapshot of its memory. */
    this.fromSnapshot = false;
    /** How often it began to load: a new worker knows nothing of the songs of the one before. */
    this.starts = 0;
  }

  /** Begin to load, also again after a failure. */
  start() {
    this.#stop();
    this.#set('loading', '');
    const unable = missingAbility();
    if (unable) {
      this.#fail(unable);
      return;
    }
    this.starts += 1;
    let started;
    try {
      started = startWorker(this.#config);
    } catch (error) {
      this.#fail(t('The browser did not allow the analysis to start ({reason}).', { reason: reasonOf(error) }));
      return;
    }
    if (!started) {
      this.#fail(t('This browser is too old to analyse songs (module workers missing). Please use a current Firefox, Chrome, Edge or Safari.'));
      return;
    }
    this.#worker = started.worker;
    this.#watch(DOWNLOAD_STALL_MS);
    started.listen({
      message: ({ data }) => this.#receive(data),
      error: ({ message }) => {
        if (this.state === 'loading') {
          this.#fail(message
            ? t('The analysis script could not be started: {reason}', { reason: message })
            : t('The analysis script could not be started. Is the server still running?'));
        } else this.#restart(message || t('the analysis stopped unexpectedly'));
      },
      messageerror: () => this.#restart(t('a message of the analysis was unreadable')),
    });
  }

  /**
   * @overload
   * @param {Float32Array<ArrayBuffer>} samples
   * @param {FeatureSpec} featureSpec
   * @param {(done: number, total: number) => void} onProgress
   * @param {undefined} [stream]
   * @param {import('./messages.d.ts').Bounds} [bounds]
   * @returns {Promise<Extraction>}
   */
  /**
   * @overload
   * @param {Float32Array<ArrayBuffer>} samples
   * @param {FeatureSpec} featureSpec
   * @param {(done: number, total: number) => void} onProgress
   * @param {import('./messages.d.ts').Stretch} stream
   * @returns {Promise<import('./messages.d.ts').Fed>}
   */
  /**
   * Make the features of one song. Its samples are transferred, so the caller loses them.
   * @param {Float32Array<ArrayBuffer>} samples mono, at the feature spec's sample rate
   * @param {FeatureSpec} featureSpec of the version that is to answer
   * @param {(done: number, total: number) => void} onProgress called after each excerpt
   * @param {import('./messages.d.ts').Stretch} [stream] given if the samples are the next ones of a long
   *   song
   * @param {import('./messages.d.ts').Bounds} [bounds] given if they are those of some excerpts
   * @returns {Promise<Extraction | import('./messages.d.ts').Fed>}
   * @throws {UserError} silent sound, or an analysis that broke
   */
  extract(samples, featureSpec, onProgress, stream = undefined, bounds = undefined) {
    return this.#ask({ type: 'extract', samples, spec: JSON.stringify(featureSpec), stream, bounds }, [samples.buffer], {
      onProgress,
      broken: (reason) => t('The analysis of this song broke off ({reason}). It is being started anew; Retry tries this song again.', { reason }),
    });
  }

  /**
   * Make a sound of a request, and of nothing else of the song.
   * @param {string} text JSON of the request
   * @param {FeatureSpec} featureSpec by which it was made
   * @param {(done: number, total: number) => void} onProgress called after each ten seconds of sound
   * @param {AbortSignal} signal gives it up
   * @returns {Promise<Float32Array<ArrayBuffer>>} samples at the feature spec's sample rate
   * @throws {UserError} numbers of which no sound can be made, or an analysis that broke
   */
  async invert(text, featureSpec, onProgress, signal) {
    const { samples } = await this.#ask({ type: 'invert', text, spec: JSON.stringify(featureSpec) }, [], {
      onProgress,
      signal,
      broken: (reason) => t('Making the sound broke off ({reason}). The analysis is being started anew; then you can try again.', { reason }),
    });
    return samples;
  }

  /**
   * Learn own genres.
   * @param {Float32Array} embeddings of the examples, one after the other
   * @param {string} request JSON as features/browser.py wants it
   * @returns {Promise<import('./messages.d.ts').Taught>}
   * @throws {UserError} nothing can be learned of them
   */
  teach(embeddings, request) {
    return this.#ask({ type: 'teach', embeddings, request }, [], this.#quietly);
  }

  /**
   * Answer in own genres.
   * @param {Float32Array} embeddings of the songs, one after the other
   * @param {string} request JSON as features/browser.py wants it
   * @returns {Promise<import('./messages.d.ts').Told>}
   * @throws {UserError}
   */
  tellOwn(embeddings, request) {
    return this.#ask({ type: 'tellOwn', embeddings, request }, [], this.#quietly);
  }

  /**
   * Check a file of own genres.
   * @param {string} text
   * @returns {Promise<import('./messages.d.ts').Loaded>}
   * @throws {UserError} it cannot be used
   */
  loadOwn(text) {
    return this.#ask({ type: 'loadOwn', text }, [], this.#quietly);
  }

  /**
   * Lay out songs among each other.
   * @param {Float32Array} embeddings of the songs, one after the other
   * @param {string} model text of the version's embedding.json
   * @returns {Promise<import('./messages.d.ts').LaidOut>}
   * @throws {UserError}
   */
  layOut(embeddings, model) {
    return this.#ask({ type: 'layOut', embeddings, model }, [], this.#quietly);
  }

  /** Of tasks that take no time that is worth showing. @type {Pick<Waiting, 'onProgress' | 'broken'>} */
  get #quietly() {
    return {
      onProgress: () => {},
      broken: (reason) => t('The analysis broke off ({reason}) and is being started anew; then you can try again.', { reason }),
    };
  }

  /**
   * Which excerpts of a song are listened to; null: all of it.
   * @param {number} length of the song in samples
   * @param {FeatureSpec} featureSpec
   * @returns {Promise<import('./messages.d.ts').Bounds | null>}
   * @throws {UserError} an analysis that broke
   */
  async chooseExcerpts(length, featureSpec) {
    return (await this.#ask({ type: 'choose', length, spec: JSON.stringify(featureSpec) }, [], this.#quietly)).bounds;
  }

  /**
   * Give the worker a task.
   * @template {import('./messages.d.ts').Task} T
   * @param {T} task
   * @param {Transferable[]} transfer
   * @param {{onProgress: Waiting['onProgress'], broken: Waiting['broken'], signal?: AbortSignal}} around
   *   signal: gives it up
   * @returns {Promise<import('./messages.d.ts').Answers[T['type']]>}
   */
  async #ask(task, transfer, { onProgress, broken, signal }) {
    await this.#ready();
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      const drop = () => {
        reject(new UserError(t('Given up.'), { cancelled: true }));
        if (!this.#tasks.delete(id)) return;
        this.#post({ type: 'drop', id });
        this.#rest();
      };
      if (signal?.aborted) {
        drop();
        return;
      }
      signal?.addEventListener('abort', drop, { once: true });
      this.#tasks.set(id, {
        resolve: (answer) => resolve(/** @type {import('./messages.d.ts').Answers[T['type']]} */ (answer)),
        reject,
        onProgress,
        broken,
      });
      this.#post({ ...task, id }, transfer);
      this.#watch(TASK_STALL_MS);
    });
  }

  /** @param {import('./messages.d.ts').ToAnalysis} message @param {Transferable[]} [transfer] */
  #post(message, transfer = []) {
    this.#worker?.postMessage(message, transfer);
  }

  /** Stop watching the worker when nothing is left for it to do. */
  #rest() {
    if (!this.#tasks.size) clearTimeout(this.#watchdog);
  }

  /** Let go of a long song that is not analysed to its end. @param {number} key */
  forget(key) {
    this.#post({ type: 'forget', key });
  }

  /** @returns {Promise<void>} settles when the worker can be given tasks */
  #ready() {
    if (this.state === 'ready') return Promise.resolve();
    if (this.state === 'failed') return Promise.reject(this.#notStarted());
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #notStarted() {
    return new UserError(t('The analysis could not be started. {reason}', { reason: this.message }));
  }

  /** @param {import('./messages.d.ts').FromAnalysis} data */
  #receive(data) {
    const task = 'id' in data ? this.#tasks.get(data.id) : undefined;
    if (data.type === 'loading') {
      this.files = data.files;
      this.bytes = data.bytes;
      this.#watch(this.files < this.filesToLoad ? DOWNLOAD_STALL_MS : START_STALL_MS);
      this.dispatchEvent(new Event('change'));
    } else if (data.type === 'ready') {
      clearTimeout(this.#watchdog);
      performance.measure('engine', 'engine-start');
      this.fromSnapshot = data.fromSnapshot;
      this.#set('ready', '');
      for (const { resolve } of this.#waiting.splice(0)) resolve();
    } else if (data.type === 'failed') {
      this.#fail(data.message);
    } else if (data.type === 'broken') {
      this.#restart(data.message);
    } else if (data.type === 'progress') {
      this.#watch(TASK_STALL_MS);
      task?.onProgress(data.done, data.total);
    } else if (task && 'id' in data) {
      this.#tasks.delete(data.id);
      this.#rest();
      if (data.type === 'refused') {
        task.reject(new UserError(fromPython(data.message), { retryable: false }));
      } else if (data.type === 'unmade') {
        task.reject(new UserError(t('The sound could not be made ({reason}).', { reason: data.reason })));
      } else if (data.type === 'undone') {
        task.reject(new UserError(t('This could not be done ({reason}).', { reason: data.reason })));
      } else task.resolve(data);
    }
  }

  /** Take the worker for dead when it says nothing more. @param {number} ms */
  #watch(ms) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      if (this.state === 'loading') {
        this.#fail(t('Loading came to a halt: nothing has arrived for a while. Check the connection to the server.'));
      } else this.#restart(t('it took too long'));
    }, ms);
  }

  /** Lose the tasks with a clear message, and start a new worker for the next. @param {string} reason */
  #restart(reason) {
    const lost = [...this.#tasks.values()];
    this.#tasks.clear();
    this.start();
    for (const { reject, broken } of lost) reject(new UserError(broken(reason)));
  }

  /** @param {string} message */
  #fail(message) {
    this.#stop();
    this.#set('failed', message);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#notStarted());
    for (const { reject } of this.#tasks.values()) reject(this.#notStarted());
    this.#tasks.clear();
  }

  #stop() {
    clearTimeout(this.#watchdog);
    this.#worker?.terminate();
    this.#worker = null;
    this.files = 0;
    this.bytes = 0;
  }

  /** @param {Engine['state']} state @param {string} message */
  #set(state, message) {
    this.state = state;
    this.message = message;
    this.dispatchEvent(new Event('change'));
  }
}
