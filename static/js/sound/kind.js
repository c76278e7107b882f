/**
 * What a file is, by its first bytes: its name may tell something else.
 *
 * Looked at before anything else: some kinds are read here as plain samples, some are misunderstood by
 * browsers, and what no browser decodes is named when decoding has failed.
 */

import { codingOf } from './boxes.js';
import { afterTags, letters, viewOf } from './bytes.js';
import { differs, plainOf } from './plain.js';

const LOOKED_AT_BYTES = 4096;
const TEXT_BYTES = 512;
// In Hz. What tells more is damaged.
const HIGHEST_RATE = 768_000;

/**
 * @typedef {'archive' | 'companion' | 'coded' | 'damaged' | 'document' | 'notes' | 'picture' | 'playlist'
 *   | 'protected'} Reason why a file cannot be heard; coded: its sound is of a kind that few programs read
 *
 * @typedef {object} Kind
 * @property {string} name of the kind, the same in all languages; empty: not known
 * @property {Reason} reason why it cannot be heard, if it cannot
 * @property {boolean} hopeless no browser can decode it, so none is asked
 * @property {boolean} usual most browsers decode it
 * @property {number} start bytes of tags (ID3) before the sound
 * @property {number} rate in Hz; 0 where it is not told
 * @property {import('./plain.js').Layout | null} layout of plain samples that browsers do not read
 *   rightly by themselves
 */

/**
 * A word at a place, and another one at its own, if needed.
 * @type {[at: number, word: string, name: string, reason?: Reason, also?: [at: number, word: string]][]}
 */
const WORDS = [
  [0, 'RIFF', 'wav', 'damaged', [8, 'WAVE']],
  [0, 'RIFX', 'wav', 'damaged', [8, 'WAVE']],
  [0, 'RF64', 'wav', 'damaged', [8, 'WAVE']],
  [0, 'BW64', 'wav', 'damaged', [8, 'WAVE']],
  [0, 'riff.\x91\xcf\x11', 'w64', 'damaged'],
  [0, 'FORM', 'aiff', 'damaged', [8, 'AIF']],
  [0, '.snd', 'au', 'damaged'],
  [0, 'dns.', 'au', 'damaged'],
  [0, 'caff', 'caf', 'damaged'],
  [0, 'fLaC', 'flac', 'damaged'],
  [0, 'OggS', 'ogg', 'damaged'],
  [4, 'ftyp', 'mp4', 'damaged'],
  [4, 'moov', 'mp4', 'damaged'],
  [4, 'wide', 'mp4', 'damaged'],
  [0, '\x1aE\xdf\xa3', 'Matroska'],
  [0, '0&\xb2u\x8ef\xcf\x11', 'Windows Media (WMA)', 'coded'],
  [0, 'MAC ', 'Monkey\u2019s Audio (APE)', 'coded'],
  [0, 'wvpk', 'WavPack', 'coded'],
  [0, 'DSD ', 'DSD (DSF)', 'coded'],
  [0, 'FRM8', 'DSD (DFF)', 'coded'],
  [0, 'TTA1', 'True Audio (TTA)', 'coded'],
  [0, 'TTA2', 'True Audio (TTA)', 'coded'],
  [0, 'MP+', 'Musepack', 'coded'],
  [0, 'MPCK', 'Musepack', 'coded'],
  [0, '#!AMR', 'AMR', 'coded'],
  [0, '#!SILK', 'SILK', 'coded'],
  [0, 'OFR ', 'OptimFROG', 'coded'],
  [0, 'LA0', 'Lossless Audio (LA)', 'coded'],
  [0, 'ajkg', 'Shorten', 'coded'],
  [0, 'TWIN', 'TwinVQ', 'coded'],
  [0, '.RMF', 'RealAudio', 'coded'],
  [0, '.ra\xfd', 'RealAudio', 'coded'],
  [0, '\x0bw', 'Dolby Digital (AC-3)', 'coded'],
  [0, '\x7f\xfe\x80\x01', 'DTS', 'coded'],
  [0, 'RIFF', 'AVI', 'coded', [8, 'AVI ']],
  [0, 'FLV\x01', 'Flash Video', 'coded'],
  [0, '\0\0\x01\xba', 'MPEG video', 'coded'],
  [0, 'MThd', 'MIDI', 'notes'],
  [0, 'RIFF', 'MIDI', 'notes', [8, 'RMID']],
  [0, 'PK\x03\x04', 'ZIP', 'archive'],
  [0, 'Rar!\x1a\x07', 'RAR', 'archive'],
  [0, '7z\xbc\xaf\x27\x1c', '7z', 'archive'],
  [0, '\x1f\x8b\x08', 'gzip', 'archive'],
  [257, 'ustar', 'tar', 'archive'],
  [0, '#EXTM3U', 'M3U', 'playlist'],
  [0, '\xef\xbb\xbf#EXTM3U', 'M3U', 'playlist'],
  [0, '[playlist]', 'PLS', 'playlist'],
  [0, '\xff\xd8\xff', 'JPEG', 'picture'],
  [0, '\x89PNG\r\n', 'PNG', 'picture'],
  [0, 'GIF8', 'GIF', 'picture'],
  [0, 'RIFF', 'WebP', 'picture', [8, 'WEBP']],
  [0, 'II*\0', 'TIFF', 'picture'],
  [0, 'MM\0*', 'TIFF', 'picture'],
  [0, '%PDF', 'PDF', 'document'],
  [0, '\0\x05\x16\x07', 'AppleDouble', 'companion'],
  [0, '\xd0\xcf\x11\xe0\xa1\xb1', 'Office', 'document'],
];

