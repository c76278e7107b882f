/**
 * Runs features/*.py on Pyodide for test_pyodide.py: node pyodide_runner.mjs RUNTIME FEATURES CASES
 *
 * CASES is a folder with cases.json, [{name, work, samples: file of float32, options}]. The answers are
 * written beside it: answers.json, and NAME.f32 (work "mfcc", "invert") or NAME.json ("extract",
 * "feed", "own", "load"). answers.json also tells which modules of numpy were imported, and which were
 * looked for and not found.
 */
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packagesOf } from '../../static/js/analysis/tar.js';

const [runtime, features, folder] = process.argv.slice(2).map((path) => resolve(path));
const { loadPyodide } = await import(pathToFileURL(join(runtime, 'pyodide.mjs')).href);

const [archive] = (await readdir(runtime)).filter((name) => /^numpy-.*\.tar$/.test(name));
const pyodide = await loadPyodide({
  indexURL: runtime,
  fsInit: packagesOf(readFile(join(runtime, archive))),
});
pyodide.FS.mkdirTree('/site/features');
pyodide.mountNodeFS('/site/features', features);

const mfcc = pyodide.runPython(`
import json, sys, warnings

sys.dont_write_bytecode = True
sys.path.insert(0, "/site")
warnings.simplefilter("error")

class Missing:
    """Notes what no other finder has found."""
    names = set()

    @classmethod
    def find_spec(cls, name, path, target=None):
        cls.names.add(name)

sys.meta_path.append(Missing)

import numpy
import features

def modules():
    named = sorted(name for name, module in sys.modules.items() if hasattr(module, "__file__"))
    return json.dumps({"imported": named, "missing": sorted(Missing.names)})

def mfcc(samples, options):
    return features.mfcc(numpy.asarray(samples.to_memoryview()), **json.loads(options))

mfcc
`);
const about = pyodide.runPython(
  'json.dumps({"platform": sys.platform, "numpy": numpy.__version__, "features": features.__file__})',
);
/** @type {import('../../static/js/analysis/python.d.ts').PythonModule} */
const browser = pyodide.pyimport('features.browser');

/**
 * The values of a dictionary, as the page's worker takes them.
 * @template T
 * @param {import('../../static/js/analysis/python.d.ts').Dictionary<T>} dictionary
 * @returns {T}
 */
function valuesOf(dictionary) {
  const values = dictionary.toJs({ dict_converter: Object.fromEntries });
  dictionary.destroy();
  return values;
}

/**
 * @typedef {object} Answer
 * @property {object} told what goes into answers.json
 * @property {string | Float32Array} content of the other file
 */

/**
 * A function for each kind of work; it gets the options of its case.
 * @type {Record<string, (samples: Float32Array, options: any) => Answer | Promise<Answer>>}
 */
const WORK = {
  mfcc(samples, options) {
    const array = mfcc(samples, JSON.stringify(options));
    const buffer = array.getBuffer('f32');
    const answer = { told: { shape: buffer.shape }, content: Float32Array.from(buffer.data) };
    buffer.release();
    array.destroy();
    return answer;
  },

  extract(samples, spec) {
    /** @type {number[][]} */
    const progress = [];
    const answer = valuesOf(browser.extract(samples, JSON.stringify(spec), (...at) => progress.push(at)));
    if (answer.type === 'refused') return { told: { ...answer, progress }, content: '' };
    const { body, ...told } = answer;
    return { told: { ...told, progress }, content: body };
  },

  feed(samples, { spec, cuts, most }) {
    const requests = [];
    const pieces = [];
    /** @type {[number, number][]} */
    let gaps = [];
    const ends = [...cuts, samples.length];
    for (const [number, end] of ends.entries()) {
      const part = samples.subarray(ends[number - 1] ?? 0, end);
      const last = number === cuts.length;
      const answer = valuesOf(browser.feed(1, part, JSON.stringify(spec), number === 1, last, most));
      if (answer.type === 'refused') throw new Error(answer.message);
      requests.push(...answer.requests);
      pieces.push(answer.pieces);
      ({ gaps } = answer);
    }
    const told = requests.map(({ body, ...rest }) => rest);
    const content = JSON.stringify(requests.map(({ body }) => JSON.parse(body)));
    return { told: { requests: told, pieces, gaps }, content };
  },

  async invert(_, { spec, body }) {
    const made = browser.invert(await readFile(join(folder, body), 'utf8'), JSON.stringify(spec));
    let sound = new Float32Array(0);
    const steps = [];
    for (const dictionary of made) {
      const step = valuesOf(dictionary);
      if (step.type === 'begun') sound = new Float32Array(step.nSamples);
      if (step.type === 'block') sound.set(step.samples, step.first);
      if (step.type === 'made') sound = sound.map((value) => value * step.gain);
      steps.push(step.type === 'block' ? { type: step.type, first: step.first } : step);
    }
    made.destroy();
    return { told: { steps }, content: sound };
  },

  own(embeddings, request) {
    const taught = valuesOf(browser.teach(embeddings, JSON.stringify(request)));
    if (taught.type === 'refused') throw new Error(taught.message);
    const asked = JSON.stringify({ model: request.model, file: taught.file });
    const told = valuesOf(browser.tell_own(embeddings, asked));
    const laid = valuesOf(browser.lay_out(embeddings, JSON.stringify(request.model)));
    if (told.type === 'refused' || laid.type === 'refused') throw new Error('refused what was taught');
    const answer = {
      taught,
      told: { ...told, probabilities: [...told.probabilities] },
      laid: { ...laid, points: [...laid.points], places: [...laid.places] },
    };
    return { told: {}, content: JSON.stringify(answer) };
  },

  load(_, { text, times }) {
    return { told: valuesOf(browser.load_own(text.repeat(times))), content: '' };
  },
};

const cases = JSON.parse(await readFile(join(folder, 'cases.json'), 'utf8'));
/** @type {{modules: object, python: object, pyodide: string, cases: Record<string, object>}} */
const answers = { modules: {}, python: JSON.parse(about), pyodide: pyodide.version, cases: {} };
for (const { name, work, samples, options } of cases) {
  const { buffer, byteOffset, length } = await readFile(join(folder, samples));
  const sound = new Float32Array(buffer.slice(byteOffset, byteOffset + length));
  const { told, content } = await WORK[work](sound, options);
  answers.cases[name] = told;
  const suffix = typeof content === 'string' ? 'json' : 'f32';
  await writeFile(join(folder, `${name}.${suffix}`), content);
}
answers.modules = JSON.parse(pyodide.runPython('modules()'));
await writeFile(join(folder, 'answers.json'), JSON.stringify(answers));
