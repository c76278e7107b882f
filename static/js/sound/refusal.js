/** What to do about a file that cannot be heard here, by what it is. */

import { UserError } from '../base/errors.js';
import { t } from '../base/text.js';

/** @type {Partial<Record<import('./kind.js').Reason, (kind: string) => string>>} */
const SENTENCES = {
  archive: (kind) => t('This is an archive ({kind}), not a song: unpack it and choose the songs in it, please.', { kind }),
  coded: (kind) => t('This is {kind}, which this browser cannot decode: convert it to flac or mp3, please.', { kind }),
  companion: () => t('This is a companion that a Mac made for another file, and holds no sound: choose the file itself, please.'),
  document: () => t('This is a text or another document and holds no sound: choose a song, please.'),
  notes: () => t('This is MIDI, which holds notes and no sound: convert it to mp3 or flac with a program that plays it, please.'),
  picture: (kind) => t('This is a picture ({kind}) and holds no sound: choose a song, please.', { kind }),
  playlist: () => t('This is a playlist, which names songs and holds no sound: choose the songs themselves, please.'),
  protected: () => t('This song is protected against copying (DRM), and no web page can decode it: choose it without protection, please.'),
};

/**
 * @param {import('./kind.js').Kind} kind of a file that could not be decoded
 * @returns {UserError | null} null: it is of a kind that browsers decode, so there is another reason
 */
export function refusalOf({ name, reason }) {
  const sentence = SENTENCES[reason]?.(name);
  // A file that is still being written may be taken for a text.
  return sentence ? new UserError(sentence, { retryable: reason === 'document' }) : null;
}

/** @returns {UserError} for a file whose bytes do not come */
export const unreadable = () => new UserError(
  t('The file could not be read. It may have been moved, changed or be too large for the browser; choose it again, please.'),
);
