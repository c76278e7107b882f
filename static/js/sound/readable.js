/** A file as browsers can read it: without tags that they stumble over, or as wav. */

import { kindOf } from './kind.js';
import { AsWav, differs, secondsOf } from './plain.js';
import { refusalOf, unreadable } from './refusal.js';

/** Kinds that some browsers do not know behind a tag, or behind a large one. */
const WITHOUT_TAG = ['aac', 'flac', 'mp4', 'ogg', 'wav', 'Matroska'];

/**
 * @typedef {object} Readable
 * @property {File} file without copying anything; where there is `wav`, the chosen one
 * @property {AsWav | null} wav the same sound as wav, which takes some work to read
 * @property {number | null} seconds if the samples can be counted
 * @property {import('./kind.js').Kind} kind
 */

/**
 * @param {File} chosen
 * @returns {Promise<Readable>}
 * @throws {UserError} no browser can hear it, or its bytes do not come
 */
export async function readable(chosen) {
  const kind = await kindOf(chosen, chosen.name).catch((error) => {
    throw error instanceof DOMException ? unreadable() : error;
  });
  const refusal = kind.hopeless ? refusalOf(kind) : null;
  if (refusal) throw refusal;
  const { layout, start } = kind;
  let file = chosen;
  if (start && (layout || WITHOUT_TAG.includes(kind.name))) {
    file = new File([chosen.slice(start)], chosen.name, { type: chosen.type });
  }
  if (!layout) return { file, wav: null, seconds: null, kind };
  const wav = new AsWav(file, layout);
  const seconds = secondsOf(layout);
  if (differs(layout)) return { file, wav, seconds, kind };
  return { file: await wav.file(chosen.name), wav: null, seconds, kind };
}

// Larger ones are not converted only to be played.
const MOST_CONVERTED_BYTES = 300_000_000;

/**
 * @param {File} chosen
 * @returns {Promise<File>} what the browser's player is to get
 * @throws {UserError} no browser can hear it
 */
export async function playable(chosen) {
  const { file, wav } = await readable(chosen);
  return wav && wav.size <= MOST_CONVERTED_BYTES ? wav.file(chosen.name) : file;
}
