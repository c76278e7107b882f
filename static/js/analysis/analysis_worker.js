/**
 * The analysis, in its own thread: Python (Pyodide) with numpy and the project's own features/.
 * Messages in: start, extract, forget, invert, drop. Messages out: loading, ready, failed, progress,
 * extracted, refused, inverted, unmade, broken. See engine.js for the other end.
 */

import { speakAs, t } from '../base/text.js';

const nativeFetch = self.fetch.bind(self);

const BRIDGE = `
import json
import numpy as np
from features import AudioError, FeatureSpec, SegmentStream, build_request
from features.inversion import PEAK, Inversion, read_request
from features.mel import count_frames
from features.segments import excerpt_bounds

def pieces(bounds, spec):
    """Start and end in seconds of every piece of some excerpts, silent ones too."""
    found = []
    for first, last in bounds:
        # at least one: a sound shorter than a piece is repeated to fill it
        for number in range(max(1, count_frames(last - first, spec.hop_length) // spec.n_frames)):
            start = first + number * spec.segment_samples
            end = min(start + spec.segment_samples, last)
            found.append((start / spec.sample_rate, end / spec.sample_rate))
    return found

def extract(samples, spec, progress):
    samples, spec = np.asarray(samples.to_memoryview()), FeatureSpec.from_json(json.loads(spec))
    try:
        request = build_request(samples, spec, progress)
    except AudioError as error:
        return "refused", error.code, str(error)
    return "extracted", request.body, request.n_segments, request.repeated, request.skipped, pieces(excerpt_bounds(len(samples), spec), spec)

streams = {}

def feed(key, samples, spec, take, last, most):
    """The next samples of a long song, and the requests that are ready where they are taken."""
    samples, spec = np.asarray(samples.to_memoryview()), FeatureSpec.from_json(json.loads(spec))
    stream = streams.setdefault(key, SegmentStream(spec))
    known = len(stream.bounds)
    try:
        stream.feed(samples, last=last)
    except AudioError as error:
        streams.pop(key)
        return "refused", error.code, str(error)
    requests = []
    while (take or last) and (request := stream.take(most)):
        requests.append((request.body, request.n_segments, request.repeated, request.skipped))
    if last:
        streams.pop(key)
    return "extracted", requests, pieces(stream.bounds[known:], spec)

def invert(text, spec):
    """Number of samples, number of blocks and peak to come; then block by block."""
    spec = FeatureSpec.from_json(json.loads(spec))
    inversion = Inversion(read_request(text, spec), spec)
    yield inversion.n_samples, inversion.n_blocks, PEAK
    yield from inversion.blocks()

extract, feed, lambda key: streams.pop(key, None), invert
`;

/** @type {import('pyodide/ffi').PyCallable | null} */
let extractInPython = null;
/** @type {import('pyodide/ffi').PyCallable | null} */
let feedInPython = null;
/** @type {import('pyodide/ffi').PyCallable | null} */
let forgetInPython = null;
/** @type {import('pyodide/ffi').PyCallable | null} */
let invertInPython = null;
/** Sounds that nobody waits for any more, by the number of the task. */
const dropped = new Set();

const nameOf = (url) => new URL(url, self.location.href).pathname.split('/').pop();

class LoadError extends Error {}

/**
 * Follows what arrives and turns a failed download into a sentence that names the file.
 *
 * Responses are passed on untouched and counted by resource timing: WebAssembly read through a
 * counting stream starts 1.5 s later, as the browser then neither compiles on the way nor caches.
 */
class Downloads {
  /** @param {string[]} places beginnings of the URLs that count */
  constructor(places) {
    this.bytes = 0;
    /** @type {Set<string>} */
    this.arrived = new Set();
    /** Rejects with the first failure: Pyodide itself only logs a failed WebAssembly download. */
    this.failure = new Promise((_, reject) => {
      this.fail = reject;
    });
    this.failure.catch(() => {});
    this.observer = new PerformanceObserver((list) => {
      for (const { name, decodedBodySize } of list.getEntries()) {
        if (!decodedBodySize || this.arrived.has(name)) continue;
        if (!places.some((place) => name.startsWith(place))) continue;
        this.arrived.add(name);
        this.bytes += decodedBodySize;
      }
      self.postMessage({ type: 'loading', files: this.arrived.size, bytes: this.bytes });
    });
    this.observer.observe({ type: 'resource', buffered: true });
  }

  /** Same as fetch(), and tries what the service worker keeps; a failure also rejects `failure`. */
  async fetch(resource, init) {
    const url = String(resource.url ?? resource);
    for (const place of [url, `${url}${url.includes('?') ? '&' : '?'}kept`]) {
      const response = await nativeFetch(place, init).catch(() => null);
      if (response?.ok) return response;
    }
    const reason = new LoadError(await diagnose(url, Boolean(init?.integrity)));
    this.fail(reason);
    throw reason;
  }
}

/** Same as import(), with a sentence when it fails. */
async function importModule(url) {
  try {
    return await import(url);
  } catch (error) {
    throw new LoadError(await diagnose(url, false, error));
  }
}

/** Why a file of the runtime could not be had, as a sentence. */
async function diagnose(url, checked, error = null) {
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
  if (error) return t('The file {name} could not be used ({reason}).', { name, reason: error.message });
  return t('The file {name} could not be used.', { name });
}

