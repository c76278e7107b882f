/**
 * Runs features/*.py on Pyodide for test_pyodide.py: node pyodide_runner.mjs RUNTIME FEATURES CASES
 *
 * CASES is a folder with cases.json, [{name, samples: file of float32, work, options}]; the answers
 * are written beside it: NAME.f32 for work "mfcc", NAME.json for "request", and answers.json.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [runtime, features, folder] = process.argv.slice(2).map((path) => resolve(path));
const { loadPyodide } = await import(pathToFileURL(join(runtime, "pyodide.mjs")).href);

const pyodide = await loadPyodide({ indexURL: runtime });
await pyodide.loadPackage("numpy", { messageCallback: () => {} });
pyodide.FS.mkdirTree("/site/features");
pyodide.mountNodeFS("/site/features", features);

const work = pyodide.runPython(`
import json, sys, warnings

sys.dont_write_bytecode = True
sys.path.insert(0, "/site")
warnings.simplefilter("error")

import numpy
import features

def work(kind, samples, options):
    samples = numpy.asarray(samples, dtype=numpy.float32)
    options = json.loads(options)
    if kind == "mfcc":
        result = features.mfcc(samples, **options)
        return json.dumps({"shape": result.shape}), result.astype("<f4").tobytes()
    seen = []
    spec = features.FeatureSpec.from_json(options)
    try:
        request = features.build_request(samples, spec, lambda done, total: seen.append([done, total]))
    except features.AudioError as error:
        return json.dumps({"error": error.code, "message": str(error)}), b""
    about = {"n_segments": request.n_segments, "repeated": request.repeated}
    about |= {"skipped": request.skipped, "progress": seen}
    return json.dumps(about), request.body.encode()

work
`);

/** @type {{python: object, pyodide: string, cases: Record<string, object>}} */
const answers = {
  python: JSON.parse(
    pyodide.runPython(
      `json.dumps({"platform": sys.platform, "numpy": numpy.__version__, "features": features.__file__})`,
    ),
  ),
  pyodide: pyodide.version,
  cases: {},
};
for (const { name, samples, work: kind, options } of JSON.parse(
  await readFile(join(folder, "cases.json"), "utf8"),
)) {
  const file = await readFile(join(folder, samples));
  const sound = new Float32Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
  const result = work(kind, pyodide.toPy(sound), JSON.stringify(options));
  const [about, body] = result.toJs();
  result.destroy();
  answers.cases[name] = JSON.parse(about);
  await writeFile(join(folder, kind === "mfcc" ? `${name}.f32` : `${name}.json`), body);
}
await writeFile(join(folder, "answers.json"), JSON.stringify(answers));
