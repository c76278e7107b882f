/** Numbers and words in the bytes of a file. */

/** @param {Blob} file @param {number} from @param {number} length in bytes @returns {Promise<DataView<ArrayBuffer>>} shorter where the file ends */
export async function viewOf(file, from, length) {
  return new DataView(await file.slice(from, from + length).arrayBuffer());
}

/** @param {DataView} view @param {number} at @param {number} length @returns {string} one letter a byte; shorter where the view ends */
export function letters(view, at, length) {
  const from = Math.min(at, view.byteLength);
  const to = Math.min(at + length, view.byteLength);
  return String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + from, to - from));
}

const TAG_BYTES = 10;

/** @param {DataView} view @param {number} at @returns {number} bytes of an ID3 tag that begins there; 0: none does */
export function tagBytes(view, at) {
  if (letters(view, at, 3) !== 'ID3' || at + TAG_BYTES > view.byteLength) return 0;
  let size = 0;
  for (let i = 6; i < TAG_BYTES; i += 1) size = size * 128 + view.getUint8(at + i);
  return size + TAG_BYTES * (view.getUint8(at + 5) & 0x10 ? 2 : 1);
}

/** @param {Blob} file @returns {Promise<number>} where the sound begins, behind tags such as a cover */
export async function afterTags(file) {
  for (let at = 0; ;) {
    const size = tagBytes(await viewOf(file, at, TAG_BYTES), 0);
    if (!size) return at;
    at += size;
  }
}

/**
 * @typedef {object} Chunk
 * @property {string} name of four letters
 * @property {number} at where its content begins in the file
 * @property {number} size of its content, in bytes, as the file tells it
 */

// More than any file of sound has; a broken one may hold very many.
const MOST_CHUNKS = 1000;

/**
 * The chunks of a file, one after the other.
 * @param {Blob} file
 * @param {number} from where the first one begins
 * @param {{head: number, read: (head: DataView) => {name: string, size: number}, even: number}} how
 *   head: bytes of a chunk before its content; even: the next begins at a multiple of it
 * @returns {AsyncGenerator<Chunk, void>}
 */
export async function* chunksOf(file, from, { head, read, even }) {
  let at = from;
  for (let number = 0; number < MOST_CHUNKS && at + head <= file.size; number += 1) {
    const { name, size } = read(await viewOf(file, at, head));
    yield { name, at: at + head, size };
    if (size < 0) return;
    at = from + Math.ceil((at + head + size - from) / even) * even;
  }
}
