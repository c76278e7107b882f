/** Words for probabilities. */

import { t } from '../base/text.js';

// Probabilities are temperature-scaled; the model's page tells how far off they still are.
/** @type {[number, () => string][]} from which probability on, and the word */
const WORDS = [
  [0.8, () => t('Very likely')],
  [0.6, () => t('Probably')],
  [0.4, () => t('Perhaps')],
  [0, () => t('Not sure, maybe')],
];

/** The words for a song that is unlike the training music, in place of a probability's. */
export const UNFAMILIAR = {
  doubt: t('Not sure'),
  why: t('This is unlike the music that the model learned from. Its closest genre:'),
  /** @param {string} genre */
  brief: (genre) => t('unlike the music it learned from; closest is {genre}', { genre }),
};

/** @param {number} probability @returns {string} such as "Probably" */
export const likelihood = (probability) =>
  (WORDS.find(([from]) => probability >= from) ?? WORDS[WORDS.length - 1])[1]();
