/** Words for how near two songs are. */

import { percent } from '../base/format.js';
import { t } from '../base/text.js';

// A share of the usual distance below which two songs cannot be told apart.
const SAME = 0.005;

// Of 200 songs of four genres and 639 of ten, nine in ten pairs below the first share were of one genre,
// and two in three below the second.
/** @type {[number, () => string][]} share of the usual distance, and the word for pairs below it */
const WORDS = [
  [SAME, () => t('the same to the model')],
  [0.5, () => t('very near')],
  [0.7, () => t('near')],
  [1, () => t('not very near')],
  [Infinity, () => t('far')],
];

/**
 * @param {number} share of the usual distance; NaN where none is usual
 * @returns {string} such as "very near"; empty where nothing can be said
 */
export const nearness = (share) => WORDS.find(([below]) => share < below)?.[1]() ?? '';

/**
 * @param {number} share of the usual distance; NaN where none is usual
 * @returns {string} such as "very near: 42% of the usual distance"
 */
export function nearnessInFull(share) {
  const word = nearness(share);
  return word && share >= SAME
    ? t('{word}: {share} of the usual distance', { word, share: percent(share) }) : word;
}

/** @returns {string} what the usual distance is */
export const usualText = () =>
  t('Half of all pairs of songs of this list are nearer to each other than the usual distance.');
