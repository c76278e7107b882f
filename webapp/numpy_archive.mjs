/**
 * Runs `repack` of numpy_archive.py in Pyodide: node numpy_archive.mjs PYODIDE WHEEL ARCHIVE
 *
 * PYODIDE is the folder of the npm package.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// An uncaught error would print a line of Pyodide's script, which has half a megabyte.
process.on('uncaughtException', (error) => {
  console.error(error.message.trim().split('\n').pop());
  process.exit(1);
});
const [folder, wheel, target] = process.argv.slice(2);
/** @type {typeof import('pyodide')} */
const { loadPyodide } = await import(pathToFileURL(join(folder, 'pyodide.mjs')).href);
// Sets of constants are written in the order of their hashes.
const pyodide = await loadPyodide({ indexURL: folder, env: { PYTHONHASHSEED: '0' } });
pyodide.FS.writeFile('numpy_archive.py', readFileSync(new URL('numpy_archive.py', import.meta.url)));
const archive = pyodide.pyimport('numpy_archive').repack(pyodide.toPy(Uint8Array.from(readFileSync(wheel))));
writeFileSync(target, archive.getBuffer('u8').data);
process.exit(0);
