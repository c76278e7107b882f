/** Unpacks archives of webapp/numpy_archive.py: tar files of plain files. */

const BLOCK = 512;

/**
 * @param {Uint8Array} archive
 * @returns {Generator<{name: string, content: Uint8Array}>} its files; their contents are parts of it
 */
export function* filesOf(archive) {
  const text = new TextDecoder();
  /** @param {number} from @param {number} size */
  const field = (from, size) => text.decode(archive.subarray(from, from + size)).split('\0', 1)[0];
  // A block of zeros follows the last file.
  for (let at = 0; archive[at]; ) {
    const name = field(at, 100);
    const size = parseInt(field(at + 124, 12), 8);
    const begin = at + BLOCK;
    yield { name, content: archive.subarray(begin, begin + size) };
    at = begin + Math.ceil(size / BLOCK) * BLOCK;
  }
}

/**
 * What Pyodide wants as `fsInit`: puts the files of an archive where Python imports from.
 * @param {Promise<ArrayBuffer | Uint8Array>} archive
 */
export function packagesOf(archive) {
  /**
   * @param {{mkdirTree: (path: string) => void, writeFile: (path: string, content: Uint8Array) => void}} files
   * @param {{sitePackages: string}} places
   */
  return async (files, { sitePackages }) => {
    for (const { name, content } of filesOf(new Uint8Array(await archive))) {
      const path = `${sitePackages}/${name}`;
      files.mkdirTree(path.slice(0, path.lastIndexOf('/')));
      files.writeFile(path, content);
    }
  };
}
