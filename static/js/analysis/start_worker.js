/**
 * Makes the analysis worker. The first one starts as soon as this script is there, before the rest of
 * the page: of all that a visitor waits for, Python takes longest.
 */

import { readConfig } from '../base/config.js';
import { t, words } from '../base/text.js';
import { scriptUrl } from '../base/trusted.js';

/** @typedef {import('./messages.d.ts').Addresses} Addresses */

/** @param {string} path @returns {string} the whole address, which a worker needs */
const here = (path) => new URL(path, document.baseURI).href;

/** @returns {string | null} why this browser cannot run the analysis, or null */
export function missingAbility() {
  /** @type {[string, boolean][]} */
  const abilities = [
    ['Web Workers', typeof Worker === 'function'],
    ['WebAssembly', typeof WebAssembly === 'object' && 'instantiateStreaming' in WebAssembly],
    [t('audio decoding'), typeof OfflineAudioContext === 'function'],
  ];
  const missing = abilities.filter(([, present]) => !present).map(([name]) => name);
  if (!missing.length) return null;
  return t('This browser is too old or too restricted to analyse songs ({missing} missing). Please use a current Firefox, Chrome, Edge or Safari.', { missing: missing.join(', ') });
}

/**
 * @typedef {object} Handlers of the worker's events
 * @property {(event: MessageEvent<import('./messages.d.ts').FromAnalysis>) => void} message
 * @property {(event: ErrorEvent) => void} error
 * @property {() => void} messageerror
 *
 * @typedef {object} Started
 * @property {Worker} worker
 * @property {(handlers: Handlers) => void} listen hands over all events, those so far too; to be called
 *   once
 */

/** @param {Addresses} config @returns {Started | null} null where workers cannot be modules */
function make({ runtimeUrl, numpy, snapshot, featuresUrl }) {
  performance.mark('engine-start');
  let readsModules = false;
  const options = {
    name: 'analysis',
    /** @returns {'module'} */
    get type() {
      readsModules = true;
      return 'module';
    },
  };
  const worker = new Worker(scriptUrl(new URL('./analysis_worker.js', import.meta.url)), options);
  if (!readsModules) {
    worker.terminate();
    return null;
  }
  /** @type {Handlers | null} */
  let handlers = null;
  /** @type {((to: Handlers) => void)[]} */
  const early = [];
  /** @param {(to: Handlers) => void} tell */
  const pass = (tell) => {
    if (handlers) tell(handlers);
    else early.push(tell);
  };
  worker.addEventListener('message', (event) => pass((to) => to.message(event)));
  worker.addEventListener('messageerror', () => pass((to) => to.messageerror()));
  worker.addEventListener('error', (event) => {
    event.preventDefault();
    pass((to) => to.error(event));
  });
  /** @type {import('./messages.d.ts').ToAnalysis} */
  const start = {
    type: 'start',
    runtimeUrl: here(runtimeUrl),
    numpy: { ...numpy, url: here(numpy.url) },
    snapshot: snapshot && { ...snapshot, url: here(snapshot.url) },
    featuresUrl: here(featuresUrl),
    words,
  };
  worker.postMessage(start);
  return {
    worker,
    listen(to) {
      handlers = to;
      for (const tell of early) tell(to);
    },
  };
}

/** @type {Started | null} */
let first = null;
if (!missingAbility()) {
  try {
    first = make(readConfig());
  } catch {
    // The engine tries again, and tells.
  }
}

/**
 * @param {Addresses} config
 * @returns {Started | null} a worker that loads; null where workers cannot be modules
 * @throws {Error} the browser allows none
 */
export function startWorker(config) {
  const started = first ?? make(config);
  first = null;
  return started;
}
