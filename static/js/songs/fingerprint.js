/** Whether two files of one name and size have the same content, told by three pieces of each. */

// In bytes.
const PIECE = 65_536;
// Files that are read at a time; more are no faster.
const AT_A_TIME = 16;

/** @typedef {import('./song.js').Song} Song */

/** @param {Blob} file @returns {Blob} its first, middle and last piece, or all of a small one */
function pieces(file) {
  const { size } = file;
  if (size <= 3 * PIECE) return file;
  return new Blob([0, Math.floor((size - PIECE) / 2), size - PIECE]
    .map((from) => file.slice(from, from + PIECE)));
}

/**
 * @param {Blob} file
 * @returns {Promise<string | null>} SHA-256 of its pieces; null if it cannot be read, or on a page of plain http
 *   from another computer, to which browsers give no `crypto.subtle`
 */
export async function fingerprint(file) {
  try {
    const hash = await crypto.subtle.digest('SHA-256', await pieces(file).arrayBuffer());
    return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
  } catch {
    return null;
  }
}

/** Take the fingerprints of songs that have none yet. @param {Song[]} songs */
export async function fingerprintAll(songs) {
  const open = songs.filter((song) => song.file && song.fingerprint === undefined);
  for (let from = 0; from < open.length; from += AT_A_TIME) {
    await Promise.all(open.slice(from, from + AT_A_TIME).map(async (song) => {
      if (song.file) song.fingerprint = await fingerprint(song.file);
    }));
  }
}

/** @param {File} a @param {File} b @returns {Promise<boolean>} false if one cannot be read */
async function sameBytes(a, b) {
  try {
    const [left, right] = await Promise.all([a, b].map(async (file) =>
      new Uint8Array(await pieces(file).arrayBuffer())));
    return left.length === right.length && left.every((byte, at) => byte === right[at]);
  } catch {
    return false;
  }
}

/**
 * @param {Song} fresh of a file that has come in
 * @param {Song} song of the list, of the same file name and size; both have had their fingerprints taken
 * @returns {Promise<boolean | null>} null: the song has lost its sound, and its content cannot be told
 */
export async function sameContent(fresh, song) {
  if (fresh.fingerprint && song.fingerprint) return fresh.fingerprint === song.fingerprint;
  return fresh.file && song.file ? sameBytes(fresh.file, song.file) : null;
}
