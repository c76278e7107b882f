/**
 * Runs features/*.py on Pyodide for test_pyodide.py: node pyodide_runner.mjs RUNTIME FEATURES CASES
 *
 * CASES is a folder with cases.json, [{name, work, samples: file of float32, options}]. The answers are
 * written beside it: answers.json, and NAME.f32 (work "mfcc", "invert") or NAME.json ("extract",
 * "feed").
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [runtime, features, folder] = process.argv.slice(2).map((path) => resolve(path));
const { loadPyodide } = await import(pathToFileURL(join(runtime, 'pyodide.mjs')).href);

const pyodide = await loadPyodide({ indexURL: runtime });
await pyodide.loadPackage('numpy', { messageCallback: () => {} });
pyodide.FS.mkdirTree('/site/features');
pyodide.mountNodeFS('/site/features', features);

const mfcc = pyodide.runPython(`
import json, sys, warnings

sys.dont_write_bytecode = True
sys.path.insert(0, "/site")
warnings.simplefilter("error")

import numpy
import features

def mfcc(samples, options):
    return features.mfcc(numpy.asarray(samples.to_memoryview()), **json.loads(options))

mfcc
`);
const about = pyodide.runPython(
  'json.dumps({"platform": sys.platform, "numpy": numpy.__version__, "features": features.__file__})',
);
const browser = pyodide.pyimport('features.browser');

/** As the page's worker reads what Python gives. */
function valuesOf(dictionary) {
  const values = dictionary.toJs({ dict_converter: Object.fromEntries });
  dictionary.destroy();
  return values;
}

/** By kind of work: the facts for answers.json, and the content of the other file. */
const WORK = {
  mfcc(samples, options) {
    const array = mfcc(samples, JSON.stringify(options));
    const { data, shape } = array.getBuffer();
    array.destroy();
    return [{ shape }, data];
  },

  extract(samples, spec) {
    const progress = [];
    const answer = valuesOf(browser.extract(samples, JSON.stringify(spec), (...at) => progress.push(at)));
    const { body, ...told } = answer;
    return [{ ...told, progress }, body ?? ''];
  },

  feed(samples, { spec, cuts, most }) {
    const ends = [...cuts, samples.length];
    const answers = ends.map((end, number) => valuesOf(browser.feed(
      1, samples.subarray(ends[number - 1] ?? 0, end), JSON.stringify(spec), number === 1,
      end === samples.length, most,
    )));
    const requests = answers.flatMap((answer) => answer.requests);
    const told = requests.map(({ body, ...rest }) => rest);
    const pieces = answers.map((answer) => answer.pieces);
    return [{ requests: told, pieces }, JSON.stringify(requests.map(({ body }) => JSON.parse(body)))];
  },

  async invert(_, { spec, body }) {
    const steps = browser.invert(await readFile(join(folder, body), 'utf8'), JSON.stringify(spec));
    let sound = new Float32Array(0);
    const told = [];
    for (const dictionary of steps) {
      const { samples, ...step } = valuesOf(dictionary);
      if (step.type === 'begun') sound = new Float32Array(step.nSamples);
      if (step.type === 'block') sound.set(samples, step.first);
      if (step.type === 'made') sound = sound.map((value) => value * step.gain);
      told.push(step);
    }
    steps.destroy();
    return [{ steps: told }, sound];
  },
};

const cases = JSON.parse(await readFile(join(folder, 'cases.json'), 'utf8'));
const answers = { python: JSON.parse(about), pyodide: pyodide.version, cases: {} };
for (const { name, work, samples, options } of cases) {
  const { buffer, byteOffset, length } = await readFile(join(folder, samples));
  const sound = new Float32Array(buffer.slice(byteOffset, byteOffset + length));
  const [told, content] = await WORK[work](sound, options);
  answers.cases[name] = told;
  const suffix = typeof content === 'string' ? 'json' : 'f32';
  await writeFile(join(folder, `${name}.${suffix}`), content);
}
await writeFile(join(folder, 'answers.json'), JSON.stringify(answers));
