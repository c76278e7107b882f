/** A player of a file. */

import { playable } from '../sound/readable.js';

/**
 * @param {HTMLAudioElement} audio plays it
 * @param {File} file
 * @param {(blob: Blob) => string} makeUrl
 */
export async function giveTo(audio, file, makeUrl) {
  const address = makeUrl(file);
  audio.src = address;
  // Of a file that no browser can hear, an answer was kept; it has no better form either.
  const better = await playable(file).catch(() => file);
  // Meanwhile the song may have been removed, or have got another file.
  if (better !== file && audio.src === address) audio.src = makeUrl(better);
}
