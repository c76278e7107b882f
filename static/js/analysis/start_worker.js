/**
 * Makes the analysis worker: the first as soon as this script is there, before the rest of the page,
 * since of all that a visitor waits for, Python takes longest.
 */

import { t, words } from '../base/text.js';
import { scriptUrl } from '../base/trusted.js';

const here = (path) => new URL(path, document.baseURI).href;

/** @returns {string | null} why this browser cannot run the analysis, or null */
export function missingAbility() {
  const missing = [
    ['Web Workers', typeof Worker === 'function'],
    ['WebAssembly', typeof WebAssembly === 'object' && 'instantiateStreaming' in WebAssembly],
    [t('audio decoding'), typeof OfflineAudioContext === 'function'],
  ].filter(([, present]) => !present).map(([name]) => name);
  if (!missing.length) return null;
  return t('This browser is too old or too restricted to analyse songs ({missing} missing). Please use a current Firefox, Chrome, Edge or Safari.', { missing: missing.join(', ') });
}

/**
 * @typedef {object} Started
 * @property {Worker} worker
 * @property {(handlers: Record<'message' | 'error' | 'messageerror', (event: Event) => void>) => void}
 *   listen hands over what it has said already and what it will say; to be called once
 */

/** @returns {Started | null} null where workers cannot be modules */
function make({ runtimeUrl, featuresUrl }) {
  performance.mark('engine-start');
  let readsModules = false;
  const options = { get type() { readsModules = true; return 'module'; }, name: 'analysis' };
  const worker = new Worker(scriptUrl(new URL('./analysis_worker.js', import.meta.url)), options);
  if (!readsModules) {
    worker.terminate();
    return null;
  }
  const said = [];
  let pass = (event) => said.push(event);
  for (const type of ['message', 'error', 'messageerror']) {
    worker.addEventListener(type, (event) => {
      if (type === 'error') event.preventDefault();
      pass(event);
    });
  }
  worker.postMessage({ type: 'start', runtimeUrl: here(runtimeUrl), featuresUrl: here(featuresUrl), words });
  return {
    worker,
    listen(handlers) {
      pass = (event) => handlers[event.type](event);
      said.forEach(pass);
    },
  };
}

/** @type {Started | null} */
let first = null;
if (!missingAbility()) {
  try {
    first = make(JSON.parse(document.getElementById('config').textContent));
  } catch {
    // The engine tries again, and tells.
  }
}

/**
 * @param {{runtimeUrl: string, featuresUrl: string}} config
 * @returns {Started | null} a worker that loads; null where workers cannot be modules
 * @throws {Error} the browser allows none
 */
export function startWorker(config) {
  const started = first ?? make(config);
  first = null;
  return started;
}
