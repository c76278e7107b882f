"""numpy as the browser loads it: an archive of bytecode, without what is never imported.

Compiling numpy's sources took a fifth of the analysis' start. `make` hands the wheel to Pyodide's
own Python, since no other writes bytecode that it loads: `numpy_archive.mjs` runs it in Node, and
there `repack` does the work. The same wheel always gives the same bytes.

Standard library only: this module runs before anything else is installed.
"""

from __future__ import annotations

import importlib.util
import io
import marshal
import tarfile
import zipfile
from pathlib import Path

SCRIPT = Path(__file__).with_suffix(".mjs")
# Seconds. It takes five on a slow machine.
TIMEOUT = 300
# Flags of bytecode that is loaded whatever its source may be, and no hash of a source (PEP 552).
UNCHECKED = (1).to_bytes(4, "little") + bytes(8)
LICENCES = ".dist-info/licenses/"
# All that is imported by any kind of feature, refusal, inversion and own genres;
# `tests/features/test_pyodide.py` runs them and compares. A module `a.b` is a/b.py,
# a/b/__init__.py or a library of that name.
MODULES = """
    numpy numpy.__config__ numpy._array_api_info numpy._core numpy._core._add_newdocs
    numpy._core._add_newdocs_scalars numpy._core._asarray numpy._core._dtype
    numpy._core._dtype_ctypes numpy._core._exceptions numpy._core._internal numpy._core._methods
    numpy._core._multiarray_umath numpy._core._string_helpers numpy._core._type_aliases
    numpy._core._ufunc_config numpy._core.arrayprint numpy._core.einsumfunc numpy._core.fromnumeric
    numpy._core.function_base numpy._core.getlimits numpy._core.memmap numpy._core.multiarray
    numpy._core.numeric numpy._core.numerictypes numpy._core.overrides numpy._core.printoptions
    numpy._core.records numpy._core.shape_base numpy._core.umath numpy._distributor_init
    numpy._expired_attrs_2_0 numpy._globals numpy._pytesttester numpy._typing
    numpy._typing._array_like numpy._typing._char_codes
    numpy._typing._dtype_like numpy._typing._nbit numpy._typing._nbit_base
    numpy._typing._nested_sequence numpy._typing._scalars numpy._typing._shape numpy._typing._ufunc
    numpy._utils numpy._utils._convertions numpy._utils._inspect numpy.dtypes numpy.exceptions
    numpy.fft numpy.fft._helper numpy.fft._pocketfft numpy.fft._pocketfft_umath numpy.lib
    numpy.lib._array_utils_impl numpy.lib._arraypad_impl numpy.lib._arraysetops_impl
    numpy.lib._arrayterator_impl numpy.lib._datasource numpy.lib._format_impl
    numpy.lib._function_base_impl numpy.lib._histograms_impl numpy.lib._index_tricks_impl
    numpy.lib._iotools numpy.lib._nanfunctions_impl numpy.lib._npyio_impl numpy.lib._polynomial_impl
    numpy.lib._scimath_impl numpy.lib._shape_base_impl numpy.lib._stride_tricks_impl
    numpy.lib._twodim_base_impl numpy.lib._type_check_impl numpy.lib._ufunclike_impl
    numpy.lib._utils_impl numpy.lib._version numpy.lib.array_utils numpy.lib.format
    numpy.lib.introspect numpy.lib.mixins numpy.lib.npyio numpy.lib.scimath numpy.lib.stride_tricks
    numpy.linalg numpy.linalg._linalg numpy.linalg._umath_linalg numpy.ma numpy.ma.core
    numpy.ma.extras numpy.matrixlib numpy.matrixlib.defmatrix numpy.random
    numpy.random._bounded_integers numpy.random._common numpy.random._generator
    numpy.random._mt19937 numpy.random._pcg64 numpy.random._philox numpy.random._pickle
    numpy.random._sfc64 numpy.random.bit_generator numpy.random.mtrand numpy.typing numpy.version
"""


def make(wheel: Path, pyodide: Path, target: Path) -> None:
    """Make the archive of a wheel.

    Parameters
    ----------
    wheel : the numpy wheel for Pyodide.
    pyodide : the installed npm package.
    target : the archive.

    Raises
    ------
    NodeError : Node.js is missing, or the work fails.
    """
    # not above: Pyodide's Python gets this file alone
    from . import node

    paths = [str(path.resolve()) for path in (SCRIPT, pyodide, wheel, target)]
    node.run(*paths, timeout=TIMEOUT)


def repack(wheel: bytes) -> bytes:
    """Return a tar archive of the kept modules, compiled, and of all licences of a wheel.

    Raises
    ------
    KeyError : the wheel has no module of that name.
    """
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(wheel)) as source,
        tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        names = source.namelist()
        kept = {path: path for path in (_file_of(module, names) for module in MODULES.split())}
        # not as the metadata of an installed package, of which Pyodide would take notice: its
        # memory could not be written down then (`snapshot.mjs`)
        licences = [name for name in names if LICENCES in name]
        kept |= {name: f"numpy/licenses/{name.partition(LICENCES)[2]}" for name in licences}
        for path, name in sorted(kept.items()):
            content = source.read(path)
            if name.endswith(".py"):
                content, name = _compiled(content, name), f"{name}c"
            # owner, rights and time are tarfile's defaults, always the same
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _file_of(module: str, names: list[str]) -> str:
    path = module.replace(".", "/")
    for name in names:
        if name in (f"{path}.py", f"{path}/__init__.py"):
            return name
        if name.startswith(f"{path}.") and name.endswith(".so"):
            return name
    raise KeyError(module)


def _compiled(source: bytes, name: str) -> bytes:
    # 2: without assertions and docstrings, a tenth of the archive
    code = compile(source, name, "exec", dont_inherit=True, optimize=2)
    return importlib.util.MAGIC_NUMBER + UNCHECKED + marshal.dumps(code)
