/**
 * The silence that an mp3's encoder added before and after the sound, as the file's first frame tells.
 *
 * `decodeAudioData` leaves it out. Files that are decoded bit by bit leave it out by these numbers, so
 * that a song has the same pieces either way.
 * Layout: the Xing header with LAME's extension, http://gabriel.mp3-tech.org/mp3infotag.html
 */

// Samples by which the decoder itself comes late.
const DECODER_DELAY = 529;
const ENCODERS = ['LAME', 'Lavf', 'Lavc'];
const TAG_HEADER_BYTES = 10;
const LOOKED_AT_BYTES = 8192;

/** @param {Uint8Array} bytes @param {number} at @param {number} length */
const letters = (bytes, at, length) => String.fromCharCode(...bytes.subarray(at, at + length));

/** @param {Blob} file @param {number} from @param {number} length in bytes */
async function read(file, from, length) {
  return new Uint8Array(await file.slice(from, from + length).arrayBuffer());
}

/** @param {Blob} file @returns {Promise<number>} where the sound begins, behind tags such as a cover */
async function afterTags(file) {
  for (let at = 0; ;) {
    const head = await read(file, at, TAG_HEADER_BYTES);
    if (head.length < TAG_HEADER_BYTES || letters(head, 0, 3) !== 'ID3') return at;
    const size = head.subarray(6).reduce((sum, byte) => sum * 128 + byte, 0);
    const footer = head[5] & 0x10 ? TAG_HEADER_BYTES : 0;
    at += TAG_HEADER_BYTES + size + footer;
  }
}

/**
 * @param {Blob} file
 * @returns {Promise<{start: number, end: number} | null>} start: samples to leave out at the start;
 *   end: length of the sound after these (Infinity when the file does not tell); null for a file that
 *   tells neither
 */
export async function encoderPadding(file) {
  const bytes = await read(file, await afterTags(file), LOOKED_AT_BYTES);
  const view = new DataView(bytes.buffer);
  const at = bytes.findIndex((byte, i) => byte === 0xff && (bytes[i + 1] & 0xe0) === 0xe0);
  if (at < 0 || at + 200 > bytes.length) return null;
  const mpeg1 = ((bytes[at + 1] >> 3) & 3) === 3;
  const mono = bytes[at + 3] >> 6 === 3;
  const sideBytes = mpeg1 ? (mono ? 17 : 32) : (mono ? 9 : 17);
  const xing = at + 4 + sideBytes;
  if (!['Xing', 'Info'].includes(letters(bytes, xing, 4))) return null;
  const flags = view.getUint32(xing + 4);
  const frames = flags & 1 ? view.getUint32(xing + 8) : 0;
  const lame = xing + 8 + (flags & 1 ? 4 : 0) + (flags & 2 ? 4 : 0) + (flags & 4 ? 100 : 0) + (flags & 8 ? 4 : 0);
  if (!ENCODERS.includes(letters(bytes, lame, 4))) return null;
  const [before, after] = [
    (bytes[lame + 21] << 4) | (bytes[lame + 22] >> 4),
    ((bytes[lame + 22] & 15) << 8) | bytes[lame + 23],
  ];
  const length = frames * (mpeg1 ? 1152 : 576) - before - after;
  return { start: before + DECODER_DELAY, end: frames ? length : Infinity };
}
