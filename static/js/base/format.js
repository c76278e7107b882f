/** Numbers and times as people read them. */

import { t, tn, words } from './text.js';

const percentFormat = new Intl.NumberFormat(words.language, { style: 'percent', maximumFractionDigits: 0 });
const integerFormat = new Intl.NumberFormat(words.language);
/** By the digits after the decimal mark: making one takes longer than writing many numbers.
 * @type {Map<number, Intl.NumberFormat>} */
const decimalFormats = new Map();

/**
 * @param {number} share 0 to 1
 * @returns {string} such as "62%"; never "0%" or "100%" for what only comes near
 */
export function percent(share) {
  if (share > 0 && share < 0.005) return `<${percentFormat.format(0.01)}`;
  if (share < 1 && share >= 0.995) return `>${percentFormat.format(0.99)}`;
  return percentFormat.format(share);
}

/** @param {number} count @returns {string} such as "122,880" */
export const integer = (count) => integerFormat.format(count);

/**
 * @param {number} value
 * @param {number} digits after the decimal mark
 * @returns {string} such as "0.50"
 */
export function decimal(value, digits) {
  const format = decimalFormats.get(digits)
    ?? new Intl.NumberFormat(words.language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  decimalFormats.set(digits, format);
  return format.format(value);
}

/** @param {number} value */
const short = (value) => decimal(value, value < 10 ? 1 : 0);

/** @param {number} bytes @returns {string} such as "4.8 MB" (decimal units) */
export function size(bytes) {
  if (bytes < 1000) return tn('{n} byte', '{n} bytes', bytes, { n: bytes });
  if (bytes < 999_500) return t('{n} kB', { n: short(bytes / 1e3) });
  if (bytes < 999_500_000) return t('{n} MB', { n: short(bytes / 1e6) });
  return t('{n} GB', { n: short(bytes / 1e9) });
}

/** @param {number} seconds @returns {string} such as "3:05" or "1:02:09" */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  /** @param {number} n */
  const two = (n) => String(n).padStart(2, '0');
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** @param {number} ms milliseconds @returns {string} such as "0.46 s" */
export const duration = (ms) => t('{n} s', { n: decimal(ms / 1000, ms < 9995 ? 2 : 0) });