async function load({ runtimeUrl, featuresUrl }) {
  const downloads = new Downloads([runtimeUrl, featuresUrl]);
  self.fetch = (resource, init) => downloads.fetch(resource, init);

  const features = downloads.fetch(featuresUrl).then((response) => response.arrayBuffer());
  features.catch(() => {});
  const [{ loadPyodide }] = await Promise.all(
    // Pyodide imports the second by itself: taken here, it loads earlier and its failure is told.
    ['pyodide.mjs', 'pyodide.asm.mjs'].map((name) => importModule(new URL(name, runtimeUrl).href)),
  );
  const starting = loadPyodide({
    indexURL: runtimeUrl,
    lockFileURL: new URL('pyodide-lock.json', runtimeUrl).href,
    packages: ['numpy'],
    stdout: () => {},
  });
  starting.catch(() => {});
  const pyodide = await Promise.race([starting, downloads.failure]);
  // A package that cannot be loaded is only logged by Pyodide.
  if (!pyodide.loadedPackages.numpy) {
    await Promise.race([downloads.failure, Promise.resolve()]);
    throw new LoadError(t('The numpy package could not be loaded.'));
  }
  pyodide.unpackArchive(await features, 'zip');
  [extractInPython, feedInPython, forgetInPython, invertInPython] = pyodide.runPython(BRIDGE);
  self.fetch = nativeFetch;
  downloads.observer.disconnect();
}

/** @param {{id: number, samples: Float32Array, spec: string}} task */
function extract({ id, samples, spec }) {
  const progress = (done, total) => self.postMessage({ type: 'progress', id, done, total });
  const answer = extractInPython(samples, spec, progress);
  const [type, ...values] = answer.toJs();
  answer.destroy();
  if (type === 'refused') {
    self.postMessage({ type, id, code: values[0], message: values[1] });
    return;
  }
  const [text, nSegments, repeated, skipped, pieces] = values;
  const body = new Blob([text], { type: 'application/json' });
  self.postMessage({ type, id, body, nSegments, repeated, skipped, pieces });
}

/**
 * The next samples of a long song.
 * @param {{id: number, samples: Float32Array, spec: string,
 *   stream: {key: number, take: boolean, last: boolean, most: number}}} task
 */
function feed({ id, samples, spec, stream: { key, take, last, most } }) {
  const answer = feedInPython(key, samples, spec, take, last, most);
  const [type, ...values] = answer.toJs();
  answer.destroy();
  if (type === 'refused') {
    self.postMessage({ type, id, code: values[0], message: values[1] });
    return;
  }
  const requests = values[0].map(([text, nSegments, repeated, skipped]) => ({
    body: new Blob([text], { type: 'application/json' }), nSegments, repeated, skipped,
  }));
  self.postMessage({ type, id, requests, pieces: values[1] });
}

/**
 * Make a sound of the text of a request. Between its blocks songs that wait are analysed.
 * @param {{id: number, text: string, spec: string}} task
 */
async function invert({ id, text, spec }) {
  const blocks = invertInPython(text, spec);
  const next = () => {
    const { value } = blocks.next();
    const values = value.toJs();
    value.destroy();
    return values;
  };
  try {
    const [nSamples, nBlocks, wantedPeak] = next();
    const samples = new Float32Array(nSamples);
    for (let done = 1; done <= nBlocks; done += 1) {
      const [first, block] = next();
      for (let i = 0; i < block.length; i += 1) samples[first + i] += block[i];
      self.postMessage({ type: 'progress', id, done, total: nBlocks });
      await new Promise((resolve) => { setTimeout(resolve); });
      if (dropped.delete(id)) return;
    }
    const peak = samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    if (peak) for (let i = 0; i < nSamples; i += 1) samples[i] *= wantedPeak / peak;
    self.postMessage({ type: 'inverted', id, samples }, [samples.buffer]);
  } finally {
    blocks.destroy();
  }
}

/** @returns {string} the last line of what Python says, which is the error itself */
const reasonOf = (error) => String(error.message).trim().split('\n').pop();

// Pyodide drops some promises of files that failed; the page has been told of them already.
self.addEventListener('unhandledrejection', (event) => {
  if (event.reason instanceof LoadError) event.preventDefault();
});

self.onmessage = async ({ data }) => {
  if (data.type === 'start') {
    speakAs(data.words);
    try {
      await load(data);
      self.postMessage({ type: 'ready' });
    } catch (error) {
      const message = error instanceof LoadError
        ? error.message
        : t('Python could not be started ({reason}).', { reason: error.message });
      self.postMessage({ type: 'failed', message });
    }
  } else if (data.type === 'extract') {
    try {
      if (data.stream) feed(data);
      else extract(data);
    } catch (error) {
      self.postMessage({ type: 'broken', id: data.id, message: reasonOf(error) });
    }
  } else if (data.type === 'forget') {
    forgetInPython?.(data.key);
  } else if (data.type === 'invert') {
    try {
      await invert(data);
    } catch (error) {
      // Songs may wait behind it, and need no new worker.
      self.postMessage({ type: 'unmade', id: data.id, reason: reasonOf(error) });
    }
  } else if (data.type === 'drop') {
    dropped.add(data.id);
  }
};