/** Kinds whose content may be such that no browser is to try: pictures as covers are no songs, and a playlist makes some browsers ask the network for what it names. @type {Reason[]} */
const HOPELESS = ['archive', 'companion', 'picture', 'playlist', 'protected'];
// No browser is known to decode it, and one stands still for minutes when it tries.
const NEVER_DECODED = 'DSD (DFF)';
export const PLAYLIST_NAME = /\.(m3u8?|pls|cue|xspf|wpl|asx)$/i;

const USUAL = ['aac', 'aiff', 'au', 'caf', 'flac', 'Matroska', 'mp3', 'mp4', 'ogg', 'w64', 'wav'];

/** Codings of wav, mp4 and CAF that few browsers know. @type {Record<string, string>} */
const CODINGS = {
  alac: 'Apple Lossless (ALAC)',
  'ac-3': 'Dolby Digital (AC-3)',
  'ec-3': 'Dolby Digital Plus (E-AC-3)',
  'ac-4': 'Dolby AC-4',
  mhm1: 'MPEG-H',
  2: 'WAV (ADPCM)',
  17: 'WAV (ADPCM)',
  49: 'WAV (GSM)',
  85: 'WAV (MP3)',
  samr: 'AMR',
  sawb: 'AMR',
};
const PROTECTED = ['drms', 'enca', 'p608'];

/** @param {string} text bytes as letters @returns {boolean} whether it has only bytes that texts have */
const isText = (text) => text.length > 0 && !/[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]/.test(text);

/**
 * @param {Blob} file
 * @param {'wav' | 'w64' | 'aiff' | 'au' | 'caf'} kind
 * @returns {Promise<Partial<Kind>>}
 */
async function plain(file, kind) {
  const { coding, layout } = await plainOf(kind, file);
  if (!layout) {
    const name = CODINGS[coding] ?? `${kind.toUpperCase()}${coding && ` (${coding})`}`;
    return coding ? { name, reason: 'coded' } : {};
  }
  const { rate } = layout;
  return { rate, layout: kind !== 'wav' || await isMisread(file, layout) ? layout : null };
}

/**
 * Firefox takes floats of 64 bits for such of 32 and makes noise of them; it and others refuse RF64, big
 * endian samples, and a length of 0 (of a recorder that lost power).
 * @param {Blob} file a wav
 * @param {import('./plain.js').Layout} layout of it
 */
