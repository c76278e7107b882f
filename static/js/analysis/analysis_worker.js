/**
 * The analysis, in its own thread: Python (Pyodide) with numpy and the project's features/.
 * messages.d.ts lists the messages, engine.js is the other end, features/browser.py does the work.
 */

import { reasonOf } from '../base/errors.js';
import { speakAs, t } from '../base/text.js';
import { librariesOf, withLibraries } from './snapshot.js';
import { packagesOf } from './tar.js';

/** @typedef {import('./messages.d.ts').ToAnalysis} ToAnalysis */
/** @typedef {import('./messages.d.ts').FromAnalysis} FromAnalysis */
/**
 * @template {ToAnalysis['type']} T
 * @typedef {Extract<ToAnalysis, {type: T}>} Message
 */

// A snapshot is as large as all other files together, and saves more than a second: it pays from about
// 40 Mbit/s on. A file that shares the way with four others then arrives at this rate.
const SNAPSHOT_MBIT_PER_S = 10;
/** About those of Pyodide's script, compressed. */
const PACKED_SCRIPT_BYTES = 230_000;

const nativeFetch = self.fetch.bind(self);

/** features/browser.py, once it is loaded. @type {import('./python.d.ts').PythonModule | undefined} */
let python;

/** Numbers of the tasks that make a sound which the page still waits for. @type {Set<number>} */
const wanted = new Set();

/** @param {FromAnalysis} message @param {Transferable[]} [transfer] */
const tell = (message, transfer = []) => self.postMessage(message, transfer);

/** @param {string} url @returns {string} the name of its file */
const nameOf = (url) => String(new URL(url, self.location.href).pathname.split('/').pop());

/** A part of the analysis that cannot be loaded; the message is a sentence for the visitor. */
class LoadError extends Error {}

/**
 * The downloads of the analysis: counts them, and turns a failed one into a sentence with its file's
 * name.
 *
 * The counts come from resource timing, and responses pass untouched: WebAssembly read through a
 * counting stream starts 1.5 s later, as the browser then neither compiles on the way nor caches.
 */
class Downloads {
  /** @param {string[]} places beginnings of the URLs that count */
  constructor(places) {
    this.bytes = 0;
    /** @type {Set<string>} */
    this.arrived = new Set();
    /** @type {(reason: LoadError) => void} */
    this.fail = () => {};
    /**
     * Rejects with the first failure: Pyodide itself only logs a failed WebAssembly download.
     * @type {Promise<never>}
     */
    this.failure = new Promise((_, reject) => {
      this.fail = reject;
    });
    this.failure.catch(() => {});
    this.observer = new PerformanceObserver((list) => {
      const found = /** @type {PerformanceResourceTiming[]} */ (list.getEntries());
      for (const { name, decodedBodySize } of found) {
        if (!decodedBodySize || this.arrived.has(name)) continue;
        if (!places.some((place) => name.startsWith(place))) continue;
        this.arrived.add(name);
        this.bytes += decodedBodySize;
      }
      tell({ type: 'loading', files: this.arrived.size, bytes: this.bytes });
    });
    this.observer.observe({ type: 'resource', buffered: true });
  }

  /**
   * Same as fetch(), but a second time for the copy that the service worker keeps. A failure also
   * rejects `failure`.
   * @param {RequestInfo | URL} resource
   * @param {RequestInit} [init]
   * @throws {LoadError}
   */
  async fetch(resource, init) {
    const url = resource instanceof Request ? resource.url : String(resource);
    for (const place of [url, `${url}${url.includes('?') ? '&' : '?'}kept`]) {
      const response = await nativeFetch(place, init).catch(() => null);
      if (response?.ok) return response;
    }
    const reason = new LoadError(await diagnose(url, Boolean(init?.integrity)));
    this.fail(reason);
    throw reason;
  }
}

/** Same as import(), but fails with a sentence. @param {string} url @throws {LoadError} */
async function importModule(url) {
  try {
    return await import(url);
  } catch (error) {
    throw new LoadError(await diagnose(url, false, error));
  }
}

/**
 * @param {string} url of a file that could not be loaded
 * @param {boolean} checked whether its checksum was compared
 * @param {unknown} [error] of the script in it
 * @returns {Promise<string>} the reason as a sentence
 */
async function diagnose(url, checked, error) {
  const name = nameOf(url);
  let status;
  try {
    status = (await nativeFetch(url, { method: 'HEAD', cache: 'no-store' })).status;
  } catch {
    return self.navigator.onLine
      ? t('The server did not deliver {name}. Is it still running?', { name })
      : t('This computer is offline, so {name} could not be loaded.', { name });
  }
  if (status === 404) {
    return t('The server has no file {name}. It should be started again with “make serve”.', { name });
  }
  if (status >= 400) return t('The server refused to deliver {name} (status {status}).', { name, status });
  if (checked) return t('The file {name} is not the expected one: its checksum differs.', { name });
  if (error) return t('The file {name} could not be used ({reason}).', { name, reason: reasonOf(error) });
  return t('The file {name} could not be used.', { name });
}

