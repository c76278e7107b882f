/**
 * The analysis, in its own thread: Python (Pyodide) with numpy and the project's own features/.
 * Messages in: start, extract. Messages out: loading, ready, failed, progress, extracted, refused,
 * broken. See engine.js for the other end.
 */

const nativeFetch = self.fetch.bind(self);
const REPORT_EVERY_MS = 100;

const BRIDGE = `
import json
import numpy as np
from features import AudioError, FeatureSpec, build_request

def extract(samples, spec, progress):
    try:
        request = build_request(np.asarray(samples.to_memoryview()), FeatureSpec.from_json(json.loads(spec)), progress)
    except AudioError as error:
        return "refused", error.code, str(error)
    return "extracted", request.body, request.n_segments, request.repeated, request.skipped

extract
`;

/** @type {import('pyodide/ffi').PyCallable | null} */
let extractInPython = null;

const nameOf = (url) => new URL(url, self.location.href).pathname.split('/').pop();

class LoadError extends Error {}

/** Counts what arrives and turns a failed download into a sentence that names the file. */
class Downloads {
  constructor() {
    this.bytes = 0;
    this.files = 0;
    this.reported = 0;
    /** Rejects with the first failure: Pyodide itself only logs a failed WebAssembly download. */
    this.failure = new Promise((_, reject) => {
      this.fail = reject;
    });
    this.failure.catch(() => {});
  }

  report(force = false) {
    const now = performance.now();
    if (!force && now - this.reported < REPORT_EVERY_MS) return;
    this.reported = now;
    self.postMessage({ type: 'loading', files: this.files, bytes: this.bytes });
  }

  /** Same as fetch(); the body is counted on its way. */
  async fetch(resource, init) {
    const url = String(resource.url ?? resource);
    let response;
    try {
      response = await nativeFetch(resource, init);
    } catch (error) {
      const reason = new LoadError(await diagnose(url, Boolean(init?.integrity)));
      this.fail(reason);
      throw reason;
    }
    if (!response.ok) {
      const reason = new LoadError(await diagnose(url, false));
      this.fail(reason);
      throw reason;
    }
    const count = new TransformStream({
      transform: (chunk, controller) => {
        this.bytes += chunk.byteLength;
        this.report();
        controller.enqueue(chunk);
      },
      flush: () => {
        this.files += 1;
        this.report(true);
      },
    });
    const body = response.body.pipeThrough(count);
    return new Response(body, { status: response.status, headers: response.headers });
  }

  /** Same as import(), counted as one file. */
  async module(url) {
    try {
      const module = await import(url);
      this.files += 1;
      this.report(true);
      return module;
    } catch (error) {
      throw new LoadError(await diagnose(url, false, error));
    }
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
      ? `The server did not deliver ${name}. Is it still running?`
      : `This computer is offline, so ${name} could not be loaded.`;
  }
  if (status === 404) {
    return `The server has no file ${name}. Whoever runs it should start it again with “make serve”.`;
  }
  if (status >= 400) return `The server refused to deliver ${name} (status ${status}).`;
  if (checked) return `The file ${name} is not the expected one: its checksum differs.`;
  return `The file ${name} could not be used${error ? ` (${error.message})` : ''}.`;
}

async function load({ runtimeUrl, featuresUrl }) {
  const downloads = new Downloads();
  self.fetch = (resource, init) => downloads.fetch(resource, init);
  downloads.report(true);

  const features = downloads.fetch(featuresUrl).then((response) => response.arrayBuffer());
  features.catch(() => {});
  const [{ loadPyodide }] = await Promise.all(
    // Pyodide imports the second by itself: taken here, it loads earlier and its failure is told.
    ['pyodide.mjs', 'pyodide.asm.mjs'].map((name) => downloads.module(new URL(name, runtimeUrl).href)),
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
    throw new LoadError('The numpy package could not be loaded.');
  }
  pyodide.unpackArchive(await features, 'zip');
  extractInPython = pyodide.runPython(BRIDGE);
  self.fetch = nativeFetch;
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
  const [body, nSegments, repeated, skipped] = values;
  self.postMessage({ type, id, body: new Blob([body], { type: 'application/json' }), nSegments, repeated, skipped });
}

self.onmessage = async ({ data }) => {
  if (data.type === 'start') {
    try {
      await load(data);
      self.postMessage({ type: 'ready' });
    } catch (error) {
      const known = error instanceof LoadError;
      self.postMessage({ type: 'failed', message: known ? error.message : `Python could not be started (${error.message}).` });
    }
  } else if (data.type === 'extract') {
    try {
      extract(data);
    } catch (error) {
      self.postMessage({ type: 'broken', id: data.id, message: String(error.message).trim().split('\n').pop() });
    }
  }
};