async function isMisread(file, layout) {
  if (differs(layout)) return true;
  const head = letters(await viewOf(file, 0, 4), 0, 4);
  const told = await viewOf(file, layout.from - 4, 4);
  return head !== 'RIFF' || (told.getUint32(0, true) === 0 && layout.to > layout.from);
}

/** @param {DataView} view of the first bytes @returns {Partial<Kind>} of an ogg file, by its first packet */
function ogg(view) {
  const at = view.byteLength > 27 ? 27 + view.getUint8(26) : 0;
  const first = letters(view, at, 8);
  if (first === 'Speex   ') return { name: 'Speex', reason: 'coded' };
  if (first.startsWith('\x01vorbis') && at + 16 <= view.byteLength) return { rate: view.getUint32(at + 12, true) };
  if (first.startsWith('\x7fFLAC') && at + 31 <= view.byteLength) return { rate: view.getUint32(at + 27) >>> 12 };
  return {};
}

/** @param {Blob} file @returns {Promise<Partial<Kind>>} */
async function mp4(file) {
  const found = await codingOf(file);
  if (!found) return {};
  const { coding, rate } = found;
  if (PROTECTED.includes(coding)) return { reason: 'protected', rate };
  const name = CODINGS[coding];
  return name ? { name, reason: 'coded', rate } : { rate };
}

/** Rates that the header of an AAC frame (ADTS) has a number for, above those of 48,000 Hz. */
const ADTS_RATES = [96_000, 88_200, 64_000];

/** @param {DataView} view @returns {Partial<Kind>} of a file that begins with no known word */
function frames(view) {
  if (view.byteLength < 4 || view.getUint8(0) !== 0xff) return {};
  const second = view.getUint8(1);
  if ((second & 0xf6) === 0xf0) return { name: 'aac', rate: ADTS_RATES[(view.getUint8(2) >> 2) & 15] ?? 0 };
  return (second & 0xe0) === 0xe0 ? { name: 'mp3' } : {};
}

/**
 * @param {string} name of the kind
 * @param {Blob} sound
 * @param {DataView} view of its first bytes
 * @returns {Promise<Partial<Kind>>} what its header tells
 */
async function more(name, sound, view) {
  switch (name) {
    case 'wav': case 'w64': case 'aiff': case 'au': case 'caf': return plain(sound, name);
    case 'flac': return view.byteLength >= 22 ? { rate: view.getUint32(18) >>> 12 } : {};
    case 'ogg': return ogg(view);
    case 'mp4': return mp4(sound);
    default: return {};
  }
}

/**
 * @param {Blob} file
 * @param {string} name of the file
 * @returns {Promise<Kind>}
 */
export async function kindOf(file, name) {
  const start = await afterTags(file);
  const sound = start ? file.slice(start) : file;
  const view = await viewOf(sound, 0, LOOKED_AT_BYTES);
  const has = (/** @type {number} */ at, /** @type {string} */ word) => letters(view, at, word.length) === word;
  const found = WORDS.find(([at, word, , , also]) => has(at, word) && (!also || has(...also)));
  /** @type {Kind} */
  const kind = {
    name: found?.[2] ?? '', reason: found?.[3] ?? 'damaged', hopeless: false, usual: false, start, rate: 0,
    layout: null,
  };
  if (!found) Object.assign(kind, frames(view));
  if (!kind.name && isText(letters(view, 0, TEXT_BYTES))) {
    kind.name = 'text';
    kind.reason = PLAYLIST_NAME.test(name) ? 'playlist' : 'document';
  }
  try {
    Object.assign(kind, await more(kind.name, sound, view));
  } catch (error) {
    // It ends in the middle of its header, so it stays damaged.
    if (!(error instanceof RangeError)) throw error;
  }
  if (kind.rate > HIGHEST_RATE) kind.rate = 0;
  kind.hopeless = HOPELESS.includes(kind.reason) || kind.name === NEVER_DECODED;
  kind.usual = kind.reason === 'damaged' && USUAL.includes(kind.name);
  return kind;
}
