/** From a file to mono samples, on this computer. */

import { UserError, withTimeout } from './errors.js';
import { clock } from './format.js';

const METADATA_TIMEOUT_MS = 5_000;
const DECODE_TIMEOUT_MS = 300_000;

/**
 * @typedef {object} Decoded
 * @property {Float32Array} samples mono, nominally within [-1, 1]
 * @property {number} seconds
 */

/**
 * The length that the file's header tells, without decoding it.
 * @param {File} file
 * @returns {Promise<number | null>} seconds, or null when the header does not tell
 */
export async function headerSeconds(file) {
  const url = URL.createObjectURL(file);
  const audio = new Audio();
  try {
    return await new Promise((resolve) => {
      const give = (seconds) => resolve(Number.isFinite(seconds) ? seconds : null);
      audio.onloadedmetadata = () => give(audio.duration);
      audio.onerror = () => resolve(null);
      setTimeout(() => resolve(null), METADATA_TIMEOUT_MS);
      audio.preload = 'metadata';
      audio.src = url;
    });
  } finally {
    audio.removeAttribute('src');
    audio.load();
    URL.revokeObjectURL(url);
  }
}

function refuseLong(seconds, maxMinutes) {
  // A second more: files of exactly the limit are padded by their encoders.
  if (seconds <= maxMinutes * 60 + 1) return;
  const limit = maxMinutes >= 1 ? `${Math.round(maxMinutes)} minutes` : `${Math.round(maxMinutes * 60)} seconds`;
  throw new UserError(
    `This is too long: it lasts ${clock(seconds)}, and at most ${limit} are analysed. Cut it into parts, please.`,
    { retryable: false },
  );
}

async function read(file) {
  try {
    return await file.arrayBuffer();
  } catch {
    throw new UserError(
      'The file could not be read. It may have been moved, changed or be too large for the browser; choose it again, please.',
    );
  }
}

/**
 * The mean of all channels.
 * @param {AudioBuffer} buffer
 * @returns {Float32Array} its own memory, so it can be transferred
 */
function toMono(buffer) {
  const mono = buffer.getChannelData(0).slice();
  if (buffer.numberOfChannels === 1) return mono;
  for (let channel = 1; channel < buffer.numberOfChannels; channel += 1) {
    const other = buffer.getChannelData(channel);
    for (let i = 0; i < mono.length; i += 1) mono[i] += other[i];
  }
  const gain = 1 / buffer.numberOfChannels;
  for (let i = 0; i < mono.length; i += 1) mono[i] *= gain;
  return mono;
}

/**
 * @param {File} file
 * @param {{sampleRate: number, maxMinutes: number}} options sampleRate in Hz
 * @returns {Promise<Decoded>}
 * @throws {UserError} empty, unreadable, too long, or no audio that this browser knows
 */
export async function decode(file, { sampleRate, maxMinutes }) {
  if (file.size === 0) {
    throw new UserError('The file is empty (0 bytes): it holds no sound.', { retryable: false });
  }
  const announced = await headerSeconds(file);
  if (announced !== null) refuseLong(announced, maxMinutes);
  const bytes = await read(file);
  let buffer;
  try {
    // The context is there for its sample rate: decodeAudioData resamples to it.
    const context = new OfflineAudioContext(1, 1, sampleRate);
    buffer = await withTimeout(
      context.decodeAudioData(bytes),
      DECODE_TIMEOUT_MS,
      () => new UserError('The browser did not finish decoding this file. Try again, please.'),
    );
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      'This cannot be decoded: the file is damaged, protected, or not audio that your browser knows (mp3, m4a, flac, ogg, opus, wav).',
    );
  }
  refuseLong(buffer.duration, maxMinutes);
  if (buffer.length === 0) {
    throw new UserError('The file holds no sound.', { retryable: false });
  }
  return { samples: toMono(buffer), seconds: buffer.duration };
}
