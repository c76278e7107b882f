/**
 * MFCC of one sound, many times, by one library: the benchmark's worker (see peers.py).
 * Message in: {library, samples, rounds, spec}. Message out: {times in ms, numbers, heap} or {error}.
 */

const N_FFT = 2048;
const HOP = 512;
const N_MELS = 128;
const N_MFCC = 20;
const RATE = 22050;
/** A long song comes in parts of so many seconds. */
const PART_S = 10;

/** Zeros on both sides, so that frames are centred as in librosa. */
function padded(samples) {
  const sound = new Float32Array(samples.length + N_FFT);
  sound.set(samples, N_FFT / 2);
  return sound;
}

const frameCount = (samples) => 1 + Math.floor(samples.length / HOP);

async function essentia() {
  const [{ EssentiaWASM }, { default: Essentia }] = await Promise.all([
    import('/peers/essentia.js/dist/essentia-wasm.es.js'),
    import('/peers/essentia.js/dist/essentia.js-core.es.js'),
  ]);
  const library = new Essentia(EssentiaWASM);
  return (samples) => {
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
}

async function meyda() {
  // Its file for browsers leaves a global, which a module has no other way to see.
  await import('/peers/meyda/dist/web/meyda.min.js');
  const library = globalThis.Meyda;
  Object.assign(library, {
    bufferSize: N_FFT, sampleRate: RATE, melBands: N_MELS, numberOfMFCCCoefficients: N_MFCC,
    windowingFunction: 'hanning',
  });
  return (samples) => {
    const sound = padded(samples);
    const count = frameCount(samples);
    const numbers = new Float32Array(count * N_MFCC);
    for (let i = 0; i < count; i += 1) {
      numbers.set(library.extract('mfcc', sound.subarray(i * HOP, i * HOP + N_FFT)), i * N_MFCC);
    }
    return numbers;
  };
}

/** The page's Python, and what it works with: the heap only grows, so its size is its peak. */
async function python() {
  const { loadPyodide } = await import('/runtime/pyodide.mjs');
  const pyodide = await loadPyodide({ indexURL: '/runtime/', packages: ['numpy'], stdout: () => {} });
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

async function own(what, spec, quiet = false) {
  const pyodide = await python();
  const [work, feed] = pyodide.runPython(BRIDGE);
  const progress = quiet ? undefined : (done, total) => self.postMessage({ done, total });
  const heap = () => pyodide._module.HEAP8.length;
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

self.onmessage = async ({ data: { library, samples, rounds, spec, quiet } }) => {
  try {
    const made = await ({ essentia, meyda }[library] ?? (() => own(library, spec, quiet)))();
    const run = made.run ?? made;
    const before = made.heap?.() ?? 0;
    const times = [];
    let numbers = null;
    let after = 0;
    for (let round = 0; round < rounds; round += 1) {
      const started = performance.now();
      numbers = run(samples);
      times.push(performance.now() - started);
      after ||= made.heap?.() ?? 0;
    }
    const text = typeof numbers === 'string';
    self.postMessage({ times, heap: after - before, numbers: text ? null : numbers });
  } catch (error) {
    self.postMessage({ error: String(error?.message ?? error) });
  }
};