/**
 * The snapshot, if there is one: the copy that the service worker keeps, or a download if the way is
 * fast enough. Nobody misses it.
 * @param {Message<'start'>['snapshot']} snapshot
 */
function fetchSnapshot(snapshot) {
  const giveUp = new AbortController();
  const [kept, answer] = snapshot ? copiesOf(snapshot.url, giveUp.signal) : [null, null];
  return {
    /**
     * @param {string} url of a file that has arrived beside it
     * @returns {Promise<import('./snapshot.js').Start | null>}
     */
    async unlessSlow(url) {
      const [entry] = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByName(url));
      // From its first byte on: a busy server or computer is not a slow way.
      const ms = entry ? entry.responseEnd - entry.responseStart : 0;
      // WebKit keeps the size to itself.
      const bytes = entry?.encodedBodySize || PACKED_SCRIPT_BYTES;
      const slow = entry && (bytes * 8) / 1000 < ms * SNAPSHOT_MBIT_PER_S;
      if (slow && !(await kept)) giveUp.abort();
      const response = await answer;
      if (!snapshot || !response || giveUp.signal.aborted) return null;
      const content = response.arrayBuffer().then((buffer) => {
        if (buffer.byteLength !== snapshot.bytes) throw new Error('not the snapshot');
        return new Uint8Array(buffer);
      });
      content.catch(() => {});
      return { content, table: snapshot.table };
    },
  };
}

/**
 * A file that nobody misses: kept, or downloaded.
 * @param {string} url
 * @param {AbortSignal} signal gives up the download
 * @returns {[kept: Promise<Response | undefined>, answer: Promise<Response | undefined>]} undefined where
 *   there is none
 */
function copiesOf(url, signal) {
  // It is not packed any more: unpacking takes longer than all else that starts Python.
  const kept = Promise.resolve(self.caches?.match(url)).catch(() => undefined);
  const answer = kept.then(async (copy) => {
    const response = copy ?? await nativeFetch(url, { signal }).catch(() => undefined);
    return response?.ok ? response : undefined;
  });
  return [kept, answer];
}

/**
 * @param {Message<'start'>} addresses
 * @returns {Promise<boolean>} whether Python started from a snapshot
 * @throws {LoadError}
 */
async function load({ runtimeUrl, numpy, snapshot, featuresUrl }) {
  const downloads = new Downloads([runtimeUrl, featuresUrl]);
  self.fetch = (resource, init) => downloads.fetch(resource, init);

  /** @param {string} url @param {RequestInit} [init] */
  const contentOf = async (url, init) => (await downloads.fetch(url, init)).arrayBuffer();
  const archive = contentOf(numpy.url, { integrity: numpy.integrity });
  const features = contentOf(featuresUrl);
  for (const each of [archive, features]) each.catch(() => {});
  const memory = fetchSnapshot(snapshot);
  const [{ loadPyodide }, { default: create }] = await Promise.all(
    // Pyodide imports the second by itself; imported here, it loads earlier and can fail with a sentence.
    ['pyodide.mjs', 'pyodide.asm.mjs'].map((name) => importModule(new URL(name, runtimeUrl).href)),
  );
  const packages = packagesOf(archive);
  /** @param {object} how Python starts @param {boolean} [imported] whether it has features/ already */
  const begin = async (how, imported = false) => {
    const starting = /** @type {typeof import('pyodide').loadPyodide} */ (loadPyodide)({
      indexURL: runtimeUrl,
      lockFileURL: new URL('pyodide-lock.json', runtimeUrl).href,
      stdout: () => {},
      ...how,
    });
    starting.catch(() => {});
    const pyodide = await Promise.race([starting, downloads.failure]);
    const scripts = await features;
    if (!imported) pyodide.unpackArchive(scripts, 'zip');
    return pyodide.pyimport('features.browser');
  };
  const start = await memory.unlessSlow(new URL('pyodide.asm.mjs', runtimeUrl).href);
  if (start) {
    const libraries = librariesOf(archive);
    libraries.catch(() => {});
    // Another browser than expected, too little memory, a damaged file: it starts without.
    python = await begin(withLibraries(create, libraries, packages, start), true).catch(() => undefined);
  }
  const fromSnapshot = Boolean(python);
  python ??= await begin({ fsInit: packages });
  self.fetch = nativeFetch;
  downloads.observer.disconnect();
  return fromSnapshot;
}

/** @throws {Error} before it is loaded */
function loaded() {
  if (!python) throw new Error('not loaded');
  return python;
}

