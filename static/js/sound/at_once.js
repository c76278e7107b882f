/** A file decoded at once, by the browser's decoder for whole files. */

import { UserError, withTimeout } from '../base/errors.js';
import { t } from '../base/text.js';
import { downmix, meanOf } from './downmix.js';
import { isHigh, lowered } from './low_rate.js';
import { encoderPadding, leftIn } from './mp3_padding.js';
import { unreadable } from './refusal.js';
import { floatWav } from './wav.js';

// A file that holds so much less than it tells has been cut off, or its rest cannot be read.
const NOTICEABLE_S = 2;

/**
 * @typedef {import('./links.js').Part} Part
 * @typedef {import('./downmix.js').Mix} Mix
 * @typedef {import('./messages.d.ts').Damage} Damage
 * @typedef {{channels: Float32Array[], told: number}} Sound told: seconds that it should last; 0: not known
 */

/** A file that the browser's decoder for whole files does not take; another way may. */
export class Undecodable extends UserError {}

/** @param {File} file */
async function read(file) {
  try {
    return await file.arrayBuffer();
  } catch {
    throw unreadable();
  }
}

/**
 * @param {ArrayBuffer} bytes of a file
 * @param {number} rate in Hz, to which it is resampled
 * @param {number} patienceMs
 * @returns {Promise<Float32Array[]>} its channels
 * @throws {Undecodable}
 */
export async function decodeBytes(bytes, rate, patienceMs) {
  try {
    // The context is there for its sample rate: decodeAudioData resamples to it.
    const context = new OfflineAudioContext(1, 1, rate);
    const buffer = await withTimeout(
      context.decodeAudioData(bytes),
      patienceMs,
      () => new Undecodable(t('The browser did not finish decoding this file. Try again, please.')),
    );
    return Array.from({ length: buffer.numberOfChannels }, (_, channel) => buffer.getChannelData(channel));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new Undecodable(
      t('This cannot be decoded: the file is damaged, protected, or not audio that your browser knows (mp3, m4a, aac, flac, ogg, opus, wav, aiff).'),
    );
  }
}

/**
 * @param {Part} part
 * @param {number} sampleRate in Hz
 * @param {{rate: number, patienceMs: number, mix: Mix}} how
 * @returns {Promise<Sound>}
 */
async function soundOf({ file, seconds, rate: counted }, sampleRate, { rate, patienceMs, mix }) {
  const bytes = await read(file);
  if (isHigh(rate)) {
    const high = await decodeBytes(bytes, rate, patienceMs);
    const low = lowered(downmix(high, rate, mix), rate);
    return { channels: await decodeBytes(floatWav(low.samples, low.rate), sampleRate, patienceMs), told: seconds ?? 0 };
  }
  const channels = await decodeBytes(bytes, sampleRate, patienceMs);
  const padding = seconds && counted ? await encoderPadding(file) : null;
  if (!seconds || !padding) return { channels, told: seconds ?? 0 };
  const told = Math.max(seconds, Number.isFinite(padding.end) ? padding.end / counted : 0);
  const left = leftIn(channels[0].length / sampleRate, seconds, padding, counted);
  if (!left) return { channels, told };
  const [from, to] = [left.from, left.to].map((time) => Math.round(time * sampleRate));
  return { channels: channels.map((channel) => channel.subarray(from, to)), told };
}

/** @param {Float32Array[][]} sounds @returns {Float32Array[]} one behind the other, with the most channels that any has */
function joined(sounds) {
  if (sounds.length === 1) return sounds[0];
  const length = sounds.reduce((sum, [channel]) => sum + channel.length, 0);
  const count = Math.max(...sounds.map((channels) => channels.length));
  const all = Array.from({ length: count }, () => new Float32Array(length));
  let at = 0;
  for (const channels of sounds) {
    const same = channels.length === count ? null : meanOf(channels);
    all.forEach((channel, n) => channel.set(same ?? channels[n], at));
    at += channels[0].length;
  }
  return all;
}

/**
 * @param {Part[]} parts of a file, in order
 * @param {number} sampleRate in Hz
 * @param {{rate: number, patienceMs: number, mix: Mix}} how rate: the file's own, where it is known
 * @returns {Promise<{channels: Float32Array[], damage: Damage[]}>}
 * @throws {Undecodable} none of them is taken
 */
export async function channelsOf(parts, sampleRate, how) {
  /** @type {Float32Array[][]} */
  const sounds = [];
  /** @type {Damage[]} */
  const damage = [];
  /** @type {unknown} */
  let refused = null;
  let reached = 0;
  for (const [n, part] of parts.entries()) {
    const last = n === parts.length - 1;
    try {
      const { channels, told } = await soundOf(part, sampleRate, how);
      const seconds = channels[0].length / sampleRate;
      reached += seconds;
      sounds.push(channels);
      if (told - seconds > NOTICEABLE_S) damage.push({ from: reached, to: last ? null : reached });
    } catch (error) {
      if (!(error instanceof Undecodable)) throw error;
      refused ??= error;
      damage.push({ from: reached, to: last ? null : reached });
    }
  }
  if (!sounds.length) throw refused;
  return { channels: joined(sounds), damage };
}

/**
 * @param {Part[]} parts of a file, in order
 * @param {number} sampleRate in Hz
 * @param {{rate: number, patienceMs: number, mix: Mix}} how as above
 * @returns {Promise<import('./decode.js').Whole>}
 * @throws {Undecodable}
 */
export async function decodeAtOnce(parts, sampleRate, how) {
  const { channels, damage } = await channelsOf(parts, sampleRate, how);
  const samples = downmix(channels, sampleRate, how.mix);
  return { samples, seconds: samples.length / sampleRate, damage };
}
