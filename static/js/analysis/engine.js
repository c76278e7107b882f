/** Handle of the analysis worker: starts it, follows its loading, restarts it when it dies. */

import { missingAbility, startWorker } from './start_worker.js';
import { UserError } from '../base/errors.js';
import { fromPython, t } from '../base/text.js';

// Nothing heard from the worker for so long means that it hangs.
const DOWNLOAD_STALL_MS = 180_000;
const START_STALL_MS = 60_000;
const TASK_STALL_MS = 120_000;

/** Files that the worker loads: five of Pyodide, numpy and features/. */
export const FILES_TO_LOAD = 7;

/**
 * @typedef {object} Extraction
 * @property {Blob} body the JSON text to send
 * @property {import('../server/requests.js').Part[]} [parts] of a long song: the requests that it is sent in;
 *   body is all of them in one
 * @property {number} [wire] bytes that went to the server, once it was sent
 * @property {string} [damage] what of the file could not be decoded, for the visitor
 * @property {number} nSegments
 * @property {boolean} repeated shorter than one segment, so a weak answer
 * @property {number} skipped seconds left out at the start
 * @property {[number, number][]} pieces start and end in seconds of all pieces, silent ones too
 */

/** Fires "change" whenever state, message or the counts of loaded data differ. */
export class Engine extends EventTarget {
  #config;
  #worker = null;
  #tasks = new Map();
  #nextId = 1;
  #watchdog;
  #waiting = [];

  /** @param {{runtimeUrl: string, featuresUrl: string}} config */
  constructor(config) {
    super();
    this.#config = config;
    /** @type {'loading' | 'ready' | 'failed'} */
    this.state = 'loading';
    this.message = '';
    this.files = 0;
    this.bytes = 0;
    /** How often it began to load: a new worker knows nothing of what the one before did. */
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
      this.#fail(t('The browser did not allow the analysis to start ({reason}).', { reason: error.message }));
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
   * Make the features of one song. Its samples are transferred, so the caller loses them.
   * @param {Float32Array} samples mono, at the feature spec's sample rate
   * @param {object} featureSpec of the version that is to answer
   * @param {(done: number, total: number) => void} onProgress per excerpt
   * @param {{key: number, take: boolean, last: boolean, most: number}} [stream] the samples are the
   *   next ones of a long song, told by its key: whether to give what can be sent so far, whether the
   *   song ends, and how many pieces a request may have
   * @returns {Promise<Extraction>} of a stream: its ready requests, and the new pieces
   * @throws {UserError} silent sound, or an analysis that broke
   */
  extract(samples, featureSpec, onProgress, stream = undefined) {
    return this.#ask({ type: 'extract', samples, spec: JSON.stringify(featureSpec), stream }, [samples.buffer], {
      onProgress,
      broken: (reason) => t('The analysis of this song broke off ({reason}). It is being started anew; Retry tries this song again.', { reason }),
    });
  }

  /**
   * Make a sound of what is sent for a song: of this text, and of nothing else.
   * @param {string} text JSON of the request
   * @param {object} featureSpec by which it was made
   * @param {(done: number, total: number) => void} onProgress per ten seconds of sound
   * @param {AbortSignal} signal gives it up
   * @returns {Promise<Float32Array>} samples at the feature spec's sample rate
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

  async #ask(message, transfer, { onProgress, broken, signal }) {
    await this.#ready();
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      const drop = () => {
        reject(new UserError(t('Given up.'), { cancelled: true }));
        if (!this.#tasks.delete(id)) return;
        this.#worker.postMessage({ type: 'drop', id });
        this.#rest();
      };
      if (signal?.aborted) {
        drop();
        return;
      }
      signal?.addEventListener('abort', drop, { once: true });
      this.#tasks.set(id, { resolve, reject, onProgress, broken });
      this.#worker.postMessage({ ...message, id }, transfer);
      this.#watch(TASK_STALL_MS);
    });
  }

  /** Nothing is awaited when nothing is left to do. */
  #rest() {
    if (!this.#tasks.size) clearTimeout(this.#watchdog);
  }

  /** Let go of a long song that is not analysed to its end. @param {number} key */
  forget(key) {
    this.#worker?.postMessage({ type: 'forget', key });
  }

  #ready() {
    if (this.state === 'ready') return Promise.resolve();
    if (this.state === 'failed') return Promise.reject(this.#notStarted());
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #notStarted() {
    return new UserError(t('The analysis could not be started. {reason}', { reason: this.message }));
  }

  #receive(data) {
    const task = this.#tasks.get(data.id);
    if (data.type === 'loading') {
      this.files = data.files;
      this.bytes = data.bytes;
      this.#watch(this.files < FILES_TO_LOAD ? DOWNLOAD_STALL_MS : START_STALL_MS);
      this.dispatchEvent(new Event('change'));
    } else if (data.type === 'ready') {
      clearTimeout(this.#watchdog);
      performance.measure('engine', 'engine-start');
      this.#set('ready', '');
      for (const { resolve } of this.#waiting.splice(0)) resolve();
    } else if (data.type === 'failed') {
      this.#fail(data.message);
    } else if (data.type === 'broken') {
      this.#restart(data.message);
    } else if (data.type === 'progress') {
      this.#watch(TASK_STALL_MS);
      task?.onProgress(data.done, data.total);
    } else if (task) {
      this.#tasks.delete(data.id);
      this.#rest();
      if (data.type === 'refused') {
        task.reject(new UserError(fromPython(data.message), { retryable: false }));
      } else if (data.type === 'unmade') {
        task.reject(new UserError(t('The sound could not be made ({reason}).', { reason: data.reason })));
      } else task.resolve(data);
    }
  }

  #watch(ms) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      if (this.state === 'loading') {
        this.#fail(t('Loading came to a halt: nothing has arrived for a while. Check the connection to the server.'));
      } else this.#restart(t('it took too long'));
    }, ms);
  }

  /** What it worked at is lost with a clear message; the next tasks find a new worker. */
  #restart(reason) {
    const lost = [...this.#tasks.values()];
    this.#tasks.clear();
    this.start();
    for (const { reject, broken } of lost) reject(new UserError(broken(reason)));
  }

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

  #set(state, message) {
    this.state = state;
    this.message = message;
    this.dispatchEvent(new Event('change'));
  }
}
