/** A stretch of a decoded sound. */

import { UserError } from './errors.js';
import { t } from './text.js';

/**
 * @param {import('./decode.js').Decoded} decoded
 * @param {number} sampleRate in Hz
 * @param {{from: number, to: number}} part in seconds
 * @returns {import('./decode.js').Decoded} its own memory, so it can be transferred
 * @throws {UserError} nothing of it is in the sound
 */
export function cut({ samples }, sampleRate, { from, to }) {
  const stretch = samples.slice(Math.round(from * sampleRate), Math.round(to * sampleRate));
  if (!stretch.length) {
    throw new UserError(t('The file has no sound between these two times.'), { retryable: false });
  }
  return { samples: stretch, seconds: stretch.length / sampleRate };
}
