/**
 * Headers of frames, of which an mp3 or aac file is a row without an index.
 *
 * Layout: ISO/IEC 11172-3, 2.4.2.3 (mp3, and mp2 and mp1 like it); ISO/IEC 13818-7, 6.2 (ADTS of aac).
 */

/**
 * @typedef {object} Frame
 * @property {number} bytes its length
 * @property {number} samples of each channel that it holds
 * @property {number} rate in Hz
 * @property {number} format equal for frames that one decoder takes: kind, rate and channels
 *
 * @callback Parse
 * @param {Uint8Array} bytes
 * @param {number} at where a frame may begin
 * @returns {Frame | null} null: none begins there
 */

const MPEG_1 = 3;
const MONO = 3;
// By the number of the version; 1 is none.
const RATES = [[11_025, 12_000, 8_000], [], [22_050, 24_000, 16_000], [44_100, 48_000, 32_000]];
// In kbit/s, by the number of the layer: 1 is III, 2 is II, 3 is I.
const LOW_KBITS = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const KBITS = {
  first: [
    [],
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  ],
  second: [[], LOW_KBITS, LOW_KBITS, [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256]],
};
const AAC_RATES = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/** @type {Parse} */
export function mp3Frame(bytes, at) {
  if (at + 4 > bytes.length || bytes[at] !== 0xff || (bytes[at + 1] & 0xe0) !== 0xe0) return null;
  const version = (bytes[at + 1] >> 3) & 3;
  const layer = (bytes[at + 1] >> 1) & 3;
  const mono = bytes[at + 3] >> 6 === MONO;
  const rate = RATES[version][(bytes[at + 2] >> 2) & 3];
  // Bits of any number ("free", 0) tell no length.
  const kbits = KBITS[version === MPEG_1 ? 'first' : 'second'][layer][(bytes[at + 2] >> 4) - 1];
  if (!rate || !kbits) return null;
  const padding = (bytes[at + 2] >> 1) & 1;
  const samples = layer === 3 ? 384 : layer === 1 && version !== MPEG_1 ? 576 : 1152;
  const slot = layer === 3 ? 4 : 1;
  return {
    bytes: slot * (Math.floor((samples * kbits * 125) / rate / slot) + padding),
    samples, rate, format: rate * 8 + layer * 2 + Number(mono),
  };
}

/** @type {Parse} */
export function aacFrame(bytes, at) {
  if (at + 7 > bytes.length || bytes[at] !== 0xff || (bytes[at + 1] & 0xf6) !== 0xf0) return null;
  const rate = AAC_RATES[(bytes[at + 2] >> 2) & 15];
  const channels = ((bytes[at + 2] & 1) << 2) | (bytes[at + 3] >> 6);
  const length = ((bytes[at + 3] & 3) << 11) | (bytes[at + 4] << 3) | (bytes[at + 5] >> 5);
  if (!rate || length < 7) return null;
  return { bytes: length, samples: 1024 * ((bytes[at + 6] & 3) + 1), rate, format: rate * 8 + channels };
}
