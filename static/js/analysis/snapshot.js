/**
 * Snapshots of Python's memory with numpy and features/ imported, from which Python starts in a fraction of
 * the time. webapp/snapshot.mjs makes one at the installation, analysis_worker.js starts from it.
 *
 * A snapshot is the memory of a WebAssembly program and refers to functions by their place in its table.
 * So that each has the same place in the Python that wrote it and in the one that reads it, numpy's
 * libraries are loaded before Python starts, in the order of the archive, from a fixed place on: what
 * lies before differs between browsers. Pyodide itself cannot write a snapshot with libraries in it.
 */

import { filesOf } from './tar.js';

// More than Pyodide's own functions, which have the places before.
const TABLE_BASE = 1 << 15;
const LIBRARY = { global: false, nodelete: true, allowUndefined: true };

/**
 * The parts of Pyodide's Emscripten module that are used here.
 * @typedef {object} Module
 * @property {Int8Array} HEAP8
 * @property {Int32Array} HEAP32
 * @property {WebAssembly.Table} wasmTable
 * @property {Record<string, unknown>} preloadedWasm exports of libraries, by their paths
 * @property {(code: WebAssembly.Module, flags: object, path: string) => unknown} loadWebAssemblyModule
 * @property {(bytes: number) => number} growMemory
 * @property {{restoreSnapshot: (snapshot: Uint8Array) => unknown}} API
 * @property {number} __PyRuntime
 * @property {number} __PyEM_EMSCRIPTEN_TRAMPOLINE_OFFSET
 *
 * @typedef {(settings: Module) => Promise<Module>} Create
 *
 * @typedef {object} Start
 * @property {Promise<Uint8Array>} content of the snapshot
 * @property {number} table functions in the table of the Python that wrote it
 */

/**
 * Compile the libraries of an archive.
 * @param {Promise<ArrayBuffer>} archive
 * @returns {Promise<[string, WebAssembly.Module][]>} names and code
 */
export async function librariesOf(archive) {
  const files = [...filesOf(new Uint8Array(await archive))].filter(({ name }) => name.endsWith('.so'));
  return Promise.all(files.map(async ({ name, content }) => [name, await WebAssembly.compile(content.slice())]));
}

/**
 * Options of `loadPyodide` for writing a snapshot, or for starting from one.
 * @param {Create} create the default export of pyodide.asm.mjs
 * @param {Promise<[string, WebAssembly.Module][]>} libraries
 * @param {ReturnType<typeof import('./tar.js').packagesOf>} packages
 * @param {Start} [start] given for starting from one
 */
export function withLibraries(create, libraries, packages, start) {
  /** @type {Module} */
  let module;
  /** @type {{reason: unknown} | undefined} */
  let failure;
  let size = 0;
  return {
    // Pyodide would wait for the snapshot before it begins; it is put in its place below.
    ...(start && { _loadSnapshot: new Uint8Array() }),

    /** @type {typeof packages} */
    async fsInit(files, places) {
      // Emscripten would go on after an error.
      try {
        await packages(files, places);
        const { wasmTable } = module;
        wasmTable.grow(TABLE_BASE - wasmTable.length);
        for (const [name, code] of await libraries) {
          const path = `${places.sitePackages}/${name}`;
          module.preloadedWasm[path] = module.loadWebAssemblyModule(code, LIBRARY, path);
        }
        size = wasmTable.length;
        if (start && size !== start.table) throw new Error('other functions than those of the snapshot');
      } catch (reason) {
        failure = { reason };
      }
    },

    /** @param {Module} settings @throws {Error} not a Python that fits */
    async createPyodideModule(settings) {
      module = settings;
      await create(settings);
      if (failure) throw failure.reason;
      if (start) restoreInto(module, await start.content);
      return module;
    },

    /** @returns {number} functions in Python's table: where others are, snapshots do not fit */
    tableSize: () => size,
  };
}

/** @param {Module} module @param {Uint8Array} content @throws {RangeError} too little memory */
function restoreInto(module, content) {
  module.growMemory(content.length);
  const { restoreSnapshot } = module.API;
  module.API.restoreSnapshot = () => {
    // One function is made anew by each browser that can; Python gets along without.
    const trampoline = (module.__PyRuntime + module.HEAP32[module.__PyEM_EMSCRIPTEN_TRAMPOLINE_OFFSET >> 2]) >> 2;
    const own = module.HEAP32[trampoline];
    const state = restoreSnapshot(content);
    module.HEAP32[trampoline] = own;
    return state;
  };
}
