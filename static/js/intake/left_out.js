/** Files that are no songs: which of a folder or of several files are left out, and what is said of them. */

import { letters, viewOf } from '../sound/bytes.js';
import { integer } from '../base/format.js';
import { t, tn } from '../base/text.js';
import { PLAYLIST_NAME } from '../sound/kind.js';

/**
 * @typedef {'silent' | 'hidden' | 'companion'} Reason companion: of a file that a Mac has put elsewhere
 * @typedef {Partial<Record<Reason, number>>} LeftOut how many files
 */

const AUDIO_NAME = /\.(mp3|mp2|mpga|m4[abpr]|mp4|aac|flac|ogg|oga|opus|wave?|bwf|rf64|w64|weba|webm|aif[fc]?|au|snd|caf|wma|mka|3gp|amr|ape|wv|mpc|tta|tak|ofr|spx|ds[fd]|dff|ac3|eac3|dts|ra|m?ts|m2ts)$/i;
const NOTES_NAME = /\.(midi?|kar|rmi)$/i;
// TypeScript has the same endings.
const TRANSPORT_NAME = /\.(m?ts|m2ts)$/i;
// In bytes; the longer ones begin with a time.
const PACKETS = [188, 192];
const LOOKED_AT = 3;

/** @returns {Record<Reason, string>} */
const names = () => ({
  silent: t('no audio'), hidden: t('hidden'), companion: t('companions that a Mac makes'),
});

/** @param {File} file */
const looksLikeAudio = (file) =>
  file.type.startsWith('audio/') || file.type.startsWith('video/') || AUDIO_NAME.test(file.name);

/**
 * @param {string} name of a file or a folder; a title may begin with several dots
 * @returns {Reason | null}
 */
export function hiddenReason(name) {
  if (name.startsWith('._') || name === '__MACOSX') return 'companion';
  return /^\.[^.]/.test(name) ? 'hidden' : null;
}

/**
 * @param {File} file
 * @returns {Promise<boolean>} whether it is divided into packets, each with the mark of MPEG-TS
 */
async function isTransport(file) {
  const text = letters(await viewOf(file, 0, (LOOKED_AT + 1) * PACKETS[1]), 0, (LOOKED_AT + 1) * PACKETS[1]);
  return PACKETS.some((size) => Array.from({ length: size }).some((_, from) =>
    Array.from({ length: LOOKED_AT }).every((__, n) => text[from + n * size] === 'G')));
}

/**
 * @param {File} file that comes with others
 * @returns {Promise<Reason | null>} why it is surely no song
 */
export async function reasonAmongSeveral(file) {
  const hidden = hiddenReason(file.name);
  if (hidden) return hidden;
  if (PLAYLIST_NAME.test(file.name) || NOTES_NAME.test(file.name)) return 'silent';
  // One that cannot be read says so when its turn comes.
  return TRANSPORT_NAME.test(file.name) && !(await isTransport(file).catch(() => true)) ? 'silent' : null;
}

/**
 * @param {File} file of a folder
 * @returns {Promise<Reason | null>} why it is hardly a song
 */
export const reasonInFolder = async (file) =>
  await reasonAmongSeveral(file) ?? (looksLikeAudio(file) ? null : 'silent');

/** @param {LeftOut} counts is changed @param {Reason} reason */
export function countOne(counts, reason) {
  counts[reason] = (counts[reason] ?? 0) + 1;
}

/**
 * @param {LeftOut} counts
 * @param {boolean} inFolder whether they have come in one
 * @returns {string} a sentence; nothing if there are none
 */
export function leftOutText(counts, inFolder) {
  const found = Object.entries(names()).flatMap(([reason, name]) => {
    const count = counts[/** @type {Reason} */ (reason)] ?? 0;
    return count ? [{ count, name }] : [];
  });
  const all = found.reduce((sum, { count }) => sum + count, 0);
  const why = found.length === 1
    ? found[0].name
    : found.map(({ count, name }) => t('{name} ({n})', { name, n: integer(count) })).join(', ');
  if (!all) return '';
  return inFolder
    ? tn('{n} file in the folder left out: {why}.', '{n} files in the folder left out: {why}.', all, { n: integer(all), why })
    : tn('{n} file left out: {why}.', '{n} files left out: {why}.', all, { n: integer(all), why });
}
