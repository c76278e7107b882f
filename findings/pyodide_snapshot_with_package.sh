#!/bin/sh
# Pyodide writes no snapshot of its memory once a package is installed by its standard metadata, a
# *.dist-info folder in site-packages: `makeMemorySnapshot()` throws. Without that folder it writes one,
# whatever else lies there. The error tells of an object of JavaScript that Python holds; Pyodide looks
# for such folders at its start.
#
# Seen with pyodide 314.0.3 in Node.js 20.20:
#   tool: 31457408 bytes; tool-1.0.dist-info: Error: Unexpected hiwire entry at index 6
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund pyodide@314.0.3
cat >find.mjs <<'SCRIPT'
import { loadPyodide, version } from 'pyodide';

async function written(name) {
  const pyodide = await loadPyodide({
    _makeSnapshot: true,
    async fsInit(files, { sitePackages }) {
      files.mkdirTree(`${sitePackages}/${name}`);
      files.writeFile(`${sitePackages}/${name}/METADATA`, 'Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n');
    },
  });
  try {
    return `${pyodide.makeMemorySnapshot().length} bytes`;
  } catch (error) {
    return String(error);
  }
}

console.log(`pyodide ${version}, Node.js ${process.version}`);
const seen = {};
for (const name of ['tool', 'tool-1.0.dist-info']) {
  seen[name] = await written(name);
  console.log(`${name}: ${seen[name]}`);
}
if (!seen.tool.endsWith('bytes')) throw new Error('no snapshot without a package either');
if (!seen['tool-1.0.dist-info'].includes('hiwire')) throw new Error('snapshots with a package are written now');
process.exit(0);
SCRIPT
node find.mjs
