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

/** @param {Blob} file @returns {Promise<number>} where the sound begins, behind tags such as a cover */
export async function afterTags(file) {
  for (let at = 0; ;) {
    const head = await viewOf(file, at, TAG_BYTES);
    if (head.byteLength < TAG_BYTES || letters(head, 0, 3) !== 'ID3') return at;
    let size = 0;
    for (let i = 6; i < TAG_BYTES; i += 1) size = size * 128 + head.getUint8(i);
    at += TAG_BYTES + size + (head.getUint8(5) & 0x10 ? TAG_BYTES : 0);
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
