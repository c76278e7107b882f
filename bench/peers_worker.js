/**
 * MFCC of one sound, many times, by one library: the benchmark's worker (see peers.py).
 * Message in: {library, samples, rounds, spec}. Message out: {times in ms, numbers, heap} or {error}.
 */

import { packagesOf } from '../static/js/analysis/tar.js';

const N_FFT = 2048;
const HOP = 512;
const N_MELS = 128;
const N_MFCC = 20;
const RATE = 22050;
/** Seconds of each part in which a long song comes. */
const PART_S = 10;

/**
 * @typedef {Float32Array<ArrayBuffer>} Samples
 * @typedef {(samples: Samples) => Float32Array | string | null} Run gives numbers, or the text of a request
 * @typedef {{run: Run, heap?: () => number}} Library heap: bytes of memory
 */

/** Zeros on both sides, so that frames are centred as in librosa. @param {Samples} samples */
function padded(samples) {
  const sound = new Float32Array(samples.length + N_FFT);
  sound.set(samples, N_FFT / 2);
  return sound;
}

/** @param {Samples} samples */
const frameCount = (samples) => 1 + Math.floor(samples.length / HOP);

/** @returns {Promise<Library>} */
async function essentia() {
  const [{ EssentiaWASM }, { default: Essentia }] = await Promise.all([
    import('/peers/essentia.js/dist/essentia-wasm.es.js'),
    import('/peers/essentia.js/dist/essentia.js-core.es.js'),
  ]);
  const library = new Essentia(EssentiaWASM);
  /** @type {Run} */
  const run = (samples) => {
    const frames = library.FrameGenerator(padded(samples), N_FFT, HOP);
    const count = Math.min(frameCount(samples), frames.size());
    const numbers = new Float32Array(count * N_MFCC);
    for (let i = 0; i < count; i += 1) {
      const frame = frames.get(i);
      const { frame: windowed } = library.Windowing(frame, false, N_FFT, 'hann', 0, false);
      const { spectrum } = library.Spectrum(windowed, N_FFT);
      const { bands, mfcc } = library.MFCC(
        spectrum, 2, RATE / 2, N_FFT / 2 + 1, 0, 'dbpow', 0, 'unit_tri', N_MELS, N_MFCC, RATE,
        1e-10, 'power', 'slaneyMel', 'linear',
      );
      for (let k = 0; k < N_MFCC; k += 1) numbers[i * N_MFCC + k] = mfcc.get(k);
      for (const vector of [frame, windowed, spectrum, bands, mfcc]) vector.delete();
    }
    frames.delete();
    return numbers;
  };
  return { run };
}

/** @returns {Promise<Library>} */
async function meyda() {
  // Meyda's file for browsers sets a global; it exports nothing that a module could import.
  await import('/peers/meyda/dist/web/meyda.min.js');
  const library = globalThis.Meyda;
  Object.assign(library, {
    bufferSize: N_FFT, sampleRate: RATE, melBands: N_MELS, numberOfMFCCCoefficients: N_MFCC,
    windowingFunction: 'hanning',
  });
  /** @type {Run} */
  const run = (samples) => {
    const sound = padded(samples);
    const count = frameCount(samples);
    const numbers = new Float32Array(count * N_MFCC);
    for (let i = 0; i < count; i += 1) {
      numbers.set(library.extract('mfcc', sound.subarray(i * HOP, i * HOP + N_FFT)), i * N_MFCC);
    }
    return numbers;
  };
  return { run };
}

/** The page's Python, with numpy and features/. */
async function python() {
  const { loadPyodide } = await import('/runtime/pyodide.mjs');
  const archive = fetch('/numpy.tar').then((response) => response.arrayBuffer());
  const pyodide = await loadPyodide({ indexURL: '/runtime/', fsInit: packagesOf(archive), stdout: () => {} });
  const features = await (await fetch('/features.zip')).arrayBuffer();
  pyodide.unpackArchive(features, 'zip');
  return pyodide;
}

const BRIDGE = `
import json
import numpy as np
from features import FeatureSpec, SegmentStream, build_request, extract_segments, mfcc

# Pieces per request.
MOST = 30
stream = None

def feed(samples, spec, last):
    global stream
    stream = stream or SegmentStream(FeatureSpec.from_json(json.loads(spec)))
    stream.feed(np.asarray(samples.to_memoryview()), last=last)
    while stream.take(MOST):
        pass

def work(what, samples, spec, progress):
    samples = np.asarray(samples.to_memoryview())
    if what == "mfcc":
        return mfcc(samples)
    spec = FeatureSpec.from_json(json.loads(spec))
    if what == "segments":
        return extract_segments(samples, spec, progress)
    return build_request(samples, spec, progress).body

work, feed
`;

/**
 * This project's own extraction.
 * @param {string} what "mfcc", "segments", "request" or "stream"
 * @param {string} spec JSON of the feature spec
 * @param {boolean} [quiet] whether progress is not reported
 * @returns {Promise<Library>}
 */
async function own(what, spec, quiet = false) {
  const pyodide = await python();
  const [work, feed] = pyodide.runPython(BRIDGE);
  /** @type {((done: number, total: number) => void) | undefined} */
  const progress = quiet ? undefined : (done, total) => self.postMessage({ done, total });
  // Pyodide does not report its memory. The heap only grows, so its size is its peak.
  const { _module } = /** @type {{_module: {HEAP8: Int8Array}}} */ (/** @type {unknown} */ (pyodide));
  const heap = () => _module.HEAP8.length;
  return {
    heap,
    run(samples) {
      if (what === 'stream') {
        for (let i = 0; i < samples.length; i += PART_S * RATE) {
          const end = i + PART_S * RATE;
          feed(samples.subarray(i, end), spec, end >= samples.length);
        }
        return '';
      }
      const result = work(what, samples, spec, progress);
      if (typeof result === 'string') return result;
      const numbers = what === 'mfcc' ? result.getBuffer('f32') : null;
      const copy = numbers?.data.slice() ?? null;
      numbers?.release();
      result.destroy();
      return copy;
    },
  };
}

/** @type {Record<string, (() => Promise<Library>) | undefined>} */
const PEERS = { essentia, meyda };

/**
 * @param {MessageEvent<{library: string, samples: Samples, rounds: number, spec: string,
 *   quiet: boolean}>} event
 */
self.onmessage = async ({ data: { library, samples, rounds, spec, quiet } }) => {
  try {
    const made = await (PEERS[library]?.() ?? own(library, spec, quiet));
    const before = made.heap?.() ?? 0;
    const times = [];
    let numbers = null;
    let after = 0;
    for (let round = 0; round < rounds; round += 1) {
      const started = performance.now();
      numbers = made.run(samples);
      times.push(performance.now() - started);
      after ||= made.heap?.() ?? 0;
    }
    const text = typeof numbers === 'string';
    self.postMessage({ times, heap: after - before, numbers: text ? null : numbers });
  } catch (error) {
    self.postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
};
