/** Handle of the analysis worker: starts it, follows its loading, restarts it when it dies. */

import { UserError } from './errors.js';
import { t, words } from './text.js';

// Nothing heard from the worker for so long means that it hangs.
const DOWNLOAD_STALL_MS = 180_000;
const START_STALL_MS = 60_000;
const EXTRACT_STALL_MS = 120_000;

// Sounds that the page's Python refuses, by its codes.
const REFUSED = {
  empty: t('The file holds no sound.'),
  silent: t('The sound is silent, so there is nothing to recognise.'),
  not_finite: t('The sound holds values that are not numbers; export the file again, please.'),
};

/** Files that the worker loads: five of Pyodide, numpy and features/. */
export const FILES_TO_LOAD = 7;

/**
 * @typedef {object} Extraction
 * @property {Blob} body the JSON text to send
 * @property {number} nSegments
 * @property {boolean} repeated shorter than one segment, so a weak answer
 * @property {number} skipped seconds left out at the start
 * @property {[number, number][]} pieces start and end in seconds of all pieces, silent ones too
 */

/** @returns {string | null} why this browser cannot run the analysis, or null */
function missingAbility() {
  const missing = [
    ['Web Workers', typeof Worker === 'function'],
    ['WebAssembly', typeof WebAssembly === 'object' && 'instantiateStreaming' in WebAssembly],
    [t('audio decoding'), typeof OfflineAudioContext === 'function'],
  ].filter(([, present]) => !present).map(([name]) => name);
  if (!missing.length) return null;
  return t('This browser is too old or too restricted to analyse songs ({missing} missing). Please use a current Firefox, Chrome, Edge or Safari.', { missing: missing.join(', ') });
}

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
    performance.mark('engine-start');
    let worker;
    try {
      let readsModules = false;
      const options = { get type() { readsModules = true; return 'module'; }, name: 'analysis' };
      worker = new Worker(new URL('./worker.js', import.meta.url), options);
      if (!readsModules) {
        worker.terminate();
        this.#fail(t('This browser is too old to analyse songs (module workers missing). Please use a current Firefox, Chrome, Edge or Safari.'));
        return;
      }
    } catch (error) {
      this.#fail(t('The browser did not allow the analysis to start ({reason}).', { reason: error.message }));
      return;
    }
    this.#worker = worker;
    worker.onmessage = ({ data }) => this.#receive(data);
    worker.onerror = (event) => {
      event.preventDefault();
      if (this.state === 'loading') {
        this.#fail(event.message
          ? t('The analysis script could not be started: {reason}', { reason: event.message })
          : t('The analysis script could not be started. Is the server still running?'));
      } else this.#restart(event.message || t('the analysis stopped unexpectedly'));
    };
    worker.onmessageerror = () => this.#restart(t('a message of the analysis was unreadable'));
    const here = (path) => new URL(path, document.baseURI).href;
    worker.postMessage({
      type: 'start',
      runtimeUrl: here(this.#config.runtimeUrl),
      featuresUrl: here(this.#config.featuresUrl),
      words,
    });
    this.#watch(DOWNLOAD_STALL_MS);
  }

  /**
   * Make the features of one song. Its samples are transferred, so the caller loses them.
   * @param {Float32Array} samples mono, at the feature spec's sample rate
   * @param {object} featureSpec of the version that is to answer
   * @param {(done: number, total: number) => void} onProgress per excerpt
   * @returns {Promise<Extraction>}
   * @throws {UserError} silent sound, or an analysis that broke
   */
  async extract(samples, featureSpec, onProgress) {
    await this.#ready();
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      this.#tasks.set(id, { resolve, reject, onProgress });
      const spec = JSON.stringify(featureSpec);
      this.#worker.postMessage({ type: 'extract', id, samples, spec }, [samples.buffer]);
      this.#watch(EXTRACT_STALL_MS);
    });
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
      this.#watch(EXTRACT_STALL_MS);
      task?.onProgress(data.done, data.total);
    } else if (task) {
      this.#tasks.delete(data.id);
      if (!this.#tasks.size) clearTimeout(this.#watchdog);
      if (data.type === 'extracted') task.resolve(data);
      else task.reject(new UserError(REFUSED[data.code] ?? data.message, { retryable: false }));
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

  /** The songs inside are lost with a clear message; the next ones find a new worker. */
  #restart(reason) {
    const lost = [...this.#tasks.values()];
    this.#tasks.clear();
    this.start();
    for (const { reject } of lost) {
      reject(new UserError(t('The analysis of this song broke off ({reason}). It is being started anew; Retry tries this song again.', { reason })));
    }
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