/**
 * @template T
 * @param {import('./python.d.ts').Dictionary<T>} dictionary of Python; it is let go
 * @returns {T}
 */
function valuesOf(dictionary) {
  const values = dictionary.toJs({ dict_converter: Object.fromEntries });
  dictionary.destroy();
  return values;
}

/**
 * @param {import('./python.d.ts').PythonNumbers} numbers
 * @returns {import('./messages.d.ts').Numbers} the same with a body that can be sent
 */
const sendable = ({ body, ...facts }) => ({ body: new Blob([body], { type: 'application/json' }), ...facts });

/** @param {Message<'extract'>} task */
function extract({ id, samples, spec, stream, bounds }) {
  if (stream) {
    const { key, take, last, most } = stream;
    const answer = valuesOf(loaded().feed(key, samples, spec, take, last, most));
    if (answer.type === 'refused') tell({ ...answer, id });
    else tell({ ...answer, id, requests: answer.requests.map(sendable) });
    return;
  }
  const onProgress = (/** @type {number} */ done, /** @type {number} */ total) => {
    tell({ type: 'progress', id, done, total });
  };
  const answer = valuesOf(bounds
    ? loaded().extract_excerpts(samples, JSON.stringify(bounds), spec, onProgress)
    : loaded().extract(samples, spec, onProgress));
  if (answer.type === 'refused') tell({ ...answer, id });
  else tell({ ...sendable(answer), type: 'extracted', id, pieces: answer.pieces });
}

/**
 * Make a sound of the text of a request, block by block. Other messages are handled in between.
 * @param {Message<'invert'>} task
 */
async function invert({ id, text, spec }) {
  const steps = loaded().invert(text, spec);
  wanted.add(id);
  try {
    let samples = new Float32Array(0);
    let [done, total] = [0, 0];
    for (const dictionary of steps) {
      const step = valuesOf(dictionary);
      if (step.type === 'refused') {
        tell({ ...step, id });
      } else if (step.type === 'begun') {
        samples = new Float32Array(step.nSamples);
        total = step.nBlocks;
      } else if (step.type === 'block') {
        samples.set(step.samples, step.first);
        done += 1;
        tell({ type: 'progress', id, done, total });
        await new Promise((resolve) => { setTimeout(resolve); });
        if (!wanted.has(id)) return;
      } else {
        for (let i = 0; i < samples.length; i += 1) samples[i] *= step.gain;
        tell({ type: 'inverted', id, samples }, [samples.buffer]);
      }
    }
  } finally {
    wanted.delete(id);
    steps.destroy();
  }
}

/**
 * What is asked about own genres, and which excerpts are listened to: small, and answered at once.
 * @param {Message<'choose' | 'teach' | 'tellOwn' | 'loadOwn' | 'layOut'>} task
 */
function answerAtOnce(task) {
  const module = loaded();
  switch (task.type) {
    case 'choose': return valuesOf(module.choose_excerpts(task.length, task.spec));
    case 'teach': return valuesOf(module.teach(task.embeddings, task.request));
    case 'tellOwn': return valuesOf(module.tell_own(task.embeddings, task.request));
    case 'loadOwn': return valuesOf(module.load_own(task.text));
    default: return valuesOf(module.lay_out(task.embeddings, task.model));
  }
}

/** @param {unknown} error of Python, after its traceback @returns {string} its last line */
const lastLine = (error) => String(reasonOf(error).trim().split('\n').pop());

// Pyodide leaves promises of files that failed; `Downloads` has told the page of them already.
self.addEventListener('unhandledrejection', (event) => {
  if (event.reason instanceof LoadError) event.preventDefault();
});

/** @param {MessageEvent<ToAnalysis>} event */
self.onmessage = async ({ data }) => {
  if (data.type === 'start') {
    speakAs(data.words);
    try {
      tell({ type: 'ready', fromSnapshot: await load(data) });
    } catch (error) {
      const message = error instanceof LoadError
        ? error.message
        : t('Python could not be started ({reason}).', { reason: reasonOf(error) });
      tell({ type: 'failed', message });
    }
  } else if (data.type === 'extract') {
    try {
      extract(data);
    } catch (error) {
      tell({ type: 'broken', id: data.id, message: lastLine(error) });
    }
  } else if (data.type === 'forget') {
    python?.forget(data.key);
  } else if (data.type === 'invert') {
    try {
      await invert(data);
    } catch (error) {
      // Not 'broken': songs may wait behind it, and the worker still serves them.
      tell({ type: 'unmade', id: data.id, reason: lastLine(error) });
    }
  } else if (data.type === 'drop') {
    wanted.delete(data.id);
  } else {
    try {
      tell({ ...answerAtOnce(data), id: data.id });
    } catch (error) {
      tell({ type: 'undone', id: data.id, reason: lastLine(error) });
    }
  }
};
