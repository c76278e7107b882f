#!/bin/sh
# numpy in Pyodide raises no LinAlgError: where CPython's numpy says that a matrix is not positive
# definite, or singular, WebAssembly's gives NaN and goes on. A check that relies
# on `except np.linalg.LinAlgError` passes everything in the browser. numpy tells such an error to
# itself by a floating point flag, and WebAssembly has none.
#
# Seen with pyodide 314.0.3 (numpy 2.4.3), beside CPython with numpy 2.4.3:
#   cholesky of [[1, 2], [2, 1]]: CPython LinAlgError; Pyodide [[nan, nan], [nan, nan]]
#   inv of [[1, 1], [1, 1]]: CPython LinAlgError; Pyodide [[nan, nan], [nan, nan]]
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund pyodide@314.0.3
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check numpy==2.4.3
# This package carries Pyodide's own wheel of numpy, which not every network can load from Pyodide.
venv/bin/pip download -q --disable-pip-version-check --no-deps --ignore-requires-python open-webui==0.12.4
venv/bin/python - <<'PYTHON'
import glob, zipfile

with zipfile.ZipFile(glob.glob("open_webui-*.whl")[0]) as archive:
    [name] = [n for n in archive.namelist() if n.split("/")[-1].startswith("numpy-2.4.3-")]
    with open("node_modules/pyodide/" + name.split("/")[-1], "wb") as file:
        file.write(archive.read(name))
PYTHON
cat > ask.py <<'PYTHON'
import json
import numpy as np


def tried(work, matrix):
    try:
        return str(work(np.array(matrix)).tolist())
    except np.linalg.LinAlgError:
        return "LinAlgError"


found = {
    "numpy": np.__version__,
    "cholesky": tried(np.linalg.cholesky, [[1.0, 2.0], [2.0, 1.0]]),
    "inv": tried(np.linalg.inv, [[1.0, 1.0], [1.0, 1.0]]),
}
json.dumps(found)
PYTHON
{ cat ask.py; echo 'print(json.dumps(found))'; } | venv/bin/python - > cpython.json
cat > ask.mjs <<'JS'
import { readFileSync, writeFileSync } from 'node:fs';
import { loadPyodide } from 'pyodide';

const pyodide = await loadPyodide({ packages: ['numpy'] });
writeFileSync('pyodide.json', pyodide.runPython(readFileSync('ask.py', 'utf8')));
JS
node ask.mjs > /dev/null
venv/bin/python - <<'PYTHON'
import json

cpython, pyodide = (json.load(open(f"{name}.json")) for name in ("cpython", "pyodide"))
print("CPython", cpython)
print("Pyodide", pyodide)
assert cpython["cholesky"] == cpython["inv"] == "LinAlgError", "CPython differs now"
assert "nan" in pyodide["cholesky"] and pyodide["inv"] != "LinAlgError", "Pyodide differs now"
PYTHON
