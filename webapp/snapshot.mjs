/**
 * Writes a snapshot of Pyodide's memory, with numpy and features/ imported:
 * node snapshot.mjs RUNTIME ARCHIVE FEATURES SNAPSHOT
 * It prints {"table": functions in Python's table}. RUNTIME is the folder of the browser's runtime, ARCHIVE
 * numpy's archive in it, FEATURES a zip of features/. The same files give the same bytes: clock and
 * randomness stand still, and nothing of this computer goes in.
 */
import crypto from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { librariesOf, withLibraries } from '../static/js/analysis/snapshot.js';
import { packagesOf } from '../static/js/analysis/tar.js';

const YEAR_2000 = 946_684_800_000;
// An uncaught error would print a line of Pyodide's script, which has half a megabyte.
process.on('uncaughtException', (error) => {
  console.error(error.message.trim().split('\n').pop());
  process.exit(1);
});
const [folder, name, features, target] = process.argv.slice(2);
// Python would remember it as the name of its program.
process.argv = ['node', 'python'];
process.env.TZ = 'UTC';
Date.now = () => YEAR_2000;
globalThis.Date = new Proxy(Date, {
  construct: (RealDate, values) => Reflect.construct(RealDate, values.length ? values : [YEAR_2000]),
});
globalThis.performance.now = () => 0;
crypto.randomFillSync = (view) => {
  const { buffer, byteOffset, byteLength } = /** @type {Uint8Array} */ (view);
  new Uint8Array(buffer, byteOffset, byteLength).fill(0);
  return view;
};

/** @param {string} file */
const load = (file) => import(pathToFileURL(join(folder, file)).href);
const [{ loadPyodide }, { default: create }] = await Promise.all(['pyodide.mjs', 'pyodide.asm.mjs'].map(load));
/** @type {Promise<ArrayBuffer>} */
const archive = Promise.resolve(Uint8Array.from(readFileSync(join(folder, name))).buffer);
const libraries = withLibraries(create, librariesOf(archive), packagesOf(archive));
const pyodide = await loadPyodide({
  indexURL: folder,
  lockFileURL: join(folder, 'pyodide-lock.json'),
  env: { PYTHONHASHSEED: '0' },
  _makeSnapshot: true,
  ...libraries,
});
pyodide.unpackArchive(new Uint8Array(readFileSync(features)), 'zip');
// The snapshot has no files, so all modules are imported.
pyodide.runPython(`
import gc, importlib, pkgutil, random
import numpy, numpy.fft, numpy.ma, numpy.random, numpy.typing
import features
for found in pkgutil.walk_packages(features.__path__, "features."):
    importlib.import_module(found.name)
random.seed(0)
gc.collect()
`);
writeFileSync(target, pyodide.makeMemorySnapshot());
console.log(JSON.stringify({ table: libraries.tableSize() }));
process.exit(0);
